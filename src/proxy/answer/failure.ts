// The one answer a client gets when no deployment could serve its request. Leaves single failures to proxy/upstream/attempt.
import { GatewayError } from "../../errors.ts";
import { readError } from "../../protocol/anthropic.ts";
import type { Verdict } from "../../providers/provider.ts";
import type { Exclusion, Plan } from "../../routing/decision.ts";
import type { Exchange } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import type { FailedAnswer } from "../upstream/outcome.ts";
import { causeInWords } from "./causes.ts";
import { clientError } from "./encoding.ts";

/** Claude Code gives up at once on a longer `retry-after` (claude-code §8), so no longer one is ever sent, s. */
const LONGEST_RETRY_AFTER_S = 60;

interface Failed {
	readonly failures: readonly FailedAnswer[];
	readonly now: number;
}

/**
 * Answers with the failure that helps the client most, of those that were met and of those for which deployments were not even asked: a rate
 * limit met, with the honest shortest wait; an upstream's own error in the dialect's shape, verbatim; a rate limit that keeps others out;
 * what was refused of the request itself, in the upstream's words; else a GatewayError. An upstream's refusal of our credentials or account
 * is never shown as the client's (routing-model §6), and a page that is not the dialect's error never passes.
 */
export function failureAnswer(exchange: Exchange, plan: Plan, failed: Failed): void {
	const { failures, now } = failed;
	refuseUnasked(plan, failed);
	if (answerLimit(exchange, plan, failed)) return;
	const own = lastOf(failures, ({ failure }) => (failure.status ?? 0) >= 500);
	if (own !== undefined) {
		relayError(exchange, own, {});
		return;
	}
	if (limitsOf(plan).length > 0) throw limited(plan, shortestWait(plan, [], now));
	const relayed =
		lastOf(failures, ({ verdict }) => OF_REQUEST.has(verdict.scope)) ?? lastOf(failures, () => failures.every(isSpent));
	if (relayed !== undefined) {
		relayError(exchange, relayed, {});
		return;
	}
	throw (
		failures.findLast(({ unsayable }) => unsayable !== undefined)?.unsayable ?? nobodyServed(exchange, plan, failures)
	);
}

/** A limit that no wait cures: of what may be spent, or of a day. */
function isSpent({ failure, verdict }: FailedAnswer): boolean {
	return failure.status === 429 && verdict.lasting;
}

/** Nobody was asked: why not. */
function refuseUnasked(plan: Plan, { failures, now }: Failed): void {
	const { excluded } = plan;
	if (failures.length > 0 || excluded.length === 0) return;
	const model = plan.request.outline.model;
	if (excluded.every(({ why }) => why === "domain")) throw new GatewayError("domain_not_allowed", { model });
	throw limited(plan, shortestWait(plan, [], now));
}

/** A rate limit that was met and passes; false = none was. Of those that no wait cures nothing is promised (prompt-caching §7). */
function answerLimit(exchange: Exchange, plan: Plan, { failures, now }: Failed): boolean {
	const met = failures.filter((answer) => answer.failure.status === 429 && !isSpent(answer));
	if (met.length === 0) return false;
	const seconds = shortestWait(plan, met, now);
	const last = lastOf(met, () => true);
	if (last === undefined) throw limited(plan, seconds);
	relayError(exchange, last, { "retry-after": String(seconds) });
	return true;
}

/** What a refusal of these scopes says is about what the client asked, so it is for the client to read. */
const OF_REQUEST: ReadonlySet<Verdict["scope"]> = new Set(["request", "class", "model"]);
/** What a refusal of these says is for the operator. */
const OF_OPERATOR: ReadonlySet<Verdict["scope"]> = new Set(["credential", "account"]);

function nobodyServed(exchange: Exchange, plan: Plan, failures: readonly FailedAnswer[]): GatewayError {
	const model = plan.request.outline.model;
	const attempts = describe(failures);
	const every = (is: (answer: FailedAnswer) => boolean) => failures.length > 0 && failures.every(is);
	if (every(({ verdict }) => verdict.scope === "credential" && !verdict.lasting))
		return new GatewayError("upstream_rejected_credentials", { model, attempts: refusals(exchange) });
	if (every(({ verdict }) => OF_OPERATOR.has(verdict.scope))) {
		// Waiting does not help, and Claude Code fails at once where the answer says so (claude-code §8).
		const headers = { "x-should-retry": "false" };
		return new GatewayError(
			"upstream_account_unusable",
			{ model, attempts: accounts(exchange, failures) },
			{ headers },
		);
	}
	// What Claude Code retries three times and then takes for an outage (claude-code §8).
	if (every(({ verdict }) => verdict.errorClass === "serviceUnavailable"))
		return new GatewayError("overloaded", { model, attempts });
	const timedOut = every(({ kind }) => kind === "timeout");
	return new GatewayError(timedOut ? "upstream_timeout" : "unavailable", { model, attempts });
}

