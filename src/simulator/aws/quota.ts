// Quotas of one AWS account: combined tokens a minute reserved with max_tokens, requests a minute, tokens a day; no headers. Leaves counting tokens to the caller.
import { ApiError } from "../api-error.ts";
import { Bucket } from "../bucket.ts";
import type { Demand, RateLimits } from "../deployment.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Quotas per model and source Region; what is left out is unlimited. Cache reads are free (providers §1). */
export interface BedrockQuotas {
	readonly requestsPerMinute?: number;
	/** Input and output together. `input + max_tokens` is reserved at the start and corrected at the end. */
	readonly tokensPerMinute?: number;
	/** Used up, it is full again when the day of the clock (UTC) ends. */
	readonly tokensPerDay?: number;
	/** Tokens of quota for each token of output, at the end. Default 5. */
	readonly outputBurndown?: number;
}

/** The quotas of one account. Refusals are ThrottlingExceptions without a hint when to come back. */
export class AccountQuotas implements RateLimits {
	readonly #quotas: BedrockQuotas;
	readonly #buckets = new Map<string, Bucket>();
	readonly #days = new Map<string, { day: number; used: number }>();

	constructor(quotas: BedrockQuotas) {
		this.#quotas = quotas;
	}

	get limited(): boolean {
		const { requestsPerMinute, tokensPerMinute, tokensPerDay } = this.#quotas;
		return requestsPerMinute !== undefined || tokensPerMinute !== undefined || tokensPerDay !== undefined;
	}

	admit(demand: Demand, nowMs: number): void {
		const reserved = demand.inputTokens + demand.maxTokens;
		const requests = this.#bucket("requests", demand.modelClass, nowMs);
		const tokens = this.#bucket("tokens", demand.modelClass, nowMs);
		const { tokensPerDay } = this.#quotas;
		const day = this.#day(demand.modelClass, nowMs);
		if (tokensPerDay !== undefined && day.used + reserved > tokensPerDay)
			throw throttled("Too many tokens per day, please wait before trying again.");
		if (requests !== null && requests.waitMs(1, nowMs) > 0)
			throw throttled("Too many requests, please wait before trying again.");
		// A reservation larger than the whole quota never fits.
		if (tokens !== null && (reserved > tokens.limit || tokens.waitMs(reserved, nowMs) > 0))
			throw throttled("Too many tokens, please wait before trying again.");
		requests?.take(1, nowMs);
		tokens?.take(reserved, nowMs);
		day.used += reserved;
	}

	settle(demand: Demand, outputTokens: number, nowMs: number): void {
		const { outputBurndown = 5 } = this.#quotas;
		const correction = outputTokens * outputBurndown - demand.maxTokens;
		this.#bucket("tokens", demand.modelClass, nowMs)?.take(correction, nowMs);
		this.#day(demand.modelClass, nowMs).used += outputTokens - demand.maxTokens;
	}

	admitCount(): void {
		// Counting has no quota of its own.
	}

	headers(): Record<string, string> {
		return {};
	}

	reset(): void {
		this.#buckets.clear();
		this.#days.clear();
	}

	#bucket(kind: "requests" | "tokens", modelClass: string, nowMs: number): Bucket | null {
		const limit = kind === "requests" ? this.#quotas.requestsPerMinute : this.#quotas.tokensPerMinute;
		if (limit === undefined) return null;
		const key = `${kind} ${modelClass}`;
		let bucket = this.#buckets.get(key);
		if (bucket === undefined) {
			bucket = new Bucket(limit, nowMs);
			this.#buckets.set(key, bucket);
		}
		return bucket;
	}

	#day(modelClass: string, nowMs: number): { day: number; used: number } {
		const today = Math.floor(nowMs / DAY_MS);
		let day = this.#days.get(modelClass);
		if (day === undefined || day.day !== today) {
			day = { day: today, used: 0 };
			this.#days.set(modelClass, day);
		}
		return day;
	}
}

function throttled(message: string): ApiError {
	return new ApiError(429, message, { type: "ThrottlingException" });
}
