// A request that is over, and what the request log keeps of it: columns, details, the turn that a later one is compared with. Leaves when
// it is recorded to proxy/record and keeping it to db.
import type { FinishedRequest } from "../db/log.ts";
import type { Cost } from "../pricing/cost.ts";
import { billOf } from "../routing/bill.ts";
import { type CachingFacts, cachingFacts, promptSummary } from "../routing/caching.ts";
import type { Counterfactual } from "../routing/counterfactual.ts";
import type { Candidate, Plan } from "../routing/decision.ts";
import type { Deployment } from "../routing/deployment.ts";
import type { AttemptRecord, Exchange } from "./exchange.ts";
import { headerValue } from "./headers.ts";
import { storable } from "./redact.ts";

/** What is known beside the request itself. */
export interface Surroundings {
	readonly counterfactual: Counterfactual;
	/** Name of the cache domain a deployment is in; null while unknown. */
	readonly domainOf: (deployment: Deployment) => string | null;
}

/** When a request ended, by both clocks: the exchange's times are of the one that never goes back, the log's of the machine's. */
export interface EndTime {
	readonly now: number;
	readonly wall: number;
}

/**
 * What a record needs of an exchange, and nothing more: with the exchange itself its request, answer and streams would be kept, many times
 * this, until it is recorded.
 */
export class Ended {
	readonly id: string;
	readonly operation: Exchange["operation"];
	readonly dialect: string;
	/** Times in ms since epoch. */
	readonly startedAt: number;
	readonly firstByteAt: number | null;
	readonly endedAt: number;
	readonly waitedMs: number;
	readonly statusCode: number;
	readonly aborted: boolean;
	readonly caller: Exchange["caller"];
	readonly outline: Exchange["outline"];
	readonly plan: Exchange["plan"];
	readonly attempts: Exchange["attempts"];
	readonly usage: Exchange["usage"];
	readonly failure: Exchange["failure"];
	/** Headers of the request: what sent it, for whom, and the caller's own data about it. */
	readonly client: string | null;
	readonly endUser: string | null;
	readonly metadata: string | null;
	/** Null = bodies are not stored. */
	readonly bodies: { readonly body: Buffer; readonly capture: NonNullable<Exchange["capture"]> } | null;

	constructor(exchange: Exchange, { now, wall }: EndTime) {
		const ahead = now - wall;
		const { headers } = exchange.request;
		const { capture } = exchange;
		this.id = exchange.id;
		this.operation = exchange.operation;
		this.dialect = exchange.format.name;
		this.startedAt = exchange.startedAt - ahead;
		this.firstByteAt = exchange.firstByteAt === null ? null : exchange.firstByteAt - ahead;
		this.endedAt = wall;
		this.waitedMs = exchange.waitedMs;
		this.statusCode = exchange.response.statusCode;
		this.aborted = exchange.aborted;
		this.caller = exchange.caller;
		this.outline = exchange.outline;
		this.plan = exchange.plan;
		this.attempts = exchange.attempts;
		this.usage = exchange.usage;
		this.failure = exchange.failure;
		this.client = headerValue(headers, "user-agent");
		this.endUser = headerValue(headers, "x-litellm-end-user-id") ?? headerValue(headers, "x-litellm-customer-id");
		this.metadata = headerValue(headers, "x-litellm-spend-logs-metadata");
		this.bodies = capture === null ? null : { body: exchange.source?.body ?? exchange.body, capture };
	}
}

