// Which deployments are in use, for load balancers and people. Calls no model (LiteLLM's `/health` does, and costs money); the open probes
// say nothing secret.
import { wordsOf } from "../../routing/eligible.ts";
import type { AnswerOf } from "../contract/index.ts";
import type { LogDeps } from "../log/requests.ts";

export function healthOf(
	{ router, routerNow }: LogDeps,
	sharedState: "connected" | "detached" | null,
): AnswerOf<"GET /health"> {
	const now = routerNow();
	const healthy = [];
	const unhealthy = [];
	for (const deployment of router.deployments()) {
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
	return {
		...(sharedState === null ? {} : { shared_state: sharedState }),
		healthy_endpoints: healthy,
		unhealthy_endpoints: unhealthy,
		healthy_count: healthy.length,
		unhealthy_count: unhealthy.length,
	};
}
