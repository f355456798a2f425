// Time as an argument: the simulator's clock and timers, real or driven by hand. Leaves what is waited for to the callers.

/** Source of time. `now` is in milliseconds since the epoch; a timer that was cleared never fires. */
export interface Clock {
	now(): number;
	setTimeout(callback: () => void, ms: number): unknown;
	clearTimeout(handle: unknown): void;
}

/** Real time. */
export const systemClock: Clock = {
	now: () => Date.now(),
	setTimeout: (callback, ms) => setTimeout(callback, ms),
	clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/**
 * Waits `ms` (Infinity: until the signal). Resolves true when the time has passed, false when the signal fired first; never
 * rejects, and leaves no timer behind. Zero or less returns at once.
 */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
	if (signal.aborted) return Promise.resolve(false);
	if (!(ms > 0)) return Promise.resolve(true);
	return new Promise((resolve) => {
		let handle: unknown = null;
		const onAbort = () => {
			if (handle !== null) clock.clearTimeout(handle);
			resolve(false);
		};
		if (ms !== Number.POSITIVE_INFINITY) {
			handle = clock.setTimeout(() => {
				signal.removeEventListener("abort", onAbort);
				resolve(true);
			}, ms);
		}
		signal.addEventListener("abort", onAbort, { once: true });
	});
}

interface ManualTimer {
	readonly at: number;
	readonly callback: () => void;
}

/** A clock that stands still until `advance`. For tests, the demo and replays. */
export class ManualClock implements Clock {
	#now: number;
	readonly #timers = new Set<ManualTimer>();
	readonly #watchers = new Set<() => void>();

	constructor(startMs = 0) {
		this.#now = startMs;
	}

	now(): number {
		return this.#now;
	}

	setTimeout(callback: () => void, ms: number): unknown {
		const timer = { at: this.#now + ms, callback };
		this.#timers.add(timer);
		for (const watcher of [...this.#watchers]) watcher();
		return timer;
	}

	clearTimeout(handle: unknown): void {
		this.#timers.delete(handle as ManualTimer);
	}

	/** Timers that have been set and neither fired nor cleared. */
	get waiting(): number {
		return this.#timers.size;
	}

	/** Milliseconds until the next timer is due; Infinity when none waits. */
	get nextInMs(): number {
		return Math.min(...[...this.#timers].map((timer) => timer.at)) - this.#now;
	}

	/** Resolves as soon as at least `count` timers wait. */
	whenWaiting(count = 1): Promise<void> {
		if (this.#timers.size >= count) return Promise.resolve();
		return new Promise((resolve) => {
			const watcher = () => {
				if (this.#timers.size < count) return;
				this.#watchers.delete(watcher);
				resolve();
			};
			this.#watchers.add(watcher);
		});
	}

	/** Moves time forward and fires what falls due, in order of time. */
	advance(ms: number): void {
		const end = this.#now + ms;
		for (;;) {
			let due: ManualTimer | null = null;
			for (const timer of this.#timers) if (timer.at <= end && (due === null || timer.at < due.at)) due = timer;
			if (due === null) break;
			this.#timers.delete(due);
			this.#now = Math.max(this.#now, due.at);
			due.callback();
		}
		this.#now = end;
	}
}
