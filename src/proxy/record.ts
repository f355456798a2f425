// What happened to a request, told to the process log, the request log and the ledger. Never throws, never delays the answer. Leaves
// beliefs about caches to routing and keeping the records to db.
import type { FinishedRequest, Finishing, Miss, RequestLog } from "../db/log.ts";
import type { Cost } from "../pricing/cost.ts";
import { billOf } from "../routing/bill.ts";
import { type CachingFacts, cachingFacts } from "../routing/caching.ts";
import type { Counterfactual } from "../routing/counterfactual.ts";
import type { Candidate, Plan } from "../routing/decision.ts";
import type { Deployment } from "../routing/deployment.ts";
import type { Logger } from "../telemetry/log.ts";
import type { AttemptRecord, Exchange } from "./exchange.ts";
import { headerValue } from "./headers.ts";
import { storable } from "./redact.ts";

/** Where records go. Built by the composition root. */
export interface Recorder {
	/** Null where the request log is off. */
	readonly requests: RequestLog | null;
	readonly counterfactual: Counterfactual;
	/** Name of the cache domain a deployment is in; null while unknown. */
	readonly domainOf: (deployment: Deployment) => string | null;
}

/**
 * The lines that LiteLLM's guide tells users to look for, once a request, when its answer begins. The whole line stands in the message
 * so that `grep prompt_caching_deployment_check` finds it in both log formats.
 */
export function recordRouting(log: Logger, plan: Plan, candidate: Candidate): void {
	const id = candidate.deployment.id;
	switch (plan.outcome) {
		case "hit":
		case "new":
		case "miss": {
			const found = plan.outcome === "hit" && candidate.reason === "prefix";
			log.info(
				`prompt_caching_deployment_check: ${found ? "Found cached" : "Adding"} model_id${found ? "" : " to cache"}: ${id}`,
			);
			break;
		}
		case "none":
		case "off":
			break;
	}
	log.info(`router: Routing to deployment: ${id}`);
}

/** The request is over. One debug line with its figures, a warning where an attempt failed, soon a row in the request log. */
export function recordExchange(
	{ log, recorder }: { readonly log: Logger; readonly recorder: Recorder },
	exchange: Exchange,
	now: number,
): void {
	// It may be the whole of a context window: it does not wait for the row.
	if (exchange.capture === null) {
		exchange.body = NOTHING;
		exchange.source = null;
	}
	const ending = new Ending({ log, recorder, exchange, now });
	if (recorder.requests !== null) recorder.requests.record(ending);
	else ending.told(null);
}

const NOTHING = Buffer.alloc(0);

interface EndingOptions {
	readonly log: Logger;
	readonly recorder: Recorder;
	readonly exchange: Exchange;
	readonly now: number;
}

/** A request's end, until it is recorded. */
class Ending implements Finishing {
	readonly #about: EndingOptions;

	constructor(about: EndingOptions) {
		this.#about = about;
	}

	finish(): FinishedRequest {
		const { exchange, recorder, now } = this.#about;
		return finishedRequest(exchange, recorder, now);
	}

	told(miss: Miss | null): void {
		const { log, exchange, now } = this.#about;
		logLines(log, exchange, { now, miss: miss === null ? undefined : `${miss.reason}: ${miss.detail}` });
	}

	failed(error: unknown): void {
		const { log, exchange } = this.#about;
		log.error({ err: error, call_id: exchange.id }, "a request could not be recorded");
	}
}

function logLines(log: Logger, exchange: Exchange, { now, miss }: { now: number; miss: string | undefined }): void {
	for (const attempt of exchange.attempts) {
		if (attempt.outcome !== "failed" && attempt.outcome !== "broke") continue;
		log.warn(
			{ call_id: exchange.id, status: attempt.status, error: attempt.error },
			`deployment ${attempt.deployment.id} ${attempt.outcome === "failed" ? "failed before content" : "broke off its answer"}`,
		);
	}
	if (!log.isLevelEnabled("debug")) return;
	const last = exchange.attempts.at(-1);
	const facts = {
		call_id: exchange.id,
		operation: exchange.operation,
		model: exchange.outline?.model,
		deployment: last?.deployment.id,
		status: exchange.response.statusCode,
		outcome: last?.outcome ?? "rejected",
		attempts: exchange.attempts.length,
		affinity: exchange.plan?.outcome,
		predicted_read: exchange.plan?.candidates[0]?.predictedReadTokens,
		read: exchange.usage?.cacheReadTokens,
		written: exchange.usage?.cacheWriteTokens,
		uncached: exchange.usage?.inputTokens,
		output: exchange.usage?.outputTokens,
		missed: miss,
		ttfb_ms: exchange.firstByteAt === null ? null : exchange.firstByteAt - exchange.startedAt,
		ms: now - exchange.startedAt,
	};
	log.debug(facts, "request finished");
}

