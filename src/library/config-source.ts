// A configuration as a program gives it: a file's path, YAML text, or an object of the same shape. Leaves what is in it to config/load.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type * as z from "zod";
import type { Env } from "../config/environment.ts";
import type { fileSchema } from "../config/file.ts";
import { type LoadResult, loadConfig, parseConfig } from "../config/load.ts";
import { formatDiagnostic } from "../config/report.ts";
import type { Config, Diagnostic } from "../config/schema.ts";
import { listenAt, listenFault } from "../config/sections/listen.ts";

/** Options of LiteLLM that Warmpath does not know are let through by the types; loading them warns or says what is wrong. */
type Lenient<T> = T extends readonly (infer Item)[]
	? readonly Lenient<Item>[]
	: T extends object
		? { readonly [Name in keyof T]: Lenient<T[Name]> } & { readonly [option: string]: unknown }
		: T;

/** What stands in a config.yaml: `model_list`, `router_settings`, … */
export type ConfigObject = Lenient<z.input<typeof fileSchema>>;

/**
 * A path or file URL of a config.yaml; YAML text, which has a line break or begins with `{`; or the same as an object. Paths of
 * included files are relative to the file, else to the working directory.
 */
export type ConfigSource = string | URL | ConfigObject;

/** The configuration has faults: all of them, with their places. */
export class ConfigError extends Error {
	readonly diagnostics: readonly Diagnostic[];

	constructor(diagnostics: readonly Diagnostic[]) {
		const faults = diagnostics.filter(({ severity }) => severity === "error");
		super(`the configuration has faults\n${faults.map(formatDiagnostic).join("\n")}`);
		this.name = "ConfigError";
		this.diagnostics = diagnostics;
	}
}

/** Throws ConfigError. */
export function readConfig(source: ConfigSource, env: Env): Config {
	const loaded = load(source, env);
	if (!loaded.ok) throw new ConfigError(loaded.diagnostics);
	return loaded.config;
}

/** With the address that a program chose in place of the configured one. Throws ConfigError where that may not be listened on. */
export function listeningOn(
	config: Config,
	listen: { readonly host: string | undefined; readonly port: number | undefined },
): Config {
	const chosen = listenAt(config.listen, listen);
	const fault = listenFault(chosen, config.masterKey);
	if (fault !== null) throw new ConfigError([fault]);
	return { ...config, listen: chosen };
}

function load(source: ConfigSource, env: Env): LoadResult {
	const readFile = (path: string) => readFileSync(path, "utf8");
	if (source instanceof URL) return loadConfig(fileURLToPath(source), { env });
	if (typeof source === "string") {
		const isText = source.includes("\n") || source.trimStart().startsWith("{");
		return isText ? parseConfig(source, { path: "<text>", env, readFile }) : loadConfig(source, { env });
	}
	// JSON is YAML; lines of it mean nothing to whoever gave an object.
	const loaded = parseConfig(JSON.stringify(source), { path: "<object>", env, readFile });
	return loaded.ok
		? { ok: true, config: { ...loaded.config, warnings: loaded.config.warnings.map(withoutLine) } }
		: { ok: false, diagnostics: loaded.diagnostics.map(withoutLine) };
}

function withoutLine(diagnostic: Diagnostic): Diagnostic {
	return diagnostic.file === "<object>" ? { ...diagnostic, line: 0, column: 0 } : diagnostic;
}
