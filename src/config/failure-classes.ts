// How failures are classified: LiteLLM's classes, for policies, and how far a failure reaches. Leaves judging an answer to providers/.

/**
 * LiteLLM's classes of errors, as its policies tell them apart: 400, 401 and 403, 408 and own time-outs, 429, a refusal of
 * the content filter, 500 and other 5xx and broken connections, 503 and 529, 404.
 */
export type ErrorClass =
	| "badRequest"
	| "authentication"
	| "timeout"
	| "rateLimit"
	| "contentPolicyViolation"
	| "internalServer"
	| "serviceUnavailable"
	| "notFound";

/** A number per class of errors; null = the policy says nothing about the class. */
export type ErrorClassCounts = Readonly<Record<ErrorClass, number | null>>;

/** A policy that says nothing. */
export const NO_COUNTS: ErrorClassCounts = Object.freeze({
	badRequest: null,
	authentication: null,
	timeout: null,
	rateLimit: null,
	contentPolicyViolation: null,
	internalServer: null,
	serviceUnavailable: null,
	notFound: null,
});

/**
 * What a failure is about, narrowest first; nothing wider rests because of it. request: nobody rests · class: requests of this class ·
 * model: this model with this credential · credential · account: all credentials of the account · endpoint: this deployment.
 */
export type FailureScope = "request" | "class" | "model" | "credential" | "account" | "endpoint";

/** Kinds of request that providers have limits of their own for: prompts over 200k tokens or with the beta for them; `speed: "fast"`. */
export type RequestClass = "long_context" | "fast";