function finishedRequest(exchange: Exchange, recorder: Recorder, now: number): FinishedRequest {
	const { plan, outline, usage, caller } = exchange;
	const last = exchange.attempts.at(-1) ?? null;
	const deployment = last?.deployment ?? null;
	const candidate = plan?.candidates.find((one) => one.deployment === deployment) ?? null;
	const session = sessionOf(exchange);
	const facts = deployment === null ? null : cachingFacts(deployment.config, plan?.request.wildcard ?? null);
	const domain = deployment === null ? null : recorder.domainOf(deployment);
	const end = outcomeOf(exchange, last);
	const costs = costsOf(exchange, recorder, deployment);
	const cost = costs?.cost ?? null;
	return {
		row: {
			id: exchange.id,
			started_at: exchange.startedAt,
			first_byte_at: exchange.firstByteAt,
			ended_at: now,
			operation: exchange.operation,
			dialect: exchange.format.name,
			outcome: end.outcome,
			status: end.status,
			error: end.error,
			key_id: caller?.keyHash ?? null,
			key_alias: caller?.keyAlias ?? null,
			team_id: caller?.teamId ?? null,
			user_id: caller?.userId ?? null,
			end_user: endUserOf(exchange),
			session: session.session,
			agent: session.agent,
			client: headerValue(exchange.request.headers, "user-agent")?.slice(0, 120) ?? null,
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
			waited_ms: exchange.waitedMs,
			diverted_from: plan?.divertedFrom?.deployment.id ?? null,
			runner_up: plan?.candidates[1]?.deployment.id ?? null,
			attempts: exchange.attempts.length,
			miss: null,
		},
		details: detailsOf(exchange),
		turn: turnOf(exchange, { domain, candidate, facts }),
		bodies: exchange.capture === null ? null : bodiesOf(exchange, exchange.capture.text()),
	};
}

