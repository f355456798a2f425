// A token bucket that holds one minute's worth and refills evenly. Leaves what is counted to its owners.

const MINUTE_MS = 60_000;

/** A bucket that holds one minute's worth and refills evenly. */
export class Bucket {
	readonly limit: number;
	#level: number;
	#at: number;

	constructor(limit: number, nowMs: number) {
		this.limit = limit;
		this.#level = limit;
		this.#at = nowMs;
	}

	level(nowMs: number): number {
		if (nowMs > this.#at) {
			this.#level = Math.min(this.limit, this.#level + ((nowMs - this.#at) * this.limit) / MINUTE_MS);
			this.#at = nowMs;
		}
		return this.#level;
	}

	/** Milliseconds until `amount` is there. More than the whole bucket waits for a full one. */
	waitMs(amount: number, nowMs: number): number {
		const missing = Math.min(amount, this.limit) - this.level(nowMs);
		return missing <= 0 ? 0 : (missing * MINUTE_MS) / this.limit;
	}

	/** May go below zero; a negative amount gives back. */
	take(amount: number, nowMs: number): void {
		this.#level = Math.min(this.limit, this.level(nowMs) - amount);
	}

	fullInMs(nowMs: number): number {
		return ((this.limit - this.level(nowMs)) * MINUTE_MS) / this.limit;
	}
}
