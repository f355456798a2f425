// A Chat Completions request → a Messages API request. Pure and deterministic: the same conversation begins with the same bytes turn
// after turn. Leaves answers to chat-answer and chat-stream.

import { jsonText } from "../json-text.ts";
import { conversationOf } from "./chat-messages.ts";
import { toolsOf } from "./chat-tools.ts";
import { asList, asObject, type Draft, type JsonObject, member, numberOf, parseLenient, put, textOf } from "./json.ts";
import { putThinking, thinkingOf } from "./thinking.ts";
import { type ModelTraits, refuse, unsupported } from "./traits.ts";

/** A translated request, and what its answer must know of it. */
export interface TranslatedChat {
	/** A Messages API body. */
	readonly body: Buffer;
	/** `model` as the client sent it. */
	readonly model: string;
	readonly stream: boolean;
	/** `stream_options.include_usage`. */
	readonly includeUsage: boolean;
	/** The answer comes as a call of `ANSWER_TOOL`. */
	readonly answerTool: boolean;
}

/** Members that mean the same in both, or that LiteLLM's clients send for the Messages API. */
const PASSED = ["context_management", "cache_control", "inference_geo", "speed", "container", "mcp_servers"];

/** The JSON object of a body that was checked (prompt/top-level). Throws invalid_field. */
export function readChat(body: Buffer): JsonObject {
	const parsed = parseLenient(body.toString("utf8"));
	if (parsed === undefined) refuse("body", "Input should be valid JSON");
	const chat = asObject(parsed);
	if (chat === null) refuse("body", "Input should be an object");
	return chat;
}

/** The model that a request names. Throws invalid_field where there is none. */
export function modelOf(request: JsonObject): string {
	const model = textOf(request, "model");
	if (model === null || model === "") refuse("model", "Field required");
	return model;
}

/**
 * Translates a request. Members of the body stand in one order, messages last, and every message's blocks depend only on what precedes
 * them. What cannot be said in the Messages API is refused or left out, as `traits` says. Throws invalid_field.
 */
export function messagesRequest(chat: JsonObject, traits: ModelTraits): TranslatedChat {
	const model = modelOf(chat);
	checkUnsupported(chat, traits);
	const { system, messages } = conversationOf(chat["messages"], traits);
	const maxTokens = numberOf(chat, "max_completion_tokens") ?? numberOf(chat, "max_tokens") ?? traits.maxTokens;
	const thinking = thinkingOf(chat, { traits, maxTokens, turns: messages });
	const tools = toolsOf(chat, { traits, isThinking: thinking.isOn });
	const stream = chat["stream"] === true;
	const body: Draft = { model };
	put(body, "max_tokens", maxTokens);
	if (stream) body["stream"] = true;
	putSampling(body, chat, thinking.isOn);
	putStop(body, chat["stop"]);
	put(body, "metadata", metadataOf(chat));
	for (const name of PASSED) put(body, name, chat[name]);
	putThinking(body, thinking, asObject(tools.format), chat["output_config"]);
	put(body, "tool_choice", allowedChoice(tools.toolChoice, thinking.isOn));
	put(body, "tools", tools.tools);
	if (system.length > 0) body["system"] = system;
	body["messages"] = messages;
	return {
		body: Buffer.from(jsonText(body)),
		model,
		stream,
		includeUsage: member(chat["stream_options"], "include_usage") === true,
		answerTool: tools.answerTool,
	};
}

/** What would change the answer's meaning if it were left out. */
function checkUnsupported(chat: JsonObject, traits: ModelTraits): void {
	if ((numberOf(chat, "n") ?? 1) > 1) unsupported(traits, "n", "only one choice can be given: send 1");
	if (asObject(chat["audio"]) !== null) unsupported(traits, "audio", "this model does not answer with audio");
	if (asObject(chat["web_search_options"]) !== null) {
		unsupported(traits, "web_search_options", "not supported: send the Messages API's web_search tool in tools");
	}
	if (chat["logprobs"] === true) unsupported(traits, "logprobs", "this model does not give log probabilities");
}

/**
 * OpenAI's temperature goes to 2, the Messages API's to 1; it takes one of the two, and none beside thinking. Clients of other servers say by
 * a `top_k` of 0 or -1 that they want none.
 */
function putSampling(body: Draft, chat: JsonObject, isThinking: boolean): void {
	if (isThinking) return;
	const mostLikely = numberOf(chat, "top_k");
	if (mostLikely !== null && mostLikely >= 1) body["top_k"] = Math.floor(mostLikely);
	const temperature = numberOf(chat, "temperature");
	if (temperature !== null) body["temperature"] = Math.min(1, Math.max(0, temperature));
	else put(body, "top_p", numberOf(chat, "top_p"));
}

/** Sequences of white space alone are refused by the Messages API. */
function putStop(body: Draft, stop: unknown): void {
	const given = typeof stop === "string" ? [stop] : asList(stop);
	const sequences = given.filter((each) => typeof each === "string" && each.trim() !== "");
	if (sequences.length > 0) body["stop_sequences"] = sequences;
}

function metadataOf(chat: JsonObject): Draft | null {
	const user = textOf(chat, "user") ?? textOf(chat, "safety_identifier") ?? textOf(chat["metadata"], "user_id");
	return user === null || user === "" ? null : { user_id: user };
}

/** Beside thinking no tool can be forced. */
function allowedChoice(choice: JsonObject | null, isThinking: boolean): JsonObject | null {
	if (choice === null || !isThinking) return choice;
	return choice["type"] === "any" || choice["type"] === "tool" ? { ...choice, type: "auto", name: undefined } : choice;
}
