// Rate limits of one organization: token buckets per model class, and the headers that report them. Leaves counting tokens to the caller.
import { ApiError } from "./api-error.ts";
import { Bucket } from "./bucket.ts";
import type { Demand, RateLimits } from "./deployment.ts";

/** Limits per minute; what is left out is unlimited. Cache reads are free of `inputTokens` (providers §1). */
export interface Limits {
	readonly requests?: number;
	/** Uncached input and cache writes. */
	readonly inputTokens?: number;
	readonly outputTokens?: number;
	/** Requests to count_tokens, which has its own bucket. */
	readonly countTokens?: number;
}

/** What a limit is about. */
type LimitKind = "requests" | "input-tokens" | "output-tokens";

/** How a platform speaks about its limits. */
export interface LimitVoice {
	/** Which rate-limit headers answers carry; with some, refusals have a retry-after. */
	readonly headers: "none" | "openai";
	refusal(demand: Demand, kind: LimitKind, limit: number): string;
}

type Kind = LimitKind;

const FIELD: Readonly<Record<Kind, "requests" | "inputTokens" | "outputTokens">> = {
	requests: "requests",
	"input-tokens": "inputTokens",
	"output-tokens": "outputTokens",
};
const KINDS = Object.keys(FIELD) as Kind[];

/** The limits of one organization. Every model class has its own buckets. */
export class OrganizationLimits implements RateLimits {
	readonly #organization: string;
	readonly #limits: Limits;
	readonly #voice: LimitVoice | null;
	readonly #buckets = new Map<string, Bucket>();

	/** `voice` null: the first-party API's. */
	constructor(organization: string, limits: Limits, voice: LimitVoice | null = null) {
		this.#organization = organization;
		this.#limits = limits;
		this.#voice = voice;
	}

