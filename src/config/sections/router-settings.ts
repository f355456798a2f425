// `router_settings`: LiteLLM's router settings. Leaves what they amount to to the sections of ours that they are other names for.
import * as z from "zod";
import { duration, flag, integer, redisUrl, text, texts } from "../fields.ts";
import { type Options, option, optional } from "../section.ts";
import { allowedFailsSchema, retriesSchema } from "./error-policies.ts";
import { failureOptions } from "./litellm-settings.ts";

const alias = z
	.union([z.string().min(1, "must not be empty"), z.strictObject({ model: text(), hidden: flag().default(false) })], {
		error: "expected a group's name, or {model: name, hidden: true}",
	})
	.transform((value) => (typeof value === "string" ? { model: value, hidden: false } : value));

/** LiteLLM's strategies; the last two are not Warmpath's, see sections/routing. */
const STRATEGIES = [
	"simple-shuffle",
	"least-busy",
	"latency-based-routing",
	"usage-based-routing-v2",
	"cost-based-routing",
	"usage-based-routing",
	"provider-budget-routing",
] as const;

const options = {
	enable_pre_call_checks: option(
		flag(),
		false,
		"Leave out deployments whose model_info.max_input_tokens the prompt exceeds.",
	),
	optional_pre_call_checks: option(texts(), [], "prompt_caching turns prompt-cache routing on (it is on anyway)."),
	model_group_alias: option(z.record(z.string(), alias), {}, "Further names for groups; hidden ones are not listed."),
	timeout: optional(duration(), "Whole call. Default: warmpath.timeouts.total."),
	stream_timeout: optional(duration(), "First byte of a stream. Default: warmpath.timeouts.first_byte."),
	routing_strategy: optional(
		z.enum(STRATEGIES),
		"Chooses where the prompt cache does not. Default: least recent load.",
	),
	enable_tag_filtering: option(flag(), false, "Requests with tags go to deployments with those tags."),
	tag_filtering_match_any: option(flag(), true, "One common tag is enough; false: all of the request's."),
	default_max_parallel_requests: optional(
		integer({ min: 1 }),
		"Requests at the same time, for deployments that do not say it.",
	),
	...failureOptions,
	retry_after: option(duration("zero"), "0s", "Least wait before a retry on the deployment that failed."),
	retry_policy: option(retriesSchema, {}, "Retries by class of error."),
	model_group_retry_policy: option(
		z.record(z.string(), retriesSchema),
		{},
		"Retries by class of error, for a group: {group: {RateLimitErrorRetries: 3}}.",
	),
	allowed_fails_policy: option(allowedFailsSchema, {}, "Failures that do not cool down, by class of error."),
	disable_cooldowns: option(flag(), false, "No failure takes a deployment out."),
	max_fallbacks: option(integer({ min: 0, max: 1_000_000 }), 5, "Most groups tried after the one that was asked for."),
	redis_url: optional(redisUrl(), "The same as warmpath.state.redis.url, which wins."),
	redis_host: optional(text(), "Its host, where no URL is given."),
	redis_port: optional(integer({ min: 1, max: 65_535 }), "Its port. Default: 6379."),
	redis_password: optional(text(), "Its password."),
	redis_db: optional(integer({ min: 0, max: 1_000_000 }), "Its database number. Default: 0."),
	redis_ssl: optional(flag(), "true: TLS."),
	set_verbose: optional(flag(), "true: log level debug."),
};

export const routerSettingsSchema = z.strictObject(options);

export type RouterSettings = Options<typeof options>;
