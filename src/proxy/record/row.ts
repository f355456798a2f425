// A request that is over, and what the request log keeps of it: columns, details, the turn that a later one is compared with. Leaves when
// it is recorded to proxy/record/recorder and keeping it to requestlog.

import type { FinishedRequest } from "../../requestlog/log.ts";
import { isDeclined } from "../../routing/bill.ts";
import { type CachingFacts, cachingFacts, promptSummary } from "../../routing/caching.ts";
import type { Counterfactual } from "../../routing/counterfactual.ts";
import type { Candidate, Plan } from "../../routing/decision.ts";
import type { Deployment } from "../../routing/deployment.ts";
import type { AttemptRecord, Exchange } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import { storable } from "./redact.ts";
import { billedDetails, type Spending, spendingOf } from "./spending.ts";

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

/** Attempts, candidates and exclusions that are kept of a request, the first of each. */
const MOST_LISTED = 16;

/** What the log keeps of it. */
export function finishedRequest(exchange: Exchange, { now, wall }: EndTime, about: Surroundings): FinishedRequest {
	const { plan } = exchange;
	const spending = spendingOf(exchange);
	const deployment = exchange.attempts.at(-1)?.deployment ?? null;
	const known: Known = {
		now,
		ahead: now - wall,
		usage: spending.usage,
		cost: spending.bill?.cost ?? null,
		randomCost: randomCostOf(exchange, spending, about),
		isEstimated: spending.estimated.length > 0,
		billed: billedDetails(spending),
		agent: headerValue(exchange.request.headers, "user-agent"),
		deployment,
		candidate: plan?.candidates.find((one) => one.deployment === deployment) ?? null,
		facts: deployment === null ? null : cachingFacts(deployment.config, plan?.request.wildcard ?? null),
		domain: deployment === null ? null : about.domainOf(deployment),
		conversation: conversationOf(exchange),
		end: outcomeOf(exchange),
	};
	return {
		row: rowOf(exchange, known),
		details: detailsOf(exchange, known),
		bodies: bodiesOf(exchange),
	};
}

/** What is worked out first: several parts of the record hold it. */
interface Known {
	readonly now: number;
	/** How far the exchange's clock is ahead of the machine's. */
	readonly ahead: number;
	/** Null where nothing is known. */
	readonly usage: Spending["usage"];
	/** Dollars; null where the price or the usage is unknown. */
	readonly cost: NonNullable<Spending["bill"]>["cost"];
	readonly randomCost: number | null;
	readonly isEstimated: boolean;
	readonly billed: FinishedRequest["details"]["billed"];
	readonly agent: string | null;
	/** That served it or was tried last; null where none was. */
	readonly deployment: Deployment | null;
	readonly candidate: Candidate | null;
	readonly facts: CachingFacts | null;
	readonly domain: string | null;
	readonly conversation: Conversation;
	readonly end: Pick<FinishedRequest["row"], "outcome" | "status" | "error">;
}

