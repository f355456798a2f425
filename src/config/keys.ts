// `warmpath.keys`: virtual keys that stand in the configuration file, for gateways without a database and for what must always be there.
// Leaves what their fields mean to access/fields, and faults between entries to config/keys-read.
import * as z from "zod";
import { flag, integer, number, text, texts } from "./fields.ts";
import type { Secret } from "./secret.ts";

const SPAN = /^\d{1,9}\s*(s|m|h|d|w|mo)$/;
const span = () => text().refine((value) => SPAN.test(value), "expected a duration such as 30m, 24h, 30d or 1mo");
const limit = () => integer({ min: 0 }).nullish();
const dollars = () => number({ min: 0 }).nullish();
const byModel = () => z.record(z.string(), integer({ min: 0 })).default({});

/** One entry; the names are those of LiteLLM's `/key/generate`. */
export const keySchema = z.strictObject({
	key_alias: text().describe("Name of the key; unique."),
	key: text().describe("The secret; an os.environ/ reference."),
	models: texts().default([]).describe("Models it may ask for; * matches anything. Default: all."),
	expires: z.iso
		.datetime({ offset: true, error: "expected a date such as 2027-01-31T00:00:00Z" })
		.nullish()
		.describe("Last moment it is valid. Default: never."),
	max_budget: dollars().describe("Dollars it may spend in each budget_duration. Default: any."),
	soft_budget: dollars().describe("Dollars after which a warning is logged. Default: none."),
	budget_duration: span().nullish().describe("When the budget starts anew. Default: never."),
	tpm_limit: limit().describe("Tokens a minute. Default: any."),
	rpm_limit: limit().describe("Requests a minute. Default: any."),
	max_parallel_requests: limit().describe("Requests at the same time. Default: any."),
	model_tpm_limit: byModel().describe("Tokens a minute, by model."),
	model_rpm_limit: byModel().describe("Requests a minute, by model."),
	team_id: text().nullish().describe("Team whose limits hold too."),
	user_id: text().nullish().describe("User it belongs to."),
	tags: texts().default([]).describe("Tags of its requests."),
	allowed_domains: texts().default([]).describe("Cache domains it is confined to. Default: any."),
	key_type: z
		.enum(["default", "llm_api", "management", "read_only"])
		.default("default")
		.describe("llm_api: models only; management: control plane only; read_only: the same, reading only."),
	blocked: flag().default(false).describe("true: refused."),
});

/** LiteLLM's `token_rate_limit_type`: which of a request's tokens count against a limit of tokens a minute. */
export const TOKEN_TYPES = ["total", "input", "output"] as const;

/** What may be bounded for keys that are made; LiteLLM's fields. */
const generated = {
	max_budget: number({ min: 0 }).optional().describe("Dollars."),
	budget_duration: span().optional().describe("When the budget starts anew."),
	duration: span().optional().describe("How long the key lives."),
	max_parallel_requests: integer({ min: 0 }).optional().describe("Requests at the same time."),
	tpm_limit: integer({ min: 0 }).optional().describe("Tokens a minute."),
	rpm_limit: integer({ min: 0 }).optional().describe("Requests a minute."),
};

/** `litellm_settings.upperbound_key_generate_params`. */
export const upperboundSchema = z.strictObject(generated);

/** `litellm_settings.default_key_generate_params`. */
export const keyDefaultsSchema = z.strictObject({
	...generated,
	models: texts().optional().describe("Models it may ask for."),
	team_id: text().optional().describe("Team whose limits hold too."),
	user_id: text().optional().describe("User it belongs to."),
	tags: texts().optional().describe("Tags of its requests."),
	metadata: z.record(z.string(), z.unknown()).optional().describe("Data about it."),
});

/** What holds for keys made by the API, the UI and the command line. */
export interface GeneratedKeys {
	/** Stands in for what a new key does not say. */
	readonly defaults: z.output<typeof keyDefaultsSchema>;
	/** The most a key may be given, and what it gets where it says nothing. */
	readonly upperbounds: z.output<typeof upperboundSchema>;
}

export const keySettingsSchema = z.strictObject({
	unpriced_models: z
		.enum(["refuse", "allow"])
		.default("refuse")
		.describe("Whoever has a budget asks for a model without a known price."),
	hash_secret: text().optional().describe("Mixed into the hashes of keys. Changing it makes all stored keys invalid."),
});

/** A key of the file. */
export interface KeyConfig {
	/** `config:ALIAS`: what its spend is kept under. */
	readonly id: string;
	readonly secret: Secret;
	/** LiteLLM's field names, defaults filled in. */
	readonly fields: Omit<z.output<typeof keySchema>, "key">;
}

/** What holds for all keys. */
export interface KeySettings {
	/** `warmpath.key_settings.unpriced_models`: allow = a budget does not keep from models whose price is unknown. */
	readonly allowUnpriced: boolean;
	/** `warmpath.key_settings.hash_secret`. */
	readonly hashSecret: Secret | null;
	/** `general_settings.token_rate_limit_type`. */
	readonly tokenType: (typeof TOKEN_TYPES)[number];
	/** `litellm_settings.default_key_generate_params` and `upperbound_key_generate_params`. */
	readonly generated: GeneratedKeys;
}
