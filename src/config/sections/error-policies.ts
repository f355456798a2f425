// LiteLLM's classes of errors, and its numbers by class (`retry_policy`, `allowed_fails_policy`). Leaves judging an answer to providers/.
import * as z from "zod";
import { integer } from "../fields.ts";
import { optional } from "../section.ts";

/**
 * The classes, under LiteLLM's names as its options begin: 400, 401 and 403, 408 and own time-outs, 429, a refusal of the content
 * filter, 500 and other 5xx and broken connections, 503 and 529, 404.
 */
const NAMES = {
	badRequest: "BadRequestError",
	authentication: "AuthenticationError",
	timeout: "TimeoutError",
	rateLimit: "RateLimitError",
	contentPolicyViolation: "ContentPolicyViolationError",
	internalServer: "InternalServerError",
	serviceUnavailable: "ServiceUnavailableError",
	notFound: "NotFoundError",
} as const;

export type ErrorClass = keyof typeof NAMES;

/** A number per class of errors; null = the policy says nothing about the class. */
export type ErrorClassCounts = Readonly<Record<ErrorClass, number | null>>;

const CLASSES = Object.entries(NAMES) as readonly [ErrorClass, string][];

const count = (description: string) => optional(integer({ min: 0, max: 1_000_000 }), description);

type Counts = Record<string, ReturnType<typeof count>>;

function optionsOf(ending: "Retries" | "AllowedFails", purpose: string): Counts {
	return Object.fromEntries(CLASSES.map(([, name]) => [`${name}${ending}`, count(`${purpose} a ${name}.`)]));
}

function countsOf(read: (name: string) => number | undefined): ErrorClassCounts {
	const counts = CLASSES.map(([key, name]) => [key, read(name) ?? null]);
	return Object.fromEntries(counts);
}

const retries: Counts = {
	...optionsOf("Retries", "Retries after"),
	DefaultRetries: count("Retries after errors whose own option is not given."),
};

/** `retry_policy`: `{RateLimitErrorRetries: 3, DefaultRetries: 1}`. */
export const retriesSchema = z
	.strictObject(retries)
	.transform((written) => countsOf((name) => written[`${name}Retries`] ?? written["DefaultRetries"]));

/** `allowed_fails_policy`: `{TimeoutErrorAllowedFails: 10}`. */
export const allowedFailsSchema = z
	.strictObject(optionsOf("AllowedFails", "Failures within a minute that do not cool a deployment down, by"))
	.transform((written) => countsOf((name) => written[`${name}AllowedFails`]));

/**
 * What a failure is about, narrowest first; nothing wider rests because of it. request: nobody rests · class: requests of this class ·
 * model: this model with this credential · credential · account: all credentials of the account · endpoint: this deployment.
 */
export type FailureScope = "request" | "class" | "model" | "credential" | "account" | "endpoint";

/** Kinds of request that providers have limits of their own for: prompts over 200k tokens or with the beta for them; `speed: "fast"`. */
export type RequestClass = "long_context" | "fast";