/** What the log keeps of it. */
export function finishedRequest(ended: Ended, about: Surroundings): FinishedRequest {
	const { plan, outline, usage, caller } = ended;
	const last = ended.attempts.at(-1) ?? null;
	const deployment = last?.deployment ?? null;
	const candidate = plan?.candidates.find((one) => one.deployment === deployment) ?? null;
	const session = sessionOf(ended);
	const facts = deployment === null ? null : cachingFacts(deployment.config, plan?.request.wildcard ?? null);
	const domain = deployment === null ? null : about.domainOf(deployment);
	const end = outcomeOf(ended, last);
	const costs = costsOf(ended, about, deployment);
	const cost = costs?.cost ?? null;
	return {
		row: {
			id: ended.id,
			started_at: ended.startedAt,
			first_byte_at: ended.firstByteAt,
			ended_at: ended.endedAt,
			operation: ended.operation,
			dialect: ended.dialect,
			outcome: end.outcome,
			status: end.status,
			error: end.error,
			key_id: caller?.keyHash ?? null,
			key_alias: caller?.keyAlias ?? null,
			team_id: caller?.teamId ?? null,
			user_id: caller?.userId ?? null,
			end_user: ended.endUser,
			session: session.session,
			agent: session.agent,
			client: ended.client?.slice(0, 120) ?? null,
			model: outline?.model ?? null,
			model_group: deployment?.config.group ?? plan?.request.group.name ?? null,
			model_id: deployment?.id ?? null,
			upstream_model: facts?.upstreamModel ?? null,
			provider: deployment?.config.provider ?? null,
			domain,
			region: deployment === null ? null : regionOf(deployment),
			stream: outline?.stream === true ? 1 : 0,
			input_tokens: usage?.inputTokens ?? null,
			output_tokens: usage?.outputTokens ?? null,
			read_tokens: usage?.cacheReadTokens ?? null,
			write_5m_tokens: usage === null ? null : usage.cacheWriteTokens - usage.cacheWrite1hTokens,
			write_1h_tokens: usage?.cacheWrite1hTokens ?? null,
			cost: cost?.total ?? null,
			cost_input: cost?.input ?? null,
			cost_read: cost?.read ?? null,
			cost_write_5m: cost?.write5m ?? null,
			cost_write_1h: cost?.write1h ?? null,
			cost_output: cost?.output ?? null,
			cost_uncached: cost?.withoutCaching ?? null,
			cost_random: costs?.random ?? null,
			affinity: plan?.outcome ?? null,
			reason: candidate?.reason ?? null,
			predicted_read_tokens: candidate === null ? null : Math.round(candidate.predictedReadTokens),
			waited_ms: ended.waitedMs,
			diverted_from: plan?.divertedFrom?.deployment.id ?? null,
			runner_up: plan?.candidates[1]?.deployment.id ?? null,
			attempts: ended.attempts.length,
			miss: null,
		},
		details: detailsOf(ended),
		turn: turnOf(ended, { domain, candidate, facts }),
		bodies: ended.bodies === null ? null : bodiesOf(ended.bodies),
	};
}

/** What became of the request as a whole, and what the client got. */
function outcomeOf(
	ended: Ended,
	last: AttemptRecord | null,
): Pick<FinishedRequest["row"], "outcome" | "status" | "error"> {
	const { statusCode } = ended;
	const error = ended.failure?.code ?? (last === null || last.error === "" ? null : last.error);
	if (last?.outcome === "broke") return { outcome: "broke", status: statusCode, error };
	if (last?.outcome === "aborted" || (ended.aborted && last?.outcome !== "served"))
		return { outcome: "aborted", status: 499, error };
	if (last?.outcome === "served" && statusCode < 400) return { outcome: "served", status: statusCode, error: null };
	const refused = last === null && ended.plan === null;
	// An upstream's answer that was relayed: its status says what kind of refusal it was.
	return { outcome: refused ? "rejected" : "failed", status: statusCode, error: error ?? `http_${statusCode}` };
}

/** At the provider's list price, also where the client's own credential pays; null where usage or price is unknown. */
function costsOf(
	ended: Ended,
	{ counterfactual }: Surroundings,
	deployment: Deployment | null,
): { readonly cost: Cost; readonly random: number | null } | null {
	const { usage, plan, startedAt } = ended;
	if (usage === null || plan === null || deployment === null) return null;
	const { request } = plan;
	const { wildcard } = request;
	const { config } = deployment;
	const random = counterfactual({
		request,
		deployment: config,
		usage,
		startedAt,
		firstByteAt: ended.firstByteAt ?? startedAt,
	});
	const cost = billOf(usage, config, { wildcard, variant: request.outline.variant, now: startedAt });
	return cost === null ? null : { cost, random };
}

