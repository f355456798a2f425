// The prompt as a strip of blocks in the provider's order: what was read, written, uncached, and where breakpoints stand.
import type { StripView } from "../api/types.ts";
import { tokens } from "../format.ts";
import { CacheLegend } from "./CacheBar.tsx";

export function PrefixMap({ strip }: { readonly strip: readonly StripView[] }) {
	const levels = (["tools", "system", "messages"] as const).flatMap((level) => {
		const parts = strip.filter((part) => part.level === level);
		const sum = parts.reduce((all, part) => all + part.tokens, 0);
		return parts.length === 0 ? [] : [{ level, parts, sum }];
	});
	const all = strip.reduce((sum, part) => sum + part.tokens, 0);
	return (
		<div className="prefix-map">
			<div className="prefix-strip">
				{levels.map(({ level, parts, sum }) => (
					<div key={level} className="prefix-level" style={{ flexGrow: Math.max(1, sum) }}>
						<div className="prefix-parts">
							{parts.map((part) => {
								const blocks = part.to - part.from;
								const title = `${level}, blocks ${part.from}–${part.to - 1}: about ${tokens(part.tokens)} tokens ${part.fate}${part.breakpoint === null ? "" : `, breakpoint (${part.breakpoint})`}`;
								return (
									<span
										key={`${part.from} ${part.fate}`}
										role="img"
										aria-label={title}
										title={title}
										className={`prefix-part ${part.fate}${part.breakpoint === null ? "" : " marked"}${part.tokens < all / 20 ? " small" : ""}`}
										style={{
											flexGrow: Math.max(1, part.tokens),
											backgroundSize: `calc(100% / ${Math.min(blocks, 40)}) 100%`,
										}}
									/>
								);
							})}
						</div>
						<span className="prefix-name">
							{level} <small>{tokens(sum)}</small>
						</span>
					</div>
				))}
			</div>
			<div className="prefix-foot">
				<CacheLegend />
				<span className="muted">
					<span className="mark-sign" /> breakpoint
				</span>
			</div>
		</div>
	);
}
