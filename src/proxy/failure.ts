// The one answer a client gets when no deployment could serve its request. Leaves single failures to proxy/attempt.
import { GatewayError } from "../errors.ts";
import { readError } from "../protocol/anthropic.ts";
import type { Plan } from "../routing/decision.ts";
import type { FailedAnswer } from "./attempt.ts";
import type { Exchange } from "./exchange.ts";

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
	if (failures.length > 0 && failures.every((answer) => [401, 402, 403].includes(answer.failure.status ?? 0))) {
		throw new GatewayError("upstream_rejected_credentials", { model, attempts });
	}
	const timedOut = failures.length > 0 && failures.every((answer) => answer.kind === "timeout");
	throw new GatewayError(timedOut ? "upstream_timeout" : "unavailable", { model, attempts });
}

/** `3 attempts: 503, ECONNREFUSED, 529`: what happened, without naming deployments or upstreams. */
function describe(failures: readonly FailedAnswer[]): string {
	const causes = failures.map((answer) => String(answer.failure.status ?? answer.code));
	return `${causes.length} attempt${causes.length === 1 ? "" : "s"}: ${causes.join(", ")}`;
}

/** Whole seconds until the first deployment is free again, 1 to 60. */
function shortestWait(plan: Plan, limited: readonly FailedAnswer[], now: number): number {
	const waits = limited.flatMap((answer) =>
		answer.verdict.retryAfterMs === null ? [] : [answer.verdict.retryAfterMs],
	);
	for (const exclusion of plan.excluded) if (exclusion.until !== null) waits.push(exclusion.until - now);
	const shortest = waits.length === 0 ? 5_000 : Math.min(...waits);
	return Math.min(LONGEST_RETRY_AFTER_S, Math.max(1, Math.ceil(shortest / 1000)));
}

function isDialectError(answer: FailedAnswer): boolean {
	return answer.body.length > 0 && readError(answer.body.toString("utf8")) !== null;
}

function relayError(exchange: Exchange, answer: FailedAnswer, extra: Readonly<Record<string, string>>): void {
	const { headers, status } = answer.failure;
	const kept: Record<string, string | string[]> = {};
	for (const name of ["content-type", "request-id", "retry-after", "x-should-retry"]) {
		const value = headers[name];
		if (value !== undefined) kept[name] = value;
	}
	exchange.response.writeHead(status ?? 500, {
		...kept,
		"content-length": String(answer.body.length),
		"x-litellm-call-id": exchange.id,
		"x-warmpath-attempts": String(exchange.attempts.length),
		...extra,
	});
	exchange.response.end(answer.body);
}
