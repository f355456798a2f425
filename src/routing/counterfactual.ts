// What a request would have cost, in expectation, under random routing over the same deployments. The past is one random world kept live
// in cache/random-baseline; over the present choice the mean is taken, so that sums are unbiased and single figures are not all luck.

import { requestPart } from "../cache/place.ts";
import { BaselineCaches, type BaselinePrompt } from "../cache/random-baseline.ts";
import type { DeploymentConfig, ModelGroup } from "../config/schema.ts";
import { answeredOf } from "../pricing/answered.ts";
import { costOf, totalOf, type Usage } from "../pricing/cost.ts";
import type { Price } from "../pricing/prices.ts";
import { type Billed, priceOfDeployment } from "./bill.ts";
import { cachingFacts } from "./caching.ts";
import type { RouteRequest } from "./decision.ts";

export interface CounterfactualOptions {
	/** Cache domain of a deployment; equal for those that read each other's entries. */
	readonly domainOf: (deployment: DeploymentConfig) => number | string;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** Prefixes remembered. */
	readonly maxEntries?: number;
}

/** A request that was answered, and what the provider reported. Times are ms since epoch. */
interface AnsweredRequest {
	readonly request: RouteRequest;
	/** Who really served it. */
	readonly deployment: DeploymentConfig;
	readonly usage: Usage;
	readonly startedAt: number;
	readonly firstByteAt: number;
}

/** Dollars for the usage's own counts; null where a price is unknown. Call it once a request, in the order of their ends: it remembers the prompt. */
export type Counterfactual = (answered: AnsweredRequest) => number | null;

const DEFAULT_ENTRIES = 200_000;
/** Random routing is compared over so many cache domains at most: beyond, a share of a share decides nothing. */
const MOST_CACHES = 64;

type DomainOf = CounterfactualOptions["domainOf"];

interface BaselineCache {
	readonly id: number;
	readonly deployment: DeploymentConfig;
	/** Fewest tokens of a prefix that is cached there. */
	readonly minimumTokens: number;
	weight: number;
}

/** The caches of a group's deployments. */
interface GroupCaches {
	readonly wildcard: string | null;
	/** Of the group's deployments, as they were. */
	readonly domains: readonly (number | string)[];
	readonly caches: readonly BaselineCache[];
	readonly ids: readonly number[];
	/** Weight of all caches. */
	readonly total: number;
}

/** The caches of each group. */
class CachesOfGroups {
	readonly #domainOf: DomainOf;
	/** Numbers of caches, by domain and model. */
	readonly #cacheIds = new Map<string, number>();
	readonly #byGroup = new WeakMap<ModelGroup, GroupCaches>();

	constructor(domainOf: DomainOf) {
		this.#domainOf = domainOf;
	}

