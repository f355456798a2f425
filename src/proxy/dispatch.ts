// Walks the plan: attempt, judge, next or done; answers honestly when nothing could serve. Leaves order to routing and bytes to relay.
import type { IncomingHttpHeaders } from "node:http";
import { fillWildcard } from "../config/model-name.ts";
import type { Config, DeploymentConfig } from "../config/schema.ts";
import type { Call, Provider, UpstreamRequest } from "../providers/provider.ts";
import type { Candidate, Plan, Router, Ticket } from "../routing/decision.ts";
import type { AttemptFailure } from "../routing/deployment.ts";
import type { Logger } from "../telemetry/log.ts";
import { type AttemptOutcome, type FailedAnswer, runAttempt } from "./attempt.ts";
import type { AttemptRecord, Exchange } from "./exchange.ts";
import { failureAnswer } from "./failure.ts";
import { forwardedHeaders, headerValue } from "./headers.ts";
import { recordRouting } from "./record.ts";
import type { UpstreamPools, UpstreamTimeouts } from "./upstream.ts";

export interface DispatchDeps {
	readonly router: Router;
	readonly pools: UpstreamPools;
	/** By deployment id. */
	readonly providers: ReadonlyMap<string, Provider>;
	readonly config: Config;
	readonly log: Logger;
	readonly now: () => number;
}

/** An exchange that has been analysed and planned. */
export interface PlannedExchange {
	readonly exchange: Exchange;
	readonly plan: Plan;
}

/**
 * Tries the plan's candidates in order until one answers. When all fail it throws a GatewayError or relays the most telling
 * upstream error. Resolves when the request is over, whoever ended it.
 */
export async function dispatch({ exchange, plan }: PlannedExchange, deps: DispatchDeps): Promise<void> {
	const failures: FailedAnswer[] = [];
	const headers = forwardedHeaders(exchange.request.rawHeaders, plan.request.outline.stream);
	for (const candidate of plan.candidates) {
		const provider = deps.providers.get(candidate.deployment.id);
		if (provider === undefined) continue;
		const call: Call = {
			operation: exchange.operation,
			query: exchange.query,
			body: exchange.body,
			modelSpan: plan.request.outline.modelSpan,
			model: fillWildcard(candidate.deployment.config.upstreamModel, plan.request.wildcard),
			headers,
		};
		const outcome = await attempt({ exchange, plan, candidate, provider, call }, deps);
		if (outcome.kind !== "failed") return;
		failures.push(outcome.answer);
		if (exchange.aborted) return;
	}
	failureAnswer(exchange, plan, { failures, now: deps.now() });
}

interface Try {
	readonly exchange: Exchange;
	readonly plan: Plan;
	readonly candidate: Candidate;
	readonly provider: Provider;
	readonly call: Call;
}

/** One candidate: the attempt, once more on a fresh socket if a kept-alive one was stale, and what the router learns from it. */
async function attempt(about: Try, deps: DispatchDeps): Promise<AttemptOutcome> {
	const { exchange, plan, candidate } = about;
	const startedAt = deps.now();
	const ticket = deps.router.dispatched(plan, candidate, startedAt);
	let outcome = await send(about, ticket, deps);
	if (outcome.kind === "failed" && outcome.answer.staleSocket && !exchange.aborted)
		outcome = await send(about, ticket, deps);
	const endedAt = deps.now();
	tellRouter(outcome, { ticket, exchange, router: deps.router, now: endedAt });
	exchange.attempts.push(attemptRecord(outcome, { candidate, startedAt, endedAt }));
	return outcome;
}

async function send(about: Try, ticket: Ticket, deps: DispatchDeps): Promise<AttemptOutcome> {
	const { exchange, plan, candidate, provider, call } = about;
	let request: UpstreamRequest;
	try {
		const prepared = provider.prepare(call);
		request = prepared instanceof Promise ? await prepared : prepared;
	} catch (cause) {
		deps.log.error({ err: cause, deployment: candidate.deployment.id }, "the upstream request could not be prepared");
		return notPrepared(provider, cause);
	}
	return runAttempt({
		exchange,
		provider,
		request,
		pools: deps.pools,
		timeouts: timeoutsOf(candidate.deployment.config, plan, deps.config),
		holdMs: deps.config.timeouts.holdMs,
		headers: gatewayHeaders(exchange, plan, candidate),
		onStarted: (status, headers) => {
			if (status < 300) deps.router.started(ticket, identityOf(headers), deps.now());
			recordRouting(deps.log, plan, candidate);
		},
	});
}

