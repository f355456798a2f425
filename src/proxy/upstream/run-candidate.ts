// One candidate: the attempt, once more on a fresh socket if a kept-alive one was stale, and what the router learns from it. Leaves the
// choice of candidates to proxy/upstream/dispatch.
import type { IncomingHttpHeaders } from "node:http";
import type { Config, DeploymentConfig } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import {
	type Call,
	CredentialError,
	type Provider,
	type ResponseHead,
	type UpstreamRequest,
	type Verdict,
} from "../../providers/provider.ts";
import type { Candidate, Plan, RequestRouter, ResponseIdentity, Ticket } from "../../routing/decision.ts";
import type { AttemptFailure } from "../../routing/deployment.ts";
import type { Logger } from "../../telemetry/log.ts";
import { logRemoved } from "../answer/removed.ts";
import type { AttemptRecord, Exchange } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import { recordRouting } from "../record/recorder.ts";
import { runAttempt } from "./attempt.ts";
import { type AttemptOutcome, FAULT, type FailedAnswer, withoutAnswer } from "./outcome.ts";
import type { UpstreamPools, UpstreamTimeouts } from "./upstream.ts";

/** What every attempt needs; built by the composition root. */
export interface DispatchDeps {
	readonly router: RequestRouter;
	readonly pools: UpstreamPools;
	/** By deployment id. */
	readonly providers: ReadonlyMap<string, Provider>;
	readonly config: Config;
	readonly log: Logger;
	readonly now: () => number;
}

/** Ends an attempt without blame for its deployment. */
const NOBODYS_FAULT: AttemptFailure = { kind: "abort", status: null, retryAfterMs: null };

export interface CandidateRun {
	readonly exchange: Exchange;
	readonly plan: Plan;
	readonly candidate: Candidate;
	readonly provider: Provider;
	readonly call: Call;
	readonly hasFallback: (verdict: Verdict) => boolean;
}

/** Runs one candidate to its end, informs the router and notes it on the exchange. Never rejects. */
export async function runCandidate(about: CandidateRun, deps: DispatchDeps): Promise<AttemptOutcome> {
	const { exchange, plan, candidate } = about;
	const startedAt = deps.now();
	const ticket = deps.router.dispatched(plan, candidate, startedAt);
	let outcome: AttemptOutcome | null = null;
	try {
		outcome = await send(about, ticket, deps);
		const isOurs = outcome.kind === "failed" && (outcome.answer.staleSocket || outcome.answer.verdict.again === true);
		if (isOurs && !exchange.aborted) outcome = await send(about, ticket, deps);
	} finally {
		// Its place on the deployment is given back whatever was thrown.
		if (outcome === null) deps.router.failed(ticket, NOBODYS_FAULT, deps.now());
	}
	const endedAt = deps.now();
	tellRouter(outcome, { ticket, exchange, router: deps.router, now: endedAt });
	exchange.attempts.push(attemptRecord(outcome, { candidate, startedAt, endedAt }));
	return outcome;
}

async function send(about: CandidateRun, ticket: Ticket, deps: DispatchDeps): Promise<AttemptOutcome> {
	const { exchange, plan, candidate, provider, call, hasFallback } = about;
	let request: UpstreamRequest;
	try {
		const prepared = provider.prepare(call);
		request = prepared instanceof Promise ? await prepared : prepared;
	} catch (cause) {
		return notPrepared(about, cause, deps.log);
	}
	if (request.removed !== undefined)
		logRemoved(provider, { deployment: candidate.deployment.id, removed: request.removed }, deps.log);
	const outcome = await runAttempt({
		exchange,
		provider,
		request,
		pools: deps.pools,
		timeouts: timeoutsOf(candidate.deployment.config, plan, deps.config),
		holdMs: deps.config.timeouts.holdMs,
		headers: gatewayHeaders(exchange, { plan, candidate, request }),
		hasFallback,
		onStarted: (status, headers) => {
			if (status < 300) deps.router.started(ticket, identityOf({ status, headers }, provider), deps.now());
			recordRouting(deps.log, plan, candidate);
		},
	});
	if (outcome.kind === "failed") provider.failed?.(outcome.answer.failure, call);
	return outcome;
}

const NOT_PREPARED = "unprepared";
/** Codes of attempts that ended before anything was sent; the last two are undici's, for headers and paths that HTTP has not. */
const UNSENT: ReadonlySet<string> = new Set([NOT_PREPARED, "UND_ERR_INVALID_ARG", "UND_ERR_NOT_SUPPORTED"]);

/** Credentials that cannot be had are logged once, by the deployment's name; to the router they are a refusal like the upstream's own. */
function notPrepared({ provider, candidate, exchange }: CandidateRun, cause: unknown, log: Logger): AttemptOutcome {
	if (cause instanceof GatewayError) return unsayable(provider, cause);
	const unusable = cause instanceof CredentialError;
	const about = { call_id: exchange.id, deployment: candidate.deployment.id };
	if (unusable) log.error(about, `deployment ${candidate.deployment.id} has no usable credentials: ${cause.message}`);
	else log.error({ ...about, err: cause }, "the upstream request could not be prepared");
	const failure = {
		status: unusable ? 401 : null,
		errorType: unusable ? "authentication_error" : null,
		errorCode: null,
		timedOut: false,
		headers: {},
		message: unusable ? cause.message : String(cause),
	};
	const verdict = provider.judge(failure);
	const code = unusable ? "prepare" : NOT_PREPARED;
	return { kind: "failed", answer: withoutAnswer(failure, verdict, { kind: "connect", code, stale: false }) };
}

