// The configuration file as it is written: every option with its kind, default and description. Leaves the options of the `warmpath`
// section to config/own-section, and resolving all of it to config/load.
import * as z from "zod";
import { address, age, duration, flag, integer, number, text, texts } from "./fields.ts";
import { keyDefaultsSchema, TOKEN_TYPES, upperboundSchema } from "./keys.ts";
import { warmpathSchema } from "./own-section.ts";
import { allowedFailsSchema, retriesSchema } from "./policies.ts";
import { DEFAULTS } from "./schema.ts";
import { redisOptions } from "./state.ts";

const tokenLimit = () => integer({ min: 1 }).optional();
const count = () => integer({ min: 0, max: 1_000_000 });

/** Credential and address options; a `credential_list` entry may hold the same. */
const credentialOptions = {
	api_key: text()
		.optional()
		.describe("The provider's key. For anthropic/ models ANTHROPIC_API_KEY is used when it is missing."),
	api_base: address().optional().describe("The provider's address. Default: its public one."),
	api_version: text().optional().describe("API version of an Azure resource."),
	organization: text().optional().describe("OpenAI organization."),
	aws_access_key_id: text().optional().describe("AWS access key."),
	aws_secret_access_key: text().optional().describe("Secret of the AWS access key."),
	aws_session_token: text().optional().describe("Token of a temporary AWS key."),
	aws_region_name: text().optional().describe("AWS region, such as us-west-2."),
	aws_profile_name: text().optional().describe("Profile of ~/.aws to take credentials from."),
	aws_role_name: text().optional().describe("ARN of a role to assume."),
	aws_session_name: text().optional().describe("Session name for the assumed role."),
	aws_web_identity_token: text()
		.optional()
		.describe("Web identity token for the assumed role: oidc/file/PATH, oidc/env/NAME, or the token itself."),
	aws_sts_endpoint: address().optional().describe("Address of STS, if not the region's own."),
	aws_external_id: text().optional().describe("External id for the assumed role."),
	aws_bedrock_runtime_endpoint: address()
		.optional()
		.describe("Address of the Bedrock runtime, if not the region's own."),
	bedrock_api: z
		.enum(["invoke", "messages", "mantle"])
		.optional()
		.describe("Bedrock's InvokeModel, or its Messages API on the runtime or on mantle. Default: invoke."),
	anthropic_workspace_id: text()
		.optional()
		.describe("Workspace of Claude Platform on AWS or of Claude on Google Cloud, managed by Anthropic."),
	vertex_project: text().optional().describe("Google Cloud project."),
	vertex_location: text().optional().describe("Google Cloud region, or global."),
	vertex_credentials: z
		.union([z.string().min(1, "must not be empty"), z.record(z.string(), z.unknown())], {
			error: "expected a path, or the JSON of a service account",
		})
		.optional()
		.describe("Service account: path of its file, or its JSON."),
	azure_ad_token: text().optional().describe("Microsoft Entra token, instead of a key."),
	tenant_id: text().optional().describe("Microsoft Entra tenant."),
	client_id: text().optional().describe("Microsoft Entra application."),
	client_secret: text().optional().describe("Secret of the Microsoft Entra application."),
	azure_scope: text()
		.optional()
		.describe("Whom the Microsoft Entra token is for. Default: https://ai.azure.com/.default."),
	azure_authority_host: address()
		.optional()
		.describe("Address of Microsoft Entra. Default: https://login.microsoftonline.com."),
	region_name: text().optional().describe("Region, for any cloud; the cloud's own option wins."),
};

const markerSchema = z.strictObject({
	type: z.literal("ephemeral").default("ephemeral").describe("ephemeral."),
	ttl: z.enum(["5m", "1h"]).optional().describe("Lifetime of the cache entry. Default: 5m."),
});

const injectionPointSchema = z.strictObject({
	location: z.enum(["message", "tool_config"]).describe("message, or tool_config: the last tool."),
	role: z.enum(["system", "user", "assistant"]).optional().describe("Every message of this role."),
	index: z
		.union(
			[
				z.number().int(),
				z
					.string()
					.regex(/^-?\d+$/)
					.transform(Number),
			],
			{ error: "expected a whole number" },
		)
		.optional()
		.describe("One message, counted from 0; negative: from the end. Wins over role."),
	control: markerSchema.optional().describe("The marker. Default: {type: ephemeral}."),
});