	/** Made once for a group, until two of its domains turn out to be one or another wildcard is asked for. */
	of({ group, wildcard }: RouteRequest): GroupCaches {
		const known = this.#byGroup.get(group);
		if (known !== undefined && known.wildcard === wildcard && this.#isCurrent(known, group)) return known;
		const caches = new Map<number, BaselineCache>();
		for (const deployment of group.deployments) {
			const id = this.#cacheIdOf(deployment, wildcard);
			const cache = caches.get(id);
			if (cache !== undefined) cache.weight += deployment.weight;
			else if (caches.size < MOST_CACHES) {
				const { minimumTokens } = cachingFacts(deployment, wildcard);
				caches.set(id, { id, deployment, minimumTokens, weight: deployment.weight });
			}
		}
		const used = [...caches.values()].filter(({ weight }) => weight > 0);
		const made = {
			wildcard,
			domains: group.deployments.map(this.#domainOf),
			caches: used,
			ids: used.map(({ id }) => id),
			total: used.reduce((sum, { weight }) => sum + weight, 0),
		};
		this.#byGroup.set(group, made);
		return made;
	}

	#cacheIdOf(deployment: DeploymentConfig, wildcard: string | null): number {
		const key = `${this.#domainOf(deployment)}\n${cachingFacts(deployment, wildcard).model}`;
		const known = this.#cacheIds.get(key);
		if (known !== undefined) return known;
		this.#cacheIds.set(key, this.#cacheIds.size);
		return this.#cacheIds.size - 1;
	}

	#isCurrent({ domains }: GroupCaches, { deployments }: ModelGroup): boolean {
		for (let at = 0; at < deployments.length; at += 1)
			if (this.#domainOf(deployments[at] as DeploymentConfig) !== domains[at]) return false;
		return true;
	}
}

export function createCounterfactual({
	domainOf,
	random,
	maxEntries = DEFAULT_ENTRIES,
}: CounterfactualOptions): Counterfactual {
	const baseline = new BaselineCaches(maxEntries);
	const groups = new CachesOfGroups(domainOf);

	return ({ request, deployment, usage, startedAt, firstByteAt }) => {
		const { outline, betas, wildcard } = request;
		const { caches, ids, total } = groups.of(request);
		const answered = usage.billing === undefined ? undefined : answeredOf(usage.billing);
		const billed: Billed = { wildcard, variant: outline.variant, now: startedAt, answered };
		const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
		const last = outline.breakpoints.at(-1);
		if (total === 0 || cached === 0 || last === undefined) {
			// Nothing was cached: only prices differ.
			const among = caches.length === 0 ? [{ deployment, weight: 1 }] : caches;
			return meanDollars(among, billed, (price) => costOf(usage, price).total);
		}
		const { chain, breakpoints } = outline;
		const bytesPerToken = (chain.bytes[last.block] as number) / cached;
		const prompt: BaselinePrompt = {
			chain,
			breakpoints,
			salt: requestPart(betas, outline.variant),
			collapseRuns: cachingFacts(deployment, wildcard).collapseRuns,
			startedAt,
			firstByteAt,
		};
		const reads = baseline.read(prompt, ids);
		const dollars = meanOfReads(caches, reads, { usage, billed, bytesPerToken, outline });
		const chosen = draw(caches, random() * total);
		const cache = caches[chosen] as BaselineCache;
		baseline.serve(prompt, {
			cacheId: cache.id,
			readBlock: reads[chosen] as number,
			minimumBytes: cache.minimumTokens * bytesPerToken,
		});
		return dollars;
	};
}

/**
 * The same request, had each cache been read up to its block: what is behind it is written, with the lifetimes its breakpoints ask
 * for (prompt-caching R7). Null where a price is unknown.
 */
function meanOfReads(
	caches: readonly BaselineCache[],
	reads: Int32Array,
	about: {
		readonly usage: Usage;
		readonly billed: Billed;
		readonly bytesPerToken: number;
		readonly outline: RouteRequest["outline"];
	},
): number | null {
	const { usage, billed, bytesPerToken, outline } = about;
	const { bytes } = outline.chain;
	const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
	const longLived = outline.breakpoints.findLast(({ ttl }) => ttl === "1h")?.block ?? -1;
	const longTokens = longLived < 0 ? 0 : Math.min(cached, (bytes[longLived] as number) / bytesPerToken);
	return meanDollars(caches, billed, (price, index) => {
		const block = reads[index] as number;
		const read = block < 0 ? 0 : Math.min(cached, (bytes[block] as number) / bytesPerToken);
		return totalOf(usage, price, read, Math.max(0, longTokens - read));
	});
}

/** By the caches' weights. Null where a price is unknown. */
function meanDollars(
	caches: readonly Pick<BaselineCache, "deployment" | "weight">[],
	billed: Billed,
	dollarsOf: (price: Price, index: number) => number,
): number | null {
	let sum = 0;
	let weights = 0;
	for (let index = 0; index < caches.length; index += 1) {
		const { deployment, weight } = caches[index] as (typeof caches)[number];
		const price = priceOfDeployment(deployment, billed);
		if (price === null) return null;
		sum += dollarsOf(price, index) * weight;
		weights += weight;
	}
	return weights === 0 ? null : sum / weights;
}

function draw(caches: readonly BaselineCache[], at: number): number {
	let left = at;
	for (let index = 0; index < caches.length; index += 1) {
		left -= (caches[index] as BaselineCache).weight;
		if (left < 0) return index;
	}
	return caches.length - 1;
}
