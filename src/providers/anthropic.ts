// api.anthropic.com and servers that speak its Messages API. Leaves other clouds to their own files.
import type { DeploymentConfig, ErrorClass } from "../config/schema.ts";
import { readRateLimits } from "../protocol/ratelimits.ts";
import { headersFromBody, messagesBody } from "./messages-body.ts";
import type { Call, Provider, UpstreamFailure, UpstreamRequest, Verdict } from "./provider.ts";

const PUBLIC_API = "https://api.anthropic.com";

/** Headers the API insists on; set for clients that left them out (a bare curl, say), never changed otherwise. */
const REQUIRED: readonly (readonly [string, string])[] = [
	["anthropic-version", "2023-06-01"],
	["content-type", "application/json"],
];

/** Longest `retry-after` that is believed, ms: a day. */
const LONGEST_RETRY_AFTER_MS = 86_400_000;

/** An `anthropic/` deployment. Sends the client's bytes; changes the value of `model` only where the upstream's name differs. */
export function anthropicProvider(config: DeploymentConfig): Provider {
	const base = new URL(trimApiPath(config.credentials.apiBase ?? PUBLIC_API));
	const prefix = base.pathname === "/" ? "" : base.pathname.replace(/\/+$/, "");
	const own: string[] = ["host", base.host, ...credential(config)];
	for (const [name, value] of Object.entries(config.extraHeaders)) own.push(name, value);
	const overridden = new Set(Object.keys(config.extraHeaders).map((name) => name.toLowerCase()));

	return {
		kind: "anthropic",
		prepare(call: Call): UpstreamRequest {
			return {
				origin: base.origin,
				path: `${prefix}/v1/messages${call.operation === "count_tokens" ? "/count_tokens" : ""}${call.query}`,
				headers: messagesHeaders(call, own, overridden),
				body: messagesBody(call),
				answer: "messages",
			};
		},
		limits: readRateLimits,
		judge: judgeMessagesApi,
	};
}

/**
 * The upstream's headers: its own ones first (`own`), then the client's, save those whose lower-case names are in `overridden`; what the
 * API insists on is added where the client left it out, and what the client's body says in its place is said in a header.
 */
export function messagesHeaders(call: Call, own: readonly string[], overridden: ReadonlySet<string>): string[] {
	const fromBody = headersFromBody(call);
	if (fromBody === null && overridden.size === 0 && hasRequired(call.headers)) return own.concat(call.headers);
	const headers = own.slice();
	const missing = new Map(REQUIRED);
	for (let i = 0; i + 1 < call.headers.length; i += 2) {
		const name = (call.headers[i] as string).toLowerCase();
		missing.delete(name);
		if (overridden.has(name) || fromBody?.has(name)) continue;
		headers.push(call.headers[i] as string, call.headers[i + 1] as string);
	}
	for (const [name, value] of fromBody ?? []) {
		missing.delete(name);
		if (!overridden.has(name)) headers.push(name, value);
	}
	for (const [name, value] of missing) if (!overridden.has(name)) headers.push(name, value);
	return headers;
}

/** Whether a client sent all that the API insists on, as most do. */
function hasRequired(headers: readonly string[]): boolean {
	return REQUIRED.every(([name]) => {
		for (let i = 0; i < headers.length; i += 2) {
			const sent = headers[i] as string;
			if (sent.length === name.length && (sent === name || sent.toLowerCase() === name)) return true;
		}
		return false;
	});
}

/** LiteLLM users write api_base with or without `/v1` or `/v1/messages`. */
function trimApiPath(apiBase: string): string {
	return apiBase.replace(/\/+$/, "").replace(/\/v1(\/messages)?$/, "");
}

function credential(config: DeploymentConfig): string[] {
	const key = config.credentials.apiKey?.reveal();
	if (key === undefined) return [];
	// OAuth tokens are bearer tokens; console keys go in x-api-key.
	return key.startsWith("sk-ant-oat") ? ["authorization", `Bearer ${key}`] : ["x-api-key", key];
}

/** Wordings by which the API says that a prompt does not fit, or that its content filter refused (caching-semantics §8, §12). */
const TOO_LONG = /prompt is too long|input is too long|exceed(s|ed)? .*context (window|limit)/i;
const REFUSED = /content (filtering|management) policy|blocked by .*content/i;

/** 429s that no waiting cures (caching-semantics §7). */
const SPENT = new Set(["enforced_spend_limit_reached", "contract_spend_limit_reached"]);

/** Which answers are the client's own affair and which another deployment may cure (caching-semantics §8, design §8). */
export function judgeMessagesApi(failure: UpstreamFailure): Verdict {
	const errorClass = errorClassOf(failure);
	const { status } = failure;
	const next = status === null || status >= 500 || ELSEWHERE.has(status);
	return {
		action: next ? "next" : "relay",
		errorClass,
		contextWindow: errorClass === "badRequest" && TOO_LONG.test(failure.message),
		lasting: failure.errorCode !== null && SPENT.has(failure.errorCode),
		retryAfterMs: readRetryAfter(failure.headers),
		limits: readRateLimits(failure.headers),
	};
}

const ELSEWHERE: ReadonlySet<number> = new Set([401, 402, 403, 404, 408, 429]);

function errorClassOf(failure: UpstreamFailure): ErrorClass {
	switch (failure.status) {
		case null:
			return failure.timedOut ? "timeout" : "internalServer";
		case 401:
		case 402:
		case 403:
			return "authentication";
		case 404:
			return "notFound";
		case 408:
		case 504:
			return "timeout";
		case 429:
			return "rateLimit";
		case 503:
		case 529:
			return "serviceUnavailable";
		default:
			if (failure.status >= 500) return "internalServer";
			return REFUSED.test(failure.message) ? "contentPolicyViolation" : "badRequest";
	}
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date, in ms; null when absent or unreadable. */
export function readRetryAfter(headers: UpstreamFailure["headers"], now: number = Date.now()): number | null {
	const precise = Number(headers["retry-after-ms"]);
	if (headers["retry-after-ms"] !== undefined && Number.isFinite(precise) && precise >= 0) {
		return Math.min(precise, LONGEST_RETRY_AFTER_MS);
	}
	const value = headers["retry-after"];
	if (typeof value !== "string" || value.trim() === "") return null;
	const seconds = Number(value);
	const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
	return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS) : null;
}
