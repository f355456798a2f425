// What every platform with the Messages API's own form has in common: header betas, SSE, whole messages, models. Leaves senders and refusals to each platform.
import type { IncomingMessage } from "node:http";
import { ApiError, errorBody, invalid } from "../api-error.ts";
import { fieldsOf } from "../body.ts";
import type { Ask, Dialect, Gist, Incoming, TextAnswer, Visit } from "../dialect.ts";
import { wholeMessage } from "../message.ts";
import { MODELS, type ModelRules } from "../model-table.ts";
import { SSE } from "../stream.ts";

const MAX_PAGE = 1_000;
const DEFAULT_PAGE = 20;
const MEGABYTE = 1024 * 1024;

/** Largest body that the first-party API takes (providers §2). */
const FIRST_PARTY_MAX_BYTES = 32 * MEGABYTE;

/** The parts that the Messages form shares; a platform adds the rest. */
export const MESSAGES_FORM = {
	maxBodyBytes: FIRST_PARTY_MAX_BYTES,
	gist,
	error: messagesError,
	faultMessage,
	tooLong: (tokens: number, window: number) => invalid(`prompt is too long: ${tokens} tokens > ${window} maximum`),
	stream: () => SSE,
	whole: (reply) => ({ body: JSON.stringify(wholeMessage(reply)), headers: {} }),
	counted: (tokens: number) => ({ input_tokens: tokens }),
	other: () => null,
} satisfies Partial<Dialect>;

/** Model and stream from path or body. */
export function gist(visit: Visit, json: unknown): Gist {
	const fields = fieldsOf(json);
	const named = fields?.["model"];
	return {
		model: visit.route.model ?? (typeof named === "string" ? named : null),
		stream: visit.route.stream ?? fields?.["stream"] === true,
	};
}

/** An error in the Messages API's shape. */
export function messagesError(error: ApiError, requestId: string): TextAnswer {
	return { status: error.status, headers: error.headers, body: JSON.stringify(errorBody(error, requestId)) };
}

/** The body as it is, with the betas of the header. Throws when it is no JSON, when the version header is missing, or for a refused beta. */
export function readMessagesBody(visit: Visit, json: unknown): Incoming {
	requireVersion(visit.request);
	if (json === undefined && visit.route.endpoint !== "models") throw invalid("The request body is not valid JSON");
	const betas = headerBetas(visit.request);
	for (const beta of visit.world.options.unknownBetas ?? []) {
		if (betas.has(beta)) throw invalid(`Unexpected value(s) \`${beta}\` for the \`anthropic-beta\` header.`);
	}
	return { json, betas };
}

/** Throws when the anthropic-version header is missing. */
function requireVersion(request: IncomingMessage): void {
	if (request.headers["anthropic-version"] === undefined)
		throw new ApiError(400, "anthropic-version: header is required");
}

/** Values of the anthropic-beta header. */
export function headerBetas(request: IncomingMessage): ReadonlySet<string> {
	const header = request.headers["anthropic-beta"] ?? "";
	const values = (Array.isArray(header) ? header.join(",") : header).split(",").map((value) => value.trim());
	return new Set(values.filter((value) => value !== ""));
}

/** x-api-key, api-key or bearer token of a request, in this order; trimmed. */
export function keysOf(request: IncomingMessage): readonly string[] {
	const { "x-api-key": own, "api-key": azure, authorization = "" } = request.headers;
	const bearer = /^Bearer\s+(.+)$/i.exec(authorization)?.[1];
	return [own, azure, bearer].flatMap((key) => (typeof key === "string" ? [key.trim()] : []));
}

/** GET /v1/models and /v1/models/{id} of the first-party API. Throws its 400 and 404. */
export function answerModels(ask: Ask): TextAnswer {
	requireVersion(ask.request);
	const url = new URL(ask.request.url ?? "/", "http://simulator");
	const id = /\/v1\/models\/([^/?]+)/.exec(url.pathname)?.[1];
	const body = id === undefined ? modelPage(url.searchParams) : modelNamed(decodeURIComponent(id));
	return { status: 200, headers: {}, body: JSON.stringify(body) };
}

function modelNamed(id: string): Record<string, unknown> {
	const model = MODELS.find((candidate) => candidate.id === id);
	if (model === undefined) throw new ApiError(404, `model: ${id}`);
	return modelEntry(model);
}

function modelPage(query: URLSearchParams): Record<string, unknown> {
	const limit = Number(query.get("limit") ?? DEFAULT_PAGE);
	if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
		throw invalid(`limit: Input should be between 1 and ${MAX_PAGE}`);
	}
	const after = query.get("after_id");
	const before = query.get("before_id");
	const start = after === null ? 0 : MODELS.findIndex((model) => model.id === after) + 1;
	const end = before === null ? MODELS.length : MODELS.findIndex((model) => model.id === before);
	const range = MODELS.slice(start, Math.max(start, end));
	const page = before === null ? range.slice(0, limit) : range.slice(-limit);
	return {
		data: page.map(modelEntry),
		first_id: page[0]?.id ?? null,
		last_id: page.at(-1)?.id ?? null,
		has_more: page.length < range.length,
	};
}

function modelEntry(model: ModelRules): Record<string, unknown> {
	return { type: "model", id: model.id, display_name: model.displayName, created_at: model.createdAt };
}

function faultMessage(status: number): string {
	switch (status) {
		case 401:
			return "invalid x-api-key";
		case 402:
			return "Your credit balance is too low to access the Anthropic API.";
		case 403:
			return "Your API key does not have permission to use the specified resource.";
		case 404:
			return "Not found";
		case 429:
			return "This request would exceed your organization's rate limit.";
		case 500:
			return "Internal server error";
		case 529:
			return "Overloaded";
		default:
			return `Simulated failure with status ${status}`;
	}
}
