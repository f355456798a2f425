// What each OpenAI-compatible server takes: one table by host and by model, each row with its source. Leaves applying it to the
// upstream-* files, and what single models of OpenAI take to upstream-models.

/** Levels of `reasoning_effort`, weakest first. */
export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/** What an OpenAI-compatible server understands. */
export interface UpstreamDialect {
	/** OpenAI's newer models refuse `max_tokens`; older compatible servers know nothing else. */
	readonly maxTokensName: "max_tokens" | "max_completion_tokens";
	/** Most output tokens the model admits; null = not known. */
	readonly maxOutputTokens: number | null;
	/** A system message behind the first message: kept, or sent as user text because the server refuses or drops it. */
	readonly laterSystem: "keep" | "user";
	/** A user message may follow tool messages. Otherwise an assistant message is put between them. */
	readonly userAfterTool: boolean;
	/** User and assistant messages must take turns: neighbours of one role are joined. */
	readonly alternates: boolean;
	/** Form of tool call ids. null = any. */
	readonly toolIds: "nine" | "forty" | null;
	/** Most characters of a tool's description; the whole text then goes to the system message. null = any. */
	readonly toolDescription: number | null;
	/** Member of an assistant message that takes its reasoning back. null = the server refuses it. */
	readonly reasoning: "reasoning_content" | "reasoning" | null;
	/** Assistant messages with tool calls are refused without reasoning. */
	readonly reasoningRequired: boolean;
	/**
	 * `extra_content` of tool calls, which holds Gemini's thought signatures, and OpenRouter's `reasoning_details`: sent back to whom they came
	 * from, the former also made up where missing, or refused.
	 */
	readonly extraContent: "kept" | "required" | null;
	/** `cache_control` on parts, tools and calls goes on. */
	readonly cacheControl: boolean;
	/** `top_k`. */
	readonly topK: boolean;
	/** Levels of `reasoning_effort` of models that upstream-models does not know. */
	readonly efforts: readonly Effort[];
	/** Most stop sequences; null = any number. */
	readonly stopSequences: number | null;
	readonly parallelToolCalls: boolean;
	/** Member for `metadata.user_id`, at most 64 characters; null = not sent. */
	readonly user: "safety_identifier" | "user" | null;
	/** JSON Schema: with what OpenAI demands of it, or only the part that Gemini takes. */
	readonly schemas: "openai" | "gemini";
}

/** What an operator may set by `litellm_params.server_takes`. */
export type DialectOverrides = Partial<
	Pick<
		UpstreamDialect,
		"laterSystem" | "userAfterTool" | "alternates" | "toolIds" | "reasoning" | "reasoningRequired" | "cacheControl"
	>
>;

const COMMON_EFFORTS: readonly Effort[] = ["low", "medium", "high"];
const ALL_EFFORTS: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh"];

/** A server nobody knows: most are vLLM, SGLang, llama.cpp or Ollama, which are lenient but for what a model's chat template refuses. */
const UNKNOWN: UpstreamDialect = {
	maxTokensName: "max_tokens",
	maxOutputTokens: null,
	// Qwen 3.5's template raises, gpt-oss's drops them (vllm-project/vllm#41114, ollama/ollama#17774).
	laterSystem: "user",
	userAfterTool: true,
	alternates: false,
	toolIds: null,
	toolDescription: null,
	reasoning: "reasoning_content",
	reasoningRequired: false,
	extraContent: "kept",
	cacheControl: false,
	topK: true,
	efforts: COMMON_EFFORTS,
	stopSequences: null,
	parallelToolCalls: true,
	user: null,
	// OpenAI's demands (a root object with properties, arrays with items) hurt nobody.
	schemas: "openai",
};

interface Row {
	readonly host?: RegExp;
	/** Of the model's name without its vendor's prefix, in lower case. Where a row has both, either of them counts. */
	readonly model?: RegExp;
	readonly takes: Partial<UpstreamDialect>;
	readonly source: string;
}

const OPENAI_FAMILY: Partial<UpstreamDialect> = {
	laterSystem: "keep",
	// "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40".
	toolIds: "forty",
	// OpenHands/OpenHands#4838 and #7167, modelcontextprotocol/servers#799: refused by Azure and by OpenAI's older models.
	toolDescription: 1024,
	reasoning: null,
	extraContent: null,
	topK: false,
	stopSequences: 4,
};

