// One entry of `model_list`: its options, and the deployment they amount to. Leaves rules between entries to sections/model-list, and
// credentials to sections/credentials.
import { inspect } from "node:util";
import * as z from "zod";
import { duration, flag, integer, number, text, texts } from "../fields.ts";
import { firstGiven } from "../precedence.ts";
import type { ProviderTarget } from "../provider-kind.ts";
import type { Report } from "../report.ts";
import { type Named, named, type Options, option, optional, orNull } from "../section.ts";
import type { Path } from "../source.ts";
import {
	credentialOptions,
	type DeploymentCredentials,
	type ProviderKind,
	providerOption,
} from "./credential-options.ts";
import type { LitellmSections } from "./litellm-sections.ts";
import { type MarkingConfig, markingOf, markingOptions } from "./marking.ts";

/** What an OpenAI-compatible server takes, in the operator's words; only what the file names. */
const serverTakesSchema = z.strictObject({
	system_anywhere: optional(flag(), "System messages behind the first message; otherwise they go as user text."),
	user_after_tool: optional(flag(), "A user message right after a tool's result."),
	same_role_twice: optional(flag(), "Two user messages in a row; otherwise they are joined."),
	tool_ids: optional(
		z.enum(["any", "forty", "nine"]),
		"Ids of tool calls: any, up to forty characters, or nine letters and digits.",
	),
	reasoning: optional(
		z.enum(["reasoning_content", "reasoning", "none"]),
		"Under which name reasoning goes back with the conversation.",
	),
	no_reasoning: optional(flag(), "Messages of the model without their reasoning."),
	cache_control: optional(flag(), "The client's cache markers."),
	stream_options: optional(flag(), "stream_options.include_usage; otherwise no stream's usage is asked for."),
});

const limit = () => integer({ min: 1 });
const count = () => integer({ min: 0, max: 1_000_000 });
const droppable = z
	.string()
	.regex(/^(?!(model|messages|stream)$)\w+$/, "expected the name of an optional top-level member");
const headerValue = z.union([z.string(), z.number(), z.boolean()], { error: "expected text" }).transform(String);

/** What a deployment has under the same name as the file, as `named` spells it. */
const plainOptions = {
	timeout: orNull(duration(), "Whole call. Default: router_settings.timeout."),
	stream_timeout: orNull(duration(), "First byte of a stream. Default: router_settings.stream_timeout."),
	weight: option(number({ min: 0, max: 1_000_000 }), 1, "Share of new conversations, relative to the group's others."),
	order: orNull(integer({ min: 0 }), "Lower is tried first. Default: no order."),
	rpm: orNull(limit(), "Requests per minute the deployment admits."),
	tpm: orNull(limit(), "Tokens per minute the deployment admits."),
	itpm: orNull(limit(), "Input tokens per minute the deployment admits."),
	otpm: orNull(limit(), "Output tokens per minute the deployment admits."),
	max_parallel_requests: orNull(limit(), "Requests at the same time."),
	tags: option(texts(), [], "Requests it serves, where router_settings.enable_tag_filtering is on."),
	remove_billing_block: option(
		flag(),
		true,
		"Take Claude Code's x-anthropic-billing-header block off, where the platform would count it as prompt.",
	),
	prompt_cache_key: option(
		z.enum(["client", "session"]),
		"client",
		"openai/ models. session: send the conversation as prompt_cache_key where the client sends none.",
	),
	server_takes: option(
		serverTakesSchema,
		{},
		"openai/ models. What the server takes, where its host and model do not tell.",
	),
};

export const litellmParamsSchema = z.strictObject({
	model: text().describe("Upstream model with its provider, such as anthropic/claude-sonnet-5-5. May hold one *."),
	...credentialOptions,
	...providerOption,
	litellm_credential_name: optional(text(), "Entry of credential_list to take credentials from."),
	...plainOptions,
	cooldown_time: optional(duration("zero"), "Pause after a failure. Default: router_settings.cooldown_time."),
	max_retries: optional(count(), "Retries after this deployment failed. Default: those of router_settings."),
	num_retries: optional(count(), "The same as max_retries, and wins over it."),
	...markingOptions,
	additional_drop_params: option(
		z.array(droppable),
		[],
		"openai/ models. Members of the request that the server refuses: they are left out.",
	),
	extra_headers: option(z.record(z.string(), headerValue), {}, "Headers added to every upstream request."),
});

const deploymentId = z.union([text(), z.number()], { error: "expected text" }).transform(String);

export const modelInfoSchema = z.looseObject({
	id: optional(deploymentId, "Name of the deployment in logs and answers. Default: a hash of what it is."),
	litellm_provider: optional(text(), "Provider, when the model's name does not say it."),
	cache_domain: optional(text(), "Name shared by deployments that read each other's prompt cache. Default: learned."),
	data_zone: optional(
		flag(),
		"azure_ai/ models. The Foundry deployment is of the type Data Zone Standard, which costs a tenth more.",
	),
	max_input_tokens: optional(
		limit(),
		"Longest prompt the model takes, where router_settings.enable_pre_call_checks is on.",
	),
});

