// The provider seam: everything about one family of upstream APIs that an attempt needs. Leaves sockets to proxy/upstream and choosing to routing.
import type { DeploymentConfig, ErrorClass } from "../config/schema.ts";
import type { RateLimitReport } from "../protocol/ratelimits.ts";

/** Which operation of the Messages API is called. */
export type Operation = "messages" | "count_tokens";

/** One client request as a provider sees it: the client's bytes and what may have to change in them. */
export interface Call {
	readonly operation: Operation;
	/** The client's query string with its `?`, or "". */
	readonly query: string;
	readonly body: Buffer;
	/** The value of `model` in the body, quotes included. */
	readonly modelSpan: { readonly start: number; readonly end: number };
	/** Model id for the upstream. */
	readonly model: string;
	/** End-to-end headers of the client as name, value, name, value; hop-by-hop and gateway credentials are already gone. */
	readonly headers: readonly string[];
}

/** What goes on the wire for one attempt. */
export interface UpstreamRequest {
	readonly origin: string;
	readonly path: string;
	/** name, value, name, value. */
	readonly headers: string[];
	readonly body: Buffer;
}

/** A failure before the first content event. */
export interface UpstreamFailure {
	/** HTTP status; for an `error` event inside a 200 the status that its type stands for; null when there was no answer. */
	readonly status: number | null;
	/** `error.type` if the body or event had one. */
	readonly errorType: string | null;
	readonly message: string;
	/** `error.details.error_code`, or null. */
	readonly errorCode: string | null;
	/** Nothing came in time, as opposed to a connection that failed; only where `status` is null. */
	readonly timedOut: boolean;
	/** Response headers, lower-case; empty when there was no answer. */
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** relay: the answer belongs to the client as it is · next: another deployment may do better. */
export interface Verdict {
	readonly action: "relay" | "next";
	/** What retry, cool-down and fallback policies tell failures apart by. */
	readonly errorClass: ErrorClass;
	/** The prompt does not fit this model: a context-window fallback may serve where one is configured. */
	readonly contextWindow: boolean;
	/** Waiting will not help: a spend cap or a daily quota. */
	readonly lasting: boolean;
	/** From `retry-after`, ms; null where the upstream named none. */
	readonly retryAfterMs: number | null;
	/** What the refusal's head says of limits. */
	readonly limits: RateLimitReport | null;
}

/** One family of upstream APIs. Built once per deployment; keeps credentials, never request state. */
export interface Provider {
	readonly kind: string;
	/** URL, headers and final bytes for one attempt. Called anew for every attempt. */
	prepare(call: Call): UpstreamRequest | Promise<UpstreamRequest>;
	/** What an answer's head says of the upstream's limits; null where it says nothing. */
	limits(headers: UpstreamFailure["headers"]): RateLimitReport | null;
	/** What a failed head or first event means. Pure. */
	judge(failure: UpstreamFailure): Verdict;
}

export type ProviderFactory = (config: DeploymentConfig) => Provider;
