// LiteLLM's ways to choose a deployment, each as a number to sort by [litellm §2.2]. Leaves the default way to routing/placement.
import type { RoutingStrategy } from "../config/schema.ts";
import type { MutableDeployment } from "./deployment.ts";

const MINUTE_MS = 60_000;

export interface StrategyInput {
	readonly now: number;
	/** Uniform in [0, 1). Decides between equals, and simple-shuffle by weight. */
	readonly random: () => number;
	/** What the prompt and an answer of usual length cost there; null = unknown. */
	readonly dollarsOf: (deployment: MutableDeployment) => number | null;
}

/** The deployments by strategy, best first; a lower `order` comes before all others whatever the strategy says. */
export function arrange(
	deployments: readonly MutableDeployment[],
	strategy: RoutingStrategy | null,
	input: StrategyInput,
): MutableDeployment[] {
	const rankOf = ranking(deployments, strategy ?? "simple-shuffle", input);
	return deployments
		.map((deployment) => ({ deployment, order: orderOf(deployment), rank: rankOf(deployment), tie: input.random() }))
		.sort((a, b) => (a.order === b.order ? a.rank - b.rank || a.tie - b.tie : a.order - b.order))
		.map((each) => each.deployment);
}

/** A deployment without an order comes after all that have one. */
export function orderOf({ config }: { readonly config: MutableDeployment["config"] }): number {
	return config.order ?? Number.MAX_VALUE;
}

/** One more request was sent, of so many tokens; negative tokens and no request to take an estimate back. */
export function recordUse(
	deployment: MutableDeployment,
	use: { readonly requests: number; readonly tokens: number },
	now: number,
): void {
	const minute = Math.floor(now / MINUTE_MS);
	if (deployment.usedMinute !== minute) {
		deployment.usedMinute = minute;
		deployment.usedRequests = 0;
		deployment.usedTokens = 0;
	}
	deployment.usedRequests += use.requests;
	deployment.usedTokens = Math.max(0, deployment.usedTokens + use.tokens);
}

function ranking(
	deployments: readonly MutableDeployment[],
	strategy: RoutingStrategy,
	input: StrategyInput,
): (deployment: MutableDeployment) => number {
	switch (strategy) {
		case "simple-shuffle": {
			const shareOf = shuffleShare(deployments);
			return (deployment) => -Math.log(1 - input.random()) / Math.max(shareOf(deployment), Number.EPSILON);
		}
		case "least-busy":
			return ({ inFlight }) => inFlight;
		case "latency-based-routing":
			return ({ firstTokenMs }) => firstTokenMs ?? 0;
		case "usage-based-routing-v2":
			return (deployment) => usedShare(deployment, input.now);
		case "cost-based-routing":
			return (deployment) => input.dollarsOf(deployment) ?? Number.MAX_VALUE;
	}
}

/** By weight where any is set, else by rpm, else by tpm, where all have it. */
function shuffleShare(deployments: readonly MutableDeployment[]): (deployment: MutableDeployment) => number {
	if (deployments.some(({ config }) => config.weight !== 1)) return ({ config }) => config.weight;
	if (deployments.every(({ config }) => config.rpm !== null)) return ({ config }) => config.rpm ?? 1;
	if (deployments.every(({ config }) => config.tpm !== null)) return ({ config }) => config.tpm ?? 1;
	return () => 1;
}

/** Of the minute's limits, the larger share used; tokens as they are where nothing is limited. */
function usedShare({ config, usedMinute, usedRequests, usedTokens }: MutableDeployment, now: number): number {
	if (usedMinute !== Math.floor(now / MINUTE_MS)) return 0;
	const ofRequests = config.rpm === null ? 0 : usedRequests / Math.max(1, config.rpm);
	const ofTokens = usedTokens / Math.max(1, config.tpm ?? config.itpm ?? Number.MAX_SAFE_INTEGER);
	return Math.max(ofRequests, ofTokens);
}
