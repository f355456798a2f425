// Whose fault an error is, by tables: status, error type, code and wording → verdict with a scope. Leaves the rows to the tables beside it and
// what rests because of a verdict to routing/failures.
import type { ErrorClass, FailureScope, RequestClass } from "../../config/schema.ts";
import { isOverflow } from "../../protocol/overflow.ts";
import { isOfMember, ownWords } from "../../protocol/own-words.ts";
import { readRateLimits } from "../../protocol/ratelimits.ts";
import { waitInWords } from "../../protocol/retry-hints.ts";
import type { UpstreamFailure, Verdict } from "../provider.ts";
import { LONGEST_RETRY_AFTER_MS, readNamedDate, readRetryAfter } from "./retry-after.ts";

/** One kind of error: what it is known by, and whose fault it is. All that is given of the first four must hold. */
export interface ErrorRule {
	readonly status?: readonly (number | null)[];
	/** `error.details.error_code` or `error.type`, as the upstream writes it. */
	readonly codes?: readonly string[];
	/** In the words of the server itself: what it quotes is not looked at. */
	readonly says?: RegExp;
	/** A response header, lower case, and what it says. */
	readonly header?: readonly [name: string, says: RegExp];
	readonly scope: FailureScope;
	/** With scope `class`. */
	readonly requestClass?: RequestClass;
	/** Default: `next`. */
	readonly action?: Verdict["action"];
	/** Default: as the status says. */
	readonly errorClass?: ErrorClass;
	readonly lasting?: true;
	/** In plain words, for the operator: "its credit is used up". */
	readonly reason: string;
	/** Where it is known from. */
	readonly source: string;
}

/** What a status means where no row says more (providers §2, routing-model §6). */
const BY_STATUS: readonly ErrorRule[] = [
	{ status: [null], scope: "endpoint", reason: "no answer", source: "the connection" },
	{ status: [401], scope: "credential", reason: "credentials refused", source: "Messages API, authentication_error" },
	{ status: [402], scope: "account", lasting: true, reason: "unpaid", source: "Messages API, billing_error" },
	{
		status: [403],
		header: ["content-type", /^text\/html/i],
		scope: "endpoint",
		errorClass: "serviceUnavailable",
		reason: "something in front of it refused this gateway",
		source: "pages of Cloudflare and of firewalls, which know nothing of models",
	},
	{
		status: [403],
		scope: "model",
		reason: "its credential may not use this model",
		source: "coder/coder #27419: a 403 is about what was asked, not about who asks",
	},
	{
		status: [404],
		scope: "request",
		errorClass: "notFound",
		reason: "not found",
		source: "Messages API, not_found_error",
	},
	{
		status: [405, 409, 410, 425, 499],
		scope: "request",
		reason: "would not take the request",
		source: "of an address, a proxy or a moment: no fault of what was asked",
	},
	{ status: [424], scope: "endpoint", reason: "failed", source: "Azure, a failed dependency; AWS makes a 500 of it" },
	{ status: [451], scope: "model", reason: "may not serve this model here", source: "RFC 7725; gateways" },
	{
		status: [498],
		scope: "model",
		errorClass: "rateLimit",
		reason: "its capacity is used up",
		source: "Groq, error codes: 498 of the flex tier",
	},
	{ status: [408, 504], scope: "endpoint", errorClass: "timeout", reason: "timed out", source: "timeout_error" },
	{
		status: [429],
		scope: "model",
		errorClass: "rateLimit",
		reason: "rate limit",
		source: "limits are per model class (providers §1)",
	},
	{
		status: [503, 529],
		scope: "endpoint",
		errorClass: "serviceUnavailable",
		reason: "overloaded",
		source: "overloaded_error",
	},
];

const FAULT_OF_UPSTREAM: ErrorRule = { scope: "endpoint", reason: "failed", source: "5xx" };
const FAULT_OF_REQUEST: ErrorRule = { scope: "request", action: "relay", reason: "refused the request", source: "4xx" };

/** Wordings by which a content filter refuses (providers §2). */
const FILTERED = /content (filtering|management) policy|blocked by .*content/i;

/** The first row that fits says what a failure means; none does = its status says it. Pure but for the clock, which is given. */
export function judgeBy(rules: readonly ErrorRule[], failure: UpstreamFailure, now: number): Verdict {
	const rule = ruleFor(rules, failure);
	const errorClass = rule.errorClass ?? errorClassOf(failure);
	const { status, message, errorCode, errorType } = failure;
	const retryAfterMs = readRetryAfter(failure.headers, now) ?? waitTold(failure, now);
	// A quota of a day that says when it is back is a limit like any other.
	const isPassing = rule.scope === "model" && status === 429 && retryAfterMs !== null;
	return {
		action: rule.action ?? "next",
		errorClass,
		contextWindow: rule.scope === "request" && isOverflow({ status, message, codes: [errorCode, errorType] }),
		lasting: rule.lasting === true && !isPassing,
		retryAfterMs,
		limits: readRateLimits(failure.headers),
		scope: rule.scope,
		requestClass: rule.requestClass ?? null,
		reason: rule.reason,
	};
}

/** What the body asks for; of the words of a refusal that is the client's own nothing follows. */
function waitTold({ status, message, retryHintMs }: UpstreamFailure, now: number): number | null {
	const asked = retryHintMs ?? null;
	if (asked !== null) return Math.min(asked, LONGEST_RETRY_AFTER_MS);
	const date = readNamedDate(message, now);
	if (date !== null || (status !== null && status < 500 && !WAITING.has(status))) return date;
	const wait = waitInWords(message);
	return wait === null ? null : Math.min(wait, LONGEST_RETRY_AFTER_MS);
}

const WAITING: ReadonlySet<number> = new Set([408, 425, 429]);

function ruleFor(rules: readonly ErrorRule[], failure: UpstreamFailure): ErrorRule {
	const { status, message } = failure;
	// What a server says of the client's text, it may say in the client's words.
	if ((status === 400 || status === 422) && isOfMember(message)) return FAULT_OF_REQUEST;
	// Limits are spelled in the name of quotas and metrics, which stand in quotes.
	const own = status === 429 ? failure : { ...failure, message: ownWords(message) };
	for (const rule of rules) if (fits(rule, own)) return rule;
	for (const rule of BY_STATUS) if (fits(rule, own)) return rule;
	return status === null || status >= 500 ? FAULT_OF_UPSTREAM : FAULT_OF_REQUEST;
}

function fits({ status, codes, says, header }: ErrorRule, failure: UpstreamFailure): boolean {
	if (status !== undefined && !status.includes(failure.status)) return false;
	if (codes !== undefined && !codes.some((code) => code === failure.errorCode || code === failure.errorType))
		return false;
	if (says !== undefined && !says.test(failure.message)) return false;
	if (header === undefined) return true;
	const value = failure.headers[header[0]];
	return typeof value === "string" && header[1].test(value);
}

function errorClassOf({ status, timedOut, message }: UpstreamFailure): ErrorClass {
	switch (status) {
		case null:
			return timedOut ? "timeout" : "internalServer";
		case 401:
		case 402:
		case 403:
			return "authentication";
		case 429:
			return "rateLimit";
		default:
			if (status >= 500) return "internalServer";
			return FILTERED.test(ownWords(message)) ? "contentPolicyViolation" : "badRequest";
	}
}
