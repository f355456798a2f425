// A deployment's credentials: its own options, its credential_list entry, the environment. Leaves signing requests to providers/.
import { type Environment, isUnresolved } from "../environment.ts";
import type { ProviderTarget } from "../provider-kind.ts";
import { isSecretOption, type Report } from "../report.ts";
import { Secret } from "../secret.ts";
import type { Path } from "../source.ts";
import { didYouMean } from "../suggest.ts";
import { validate } from "../validate.ts";
import {
	CREDENTIAL_OPTIONS,
	type CredentialOptions,
	credentialSchema,
	type DeploymentCredentials,
	PROVIDER_NEEDS,
} from "./credential-options.ts";

/** Sent as a header value: anything outside visible ASCII would make the request impossible. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** One credential option: its value and where it stands. */
interface Setting {
	readonly value: string;
	readonly path: Path | null;
	readonly origin: string;
}

type Settings = ReadonlyMap<string, Setting>;

/** One entry of credential_list, read. */
interface SharedCredential {
	readonly path: Path;
	readonly values: Readonly<Record<string, unknown>>;
}

/** The entries of `credential_list`, by name. */
export function readCredentialList(report: Report): ReadonlyMap<string, SharedCredential> {
	const shared = new Map<string, SharedCredential>();
	const list = report.value(["credential_list"]);
	if (list === undefined) return shared;
	if (!Array.isArray(list)) {
		report.fault({ path: ["credential_list"], message: "expected a list of credentials" });
		return shared;
	}
	for (const index of list.keys()) {
		const path = ["credential_list", index];
		const entry = validate(credentialSchema, path, report);
		if (entry === undefined) continue;
		if (shared.has(entry.credential_name)) {
			const message = `the name '${entry.credential_name}' is given twice`;
			report.fault({ path: [...path, "credential_name"], message });
			continue;
		}
		shared.set(entry.credential_name, { path: [...path, "credential_values"], values: entry.credential_values });
	}
	return shared;
}

/** What is needed to read one deployment's credentials. */
export interface CredentialContext {
	readonly report: Report;
	readonly environment: Environment;
	readonly shared: ReadonlyMap<string, SharedCredential>;
}

/** The `credential_list` entry a deployment names. An unknown name is a fault. */
function sharedCredential(
	{ params, path }: CredentialSubject,
	context: CredentialContext,
): SharedCredential | undefined {
	const name = params.litellm_credential_name;
	if (name === undefined) return undefined;
	const found = context.shared.get(name);
	if (found === undefined) {
		const names = [...context.shared.keys()];
		context.report.fault({
			path: [...path, "litellm_credential_name"],
			message: `credential_list has no entry '${name}'`,
			hint: didYouMean(name, names) || (names.length > 0 ? `It has: ${names.join(", ")}.` : "Add a credential_list."),
		});
	}
	return found;
}

/** What is at hand about one deployment when its credentials are read. */
export interface CredentialSubject {
	readonly params: CredentialOptions & { readonly litellm_credential_name?: string | undefined };
	readonly path: Path;
	readonly target: ProviderTarget;
}

/** Gathers and checks the credentials. A missing or unusable one is a fault; the result is complete only if there was none. */
export function credentialsOf(subject: CredentialSubject, context: CredentialContext): DeploymentCredentials {
	const settings = gather(subject, context);
	check(subject, settings, context.report);
	const extra: Record<string, string | Secret> = {};
	const origins: Record<string, string> = {};
	for (const [name, { value, origin }] of settings) {
		origins[name] = origin;
		if (name !== "api_key" && name !== "api_base") extra[name] = isSecretOption(name) ? new Secret(value) : value;
	}
	const apiKey = settings.get("api_key");
	return {
		apiKey: apiKey === undefined ? null : new Secret(apiKey.value),
		apiBase: apiBaseOf(subject.target, settings.get("api_base")?.value),
		extra,
		origins,
	};
}

/** Own options first, then the credential_list entry's, then what the model's name implies, then the environment. */
function gather(subject: CredentialSubject, context: CredentialContext): Map<string, Setting> {
	const { params, path, target } = subject;
	const settings = new Map<string, Setting>();
	const take = (values: Readonly<Record<string, unknown>>, at: Path): void => {
		for (const name of CREDENTIAL_OPTIONS) {
			const value = values[name];
			if (value === undefined || settings.has(name)) continue;
			const text = typeof value === "object" ? JSON.stringify(value) : String(value).trim();
			settings.set(name, { value: text, path: [...at, name], origin: context.report.originText([...at, name]) });
		}
	};
	take(params, path);
	const shared = sharedCredential(subject, context);
	if (shared !== undefined) take(shared.values, shared.path);
	for (const [name, value] of Object.entries(target.implied)) {
		if (!settings.has(name)) settings.set(name, { value, path: [...path, "model"], origin: "the model's name" });
	}
	const { fromEnv, otherCredentials } = PROVIDER_NEEDS[target.provider];
	const hasCredential = otherCredentials.some((name) => settings.has(name));
	// The variable is about the runtime, and less than an address of the deployment's own.
	const hasAddress = settings.has("api_base") || settings.get("bedrock_api")?.value === "mantle";
	for (const [name, variables] of Object.entries(fromEnv)) {
		if (settings.has(name) || (name === "api_key" && hasCredential)) continue;
		if (name === "aws_bedrock_runtime_endpoint" && hasAddress) continue;
		const variable = context.environment.findFirst(variables);
		if (variable !== null) settings.set(name, { value: variable.value.trim(), path: null, origin: variable.origin });
	}
	return settings;
}

