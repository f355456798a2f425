// The provider a replay sends to: caches and limits of every deployment, by the published rules. Shares no code with cache/, so that a
// mistake there is not repeated here. Leaves prices to pricing/ and time to replay/simulation.
import type { Usage } from "../protocol/usage.ts";
import { prefixId, type ReplayRequest } from "./workload.ts";

/** Limits of one deployment a minute; null = none. */
export interface ProviderLimits {
	/** Input tokens that are not read from the cache (providers §1). */
	readonly inputTokens: number | null;
	readonly requests: number | null;
}

export interface ProviderOptions {
	readonly deployments: number;
	readonly limits: ProviderLimits;
}

/** served: the answer's usage, known at its end · limited: a 429 with its `retry-after`, whole seconds in ms. */
type ProviderAnswer =
	| { readonly kind: "served"; readonly usage: Usage }
	| { readonly kind: "limited"; readonly retryAfterMs: number };

export interface ReplayProvider {
	/** What deployment number `deployment` answers to a request that reaches it at `now`, ms. A 429 changes nothing. */
	send(deployment: number, request: ReplayRequest, now: number): ProviderAnswer;
}

/** A shorter prefix is silently not cached (prompt-caching R9; the most common minimum of prices-and-minimums §1). */
const MINIMUM_TOKENS = 1_024;
/** From the start of the request that wrote or read the entry (prompt-caching R6). */
const TTL_MS = 300_000;
const MINUTE_MS = 60_000;
/** Expired entries are dropped whenever a cache has grown by so many. */
const SWEEP_EVERY = 20_000;

interface Entry {
	/** The first event of the answer that wrote it (prompt-caching R8). */
	availableAt: number;
	expiresAt: number;
}

/** Holds at most one minute's worth and refills evenly. */
class Bucket {
	readonly #limit: number;
	#level: number;
	#at = 0;

	constructor(limit: number) {
		this.#limit = limit;
		this.#level = limit;
	}

	/** Ms until `amount` may be taken; more than the bucket holds needs a full one. */
	waitMs(amount: number, now: number): number {
		this.#refill(now);
		const missing = Math.min(amount, this.#limit) - this.#level;
		return missing <= 0 ? 0 : (missing * MINUTE_MS) / this.#limit;
	}

	take(amount: number, now: number): void {
		this.#refill(now);
		this.#level -= amount;
	}

	#refill(now: number): void {
		this.#level = Math.min(this.#limit, this.#level + ((now - this.#at) * this.#limit) / MINUTE_MS);
		this.#at = now;
	}
}

/** What one deployment has cached: entries by prefix, apart for every model. */
class DeploymentCache {
	readonly #byModel = new Map<string, Map<number, Entry>>();
	#added = 0;

	/** The cut of the longest entry that is readable at `now`; -1 when there is none. */
	longest(request: ReplayRequest, now: number): number {
		const entries = this.#byModel.get(request.model);
		if (entries === undefined) return -1;
		for (let cut = request.cuts.marks.at(-1) ?? -1; cut >= 0; cut -= 1) {
			const entry = entries.get(prefixId(request, cut));
			if (entry !== undefined && entry.availableAt <= now && now < entry.expiresAt) return cut;
		}
		return -1;
	}

	/** The request was admitted: what it read lives on, what it marks beyond that is written. */
	admit(request: ReplayRequest, read: number, now: number): void {
		const entries = this.#entriesOf(request.model);
		const touch = (cut: number) => {
			const entry = entries.get(prefixId(request, cut));
			if (entry !== undefined && now < entry.expiresAt) entry.expiresAt = Math.max(entry.expiresAt, now + TTL_MS);
			return entry !== undefined && now < entry.expiresAt;
		};
		if (read >= 0) touch(read);
		for (const mark of request.cuts.marks) {
			const tokens = request.cuts.tokens[mark] ?? 0;
			if (touch(mark)) this.#availableSooner(entries, prefixId(request, mark), now + request.firstEventMs);
			else if (mark > read && tokens >= MINIMUM_TOKENS) {
				entries.set(prefixId(request, mark), { availableAt: now + request.firstEventMs, expiresAt: now + TTL_MS });
				this.#added += 1;
			}
		}
		if (this.#added >= SWEEP_EVERY) this.#sweep(now);
	}

	/** Two requests write the same prefix: it can be read when the first of the answers begins. */
	#availableSooner(entries: Map<number, Entry>, id: number, at: number): void {
		const entry = entries.get(id);
		if (entry !== undefined) entry.availableAt = Math.min(entry.availableAt, at);
	}

	#entriesOf(model: string): Map<number, Entry> {
		const entries = this.#byModel.get(model) ?? new Map<number, Entry>();
		this.#byModel.set(model, entries);
		return entries;
	}

	#sweep(now: number): void {
		this.#added = 0;
		for (const entries of this.#byModel.values()) {
			for (const [id, entry] of entries) if (entry.expiresAt <= now) entries.delete(id);
		}
	}
}

interface Upstream {
	readonly cache: DeploymentCache;
	readonly inputTokens: Bucket | null;
	readonly requests: Bucket | null;
}

/** Deployments with empty caches and full buckets, each an organization of its own. */
export function createProvider({ deployments, limits }: ProviderOptions): ReplayProvider {
	const upstreams = Array.from({ length: deployments }, (): Upstream => {
		return {
			cache: new DeploymentCache(),
			inputTokens: limits.inputTokens === null ? null : new Bucket(limits.inputTokens),
			requests: limits.requests === null ? null : new Bucket(limits.requests),
		};
	});
	return {
		send(deployment, request, now) {
			const upstream = upstreams[deployment];
			if (upstream === undefined) throw new RangeError(`no deployment ${deployment}`);
			const { cache, inputTokens, requests } = upstream;
			const read = cache.longest(request, now);
			const usage = usageOf(request, read);
			const uncached = request.promptTokens - usage.cacheReadTokens;
			const waitMs = Math.max(inputTokens?.waitMs(uncached, now) ?? 0, requests?.waitMs(1, now) ?? 0);
			if (waitMs > 0) return { kind: "limited", retryAfterMs: Math.ceil(waitMs / 1000) * 1000 };
			inputTokens?.take(uncached, now);
			requests?.take(1, now);
			cache.admit(request, read, now);
			return { kind: "served", usage };
		},
	};
}

/** What is read, what is written behind it up to the last mark, and the rest (prompt-caching R7, R10). */
function usageOf({ cuts, promptTokens, outputTokens }: ReplayRequest, read: number): Usage {
	const cacheReadTokens = cuts.tokens[read] ?? 0;
	const marked = cuts.tokens[cuts.marks.at(-1) ?? -1] ?? 0;
	const write = marked >= MINIMUM_TOKENS ? Math.max(0, marked - cacheReadTokens) : 0;
	return {
		inputTokens: promptTokens - cacheReadTokens - write,
		outputTokens,
		cacheReadTokens,
		cacheWriteTokens: write,
		cacheWrite5mTokens: write,
		cacheWrite1hTokens: 0,
	};
}
