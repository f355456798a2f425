// How true predictions of cache reads have been, by domain and in all. Leaves correcting single entries to cache/attempt.

/** Predictions since the start, for metrics: a rising drift is the alarm for silent breakage (routing-model §4.7). */
export interface Beliefs {
	/** Answers for which a read had been predicted. */
	readonly predictions: number;
	/** Of them, those that read at least half of it. */
	readonly confirmed: number;
	readonly disproved: number;
	/** Mean of late of |reported - predicted| / predicted; 0 = all as predicted. */
	readonly drift: number;
}

export interface BeliefLedger {
	readonly all: Beliefs;
	/** Share of a predicted read that this domain has really read of late, up to 1: low where a profile spans Regions. */
	rateOf(domain: number): number;
	learn(domain: number, predicted: number, reported: number): void;
}

/** A read of less than this share of the predicted one disproves it, as in cache/attempt. */
const DISPROOF_SHARE = 0.5;
/** How far one answer moves a figure. */
const STEP = 0.05;

/** Believes everything until shown otherwise. `root` as in cache/domain. */
export function createBeliefs(root: (domain: number) => number): BeliefLedger {
	const rates = new Map<number, number>();
	let predictions = 0;
	let confirmed = 0;
	let drift = 0;
	return {
		get all() {
			return { predictions, confirmed, disproved: predictions - confirmed, drift };
		},
		rateOf: (domain) => (rates.size === 0 ? 1 : (rates.get(root(domain)) ?? 1)),
		learn(domain, predicted, reported) {
			if (predicted <= 0) return;
			predictions += 1;
			if (reported >= predicted * DISPROOF_SHARE) confirmed += 1;
			drift += (Math.abs(reported - predicted) / predicted - drift) * STEP;
			const at = root(domain);
			const rate = rates.get(at) ?? 1;
			rates.set(at, rate + (Math.min(1, reported / predicted) - rate) * STEP);
		},
	};
}
