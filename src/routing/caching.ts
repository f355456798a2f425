// What a deployment's platform and model mean for caching, and what is kept of a prompt, given to those who keep records. Leaves the facts to
// cache/semantics and summing up to cache/summary.
import { cacheModel, collapsesRuns, initialBytesPerToken, minimumTokens } from "../cache/semantics.ts";
import { type PrefixSummary, summarise } from "../cache/summary.ts";
import type { DeploymentConfig } from "../config/schema.ts";
import type { Outline } from "../prompt/outline.ts";
import { billedModel } from "./bill.ts";

export interface CachingFacts {
	/** What separates caches by model. */
	readonly model: string;
	/** Fewest tokens of a prefix that is cached. */
	readonly minimumTokens: number;
	/** Whether a run of tool blocks is one look-back position. */
	readonly collapseRuns: boolean;
	/** Model id the upstream was asked for, the wildcard filled in. */
	readonly upstreamModel: string;
	/** Of text, before any usage was seen. */
	readonly bytesPerToken: number;
}

/** What was asked for of late; a wildcard matches what clients send. */
const known = new WeakMap<DeploymentConfig, Map<string | null, CachingFacts>>();
const MOST_KNOWN = 64;

export function cachingFacts(deployment: DeploymentConfig, wildcard: string | null): CachingFacts {
	const facts = known.get(deployment) ?? new Map<string | null, CachingFacts>();
	known.set(deployment, facts);
	let found = facts.get(wildcard);
	if (found === undefined) {
		found = factsOf(deployment, wildcard);
		if (facts.size >= MOST_KNOWN) facts.clear();
		facts.set(wildcard, found);
	}
	return found;
}

/** What a later turn's prompt is compared with. */
export function promptSummary({ chain, breakpoints }: Outline): PrefixSummary {
	return summarise(chain, breakpoints);
}

function factsOf(deployment: DeploymentConfig, wildcard: string | null): CachingFacts {
	const { provider } = deployment;
	const upstreamModel =
		wildcard === null ? deployment.upstreamModel : deployment.upstreamModel.replace("*", () => wildcard);
	const billed = billedModel(deployment, wildcard);
	return {
		model: cacheModel(provider, upstreamModel),
		minimumTokens: minimumTokens(provider, billed),
		collapseRuns: collapsesRuns(provider),
		upstreamModel,
		bytesPerToken: initialBytesPerToken(billed),
	};
}
