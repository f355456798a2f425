// Why an answer ended, and what an error is called, in both formats.
import { jsonText } from "../json-text.ts";
import { isOverflow, overflowMessage } from "../overflow.ts";
import { errorWords, faultsOf } from "./error-words.ts";
import { asObject, type Draft, type JsonObject, numberOf, parseLenient, textOf } from "./json.ts";

/** `stop_reason` → `finish_reason`. */
export function finishReason(stopReason: string | null): string {
	switch (stopReason) {
		case "tool_use":
			return "tool_calls";
		case "max_tokens":
		case "model_context_window_exceeded":
			return "length";
		case "refusal":
			return "content_filter";
		default:
			return "stop";
	}
}

/** Reasons that mean something else than `stop` or calls, in lower case, with the servers that give them. */
const FINISHES: ReadonlyMap<string, string> = new Map([
	["length", "max_tokens"],
	["max_tokens", "max_tokens"], // Gemini, Cohere
	["max_output_tokens", "max_tokens"],
	["model_length", "max_tokens"], // Mistral
	["model_context_window_exceeded", "model_context_window_exceeded"], // z.ai
	["content_filter", "refusal"],
	["refusal", "refusal"],
	["sensitive", "refusal"], // z.ai
	["safety", "refusal"], // Gemini, here and below
	["recitation", "refusal"],
	["blocklist", "refusal"],
	["prohibited_content", "refusal"],
	["spii", "refusal"],
]);

/** `finish_reason` → `stop_reason`; servers that say `stop` after calling tools mean the calls. */
export function stopReason(finish: string | null, calledTools: boolean): string {
	const known = finish === null ? undefined : FINISHES.get(finish.toLowerCase());
	return known ?? (calledTools ? "tool_use" : "end_turn");
}

/** Reasons that are failures: OpenRouter and Mistral · DeepSeek · z.ai · SGLang. */
const FAILURES: ReadonlyMap<string, string> = new Map([
	["error", "api_error"],
	["insufficient_system_resource", "overloaded_error"],
	["network_error", "api_error"],
	["abort", "api_error"],
]);

/** The error that a `finish_reason` stands for; null = it ends an answer. */
export function failedFinish(finish: string | null): UpstreamError | null {
	const type = finish === null ? undefined : FAILURES.get(finish.toLowerCase());
	if (type === undefined) return null;
	return { type, message: `The upstream ended its answer with finish_reason '${finish}'.`, code: finish };
}

/** `error.type` of the Messages API → `error.type` and `error.code` of OpenAI's. */
function openaiError(type: string, message: string): { readonly type: string; readonly code: string | null } {
	switch (type) {
		case "invalid_request_error":
			return { type, code: isOverflow({ status: 400, message, codes: [] }) ? "context_length_exceeded" : null };
		case "request_too_large":
			return { type: "invalid_request_error", code: "request_too_large" };
		case "authentication_error":
			return { type, code: "invalid_api_key" };
		case "not_found_error":
			return { type: "invalid_request_error", code: "model_not_found" };
		case "rate_limit_error":
			return { type, code: "rate_limit_exceeded" };
		case "billing_error":
			return { type: "insufficient_quota", code: "insufficient_quota" };
		case "overloaded_error":
			return { type: "server_error", code: "overloaded" };
		case "timeout_error":
			return { type: "server_error", code: "timeout" };
		case "api_error":
			return { type: "server_error", code: null };
		default:
			return { type, code: null };
	}
}

/** The body of an error in OpenAI's shape, for an `error.type` of the Messages API. */
export function openaiErrorBody(type: string, message: string): Buffer {
	const named = openaiError(type, message);
	return Buffer.from(jsonText({ error: { message, type: named.type, param: null, code: named.code } }));
}

/** What an OpenAI-compatible server's error says, in the Messages API's words. */
export interface UpstreamError {
	readonly type: string;
	readonly message: string;
	readonly code: string | null;
}

/**
 * Reads an error body or an error chunk of an OpenAI-compatible server; null when it is neither. OpenAI wraps it in `error`; older vLLM has
 * the members at the top; FastAPI says `detail`. `status` names the type; without it, the server's own `type` and `code` do.
 */
export function readOpenaiError(text: string, status: number | null): UpstreamError | null {
	const whole = parseLenient(text);
	// Google's servers answer with a list of one.
	const parsed = asObject(Array.isArray(whole) ? whole[0] : whole);
	const error = asObject(parsed?.["error"]) ?? minimaxError(parsed);
	const plain = status !== null && status < 500 && typeof whole === "string" && whole !== "" ? whole : null;
	const message = errorWords(parsed, error) ?? faultsOf(parsed?.["detail"]) ?? plain;
	const isTold = error !== null || (textOf(parsed, "error") ?? "") !== "";
	if (message === null || (!isTold && parsed?.["choices"] !== undefined)) return null;
	const about = error ?? parsed;
	const type = textOf(about, "type");
	const code = textOf(about, "code") ?? (type !== null && MEANS_QUOTA.test(type) ? type : null);
	const named = status ?? statusOf(about?.["code"], textOf(about, "type"));
	const number = about?.["code"];
	const codes = [code, typeof number === "number" ? String(number) : null, textOf(about, "type")];
	if (!isOverflow({ status, message, codes })) return { type: typeOfStatus(named), message, code };
	return { type: "invalid_request_error", message: overflowMessage(message), code };
}

/** MiniMax answers 200 and says in `base_resp` what is wrong (platform.minimaxi.com, error codes). */
const MINIMAX: ReadonlyMap<number, number> = new Map([
	[1001, 504],
	[1002, 429],
	[1004, 401],
	[1008, 402],
	[1039, 429],
	[2013, 400],
]);

function minimaxError(body: JsonObject | null): JsonObject | null {
	const code = numberOf(body?.["base_resp"], "status_code") ?? 0;
	if (code === 0) return null;
	return { message: textOf(body?.["base_resp"], "status_msg") ?? "", code: MINIMAX.get(code) ?? code };
}

/** Types that say what a code would, from servers that send none (Moonshot, LiteLLM). */
const MEANS_QUOTA = /quota|balance|billing|budget|terminated/;

function statusOf(code: unknown, type: string | null): number {
	if (typeof code === "number" && code >= 400 && code < 600) return code;
	if (code === "rate_limit_exceeded" || type === "rate_limit_error" || type === "RateLimitError") return 429;
	if (type === "overloaded_error") return 529;
	if (type === "invalid_request_error" || type === "BadRequestError") return 400;
	return 500;
}

function typeOfStatus(status: number): string {
	switch (status) {
		case 401:
			return "authentication_error";
		case 402:
			return "billing_error";
		case 403:
			return "permission_error";
		case 404:
			return "not_found_error";
		case 413:
			return "request_too_large";
		case 429:
			return "rate_limit_error";
		case 408:
		case 504:
			return "timeout_error";
		case 503:
		case 529:
			return "overloaded_error";
		default:
			return status >= 500 ? "api_error" : "invalid_request_error";
	}
}

/** A Messages API error as an object, for bodies and events; the server's own code stands where the API has its details. */
export function messagesError({ type, message, code }: UpstreamError): Draft {
	return { type: "error", error: { type, message, ...(code === null ? {} : { details: { error_code: code } }) } };
}
