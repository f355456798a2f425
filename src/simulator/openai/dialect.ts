// OpenAI-compatible servers: Chat Completions, Responses, models, embeddings. Leaves each form to the files beside it.
import { hash as digest } from "node:crypto";
import { ApiError } from "../api-error.ts";
import { fieldsOf } from "../body.ts";
import type { Ask, Caller, Dialect, Incoming, TextAnswer, Visit } from "../dialect.ts";
import { gist, keysOf } from "../dialects/messages.ts";
import type { ModelRules } from "../model-table.ts";
import { seededRandom } from "../random.ts";
import { type AnswerContext, ChatStream, wholeCompletion } from "./chat-answer.ts";
import { badRequest, chatToMessages, responsesToChat } from "./chat-request.ts";
import { openAiError, openAiFaultMessage } from "./errors.ts";
import { blockPrompt, routingKeyOf } from "./prompt.ts";
import { ResponsesStream, wholeResponse } from "./responses-answer.ts";
import { machineFor, type OpenAiServer } from "./servers.ts";

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_OUTPUT_TOKENS = 32_768;
const DEFAULT_DIMENSIONS = 1_536;

interface OpenAiCaller extends Caller {
	readonly server: OpenAiServer;
}

export const OPENAI: Dialect = {
	name: "openai",
	maxBodyBytes: MAX_BODY_BYTES,
	promptRules: {},
	authenticate,
	gist,
	read,
	prompt(request, ask) {
		return blockPrompt(ask.json, request.model, serverOf(ask));
	},
	findModel: (name, ask) => rulesOf(name, serverOf(ask)),
	headers: (requestId) => ({ "x-request-id": requestId, "openai-version": "2020-10-01" }),
	error: openAiError,
	faultMessage: openAiFaultMessage,
	tooLong: (tokens, window) =>
		new ApiError(
			400,
			`This model's maximum context length is ${window} tokens. However, your messages resulted in ${tokens} tokens. Please reduce the length of the messages.`,
			{ code: "context_length_exceeded", param: "messages" },
		),
	message: { idPrefix: "chatcmpl-", modelName: (model) => model, fullUsage: false },
	stream: (ask) =>
		ask.route.shape === "responses" ? new ResponsesStream(contextOf(ask)) : new ChatStream(contextOf(ask)),
	whole: (reply, ask) => {
		const form = ask.route.shape === "responses" ? wholeResponse : wholeCompletion;
		return { body: JSON.stringify(form(reply, contextOf(ask))), headers: {} };
	},
	counted: (tokens) => ({ input_tokens: tokens }),
	other(ask) {
		if (ask.route.endpoint === "models") return answerModels(ask);
		return ask.route.endpoint === "embeddings" ? answerEmbeddings(ask) : null;
	},
};

function authenticate({ world, only, request }: Visit): OpenAiCaller {
	const keys = keysOf(request);
	const server =
		world.openai.find((candidate) => candidate.apiKey !== null && keys.includes(candidate.apiKey)) ??
		world.openai.find((candidate) => candidate.apiKey === null);
	const [domain] = server?.machines ?? [];
	if (server === undefined || domain === undefined || (only !== null && only !== server)) {
		throw keys.length === 0
			? new ApiError(
					401,
					"You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
					{ code: "invalid_api_key" },
				)
			: new ApiError(
					401,
					"Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
					{ code: "invalid_api_key" },
				);
	}
	return {
		deployment: server,
		server,
		domain,
		serving: (_request, json) => machineFor(server, routingKeyOf(json), world.clock.now()),
		limitClass: (model) => model,
	};
}

function read(visit: Visit, caller: Caller, json: unknown): Incoming {
	if (json === undefined) throw badRequest("We could not parse the JSON body of your request.", null);
	const { server } = caller as OpenAiCaller;
	const chat = visit.route.shape === "responses" ? responsesToChat(json) : json;
	checkModel(server, fieldsOf(chat)?.["model"]);
	return { json: chatToMessages(chat, { maxTokens: MAX_OUTPUT_TOKENS }), betas: new Set() };
}

function checkModel(server: OpenAiServer, model: unknown): void {
	if (typeof model !== "string" || server.models === null || server.models.includes(model)) return;
	throw new ApiError(404, `The model \`${model}\` does not exist or you do not have access to it.`, {
		code: "model_not_found",
	});
}

function rulesOf(name: string, server: OpenAiServer): ModelRules {
	return {
		id: name,
		displayName: name,
		createdAt: "2026-01-01T00:00:00Z",
		limitClass: name,
		minTokens: server.minTokens,
		contextTokens: server.contextTokens,
		maxOutputTokens: Number.MAX_SAFE_INTEGER,
		keepsThinking: true,
		bindsThinking: false,
		systemRole: true,
	};
}

function contextOf(ask: Ask): AnswerContext {
	const body = fieldsOf(ask.json);
	return {
		requestId: ask.requestId,
		createdS: Math.floor(ask.world.clock.now() / 1000),
		model: String(body?.["model"] ?? ""),
		includeUsage: fieldsOf(body?.["stream_options"])?.["include_usage"] === true,
	};
}

function answerModels(ask: Ask): TextAnswer {
	const { models } = serverOf(ask);
	const entry = (id: string) => ({ id, object: "model", created: 1_767_225_600, owned_by: "simulator" });
	const { model } = ask.route;
	if (model === null) return json({ object: "list", data: (models ?? ["gpt-sim"]).map(entry) });
	checkModel(serverOf(ask), model);
	return json(entry(model));
}

/** Vectors of unit length that follow from the text alone. */
function answerEmbeddings(ask: Ask): TextAnswer {
	const body = fieldsOf(ask.json);
	const input = body?.["input"];
	if (body === null || typeof body["model"] !== "string")
		throw badRequest("you must provide a model parameter", "model");
	if (typeof input !== "string" && !Array.isArray(input))
		throw badRequest("Missing required parameter: 'input'.", "input");
	checkModel(serverOf(ask), body["model"]);
	const isTokens = Array.isArray(input) && typeof input[0] === "number";
	const texts = Array.isArray(input) && !isTokens ? input.map((item) => JSON.stringify(item)) : [JSON.stringify(input)];
	const dimensions = typeof body["dimensions"] === "number" ? body["dimensions"] : DEFAULT_DIMENSIONS;
	const data = texts.map((text, index) => {
		const vector = vectorOf(text, dimensions);
		const embedding =
			body["encoding_format"] === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
		return { object: "embedding", index, embedding };
	});
	const tokens = texts.reduce((sum, text) => sum + Math.ceil(Buffer.byteLength(text) / 4), 0);
	return json({ object: "list", data, model: body["model"], usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

function vectorOf(text: string, dimensions: number): Float32Array {
	const random = seededRandom(Number.parseInt(digest("sha256", text, "hex").slice(0, 8), 16));
	const values = Array.from({ length: dimensions }, () => random() * 2 - 1);
	const length = Math.hypot(...values);
	return Float32Array.from(values, (value) => value / length);
}

function serverOf(ask: Ask): OpenAiServer {
	return (ask.caller as OpenAiCaller).server;
}

function json(body: unknown): TextAnswer {
	return { status: 200, headers: {}, body: JSON.stringify(body) };
}
