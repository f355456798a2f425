// Claude on Google Cloud: rawPredict, streamRawPredict and count-tokens. Leaves tokens to providers/google-account, what the platform
// refuses to providers/platform-rules.
import type { DeploymentConfig } from "../config/schema.ts";
import { type BodyChange, editMembers } from "../protocol/edit.ts";
import { messagesHeaders } from "./anthropic.ts";
import { judgePlatform } from "./errors/platforms.ts";
import { type GoogleAccess, googleAccount, textOption } from "./google-account.ts";
import { textAt } from "./messages-body.ts";
import { canonicalPlatformError } from "./platform-errors.ts";
import { fitOptions, fitToPlatform } from "./platform-rules.ts";
import type { Call, Provider, ProviderDeps, UpstreamRequest } from "./provider.ts";

/** What stands for the Messages API's 2023-06-01 here (providers §5). */
const VERSION = "vertex-2023-10-16";
/** Locations behind which Google chooses the region (providers §5). */
const MULTI_REGION: ReadonlySet<string> = new Set(["us", "eu"]);
/** Values that are refused in the header and taken in the body's `anthropic_beta` (BerriAI/litellm #31607). */
const BODY_BETAS: ReadonlySet<string> = new Set(["context-1m-2025-08-07"]);
const LOCATION = /^[a-z0-9-]{2,40}$/;

/** A `vertex_ai/claude-…` deployment. */
export function vertexProvider(config: DeploymentConfig, deps: ProviderDeps): Provider {
	const location = textOption(config, "vertex_location") ?? textOption(config, "region_name") ?? "";
	const base = new URL(config.credentials.apiBase ?? addressOf(location));
	const prefix = base.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
	const account = googleAccount(config, deps);
	const own: string[] = ["host", base.host];
	for (const [name, value] of Object.entries(config.extraHeaders)) own.push(name, value);
	const overridden = new Set(Object.keys(config.extraHeaders).map((name) => name.toLowerCase()));
	const isBetaSet = overridden.has("anthropic-beta");
	for (const name of ["anthropic-beta", "anthropic-version", "authorization"]) overridden.add(name);

	function requestOf(call: Call, { project, token }: GoogleAccess): UpstreamRequest {
		const fit = fitToPlatform("vertex", call, fitOptions(config));
		const inBody = fit.betas.filter((beta) => BODY_BETAS.has(beta));
		const inHeader = fit.betas.filter((beta) => !BODY_BETAS.has(beta));
		const sent = ["authorization", `Bearer ${token}`, ...own];
		if (inHeader.length > 0 && !isBetaSet) sent.push("anthropic-beta", inHeader.join(","));
		const models = `${prefix}/v1/projects/${encodeURIComponent(project)}/locations/${location}/publishers/anthropic/models`;
		return {
			origin: base.origin,
			// Google refuses query parameters it does not know, such as Claude Code's `beta`.
			path: `${models}/${methodOf(call)}`,
			headers: messagesHeaders(call, sent, overridden),
			body: editMembers(call.body, bodyChange(call, fit, inBody)),
			answer: "messages",
			removed: fit.removed,
		};
	}

	return {
		kind: "vertex",
		prepare(call) {
			const access = account.access();
			return access instanceof Promise ? access.then((got) => requestOf(call, got)) : requestOf(call, access);
		},
		limits: () => null,
		judge: (failure) => judgePlatform(failure, deps.now()),
		canonicalError: (head, body) => canonicalPlatformError(head, body, "Vertex AI"),
		identity: () =>
			account.project === null
				? null
				: {
						organization: account.project,
						workspace: location,
						probabilistic: location === "global" || MULTI_REGION.has(location),
					},
		failed(failure) {
			if (failure.status === 401) account.refused();
		},
	};
}

function addressOf(location: string): string {
	if (!LOCATION.test(location)) throw new TypeError(`'${location}' is no location of Google Cloud`);
	if (location === "global") return "https://aiplatform.googleapis.com";
	if (MULTI_REGION.has(location)) return `https://aiplatform.${location}.rep.googleapis.com`;
	return `https://${location}-aiplatform.googleapis.com`;
}

function methodOf(call: Call): string {
	if (call.operation === "count_tokens") return "count-tokens:rawPredict";
	// `@` parts a model from its date and stands as it is.
	const model = encodeURIComponent(call.model).replaceAll("%40", "@");
	return `${model}:${call.stream ? "streamRawPredict" : "rawPredict"}`;
}

/** `model` is in the path, save for count-tokens; `stream` and `anthropic_version` are in the body. */
function bodyChange(call: Call, fit: Pick<BodyChange, "remove" | "replace">, betas: readonly string[]): BodyChange {
	const { members } = call;
	const remove = [...(fit.remove ?? [])];
	const replace: NonNullable<BodyChange["replace"]>[number][] = [...(fit.replace ?? [])];
	const insert: NonNullable<BodyChange["insert"]>[number][] = [];
	const isCount = call.operation === "count_tokens";
	const set = (name: string, member: Call["members"]["model"], value: string | null): void => {
		if (value === null) {
			if (member !== null) remove.push(member);
		} else if (member === null) insert.push({ name, value });
		else replace.push({ member, value });
	};
	set("model", members.model, isCount ? JSON.stringify(call.model) : null);
	set("stream", members.stream, call.stream && !isCount ? "true" : null);
	set("anthropic_version", members.anthropicVersion, JSON.stringify(versionOf(call)));
	set("anthropic_beta", members.anthropicBeta, betas.length === 0 ? null : JSON.stringify(betas));
	return { remove, replace, insert };
}

/** The version that the client means: its own where Vertex has it under the same name (2026-10-21), else Vertex's first. */
function versionOf({ body, members, headers }: Call): string {
	const inBody = members.anthropicVersion === null ? null : textAt(body, members.anthropicVersion);
	let said = inBody ?? "";
	for (let i = 0; inBody === null && i + 1 < headers.length; i += 2)
		if (headers[i]?.toLowerCase() === "anthropic-version") said = headers[i + 1] ?? "";
	return said === "" || said === "2023-06-01" || said.startsWith("bedrock-") ? VERSION : said;
}
