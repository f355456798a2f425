// A decision as data for people and programs: what POST /route/explain answers and what a log or page can show. Leaves deciding to routing.
import type { Candidate, Exclusion, Plan } from "../routing/decision.ts";
import type { AttemptRecord } from "./exchange.ts";

/** One deployment that could serve. */
export interface ExplainedCandidate {
	readonly model_id: string;
	readonly reason: string;
	readonly predicted_read_tokens: number;
	/** Input side, dollars; null = the model's price is unknown. */
	readonly expected_dollars: number | null;
	readonly thinking_at_risk: boolean;
}

/** One deployment that could not. */
interface ExplainedExclusion {
	readonly model_id: string;
	readonly why: string;
	readonly until: string | null;
	/** What its upstream said, in plain words. */
	readonly reason?: string;
}

/** A decision with all it was made from. Times are ISO strings, waits milliseconds. */
export interface ExplainedDecision {
	readonly model: string;
	readonly model_group: string;
	readonly affinity: string;
	readonly reason: string | null;
	readonly chosen: ExplainedCandidate | null;
	readonly runner_up: ExplainedCandidate | null;
	readonly prompt_tokens: number;
	readonly breakpoints: number;
	readonly candidates: readonly ExplainedCandidate[];
	/** Asked when all candidates have failed, before an error. */
	readonly last_resort: readonly ExplainedCandidate[];
	readonly excluded: readonly ExplainedExclusion[];
	readonly diverted_from: { readonly model_id: string; readonly why: string } | null;
	/** It would be held back first. */
	readonly hold: { readonly reason: string; readonly model_id: string; readonly until: string } | null;
	readonly waited_ms: number;
	readonly attempts: readonly {
		readonly model_id: string;
		readonly outcome: string;
		readonly status: number | null;
		readonly error: string;
		readonly ms: number;
	}[];
}

/** Describes a plan, and what became of it where it was acted upon. */
export function explainDecision(
	plan: Plan,
	done: { readonly waitedMs: number; readonly attempts: readonly AttemptRecord[] } = { waitedMs: 0, attempts: [] },
): ExplainedDecision {
	const candidates = plan.candidates.map(explainCandidate);
	const { hold, divertedFrom, request } = plan;
	return {
		model: request.outline.model,
		model_group: request.group.name,
		affinity: plan.outcome,
		reason: candidates[0]?.reason ?? null,
		chosen: candidates[0] ?? null,
		runner_up: candidates[1] ?? null,
		prompt_tokens: Math.round(plan.promptTokens),
		breakpoints: request.outline.breakpoints.length,
		candidates,
		last_resort: plan.lastResort.map(explainCandidate),
		excluded: plan.excluded.map(explainExclusion),
		diverted_from: divertedFrom === null ? null : { model_id: divertedFrom.deployment.id, why: divertedFrom.why },
		hold: hold === null ? null : { reason: hold.reason, model_id: hold.deployment.id, until: isoTime(hold.until) },
		waited_ms: done.waitedMs,
		attempts: done.attempts.map(({ deployment, outcome, status, error, startedAt, endedAt }) => {
			return { model_id: deployment.id, outcome, status, error, ms: endedAt - startedAt };
		}),
	};
}

/** A candidate as the explainer shows it. */
function explainCandidate(candidate: Candidate): ExplainedCandidate {
	return {
		model_id: candidate.deployment.id,
		reason: candidate.reason,
		predicted_read_tokens: Math.round(candidate.predictedReadTokens),
		expected_dollars: candidate.expectedDollars,
		thinking_at_risk: candidate.thinkingAtRisk,
	};
}

function explainExclusion({ deployment, why, until, reason }: Exclusion): ExplainedExclusion {
	const said = reason === undefined || reason === null ? {} : { reason };
	return { model_id: deployment.id, why, until: until === null ? null : isoTime(until), ...said };
}

function isoTime(ms: number): string {
	return new Date(ms).toISOString();
}
