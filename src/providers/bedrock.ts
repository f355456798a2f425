// Claude on Amazon Bedrock: InvokeModel on the runtime, or the native Messages API on the runtime or on mantle. Leaves bodies to
// bedrock-body, credentials and signatures to the aws files, and what the platform refuses to platform-rules.
import type { DeploymentConfig } from "../config/schema.ts";
import { EVENT_STREAM_TYPE, EventStreamReframer } from "../protocol/eventstream.ts";
import { messagesHeaders } from "./anthropic.ts";
import { awsOptions } from "./aws-credentials.ts";
import { canonicalAws, refusesCredentials } from "./aws-judge.ts";
import { type AwsService, createAwsService } from "./aws-request.ts";
import { countBody, invokeBody } from "./bedrock-body.ts";
import { accountOfKey, accountOfModel, type BedrockApi, cachePlace } from "./bedrock-identity.ts";
import { isNotCounted, judgeAws } from "./errors/aws.ts";
import { messagesBody } from "./messages-body.ts";
import { fitOptions, fitToPlatform, type PlatformFit } from "./platform-rules.ts";
import type { Call, Provider, ProviderDeps, Reframer, ResponseHead, UpstreamRequest } from "./provider.ts";

/** How the two endpoints differ (providers §4). */
const SERVICES = {
	runtime: { service: "bedrock", platform: "bedrock", address: runtimeAddress },
	mantle: { service: "bedrock-mantle", platform: "bedrock-mantle", address: mantleAddress },
} as const;

function runtimeAddress(region: string): string {
	return `https://bedrock-runtime.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

function mantleAddress(region: string): string {
	return `https://bedrock-mantle.${region}.api.aws`;
}

const COUNT_TOKENS = "/count-tokens";

/** A `bedrock/…` deployment. */
export function bedrockProvider(config: DeploymentConfig, deps: ProviderDeps): Provider {
	const api = apiOf(config);
	const endpoint = api === "mantle" ? "mantle" : "runtime";
	const { service, platform, address } = SERVICES[endpoint];
	const aws = awsOptions(config);
	const key = config.credentials.apiKey?.reveal() ?? null;
	const configured = optionOf(config, "aws_bedrock_runtime_endpoint") ?? config.credentials.apiBase;
	const upstream = createAwsService(
		{
			service,
			endpoint: configured === null ? null : trimMessagesPath(configured),
			publicEndpoint: address,
			apiKey: key === null ? null : ["authorization", `Bearer ${key}`],
			aws,
		},
		deps,
	);
	/** Models that CountTokens has turned down. */
	const uncounted = new Set<string>();
	const fitted = (call: Call): PlatformFit => fitToPlatform(platform, call, fitOptions(config));

	return {
		kind: "bedrock",
		requestIdHeader: "x-amzn-requestid",
		prepare: (call) =>
			api === "invoke"
				? invoke(call, fitted(call), { config, upstream })
				: native(call, fitted(call), { config, upstream }),
		// Bedrock's answers say nothing of limits (providers §1).
		limits: () => null,
		judge: (failure) => judgeAws(failure, deps.now()),
		canonicalError: canonicalAws,
		reframe: reframeBedrock,
		identity: () => {
			const organization = upstream.accountId ?? accountOfKey(key) ?? accountOfModel(config.upstreamModel);
			if (organization === null) return null;
			const place = cachePlace({ model: config.upstreamModel, region: upstream.region, endpoint, address: configured });
			return { organization: `aws/${organization}`, ...place };
		},
		failed(failure, call) {
			if (refusesCredentials(failure)) upstream.refused();
			if (call.operation === "count_tokens" && isNotCounted(failure)) uncounted.add(call.model);
		},
		counts: (model) => !uncounted.has(model),
	};
}

function apiOf(config: DeploymentConfig): BedrockApi {
	const api = optionOf(config, "bedrock_api");
	return api === "messages" || api === "mantle" ? api : "invoke";
}

function optionOf({ credentials: { extra } }: DeploymentConfig, name: string): string | null {
	const value = extra[name];
	return typeof value === "string" ? value : null;
}

