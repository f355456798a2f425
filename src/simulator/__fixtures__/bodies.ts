// Small made-up Messages bodies with blocks of known weight. Leaves what they show to the tests.
import { flatten, type Prompt, type PromptRules } from "../prompt.ts";
import { type MessagesRequest, readRequest } from "../request.ts";

/** A model with a minimum of 512 tokens. */
export const MODEL = "claude-sonnet-5-5";

type Json = Record<string, unknown>;

/** Marks a block; 5 minutes unless said otherwise. */
export function marked(block: Json, ttl?: "5m" | "1h"): Json {
	return { ...block, cache_control: ttl === undefined ? { type: "ephemeral" } : { type: "ephemeral", ttl } };
}

/** A text block of exactly `tokens` tokens; blocks with different names differ from the first character. */
export function words(name: string, tokens: number): Json {
	return { type: "text", text: `${name} `.repeat(tokens * 4).slice(0, tokens * 4) };
}

/** A valid body with one user message of these blocks. */
export function bodyOf(content: unknown, more: Json = {}): Json {
	return { model: MODEL, max_tokens: 1000, messages: [{ role: "user", content }], ...more };
}

/** Reads a body as the server would. */
export function requestOf(body: unknown, betas: readonly string[] = []): MessagesRequest {
	return readRequest(body, { betas: new Set(betas), kind: "messages" });
}

/** Renders a body as the server would. */
export function promptOf(
	body: unknown,
	more: { betas?: readonly string[]; rules?: Partial<PromptRules> } = {},
): Prompt {
	return flatten(requestOf(body, more.betas), more.rules);
}

/** What a call throws, as text; "" when it does not. */
export function messageOf(run: () => unknown): string {
	try {
		run();
		return "";
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}