function check(subject: CredentialSubject, settings: Settings, report: Report): void {
	const { path, target } = subject;
	const needs = PROVIDER_NEEDS[target.provider];
	for (const [name, setting] of settings) {
		if (setting.path === null || !CREDENTIAL_OPTIONS.includes(name) || needs.options.includes(name)) continue;
		const message = `has no effect on a deployment of provider ${target.provider}`;
		report.warn({ path: setting.path, at: "key", message });
	}
	for (const options of needs.required) {
		// One that is given but faulty has been reported.
		if (options.some((name) => settings.has(name) || report.value([...path, name]) !== undefined)) continue;
		const variables = options.flatMap((name) => needs.fromEnv[name] ?? []);
		const byEnv = variables.length === 0 ? "" : `, or set ${variables.join(" or ")} in the environment`;
		report.fault({
			path,
			message: `a deployment of provider ${target.provider} needs ${options.join(" or ")}`,
			hint: `Add ${options[0]} to litellm_params${byEnv}.`,
		});
	}
	const key = settings.get("api_key");
	if (key !== undefined && !isUnresolved(key.value) && !HEADER_SAFE.test(key.value)) {
		report.fault({
			path: key.path ?? path,
			message: "the key holds a space, a line break or a character that cannot be sent in a header",
			hint: key.path === null ? `It comes from ${key.origin}.` : "",
		});
	}
	checkAddresses(subject, settings, report);
	checkAws(subject, settings, report);
	checkGoogle(settings, report);
	checkEntra(subject, settings, report);
}

/** Those in the file are judged with their kind; those of the environment here. */
function checkAddresses({ path }: CredentialSubject, settings: Settings, report: Report): void {
	for (const name of ["api_base", "aws_bedrock_runtime_endpoint", "azure_authority_host"]) {
		const setting = settings.get(name);
		if (setting === undefined || setting.path !== null || /^https?:\/\/[^/\s]/.test(setting.value)) continue;
		report.fault({ path, message: `${name} is no http or https address`, hint: `It comes from ${setting.origin}.` });
	}
}

/** An option that the file gives and that needs no variable which is missing. */
function written(setting: Setting | undefined): { readonly value: string; readonly path: Path } | null {
	if (setting === undefined || setting.path === null || isUnresolved(setting.value)) return null;
	return { value: setting.value, path: setting.path };
}

/** Become part of host names. */
const AWS_REGION = /^[a-z]{2,5}(-[a-z0-9]+){1,4}$/;
const GOOGLE_LOCATION = /^[a-z0-9-]{2,40}$/;

function checkAws({ target }: CredentialSubject, settings: Settings, report: Report): void {
	const isAws = target.provider === "bedrock" || target.provider === "anthropic_aws";
	const region = isAws ? written(settings.get("aws_region_name") ?? settings.get("region_name")) : null;
	if (region !== null && !AWS_REGION.test(region.value)) {
		const message = `'${region.value}' is no AWS region`;
		report.fault({ path: region.path, message, hint: "Write one such as us-west-2." });
	}
	const pair = [settings.get("aws_access_key_id"), settings.get("aws_secret_access_key")];
	const given = pair.find((setting) => setting !== undefined);
	if (given?.path != null && pair.includes(undefined)) {
		const message = "aws_access_key_id and aws_secret_access_key belong together";
		report.fault({ path: given.path, message, hint: "Give both, or a profile or role instead." });
	}
	for (const name of ["aws_external_id", "aws_session_name", "aws_web_identity_token"]) {
		const path = settings.get(name)?.path ?? null;
		if (path === null || settings.has("aws_role_name")) continue;
		const message = "means something only together with aws_role_name";
		report.fault({ path, at: "key", message, hint: "Name the role to assume, or remove it." });
	}
}

function checkGoogle(settings: Settings, report: Report): void {
	const location = written(settings.get("vertex_location"));
	if (location !== null && !GOOGLE_LOCATION.test(location.value)) {
		const message = `'${location.value}' is no location of Google Cloud`;
		report.fault({ path: location.path, message, hint: "Write a region such as us-east5, or global, us, eu." });
	}
	const credentials = written(settings.get("vertex_credentials"));
	if (credentials === null || !credentials.value.startsWith("{") || isJson(credentials.value)) return;
	const hint = "Give a credentials file's path, or its whole text in single quotes.";
	report.fault({ path: credentials.path, message: "begins as JSON and is none", hint });
}

/** The parser's own message would quote the secret. */
function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

function checkEntra({ target }: CredentialSubject, settings: Settings, report: Report): void {
	const path = settings.get("client_secret")?.path ?? null;
	const missing = ["tenant_id", "client_id"].filter((name) => !settings.has(name));
	if (target.provider !== "foundry" || path === null || missing.length === 0) return;
	const hint = "They are the directory (tenant) id and the application (client) id of the app registration.";
	report.fault({ path, message: `client_secret needs ${missing.join(" and ")}`, hint });
}

/** LiteLLM accepts the address with or without the path of the Messages API; we keep it without, so that one place has one name. */
function apiBaseOf(target: ProviderTarget, value: string | undefined): string | null {
	if (value === undefined) return null;
	const trimmed = value.replace(/\/+$/, "");
	if (target.provider === "anthropic") return trimmed.replace(/\/v1(\/messages)?$/, "");
	return target.provider === "foundry" ? trimmed.replace(/\/anthropic(\/v1(\/messages)?)?$/, "") : trimmed;
}
