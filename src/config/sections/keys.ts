// `warmpath.keys` and `warmpath.key_settings`: virtual keys that stand in the file, for gateways without a database and for what must
// always be there, and what holds for all keys. Leaves what a key's fields mean to access/fields.
import * as z from "zod";
import { flag, integer, number, span, text, texts } from "../fields.ts";
import type { Report } from "../report.ts";
import { Secret } from "../secret.ts";
import { option, optional, orNull, section } from "../section.ts";
import type { GeneralSettings } from "./general-settings.ts";
import type { LitellmSections } from "./litellm-sections.ts";
import type { LitellmSettings } from "./litellm-settings.ts";

const limit = () => integer({ min: 0 }).nullable();
const dollars = () => number({ min: 0 }).nullable();
const byModel = () => z.record(z.string(), integer({ min: 0 }));
const date = () => z.iso.datetime({ offset: true, error: "expected a date such as 2027-01-31T00:00:00Z" });

/** One entry; the names are those of LiteLLM's `/key/generate`. */
export const keySchema = z.strictObject({
	key_alias: text().describe("Name of the key; unique."),
	key: text().describe("The secret; an os.environ/ reference."),
	models: option(texts(), [], "Models it may ask for; * matches anything. Default: all."),
	expires: optional(date().nullable(), "Last moment it is valid. Default: never."),
	max_budget: optional(dollars(), "Dollars it may spend in each budget_duration. Default: any."),
	soft_budget: optional(dollars(), "Dollars after which a warning is logged. Default: none."),
	budget_duration: optional(span().nullable(), "When the budget starts anew. Default: never."),
	tpm_limit: optional(limit(), "Tokens a minute. Default: any."),
	rpm_limit: optional(limit(), "Requests a minute. Default: any."),
	max_parallel_requests: optional(limit(), "Requests at the same time. Default: any."),
	model_tpm_limit: option(byModel(), {}, "Tokens a minute, by model."),
	model_rpm_limit: option(byModel(), {}, "Requests a minute, by model."),
	team_id: optional(text().nullable(), "Team whose limits hold too."),
	user_id: optional(text().nullable(), "User it belongs to."),
	tags: option(texts(), [], "Tags of its requests."),
	allowed_domains: option(texts(), [], "Cache domains it is confined to. Default: any."),
	key_type: option(
		z.enum(["default", "llm_api", "management", "read_only"]),
		"default",
		"llm_api: models only; management: control plane only; read_only: the same, reading only.",
	),
	blocked: option(flag(), false, "true: refused."),
});

/** A key of the file. */
export interface KeyConfig {
	/** `config:ALIAS`: what its spend is kept under. */
	readonly id: string;
	readonly secret: Secret;
	/** LiteLLM's field names, defaults filled in. */
	readonly fields: Omit<z.output<typeof keySchema>, "key">;
}

/** Shorter ones can be guessed. */
const SHORTEST = 16;

/** Reports aliases and secrets that occur twice, and a secret that is the master key's: whoever has it would be the master. */
export function readKeys(
	entries: readonly z.output<typeof keySchema>[],
	report: Report,
	masterKey: Secret | null,
): readonly KeyConfig[] {
	const aliases = new Set<string>();
	const secrets = new Set<string>();
	return entries.map(({ key, ...fields }, at) => {
		const path = ["warmpath", "keys", at];
		if (aliases.has(fields.key_alias)) {
			report.fault({ path: [...path, "key_alias"], message: `another key is called '${fields.key_alias}' already` });
		}
		if (secrets.has(key)) report.fault({ path: [...path, "key"], message: "another key has this secret already" });
		if (masterKey !== null && key === masterKey.reveal())
			report.fault({ path: [...path, "key"], message: "this is the master key: whoever has it may do everything" });
		if (key.length < SHORTEST) {
			report.warn({
				path: [...path, "key"],
				message: "the key is short enough to be guessed: use 20 random characters",
			});
		}
		aliases.add(fields.key_alias);
		secrets.add(key);
		return { id: `config:${fields.key_alias}`, secret: new Secret(key), fields };
	});
}

export const keySettingsSchema = section({
	unpriced_models: option(
		z.enum(["refuse", "allow"]),
		"refuse",
		"Whoever has a budget asks for a model without a known price.",
	),
	hash_secret: orNull(text(), "Mixed into the hashes of keys. Changing it makes all stored keys invalid."),
});

/** What holds for keys made by the API, the UI and the command line. */
export interface GeneratedKeys {
	/** Stands in for what a new key does not say. */
	readonly defaults: LitellmSettings["default_key_generate_params"];
	/** The most a key may be given, and what it gets where it says nothing. */
	readonly upperbounds: LitellmSettings["upperbound_key_generate_params"];
}

/** What holds for all keys. */
export interface KeySettings {
	/** A budget does not keep from models whose price is unknown. */
	readonly allowUnpriced: boolean;
	readonly hashSecret: Secret | null;
	/** Which of a request's tokens count against a limit of tokens a minute. */
	readonly tokenType: GeneralSettings["token_rate_limit_type"];
	readonly generated: GeneratedKeys;
}

export function readKeySettings(
	own: z.output<typeof keySettingsSchema>,
	{ general, litellm }: LitellmSections,
): KeySettings {
	return {
		allowUnpriced: own.unpricedModels === "allow",
		hashSecret: own.hashSecret === null ? null : new Secret(own.hashSecret),
		tokenType: general.token_rate_limit_type,
		generated: {
			defaults: litellm.default_key_generate_params,
			upperbounds: litellm.upperbound_key_generate_params,
		},
	};
}
