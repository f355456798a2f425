// The configuration file → Config, or every fault of it at once. Only reads files. Leaves the command line's overrides to main.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { type Env, Environment, resolveReferences } from "./environment.ts";
import { fileSchema } from "./file.ts";
import { freezeDeep } from "./freeze.ts";
import { type MergedSource, type ReadFile, readMerged, readText } from "./include.ts";
import { type Diagnostic, Report } from "./report.ts";
import { resolveSections } from "./resolve.ts";
import type { Config } from "./schema.ts";
import { SourceMap } from "./source.ts";
import { SUPPORT } from "./support.ts";
import { dropUnsupported, validate } from "./validate.ts";

/** A configuration, or everything that is wrong with it: faults and warnings, in file order. */
export type LoadResult =
	| { readonly ok: true; readonly config: Config }
	| { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export interface LoadOptions {
	/** Variables for `os.environ/NAME` and the providers' defaults. */
	readonly env: Env;
}

export interface ParseOptions extends LoadOptions {
	/** Name of the text in messages, and `Config.path`; includes are relative to it. */
	readonly path: string;
	/** Gives the text of an included file, or throws. Without it nothing can be included. */
	readonly readFile?: ReadFile;
}

/** Reads a file and what it includes. Never throws and changes nothing, neither files nor `process.env`. */
export function loadConfig(path: string, options: LoadOptions): LoadResult {
	const readFile: ReadFile = (name) => readFileSync(name, "utf8");
	const content = readText(readFile, path);
	if ("reason" in content) {
		const hint = "Give the path of a LiteLLM-style config.yaml; see config.example.yaml.";
		const place = { file: path, line: 0, column: 0, path: "" };
		return {
			ok: false,
			diagnostics: [{ severity: "error", ...place, message: `cannot be read: ${content.reason}`, hint }],
		};
	}
	return build({ text: content.text, file: path, path: resolve(path), readFile, env: options.env });
}

/** The same for a text in memory. */
export function parseConfig(text: string, options: ParseOptions): LoadResult {
	const readFile = options.readFile ?? refuseToRead;
	return build({ text, file: options.path, path: options.path, readFile, env: options.env });
}

function refuseToRead(): never {
	throw new Error("this configuration is not a file");
}

interface Input {
	readonly text: string;
	/** As it is called in messages. */
	readonly file: string;
	/** As `Config.path` says. */
	readonly path: string;
	readonly readFile: ReadFile;
	readonly env: Env;
}

function build(input: Input): LoadResult {
	const sources = new SourceMap();
	const report = new Report(input.file, sources);
	const merged = readMerged(input, sources);
	report.root = merged.value;
	for (const fault of merged.faults) report.sourceFault(fault);
	const config = merged.complete ? resolveAll(input, merged, report) : null;
	const errors = report.list("error");
	if (config === null || errors.length > 0) return { ok: false, diagnostics: report.list("all") };
	return { ok: true, config: freezeDeep({ ...config, warnings: report.list("warning") }) };
}

/** Knows the sections' names, and nothing of what is in them. */
const sectionNames = z.strictObject(
	Object.fromEntries(Object.keys(fileSchema.shape).map((name) => [name, z.unknown().optional()])),
);

/** Names that programs leave to the operator, as in Compose files. */
const OPERATORS_OWN = /^(x-|[._])/;

/** Takes out what stands at the top for the sake of YAML's anchors only: templates that deployments are made from. */
function dropOperatorsOwn({ value, templates }: MergedSource): void {
	for (const name of Object.keys(value)) {
		const isKnown = Object.hasOwn(fileSchema.shape, name) || SUPPORT.get("root")?.has(name) === true;
		if (!isKnown && (OPERATORS_OWN.test(name) || templates.has(name))) delete value[name];
	}
}

function resolveAll(input: Input, merged: MergedSource, report: Report): Config {
	dropOperatorsOwn(merged);
	dropUnsupported(report);
	const environment = new Environment(input.env);
	validate(fileSchema.shape.environment_variables, ["environment_variables"], report);
	environment.addSection(merged.value["environment_variables"], report);
	// Sections that do not exist go first, so that variables in them are not looked for.
	const known = validate(sectionNames, [], report) ?? {};
	for (const name of Object.keys(merged.value)) if (!Object.hasOwn(known, name)) delete merged.value[name];
	report.root = resolveReferences(report, environment);
	return { ...resolveSections(report, environment), path: input.path, warnings: [] };
}
