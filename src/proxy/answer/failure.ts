// The one answer a client gets when no deployment could serve its request. Leaves single failures to proxy/upstream/attempt.
import { GatewayError } from "../../errors.ts";
import { readError } from "../../protocol/anthropic.ts";
import type { Exclusion, Plan } from "../../routing/decision.ts";
import type { Exchange } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import type { FailedAnswer } from "../upstream/outcome.ts";
import { clientError } from "./encoding.ts";

/** Claude Code gives up at once on a longer `retry-after` (claude-code-client §8), so no longer one is ever sent, s. */
const LONGEST_RETRY_AFTER_S = 60;

/**
 * Answers with the most telling failure: a rate limit first (with the honest shortest wait), then an upstream's own error in the
 * dialect's shape, verbatim; otherwise throws a GatewayError. An upstream's refusal of our credentials is never shown as the
 * client's 401 or 403 (design §8), and a page that is not the dialect's error never passes.
 */
export function failureAnswer(
	exchange: Exchange,
	plan: Plan,
	{ failures, now }: { readonly failures: readonly FailedAnswer[]; readonly now: number },
): void {
	const model = plan.request.outline.model;
	if (failures.length === 0 && plan.excluded.length > 0 && plan.excluded.every((each) => each.why === "domain")) {
		throw new GatewayError("domain_not_allowed", { model });
	}
	const refused = failures.length === 0 && plan.excluded.length > 0 && plan.excluded.every(isQuarantined);
	if (refused) throw new GatewayError("upstream_rejected_credentials", { model, attempts: quarantines(plan, now) });
	const limited = failures.filter((answer) => answer.failure.status === 429);
	if (limited.length > 0 || (failures.length === 0 && plan.excluded.length > 0)) {
		const seconds = shortestWait(plan, limited, now);
		const own = limited.at(-1);
		// A spend cap: no wait cures it, so none is promised (caching-semantics §7).
		if (own !== undefined && limited.every((answer) => answer.verdict.lasting) && isDialectError(own)) {
			relayError(exchange, own, {});
			return;
		}
		if (own !== undefined && isDialectError(own)) relayError(exchange, own, { "retry-after": String(seconds) });
		else throw new GatewayError("rate_limited", { model, seconds }, { headers: { "retry-after": String(seconds) } });
		return;
	}
	const attempts = describe(failures);
	const verbatim = failures.filter(
		(answer) => ((answer.failure.status ?? 0) >= 500 || answer.failure.status === 404) && isDialectError(answer),
	);
	const last = verbatim.at(-1);
	if (last !== undefined) {
		relayError(exchange, last, {});
		return;
	}
	const unsayable = failures.findLast((answer) => answer.unsayable !== undefined)?.unsayable;
	if (unsayable !== undefined) throw unsayable;
	if (failures.length > 0 && failures.every((answer) => [401, 402, 403].includes(answer.failure.status ?? 0))) {
		throw new GatewayError("upstream_rejected_credentials", { model, attempts: refusals(exchange) });
	}
	// What Claude Code retries three times and then takes for an outage (claude-code-client §8).
	if (failures.length > 0 && failures.every((answer) => answer.verdict.errorClass === "serviceUnavailable")) {
		throw new GatewayError("overloaded", { model, attempts });
	}
	const timedOut = failures.length > 0 && failures.every((answer) => answer.kind === "timeout");
	throw new GatewayError(timedOut ? "upstream_timeout" : "unavailable", { model, attempts });
}

/** What clients are told instead of the codes of sockets, and of the attempt itself; those go to the log. */
const CAUSES: ReadonlyMap<string, string> = new Map([
	["ECONNREFUSED", "connection refused"],
	["ENOTFOUND", "address not found"],
	["EAI_AGAIN", "address not found"],
	["ECONNRESET", "connection closed"],
	["EPIPE", "connection closed"],
	["UND_ERR_SOCKET", "connection closed"],
	["UND_ERR_CONNECT_TIMEOUT", "no connection in time"],
	["UND_ERR_HEADERS_TIMEOUT", "no answer in time"],
	["UND_ERR_BODY_TIMEOUT", "no answer in time"],
	["WARMPATH_TOTAL_TIMEOUT", "no answer in time"],
	["first_byte_timeout", "no answer in time"],
	["early_end", "ended before its answer"],
	["redirect", "a redirect"],
	["page", "a page instead of an answer"],
	["empty", "an empty answer"],
]);

/** `3 attempts: 503, connection refused, 529`: what happened, without naming deployments or upstreams. */
function describe(failures: readonly FailedAnswer[]): string {
	const causes = failures.map(({ failure, code }) => String(failure.status ?? causeOf(code)));
	return `${causes.length} attempt${causes.length === 1 ? "" : "s"}: ${causes.join(", ")}`;
}

/** A failure's code in words, where there are any. */
export function causeOf(code: string): string {
	return CAUSES.get(code) ?? code;
}

/** `deployment account-1: 403 AccessDeniedException`: whose credentials the operator must look at. The names hold no secret. */
function refusals({ attempts }: Exchange): string {
	const told = attempts.map(({ deployment, status, error }) => `deployment ${deployment.id}: ${status ?? ""} ${error}`);
	return [...new Set(told)].join(", ");
}

function isQuarantined({ why }: Exclusion): boolean {
	return why === "quarantine";
}

/** `deployment account-1: refused before, asked again in 42 s`. */
function quarantines({ excluded }: Plan, now: number): string {
	const again = ({ until }: Exclusion) => Math.max(1, Math.ceil(((until ?? now) - now) / 1000));
	return excluded
		.map((each) => `deployment ${each.deployment.id}: refused before, asked again in ${again(each)} s`)
		.join(", ");
}

/** Whole seconds until the first deployment is free again, 1 to 60. */
function shortestWait(plan: Plan, limited: readonly FailedAnswer[], now: number): number {
	const waits = limited.flatMap((answer) =>
		answer.verdict.retryAfterMs === null ? [] : [answer.verdict.retryAfterMs],
	);
	for (const exclusion of plan.excluded) if (exclusion.until !== null) waits.push(exclusion.until - now);
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
