// What a deployment's platform and model mean for caching, told to those who keep records. Leaves the facts to cache/semantics.
import { cacheModel, collapsesRuns, minimumTokens } from "../cache/semantics.ts";
import type { DeploymentConfig } from "../config/schema.ts";
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

function factsOf(deployment: DeploymentConfig, wildcard: string | null): CachingFacts {
	const { provider } = deployment;
	const upstreamModel =
		wildcard === null ? deployment.upstreamModel : deployment.upstreamModel.replace("*", () => wildcard);
	return {
		model: cacheModel(provider, upstreamModel),
		minimumTokens: minimumTokens(provider, billedModel(deployment, wildcard)),
		collapseRuns: collapsesRuns(provider),
		upstreamModel,
	};
}
