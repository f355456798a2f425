// What happened to a request, told to the process log, the request log and the ledger. Never throws, never delays the answer. Leaves
// what a row says to proxy/finished, beliefs about caches to routing and keeping the records to db.
import type { FinishedRequest, Finishing, Miss, RequestLog } from "../db/log.ts";
import type { Candidate, Plan } from "../routing/decision.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Exchange } from "./exchange.ts";
import { Ended, type EndTime, finishedRequest, type Surroundings } from "./finished.ts";

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

/** The request is over. One debug line with its figures, a warning where an attempt failed, soon a row in the request log. */
export function recordExchange(
	{ log, recorder }: { readonly log: Logger; readonly recorder: Recorder },
	exchange: Exchange,
	at: EndTime,
): void {
	const ending = new Ending(new Ended(exchange, at), log, recorder);
	if (recorder.requests !== null) recorder.requests.record(ending);
	else ending.told(null);
}

/** A request's end, until it is recorded. */
class Ending implements Finishing {
	readonly #ended: Ended;
	readonly #log: Logger;
	readonly #recorder: Recorder;

	constructor(ended: Ended, log: Logger, recorder: Recorder) {
		this.#ended = ended;
		this.#log = log;
		this.#recorder = recorder;
	}

	finish(): FinishedRequest {
		return finishedRequest(this.#ended, this.#recorder);
	}

	told(miss: Miss | null): void {
		logLines(this.#log, this.#ended, miss === null ? undefined : `${miss.reason}: ${miss.detail}`);
	}

	failed(error: unknown): void {
		this.#log.error({ err: error, call_id: this.#ended.id }, "a request could not be recorded");
	}
}

function logLines(log: Logger, ended: Ended, missed: string | undefined): void {
	for (const attempt of ended.attempts) {
		if (attempt.outcome !== "failed" && attempt.outcome !== "broke") continue;
		log.warn(
			{ call_id: ended.id, status: attempt.status, error: attempt.error },
			`deployment ${attempt.deployment.id} ${attempt.outcome === "failed" ? "failed before content" : "broke off its answer"}`,
		);
	}
	if (!log.isLevelEnabled("debug")) return;
	const last = ended.attempts.at(-1);
	const facts = {
		call_id: ended.id,
		operation: ended.operation,
		model: ended.outline?.model,
		deployment: last?.deployment.id,
		status: ended.statusCode,
		outcome: last?.outcome ?? "rejected",
		attempts: ended.attempts.length,
		affinity: ended.plan?.outcome,
		predicted_read: ended.plan?.candidates[0]?.predictedReadTokens,
		read: ended.usage?.cacheReadTokens,
		written: ended.usage?.cacheWriteTokens,
		uncached: ended.usage?.inputTokens,
		output: ended.usage?.outputTokens,
		missed,
		ttfb_ms: ended.firstByteAt === null ? null : ended.firstByteAt - ended.startedAt,
		ms: ended.endedAt - ended.startedAt,
	};
	log.debug(facts, "request finished");
}
