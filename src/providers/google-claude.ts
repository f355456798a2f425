// Claude Models on Google Cloud, managed by Anthropic: the Claude API with its own features behind Google's credentials and bill. Leaves
// tokens to providers/google-account; Google's own Claude is providers/vertex.
import type { DeploymentConfig } from "../config/schema.ts";
import { readRateLimits } from "../protocol/ratelimits.ts";
import { messagesHeaders } from "./anthropic.ts";
import { judgePlatform } from "./errors/platforms.ts";
import { type GoogleAccess, googleAccount, textOption } from "./google-account.ts";
import { messagesBody } from "./messages-body.ts";
import { canonicalPlatformError } from "./platform-errors.ts";
import { fitOptions, fitToPlatform } from "./platform-rules.ts";
import type { Call, Provider, ProviderDeps, UpstreamRequest } from "./provider.ts";

const PUBLIC_API = "https://claude.googleapis.com";
/** The one that Anthropic's SDKs address, wherever requests are served (anthropic-sdk-go, googlecloud). */
const LOCATION = "global";

/**
 * An `anthropic_google_cloud/…` deployment. The address names project and workspace, and no header does (anthropic-sdk-php, GoogleCloud); the
 * project's Anthropic organisation is one of its own, and answers name it as the first-party API's do.
 */
export function googleClaudeProvider(config: DeploymentConfig, deps: ProviderDeps): Provider {
	const base = new URL(
		(config.credentials.apiBase ?? PUBLIC_API).replace(/\/+$/, "").replace(/\/v1(\/messages)?$/, ""),
	);
	const prefix = base.pathname.replace(/\/+$/, "");
	const location = textOption(config, "vertex_location") ?? LOCATION;
	const workspace = textOption(config, "anthropic_workspace_id") ?? "";
	const account = googleAccount(config, deps);
	const own: string[] = ["host", base.host];
	for (const [name, value] of Object.entries(config.extraHeaders)) own.push(name, value);
	const overridden = new Set(Object.keys(config.extraHeaders).map((name) => name.toLowerCase()));
	const isBetaSet = overridden.has("anthropic-beta");
	for (const name of ["anthropic-beta", "authorization", "anthropic-workspace-id"]) overridden.add(name);

	/** SDK users give a base URL with all of it in it. */
	function pathFor(project: string): string {
		if (prefix.endsWith("/invoke")) return prefix;
		const [inProject, inLocation, inWorkspace] = [project, location, workspace].map(encodeURIComponent);
		return `${prefix}/v1alpha/projects/${inProject}/locations/${inLocation}/workspaces/${inWorkspace}/invoke`;
	}

	function requestOf(call: Call, { project, token }: GoogleAccess): UpstreamRequest {
		const fit = fitToPlatform("anthropic", call, fitOptions(config));
		const sent = ["authorization", `Bearer ${token}`, ...own];
		if (fit.betas.length > 0 && !isBetaSet) sent.push("anthropic-beta", fit.betas.join(","));
		const operation = call.operation === "count_tokens" ? "/count_tokens" : "";
		return {
			origin: base.origin,
			path: `${pathFor(project)}/v1/messages${operation}${call.source.format === "anthropic" ? call.query : ""}`,
			headers: messagesHeaders(call, sent, overridden),
			body: messagesBody(call, fit),
			answer: "messages",
			removed: fit.removed,
		};
	}

	return {
		kind: "anthropic_google_cloud",
		prepare(call) {
			const access = account.access();
			return access instanceof Promise ? access.then((got) => requestOf(call, got)) : requestOf(call, access);
		},
		limits: readRateLimits,
		judge: (failure) => judgePlatform(failure, deps.now()),
		canonicalError: (head, body) => canonicalPlatformError(head, body, "Claude on Google Cloud"),
		failed(failure) {
			if (failure.status === 401) account.refused();
		},
	};
}
