// `warmpath check`: says what is wrong with a configuration and what it amounts to. Leaves judging it to config/, the options to main.
import { styleText } from "node:util";
import type { Env } from "../config/environment.ts";
import { loadConfig } from "../config/load.ts";
import { formatDiagnostic } from "../config/report.ts";
import { retirementOf } from "../config/retired-models.ts";
import type { Config, DeploymentConfig, Diagnostic } from "../config/schema.ts";
import { Secret } from "../config/secret.ts";
import { listenFault } from "../config/sections/listen.ts";
import { describeLocation } from "../db/location.ts";
import { locationOf } from "./database.ts";

/** Where the command writes, and how. */
export interface CheckIo {
	readonly write: (text: string) => void;
	readonly env: Env;
	readonly format: "text" | "json";
	/** ANSI colours in the text form. */
	readonly colour: boolean;
	/** ms since epoch; default: the machine's clock. */
	readonly now?: () => number;
}

/** The process's own output: coloured on a terminal, unless NO_COLOR is set. */
export function processIo(format: CheckIo["format"]): CheckIo {
	const { env, stdout } = process;
	const colour = stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "";
	return { write: (text) => stdout.write(text), env, format, colour };
}

/** Checks the file and prints what was found. Opens no connection. Resolves to the exit code: 1 when there is a fault, else 0. */
export async function checkCommand(path: string, io: CheckIo): Promise<number> {
	const result = loadConfig(path, { env: io.env });
	const config = result.ok ? result.config : null;
	const diagnostics =
		config === null ? (result.ok ? [] : result.diagnostics) : withFindings(config, (io.now ?? Date.now)());
	io.write(
		io.format === "json"
			? jsonReport({ config, diagnostics, env: io.env })
			: textReport(path, { config, diagnostics, env: io.env }, painter(io.colour)),
	);
	return diagnostics.some(({ severity }) => severity === "error") ? 1 : 0;
}

/** What loading alone does not find: it knows neither the time nor the command line. */
function withFindings(config: Config, now: number): readonly Diagnostic[] {
	const retired = config.deployments.flatMap((deployment): Diagnostic[] => {
		const retirement = retirementOf(deployment, now);
		if (retirement === null) return [];
		return [
			{
				severity: "warning",
				...placeOf(deployment.source, config),
				path: `deployment ${deployment.id}`,
				...retirement,
			},
		];
	});
	return [...withListenFault(config), ...retired];
}

/** `config.yaml:17:32` in its parts. */
function placeOf(text: string, config: Config) {
	const [, file = config.path, line = "0", column = "0"] = /^(.*?):(\d+)(?::(\d+))?$/.exec(text) ?? [];
	return { file, line: Number(line), column: Number(column) };
}

function withListenFault(config: Config): readonly Diagnostic[] {
	const fault = listenFault(config.listen, config.masterKey);
	if (fault === null) return config.warnings;
	return [{ ...fault, ...placeOf(config.origins?.[fault.path] ?? "", config) }, ...config.warnings];
}

type Style = "bold" | "dim" | "red" | "yellow" | "green";
type Paint = (style: Style, text: string) => string;

function painter(colour: CheckIo["colour"]): Paint {
	return colour ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text;
}

interface Findings {
	readonly config: Config | null;
	readonly diagnostics: readonly Diagnostic[];
	readonly env: Env;
}

function textReport(path: string, { config, diagnostics, env }: Findings, paint: Paint): string {
	const parts: string[] = [];
	for (const diagnostic of diagnostics) {
		const [head = "", ...hint] = formatDiagnostic(diagnostic).split("\n");
		const label = diagnostic.severity === "error" ? paint("red", "error  ") : paint("yellow", "warning");
		parts.push([`${label} ${head}`, ...hint.map((line) => paint("dim", line))].join("\n"));
	}
	if (config !== null) parts.push(deploymentTable(config, paint), settingsText(config, paint, env));
	parts.push(verdict(path, diagnostics, paint));
	return `${parts.join("\n\n")}\n`;
}

