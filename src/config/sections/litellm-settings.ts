// `litellm_settings`: LiteLLM's module settings. Leaves what they amount to to the sections of ours that they are other names for.
import * as z from "zod";
import { duration, flag, integer, number, span, text, texts } from "../fields.ts";
import { type Options, option, optional } from "../section.ts";

const count = () => integer({ min: 0, max: 1_000_000 });
const fallbackList = () => z.array(z.record(z.string(), texts()).describe("Write {group: [others]}."));

/** Options that router_settings and litellm_settings have in common; router_settings wins. */
export const failureOptions = {
	num_retries: optional(
		count(),
		"Attempts after the first one in a group. Default: every deployment once, at least three attempts.",
	),
	allowed_fails: optional(count(), "Failures within a minute that do not cool a deployment down. Default: none."),
	cooldown_time: optional(duration("zero"), "Pause after a failure. Default: warmpath.routing.cooldown."),
	fallbacks: optional(fallbackList(), "Groups that stand in for a group that failed: [{group: [others]}]."),
	context_window_fallbacks: optional(fallbackList(), "Groups that take prompts that are too long for a group."),
	content_policy_fallbacks: optional(fallbackList(), "Groups that take what a group's content filter refuses."),
	default_fallbacks: optional(texts(), "Groups that stand in where fallbacks has no entry."),
};

/** What may be bounded for keys that are made; LiteLLM's fields. */
const bounds = {
	max_budget: optional(number({ min: 0 }), "Dollars."),
	budget_duration: optional(span(), "When the budget starts anew."),
	duration: optional(span(), "How long the key lives."),
	max_parallel_requests: optional(integer({ min: 0 }), "Requests at the same time."),
	tpm_limit: optional(integer({ min: 0 }), "Tokens a minute."),
	rpm_limit: optional(integer({ min: 0 }), "Requests a minute."),
};

const keyDefaults = z.strictObject({
	...bounds,
	models: optional(texts(), "Models it may ask for."),
	team_id: optional(text(), "Team whose limits hold too."),
	user_id: optional(text(), "User it belongs to."),
	tags: optional(texts(), "Tags of its requests."),
	metadata: optional(z.record(z.string(), z.unknown()), "Data about it."),
});

const options = {
	callbacks: option(texts(), [], "prompt_caching_deployment_check turns prompt-cache routing on (it is on anyway)."),
	set_verbose: optional(flag(), "true: log level debug."),
	json_logs: optional(flag(), "true: log format json."),
	request_timeout: optional(duration(), "Whole call, where router_settings.timeout is not set."),
	enable_anthropic_prompt_caching: optional(
		flag(),
		"true: litellm_params.cache_control is auto for deployments that do not say it.",
	),
	anthropic_prompt_caching_ttl: optional(z.enum(["5m", "1h"]), "Lifetime asked for by automatic markers. Default: 5m."),
	default_key_generate_params: option(
		keyDefaults,
		{},
		"What a new key gets where the request to make it does not say it.",
	),
	upperbound_key_generate_params: option(
		z.strictObject(bounds),
		{},
		"The most that a key may be given, and what it gets where the request does not say it.",
	),
	...failureOptions,
};

export const litellmSettingsSchema = z.strictObject(options);

export type LitellmSettings = Options<typeof options>;
