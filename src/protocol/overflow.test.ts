// Which words mean that a prompt does not fit. The texts are those of the servers themselves, as their users report them.
import { expect, test } from "vitest";
import { isOverflow, overflowMessage } from "./overflow.ts";

const said = (message: string, status: number | null = 400, ...codes: string[]) =>
	isOverflow({ status, message, codes });

test.each([
	["Messages API", "prompt is too long: 213462 tokens > 200000 maximum"],
	[
		"Messages API",
		"input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
	],
	["Bedrock", "Input is too long for requested model."],
	[
		"Bedrock Nova",
		"Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
	],
	[
		"OpenAI",
		"This model's maximum context length is 128000 tokens. However, your messages resulted in 140001 tokens. Please reduce the length of the messages.",
	],
	["OpenAI Responses", "Your input exceeds the context window of this model. Please adjust your input and try again."],
	[
		"Azure GPT-5",
		"Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300100 tokens.",
	],
	[
		"vLLM",
		"The decoder prompt (length 40960) is longer than the maximum model length of 32768. Make sure that `max_model_len` is no smaller than the number of text tokens.",
	],
	["SGLang", "The input (32769 tokens) is longer than the model's context length (32768 tokens)."],
	[
		"SGLang",
		"Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 33000 tokens.",
	],
	["llama.cpp", "the request exceeds the available context size, try increasing it"],
	[
		"LM Studio",
		"Trying to keep the first 9000 tokens when context the overflows. The number of tokens to keep from the initial prompt is greater than the context length.",
	],
	["Ollama", "prompt too long; exceeded max context length by 512 tokens"],
	["Gemini", "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."],
	["xAI", "This model's maximum prompt length is 131072 but the request contains 537812 tokens."],
	["Copilot", "prompt token count of 140000 exceeds the limit of 128000"],
	["Groq", "Please reduce the length of the messages or completion."],
	["Moonshot", "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)"],
	["z.ai", "Prompt exceeds max length"],
	["Mistral", "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"],
	["MiniMax", "invalid params, context window exceeds limit (2013)"],
	["DashScope", "Range of input length should be [1, 129024]"],
	[
		"TGI, Together",
		"`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 100 `max_new_tokens`",
	],
	["Cohere", "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."],
	[
		"OpenRouter",
		"This endpoint's maximum context length is 131072 tokens. However, you requested about 537812 tokens (537812 of text input).",
	],
	["Fireworks", "The prompt is too long: 200000, model maximum context length: 131072"],
	[
		"Vertex AI",
		"Unable to submit request because the input token count is 1204912 but model only supports up to 1048576. Reduce the input token count and try again.",
	],
	[
		"vLLM, the output beside a prompt that fills the window",
		"'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 131072 tokens and your request has 110000 input tokens (32000 > 131072 - 110000).",
	],
	[
		"vLLM",
		"You passed 32769 input tokens and requested 0 output tokens. However, the model's context length is only 32768 tokens, resulting in a maximum input length of 32768 tokens.",
	],
	["SGLang", "Input length (9000 tokens) exceeds the maximum allowed length (8191 tokens). Use a shorter input."],
	["Volcano Ark", "Total tokens of image and text exceed max message tokens. Request id: 02"],
	["Volcano Ark", "Input length 140000 exceeds the maximum length 131072. Request id: 02"],
	["Moonshot", "Input token length too long"],
	["ds4", "Prompt has 32769 tokens, but the configured context size is 32768 tokens"],
	[
		"LM Studio",
		"Trying to keep the first 11451 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
	],
	["LM Studio", "Cannot truncate prompt with n_keep (11279) >= n_ctx (4096)"],
	["Cerebras", "Current length is 41000 while limit is 32768"],
	["Poolside", "The prompt exceeds the maximum allowed input length of 131072 tokens"],
	["a local server", "Prompt length 9001 is larger than context window 8192"],
	["a local server", "prompt_tokens 140000 > max_seq_len 131072"],
	["a local server", "the input prompt is too large for the context size: 9000 > 8192"],
	["a gateway", "Input tokens (140000) plus max_tokens (4096) exceeds the model context length 131072"],
	["a gateway", "ContextOverflow: this conversation does not fit"],
	["GLM", "提示词长度超过模型最大上下文长度"],
])("%s: %s", (_server, message) => {
	expect(said(message)).toBe(true);
	expect(overflowMessage(message)).toMatch(/prompt is too long|input length and `max_tokens` exceed context limit/);
	expect(overflowMessage(message)).toContain(message);
});

test.each([
	[
		"a tool's name",
		"Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.",
		"string_above_max_length",
	],
	[
		"a call's id",
		"Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a string with length 53 instead.",
		"string_above_max_length",
	],
	["a tool's description", "tools.0.custom.description: String should have at most 1024 characters"],
	[
		"max_tokens, OpenAI",
		"max_tokens is too large: 50000. This model supports at most 16384 completion tokens, whereas you provided 50000.",
	],
	[
		"max_tokens, Messages API",
		"max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5",
	],
	[
		"max_tokens, vLLM",
		"'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length is 32768 tokens and your request has 20 input tokens (100000 > 32768 - 20).",
	],
	["an image", "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 7100000 bytes > 5242880 bytes"],
	["a PDF", "A maximum of 100 PDF pages may be provided."],
	[
		"tools by number",
		"Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 140 instead.",
	],
	[
		"a limit of a minute",
		"Request too large for model `llama-3.3-70b` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce the length of the messages",
	],
	["thinking", "`max_tokens` must be greater than `thinking.budget_tokens`"],
	[
		"max_tokens, Groq",
		"`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model",
	],
	["a tool without quotes", "tool name context_length_exceeded is not valid"],
	["a body", "Request payload size exceeds the limit: 20971520 bytes."],
	["messages by number", "Conversation too long: at most 512 messages are allowed"],
])("%s only looks like it", (_what, message, ...codes) => {
	expect(said(message, 400, ...codes)).toBe(false);
});

test.each(["context_length_exceeded", "exceed_context_size_error", "model_max_prompt_tokens_exceeded", "1261"])(
	"the code %s says it, whatever the text",
	(code) => {
		expect(said("请求失败", 400, code)).toBe(true);
		expect(said("", 429, code)).toBe(false);
	},
);