function notPrepared(provider: Provider, cause: unknown): AttemptOutcome {
	const failure = { status: null, errorType: null, message: String(cause), headers: {} };
	const verdict = provider.judge(failure);
	const answer = {
		failure,
		verdict,
		body: Buffer.alloc(0),
		kind: "connect",
		code: "prepare",
		staleSocket: false,
	} as const;
	return { kind: "failed", answer };
}

function tellRouter(
	outcome: AttemptOutcome,
	about: { readonly ticket: Ticket; readonly exchange: Exchange; readonly router: Router; readonly now: number },
): void {
	const { ticket, exchange, router, now } = about;
	const failed = (failure: AttemptFailure) => router.failed(ticket, failure, now);
	switch (outcome.kind) {
		case "failed":
			failed({
				kind: outcome.answer.kind,
				status: outcome.answer.failure.status,
				retryAfterMs: outcome.answer.verdict.retryAfterMs,
			});
			break;
		case "aborted":
			if (outcome.begun) router.settled(ticket, exchange.usage, now);
			else failed({ kind: "abort", status: null, retryAfterMs: null });
			break;
		case "served":
			// A relayed 4xx cached nothing and blames nobody.
			if (outcome.status >= 300) failed({ kind: "abort", status: outcome.status, retryAfterMs: null });
			else router.settled(ticket, exchange.usage, now);
			break;
		case "broke":
			router.settled(ticket, exchange.usage, now);
			break;
	}
}

function attemptRecord(
	outcome: AttemptOutcome,
	about: { readonly candidate: Candidate; readonly startedAt: number; readonly endedAt: number },
): AttemptRecord {
	const base = { deployment: about.candidate.deployment, startedAt: about.startedAt, endedAt: about.endedAt };
	switch (outcome.kind) {
		case "failed":
			return { ...base, outcome: "failed", status: outcome.answer.failure.status, error: outcome.answer.code };
		case "served":
			return { ...base, outcome: "served", status: outcome.status, error: "" };
		case "broke":
			return { ...base, outcome: "broke", status: outcome.status, error: outcome.code };
		case "aborted":
			return { ...base, outcome: "aborted", status: null, error: "" };
	}
}

function timeoutsOf(deployment: DeploymentConfig, plan: Plan, config: Config): UpstreamTimeouts {
	const totalMs = deployment.timeoutMs ?? config.timeouts.totalMs;
	const firstByteMs = plan.request.outline.stream
		? (deployment.streamTimeoutMs ?? config.timeouts.firstByteMs)
		: config.timeouts.firstByteMs;
	return { firstByteMs: Math.min(firstByteMs, totalMs), idleMs: config.timeouts.idleMs, totalMs };
}

function identityOf(headers: IncomingHttpHeaders): { organization: string | null; workspace: string | null } {
	return {
		organization: headerValue(headers, "anthropic-organization-id"),
		workspace: headerValue(headers, "anthropic-workspace-id"),
	};
}

/** LiteLLM's response headers that clients know, and our own short form of the decision. */
function gatewayHeaders(exchange: Exchange, plan: Plan, candidate: Candidate): Record<string, string> {
	return {
		"x-litellm-call-id": exchange.id,
		"x-litellm-model-id": candidate.deployment.id,
		"x-litellm-model-group": candidate.deployment.config.group,
		"x-warmpath-affinity": plan.outcome,
		"x-warmpath-reason": candidate.reason,
		"x-warmpath-predicted-cached-tokens": String(Math.round(candidate.predictedReadTokens)),
		"x-warmpath-attempts": String(exchange.attempts.length + 1),
	};
}
