// Claude on Microsoft Foundry: the Messages API below a resource's address, with a key or a Microsoft Entra token. Leaves what the platform
// refuses to providers/platform-rules.
import type { DeploymentConfig } from "../config/schema.ts";
import { readRateLimits } from "../protocol/ratelimits.ts";
import { messagesHeaders } from "./anthropic.ts";
import { Bearer, type Token } from "./bearer.ts";
import { judgePlatform } from "./errors/platforms.ts";
import { messagesBody } from "./messages-body.ts";
import { canonicalPlatformError } from "./platform-errors.ts";
import { fitOptions, fitToPlatform } from "./platform-rules.ts";
import type { Call, Provider, ProviderDeps, UpstreamRequest } from "./provider.ts";
import { requestToken } from "./token-endpoint.ts";

/** Whom Entra's tokens are for, where `azure_scope` says nothing else. */
const SCOPE = "https://ai.azure.com/.default";
const AUTHORITY = "https://login.microsoftonline.com";

/** An `azure_ai/claude-…` deployment. Its upstream model is the name of the deployment in Foundry. */
export function foundryProvider(config: DeploymentConfig, deps: ProviderDeps): Provider {
	const base = new URL(trimFoundryPath(config.credentials.apiBase ?? ""));
	const prefix = base.pathname.replace(/\/+$/, "");
	const credential = credentialOf(config, deps);
	const own: string[] = ["host", base.host];
	for (const [name, value] of Object.entries(config.extraHeaders)) own.push(name, value);
	const overridden = new Set(Object.keys(config.extraHeaders).map((name) => name.toLowerCase()));
	const isBetaSet = overridden.has("anthropic-beta");
	overridden.add("anthropic-beta");

	function requestOf(call: Call, sentCredential: readonly string[]): UpstreamRequest {
		const fit = fitToPlatform("foundry", call, fitOptions(config));
		const sent = [...sentCredential, ...own];
		if (fit.betas.length > 0 && !isBetaSet) sent.push("anthropic-beta", fit.betas.join(","));
		return {
			origin: base.origin,
			path: `${prefix}/anthropic/v1/messages${call.operation === "count_tokens" ? "/count_tokens" : ""}${call.source.format === "anthropic" ? call.query : ""}`,
			headers: messagesHeaders(call, sent, overridden),
			body: messagesBody(call, fit),
			answer: "messages",
			removed: fit.removed,
		};
	}

	return {
		kind: "foundry",
		prepare(call) {
			const headers = credential.headers();
			return headers instanceof Promise ? headers.then((sent) => requestOf(call, sent)) : requestOf(call, headers);
		},
		limits: readRateLimits,
		judge: (failure) => judgePlatform(failure, deps.now()),
		canonicalError: (head, body) => canonicalPlatformError(head, body, "Foundry"),
		requestIdHeader: "apim-request-id",
		failed(failure) {
			if (failure.status === 401) credential.refused();
		},
	};
}

/** The resource's address: LiteLLM users write `api_base` with or without the path of the Messages API. */
function trimFoundryPath(apiBase: string): string {
	return apiBase.replace(/\/+$/, "").replace(/\/anthropic(\/v1(\/messages)?)?$/, "");
}

interface Credential {
	/** Name and value of the header that carries it. */
	headers(): readonly string[] | Promise<readonly string[]>;
	/** The upstream answered 401. */
	refused(): void;
}

/** A key wins over a token, a token over client credentials, as config/sections/credentials gathers them. */
function credentialOf({ id, credentials }: DeploymentConfig, deps: ProviderDeps): Credential {
	const { apiKey, extra } = credentials;
	const option = (name: string): string | null => {
		const value = extra[name];
		if (value === undefined) return null;
		return typeof value === "string" ? value : value.reveal();
	};
	const key = apiKey?.reveal();
	if (key !== undefined) return fixed(["x-api-key", key]);
	const token = option("azure_ad_token");
	if (token !== null) return fixed(["authorization", `Bearer ${token}`]);
	const authority = (option("azure_authority_host") ?? AUTHORITY).replace(/\/+$/, "");
	const bearer = new Bearer({
		request: (): Promise<Token> =>
			requestToken({
				url: `${authority}/${encodeURIComponent(option("tenant_id") ?? "")}/oauth2/v2.0/token`,
				form: {
					grant_type: "client_credentials",
					client_id: option("client_id") ?? "",
					client_secret: option("client_secret") ?? "",
					scope: option("azure_scope") ?? SCOPE,
				},
				subject: "tenant_id, client_id and client_secret",
				now: deps.now,
			}),
		now: deps.now,
		warn: (message) => deps.warn(`deployment ${id}: ${message}`),
	});
	let last = "";
	const sent = (value: string): readonly string[] => {
		last = value;
		return ["authorization", `Bearer ${value}`];
	};
	return {
		headers() {
			const value = bearer.get();
			return value instanceof Promise ? value.then(sent) : sent(value);
		},
		refused: () => bearer.drop(last),
	};
}

function fixed(headers: readonly string[]): Credential {
	return { headers: () => headers, refused: () => undefined };
}
