// Google's rawPredict as a client format: model and streaming stand in the URL, answers are the Messages API's own, errors are Google's.
import { errorEvent } from "../../protocol/anthropic.ts";
import type { ClientError, ClientFormat, ErrorAnswer } from "./format.ts";

/** google.rpc.Code names and the HTTP statuses they stand for (google/rpc/code.proto). */
const STATUS_NAMES: Readonly<Record<number, string>> = {
	400: "INVALID_ARGUMENT",
	401: "UNAUTHENTICATED",
	403: "PERMISSION_DENIED",
	404: "NOT_FOUND",
	408: "DEADLINE_EXCEEDED",
	409: "ABORTED",
	413: "INVALID_ARGUMENT",
	415: "INVALID_ARGUMENT",
	429: "RESOURCE_EXHAUSTED",
	499: "CANCELLED",
	500: "INTERNAL",
	501: "UNIMPLEMENTED",
	503: "UNAVAILABLE",
	504: "DEADLINE_EXCEEDED",
};

export const vertexFormat: ClientFormat = {
	name: "vertex",
	read: (body, { given }) => ({ body, given, answer: null }),
	keepsBody: true,
	relaysErrors: false,
	platform: "vertex",
	error: googleError,
	errorEvent: ({ type, message, requestId }) => errorEvent(type, message, requestId),
};

/**
 * Google's error shape with the Messages API's members beside it: Google's own front answers the first, the model behind it the second,
 * and clients read either. 529 is not known there.
 */
function googleError({ status, type, message, requestId }: ClientError): ErrorAnswer {
	const code = status === 529 ? 503 : status;
	const google = STATUS_NAMES[code] ?? (code >= 500 ? "UNAVAILABLE" : "FAILED_PRECONDITION");
	const body = { type: "error", error: { type, message, code, status: google }, request_id: requestId };
	return {
		status: code,
		headers: { "content-type": "application/json; charset=UTF-8", "request-id": requestId },
		body: Buffer.from(JSON.stringify(body)),
	};
}
