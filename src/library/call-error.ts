// What a call of the library rejects with: one class a kind of answer, named as in the official SDKs. Leaves the wording to the gateway's
// errors and to the upstream.
import { statusOfErrorType } from "../protocol/anthropic.ts";
import type { Decision } from "./decision.ts";

export interface CallErrorFacts {
	readonly status: number;
	/** `error.type` of the answer, in its API's words. */
	readonly type: string;
	readonly message: string;
	/** The gateway's own code, such as `unknown_model`; null where the upstream's answer is passed on. */
	readonly code: string | null;
	readonly requestId: string | null;
	/** Of the answer, by lower-case name. */
	readonly headers: Readonly<Record<string, string | string[]>>;
	/** The answer's JSON; its text where it is none. */
	readonly body: unknown;
	readonly decision: Decision | null;
}

/** An answer with an error status, or a stream that ended with an error. */
export class CallError extends Error implements Omit<CallErrorFacts, "decision"> {
	readonly status: number;
	readonly type: string;
	readonly code: string | null;
	readonly requestId: string | null;
	readonly headers: Readonly<Record<string, string | string[]>>;
	readonly body: unknown;
	/** What was decided and tried; null = refused before anything was. */
	readonly warmpath: Decision | null;

	constructor(facts: CallErrorFacts) {
		super(facts.message);
		this.name = new.target.name;
		this.status = facts.status;
		this.type = facts.type;
		this.code = facts.code;
		this.requestId = facts.requestId;
		this.headers = facts.headers;
		this.body = facts.body;
		this.warmpath = facts.decision;
	}
}

/** 400, 413, 422 and other faults of the request itself. */
export class BadRequestError extends CallError {}
/** 403: the model, or the conversation's place, is not allowed. */
export class PermissionDeniedError extends CallError {}
/** 404: no such model, or nobody serves the operation. */
export class NotFoundError extends CallError {}

/** 429: every deployment is limited. */
export class RateLimitError extends CallError {
	/** The shortest honest wait, ms; null where none helps. */
	readonly retryAfterMs: number | null;

	constructor(facts: CallErrorFacts) {
		super(facts);
		const seconds = Number(facts.headers["retry-after"] ?? Number.NaN);
		this.retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null;
	}
}

/** 5xx: no deployment could serve the request, or all are overloaded. */
export class ServerError extends CallError {}
/** The answer broke off after it had begun. */
export class StreamError extends CallError {}

/** The class for an answer's status. */
export function callError(facts: CallErrorFacts): CallError {
	const { status } = facts;
	if (status >= 500) return new ServerError(facts);
	if (status === 429) return new RateLimitError(facts);
	if (status === 404) return new NotFoundError(facts);
	if (status === 401 || status === 403) return new PermissionDeniedError(facts);
	return new BadRequestError(facts);
}

/** `error.type` and message of an error in the form of the Messages API, of Chat Completions or of a Responses stream. */
export function readErrorBody(body: unknown): { readonly type: string; readonly message: string } | null {
	const inStream = memberOf(body, "type") === "error" && typeof memberOf(body, "message") === "string";
	const error = inStream ? body : memberOf(body, "error");
	const message = memberOf(error, "message");
	if (typeof message !== "string") return null;
	const type = memberOf(error, inStream ? "code" : "type");
	return { type: typeof type === "string" ? type : "api_error", message };
}

/** What ended a stream: its error event, or null where it was cut. */
export function streamError(
	error: { readonly type: string; readonly message: string } | null,
	about: Pick<CallErrorFacts, "requestId" | "headers" | "body" | "decision">,
): StreamError {
	const type = error?.type ?? "api_error";
	const message = error?.message ?? "The answer broke off before it was complete.";
	return new StreamError({ ...about, status: statusOfErrorType(type), type, message, code: null });
}

function memberOf(value: unknown, name: string): unknown {
	return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