const serverTakesSchema = z.strictObject({
	system_anywhere: flag()
		.optional()
		.describe("System messages behind the first message; otherwise they go as user text."),
	user_after_tool: flag().optional().describe("A user message right after a tool's result."),
	same_role_twice: flag().optional().describe("Two user messages in a row; otherwise they are joined."),
	tool_ids: z
		.enum(["any", "forty", "nine"])
		.optional()
		.describe("Ids of tool calls: any, up to forty characters, or nine letters and digits."),
	reasoning: z
		.enum(["reasoning_content", "reasoning", "none"])
		.optional()
		.describe("Under which name reasoning goes back with the conversation."),
	no_reasoning: flag().optional().describe("Messages of the model without their reasoning."),
	cache_control: flag().optional().describe("The client's cache markers."),
	stream_options: flag().optional().describe("stream_options.include_usage; otherwise no stream's usage is asked for."),
});

export const litellmParamsSchema = z.strictObject({
	model: text().describe("Upstream model with its provider, such as anthropic/claude-sonnet-5-5. May hold one *."),
	...credentialOptions,
	custom_llm_provider: text().optional().describe("Provider, when the model's name does not say it."),
	litellm_credential_name: text().optional().describe("Entry of credential_list to take credentials from."),
	timeout: duration().optional().describe("Whole call. Default: router_settings.timeout."),
	stream_timeout: duration().optional().describe("First byte of a stream. Default: router_settings.stream_timeout."),
	cooldown_time: duration("zero").optional().describe("Pause after a failure. Default: router_settings.cooldown_time."),
	weight: number({ min: 0, max: 1_000_000 })
		.default(DEFAULTS.weight)
		.describe("Share of new conversations, relative to the group's others."),
	order: integer({ min: 0 }).optional().describe("Lower is tried first. Default: no order."),
	rpm: tokenLimit().describe("Requests per minute the deployment admits."),
	tpm: tokenLimit().describe("Tokens per minute the deployment admits."),
	itpm: tokenLimit().describe("Input tokens per minute the deployment admits."),
	otpm: tokenLimit().describe("Output tokens per minute the deployment admits."),
	max_parallel_requests: tokenLimit().describe("Requests at the same time."),
	max_retries: count().optional().describe("Retries after this deployment failed. Default: those of router_settings."),
	num_retries: count().optional().describe("The same as max_retries, and wins over it."),
	tags: texts().default([]).describe("Requests it serves, where router_settings.enable_tag_filtering is on."),
	remove_billing_block: flag()
		.default(true)
		.describe("Take Claude Code's x-anthropic-billing-header block off, where the platform would count it as prompt."),
	cache_control_injection_points: z
		.array(injectionPointSchema)
		.default([])
		.describe("What of every prompt is marked for caching, unless the client marked it: LiteLLM's list."),
	cache_control: z
		.enum(["auto", "client"])
		.optional()
		.describe("auto: mark what agents send again (tools, system, last message) where the client marks nothing."),
	prompt_cache_key: z
		.enum(["client", "session"])
		.default("client")
		.describe("openai/ models. session: send the conversation as prompt_cache_key where the client sends none."),
	additional_drop_params: z
		.array(z.string().regex(/^(?!(model|messages|stream)$)\w+$/, "expected the name of an optional top-level member"))
		.default([])
		.describe("openai/ models. Members of the request that the server refuses: they are left out."),
	server_takes: serverTakesSchema
		.default({})
		.describe("openai/ models. What the server takes, where its host and model do not tell."),
	extra_headers: z
		.record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: "expected text" }).transform(String))
		.default({})
		.describe("Headers added to every upstream request."),
});

const modelInfoSchema = z.looseObject({
	id: z
		.union([text(), z.number()], { error: "expected text" })
		.transform(String)
		.optional()
		.describe("Name of the deployment in logs and answers. Default: a hash of what it is."),
	litellm_provider: text().optional().describe("Provider, when the model's name does not say it."),
	cache_domain: text()
		.optional()
		.describe("Name shared by deployments that read each other's prompt cache. Default: learned."),
	data_zone: flag()
		.optional()
		.describe("azure_ai/ models. The Foundry deployment is of the type Data Zone Standard, which costs a tenth more."),
	max_input_tokens: tokenLimit().describe(
		"Longest prompt the model takes, where router_settings.enable_pre_call_checks is on.",
	),
});

