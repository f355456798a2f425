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

export function cachingFacts(deployment: DeploymentConfig, wildcard: string | null): CachingFacts {
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