function verdict(path: string, diagnostics: readonly Diagnostic[], paint: Paint): string {
	const errors = diagnostics.filter(({ severity }) => severity === "error").length;
	const warnings = count(diagnostics.length - errors, "warning");
	return errors === 0
		? paint("green", `${path} is valid, ${warnings}.`)
		: paint("red", `${path}: ${count(errors, "fault")}, ${warnings}.`);
}

function count(number: number, noun: string): string {
	return `${number === 0 ? "no" : number} ${noun}${number === 1 ? "" : "s"}`;
}

const COLUMNS = ["GROUP", "ID", "PROVIDER", "UPSTREAM MODEL", "API BASE", "CACHE DOMAIN", "LIMITS", "CREDENTIAL"];

function deploymentTable(config: Config, paint: Paint): string {
	const rows: string[][] = [];
	for (const group of config.groups.values()) {
		for (const [index, deployment] of group.deployments.entries()) {
			const [first = "none", ...others] = credentialCells(deployment);
			rows.push([
				index === 0 ? group.name : "",
				deployment.id,
				deployment.provider,
				deployment.upstreamModel,
				addressOf(deployment) ?? "public",
				deployment.cacheDomain ?? "learned",
				limitsText(deployment),
				first,
			]);
			for (const other of others) rows.push([...COLUMNS.slice(1).map(() => ""), other]);
		}
	}
	const widths = COLUMNS.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
	const line = (row: readonly string[]): string =>
		row
			.map((cell, column) => cell.padEnd(widths[column] ?? 0))
			.join("  ")
			.trimEnd();
	return [paint("bold", line(COLUMNS)), ...rows.map(line)].join("\n");
}

/** Limits by their name in the file; null = none. */
function limitsOf({ rpm, tpm, itpm, otpm, maxParallelRequests, maxInputTokens }: DeploymentConfig) {
	return {
		rpm,
		tpm,
		itpm,
		otpm,
		max_parallel_requests: maxParallelRequests,
		max_input_tokens: maxInputTokens,
	};
}

function limitsText(deployment: DeploymentConfig): string {
	const given = Object.entries(limitsOf(deployment)).filter(([, limit]) => limit !== null);
	return given.length === 0 ? "none" : given.map(([name, limit]) => `${name} ${limit}`).join(", ");
}

/** Options that say where a deployment is: shown in a column of their own. */
const ADDRESSES = ["aws_bedrock_runtime_endpoint", "api_base"];

function addressOf({ credentials }: DeploymentConfig): string | null {
	const runtime = credentials.extra["aws_bedrock_runtime_endpoint"];
	return typeof runtime === "string" ? runtime : credentials.apiBase;
}

function credentialCells(deployment: DeploymentConfig): string[] {
	const shown = Object.entries(credentialsOf(deployment)).filter(([name]) => !ADDRESSES.includes(name));
	const cells = shown.map(([name, { value, origin }]) => `${name} ${value} (${origin})`);
	const machine = machineCredential(deployment);
	return machine === null ? cells : [...cells, machine];
}

/** Where a credential comes from that the configuration does not name; null where it does. */
function machineCredential({ provider, credentials }: DeploymentConfig): string | null {
	const { apiKey, extra } = credentials;
	switch (provider) {
		case "bedrock":
		case "anthropic_aws": {
			const named = ["aws_access_key_id", "aws_profile_name", "aws_web_identity_token"].some((name) => name in extra);
			return named || apiKey !== null ? null : "the machine's: environment, ~/.aws, container or instance role";
		}
		case "vertex":
		case "anthropic_google_cloud":
			return "vertex_credentials" in extra ? null : "the machine's: application default credentials";
		default:
			return null;
	}
}

interface ShownCredential {
	readonly value: string;
	readonly origin: string;
}

/** Credential options by their name in the file, secrets masked. */
function credentialsOf({ credentials }: DeploymentConfig): Record<string, ShownCredential> {
	const all = { api_key: credentials.apiKey, api_base: credentials.apiBase, ...credentials.extra };
	const shown: Record<string, ShownCredential> = {};
	for (const [name, value] of Object.entries(all)) {
		if (value === null) continue;
		const text = value instanceof Secret ? mask(value) : value;
		shown[name] = { value: text, origin: credentials.origins?.[name] ?? "unknown" };
	}
	return shown;
}