export const deploymentSchema = z.strictObject({
	model_name: text().describe("The group's name: what clients ask for. May hold one *."),
	litellm_params: litellmParamsSchema.describe("What to call, and how."),
	model_info: modelInfoSchema
		.prefault({})
		.describe("What is known about the deployment; further entries are kept for display."),
});

export const credentialSchema = z.strictObject({
	credential_name: text().describe("Name for litellm_credential_name."),
	credential_values: z
		.strictObject({ ...credentialOptions, custom_llm_provider: litellmParamsSchema.shape.custom_llm_provider })
		.describe("Options every deployment that names the entry gets, unless it sets them itself."),
	credential_info: z.looseObject({}).optional().describe("Free text about the entry."),
});

const aliasSchema = z
	.union([z.string().min(1, "must not be empty"), z.strictObject({ model: text(), hidden: flag().default(false) })], {
		error: "expected a group's name, or {model: name, hidden: true}",
	})
	.transform((value) => (typeof value === "string" ? { model: value, hidden: false } : value));

/** LiteLLM's strategies; the last two are not Warmpath's, see config/strategy. */
const STRATEGIES = [
	"simple-shuffle",
	"least-busy",
	"latency-based-routing",
	"usage-based-routing-v2",
	"cost-based-routing",
	"usage-based-routing",
	"provider-budget-routing",
] as const;

const fallbackList = () => z.array(z.record(z.string(), texts()).describe("Write {group: [others]}.")).optional();

/** Options that router_settings and litellm_settings have in common; router_settings wins. */
const failureOptions = {
	num_retries: count()
		.optional()
		.describe("Attempts after the first one in a group. Default: every deployment once, at least three attempts."),
	allowed_fails: count()
		.optional()
		.describe("Failures within a minute that do not cool a deployment down. Default: none."),
	cooldown_time: duration("zero").optional().describe("Pause after a failure. Default: warmpath.routing.cooldown."),
	fallbacks: fallbackList().describe("Groups that stand in for a group that failed: [{group: [others]}]."),
	context_window_fallbacks: fallbackList().describe("Groups that take prompts that are too long for a group."),
	content_policy_fallbacks: fallbackList().describe("Groups that take what a group's content filter refuses."),
	default_fallbacks: texts().optional().describe("Groups that stand in where fallbacks has no entry."),
};

export const routerSettingsSchema = z.strictObject({
	enable_pre_call_checks: flag()
		.default(DEFAULTS.routing.preCallChecks)
		.describe("Leave out deployments whose model_info.max_input_tokens the prompt exceeds."),
	optional_pre_call_checks: texts()
		.default([])
		.describe("prompt_caching turns prompt-cache routing on (it is on anyway)."),
	model_group_alias: z
		.record(z.string(), aliasSchema)
		.default({})
		.describe("Further names for groups; hidden ones are not listed."),
	timeout: duration().optional().describe("Whole call. Default: warmpath.timeouts.total."),
	stream_timeout: duration().optional().describe("First byte of a stream. Default: warmpath.timeouts.first_byte."),
	routing_strategy: z
		.enum(STRATEGIES)
		.optional()
		.describe("Chooses where the prompt cache does not. Default: least recent load."),
	enable_tag_filtering: flag()
		.default(DEFAULTS.routing.tagFiltering.enabled)
		.describe("Requests with tags go to deployments with those tags."),
	tag_filtering_match_any: flag()
		.default(DEFAULTS.routing.tagFiltering.matchAny)
		.describe("One common tag is enough; false: all of the request's."),
	default_max_parallel_requests: tokenLimit().describe(
		"Requests at the same time, for deployments that do not say it.",
	),
	...failureOptions,
	retry_after: duration("zero")
		.default(DEFAULTS.failures.retryAfterMs)
		.describe("Least wait before a retry on the deployment that failed."),
	retry_policy: retriesSchema.optional().describe("Retries by class of error."),
	model_group_retry_policy: z
		.record(z.string(), retriesSchema)
		.default({})
		.describe("Retries by class of error, for a group: {group: {RateLimitErrorRetries: 3}}."),
	allowed_fails_policy: allowedFailsSchema.optional().describe("Failures that do not cool down, by class of error."),
	disable_cooldowns: flag().default(DEFAULTS.failures.disableCooldowns).describe("No failure takes a deployment out."),
	max_fallbacks: count()
		.default(DEFAULTS.fallbacks.maxFallbacks)
		.describe("Most groups tried after the one that was asked for."),
	...redisOptions,
	set_verbose: flag().optional().describe("true: log level debug."),
});