function limited(plan: Plan, seconds: number): GatewayError {
	const headers = { "retry-after": String(seconds) };
	return new GatewayError("rate_limited", { model: plan.request.outline.model, seconds }, { headers });
}

/** Deployments that were not asked because of a limit of theirs. */
function limitsOf({ excluded }: Plan): readonly Exclusion[] {
	return excluded.filter(({ why, until }) => why === "limit" && until !== null);
}

/** The last one that has words of its own in the dialect. */
function lastOf(failures: readonly FailedAnswer[], is: (answer: FailedAnswer) => boolean): FailedAnswer | undefined {
	return failures.findLast((answer) => is(answer) && isDialectError(answer));
}

/** `3 attempts: 503, connection refused, 529`: what happened, without naming deployments or upstreams. */
function describe(failures: readonly FailedAnswer[]): string {
	const causes = failures.map(({ failure, code }) => String(failure.status ?? causeInWords(code)));
	return `${causes.length} attempt${causes.length === 1 ? "" : "s"}: ${causes.join(", ")}`;
}

/** `deployment account-1: 403 AccessDeniedException`: whose credentials the operator must look at. The names hold no secret. */
function refusals({ attempts }: Exchange): string {
	const reasons = attempts.map(
		({ deployment, status, error }) => `deployment ${deployment.id}: ${status ?? ""} ${error}`,
	);
	return [...new Set(reasons)].join(", ");
}

/** `deployment account-1: its credit is used up`. */
function accounts({ attempts }: Exchange, failures: readonly FailedAnswer[]): string {
	const failed = attempts.filter(({ outcome }) => outcome === "failed");
	const reasons = failures.map(
		({ verdict }, at) => `deployment ${failed[at]?.deployment.id ?? "?"}: ${verdict.reason}`,
	);
	return [...new Set(reasons)].join(", ");
}

/** Whole seconds until the first deployment is free again, 1 to 60: limits are believed before guesses are. */
function shortestWait(plan: Plan, met: readonly FailedAnswer[], now: number): number {
	const waits = met.flatMap(({ verdict }) => (verdict.retryAfterMs === null ? [] : [verdict.retryAfterMs]));
	for (const { why, until } of plan.excluded)
		if (until !== null && (why === "limit" || why === "cooldown")) waits.push(until - now);
	return retryAfterSeconds(waits.length === 0 ? 5_000 : Math.min(...waits));
}

/** As clients take it: whole seconds, 1 to 60. */
function retryAfterSeconds(ms: number): number {
	return Math.min(LONGEST_RETRY_AFTER_S, Math.max(1, Math.ceil(ms / 1000)));
}

function isDialectError(answer: FailedAnswer): boolean {
	return answer.body.length > 0 && readError(answer.body.toString("utf8")) !== null;
}

function relayError(exchange: Exchange, answer: FailedAnswer, extra: Readonly<Record<string, string>>): void {
	const { headers } = answer.failure;
	const { format, id } = exchange;
	const status = answer.failure.status ?? 500;
	const kept: Record<string, string | string[]> = {};
	for (const name of ["content-type", "request-id", "retry-after", "x-should-retry"]) {
		const value = headers[name];
		if (value !== undefined) kept[name] = value;
	}
	const { lasting, retryAfterMs } = answer.verdict;
	// Clients want whole seconds, and what a spent budget names is the upstream's word.
	if (!lasting && retryAfterMs !== null) kept["retry-after"] = String(retryAfterSeconds(retryAfterMs));
	const requestId = headerValue(headers, "request-id") ?? id;
	const encoded = format.relaysErrors
		? { status, headers: {}, body: answer.body }
		: format.error(clientError(answer.body, { status, requestId }));
	// In the client's own format the upstream's words stay as they are, `param` and `code` among them.
	const own = answer.original === null ? encoded : { ...encoded, ...answer.original };
	exchange.response.writeHead(own.status, {
		...kept,
		...own.headers,
		"content-length": String(own.body.length),
		"x-litellm-call-id": id,
		"x-warmpath-attempts": String(exchange.attempts.length),
		...extra,
	});
	exchange.response.end(own.body);
}
