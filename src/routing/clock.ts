// The times that the gateway goes by: the wall clock's, one that never goes back, and one that nobody can set. Which is for what stands at
// `Clocks`.

/** How fast it goes while the wall clock is behind it. */
const SLEWED = 0.5;

/** Times are ms. */
export interface Clocks {
	/** Since epoch, by the machine's clock: when keys, sessions and budgets end, when requests were sent, signatures. */
	readonly wall: () => number;
	/** Since epoch, never going back: what is cached, who is cooling down. */
	readonly slewing: () => number;
	/** From any beginning, going forward evenly: limits by the minute. */
	readonly steady: () => number;
}

/** The machine's own, or those that are given; where only the wall clock is, it is thought to be steady too. */
export function createClocks(given: Partial<ClockSources> = {}): Clocks {
	const wall = given.wall ?? Date.now;
	const steady = given.steady ?? given.wall ?? (() => performance.now());
	return { wall, steady, slewing: createClock({ wall, steady }) };
}

export interface ClockSources {
	/** Ms since epoch; may jump. */
	readonly wall: () => number;
	/** Ms from any beginning; goes forward evenly. */
	readonly steady: () => number;
}

/**
 * Whole ms since epoch. Where the wall clock was set back, a wait until some instant would take that much longer and a cool-down would not
 * end: this clock goes on, at half speed until the other has caught up. A jump forward is followed: what was remembered is older then.
 */
export function createClock({ wall, steady }: ClockSources): () => number {
	let last = 0;
	/** Steady time of the last reading while behind; null while it is the wall clock's. */
	let slewedAt: number | null = null;
	return () => {
		const now = wall();
		if (now >= last) {
			slewedAt = null;
			last = now;
			return now;
		}
		const at = steady();
		if (slewedAt !== null) last += (at - slewedAt) * SLEWED;
		slewedAt = at;
		return Math.floor(last);
	};
}