/** One literal of all columns: a row that is put together of parts costs several times as much. */
function rowOf(exchange: Exchange, known: Known): FinishedRequest["row"] {
	const { plan, outline, caller, request, firstByteAt, startedAt } = exchange;
	const { usage, cost, deployment, candidate, end } = known;
	const [client, version] = clientOf(known.agent);
	return {
		id: exchange.id,
		started_at: startedAt - known.ahead,
		operation: exchange.operation,
		client_format: exchange.format.name,
		outcome: end.outcome,
		status: end.status,
		error: end.error,
		key_id: caller?.keyHash ?? null,
		key_alias: caller?.keyAlias ?? null,
		team_id: caller?.teamId ?? null,
		user_id: caller?.userId ?? null,
		end_user: endUserOf(request.headers),
		session_id: known.conversation.session,
		agent_id: known.conversation.agent,
		client,
		client_version: version,
		tags: tagsOf(plan?.request.tags ?? caller?.tags ?? []),
		model: outline?.model ?? null,
		model_group: deployment?.config.group ?? plan?.request.group.name ?? null,
		model_id: deployment?.id ?? null,
		upstream_model: known.facts?.upstreamModel ?? null,
		provider: deployment?.config.provider ?? null,
		cache_domain: known.domain,
		region: deployment === null ? null : regionOf(deployment),
		stream: outline?.stream === true,
		estimated: known.isEstimated,
		input_tokens: usage?.inputTokens ?? null,
		output_tokens: usage?.outputTokens ?? null,
		cache_read_tokens: usage?.cacheReadTokens ?? null,
		cache_write_5m_tokens: usage === null ? null : usage.cacheWriteTokens - usage.cacheWrite1hTokens,
		cache_write_1h_tokens: usage?.cacheWrite1hTokens ?? null,
		cost: cost?.total ?? null,
		cost_input: cost?.input ?? null,
		cost_cache_read: cost?.read ?? null,
		cost_cache_write_5m: cost?.write5m ?? null,
		cost_cache_write_1h: cost?.write1h ?? null,
		cost_output: cost?.output ?? null,
		cost_server_tools: cost?.tools ?? null,
		cost_without_caching: cost?.withoutCaching ?? null,
		cost_random_routing: known.randomCost,
		affinity: plan?.outcome ?? null,
		reason: candidate?.reason ?? null,
		predicted_read: candidate === null ? null : Math.round(candidate.predictedReadTokens),
		waited_ms: exchange.waitedMs,
		ttft_ms: firstByteAt === null ? null : firstByteAt - startedAt,
		duration_ms: known.now - startedAt,
		diverted_from: plan?.divertedFrom?.deployment.id ?? null,
		runner_up: plan?.candidates[1]?.deployment.id ?? null,
		attempts: exchange.attempts.length,
		miss_cause: null,
	};
}

/** `claude-cli/2.1.332 (external, cli)`: the program and its version. */
function clientOf(agent: string | null): readonly [name: string | null, version: string | null] {
	const [, client = null, version = null] = /^\s*([^\s/]+)(?:\/(\S+))?/.exec(agent ?? "") ?? [];
	return [client?.slice(0, MOST_NAME) ?? null, version?.slice(0, MOST_NAME) ?? null];
}

const MOST_NAME = 120;

/** Whom the request names as its user. */
function endUserOf(headers: Exchange["request"]["headers"]): string | null {
	return headerValue(headers, "x-litellm-end-user-id") ?? headerValue(headers, "x-litellm-customer-id");
}

/** What became of the request as a whole, and what the client got. */
function outcomeOf(exchange: Exchange): Known["end"] {
	const last = exchange.attempts.at(-1) ?? null;
	const { statusCode } = exchange.response;
	const error = exchange.failure?.code ?? (last === null || last.error === "" ? null : last.error);
	if (last?.outcome === "broke") return { outcome: "broke", status: statusCode, error };
	if (last?.outcome === "aborted" || (exchange.aborted && last?.outcome !== "served"))
		return { outcome: "aborted", status: 499, error };
	if (last?.outcome === "served" && statusCode < 400) return { outcome: "served", status: statusCode, error: null };
	const refused = last === null && exchange.plan === null;
	// An upstream's answer that was relayed: its status says what kind of refusal it was.
	return { outcome: refused ? "rejected" : "failed", status: statusCode, error: error ?? `http_${statusCode}` };
}

/** Expected under random routing; null where a price or the usage is unknown. */
function randomCostOf(exchange: Exchange, { usage, bill }: Spending, { counterfactual }: Surroundings): number | null {
	const { plan, startedAt } = exchange;
	const deployment = exchange.attempts.at(-1)?.deployment;
	if (usage === null || bill === null || plan === null || deployment === undefined) return null;
	// Asked also where the cost is unknown: it remembers the prompt.
	const random = counterfactual({
		request: plan.request,
		deployment: deployment.config,
		usage,
		startedAt,
		firstByteAt: exchange.firstByteAt ?? startedAt,
	});
	if (random === null || bill.cost === null) return null;
	return (isDeclined(usage, deployment.config) ? 0 : random) + bill.beside;
}

