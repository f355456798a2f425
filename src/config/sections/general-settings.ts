// `general_settings`: LiteLLM's proxy settings. Leaves those that are other names for options of ours to the sections of these.
import * as z from "zod";
import { type Environment, isUnresolved } from "../environment.ts";
import { age, flag, number, text } from "../fields.ts";
import type { Report } from "../report.ts";
import { Secret } from "../secret.ts";
import { type Options, option, optional } from "../section.ts";
import { whyGuessable } from "../weak-key.ts";

const headerName = z
	.string()
	.regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: "expected a header's name" })
	.transform((name) => name.toLowerCase());

const databaseUrl = z.string().regex(/^(postgres(ql)?:\/\/|(sqlite|file):(\/\/)?(\/|:memory:|[a-zA-Z]:))/i, {
	error: "expected postgres://USER:PASSWORD@HOST/DATABASE, or sqlite: and an absolute path",
});

const options = {
	master_key: optional(text(), "Key that clients must send. Default: WARMPATH_MASTER_KEY or LITELLM_MASTER_KEY."),
	max_request_size_mb: optional(
		number({ min: 0.001, max: 1024 }),
		"Largest request body, MB, where warmpath.limits.max_body_bytes is not set.",
	),
	forward_llm_provider_auth_headers: option(
		flag(),
		false,
		"A client's own provider key goes upstream in the place of the deployment's.",
	),
	forward_client_headers_to_llm_api: option(
		flag(),
		false,
		"The OAuth token of a client's Claude subscription goes upstream in the place of the deployment's key.",
	),
	litellm_key_header_name: optional(
		headerName,
		"A further header that may hold the gateway's key; it is looked at first and never sent on.",
	),
	database_url: optional(
		databaseUrl,
		"Database of the request log and the keys. Default: one SQLite file in the user's data folder.",
	),
	store_prompts_in_spend_logs: option(
		flag(),
		false,
		"true: the request log keeps what was asked and answered, cut to 256 KB and without credentials.",
	),
	disable_spend_logs: optional(flag(), "true: no request log, where warmpath.request_log.enabled is not set."),
	token_rate_limit_type: option(
		z.enum(["total", "input", "output"]),
		"total",
		"Which of a request's tokens count against tpm limits.",
	),
	maximum_spend_logs_retention_period: optional(
		age(),
		"Older requests are deleted, where warmpath.request_log.max_age is not set.",
	),
};

export const generalSettingsSchema = z.strictObject(options);

export type GeneralSettings = Options<typeof options>;

/** What no section of ours has another name for. */
export type GeneralConfig = Readonly<Omit<ReturnType<typeof readGeneral>, "masterKeyOrigin">>;

export function readGeneral(general: GeneralSettings, report: Report, environment: Environment) {
	const master = readMasterKey(general.master_key, report, environment);
	return {
		/** null = no key configured: only loopback may be listened on and no credential is asked for. */
		masterKey: master.key,
		/** For messages. */
		masterKeyOrigin: master.origin,
		/** Which of a client's own credentials go upstream in the place of a deployment's: any, or a subscription's OAuth token. */
		passThrough: {
			providerAuth: general.forward_llm_provider_auth_headers,
			clientHeaders: general.forward_client_headers_to_llm_api,
		},
		/** A further header that may hold the gateway's key, lower case; null = none. */
		keyHeader: general.litellm_key_header_name ?? null,
		/** null = one SQLite file in the user's data folder. */
		databaseUrl: general.database_url === undefined ? null : new Secret(general.database_url),
	};
}

const STRONG_KEY = "Use random characters: echo sk-$(openssl rand -hex 24)";
const MASTER_KEY_VARIABLES = ["WARMPATH_MASTER_KEY", "LITELLM_MASTER_KEY"];
const HEADER_SAFE = /^[\x21-\x7e]+$/;

interface MasterKey {
	readonly key: Secret | null;
	readonly origin: string;
}

function readMasterKey(written: string | undefined, report: Report, environment: Environment): MasterKey {
	const path = ["general_settings", "master_key"];
	if (isUnresolved(written)) return { key: null, origin: "" };
	const variable = written === undefined ? environment.findFirst(MASTER_KEY_VARIABLES) : null;
	const value = (written ?? variable?.value)?.trim();
	if (value === undefined) return { key: null, origin: "none" };
	const origin = variable?.origin ?? report.originText(path);
	const subject = variable === null ? "the key" : `the key of ${variable.origin}`;
	if (!HEADER_SAFE.test(value)) {
		report.fault({
			path,
			message: `${subject} is empty, or holds a space or a character that cannot be sent in a header`,
		});
	} else {
		if (!value.startsWith("sk-"))
			report.warn({ path, message: `${subject} does not begin with sk-, as LiteLLM demands: accepted here` });
		const why = whyGuessable(value);
		if (why !== null) report.warn({ path, message: `${subject} can be guessed: it ${why}`, hint: STRONG_KEY });
	}
	return { key: new Secret(value), origin };
}
