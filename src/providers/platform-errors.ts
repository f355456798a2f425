// Google's and Azure's own error answers in the Messages API's form. Errors that Claude itself sends through them are canonical already.
// Leaves what they mean to errors/platforms, and AWS's to the Bedrock provider.
import { readError } from "../protocol/anthropic.ts";
import { isOverflow, overflowMessage } from "../protocol/overflow.ts";
import type { CanonicalError, ResponseHead } from "./provider.ts";

/** Names of Google's status (google.rpc.Code) that say more than the HTTP status. */
const GOOGLE_TYPES: Readonly<Record<string, readonly [status: number, type: string]>> = {
	UNAUTHENTICATED: [401, "authentication_error"],
	PERMISSION_DENIED: [403, "permission_error"],
	NOT_FOUND: [404, "not_found_error"],
	RESOURCE_EXHAUSTED: [429, "rate_limit_error"],
	UNAVAILABLE: [529, "overloaded_error"],
	DEADLINE_EXCEEDED: [504, "timeout_error"],
};

/**
 * Google: `{"error":{"code":429,"message":"…","status":"RESOURCE_EXHAUSTED"}}`, for streams in an array. Azure: `{"error":{"code":"…",
 * "message":"…"}}`, and its API management `{"statusCode":429,"message":"…"}`. null where the body is canonical; a body of no known form
 * (an HTML page, say) becomes a canonical error of its status without a text. `error.details.error_code` has the platform's own name.
 */
export function canonicalPlatformError(head: ResponseHead, body: Buffer, platform: string): CanonicalError | null {
	const text = body.toString("utf8");
	if (readError(text) !== null) return null;
	const { message, code } = readPlatformError(text);
	const named = code === null ? undefined : GOOGLE_TYPES[code];
	const overflows = message !== null && isOverflow({ status: head.status, message, codes: [code] });
	const [status, type] = overflows ? typeOfStatus(400) : (named ?? typeOfStatus(head.status));
	const details = code === null ? {} : { details: { error_code: code } };
	const shown = overflows ? overflowMessage(message) : message;
	const error = { type, message: shown ?? `${platform} answered with HTTP ${head.status}.`, ...details };
	const requestId = head.headers["request-id"];
	const id = typeof requestId === "string" ? { request_id: requestId } : {};
	return { status, body: Buffer.from(JSON.stringify({ type: "error", error, ...id })) };
}

function readPlatformError(text: string): { message: string | null; code: string | null } {
	let value: unknown = null;
	try {
		value = JSON.parse(text);
	} catch {
		// No JSON: nothing of it is passed on.
	}
	const root = record(Array.isArray(value) ? value[0] : value);
	const error = record(root["error"] ?? root);
	const { message } = error;
	const code = typeof error["status"] === "string" ? error["status"] : error["code"];
	return {
		message: typeof message === "string" ? message : null,
		code: typeof code === "string" && code !== "" ? code : null,
	};
}

function record(value: unknown): Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function typeOfStatus(status: number): readonly [status: number, type: string] {
	switch (status) {
		case 401:
			return [401, "authentication_error"];
		case 403:
			return [403, "permission_error"];
		case 404:
			return [404, "not_found_error"];
		case 408:
		case 504:
			return [504, "timeout_error"];
		case 413:
			return [413, "request_too_large"];
		case 429:
			return [429, "rate_limit_error"];
		// Want of capacity; Claude Code waits for a 529 otherwise than for a 503 (claude-code §8).
		case 503:
		case 529:
			return [529, "overloaded_error"];
		default:
			return status >= 500 ? [500, "api_error"] : [status, "invalid_request_error"];
	}
}