export const litellmSettingsSchema = z.strictObject({
	callbacks: texts()
		.default([])
		.describe("prompt_caching_deployment_check turns prompt-cache routing on (it is on anyway)."),
	set_verbose: flag().optional().describe("true: log level debug."),
	json_logs: flag().optional().describe("true: log format json."),
	request_timeout: duration().optional().describe("Whole call, where router_settings.timeout is not set."),
	enable_anthropic_prompt_caching: flag()
		.optional()
		.describe("true: litellm_params.cache_control is auto for deployments that do not say it."),
	anthropic_prompt_caching_ttl: z
		.enum(["5m", "1h"])
		.optional()
		.describe("Lifetime asked for by automatic markers. Default: 5m."),
	default_key_generate_params: keyDefaultsSchema
		.prefault({})
		.describe("What a new key gets where the request to make it does not say it."),
	upperbound_key_generate_params: upperboundSchema
		.prefault({})
		.describe("The most that a key may be given, and what it gets where the request does not say it."),
	...failureOptions,
});

export const generalSettingsSchema = z.strictObject({
	master_key: text()
		.optional()
		.describe("Key that clients must send. Default: WARMPATH_MASTER_KEY or LITELLM_MASTER_KEY."),
	max_request_size_mb: number({ min: 0.001, max: 1024 })
		.optional()
		.describe("Largest request body, MB, where warmpath.limits.max_body_bytes is not set."),
	forward_llm_provider_auth_headers: flag()
		.default(false)
		.describe("A client's own provider key goes upstream in the place of the deployment's."),
	forward_client_headers_to_llm_api: flag()
		.default(false)
		.describe("The OAuth token of a client's Claude subscription goes upstream in the place of the deployment's key."),
	litellm_key_header_name: z
		.string()
		.regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: "expected a header's name" })
		.transform((name) => name.toLowerCase())
		.optional()
		.describe("A further header that may hold the gateway's key; it is looked at first and never sent on."),
	database_url: z
		.string()
		.regex(/^(postgres(ql)?:\/\/|(sqlite|file):(\/\/)?(\/|:memory:|[a-zA-Z]:))/i, {
			error: "expected postgres://USER:PASSWORD@HOST/DATABASE, or sqlite: and an absolute path",
		})
		.optional()
		.describe("Database of the request log and the keys. Default: one SQLite file in the user's data folder."),
	store_prompts_in_spend_logs: flag()
		.default(false)
		.describe("true: the request log keeps what was asked and answered, cut to 256 KB and without credentials."),
	disable_spend_logs: flag()
		.optional()
		.describe("true: no request log, where warmpath.request_log.enabled is not set."),
	token_rate_limit_type: z
		.enum(TOKEN_TYPES)
		.default("total")
		.describe("Which of a request's tokens count against tpm limits."),
	maximum_spend_logs_retention_period: age()
		.optional()
		.describe("Older requests are deleted, where warmpath.request_log.max_age is not set."),
});

/** Every section of the file. Sections are validated one by one, so that a fault in one does not hide those of another. */
export const fileSchema = z.strictObject({
	include: z
		.array(text())
		.optional()
		.describe("Further files, relative to this one. Lists are joined; this file's values win."),
	environment_variables: z
		.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()], { error: "expected text" }))
		.optional()
		.describe("Values for os.environ/NAME where the environment has none."),
	model_list: z.array(deploymentSchema).describe("The deployments. Those with the same model_name form a group."),
	credential_list: z.array(credentialSchema).optional().describe("Credentials that several deployments use."),
	router_settings: routerSettingsSchema.prefault({}).describe("LiteLLM's router settings."),
	litellm_settings: litellmSettingsSchema.prefault({}).describe("LiteLLM's module settings."),
	general_settings: generalSettingsSchema.prefault({}).describe("LiteLLM's proxy settings."),
	callbacks: texts().default([]).describe("The same as litellm_settings.callbacks."),
	warmpath: warmpathSchema.prefault({}).describe("Warmpath's own options."),
});

/** Names of the options that may stand in a credential_list entry. */
export const CREDENTIAL_OPTIONS: readonly string[] = Object.keys(credentialOptions);

export type DeploymentEntry = z.output<typeof deploymentSchema>;
export type LitellmParams = z.output<typeof litellmParamsSchema>;
