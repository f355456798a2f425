// Token counts between the two formats. The Messages API counts what was read from and written to caches beside its input; OpenAI counts
// it within.
import { asObject, type Draft, type JsonObject, member, numberOf } from "./json.ts";

/** `usage` of a Messages answer, or of its last event → `usage` of a chat completion, with LiteLLM's names for the cache counts too. */
export function chatUsage(usage: unknown): Draft {
	const read = numberOf(usage, "cache_read_input_tokens") ?? 0;
	const written = numberOf(usage, "cache_creation_input_tokens") ?? 0;
	const prompt = (numberOf(usage, "input_tokens") ?? 0) + read + written;
	const completion = numberOf(usage, "output_tokens") ?? 0;
	const reasoning = numberOf(member(usage, "output_tokens_details"), "thinking_tokens");
	return {
		prompt_tokens: prompt,
		completion_tokens: completion,
		total_tokens: prompt + completion,
		prompt_tokens_details: { cached_tokens: read, cache_creation_tokens: written },
		...(reasoning === null ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
		cache_read_input_tokens: read,
		cache_creation_input_tokens: written,
	};
}

/** The same in the Responses API's names. */
export function responsesUsage(usage: unknown): Draft {
	const chat = chatUsage(usage);
	return {
		input_tokens: chat["prompt_tokens"],
		input_tokens_details: chat["prompt_tokens_details"],
		output_tokens: chat["completion_tokens"],
		output_tokens_details: asObject(chat["completion_tokens_details"]) ?? { reasoning_tokens: 0 },
		total_tokens: chat["total_tokens"],
	};
}

/**
 * `usage` of a chat completion → `usage` of a Messages answer. What a server says of its cache stands in `prompt_tokens_details`
 * (OpenAI, vLLM, SGLang) or in DeepSeek's `prompt_cache_hit_tokens`; where it says nothing, the cache counts are left out.
 */
export function messagesUsage(usage: unknown): Draft {
	const details = asObject(member(usage, "prompt_tokens_details"));
	const read = numberOf(details, "cached_tokens") ?? numberOf(usage, "prompt_cache_hit_tokens");
	const written = numberOf(details, "cache_write_tokens") ?? numberOf(details, "cache_creation_tokens");
	const prompt = numberOf(usage, "prompt_tokens") ?? numberOf(usage, "input_tokens") ?? 0;
	const out: Draft = {
		input_tokens: Math.max(0, prompt - (read ?? 0) - (written ?? 0)),
		output_tokens: numberOf(usage, "completion_tokens") ?? numberOf(usage, "output_tokens") ?? 0,
	};
	if (read !== null) out["cache_read_input_tokens"] = read;
	if (written !== null) out["cache_creation_input_tokens"] = written;
	return out;
}

/** Usage of a stream's events: later counts replace earlier ones (caching-semantics §9). */
export function mergedUsage(before: JsonObject, reported: unknown): JsonObject {
	const object = asObject(reported);
	if (object === null) return before;
	const known = Object.entries(object).filter(([, value]) => value !== null && value !== undefined);
	return { ...before, ...Object.fromEntries(known) };
}
