// AWS's names for errors and what they are in the Messages API. Leaves what follows from them to providers.
import { readError } from "./anthropic.ts";
import { isOverflow, overflowMessage } from "./overflow.ts";

/** What an AWS error is in the Messages API. */
export interface AwsErrorMeaning {
	/** The Messages API's status: want of capacity is 529 there, which its clients retry (providers §2, claude-code §6). */
	readonly status: number;
	/** `error.type`. */
	readonly type: string;
}

const INVALID = { status: 400, type: "invalid_request_error" };
const REFUSED = { status: 403, type: "permission_error" };
const UNKNOWN_CALLER = { status: 401, type: "authentication_error" };
const LIMITED = { status: 429, type: "rate_limit_error" };
const OVERLOADED = { status: 529, type: "overloaded_error" };
const TIMED_OUT = { status: 504, type: "timeout_error" };
const BROKEN = { status: 500, type: "api_error" };
const NOT_FOUND = { status: 404, type: "not_found_error" };

/** By name without `Exception`, lower case: as in `x-amzn-errortype` and, camel-cased, in event streams (providers §2, §4). */
const MEANINGS: Readonly<Record<string, AwsErrorMeaning>> = {
	accessdenied: REFUSED,
	expiredtoken: UNKNOWN_CALLER,
	incompletesignature: UNKNOWN_CALLER,
	internalfailure: BROKEN,
	internalserver: BROKEN,
	invalidclienttokenid: UNKNOWN_CALLER,
	invalidsignature: UNKNOWN_CALLER,
	missingauthenticationtoken: UNKNOWN_CALLER,
	modelerror: BROKEN,
	modelnotready: OVERLOADED,
	modelstreamerror: BROKEN,
	modeltimeout: TIMED_OUT,
	notauthorized: REFUSED,
	requestexpired: UNKNOWN_CALLER,
	resourcenotfound: NOT_FOUND,
	servicequotaexceeded: LIMITED,
	serviceunavailable: OVERLOADED,
	throttling: LIMITED,
	toomanyrequests: LIMITED,
	unrecognizedclient: UNKNOWN_CALLER,
	validation: INVALID,
};

/** By status, where no name came. */
const BY_STATUS: Readonly<Record<number, AwsErrorMeaning>> = {
	400: INVALID,
	401: UNKNOWN_CALLER,
	403: REFUSED,
	404: NOT_FOUND,
	408: TIMED_OUT,
	413: { status: 413, type: "request_too_large" },
	424: BROKEN,
	429: LIMITED,
	503: OVERLOADED,
	504: TIMED_OUT,
	529: OVERLOADED,
};

/** What a name, or else a status, stands for; what is unknown is a fault of the upstream. */
export function awsErrorMeaning(name: string | null, status: number | null): AwsErrorMeaning {
	const key = (name ?? "").toLowerCase().replace(/(exception|error)$/, "");
	const named = MEANINGS[key] ?? MEANINGS[`${key}error`];
	if (named !== undefined) return named;
	const known = status === null ? undefined : BY_STATUS[status];
	if (known !== undefined) return known;
	return status !== null && status >= 400 && status < 500 ? { status, type: "invalid_request_error" } : BROKEN;
}

/** An AWS error answer, read. */
export interface AwsError extends AwsErrorMeaning {
	/** AWS's own name, `ThrottlingException`; null where none came. */
	readonly name: string | null;
	readonly message: string;
}

/**
 * Reads an error answer of an AWS service: name from `x-amzn-errortype` or the body, message from the body. null when the body is the
 * Messages API's own error, as native Messages endpoints answer.
 */
export function readAwsError(
	head: { readonly status: number; readonly errorType: string | null },
	body: Buffer,
): AwsError | null {
	const text = body.toString("utf8");
	if (readError(text) !== null) return null;
	const fields = parsed(text);
	const named = head.errorType ?? textOf(fields["__type"]) ?? textOf(fields["code"]);
	// `ValidationException:http://internal.amazon.com/…`, `com.amazon.coral.service#ThrottlingException`
	const name = named === null ? null : (named.split(":")[0]?.split("#").at(-1) ?? null);
	const meaning = awsErrorMeaning(name, head.status);
	const message = textOf(fields["message"]) ?? textOf(fields["Message"]) ?? "";
	return { ...meaning, name, message: message === "" ? (name ?? `HTTP ${head.status}`) : message };
}

/** The error in the Messages API's form; AWS's own name for it stays in `error.details.error_code`. */
export function canonicalAwsError({ type, message, name }: Pick<AwsError, "type" | "message" | "name">): string {
	const details = name === null ? {} : { details: { error_code: name } };
	const overflows = type === INVALID.type && isOverflow({ status: INVALID.status, message, codes: [] });
	const shown = overflows ? overflowMessage(message) : message;
	return JSON.stringify({ type: "error", error: { type, message: shown, ...details } });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		return {};
	}
}

function textOf(value: unknown): string | null {
	return typeof value === "string" && value !== "" ? value : null;
}
