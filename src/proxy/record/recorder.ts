// What happened to a request, recorded in the process log, the request log and the ledger. Never throws, never delays the answer. Leaves
// what a row says to proxy/record/row, beliefs about caches to routing and keeping the records to requestlog.
import type { RequestLog } from "../../requestlog/log.ts";
import type { Candidate, Plan } from "../../routing/decision.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Exchange } from "../exchange.ts";
import { type EndTime, finishedRequest, type Surroundings } from "./row.ts";
import { spendingOf } from "./spending.ts";

/** Where records go. Built by the composition root. */
export interface Recorder extends Surroundings {
	/** Null where the request log is off. */
	readonly requests: RequestLog | null;
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

/** The request is over: a row in the request log, one debug line with its figures, a warning where an attempt failed. Never throws. */
export function recordExchange(
	{ log, recorder }: { readonly log: Logger; readonly recorder: Recorder },
	exchange: Exchange,
	at: EndTime,
): void {
	try {
		const miss = recorder.requests?.record(finishedRequest(exchange, at, recorder)) ?? null;
		logLines(log, exchange, at.now, miss === null ? undefined : `${miss.reason}: ${miss.detail}`);
	} catch (error) {
		log.error({ err: error, call_id: exchange.id }, "a request could not be recorded");
	}
}

function logLines(log: Logger, exchange: Exchange, now: number, missed: string | undefined): void {
	for (const attempt of exchange.attempts) {
		if (attempt.outcome !== "failed" && attempt.outcome !== "broke") continue;
		log.warn(
			{ call_id: exchange.id, status: attempt.status, error: attempt.error },
			`deployment ${attempt.deployment.id} ${attempt.outcome === "failed" ? "failed before content" : "broke off its answer"}`,
		);
	}
	if (!log.isLevelEnabled("debug")) return;
	const last = exchange.attempts.at(-1);
	const { usage, estimated, bill } = spendingOf(exchange);
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
		uncached: usage?.inputTokens,
		output: usage?.outputTokens,
		estimated: estimated.length === 0 ? undefined : estimated,
		cost: bill?.cost?.total ?? null,
		missed,
		ttfb_ms: exchange.firstByteAt === null ? null : exchange.firstByteAt - exchange.startedAt,
		ms: now - exchange.startedAt,
	};
	log.debug(facts, "request finished");
}
