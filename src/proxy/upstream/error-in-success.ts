// Answers that are none though their status says success: HTTP 200 with an error object as its body (OpenRouter, NVIDIA NIM, z.ai, proxies of
// all kinds), or with what is no answer of the API at all. Leaves what such an error means to the provider, and event streams to
// proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import { statusOfErrorType } from "../../protocol/anthropic.ts";
import { parseLenient } from "../../protocol/openai/json.ts";
import { failedFinish, openaiErrorBody } from "../../protocol/openai/reasons.ts";
import { finishOf, firstChoice } from "../../protocol/openai/upstream-parts.ts";
import type { Operation, UpstreamRequest } from "../../providers/provider.ts";
import { unpacked } from "../codings.ts";
import { headerValue } from "../headers.ts";

/** Errors are small: a larger answer is none, and goes on at once, bytes. */
export const MAX_ERROR_IN_SUCCESS = 64 * 1024;
/** What unpacks to more is no error either, bytes. */
const MAX_UNPACKED = 4 * 1024 * 1024;

/** Whether an answer that is no event stream is held until it shows not to be an error. */
export function mayBeError(headers: IncomingHttpHeaders): boolean {
	return !(Number(headers["content-length"] ?? 0) > MAX_ERROR_IN_SUCCESS);
}

/** How answers of the Messages API begin; nothing of them is held. */
const ANSWER =
	/^\uFEFF?\s*\{\s*"(?:type"\s*:\s*"message"|id"\s*:\s*"msg_|model"\s*:\s*"[^"]*"\s*,\s*"(?:id|type|role|content)"|(?:role|content|input_tokens)")/;
const LONGEST_BEGINNING = 256;

/** Whether the first bytes of an answer show that it is one. */
export function beginsAnswer(first: Buffer): boolean {
	return ANSWER.test(first.toString("utf8", 0, LONGEST_BEGINNING));
}

/** What a whole answer is instead of one. `status` is what it should have come with; null = it is not even an error. */
export interface AnswerFault {
	readonly status: number | null;
	/** The error as JSON; empty where there is none. */
	readonly body: Buffer;
}

const NO_ANSWER: AnswerFault = { status: null, body: Buffer.alloc(0) };

/** How a whole answer came. */
interface Came {
	readonly headers: IncomingHttpHeaders;
	readonly operation: Operation;
	readonly dialect: UpstreamRequest["answer"];
}

/** What is wrong with a whole answer; null = it is one, or is too large, or packed too oddly, to tell. */
export function faultIn(body: Buffer, { headers, operation, dialect }: Came): AnswerFault | null {
	const isOther = operation === "passthrough";
	const isChat = dialect === "openai-chat";
	// A chat completion is parsed anyway, however large it is.
	if (body.length > MAX_ERROR_IN_SUCCESS && (isOther || !isChat)) return null;
	const encoding = headerValue(headers, "content-encoding") ?? "identity";
	if (!isChat && beginsAnswer(beginningOf(body, encoding))) return null;
	const plain = unpacked(body, encoding, { most: MAX_UNPACKED });
	if (plain === body && encoding !== "identity") return null;
	const text = plain.toString("utf8").replace(BYTE_ORDER_MARK, "");
	if (isOther && !MENTIONS_ERROR.test(text)) return null;
	const whole = parseLenient(text);
	const root = Array.isArray(whole) ? whole[0] : whole;
	if (isObject(root) && isError(root)) return { status: statusIn(root), body: plain };
	if (isOther) return null;
	if (!isObject(whole)) return NO_ANSWER;
	if (!isChat) return holdsMessage(whole, operation) ? null : NO_ANSWER;
	return holdsChoice(whole) ? failedChoice(whole) : NO_ANSWER;
}

const BYTE_ORDER_MARK = /^\uFEFF/;

/** The first bytes of the plain text of a body; of what cannot be unpacked the body's own. */
function beginningOf(body: Buffer, encoding: string): Buffer {
	const packed = body.subarray(0, LONGEST_BEGINNING);
	return unpacked(packed, encoding, { most: MAX_UNPACKED, isCut: true });
}

/** Cheaper than parsing every answer of operations that answer in forms of their own. */
const MENTIONS_ERROR = /"(?:error|errors|detail|statusCode|success|base_resp)"/;

/** An answer of the Messages API; of counting Bedrock's too. */
function holdsMessage(root: Fields, operation: Operation): boolean {
	if (operation === "messages") return Array.isArray(root["content"]);
	return [root["input_tokens"], root["inputTokens"]].some((count) => typeof count === "number");
}

/** An answer of Chat Completions, or of what was before them. Where nothing was generated Gemini and OpenRouter send no choice at all. */
function holdsChoice({ choices }: Fields): boolean {
	if (!Array.isArray(choices)) return false;
	return choices.some((choice) => isObject(choice) && CHOICE.some((name) => isFilled(choice[name])));
}

/** A choice whose reason to stop is a failure. */
function failedChoice(completion: Fields): AnswerFault | null {
	const error = failedFinish(finishOf(firstChoice(completion)));
	if (error === null) return null;
	return { status: statusOfErrorType(error.type), body: openaiErrorBody(error.type, error.message) };
}

const CHOICE = ["message", "text", "delta", "finish_reason"];

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
			const named = NAMES.get(value) ?? statusOfErrorType(value);
			if (named !== 500) return named;
		}
	return 500;
}

/** Names of OpenAI's and of Google's that stand for a status; the Messages API's are in protocol/anthropic. */
const NAMES: ReadonlyMap<string, number> = new Map([
	["rate_limit_exceeded", 429],
	["insufficient_quota", 429],
	["RESOURCE_EXHAUSTED", 429],
	["invalid_api_key", 401],
	["UNAUTHENTICATED", 401],
	["PERMISSION_DENIED", 403],
	["model_not_found", 404],
	["NOT_FOUND", 404],
	["context_length_exceeded", 400],
	["BadRequestError", 400],
	["INVALID_ARGUMENT", 400],
	["FAILED_PRECONDITION", 400],
	["UNAVAILABLE", 503],
]);
