// Errors that come with a status of success: HTTP 200 with an error object as its body (OpenRouter, NVIDIA NIM, z.ai, proxies of all kinds).
// Leaves what such an error means to the provider, and event streams to proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import { statusOfErrorType } from "../../protocol/anthropic.ts";
import { unpacked } from "../answer/encoding.ts";
import { headerValue } from "../headers.ts";

/** Errors are small: a larger answer is none, and goes on at once, bytes. */
export const MAX_ERROR_IN_SUCCESS = 64 * 1024;

/** Whether an answer that is no event stream is held until it shows not to be an error. */
export function mayBeError(headers: IncomingHttpHeaders): boolean {
	return !(Number(headers["content-length"] ?? 0) > MAX_ERROR_IN_SUCCESS);
}

/** How answers of the Messages API begin; nothing of them is held. */
const ANSWER = /^\s*\{\s*"(?:type"\s*:\s*"message"|id"\s*:\s*"msg_|(?:model|role|content|input_tokens)")/;
const LONGEST_BEGINNING = 64;

/** Whether the first bytes of an answer show that it is one. */
export function beginsAnswer(first: Buffer): boolean {
	return ANSWER.test(first.toString("latin1", 0, LONGEST_BEGINNING));
}

/** The status that a whole answer should have come with, if it is an error object; null = it is none. */
export function statusOfErrorIn(body: Buffer, headers: IncomingHttpHeaders): number | null {
	if (body.length > MAX_ERROR_IN_SUCCESS) return null;
	const text = unpacked(body, headerValue(headers, "content-encoding") ?? "identity").toString("utf8");
	if (!MENTIONS_ERROR.test(text)) return null;
	let whole: unknown;
	try {
		whole = JSON.parse(text);
	} catch {
		return null;
	}
	const root = Array.isArray(whole) ? whole[0] : whole;
	if (!isObject(root)) return null;
	return isError(root) || isNoAnswer(root) ? statusIn(root) : null;
}

/** Cheaper than parsing every answer. */
const MENTIONS_ERROR = /"(?:error|errors|detail|statusCode|success|base_resp)"|"choices"\s*:\s*(?:\[\s*\]|null)/;

/** Members that hold an answer; an object with one of them is one, whatever else it has. */
const ANSWERS = ["choices", "content", "candidates", "output", "data", "object", "results", "input_tokens"] as const;

/** The Messages API's and Google's form; OpenAI's, also with a text; vLLM's; FastAPI's; Azure API management's; z.ai's and MiniMax's. */
function isError(root: Fields): boolean {
	if (root["type"] === "error" || root["object"] === "error") return true;
	if (ANSWERS.some((name) => isFilled(root[name]))) return false;
	if (isFilled(root["error"]) || isFilled(root["errors"]) || isFilled(root["detail"])) return true;
	const base = root["base_resp"];
	if (isObject(base) && typeof base["status_code"] === "number" && base["status_code"] !== 0) return true;
	return root["success"] === false || isHttpError(Number(root["statusCode"]));
}

/** Choices, and not one of them: what Gemini and OpenRouter send where nothing was generated. Nobody's client can read it. */
function isNoAnswer(root: Fields): boolean {
	return "choices" in root && !ANSWERS.some((name) => name !== "object" && isFilled(root[name]));
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFilled(value: unknown): boolean {
	if (Array.isArray(value)) return value.length > 0;
	return value !== undefined && value !== null && value !== "" && value !== false;
}

function isHttpError(value: number): boolean {
	return value >= 400 && value < 600;
}

/** By number where the body has one, else by name; what says nothing is the upstream's own fault. */
function statusIn(root: Fields): number {
	const error = isObject(root["error"]) ? root["error"] : {};
	for (const value of [
		error["code"],
		error["status"],
		error["status_code"],
		root["code"],
		root["statusCode"],
		root["status"],
	]) {
		const number = typeof value === "number" || typeof value === "string" ? Number(value) : Number.NaN;
		if (isHttpError(number)) return number;
	}
	for (const value of [error["code"], error["type"], error["status"], root["code"]])
		if (typeof value === "string") {
			const named = NAMES[value] ?? statusOfErrorType(value);
			if (named !== 500) return named;
		}
	return 500;
}

/** Names of OpenAI's and of Google's that stand for a status; the Messages API's are in protocol/anthropic. */
const NAMES: Readonly<Record<string, number>> = {
	rate_limit_exceeded: 429,
	insufficient_quota: 429,
	RESOURCE_EXHAUSTED: 429,
	invalid_api_key: 401,
	UNAUTHENTICATED: 401,
	PERMISSION_DENIED: 403,
	model_not_found: 404,
	NOT_FOUND: 404,
	context_length_exceeded: 400,
	BadRequestError: 400,
	INVALID_ARGUMENT: 400,
	FAILED_PRECONDITION: 400,
	UNAVAILABLE: 503,
};
