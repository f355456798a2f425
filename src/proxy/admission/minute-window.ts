// What was admitted within the last minute, to the second: a sliding window, so that no minute ever holds more than its limit. Leaves
// what is counted, and against which limit, to proxy/admission/admission.

const SECOND_MS = 1000;
/** The running second and the sixty before it: never less than a full minute. */
const SECONDS = 61;

/** Amounts by second. Checking and adding are two synchronous calls: nothing runs in between. */
export class MinuteWindow {
	readonly #amounts = new Float64Array(SECONDS);
	#second = 0;
	#total = 0;

	/** Of the last minute. */
	total(now: number): number {
		this.#advance(now);
		return this.#total;
	}

	/** Adds an amount; gives the second it was added to, for `correct`. */
	add(amount: number, now: number): number {
		this.#advance(now);
		const at = this.#second % SECONDS;
		this.#amounts[at] = (this.#amounts[at] ?? 0) + amount;
		this.#total += amount;
		return this.#second;
	}

	/** What was added in that second was really `delta` more (or less). An excess that comes later than a minute counts now. */
	correct(second: number, delta: number, now: number): void {
		this.#advance(now);
		if (second <= this.#second - SECONDS) {
			if (delta > 0) this.add(delta, now);
			return;
		}
		const at = second % SECONDS;
		const amount = Math.max(0, (this.#amounts[at] ?? 0) + delta);
		this.#total += amount - (this.#amounts[at] ?? 0);
		this.#amounts[at] = amount;
	}

	/** Milliseconds until `need` more fit under `limit`; 0 = now. More than the limit fits when nothing else is left. */
	waitMs(need: number, limit: number, now: number): number {
		this.#advance(now);
		const room = Math.max(0, limit - need);
		let left = this.#total;
		for (let age = SECONDS - 1; age >= 0 && left > room; age -= 1) {
			const amount = this.#amounts[(this.#second - age) % SECONDS] ?? 0;
			if (this.#second - age < 0 || amount === 0) continue;
			left -= amount;
			if (left <= room) return (this.#second - age + SECONDS) * SECOND_MS - now;
		}
		return 0;
	}

	#advance(now: number): void {
		const second = Math.floor(now / SECOND_MS);
		if (second <= this.#second) return;
		const steps = Math.min(SECONDS, second - this.#second);
		for (let step = 0; step < steps; step += 1) this.#amounts[(second - step) % SECONDS] = 0;
		this.#second = second;
		// Summed anew: differences of floating-point sums would add up.
		this.#total = this.#amounts.reduce((sum, amount) => sum + amount, 0);
	}
}
