// One rate limit as a token bucket, the limits that go together, and what an answer reports of them. Leaves whose they are to routing/headroom.

/** One limiter as the provider reports it: a twin of protocol/ratelimits, which routing may not import. */
export interface LimitFigures {
	/** Per minute. */
	readonly limit: number;
	/** Rounded by the provider to thousands where it counts tokens. */
	readonly remaining: number;
	/** When it is full again, ms since epoch. */
	readonly resetAt: number;
}

/** What an answer said of its organisation's limits; null where it said nothing (providers §1). */
export interface RateLimits {
	readonly requests: LimitFigures | null;
	/** Uncached input and cache writes. */
	readonly inputTokens: LimitFigures | null;
	readonly outputTokens: LimitFigures | null;
	/** Input and output together, the most restrictive. */
	readonly tokens: LimitFigures | null;
	/** Subscription limits: `rejected` means none of them admits more until `resetAt`. */
	readonly unified: { readonly status: string; readonly resetAt: number | null } | null;
}

/** Limits of one deployment as configured, or of an organisation's model class as its answers report. */
export interface Meter {
	requests: Bucket | null;
	inputTokens: Bucket | null;
	outputTokens: Bucket | null;
	tokens: Bucket | null;
	/** Nothing is admitted before, ms since epoch. */
	closedUntil: number;
	/** Taken by attempts whose answer has not begun. */
	readonly unanswered: { requests: number; inputTokens: number; outputTokens: number };
}

export const MINUTE_MS = 60_000;
/** What a 429 leaves of the refill that is counted on, the least that is left of it, and how soon the fear is halved. */
const PACE_AFTER_REFUSAL = 0.8;
const SLOWEST_PACE = 0.3;
const PACE_HALF_LIFE_MS = 30_000;
/** A reset nearer than this says nothing of the rate: it comes in whole seconds, and what remains in thousands. */
const SHORTEST_RESET_MS = 5_000;

/** A bucket that fills continuously, as the provider's does, up to a minute's worth. */
export class Bucket {
	limit: number;
	readonly #reserve: number;
	#level: number;
	#at: number;
	/** Tokens a ms. */
	#rate: number;
	#pace = 1;
	#pacedAt = 0;

	/** Full. `reserve` is the share of it that is never given away. */
	constructor(limit: number, reserve: number, now: number) {
		this.limit = limit;
		this.#reserve = reserve;
		this.#level = limit;
		this.#at = now;
		this.#rate = limit / MINUTE_MS;
	}

	level(now: number): number {
		return Math.min(this.limit, this.#level + Math.max(0, now - this.#at) * this.#rate * this.#paceAt(now));
	}

	/** Ms until `amount` is there; what exceeds the whole bucket needs a full one. */
	waitMs(amount: number, now: number): number {
		const missing = Math.min(amount + this.limit * this.#reserve, this.limit) - this.level(now);
		if (missing <= 0) return 0;
		return Math.ceil(missing / Math.max(this.#rate * this.#paceAt(now), Number.EPSILON)) + 1;
	}

	/** Negative gives back. */
	take(amount: number, now: number): void {
		this.#level = Math.min(this.limit, this.level(now) - amount);
		this.#at = Math.max(this.#at, now);
	}

	setLimit(limit: number, now: number): void {
		if (limit === this.limit) return;
		this.#level = Math.min(limit, this.level(now) + Math.max(0, limit - this.limit));
		this.#at = Math.max(this.#at, now);
		this.limit = limit;
		this.#rate = limit / MINUTE_MS;
	}

	/** Takes over what the provider reported, less what it cannot have counted yet. */
	report({ limit, remaining, resetAt }: LimitFigures, unanswered: number, now: number): void {
		this.setLimit(limit, now);
		this.#level = Math.min(limit, remaining - unanswered);
		this.#at = now;
		const usual = limit / MINUTE_MS;
		const reported = (limit - remaining) / (resetAt - now);
		if (resetAt - now >= SHORTEST_RESET_MS) this.#rate = Math.min(2 * usual, Math.max(usual / 4, reported));
		else this.#rate = usual;
	}

	/** It did not admit `amount`, and will in `retryAfterMs` if that is known. */
	refuse(amount: number, retryAfterMs: number | null, now: number): void {
		const back = (retryAfterMs ?? 0) * this.#rate;
		this.#level = Math.min(this.level(now), Math.max(-this.limit, Math.min(amount, this.limit) - Math.max(1, back)));
		this.#at = now;
		this.#pace = Math.max(SLOWEST_PACE, this.#paceAt(now) * PACE_AFTER_REFUSAL);
		this.#pacedAt = now;
	}

	#paceAt(now: number): number {
		if (this.#pace === 1) return 1;
		return 1 - (1 - this.#pace) * 2 ** (-Math.max(0, now - this.#pacedAt) / PACE_HALF_LIFE_MS);
	}
}
