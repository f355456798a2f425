// Every deployment as it stands now, and its last day. Run-time state comes from the router and sums from the ledger; where there is no
// log, the sums are zero.
import { sumLedger } from "../../requestlog/ledger.ts";
import { namedMeasures } from "../../requestlog/measures.ts";
import { type Deployment, recentLoad } from "../../routing/deployment.ts";
import { wordsOf } from "../../routing/eligible.ts";
import type { LiveRouter } from "../../routing/router.ts";
import type { DeploymentsView, DeploymentView } from "../contract/operate.ts";
import type { LogDeps } from "../log/requests.ts";
import type { LogSource } from "../log/source.ts";

const DAY_MS = 86_400_000;
const LOAD_HALF_LIFE_MS = 60_000;

/** `drainsKept`: there is a database for what is drained. */
export async function deploymentsOf(deps: LogDeps & { readonly drainsKept: boolean }): Promise<DeploymentsView> {
	const { log, router } = deps;
	const now = deps.now();
	// Deployments are of interest above all when something is wrong: a database that is away must not hide them.
	const sums =
		log === null ? [] : await sumLedger(log.database, { from: now - DAY_MS, to: now }, ["model_id"]).catch(() => []);
	const byId = new Map(sums.map(({ model_id, measures }) => [model_id, measures]));
	const deployments = router.deployments().map((deployment): DeploymentView => {
		const measures = byId.get(deployment.id) ?? namedMeasures({});
		return {
			...stateOf(deployment, router, { now, routerNow: deps.routerNow() }),
			measures,
			prediction_accuracy:
				measures.predicted_tokens === 0 ? null : measures.confirmed_tokens / measures.predicted_tokens,
		};
	});
	return { now, domains: domainsOf(log, router), deployments, drains_kept: deps.drainsKept };
}

function stateOf(
	deployment: Deployment,
	router: LiveRouter,
	times: { readonly now: number; readonly routerNow: number },
): Omit<DeploymentView, "measures" | "prediction_accuracy"> {
	const { config } = deployment;
	const now = times.routerNow;
	const levels = router.headroomOf(deployment, now);
	const until = Math.max(deployment.cooldownUntil, deployment.quarantineUntil);
	const out = until > now;
	const region = config.credentials.extra["aws_region_name"] ?? config.credentials.extra["vertex_location"];
	return {
		model_id: deployment.id,
		model_group: config.group,
		provider: config.provider,
		upstream_model: config.upstreamModel,
		region: typeof region === "string" ? region : null,
		domain: router.cacheDomainOf(deployment),
		weight: config.weight,
		order: config.order,
		state:
			deployment.quarantineUntil > now ? "quarantined" : out ? "cooling_down" : deployment.onTrial ? "trial" : "ready",
		reason: out ? wordsOf(deployment, now) : null,
		until: out ? until - now + times.now : null,
		rests: [...deployment.rests.values()].flatMap((rest) => {
			return rest.until > now ? [{ part: rest.name, reason: rest.reason, until: rest.until - now + times.now }] : [];
		}),
		draining: deployment.draining,
		in_flight: deployment.inFlight,
		max_parallel_requests: config.maxParallelRequests,
		recent_load_tokens: Math.round(recentLoad(deployment, now, LOAD_HALF_LIFE_MS)),
		first_token_ms: deployment.firstTokenMs,
		limits: {
			requests: levels?.requests ?? null,
			input_tokens: levels?.inputTokens ?? null,
			output_tokens: levels?.outputTokens ?? null,
			tokens: levels?.tokens ?? null,
		},
	};
}

/** Deployments that read each other's cache, together. */
function domainsOf(log: LogSource | null, router: LiveRouter): DeploymentsView["domains"] {
	const warmth = log?.service.warmth() ?? new Map();
	const domains = new Map<number | string, Deployment[]>();
	for (const deployment of router.deployments()) {
		const key = router.domainOf(deployment) ?? deployment.id;
		const members = domains.get(key);
		if (members === undefined) domains.set(key, [deployment]);
		else members.push(deployment);
	}
	return [...domains.values()].map((members) => {
		const [first] = members as [Deployment, ...Deployment[]];
		const name = router.cacheDomainOf(first);
		// Before its name is known a domain's turns are remembered by deployment.
		const places = [...(name === null ? [] : [name]), ...members.map(({ id }) => id)];
		const warm = places.map((place) => warmth.get(place)).filter((one) => one !== undefined);
		const sum = (of: "conversations" | "tokens" | "expiringTokens") => warm.reduce((all, one) => all + one[of], 0);
		return {
			name,
			model_ids: members.map(({ id }) => id),
			conversations: sum("conversations"),
			warm_tokens: sum("tokens"),
			expiring_tokens: sum("expiringTokens"),
			read_back_rate: router.readBackRateOf(first),
		};
	});
}
