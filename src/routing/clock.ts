// The time that decisions are made by: the wall clock's, but never going back. Leaves what needs the true time (signatures) to the wall clock.

/** How fast it goes while the wall clock is behind it. */
const SLEWED = 0.5;

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
export function createClock(
	{ wall, steady }: ClockSources = { wall: Date.now, steady: () => performance.now() },
): () => number {
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
