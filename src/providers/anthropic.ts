// api.anthropic.com and servers that speak its Messages API. Leaves other clouds to their own files.
import type { DeploymentConfig } from "../config/schema.ts";
import { askingForOAuth, isOAuthToken, withOAuthBeta } from "../protocol/anthropic-oauth.ts";
import { readRateLimits } from "../protocol/ratelimits.ts";
import { fitToClaude } from "./claude-fit.ts";
import { canonicalOverflow, judgeMessagesApi } from "./errors/messages.ts";
import { headersFromBody, messagesBody } from "./messages-body.ts";
import type { Call, Provider, UpstreamRequest } from "./provider.ts";

const PUBLIC_API = "https://api.anthropic.com";

/** Headers the API insists on; set for clients that left them out (a bare curl, say), never changed otherwise. */
const REQUIRED: readonly (readonly [string, string])[] = [
	["anthropic-version", "2023-06-01"],
	["content-type", "application/json"],
];

/** An `anthropic/` deployment. Sends the client's bytes; changes the value of `model` only where the upstream's name differs. */
export function anthropicProvider(config: DeploymentConfig): Provider {
	const base = new URL(trimApiPath(config.credentials.apiBase ?? PUBLIC_API));
	const prefix = base.pathname === "/" ? "" : base.pathname.replace(/\/+$/, "");
	const key = config.credentials.apiKey?.reveal();
	const isOAuth = key !== undefined && isOAuthToken(key);
	const own: string[] = ["host", base.host, ...credential(key)];
	for (const [name, value] of Object.entries(config.extraHeaders)) {
		own.push(name, isOAuth && name.toLowerCase() === "anthropic-beta" ? withOAuthBeta(value) : value);
	}
	const overridden = new Set(Object.keys(config.extraHeaders).map((name) => name.toLowerCase()));

	return {
		kind: "anthropic",
		prepare(sent: Call): UpstreamRequest {
			const call = isOAuth ? askingForOAuth(sent) : sent;
			const fit = fitToClaude(call, config.modelInfo["base_model"]);
			return {
				origin: base.origin,
				path: `${prefix}/v1/messages${call.operation === "count_tokens" ? "/count_tokens" : ""}${call.query}`,
				headers: messagesHeaders(call, own, overridden),
				body: messagesBody(call, fit),
				answer: "messages",
				removed: fit.removed,
			};
		},
		limits: readRateLimits,
		judge: (failure) => judgeMessagesApi(failure),
		canonicalError: canonicalOverflow,
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

function credential(key: string | undefined): string[] {
	if (key === undefined) return [];
	// OAuth tokens are bearer tokens; console keys go in x-api-key.
	return isOAuthToken(key) ? ["authorization", `Bearer ${key}`] : ["x-api-key", key];
}