/** What became of the request as a whole, and what the client got. */
function outcomeOf(
	exchange: Exchange,
	last: AttemptRecord | null,
): Pick<FinishedRequest["row"], "outcome" | "status" | "error"> {
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

/** At the provider's list price, also where the client's own credential pays; null where usage or price is unknown. */
function costsOf(
	exchange: Exchange,
	{ counterfactual }: Recorder,
	deployment: Deployment | null,
): { readonly cost: Cost; readonly random: number | null } | null {
	const { usage, plan, startedAt } = exchange;
	if (usage === null || plan === null || deployment === null) return null;
	const { request } = plan;
	const { wildcard } = request;
	const { config } = deployment;
	const random = counterfactual({
		request,
		deployment: config,
		usage,
		startedAt,
		firstByteAt: exchange.firstByteAt ?? startedAt,
	});
	const cost = billOf(usage, config, { wildcard, variant: request.outline.variant, now: startedAt });
	return cost === null ? null : { cost, random };
}

/** What a later turn is compared with; null where nothing was marked for caching or nothing is known of what was read. */
function turnOf(
	exchange: Exchange,
	known: {
		readonly domain: string | null;
		readonly candidate: Candidate | null;
		readonly facts: CachingFacts | null;
	},
): FinishedRequest["turn"] {
	const { usage, plan, startedAt, firstByteAt, operation } = exchange;
	const { domain, candidate, facts } = known;
	const deployment = exchange.attempts.at(-1)?.deployment;
	if (usage === null || plan === null || deployment === undefined || facts === null) return null;
	const { outline, betas } = plan.request;
	if (operation !== "messages" || outline.breakpoints.length === 0) return null;
	const about = {
		startedAt,
		firstByteAt,
		model: facts.model,
		place: domain ?? deployment.id,
		modelId: deployment.id,
		betas: betas.slice(0, MOST_BETAS),
		variant: outline.variant,
		settings: outline.settings,
		inputTokens: usage.inputTokens,
		readTokens: usage.cacheReadTokens,
		writeTokens: usage.cacheWriteTokens,
		minimumTokens: facts.minimumTokens,
		collapseRuns: facts.collapseRuns,
		route: routeText(plan, candidate, exchange.attempts),
		diagnosis: usage.cacheMissReason ?? null,
	};
	return { about, chain: outline.chain, breakpoints: outline.breakpoints };
}

/** Why a request went where it went, for people. */
function routeText(plan: Plan, candidate: Candidate | null, attempts: readonly AttemptRecord[]): string {
	const failed = attempts.find((attempt) => attempt.outcome === "failed");
	if (failed !== undefined) return `${failed.deployment.id} failed: ${failed.status ?? failed.error}`;
	if (plan.divertedFrom !== null) return `diverted from ${plan.divertedFrom.deployment.id}: ${plan.divertedFrom.why}`;
	return candidate?.reason ?? "";
}

/** Attempts, candidates and exclusions that a row keeps. */
const MOST_LISTED = 16;
const MOST_BETAS = 1024;

function detailsOf(exchange: Exchange): FinishedRequest["details"] {
	const { plan, outline, caller, failure } = exchange;
	const divertedFrom = plan?.divertedFrom ?? null;
	return {
		error_message: failure?.message ?? null,
		attempts: exchange.attempts
			.slice(0, MOST_LISTED)
			.map(({ deployment, outcome, status, error, startedAt, endedAt }) => {
				return { model_id: deployment.id, outcome, status, error, started_at: startedAt, ms: endedAt - startedAt };
			}),
		candidates: (plan?.candidates ?? []).slice(0, MOST_LISTED).map((candidate) => {
			return {
				model_id: candidate.deployment.id,
				reason: candidate.reason,
				predicted_read_tokens: Math.round(candidate.predictedReadTokens),
				expected_dollars: candidate.expectedDollars,
				thinking_at_risk: candidate.thinkingAtRisk,
			};
		}),
		excluded: (plan?.excluded ?? [])
			.slice(0, MOST_LISTED)
			.map(({ deployment, why, until }) => ({ model_id: deployment.id, why, until })),
		diverted: divertedFrom === null ? null : { model_id: divertedFrom.deployment.id, why: divertedFrom.why },
		prompt_tokens: plan === null ? null : Math.round(plan.promptTokens),
		max_tokens: outline?.maxTokens ?? null,
		request_class: plan?.request.conversation.hints?.requestClass ?? null,
		team_alias: caller?.teamAlias ?? null,
		tags: tagsOf(plan?.request.tags ?? caller?.tags ?? []),
		metadata: metadataOf(exchange),
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
function metadataOf({ request }: Exchange): Record<string, unknown> | null {
	const sent = headerValue(request.headers, "x-litellm-spend-logs-metadata");
	if (sent === null || sent.length > MOST_METADATA) return null;
	try {
		const parsed: unknown = JSON.parse(sent);
		const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
		return isObject ? (parsed as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}

function endUserOf({ request }: Exchange): string | null {
	return headerValue(request.headers, "x-litellm-end-user-id") ?? headerValue(request.headers, "x-litellm-customer-id");
}

/** Ids as the client sent them. */
function sessionOf({ plan, caller }: Exchange): { readonly session: string | null; readonly agent: string | null } {
	const conversation = plan?.request.conversation;
	if (conversation === undefined || conversation.session === null || caller === null)
		return { session: null, agent: null };
	const own = (id: string) => (id.startsWith(`${caller.id}:`) ? id.slice(caller.id.length + 1) : id);
	const { session, agent } = conversation;
	return { session: own(session), agent: agent === null ? null : own(agent) };
}

function regionOf({ config }: Deployment): string | null {
	const { extra } = config.credentials;
	const region = extra["aws_region_name"] ?? extra["vertex_location"] ?? extra["region_name"];
	return typeof region === "string" ? region : null;
}

function bodiesOf(exchange: Exchange, response: string | null): FinishedRequest["bodies"] {
	const body = exchange.source?.body ?? exchange.body;
	return { request: body.length === 0 ? null : storable(body), response };
}