const SHORTEST_SHOWN = 12;

/** Enough of a secret to recognise it by, never more than its first 3 and last 2 characters. */
function mask(secret: Secret): string {
	const value = secret.reveal();
	return value.length < SHORTEST_SHOWN ? "***" : `${value.slice(0, 3)}…${value.slice(-2)}`;
}

function settingsText(config: Config, paint: Paint, env: Env): string {
	const { listen, masterKey, aliases, routing } = config;
	const origin = (path: string): string => config.origins?.[path] ?? "unknown";
	const aliasTexts = [...aliases.values()].map(
		({ alias, model, hidden }) => `${alias} → ${model}${hidden ? " (hidden)" : ""}`,
	);
	const key =
		masterKey === null ? "none: clients need no key" : `${mask(masterKey)} (${origin("general_settings.master_key")})`;
	const rows: [string, string][] = [
		["Aliases", aliasTexts.length === 0 ? "none" : aliasTexts.join(", ")],
		["Listen", `${listen.host}:${listen.port} (${listenOrigin(config)})`],
		["Master key", key],
		["Affinity", `${routing.affinity ? "on" : "off"} (${origin("warmpath.routing.affinity")})`],
		["Strategy", strategyText(config)],
		["Failures", failuresText(config)],
		...markingLines(config).map((line, index): [string, string] => [index === 0 ? "Marking" : "", line]),
		...fallbackLines(config).map((line, index): [string, string] => [index === 0 ? "Fallbacks" : "", line]),
		["Database", databaseText(config, env)],
		["Requests", logText(config)],
		...keyLines(config).map((text): [string, string] => ["Keys", text]),
		...replicaLines(config).map((text): [string, string] => ["Replicas", text]),
	];
	return rows.map(([name, value]) => `${paint("bold", name.padEnd(10))}  ${value}`).join("\n");
}

function listenOrigin(config: Config): string {
	const origins = ["host", "port"].map((name) => config.origins?.[`warmpath.listen.${name}`] ?? "unknown");
	return [...new Set(origins)].join(", ");
}

function strategyOrigin(config: Config): string {
	return config.origins?.["router_settings.routing_strategy"] ?? "default";
}

function strategyText(config: Config): string {
	const name = config.routing.strategy ?? "least recent load";
	const scope = config.routing.affinity ? ", where the prompt cache leaves it open" : "";
	return `${name}${scope} (${strategyOrigin(config)})`;
}

function failuresText({ failures }: Config): string {
	const { numRetries, allowedFails, cooldownMs, disableCooldowns } = failures;
	const retries =
		numRetries === null ? "every deployment once" : numRetries === 1 ? "1 retry" : `${numRetries} retries`;
	const after = allowedFails === null ? "the first failure" : `more than ${count(allowedFails, "failure")} a minute`;
	return `${retries}, ${disableCooldowns ? "no cool-downs" : `cool-down ${cooldownMs / 1000}s after ${after}`}`;
}

/** One line for each group whose prompts the gateway marks for caching. */
function markingLines({ groups }: Config): string[] {
	return [...groups.values()].flatMap(({ name, deployments }) => {
		const marking = deployments.find((deployment) => (deployment.marking ?? null) !== null)?.marking;
		if (marking === undefined || marking === null) return [];
		const points = marking.points.map(({ location, role, index, ttl }) => {
			const spot = location === "tools" ? "the last tool" : index === null ? `role ${role}` : `message ${index}`;
			return ttl === null ? spot : `${spot} for ${ttl}`;
		});
		return [`${name}: ${points.length === 0 ? "automatic, where the client marks nothing" : points.join(", ")}`];
	});
}

/** One line for each group that others stand in for. */
function fallbackLines({ fallbacks }: Config): string[] {
	const kinds = [
		["", fallbacks.general],
		["context window: ", fallbacks.contextWindow],
		["content policy: ", fallbacks.contentPolicy],
	] as const;
	const targets = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));
	const lines = kinds.flatMap(([kind, entries]) =>
		[...entries].map(([group, names]) => `${kind}${group} → ${targets(names)}`),
	);
	if (fallbacks.default.length > 0) lines.push(`any other → ${targets(fallbacks.default)}`);
	return lines.length === 0 ? ["none"] : lines;
}

