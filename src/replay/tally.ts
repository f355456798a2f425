// What a replay adds up: tokens, dollars, refusals, load, waits, moves. Leaves showing it to replay/report.
import { type Cost, costOf } from "../pricing/cost.ts";
import type { Price } from "../pricing/prices.ts";
import type { Usage } from "../protocol/usage.ts";
import type { ReplayRequest } from "./workload.ts";

/** What one deployment did. */
export interface DeploymentLoad {
	readonly requests: number;
	/** Input tokens not read from its cache: what limits count and what costs. */
	readonly uncachedTokens: number;
	readonly readTokens: number;
	/** 429s it answered. */
	readonly rateLimited: number;
}

/** How one policy did. */
export interface ReplayResult {
	readonly policy: string;
	/** Requests of the workload, shed ones included. */
	readonly requests: number;
	/** Tokens read from a cache, as a share of all prompt tokens served. */
	readonly hitRatio: number;
	/** Dollars for prompts as a share of what the same prompts cost without caching; null = a model without a known price. */
	readonly costRatio: number | null;
	/** For prompts and output; null as above. */
	readonly dollars: number | null;
	/** 429s: of an upstream, or of the gateway when it sent nowhere. */
	readonly rateLimited: number;
	/** Requests given up after the last retry. */
	readonly shed: number;
	/** Uncached tokens of the busiest deployment over the mean of all. */
	readonly imbalance: number;
	/** Requests that were served or given up later than they came. */
	readonly waits: number;
	/** Ms those requests waited in all. */
	readonly waitedMs: number;
	/** Requests served by another deployment than the one before them in their conversation. */
	readonly moves: number;
	readonly deployments: readonly DeploymentLoad[];
}

/** Collects one policy's figures. */
export interface Tally {
	served(request: ReplayRequest, deployment: number, usage: Usage): void;
	/** `deployment` null = the gateway's own 429. */
	limited(deployment: number | null): void;
	shed(): void;
	/** A request was served or given up `ms` after it came; not called for 0. */
	waited(ms: number): void;
	result(policy: string): ReplayResult;
}

/** `priceOf` gives a model's price, null where unknown: then dollars are unknown, not zero. */
export function createTally(deployments: number, priceOf: (model: string) => Price | null): Tally {
	const loads = Array.from({ length: deployments }, () => {
		return { requests: 0, uncachedTokens: 0, readTokens: 0, rateLimited: 0 };
	});
	const lastByConversation = new Map<string, number>();
	const sum = { requests: 0, shed: 0, own: 0, waits: 0, waitedMs: 0, moves: 0 };
	const dollars = { total: 0, prompt: 0, promptWithoutCaching: 0 };
	let priced = true;

	function pay(cost: Cost | null): void {
		if (cost === null) priced = false;
		dollars.total += cost?.total ?? 0;
		dollars.prompt += cost?.prompt ?? 0;
		dollars.promptWithoutCaching += cost?.promptWithoutCaching ?? 0;
	}

	return {
		served(request, deployment, usage) {
			sum.requests += 1;
			const load = loads[deployment];
			if (load !== undefined) {
				load.requests += 1;
				load.readTokens += usage.cacheReadTokens;
				load.uncachedTokens += request.promptTokens - usage.cacheReadTokens;
			}
			const price = priceOf(request.model);
			pay(price === null ? null : costOf(usage, price));
			if (request.session === null) return;
			const conversation = `${request.session}/${request.agent ?? ""}/${request.model}`;
			const last = lastByConversation.get(conversation);
			if (last !== undefined && last !== deployment) sum.moves += 1;
			lastByConversation.set(conversation, deployment);
		},
		limited(deployment) {
			const load = deployment === null ? undefined : loads[deployment];
			if (load === undefined) sum.own += 1;
			else load.rateLimited += 1;
		},
		shed() {
			sum.requests += 1;
			sum.shed += 1;
		},
		waited(ms) {
			sum.waits += 1;
			sum.waitedMs += ms;
		},
		result(policy) {
			const read = total(loads, (load) => load.readTokens);
			const uncached = total(loads, (load) => load.uncachedTokens);
			const most = Math.max(...loads.map((load) => load.uncachedTokens));
			const { own, ...counts } = sum;
			return {
				policy,
				...counts,
				rateLimited: own + total(loads, (load) => load.rateLimited),
				hitRatio: ratio(read, read + uncached),
				costRatio: priced ? ratio(dollars.prompt, dollars.promptWithoutCaching) : null,
				dollars: priced ? dollars.total : null,
				imbalance: ratio(most * loads.length, uncached),
				deployments: loads,
			};
		},
	};
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
	return items.reduce((sum, item) => sum + of(item), 0);
}

function ratio(part: number, whole: number): number {
	return whole === 0 ? 0 : part / whole;
}
