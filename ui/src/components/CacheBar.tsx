// Read, written and uncached tokens as one bar, always in this order and these colours.
import { type CacheOutcome, hitShare, promptTokens } from "../cache.ts";
import { count, percent } from "../format.ts";

const CACHE_OUTCOMES = ["read", "written", "uncached"] as const;

export function cacheTitle(cacheOutcome: CacheOutcome): string {
	return `${count(cacheOutcome.read)} read · ${count(cacheOutcome.written)} written · ${count(cacheOutcome.uncached)} uncached (${percent(hitShare(cacheOutcome), 1)} hit)`;
}

export function CacheBar({
	cacheOutcome,
	tall = false,
}: {
	readonly cacheOutcome: CacheOutcome | null;
	readonly tall?: boolean;
}) {
	if (cacheOutcome === null) return <span className="muted">–</span>;
	const all = promptTokens(cacheOutcome);
	const title = cacheTitle(cacheOutcome);
	return (
		<span className={tall ? "cache-bar tall" : "cache-bar"} role="img" aria-label={title} title={title}>
			{all > 0 &&
				CACHE_OUTCOMES.map((outcome) => (
					<span
						key={outcome}
						className={`cache-outcome ${outcome}`}
						style={{ flexGrow: cacheOutcome[outcome] / all }}
						hidden={cacheOutcome[outcome] === 0}
					/>
				))}
		</span>
	);
}

export function CacheLegend() {
	return (
		<ul className="legend">
			{CACHE_OUTCOMES.map((outcome) => (
				<li key={outcome}>
					<span className={`swatch ${outcome}`} /> {outcome}
				</li>
			))}
		</ul>
	);
}