export const deploymentSchema = z.strictObject({
	model_name: text().describe("The group's name: what clients ask for. May hold one *."),
	litellm_params: litellmParamsSchema.describe("What to call, and how."),
	model_info: option(modelInfoSchema, {}, "What is known about the deployment; further entries are kept for display."),
});

type LitellmParams = z.output<typeof litellmParamsSchema>;
export type DeploymentEntry = z.output<typeof deploymentSchema>;
export type ServerTakes = z.output<typeof serverTakesSchema>;

/** One credential + endpoint + upstream model. Immutable; run-time state lives in routing/deployment. */
export interface DeploymentConfig extends Named<Options<typeof plainOptions>> {
	/** `model_info.id`, or a deterministic hash of what the deployment is. Unique in the configuration. */
	readonly id: string;
	/** `model_name`: the group it belongs to; may be a wildcard pattern such as `anthropic/*`. */
	readonly group: string;
	readonly provider: ProviderKind;
	/** Model id the upstream understands, provider prefix removed. May hold one `*`, filled with what the group's `*` matched. */
	readonly upstreamModel: string;
	readonly credentials: DeploymentCredentials;
	/** `model_info.cache_domain`, if the operator named who shares a cache; else null = learned from answers. */
	readonly cacheDomain: string | null;
	/** `model_info.max_input_tokens`: longest prompt, tokens; read where `routing.preCallChecks` is on. null = not known. */
	readonly maxInputTokens: number | null;
	/** `num_retries` or `max_retries`: retries after this deployment failed; null = the group's policy. */
	readonly numRetries: number | null;
	/** `cooldown_time`; null = `failures.cooldownMs`. */
	readonly cooldownMs: number | null;
	readonly extraHeaders: Readonly<Record<string, string>>;
	/** What of a prompt the gateway marks for caching; null = nothing. */
	readonly marking: MarkingConfig | null;
	/** `additional_drop_params`: members that are left out of requests to this server. */
	readonly droppedParams: readonly string[];
	/** `model_info` as written, for display and later use (base_model, prices, mode …). */
	readonly modelInfo: Readonly<Record<string, unknown>>;
	/** Where it stands in the file, for messages: `config.yaml:12:5`. */
	readonly source: string;
}

/** An entry whose provider and credentials are known. */
export interface DeploymentDraft {
	readonly entry: DeploymentEntry;
	readonly path: Path;
	readonly target: ProviderTarget;
	/** As the provider knows it. */
	readonly upstreamModel: string;
	readonly credentials: DeploymentCredentials;
}

export function toDeployment(
	{ entry, path, target, upstreamModel, credentials }: DeploymentDraft,
	id: string,
	{ theirs: { router, litellm }, report }: { readonly theirs: LitellmSections; readonly report: Report },
): DeploymentConfig {
	const { litellm_params: params, model_info: modelInfo } = entry;
	const plain = named(plainOptions, params);
	return {
		...plain,
		id,
		group: entry.model_name,
		provider: target.provider,
		upstreamModel,
		credentials,
		cacheDomain: modelInfo.cache_domain ?? null,
		maxParallelRequests: plain.maxParallelRequests ?? router.default_max_parallel_requests ?? null,
		maxInputTokens: modelInfo.max_input_tokens ?? null,
		numRetries: readRetries(params, path, report),
		streamTimeoutMs: plain.streamTimeoutMs ?? router.stream_timeout ?? null,
		cooldownMs: params.cooldown_time ?? null,
		extraHeaders: unprintable(params.extra_headers),
		marking: markingOf(params, litellm),
		droppedParams: params.additional_drop_params,
		modelInfo,
		source: report.placeText(path),
	};
}

/** LiteLLM has two names for it. */
function readRetries(params: LitellmParams, path: Path, report: Report): number | null {
	const names = ["num_retries", "max_retries"] as const;
	const candidates = names.map((name) => ({ path: [...path, "litellm_params", name], value: params[name] }));
	return firstGiven(candidates, report)?.value ?? null;
}

/** Headers may carry keys: their values are usable, but neither JSON.stringify nor inspect shows them. */
function unprintable(headers: Readonly<Record<string, string>>): Record<string, string> {
	const copy = { ...headers };
	const masked = (): Record<string, string> => Object.fromEntries(Object.keys(copy).map((name) => [name, "***"]));
	Object.defineProperty(copy, "toJSON", { value: masked, enumerable: false });
	Object.defineProperty(copy, inspect.custom, { value: masked, enumerable: false });
	return copy;
}
