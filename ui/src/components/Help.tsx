// What keys do and what colours mean.
import type { Ref } from "react";
import { Icon } from "./Icon.tsx";

const KEYS = [
	["J / K", "next and previous row"],
	["Enter", "open the row"],
	["[ / ]", "previous and next turn of the conversation"],
	["/", "search"],
	["Esc", "close what is open"],
	["?", "this page"],
] as const;

const CACHE_OUTCOMES = [
	["read", "read from the provider's cache: a tenth of the input price or less"],
	["written", "written to the cache: dearer than input by a quarter, or twice as dear for an hour"],
	["uncached", "neither read nor written: the plain input price"],
] as const;

export function HelpDialog({ ref }: { readonly ref: Ref<HTMLDialogElement> }) {
	return (
		<dialog ref={ref} className="dialog" aria-labelledby="help-title">
			<form method="dialog">
				<header className="dialog-head">
					<h2 id="help-title">Keys and colours</h2>
					<button type="submit" className="quiet icon-only" aria-label="Close">
						<Icon name="close" />
					</button>
				</header>
				<dl className="help-list">
					{KEYS.map(([key, does]) => (
						<div key={key}>
							<dt>
								<kbd>{key}</kbd>
							</dt>
							<dd>{does}</dd>
						</div>
					))}
				</dl>
				<h3>Prompt tokens</h3>
				<dl className="help-list">
					{CACHE_OUTCOMES.map(([outcome, means]) => (
						<div key={outcome}>
							<dt>
								<span className={`swatch ${outcome}`} /> {outcome}
							</dt>
							<dd>{means}</dd>
						</div>
					))}
				</dl>
				<p className="muted">
					Each deployment has its own colour, the same on every page. Hover over a figure for its exact value.
				</p>
			</form>
		</dialog>
	);
}
