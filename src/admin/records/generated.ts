// What the operator wants of every key that is made: LiteLLM's `default_key_generate_params` and `upperbound_key_generate_params`. Leaves
// storing keys to admin/records/keys.

import { addSpan, parseSpan } from "../../access/budgets-window.ts";
import type { GeneratedKeys } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";

type Body = Readonly<Record<string, unknown>>;

/** The body of a request to make a key, with what it does not say. Throws invalid_field where it asks for more than a key may have. */
export function generatedBody(body: Body, { defaults, upperbounds }: GeneratedKeys): Record<string, unknown> {
	const filled: Record<string, unknown> = { ...body };
	for (const [name, value] of [...Object.entries(defaults), ...Object.entries(upperbounds)]) {
		if (isMissing(filled[name]) && value !== undefined) filled[name] = value;
	}
	refuseMore(filled, upperbounds);
	return filled;
}

/** The same for a change: what it does not name stays as it is, and what it takes back is bounded again. */
export function changedBody(body: Body, { upperbounds }: GeneratedKeys): Record<string, unknown> {
	const bounded: Record<string, unknown> = { ...body };
	for (const [name, most] of Object.entries(upperbounds)) if (body[name] === null) bounded[name] = most;
	refuseMore(bounded, upperbounds);
	return bounded;
}

/** LiteLLM's empty lists and objects say nothing. */
function isMissing(value: unknown): boolean {
	if (value === undefined || value === null) return true;
	return typeof value === "object" && Object.keys(value).length === 0;
}

function refuseMore(body: Body, upperbounds: GeneratedKeys["upperbounds"]): void {
	for (const [name, most] of Object.entries(upperbounds)) {
		const value = body[name];
		if (isMissing(value) || most === undefined) continue;
		if (sizeOf(value) > sizeOf(most))
			throw new GatewayError("invalid_field", {
				field: name,
				reason: `is more than the ${most} that a key may have (litellm_settings.upperbound_key_generate_params)`,
			});
	}
}

/** Amounts as they are, spans by their length from now on; `-1` is for ever. What is neither is refused where it is read. */
function sizeOf(value: unknown): number {
	if (typeof value !== "string") return typeof value === "number" ? value : 0;
	if (value === "-1") return Number.POSITIVE_INFINITY;
	const span = parseSpan(value);
	return span === null ? 0 : addSpan(0, span);
}