/** What a later turn is compared with; null where nothing was marked for caching or nothing is known of what was read. */
function turnOf(
	ended: Ended,
	known: {
		readonly domain: string | null;
		readonly candidate: Candidate | null;
		readonly facts: CachingFacts | null;
	},
): FinishedRequest["turn"] {
	const { usage, plan, startedAt, firstByteAt, operation } = ended;
	const { domain, candidate, facts } = known;
	const deployment = ended.attempts.at(-1)?.deployment;
	if (usage === null || plan === null || deployment === undefined || facts === null) return null;
	const { outline, betas } = plan.request;
	if (operation !== "messages" || outline.breakpoints.length === 0) return null;
	return {
		startedAt,
		firstByteAt,
		model: facts.model,
		place: domain ?? deployment.id,
		modelId: deployment.id,
		betas: betas.slice(0, MOST_BETAS),
		variant: outline.variant,
		settings: outline.settings,
		summary: promptSummary(outline),
		inputTokens: usage.inputTokens,
		readTokens: usage.cacheReadTokens,
		writeTokens: usage.cacheWriteTokens,
		minimumTokens: facts.minimumTokens,
		collapseRuns: facts.collapseRuns,
		route: routeText(plan, candidate, ended.attempts),
		diagnosis: usage.cacheMissReason ?? null,
	};
}

/** Why a request went where it went, for people. */
function routeText(plan: Plan, candidate: Candidate | null, attempts: readonly AttemptRecord[]): string {
	const failed = attempts.find((attempt) => attempt.outcome === "failed");
	if (failed !== undefined) return `${failed.deployment.id} failed: ${failed.status ?? failed.error}`;
	if (plan.divertedFrom !== null) return `diverted from ${plan.divertedFrom.deployment.id}: ${plan.divertedFrom.why}`;
	return candidate?.reason ?? "";
}

const MOST_BETAS = 1024;
const NONE: readonly never[] = [];

function detailsOf(ended: Ended): FinishedRequest["details"] {
	const { plan, outline, caller, failure } = ended;
	return {
		error_message: failure?.message ?? null,
		attempts: ended.attempts,
		candidates: plan?.candidates ?? NONE,
		excluded: plan?.excluded ?? NONE,
		diverted: plan?.divertedFrom ?? null,
		prompt_tokens: plan === null ? null : Math.round(plan.promptTokens),
		max_tokens: outline?.maxTokens ?? null,
		request_class: plan?.request.conversation.hints?.requestClass ?? null,
		team_alias: caller?.teamAlias ?? null,
		tags: tagsOf(plan?.request.tags ?? caller?.tags ?? NONE),
		metadata: metadataOf(ended),
		miss: null,
		turn: null,
	};
}

const MOST_TAGS = 32;

/** Each once. What the router is asked with holds the caller's own. */
function tagsOf(tags: readonly string[]): readonly string[] {
	return tags.length === 0 ? tags : [...new Set(tags)].slice(0, MOST_TAGS);
}

const MOST_METADATA = 4096;

/** The caller's own data about the request, as LiteLLM takes it; what is no JSON object is left out. */
function metadataOf({ metadata: sent }: Ended): Record<string, unknown> | null {
	if (sent === null || sent.length > MOST_METADATA) return null;
	try {
		const parsed: unknown = JSON.parse(sent);
		const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
		return isObject ? (parsed as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}

/** Ids as the client sent them. */
function sessionOf({ plan, caller }: Ended): { readonly session: string | null; readonly agent: string | null } {
	const conversation = plan?.request.conversation;
	if (conversation === undefined || conversation.session === null || caller === null)
		return { session: null, agent: null };
	const { session, agent } = conversation;
	return { session: ownId(session, caller.id), agent: agent === null ? null : ownId(agent, caller.id) };
}

/** Without the caller's id, that keeps callers' conversations apart. */
function ownId(id: string, caller: string): string {
	return id.startsWith(caller) && id[caller.length] === ":" ? id.slice(caller.length + 1) : id;
}

function regionOf({ config }: Deployment): string | null {
	const { extra } = config.credentials;
	const region = extra["aws_region_name"] ?? extra["vertex_location"] ?? extra["region_name"];
	return typeof region === "string" ? region : null;
}

function bodiesOf({ body, capture }: NonNullable<Ended["bodies"]>): FinishedRequest["bodies"] {
	return { request: body.length === 0 ? null : storable(body), response: capture.text() };
}
