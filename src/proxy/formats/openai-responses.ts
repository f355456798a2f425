// The Responses API as a client format: the stateless subset that coding agents use. Leaves the translation to protocol/openai.
import { messagesRequest, modelOf, readChat } from "../../protocol/openai/chat-request.ts";
import { asObject, parseLenient, textOf } from "../../protocol/openai/json.ts";
import { responseOf } from "../../protocol/openai/responses-answer.ts";
import { chatOfResponses } from "../../protocol/openai/responses-request.ts";
import { ResponsesStream, responsesErrorEvent } from "../../protocol/openai/responses-stream.ts";
import type { AnswerEncoder, ClientFormat } from "./format.ts";
import { traitsFor } from "./model-traits.ts";
import { namingModel, openaiError, openaiHeaders } from "./openai-chat.ts";

const NOTHING = Buffer.alloc(0);
/** A comment: clients pass it over. */
const PING = Buffer.from(": ping\n\n");

/** `/v1/responses`. */
export const openaiResponsesFormat: ClientFormat = {
	name: "openai-responses",
	read(body, { given }, config) {
		const request = namingModel(readChat(body), given);
		const traits = { ...traitsFor(config, modelOf(request)), refuses: true };
		const { body: messages, answerTool } = messagesRequest(chatOfResponses(request), traits);
		return {
			body: messages,
			given: undefined,
			session: textOf(request, "prompt_cache_key"),
			answer: ({ startedAt, requestId }): AnswerEncoder => {
				const about = { created: Math.floor(startedAt / 1000), answerTool, request };
				const stream = new ResponsesStream(about);
				return {
					headers: (streaming) => openaiHeaders(requestId, streaming),
					event: (event) => stream.event(event),
					end: () => NOTHING,
					body: (json) => responseOf(json, asObject(parseLenient(json.toString("utf8"))), about),
					ping: () => PING,
				};
			},
		};
	},
	relaysErrors: false,
	platform: null,
	error: openaiError,
	errorEvent: ({ type, message }) => responsesErrorEvent(type, message),
};
