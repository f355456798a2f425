// The real router behind the replay's interface, driven as proxy/upstream/dispatch drives it. Leaves every decision to routing/.
import { parseConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { Candidate, Hold, Plan, RouteRequest } from "../../routing/decision.ts";
import { createRouter, type LiveRouter } from "../../routing/router.ts";
import { outlineOf } from "../outline.ts";
import type { Dispatched, Pause, Policy, PolicyOptions } from "../policy.ts";

/** The router counts in ms since epoch; the replay starts at this. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);
const NO_IDENTITY = { organization: null, workspace: null };

/** A gateway with the router as it ships and its default settings; every deployment is a cache domain of its own. */
export function createWarmpath(options: PolicyOptions): Policy {
	const config = configOf(options);
	const group = config.groups.get("*");
	if (group === undefined) throw new Error("the replay's own configuration has no group");
	const numbers = new Map(group.deployments.map(({ id }, at) => [id, at]));
	const router = createRouter({ ...config, random: options.random, shared: options.shared });
	return {
		route(request, now) {
			const { session, agent } = request;
			const asked: RouteRequest = {
				outline: outlineOf(request),
				group,
				wildcard: request.model,
				conversation: { session, agent },
				betas: "",
			};
			let plan = router.plan(asked, EPOCH_MS + now);
			let tried = 0;
			let held = false;
			return {
				next(at) {
					// As proxy/upstream/dispatch does: what waits is planned again; what was planned is tried in order.
					if (tried === 0 && plan.hold !== null) {
						if (held) plan = router.plan({ ...asked, heldSince: EPOCH_MS + now }, EPOCH_MS + at);
						held = true;
						const { hold } = plan;
						if (hold !== null && hold.until > EPOCH_MS + at) return pause(router, hold);
					}
					const candidate = plan.candidates[tried] ?? plan.lastResort[tried - plan.candidates.length];
					tried += 1;
					if (candidate === undefined) return null;
					const sent = { plan, candidate };
					const deployment = numbers.get(candidate.deployment.id) ?? 0;
					return { deployment, dispatched: (sentAt) => dispatch(router, sent, sentAt) };
				},
				retryAt: () => earliest(plan),
			};
		},
	};
}

function pause(router: LiveRouter, hold: Hold): Pause {
	return {
		until: hold.until - EPOCH_MS,
		onRelease(listener) {
			router.onRelease(hold, listener);
		},
	};
}

function dispatch(router: LiveRouter, sent: { plan: Plan; candidate: Candidate }, now: number): Dispatched {
	const ticket = router.dispatched(sent.plan, sent.candidate, EPOCH_MS + now);
	return {
		limited: (retryAfterMs, at) => router.failed(ticket, { kind: "status", status: 429, retryAfterMs }, EPOCH_MS + at),
		started: (at) => router.started(ticket, NO_IDENTITY, EPOCH_MS + at),
		settled: (usage, at) => router.settled(ticket, usage, EPOCH_MS + at),
	};
}

/** When the first of the excluded deployments may be used again. */
function earliest({ excluded }: Plan): number | null {
	const times = excluded.flatMap(({ until }) => (until === null ? [] : [until - EPOCH_MS]));
	return times.length === 0 ? null : Math.min(...times);
}

/** The configuration an operator would write for these deployments, with the defaults of everything else. */
function configOf({ deployments, limits }: PolicyOptions): Config {
	const entries = Array.from({ length: deployments }, (_, at) => {
		const id = `deployment-${at + 1}`;
		return {
			model_name: "*",
			litellm_params: {
				model: "anthropic/*",
				api_key: `sk-${id}`,
				...(limits.requests === null ? {} : { rpm: limits.requests }),
				...(limits.inputTokens === null ? {} : { itpm: limits.inputTokens }),
			},
			model_info: { id, cache_domain: id },
		};
	});
	const loaded = parseConfig(JSON.stringify({ model_list: entries }), { path: "<replay>", env: {} });
	if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join("; "));
	return loaded.config;
}
