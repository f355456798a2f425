// reasoning_effort ↔ thinking. Leaves the thinking blocks of a conversation to chat-messages.

import type { MessageTurn } from "./chat-messages.ts";
import { asObject, type Draft, type JsonObject, textOf } from "./json.ts";
import type { ModelTraits } from "./traits.ts";

/** Least budget the Messages API admits, tokens. */
const LEAST_BUDGET = 1024;
const BUDGETS: Readonly<Record<string, number>> = { low: 2048, medium: 8192, high: 16_384, xhigh: 24_576, max: 31_000 };

/** What a request asks of thinking; null = nothing is sent. */
export interface Thinking {
	readonly thinking: JsonObject | null;
	readonly effort: string | null;
	/** Sampling and tool choice are bound to their defaults. */
	readonly isOn: boolean;
}

const OFF: Thinking = { thinking: null, effort: null, isOn: false };

/**
 * Thinking of a chat request: `thinking` as it stands, else what `reasoning_effort` (or `reasoning.effort`) means for these models. A
 * budget stays below `maxTokens`; where none fits, or where an open tool call came without its thinking (which such models refuse),
 * thinking is off.
 */
export function thinkingOf(
	chat: JsonObject,
	about: { readonly traits: ModelTraits; readonly maxTokens: number | null; readonly turns: readonly MessageTurn[] },
): Thinking {
	const given = asObject(chat["thinking"]);
	if (given !== null) {
		const isOn = given["type"] !== "disabled";
		if (given["type"] === "enabled" && lacksThinking(about.turns)) return OFF;
		return { thinking: given, effort: null, isOn };
	}
	const effort =
		textOf(chat, "reasoning_effort") ??
		textOf(chat["reasoning_effort"], "effort") ??
		textOf(chat["reasoning"], "effort");
	// No Claude may serve it: such servers know levels of their own, `none` and `minimal` among them.
	if (effort !== null && about.traits.maxTokens === null) return { thinking: null, effort, isOn: false };
	if (effort === null || BUDGETS[effort] === undefined) return OFF;
	if (about.traits.thinking === "adaptive") return { thinking: { type: "adaptive" }, effort, isOn: true };
	const room = (about.maxTokens ?? Number.POSITIVE_INFINITY) - LEAST_BUDGET;
	const budget = Math.min(BUDGETS[effort] ?? LEAST_BUDGET, room);
	if (budget < LEAST_BUDGET || lacksThinking(about.turns)) return OFF;
	return { thinking: { type: "enabled", budget_tokens: budget }, effort: null, isOn: true };
}

/** The last assistant turn calls tools and does not begin with thinking, because its client did not send it back. */
function lacksThinking(turns: readonly MessageTurn[]): boolean {
	const last = turns.findLast((turn) => turn.role === "assistant");
	if (last === undefined || !last.content.some((block) => block["type"] === "tool_use")) return false;
	const first = last.content[0]?.["type"];
	return first !== "thinking" && first !== "redacted_thinking";
}

/** Members of a Messages body for it. */
export function putThinking(
	body: Draft,
	{ thinking, effort }: Thinking,
	format: JsonObject | null,
	config: unknown,
): void {
	if (thinking !== null) body["thinking"] = thinking;
	const output: Draft = { ...asObject(config) };
	if (effort !== null) output["effort"] = effort;
	if (format !== null) output["format"] = format;
	if (Object.keys(output).length > 0) body["output_config"] = output;
}
