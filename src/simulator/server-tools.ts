// Web searches that the provider runs inside one answer, and the breakpoint that it sets after their results (prompt-caching R12).
// Leaves the answer to scenarios.ts.
import type { Answer } from "./answer.ts";
import type { InputUsage, PromptCache } from "./cache.ts";
import { flatten, type Prompt, type PromptRules } from "./prompt.ts";
import type { MessagesRequest } from "./request.ts";

/** A request whose answer holds results of server tools. */
export interface ServedTools {
	readonly request: MessagesRequest;
	readonly prompt: Prompt;
	readonly answer: Answer;
	readonly rules: Partial<PromptRules>;
}

/** How many searches an answer holds. */
export function searchesOf(answer: Answer): number {
	return answer.content.filter((block) => block.type === "web_search_tool_result").length;
}

/**
 * Samples on after the results: the model reads the prompt once more, with them at its end. When the request caches at all, the
 * provider sets a five-minute breakpoint of its own there. Gives the input of both passes together; writes are readable at once.
 */
export function continueAfterResults(
	cache: PromptCache,
	served: ServedTools,
	first: InputUsage,
	nowMs: number,
): InputUsage {
	const { answer, prompt, request, rules } = served;
	const last = answer.content.findLastIndex((block) => block.type === "web_search_tool_result");
	const content = answer.content.slice(0, last + 1).map((block) => ({ ...block }));
	const messages = [...request.messages, { role: "assistant" as const, content, fields: {} }];
	const longer = flatten({ ...request, messages }, rules);
	const own = prompt.breakpoints.length === 0 ? [] : [{ block: longer.hashes.length - 1, ttl: "5m" as const }];
	const pass = cache.begin({ ...longer, breakpoints: [...prompt.breakpoints, ...own] }, nowMs);
	pass.firstByte(nowMs);
	return {
		read: first.read + pass.usage.read,
		write5m: first.write5m + pass.usage.write5m,
		write1h: first.write1h + pass.usage.write1h,
		uncached: first.uncached + pass.usage.uncached,
	};
}
