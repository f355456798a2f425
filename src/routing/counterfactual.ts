// What a request would have cost, in expectation, under random routing over the same deployments. The past is one random world kept live
// in cache/random-baseline; over the present choice the mean is taken, so that sums are unbiased and single figures are not all luck.

import { requestPart } from "../cache/place.ts";
import { type BaselinePrompt, createBaselineCaches } from "../cache/random-baseline.ts";
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
const MOST_LANES = 64;

interface Lane {
	readonly id: number;
	readonly deployment: DeploymentConfig;
	/** Fewest tokens of a prefix that is cached there. */
	readonly minimumTokens: number;
	weight: number;
}

/** The lanes of a group. */
interface LaneSet {
	readonly wildcard: string | null;
	/** Of the group's deployments, as they were. */
	readonly domains: readonly (number | string)[];
	readonly lanes: readonly Lane[];
	readonly ids: readonly number[];
	/** Weight of all lanes. */
	readonly total: number;
}

export function createCounterfactual({
	domainOf,
	random,
	maxEntries = DEFAULT_ENTRIES,
}: CounterfactualOptions): Counterfactual {
	const caches = createBaselineCaches(maxEntries);
	const laneIds = new Map<string, number>();
	const laneSets = new WeakMap<ModelGroup, LaneSet>();

	function laneId(deployment: DeploymentConfig, wildcard: string | null): number {
		const key = `${domainOf(deployment)}\n${cachingFacts(deployment, wildcard).model}`;
		const known = laneIds.get(key);
		if (known !== undefined) return known;
		laneIds.set(key, laneIds.size);
		return laneIds.size - 1;
	}

	/** Made once for a group, until two of its domains turn out to be one or another wildcard is asked for. */
	function lanesOf({ group, wildcard }: RouteRequest): LaneSet {
		const known = laneSets.get(group);
		if (known !== undefined && known.wildcard === wildcard && isCurrent(known, group)) return known;
		const lanes = new Map<number, Lane>();
		for (const deployment of group.deployments) {
			const id = laneId(deployment, wildcard);
			const lane = lanes.get(id);
			if (lane !== undefined) lane.weight += deployment.weight;
			else if (lanes.size < MOST_LANES) {
				const { minimumTokens } = cachingFacts(deployment, wildcard);
				lanes.set(id, { id, deployment, minimumTokens, weight: deployment.weight });
			}
		}
		const used = [...lanes.values()].filter(({ weight }) => weight > 0);
		const made = {
			wildcard,
			domains: group.deployments.map(domainOf),
			lanes: used,
			ids: used.map(({ id }) => id),
			total: used.reduce((sum, { weight }) => sum + weight, 0),
		};
		laneSets.set(group, made);
		return made;
	}

	function isCurrent({ domains }: LaneSet, { deployments }: ModelGroup): boolean {
		for (let at = 0; at < deployments.length; at += 1)
			if (domainOf(deployments[at] as DeploymentConfig) !== domains[at]) return false;
		return true;
	}

	return ({ request, deployment, usage, startedAt, firstByteAt }) => {
		const { outline, betas, wildcard } = request;
		const { lanes, ids, total } = lanesOf(request);
		const answered = usage.billing === undefined ? undefined : answeredOf(usage.billing);
		const billed: Billed = { wildcard, variant: outline.variant, now: startedAt, answered };
		const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
		const last = outline.breakpoints.at(-1);
		if (total === 0 || cached === 0 || last === undefined) {
			// Nothing was cached: only prices differ.
			const among = lanes.length === 0 ? [{ deployment, weight: 1 }] : lanes;
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
		const reads = caches.read(prompt, ids);
		const dollars = meanOfReads(lanes, reads, { usage, billed, bytesPerToken, outline });
		const chosen = draw(lanes, random() * total);
		const lane = lanes[chosen] as Lane;
		caches.serve(prompt, {
			lane: lane.id,
			readBlock: reads[chosen] as number,
			minimumBytes: lane.minimumTokens * bytesPerToken,
		});
		return dollars;
	};
}

/**
 * The same request, had each lane read up to its block: what is behind it is written, with the lifetimes its breakpoints ask for (prompt-caching R7).
 * Null where a price is unknown.
 */
function meanOfReads(
	lanes: readonly Lane[],
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
	return meanDollars(lanes, billed, (price, index) => {
		const block = reads[index] as number;
		const read = block < 0 ? 0 : Math.min(cached, (bytes[block] as number) / bytesPerToken);
		return totalOf(usage, price, read, Math.max(0, longTokens - read));
	});
}

/** By the lanes' weights. Null where a price is unknown. */
function meanDollars(
	lanes: readonly Pick<Lane, "deployment" | "weight">[],
	billed: Billed,
	dollarsOf: (price: Price, index: number) => number,
): number | null {
	let sum = 0;
	let weights = 0;
	for (let index = 0; index < lanes.length; index += 1) {
		const { deployment, weight } = lanes[index] as (typeof lanes)[number];
		const price = priceOfDeployment(deployment, billed);
		if (price === null) return null;
		sum += dollarsOf(price, index) * weight;
		weights += weight;
	}
	return weights === 0 ? null : sum / weights;
}

function draw(lanes: readonly Lane[], at: number): number {
	let left = at;
	for (let index = 0; index < lanes.length; index += 1) {
		left -= (lanes[index] as Lane).weight;
		if (left < 0) return index;
	}
	return lanes.length - 1;
}
