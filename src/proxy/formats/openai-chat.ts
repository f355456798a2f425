// Chat Completions as a client format, and OpenAI's other operations, which only its own upstreams serve. Leaves the translation to
// protocol/openai.
import type { Given } from "../../prompt/outline.ts";
import { statusOfErrorType } from "../../protocol/anthropic.ts";
import { chatCompletion } from "../../protocol/openai/chat-answer.ts";
import { messagesRequest, modelOf, readChat } from "../../protocol/openai/chat-request.ts";
import { ChatStream, chatErrorEvent } from "../../protocol/openai/chat-stream.ts";
import { asObject, type JsonObject, parseLenient, textOf } from "../../protocol/openai/json.ts";
import { markChat, pointsOf } from "../../protocol/openai/marking.ts";
import { openaiErrorBody } from "../../protocol/openai/reasons.ts";
import { MAX_TOKENS } from "../../protocol/openai/traits.ts";
import { markingFor } from "../marking.ts";
import type { AnswerEncoder, CanonicalRequest, ClientError, ClientFormat, ErrorAnswer } from "./format.ts";
import { traitsFor } from "./model-traits.ts";

const NOTHING = Buffer.alloc(0);
/** A comment: clients pass it over. */
const PING = Buffer.from(": ping\n\n");

/** `/v1/chat/completions`. */
export const openaiChatFormat: ClientFormat = {
	name: "openai-chat",
	read(body, { given, ownCredential }, config) {
		const sent = namingModel(readChat(body), given);
		const own = pointsOf(sent);
		const configured = ownCredential === true ? null : markingFor(config, modelOf(sent));
		const chat = markChat(sent, own.length > 0 ? own : (configured?.points ?? []));
		const known = traitsFor(config, modelOf(chat));
		// Where the client's own bytes go this body only serves routing, and a fallback to Claude.
		const traits = { ...known, maxTokens: known.maxTokens ?? MAX_TOKENS };
		const { body: messages, answerTool, includeUsage } = messagesRequest(chat, traits);
		return {
			body: messages,
			given: undefined,
			pointsApplied: true,
			session: textOf(chat, "prompt_cache_key"),
			answer: ({ startedAt, requestId }) =>
				chatEncoder({ created: Math.floor(startedAt / 1000), answerTool, includeUsage, requestId }),
		};
	},
	relaysErrors: false,
	platform: null,
	error: openaiError,
	errorEvent: ({ type, message }) => chatErrorEvent(type, message),
};

/** `/v1/embeddings` and others: the body goes as it came, and so does the answer. */
export const openaiPlainFormat: ClientFormat = {
	...openaiChatFormat,
	read: (body, { given }): CanonicalRequest => ({ body, given, answer: null }),
};

/** A request whose address names the model, which wins over its body's. */
export function namingModel(request: JsonObject, given: Given | undefined): JsonObject {
	return given?.model === undefined ? request : { ...request, model: given.model };
}

interface EncoderAbout {
	readonly created: number;
	readonly answerTool: boolean;
	readonly includeUsage: boolean;
	readonly requestId: string;
}

function chatEncoder(about: EncoderAbout): AnswerEncoder {
	const stream = new ChatStream(about);
	return {
		headers: (streaming) => openaiHeaders(about.requestId, streaming),
		event: (event) => stream.event(event),
		end: () => NOTHING,
		body: (json) => chatCompletion(json, asObject(parseLenient(json.toString("utf8"))), about),
		ping: () => PING,
	};
}

/** Head of an answer in OpenAI's formats. */
export function openaiHeaders(requestId: string, streaming: boolean): Readonly<Record<string, string>> {
	const type = streaming ? "text/event-stream; charset=utf-8" : "application/json";
	return { "content-type": type, "x-request-id": requestId };
}

/** An error in OpenAI's shape. */
export function openaiError({ status, type, message, requestId }: ClientError): ErrorAnswer {
	// A type that came without a status of its own.
	const code = status >= 400 ? status : statusOfErrorType(type);
	return { status: code, headers: openaiHeaders(requestId, false), body: openaiErrorBody(type, message) };
}
