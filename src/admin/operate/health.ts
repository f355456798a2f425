// Which deployments are in use, for load balancers and people. Calls no model (LiteLLM's `/health` does, and costs money); the open probes
// say nothing secret.
import type { Deployment } from "../../routing/deployment.ts";
import { wordsOf } from "../../routing/eligible.ts";
import type { AnswerOf } from "../contract/index.ts";

export interface HealthDeps {
	readonly deployments: () => readonly Deployment[];
	/** Whether this replica hears of the others; null = it is alone by configuration. */
	readonly sharedState: () => "connected" | "detached" | null;
	readonly closing: () => boolean;
	/** By the clock that the router goes by. */
	readonly now: () => number;
}

export function healthOf(deps: HealthDeps): AnswerOf<"GET /health"> {
	const now = deps.now();
	const healthy = [];
	const unhealthy = [];
	for (const deployment of deps.deployments()) {
		const until = Math.max(deployment.cooldownUntil, deployment.quarantineUntil);
		const entry = {
			model: deployment.config.group,
			model_id: deployment.id,
			provider: deployment.config.provider,
			upstream_model: deployment.config.upstreamModel,
			in_flight: deployment.inFlight,
		};
		if (until <= now) healthy.push(entry);
		else unhealthy.push({ ...entry, reason: wordsOf(deployment, now), retry_at: new Date(until).toISOString() });
	}
	const sharedState = deps.sharedState();
	return {
		...(sharedState === null ? {} : { shared_state: sharedState }),
		healthy_endpoints: healthy,
		unhealthy_endpoints: unhealthy,
		healthy_count: healthy.length,
		unhealthy_count: unhealthy.length,
	};
}
