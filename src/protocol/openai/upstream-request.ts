// A Messages API request → a Chat Completions request, for OpenAI-compatible upstreams. Leaves messages and tools to the files beside it,
// answers to upstream-answer and upstream-stream.
import { hash } from "node:crypto";
import { asList, asObject, type Draft, type JsonObject, numberOf, parseLenient, put, textOf } from "./json.ts";
import { ToolNames } from "./tool-names.ts";
import { refuse } from "./traits.ts";
import type { UpstreamDialect } from "./upstream-dialect.ts";
import { chatMessages } from "./upstream-messages.ts";
import { effortFor, isReasoner, type ModelRules, rulesOf, wantedEffort } from "./upstream-models.ts";
import { putToolChoice, responseFormat, upstreamTools } from "./upstream-tools.ts";

/** What a call says besides its body. */
export interface ChatCall {
	/** The upstream's name of the model. */
	readonly model: string;
	/** What the model is, where the upstream's name does not say. */
	readonly baseModel?: string | undefined;
	readonly stream: boolean;
}

export interface TranslatedRequest {
	readonly chat: Draft;
	/** Maps the client's names of tools to those that the answer will have. */
	readonly names: ToolNames;
	/** What was left out because only Anthropic's API can do it. */
	readonly removed: readonly string[];
}

/** Translates a Messages API body. Throws invalid_field for one that has not the API's form. */
export function chatRequest(body: Buffer, call: ChatCall, dialect: UpstreamDialect): TranslatedRequest {
	const messages = asObject(parseLenient(body.toString("utf8")));
	if (messages === null) refuse("body", "Input should be an object");
	const names = new ToolNames();
	const context = { dialect, names };
	const rules = rulesOf(call.baseModel ?? call.model);
	const translated = upstreamTools(messages, context);
	const chat: Draft = { model: call.model, messages: chatMessages(messages, context, translated.appendix) };
	if (translated.tools.length > 0) chat["tools"] = translated.tools;
	putToolChoice(chat, messages, { ...context, ...translated });
	if (rules?.parallelToolCalls === false) delete chat["parallel_tool_calls"];
	putLimits(chat, messages, { dialect, rules });
	putEffort(chat, messages, { dialect, rules });
	put(chat, "response_format", responseFormat(messages, dialect));
	if (dialect.user !== null) put(chat, dialect.user, userOf(messages));
	if (dialect.cacheControl) put(chat, "cache_control", asObject(messages["cache_control"]));
	if (call.stream) {
		chat["stream"] = true;
		chat["stream_options"] = { include_usage: true };
	}
	return { chat, names, removed: translated.removed };
}

interface Rules {
	readonly dialect: UpstreamDialect;
	readonly rules: ModelRules | null;
}

function putLimits(chat: Draft, messages: JsonObject, { dialect, rules }: Rules): void {
	const asked = numberOf(messages, "max_tokens");
	const most = dialect.maxOutputTokens;
	const name = isReasoner(rules) ? "max_completion_tokens" : dialect.maxTokensName;
	put(chat, name, asked !== null && most !== null ? Math.min(asked, most) : asked);
	if (rules?.sampling !== false) {
		put(chat, "temperature", numberOf(messages, "temperature"));
		put(chat, "top_p", numberOf(messages, "top_p"));
	}
	if (dialect.topK) put(chat, "top_k", numberOf(messages, "top_k"));
	const stop = asList(messages["stop_sequences"]).slice(0, dialect.stopSequences ?? undefined);
	if (stop.length > 0 && rules?.stop !== false) chat["stop"] = stop;
}

function putEffort(chat: Draft, messages: JsonObject, { dialect, rules }: Rules): void {
	const hasTools = chat["tools"] !== undefined;
	const wanted = rules?.toolsNeedNoEffort === true && hasTools ? "none" : wantedEffort(messages);
	put(chat, "reasoning_effort", effortFor(wanted, rules === null ? dialect.efforts : rules.efforts));
}

/** Most characters of OpenAI's members for a user. */
const MOST_USER = 64;

/**
 * `metadata.user_id` without the session that Claude Code puts into it: the member stands for a user. What is too long is hashed
 * (maximhq/bifrost#1000, mnfst/llm-gateway#2789).
 */
function userOf(messages: JsonObject): string | null {
	const given = textOf(messages["metadata"], "user_id");
	if (given === null || given === "") return null;
	const described = asObject(parseLenient(given));
	const user =
		described === null
			? given.replace(/_session_[\w-]+$/, "")
			: JSON.stringify({ ...described, session_id: undefined });
	return user.length <= MOST_USER && described === null ? user : hash("sha256", user, "hex");
}