/** Without user and password. */
function databaseText(config: Config, env: Env): string {
	const where = describeLocation(locationOf(config, env));
	return `${where} (${config.databaseUrl === null ? "default" : "general_settings.database_url"})`;
}

function logText({ requestLog }: Config): string {
	if (!requestLog.enabled) return "not kept";
	const { maxAgeMs, maxBytes, storeBodies } = requestLog;
	const age = maxAgeMs === null ? "of any age" : `for ${count(Math.round(maxAgeMs / DAY_MS), "day")}`;
	const size = maxBytes === null ? "of any size" : `up to ${Math.round(maxBytes / BYTES_PER_MEGABYTE)} MB`;
	return `kept ${age}, ${size}, ${storeBodies ? "with" : "without"} their text`;
}

const DAY_MS = 86_400_000;
const BYTES_PER_MEGABYTE = 1024 * 1024;

/** What the file itself says of keys; nothing where there are none. */
function keyLines({ keys }: Config): string[] {
	return keys.length === 0
		? []
		: [`${keys.length} in this file: ${keys.map(({ fields }) => fields.key_alias).join(", ")}`];
}

function replicaLines({ state }: Config): string[] {
	const redis = state?.redis ?? null;
	if (redis === null) return [];
	return [`meet at ${redisAddress(redis.url)}, prefix ${redis.prefix}`];
}

/** Without user and password. */
function redisAddress(url: Secret): string {
	const { protocol, host, pathname } = new URL(url.reveal());
	return `${protocol}//${host}${pathname}`;
}

function jsonReport({ config, diagnostics, env }: Findings): string {
	const ok = !diagnostics.some(({ severity }) => severity === "error");
	return `${JSON.stringify({ ok, diagnostics, ...(config === null ? {} : summary(config, env)) }, null, 2)}\n`;
}

function summary(config: Config, env: Env) {
	return {
		path: config.path,
		deployments: config.deployments.map((deployment) => ({
			group: deployment.group,
			id: deployment.id,
			provider: deployment.provider,
			upstream_model: deployment.upstreamModel,
			api_base: addressOf(deployment),
			cache_domain: deployment.cacheDomain,
			weight: deployment.weight,
			order: deployment.order,
			limits: limitsOf(deployment),
			tags: deployment.tags,
			credentials: credentialsOf(deployment),
			source: deployment.source,
		})),
		aliases: [...config.aliases.values()],
		listen: { ...config.listen, origin: listenOrigin(config) },
		master_key: {
			set: config.masterKey !== null,
			origin: config.origins?.["general_settings.master_key"] ?? "unknown",
		},
		affinity: { on: config.routing.affinity, reason: config.origins?.["warmpath.routing.affinity"] ?? "unknown" },
		strategy: { name: config.routing.strategy, origin: strategyOrigin(config) },
		failures: {
			num_retries: config.failures.numRetries,
			allowed_fails: config.failures.allowedFails,
			cooldown_ms: config.failures.cooldownMs,
			disable_cooldowns: config.failures.disableCooldowns,
		},
		fallbacks: {
			fallbacks: Object.fromEntries(config.fallbacks.general),
			context_window_fallbacks: Object.fromEntries(config.fallbacks.contextWindow),
			content_policy_fallbacks: Object.fromEntries(config.fallbacks.contentPolicy),
			default_fallbacks: config.fallbacks.default,
			max_fallbacks: config.fallbacks.maxFallbacks,
		},
		database: describeLocation(locationOf(config, env)),
		request_log: {
			enabled: config.requestLog.enabled,
			max_age_ms: config.requestLog.maxAgeMs,
			max_bytes: config.requestLog.maxBytes,
			with_text: config.requestLog.storeBodies,
		},
		keys: config.keys.map(({ fields }) => fields.key_alias),
		redis:
			config.state?.redis === undefined || config.state.redis === null ? null : redisAddress(config.state.redis.url),
	};
}
