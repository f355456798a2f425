// LiteLLM's response headers about the key that asked: what it has spent, what it may, what is left of this minute. Leaves when they are
// sent to proxy/upstream.
import type { Subject } from "../../access/limits.ts";
import type { LimitCounter } from "./limit-counters.ts";

/** Characters that a header's name may have; other models are not named there. */
const NAMEABLE = /^[\w.~!#$%&'*+^`|-]+$/;

/** Of one request: `spent` is what the key had spent before it, in the running window of its budget. */
export function keyHeaders(
	{ rpm, tpm, budgets }: Subject,
	about: { readonly spent: number; readonly counter: LimitCounter; readonly model: string; readonly now: number },
): Record<string, string> {
	const headers: Record<string, string> = { "x-litellm-key-spend": String(about.spent) };
	const max = budgets.find((budget) => budget.max !== null && budget.model === null)?.max ?? null;
	if (max !== null) headers["x-litellm-key-max-budget"] = String(max);
	if (tpm !== null) headers["x-litellm-key-tpm-limit"] = String(tpm);
	if (rpm !== null) headers["x-litellm-key-rpm-limit"] = String(rpm);
	if (NAMEABLE.test(about.model)) {
		for (const { unit, left } of about.counter.left(about.now)) {
			const name = `x-litellm-key-remaining-${unit}-${about.model}`;
			headers[name] = String(Math.min(left, Number(headers[name] ?? Number.POSITIVE_INFINITY)));
		}
	}
	return headers;
}
