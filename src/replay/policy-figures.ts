// What a replay adds up: tokens, dollars, refusals, load, waits, moves. Leaves showing it to replay/report.
import { costOf } from "../pricing/cost.ts";
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

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Collects one policy's figures. */
export class PolicyFigures {
	readonly #priceOf: (model: string) => Price | null;
	readonly #loads: readonly Mutable<DeploymentLoad>[];
	readonly #lastByConversation = new Map<string, number>();
	readonly #counts = { requests: 0, shed: 0, waits: 0, waitedMs: 0, moves: 0 };
	readonly #dollars = { total: 0, prompt: 0, promptWithoutCaching: 0 };
	#refusedByGateway = 0;
	#priced = true;

	/** `priceOf` gives a model's price, null where unknown: then dollars are unknown, not zero. */
	constructor(deployments: number, priceOf: (model: string) => Price | null) {
		this.#priceOf = priceOf;
		this.#loads = Array.from({ length: deployments }, () => {
			return { requests: 0, uncachedTokens: 0, readTokens: 0, rateLimited: 0 };
		});
	}

	served(request: ReplayRequest, deployment: number, usage: Usage): void {
		this.#counts.requests += 1;
		const load = this.#loads[deployment];
		if (load !== undefined) {
			load.requests += 1;
			load.readTokens += usage.cacheReadTokens;
			load.uncachedTokens += request.promptTokens - usage.cacheReadTokens;
		}
		this.#pay(request.model, usage);
		this.#follow(request, deployment);
	}

	/** A 429 of a deployment; null = of the gateway itself. */
	limited(deployment: number | null): void {
		const load = deployment === null ? undefined : this.#loads[deployment];
		if (load === undefined) this.#refusedByGateway += 1;
		else load.rateLimited += 1;
	}

	shed(): void {
		this.#counts.requests += 1;
		this.#counts.shed += 1;
	}

	/** A request was served or given up `ms` after it came; not called for 0. */
	waited(ms: number): void {
		this.#counts.waits += 1;
		this.#counts.waitedMs += ms;
	}

	result(policy: string): ReplayResult {
		const deployments = this.#loads.map((load) => ({ ...load }));
		const read = sum(deployments.map((load) => load.readTokens));
		const uncachedTokens = deployments.map((load) => load.uncachedTokens);
		const uncached = sum(uncachedTokens);
		return {
			policy,
			...this.#counts,
			rateLimited: this.#refusedByGateway + sum(deployments.map((load) => load.rateLimited)),
			hitRatio: ratio(read, read + uncached),
			costRatio: this.#priced ? ratio(this.#dollars.prompt, this.#dollars.promptWithoutCaching) : null,
			dollars: this.#priced ? this.#dollars.total : null,
			imbalance: ratio(Math.max(...uncachedTokens) * deployments.length, uncached),
			deployments,
		};
	}

	#pay(model: string, usage: Usage): void {
		const price = this.#priceOf(model);
		if (price === null) {
			this.#priced = false;
			return;
		}
		const cost = costOf(usage, price);
		this.#dollars.total += cost.total;
		this.#dollars.prompt += cost.prompt;
		this.#dollars.promptWithoutCaching += cost.promptWithoutCaching;
	}

	#follow({ session, agent, model }: ReplayRequest, deployment: number): void {
		if (session === null) return;
		const conversation = `${session}/${agent ?? ""}/${model}`;
		const last = this.#lastByConversation.get(conversation);
		if (last !== undefined && last !== deployment) this.#counts.moves += 1;
		this.#lastByConversation.set(conversation, deployment);
	}
}

function sum(amounts: readonly number[]): number {
	return amounts.reduce((total, amount) => total + amount, 0);
}

function ratio(part: number, whole: number): number {
	return whole === 0 ? 0 : part / whole;
}
