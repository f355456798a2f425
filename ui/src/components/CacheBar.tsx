// Read, written and uncached tokens as one bar, always in this order and these colours.
import { type Fates, hitShare, promptTokens } from "../cache.ts";
import { count, percent } from "../format.ts";

const FATES = ["read", "written", "uncached"] as const;

export function cacheTitle(fates: Fates): string {
	return `${count(fates.read)} read · ${count(fates.written)} written · ${count(fates.uncached)} uncached (${percent(hitShare(fates), 1)} hit)`;
}

export function CacheBar({ fates, tall = false }: { readonly fates: Fates | null; readonly tall?: boolean }) {
	if (fates === null) return <span className="muted">–</span>;
	const all = promptTokens(fates);
	const title = cacheTitle(fates);
	return (
		<span className={tall ? "cache-bar tall" : "cache-bar"} role="img" aria-label={title} title={title}>
			{all > 0 &&
				FATES.map((fate) => (
					<span
						key={fate}
						className={`fate ${fate}`}
						style={{ flexGrow: fates[fate] / all }}
						hidden={fates[fate] === 0}
					/>
				))}
		</span>
	);
}

export function CacheLegend() {
	return (
		<ul className="legend">
			{FATES.map((fate) => (
				<li key={fate}>
					<span className={`swatch ${fate}`} /> {fate}
				</li>
			))}
		</ul>
	);
}
