// By which words servers say that a prompt does not fit their model's context window, as a table. Leaves what follows from it to providers:
// clients get the words they know, and context-window fallbacks serve.
import { ownWords } from "./own-words.ts";

interface Wording {
	readonly says: RegExp;
	/** Where it is known from. */
	readonly source: string;
}

/** What clients of the Messages API act on as it stands: Claude Code compacts, or asks for less output (claude-code §8, §10). */
const KNOWN: readonly Wording[] = [
	{
		says: /prompt is too long/i,
		source: "Messages API, 'prompt is too long: N tokens > M maximum'; Vertex, Fireworks",
	},
	{ says: /input length and `max_tokens` exceed context limit/i, source: "Messages API; the client lowers max_tokens" },
];

/** In other words. Numbers are left out: servers write them in many ways. */
const WORDINGS: readonly Wording[] = [
	{
		says: /input is too long for (the )?requested model/i,
		source: "Bedrock InvokeModel (AWS re:Post, providers §2)",
	},
	{ says: /input (?:is |token length )?too long\b/i, source: "Bedrock Converse, 'Input is too long.'; Moonshot" },
	{ says: /input tokens exceeded|number of input tokens exceeds? (the )?max/i, source: "Bedrock, Amazon Nova" },
	{ says: /too many input tokens/i, source: "Bedrock, Llama and Mistral" },
	{
		says: /\bprompt(?: is)? too long\b/i,
		source: "Ollama, 'prompt too long; exceeded max context length by N tokens'",
	},
	{ says: /input length exceeds the context length|exceed(?:s|ed)? max context length/i, source: "Ollama" },
	{
		says: /exceeds? the available context size|context size has been exceeded/i,
		source: "llama.cpp server, exceed_context_size_error",
	},
	{
		says: /keep the first \d+ tokens when context|cannot truncate prompt with n_keep/i,
		source: "LM Studio's older engines",
	},
	{
		says: /(?:greater|larger|longer|bigger|more) than (?:the |its |our )?(?:model'?s? )?(?:maximum |max )?context (?:length|window|size|limit)/i,
		source: "LM Studio, 'greater than the context length'; local servers",
	},
	{
		says: /context (?:length|size|window)(?: of this model)? is (?:only )?[\d,]+|with context (?:length|size) of only/i,
		source: "vLLM, 'the model's context length is only N tokens'; ds4, 'the configured context size is N tokens'",
	},
	{
		says: /(?:prompt|input) is too large for the context|prompt filled the context window/i,
		source: "koboldcpp; Ollama",
	},
	{ says: /maximum prompt length is \d+/i, source: "xAI" },
	{
		says: /maximum context length (?:is|of)\b/i,
		source: "OpenAI, vLLM, SGLang, DeepSeek, OpenRouter, Together, Azure",
	},
	{ says: /maximum context length/i, source: "Mistral, 'too large for model with N maximum context length'; vLLM" },
	{
		says: /longer than the (?:maximum )?(?:model'?s? )?(?:context|model) length/i,
		source: "SGLang; vLLM, 'longer than the maximum model length'",
	},
	{
		says: /exceeds? the (?:model'?s )?(?:maximum )?context (?:window|length)|exceeds? the context (?:window|length|limit)/i,
		source: "OpenAI Responses; Cerebras; LiteLLM proxies",
	},
	{
		says: /exceed(?:s|ed)? (?:the |your |our )?(?:model'?s )?(?:maximum |max )?(?:context|input)[ _](?:window|length|limit|size)/i,
		source: "Qwen, Baidu and gateways in front of them",
	},
	{
		says: /context window exceeds limit|context (?:window|length|size)(?: is)? (?:exceeded|full)|context ?overflow/i,
		source: "MiniMax (2013); local servers",
	},
	{
		says: /(?:input|prompt)(?: tokens?)?(?: length)? \(?[\d,]+(?: tokens)?\)? exceeds (?:the |a )?(?:max(?:imum)?|model'?s?) (?:allowed )?(?:input )?(?:context )?(?:length|window)|maximum allowed input length/i,
		source: "SGLang, 'exceeds the maximum allowed length'; Volcano Ark; Poolside by OpenRouter",
	},
	{
		says: /tokens?\b.{0,60} exceeds? (?:the )?(?:model'?s? )?(?:max(?:imum)? )?(?:context|message tokens)/i,
		source: "Volcano Ark, 'Total tokens of image and text exceed max message tokens'; gateways",
	},
	{ says: /current length is \d+ while limit is \d+/i, source: "Cerebras" },
	{ says: /\b(?:prompt|input)_tokens \d+ > max_\w+|token limit exceeded/i, source: "local servers, gateways" },
	{ says: /context[_ ](?:length|window)[_ ]exceeded/i, source: "code in the text of many proxies" },
	{ says: /input tokens? exceeds? the configured limit/i, source: "OpenAI and Azure, GPT-5" },
	{
		says: /input token count .*(?:exceeds the max|only supports up to)/i,
		source: "Gemini; Vertex AI, 'the input token count is N but model only supports up to M'; DashScope",
	},
	{ says: /prompt token count .*exceeds the limit/i, source: "GitHub Copilot" },
	{ says: /exceed(?:s|ed)? (?:the )?model token limit/i, source: "Moonshot, Kimi" },
	{
		says: /reduce the length of (?:the|your) (?:messages|prompt|input)/i,
		source: "Groq, Cerebras; OpenAI's older models",
	},
	{
		says: /prompt exceeds? (?:the )?(?:max(?:imum)? )?(?:length|context|number of tokens|token)/i,
		source: "z.ai, GLM (1261), 'Prompt exceeds max length'",
	},
	{
		says: /range of input length should be|input data may exceed|(?:输入|提示词|上下文|prompt|tokens?)[^。]{0,30}(?:超过|超出|过长|超长)/i,
		source: "DashScope (Qwen); Chinese texts of GLM",
	},
	{
		says: /`?inputs`? (?:tokens \+ `?max_new_tokens`? must be|must have less than \d+ tokens)/i,
		source: "Hugging Face TGI, Together",
	},
	{
		says: /tokens in (?:the )?(?:request|prompt) (?:more than|exceeds?|cannot exceed|is greater than)/i,
		source: "Baidu; Cohere, 'number of tokens in the prompt cannot exceed'",
	},
	{ says: /too many tokens: |too many tokens in (?:the )?(?:prompt|input|request)/i, source: "Cohere" },
	{ says: /prompt (?:contains|has|with) .*too large for model/i, source: "Mistral" },
	{
		says: /(?:prompt|input|request)(?: length)? \(?\d+(?: tokens)?\)? (?:is longer than|exceeds?|is too long|is greater than).*(?:context|maximum (?:input|prompt|model|sequence)|max_(?:model_len|seq_len|input))/i,
		source: "TensorRT-LLM, LMDeploy, TabbyAPI",
	},
];

/** Members that name it, whatever the text: `error.code` or `error.type`. */
const CODES: ReadonlySet<string> = new Set([
	"context_length_exceeded", // OpenAI and Azure
	"exceed_context_size_error", // llama.cpp
	"model_max_prompt_tokens_exceeded", // GitHub Copilot
	"context_window_exceeded", // gateways
	"model_context_window_exceeded", // z.ai
	"OutofContextError", // Volcano Ark
	"input_too_long", // gateways
	"context_too_large", // OpenAI-compatible gateways
	"prompt_too_long",
	"1261", // z.ai
]);

/** What only looks like it: compacting the conversation, or a larger model, does not help. */
const LOOKALIKES: readonly Wording[] = [
	{
		says: /string too long|string_above_max_length|at most \d+ characters/i,
		source: "OpenAI: any string over its own limit, such as a tool's name",
	},
	{
		says: /max_(?:completion_|new_|output_)?tokens['"`]? (?:or .*)?(?:is|value|parameter|must be) .*(?:too (?:large|high|big)|at most|less than)|maximum allowed number of output tokens/i,
		source: "OpenAI, vLLM, Groq, Messages API: max_tokens",
	},
	{
		says: /\b(?:tools?|functions?|names?|propert(?:y|ies)|parameters?|arguments?|fields?)\b.{0,60}["'`]\w*context_(?:length|window)|\b(?:tool|function)(?:s|'s)? (?:name|named|called) \w*context_(?:length|window)/i,
		source: "a tool or a parameter that is called so",
	},
	{
		says: /per[ _-]?(?:second|minute|hour|day|month)|rate.?limit|\bquota\b|\b[TR]P[MD]\b/i,
		source: "limits by time, which some servers send as 400 or 413",
	},
	{
		says: /(?<!tokens of )\b(?:image|file|document|pdf|audio|video)s?\b.{0,60}\b(?:exceeds?|too (?:large|long|many|big))/i,
		source: "one attachment, not the prompt",
	},
];

/** What is read of an error to decide. */
export interface SaidError {
	/** As the upstream answered; null = unknown, as in a stream. */
	readonly status: number | null;
	readonly message: string;
	/** Its `code` and `type`, those there are. */
	readonly codes: readonly (string | null)[];
}

/** Statuses that it comes with; 500 is what some servers make of every exception, and 0 bytes more than they take of a request. */
const STATUSES: ReadonlySet<number> = new Set([400, 413, 422, 500]);

/** Whether an error says that the prompt does not fit the model. */
export function isOverflow({ status, message, codes }: SaidError): boolean {
	if (status !== null && !STATUSES.has(status)) return false;
	if (codes.some((code) => code !== null && CODES.has(code))) return true;
	const own = ownWords(message);
	if (KNOWN.some(({ says }) => says.test(own))) return true;
	if (fillsWindow(own)) return true;
	return !LOOKALIKES.some(({ says }) => says.test(own)) && WORDINGS.some(({ says }) => says.test(own));
}

/** vLLM's `max_tokens is too large … (8192 > 32768 - 30000)`: what was asked for, the window, and the prompt. */
const BESIDE_OUTPUT = /\(\d+ > (\d+) - (\d+)\)/;

/** `max_tokens` does not fit because the prompt fills most of the window; beside a small prompt it is simply too large. */
function fillsWindow(message: string): boolean {
	const [, window, prompt] = BESIDE_OUTPUT.exec(message) ?? [];
	return Number(prompt) * 2 > Number(window);
}

/** The text of such an error as clients of the Messages API know it; what they know already stays as it is. */
export function overflowMessage(message: string): string {
	return KNOWN.some(({ says }) => says.test(message)) ? message : `prompt is too long: ${message}`;
}