/** As of 2026-12-01. A later row wins over an earlier one, member by member. */
const ROWS: readonly Row[] = [
	{
		model: /^(gpt-(?!oss)|chatgpt-|o[1-9]\b)/,
		takes: { ...OPENAI_FAMILY, user: "user" },
		source: "OpenAI API reference, Create chat completion: stop up to 4, no top_k",
	},
	{
		host: /(^|\.)openai\.com$/,
		takes: {
			...OPENAI_FAMILY,
			maxTokensName: "max_completion_tokens",
			user: "safety_identifier",
		},
		source: "OpenAI API reference, Create chat completion: safety_identifier, at most 64 characters",
	},
	{
		host: /(^|\.)(openai\.azure\.com|services\.ai\.azure\.com|cognitiveservices\.azure\.com)$/,
		takes: { ...OPENAI_FAMILY, maxTokensName: "max_completion_tokens", user: "user" },
		source: "Azure OpenAI REST reference, Chat completions",
	},
	{
		// One row for both: which of them a proxy stands before is not to be seen, and nothing is lost.
		host: /(^|\.)mistral\.ai$/,
		model: /(^|[-_])(mistral|mixtral|ministral|devstral|magistral|codestral|pixtral)/,
		takes: {
			userAfterTool: false,
			alternates: true,
			toolIds: "nine",
			reasoning: null,
			extraContent: null,
			topK: false,
			efforts: [],
		},
		source:
			"mistralai/mistral-common, protocol/instruct/validator.py, and #169; charmbracelet/crush#279; api.mistral.ai refuses unknown members (extra_forbidden): charmbracelet/crush#1590, BerriAI/litellm#30835",
	},
	{
		model: /(^|[-_])(gemma|llama-?2(?!\d))/,
		takes: { alternates: true },
		source: "chat templates of google/gemma-* and meta-llama/Llama-2-*: 'Conversation roles must alternate'",
	},
	{
		host: /(^|\.)perplexity\.ai$/,
		takes: { alternates: true, reasoning: null, extraContent: null },
		source: "Perplexity API: after the system message, user and assistant messages should alternate",
	},
	{
		host: /(^|\.)generativelanguage\.googleapis\.com$|(^|[.-])aiplatform\.googleapis\.com$/,
		model: /^gemini/,
		takes: {
			reasoning: null,
			topK: false,
			efforts: ["minimal", "low", "medium", "high"],
			stopSequences: 5,
			parallelToolCalls: false,
			schemas: "gemini",
		},
		source:
			"ai.google.dev/gemini-api/docs/openai; 'Unknown name … Cannot find field': jackmpcollins/magentic#382, janhq/jan#8136, openswarm-ai/openswarm#24",
	},
	{
		model: /^gemini-(3|[4-9]|flash-latest|pro-latest)/,
		takes: { extraContent: "required" },
		source: "ai.google.dev/gemini-api/docs/thought-signatures: calls without one are refused since Gemini 3",
	},
	{
		model: /^(deepseek|kimi|mimo)/,
		takes: { reasoningRequired: true },
		source: "api-docs.deepseek.com, Thinking mode; MoonshotAI/kimi-cli#2498; NousResearch/hermes-agent#17341",
	},
	{
		host: /(^|\.)groq\.com$/,
		takes: { reasoning: null, reasoningRequired: false, extraContent: null, topK: false, efforts: [] },
		source: "'property … is unsupported': janhq/jan#8136, tashfeenahmed/freellmapi#1070, sipeed/picoclaw#1196",
	},
	{
		host: /(^|\.)cerebras\.ai$/,
		takes: { reasoning: null, reasoningRequired: false, extraContent: null, topK: false },
		source: "musistudio/llms, CerebrasTransformer: unknown members are refused",
	},
	{
		model: /^grok/,
		takes: { reasoning: null, extraContent: null, topK: false, stopSequences: 0, efforts: [] },
		source: "docs.x.ai, Reasoning: stop and reasoning_effort are refused by grok-4 and its successors",
	},
	{
		model: /^gpt-oss/,
		takes: { efforts: COMMON_EFFORTS },
		source: "openai/gpt-oss model card: low, medium, high",
	},
	{
		model: /claude/,
		takes: { cacheControl: true },
		source: "maximhq/bifrost#3942: Claude behind OpenRouter, LiteLLM or Databricks caches what is marked",
	},
	{
		host: /(^|\.)openrouter\.ai$/,
		takes: {
			cacheControl: true,
			reasoning: "reasoning",
			reasoningRequired: false,
			extraContent: "kept",
			toolDescription: null,
			efforts: ALL_EFFORTS,
			topK: true,
			user: "user",
		},
		source: "openrouter.ai/docs: features/prompt-caching, guides/best-practices/reasoning-tokens",
	},
	{
		host: /(^|\.)dashscope(-intl|-us)?\.aliyuncs\.com$/,
		takes: { cacheControl: true },
		source: "Alibaba Cloud Model Studio, Context cache: explicit cache by cache_control",
	},
];

/** A model's name as the tables know it: without vendor and OpenAI's mark of a fine-tuned one (`ft:o4-mini:acme::id`), in lower case. */
export function plainModelName(model: string): string {
	const name = model.slice(model.lastIndexOf("/") + 1).toLowerCase();
	return name.startsWith("ft:") ? name.slice(3) : name;
}

/** What the server at `host` takes for `model`, with what its operator set. */
export function dialectOf(about: {
	readonly host: string;
	readonly model: string;
	readonly maxOutputTokens: number | null;
	readonly overrides?: DialectOverrides | undefined;
}): UpstreamDialect {
	const model = plainModelName(about.model);
	let dialect: UpstreamDialect = { ...UNKNOWN, maxOutputTokens: about.maxOutputTokens };
	for (const row of ROWS) {
		const matches = row.host?.test(about.host) === true || row.model?.test(model) === true;
		if (matches) dialect = { ...dialect, ...row.takes };
	}
	return { ...dialect, ...about.overrides };
}
