// Where an answer came from and why, as its caller sees it. Leaves deciding to routing and its wording to proxy/explain.
import type { Exchange } from "../proxy/exchange.ts";
import { type ExplainedDecision, explainDecision } from "../proxy/explain.ts";
import type { CallResponseHead } from "./connection.ts";

/** The decision behind one answer: what `POST /route/explain` tells, and what became of it. */
export interface Decision extends ExplainedDecision {
	/** Under which the gateway's log and request log have it. */
	readonly call_id: string;
	/** The provider's id of the request, else `call_id`. */
	readonly request_id: string;
	/** The deployment that answered; null = none did. */
	readonly model_id: string | null;
	/** What it was expected to read from its cache; compare with the answer's `usage`. */
	readonly predicted_cached_tokens: number;
	/** Its input, dollars; null = no deployment answered, or the model's price is unknown. */
	readonly expected_dollars: number | null;
}

/** Adds where the answer came from to what it is; loops over it, JSON and comparisons do not see it. */
export type WithDecision<Answer> = Answer & { readonly warmpath: Decision };

/** As of now: an answer that is still coming has no entry in `attempts` yet. Null = refused before anything was decided. */
export function decisionOf(exchange: Exchange, head: CallResponseHead): Decision | null {
	const { plan, waitedMs, attempts, id } = exchange;
	if (plan === null) return null;
	const explained = explainDecision(plan, { waitedMs, attempts });
	const modelId = textOf(head.headers["x-litellm-model-id"]);
	const served = explained.candidates.find((candidate) => candidate.model_id === modelId) ?? null;
	return {
		...explained,
		call_id: id,
		request_id: requestIdOf(head) ?? id,
		model_id: modelId,
		reason: served?.reason ?? explained.reason,
		predicted_cached_tokens: served?.predicted_read_tokens ?? 0,
		expected_dollars: served?.expected_dollars ?? null,
	};
}

/** Of an answer that a deployment gave. */
export function decisionOfAnswer(exchange: Exchange, head: CallResponseHead): Decision {
	const decision = decisionOf(exchange, head);
	if (decision === null) throw new Error("an answer came without a decision");
	return decision;
}

/** In the Messages API's head or OpenAI's. */
export function requestIdOf({ headers }: CallResponseHead): string | null {
	return textOf(headers["request-id"]) ?? textOf(headers["x-request-id"]);
}

/** The answer, with the decision as a property that is not enumerated. */
export function withDecision<Answer extends object>(answer: Answer, decision: Decision): WithDecision<Answer> {
	return Object.defineProperty(answer, "warmpath", { value: decision, enumerable: false }) as WithDecision<Answer>;
}

function textOf(value: string | string[] | undefined): string | null {
	return (typeof value === "string" ? value : value?.[0]) ?? null;
}