	/** Whether any limit applies to messages; when false, `admit` takes nothing and `headers` is empty. */
	get limited(): boolean {
		return KINDS.some((kind) => this.#limits[FIELD[kind]] !== undefined);
	}

	/** Takes what the request needs, or throws a 429 with the wait in whole seconds and takes nothing. */
	admit(demand: Demand, nowMs: number): void {
		const needs: Record<Kind, number> = {
			requests: 1,
			"input-tokens": demand.inputTokens,
			// Output is not known beforehand: a request may start as long as anything is left.
			"output-tokens": 1,
		};
		let worst: { kind: Kind; waitMs: number } | null = null;
		for (const kind of KINDS) {
			const waitMs = this.#bucket(kind, demand.modelClass, nowMs)?.waitMs(needs[kind], nowMs) ?? 0;
			if (waitMs > 0 && (worst === null || waitMs > worst.waitMs)) worst = { kind, waitMs };
		}
		if (worst !== null) throw this.#refusal(demand, worst, nowMs);
		for (const kind of KINDS) {
			const amount = kind === "output-tokens" ? demand.outputTokens : needs[kind];
			this.#bucket(kind, demand.modelClass, nowMs)?.take(amount, nowMs);
		}
	}

	/** Corrects the output that `admit` took to what was really generated. */
	settle(demand: Demand, outputTokens: number, nowMs: number): void {
		this.#bucket("output-tokens", demand.modelClass, nowMs)?.take(outputTokens - demand.outputTokens, nowMs);
	}

	/** Takes one count_tokens request, or throws a 429. */
	admitCount(nowMs: number): void {
		const limit = this.#limits.countTokens;
		if (limit === undefined) return;
		const bucket = this.#take("count_tokens", limit, nowMs);
		const waitMs = bucket.waitMs(1, nowMs);
		if (waitMs > 0) {
			throw new ApiError(
				429,
				`This request would exceed your organization's rate limit of ${limit} token counting requests per minute.`,
				{
					headers: { "retry-after": seconds(waitMs) },
				},
			);
		}
		bucket.take(1, nowMs);
	}

	/** The anthropic-ratelimit-* headers for a model class; token counts are rounded to thousands as the provider does. */
	headers(modelClass: string, nowMs: number): Record<string, string> {
		const headers: Record<string, string> = {};
		if (this.#voice?.headers === "none") return headers;
		if (this.#voice?.headers === "openai") return this.#openAiHeaders(modelClass, nowMs);
		let tightest: Bucket | null = null;
		for (const kind of KINDS) {
			const bucket = this.#bucket(kind, modelClass, nowMs);
			if (bucket === null) continue;
			describe(headers, kind, { bucket, nowMs });
			if (kind === "requests") continue;
			if (tightest === null || bucket.level(nowMs) < tightest.level(nowMs)) tightest = bucket;
		}
		if (tightest !== null) describe(headers, "tokens", { bucket: tightest, nowMs });
		return headers;
	}

	/** Fills every bucket. */
	reset(): void {
		this.#buckets.clear();
	}

	#openAiHeaders(modelClass: string, nowMs: number): Record<string, string> {
		const headers: Record<string, string> = {};
		for (const [name, kind] of [
			["requests", "requests"],
			["tokens", "input-tokens"],
		] as const) {
			const bucket = this.#bucket(kind, modelClass, nowMs);
			if (bucket === null) continue;
			headers[`x-ratelimit-limit-${name}`] = String(bucket.limit);
			headers[`x-ratelimit-remaining-${name}`] = String(Math.max(0, Math.floor(bucket.level(nowMs))));
			headers[`x-ratelimit-reset-${name}`] = `${Math.ceil(bucket.fullInMs(nowMs))}ms`;
		}
		return headers;
	}

	#bucket(kind: Kind, modelClass: string, nowMs: number): Bucket | null {
		const limit = this.#limits[FIELD[kind]];
		return limit === undefined ? null : this.#take(`${kind} ${modelClass}`, limit, nowMs);
	}

	#take(key: string, limit: number, nowMs: number): Bucket {
		let bucket = this.#buckets.get(key);
		if (bucket === undefined) {
			bucket = new Bucket(limit, nowMs);
			this.#buckets.set(key, bucket);
		}
		return bucket;
	}

	#refusal(demand: Demand, worst: { kind: Kind; waitMs: number }, nowMs: number): ApiError {
		const limit = this.#limits[FIELD[worst.kind]] ?? 0;
		if (this.#voice !== null) {
			const wait = this.#voice.headers === "openai" ? { "retry-after": seconds(worst.waitMs) } : {};
			return new ApiError(429, this.#voice.refusal(demand, worst.kind, limit), {
				headers: { ...this.headers(demand.modelClass, nowMs), ...wait },
			});
		}
		const what = worst.kind.replace("-", " ");
		return new ApiError(
			429,
			`This request would exceed your organization's rate limit of ${limit.toLocaleString("en-US")} ${what} per minute ` +
				`(org: ${this.#organization}, model: ${demand.model}). The response headers show the current usage.`,
			{ headers: { ...this.headers(demand.modelClass, nowMs), "retry-after": seconds(worst.waitMs) } },
		);
	}
}

function seconds(ms: number): string {
	return String(Math.max(1, Math.ceil(ms / 1000)));
}

function describe(headers: Record<string, string>, name: string, state: { bucket: Bucket; nowMs: number }): void {
	const { bucket, nowMs } = state;
	const unit = name === "requests" ? 1 : 1000;
	const remaining = Math.max(0, name === "requests" ? Math.floor(bucket.level(nowMs)) : bucket.level(nowMs));
	headers[`anthropic-ratelimit-${name}-limit`] = String(bucket.limit);
	headers[`anthropic-ratelimit-${name}-remaining`] = String(Math.round(remaining / unit) * unit);
	headers[`anthropic-ratelimit-${name}-reset`] = new Date(nowMs + bucket.fullInMs(nowMs)).toISOString();
}