/** What a later turn is compared with; null where nothing was marked for caching or nothing is known of what was read. */
function turnOf(exchange: Exchange, known: Known): FinishedRequest["details"]["turn"] {
	// Caches are judged by what the provider reported, not by estimates.
	const { usage, plan, startedAt, firstByteAt, operation } = exchange;
	const { domain, candidate, deployment, facts, ahead } = known;
	if (usage === null || plan === null || deployment === null || facts === null) return null;
	const { outline, betas } = plan.request;
	if (operation !== "messages" || outline.breakpoints.length === 0) return null;
	return {
		startedAt: startedAt - ahead,
		firstByteAt: firstByteAt === null ? null : firstByteAt - ahead,
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
		route: routeText(plan, candidate, exchange.attempts),
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

function detailsOf(exchange: Exchange, known: Known): FinishedRequest["details"] {
	const { plan, outline, caller, failure } = exchange;
	const { ahead } = known;
	const diverted = plan?.divertedFrom ?? null;
	return {
		error_message: failure?.message ?? null,
		attempts: exchange.attempts.slice(0, MOST_LISTED).map((attempt) => ({
			model_id: attempt.deployment.id,
			outcome: attempt.outcome,
			status: attempt.status,
			error: attempt.error,
			started_at: attempt.startedAt - ahead,
			ms: attempt.endedAt - attempt.startedAt,
		})),
		candidates: (plan?.candidates ?? []).slice(0, MOST_LISTED).map((candidate) => ({
			model_id: candidate.deployment.id,
			reason: candidate.reason,
			predicted_read_tokens: Math.round(candidate.predictedReadTokens),
			expected_dollars: candidate.expectedDollars,
			thinking_at_risk: candidate.thinkingAtRisk,
		})),
		excluded: (plan?.excluded ?? []).slice(0, MOST_LISTED).map(({ deployment, why, until }) => {
			return { model_id: deployment.id, why, until };
		}),
		diverted: diverted === null ? null : { model_id: diverted.deployment.id, why: diverted.why },
		prompt_tokens: plan === null ? null : Math.round(plan.promptTokens),
		max_tokens: outline?.maxTokens ?? null,
		request_class: plan?.request.conversation.hints?.requestClass ?? null,
		team_alias: caller?.teamAlias ?? null,
		user_agent: known.agent,
		metadata: metadataOf(headerValue(exchange.request.headers, "x-litellm-spend-logs-metadata")),
		miss: null,
		turn: turnOf(exchange, known),
		billed: known.billed,
	};
}

const MOST_TAGS = 32;

/** Each once. What the router is asked with holds the caller's own. */
function tagsOf(tags: readonly string[]): readonly string[] {
	return [...new Set(tags)].slice(0, MOST_TAGS);
}

const MOST_METADATA = 4096;

/** The caller's own data about the request, as LiteLLM takes it; what is no JSON object is left out. */
function metadataOf(sent: string | null): Record<string, unknown> | null {
	if (sent === null || sent.length > MOST_METADATA) return null;
	try {
		const parsed: unknown = JSON.parse(sent);
		const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
		return isObject ? (parsed as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}

interface Conversation {
	readonly session: string | null;
	readonly agent: string | null;
}

/** Ids as the client sent them. */
function conversationOf({ plan, caller }: Exchange): Conversation {
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

/** Null where bodies are not stored. */
function bodiesOf({ capture, source, body: sent }: Exchange): FinishedRequest["bodies"] {
	if (capture === null) return null;
	const body = source?.body ?? sent;
	return { request: body.length === 0 ? null : storable(body), response: capture.text() };
}