/** What the request asks for has no form on this upstream (providers refuse it when they translate). Nobody is to blame. */
function unsayable(provider: Provider, refusal: GatewayError): AttemptOutcome {
	const { status, anthropicType: errorType, message } = refusal;
	const failure = { status, errorType, errorCode: null, timedOut: false, headers: {}, message };
	const verdict = { ...provider.judge(failure), action: "next", scope: "request" } as const;
	const sent = {
		body: Buffer.alloc(0),
		original: null,
		kind: "connect",
		code: NOT_PREPARED,
		staleSocket: false,
	} as const;
	return { kind: "failed", answer: { ...sent, failure, verdict, unsayable: refusal } };
}

function tellRouter(
	outcome: AttemptOutcome,
	about: { readonly ticket: Ticket; readonly exchange: Exchange; readonly router: RequestRouter; readonly now: number },
): void {
	const { ticket, exchange, router, now } = about;
	switch (outcome.kind) {
		case "failed":
			router.failed(ticket, failureOf(outcome.answer, exchange), now);
			break;
		case "aborted":
			if (outcome.begun) router.settled(ticket, exchange.usage, now);
			else router.failed(ticket, NOBODYS_FAULT, now);
			break;
		case "served":
			// A relayed 4xx cached nothing and blames nobody.
			if (outcome.status >= 300)
				router.failed(ticket, { kind: "abort", status: outcome.status, retryAfterMs: null }, now);
			else router.settled(ticket, exchange.usage, now);
			break;
		case "broke":
			if (outcome.code === FAULT) router.failed(ticket, NOBODYS_FAULT, now);
			else router.settled(ticket, exchange.usage, now);
			break;
	}
}

function failureOf({ kind, code, failure, verdict }: FailedAnswer, { operation }: Exchange): AttemptFailure {
	// A platform that cannot count is not a sick one, and who may not count may send messages.
	const isOfCounting = verdict.scope === "model" || verdict.scope === "class" || verdict.errorClass === "notFound";
	if (operation === "count_tokens" && isOfCounting && failure.status !== 429) {
		return { kind: "abort", status: failure.status, retryAfterMs: null };
	}
	// Nothing was sent: what could not be, this request brought with it.
	if (UNSENT.has(code)) return NOBODYS_FAULT;
	const { errorClass, lasting, retryAfterMs, limits, scope, requestClass, reason } = verdict;
	return { kind, status: failure.status, errorClass, lasting, retryAfterMs, limits, scope, requestClass, reason };
}

function attemptRecord(
	outcome: AttemptOutcome,
	about: { readonly candidate: Candidate; readonly startedAt: number; readonly endedAt: number },
): AttemptRecord {
	const { startedAt, endedAt } = about;
	const { deployment } = about.candidate;
	const record = (status: number | null, error: string): AttemptRecord => {
		return { deployment, startedAt, endedAt, outcome: outcome.kind, status, error };
	};
	switch (outcome.kind) {
		case "failed":
			return record(outcome.answer.failure.status, outcome.answer.code);
		case "served":
			return record(outcome.status, "");
		case "broke":
			return record(outcome.status, outcome.code);
		case "aborted":
			return record(null, "");
	}
}

function timeoutsOf(deployment: DeploymentConfig, plan: Plan, config: Config): UpstreamTimeouts {
	const totalMs = deployment.timeoutMs ?? config.timeouts.totalMs;
	const firstByteMs = plan.request.outline.stream
		? (deployment.streamTimeoutMs ?? config.timeouts.firstByteMs)
		: config.timeouts.firstByteMs;
	return { firstByteMs: Math.min(firstByteMs, totalMs), idleMs: config.timeouts.idleMs, totalMs };
}

function identityOf(
	head: ResponseHead & { readonly headers: IncomingHttpHeaders },
	provider: Provider,
): ResponseIdentity {
	const { headers } = head;
	const limits = provider.limits(headers);
	const known = provider.identity?.(head) ?? null;
	if (known !== null) return { ...known, limits };
	return {
		organization: headerValue(headers, "anthropic-organization-id"),
		workspace: headerValue(headers, "anthropic-workspace-id"),
		limits,
	};
}

/** LiteLLM's response headers that clients know, and our own short form of the decision. */
function gatewayHeaders(
	exchange: Exchange,
	{
		plan,
		candidate,
		request,
	}: { readonly plan: Plan; readonly candidate: Candidate; readonly request: UpstreamRequest },
): Record<string, string> {
	const headers: Record<string, string> = {
		"x-litellm-call-id": exchange.id,
		"x-litellm-model-id": candidate.deployment.id,
		"x-litellm-model-group": candidate.deployment.config.group,
		"x-warmpath-affinity": plan.outcome,
		"x-warmpath-reason": candidate.reason,
		"x-warmpath-predicted-cached-tokens": String(Math.round(candidate.predictedReadTokens)),
		"x-warmpath-attempts": String(exchange.attempts.length + 1),
		...exchange.keyHeaders,
	};
	if (request.removed !== undefined && request.removed.length > 0)
		headers["x-warmpath-removed"] = request.removed.join(", ");
	if (exchange.waitedMs > 0) headers["x-warmpath-waited-ms"] = String(exchange.waitedMs);
	if (plan.divertedFrom !== null) headers["x-warmpath-diverted-from"] = plan.divertedFrom.deployment.id;
	return headers;
}