/** The address of a native endpoint may be given with the path of the Messages API. */
function trimMessagesPath(address: string): string {
	return address.replace(/\/+$/, "").replace(/\/anthropic(\/v1(\/messages)?)?$/, "");
}

interface About {
	readonly config: DeploymentConfig;
	readonly upstream: AwsService;
}

/** `POST /model/{id}/invoke`, its streaming twin, or CountTokens. */
async function invoke(call: Call, fit: PlatformFit, { config, upstream }: About): Promise<UpstreamRequest> {
	const counts = call.operation === "count_tokens";
	const streams = call.stream && !counts;
	const method = counts ? COUNT_TOKENS : streams ? "/invoke-with-response-stream" : "/invoke";
	const headers = ["content-type", "application/json", "accept", streams ? EVENT_STREAM_TYPE : "application/json"];
	headers.push(...ownOptions(call.headers), ...extraHeaders(config));
	const sent = await upstream.prepare({
		path: `/model/${encodeModel(call.model)}${method}`,
		query: "",
		headers,
		body: counts ? countBody(call, fit) : invokeBody(call, fit),
		isSigned: () => true,
	});
	return { ...sent, answer: streams ? "eventstream" : "messages", removed: fit.removed };
}

/** `POST /anthropic/v1/messages`: the Messages API itself, signed. */
async function native(call: Call, fit: PlatformFit, { config, upstream }: About): Promise<UpstreamRequest> {
	const sent = await upstream.prepare({
		path: `/anthropic/v1/messages${call.operation === "count_tokens" ? "/count_tokens" : ""}`,
		query: call.source.format === "anthropic" ? call.query : "",
		headers: nativeHeaders(call, fit.betas, config.extraHeaders),
		body: messagesBody(call, fit),
		isSigned: isSignedMessagesHeader,
	});
	return { ...sent, answer: "messages", removed: fit.removed };
}

/** Headers of the Messages API with the betas that are left; a beta list among the deployment's own headers wins. */
export function nativeHeaders(
	call: Call,
	betas: readonly string[],
	extra: DeploymentConfig["extraHeaders"],
): readonly string[] {
	const overridden = new Set(Object.keys(extra).map((name) => name.toLowerCase()));
	const own = Object.entries(extra).flat();
	if (betas.length > 0 && !overridden.has("anthropic-beta")) own.push("anthropic-beta", betas.join(","));
	overridden.add("anthropic-beta");
	return messagesHeaders(call, own, overridden);
}

/** Signed is what decides about the call; what else a client sends may pass through machines that change it. */
export function isSignedMessagesHeader(name: string): boolean {
	return name === "content-type" || name.startsWith("anthropic-") || name.startsWith("x-amz");
}

/** Guardrails, service tier and the like, which clients of Bedrock ask for by header. */
function ownOptions(headers: readonly string[]): string[] {
	const out: string[] = [];
	for (let at = 0; at + 1 < headers.length; at += 2) {
		const name = (headers[at] as string).toLowerCase();
		if (name.startsWith("x-amzn-bedrock-") && name !== "x-amzn-bedrock-accept")
			out.push(name, headers[at + 1] as string);
	}
	return out;
}

function extraHeaders({ extraHeaders }: DeploymentConfig): string[] {
	return Object.entries(extraHeaders).flat();
}

/** As AWS's own clients put an id or an ARN into a path: everything but unreserved characters (RFC 3986 §2.3). */
export function encodeModel(model: string): string {
	return encodeURIComponent(model).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function reframeBedrock(request: UpstreamRequest, { headers }: ResponseHead): Reframer | null {
	if (request.path.endsWith(COUNT_TOKENS)) return { streaming: false, body: countedTokens };
	const type = headers["content-type"];
	return typeof type === "string" && type.startsWith(EVENT_STREAM_TYPE) ? new EventStreamReframer() : null;
}

/** `{"inputTokens":12}` → `{"input_tokens":12}`; anything else as it is. */
function countedTokens(whole: Buffer): Buffer {
	const count = /"inputTokens"\s*:\s*(\d+)/.exec(whole.toString("utf8"))?.[1];
	return count === undefined ? whole : Buffer.from(`{"input_tokens":${count}}`);
}
