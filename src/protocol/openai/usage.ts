// Token counts between the two formats. The Messages API counts what was read from and written to caches beside its input; OpenAI counts
// it within.
import { asList, asObject, type Draft, type JsonObject, member, numberOf } from "./json.ts";

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

/** What the Messages API's clients insist on; where a server says nothing, these zeros are made up. */
export const NO_USAGE: JsonObject = { input_tokens: 0, output_tokens: 0 };

/**
 * Where servers put the usage of an answer or chunk: in it (OpenAI) · in its choice (Moonshot's streams) · in `x_groq` (Groq's streams) ·
 * `timings` without any (llama.cpp). The first that has a count holds.
 */
export function reportedUsage(completion: JsonObject | null): Draft {
	const choice = asList(completion?.["choices"])[0];
	const places = [
		completion?.["usage"],
		member(choice, "usage"),
		member(completion?.["x_groq"], "usage"),
		timingsUsage(completion?.["timings"]),
	];
	for (const place of places) {
		const usage = messagesUsage(place);
		if (Object.keys(usage).length > 0) return usage;
	}
	return {};
}

/** llama.cpp: `prompt_n` tokens were processed, `cache_n` were there already. */
function timingsUsage(timings: unknown): Draft {
	const prompt = numberOf(timings, "prompt_n");
	if (prompt === null) return {};
	const cached = numberOf(timings, "cache_n") ?? 0;
	return {
		prompt_tokens: prompt + cached,
		completion_tokens: numberOf(timings, "predicted_n"),
		prompt_tokens_details: { cached_tokens: cached },
	};
}

/**
 * `usage` of a chat completion → `usage` of a Messages answer; empty where it has no count. What a server says of its cache stands in
 * `prompt_tokens_details` (OpenAI, vLLM, SGLang), in `input_tokens_details`, in DeepSeek's `prompt_cache_hit_tokens` or in Moonshot's
 * `cached_tokens`; where it says nothing, the cache counts are left out.
 */
function messagesUsage(usage: unknown): Draft {
	const details = asObject(member(usage, "prompt_tokens_details")) ?? asObject(member(usage, "input_tokens_details"));
	const read =
		numberOf(details, "cached_tokens") ??
		numberOf(usage, "prompt_cache_hit_tokens") ??
		numberOf(usage, "cached_tokens") ??
		numberOf(usage, "cache_read_input_tokens");
	const written =
		numberOf(details, "cache_write_tokens") ??
		numberOf(details, "cache_creation_tokens") ??
		numberOf(usage, "cache_creation_input_tokens");
	const prompt = numberOf(usage, "prompt_tokens") ?? numberOf(usage, "input_tokens");
	const output = outputTokens(usage, prompt);
	if (prompt === null && output === null) return {};
	const out: Draft = {
		input_tokens: Math.max(0, (prompt ?? 0) - (read ?? 0) - (written ?? 0)),
		output_tokens: output ?? 0,
	};
	if (read !== null) out["cache_read_input_tokens"] = read;
	if (written !== null) out["cache_creation_input_tokens"] = written;
	return out;
}

/**
 * Tokens that are billed as output. xAI and Gemini count reasoning beside `completion_tokens`, and only `total_tokens` shows it; with the
 * others the total is the sum of the two.
 */
function outputTokens(usage: unknown, prompt: number | null): number | null {
	const completion = numberOf(usage, "completion_tokens") ?? numberOf(usage, "output_tokens");
	const total = numberOf(usage, "total_tokens");
	if (completion === null || total === null || prompt === null) return completion;
	const beside = total - prompt - completion;
	const reasoning = numberOf(member(usage, "completion_tokens_details"), "reasoning_tokens");
	return beside > 0 && (reasoning === null || reasoning === beside) ? completion + beside : completion;
}

/** Usage of a stream's events: later counts replace earlier ones (providers §3). */
export function mergedUsage(before: JsonObject, reported: unknown): JsonObject {
	const object = asObject(reported);
	if (object === null) return before;
	const known = Object.entries(object).filter(([, value]) => value !== null && value !== undefined);
	return { ...before, ...Object.fromEntries(known) };
}
