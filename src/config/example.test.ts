// config.example.yaml and docs/configuration.md keep up with the schema: every option is there, with the default it really has, and
// docs/configuration.md names no other.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type * as z from "zod";
import { DEFAULTS, PLAIN_DEPLOYMENT } from "./__fixtures__/defaults.ts";
import { fileSchema } from "./file.ts";
import { loadConfig, parseConfig } from "./load.ts";
import { formatDiagnostic } from "./report.ts";
import { shapeAt } from "./validate.ts";

const path = fileURLToPath(new URL("../../config.example.yaml", import.meta.url));
const example = readFileSync(path, "utf8");
const reference = readFileSync(fileURLToPath(new URL("../../docs/configuration.md", import.meta.url)), "utf8");
/** With the options that are off switched on. A `#` before a name, a dash or two spaces is one; prose has one space after it. */
const everything = example.replace(/^( *)#(?=[a-z-]| {2})/gim, "$1");
const env = {
	ANTHROPIC_API_KEY_1: "sk-ant-1111111111111111",
	ANTHROPIC_API_KEY_2: "sk-ant-2222222222222222",
	WARMPATH_MASTER_KEY: "sk-3fK9vQ2mXw7LcR8tZb5N6yHd89",
	WARMPATH_CI_KEY: "sk-ci-key-00000000000",
	REDIS_PASSWORD: "redis-secret-00000000",
	WARMPATH_HASH_SECRET: "hash-secret-0000000000",
	AWS_ACCESS_KEY_ID: "AKIA0000000000000000",
	AWS_SECRET_ACCESS_KEY: "aws-secret-0000000000",
	AWS_SESSION_TOKEN: "aws-token-00000000000",
	AWS_WEB_IDENTITY_TOKEN: "web-token-00000000000",
	AZURE_AD_TOKEN: "azure-token-000000000",
	AZURE_CLIENT_SECRET: "azure-secret-00000000",
};

type Steps = readonly (string | number)[];

/** An option of the schema. */
interface SchemaOption {
	readonly path: Steps;
	/** As a file would spell it; undefined where there is none or it is a map or list. */
	readonly fallback: string | undefined;
	readonly required: boolean;
}

interface Definition {
	readonly type: string;
	readonly defaultValue?: unknown;
	readonly innerType?: z.core.$ZodType;
}

function optionOf(path: Steps, schema: z.core.$ZodType): SchemaOption {
	const { type, defaultValue } = schema._zod.def as Definition;
	const isPlain = ["string", "number", "boolean"].includes(typeof defaultValue);
	const required = !["optional", "default", "prefault"].includes(type);
	return { path, fallback: isPlain ? String(defaultValue) : undefined, required };
}

/** All options below `at`; list entries are `0`. */
function optionsBelow(at: Steps): readonly SchemaOption[] {
	const inList = shapeAt(fileSchema, [...at, 0]) !== null && shapeAt(fileSchema, at) === null;
	const here = inList ? [...at, 0] : at;
	return Object.entries(shapeAt(fileSchema, here) ?? {}).flatMap(([name, schema]) => {
		const path = [...here, name];
		return [optionOf(path, schema), ...optionsBelow(path)];
	});
}

/** What is shown in another place, and where. */
const SHOWN_ELSEWHERE: readonly (readonly [pattern: RegExp, reason: string])[] = [
	[/^credential_list\.0\.credential_values\./, "the same as in litellm_params"],
	[/^router_settings\.model_group_retry_policy\./, "the same as in retry_policy"],
];
/** Options whose example is not their default, and why. */
const OTHER_IN_EXAMPLE: readonly (readonly [pattern: RegExp, reason: string])[] = [
	[/^warmpath\.keys\.0\.key_type$/, "the key that is shown is one for models only"],
	[/^router_settings\.model_group_alias\.0\.hidden$/, "an alias that is not hidden is shown in its short form"],
];

const nameOf = ({ path }: SchemaOption): string => path.join(".");
const isListed = (list: readonly (readonly [RegExp, string])[], name: string): boolean =>
	list.some(([pattern]) => pattern.test(name));
const all = optionsBelow([]);
const options = all.filter((option) => !isListed(SHOWN_ELSEWHERE, nameOf(option)));

/** The values that the entries of the lists on the way have at a path. */
function valuesAt(value: unknown, [step, ...rest]: Steps): readonly unknown[] {
	if (step === undefined) return [value];
	if (typeof value !== "object" || value === null) return [];
	if (step === 0) return Object.values(value).flatMap((item) => valuesAt(item, rest));
	return step in value ? valuesAt((value as Record<string, unknown>)[step], rest) : [];
}

describe("config.example.yaml", () => {
	it("loads without a fault or a warning, and amounts to the defaults", () => {
		const result = loadConfig(path, { env });
		if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join("\n"));
		expect(result.config.warnings).toEqual([]);
		const { listen, limits, timeouts, routing, failures, fallbacks, requestLog, log } = result.config;
		const shown = { listen, limits, timeouts, routing, failures, fallbacks, requestLog, log };
		const expected = Object.entries(DEFAULTS).filter(([name]) => name in shown);
		expect(shown).toEqual(Object.fromEntries(expected));
		const { weight } = PLAIN_DEPLOYMENT;
		expect(result.config.deployments.map((deployment) => deployment.weight)).toEqual([weight, weight]);
	});

	it("loads without a fault with every option switched on", () => {
		const result = parseConfig(everything, { path: "config.example.yaml", env, readFile: () => "{}" });
		expect(result.ok ? [] : result.diagnostics.map(formatDiagnostic)).toEqual([]);
	});

	it("the schema has as many options and defaults as the test expects to find", () => {
		expect(options.length).toBeGreaterThan(200);
		expect(options.filter(({ fallback }) => fallback !== undefined).length).toBeGreaterThan(45);
	});

	const written: unknown = parse(everything);

	it("shows every option", () => {
		expect(options.filter((option) => valuesAt(written, option.path).length === 0).map(nameOf)).toEqual([]);
	});

	it("shows every default as it is", () => {
		const wrong = options
			.filter((option) => option.fallback !== undefined && !isListed(OTHER_IN_EXAMPLE, nameOf(option)))
			.filter(
				({ path: steps, fallback }) =>
					!valuesAt(written, steps)
						.map(String)
						.includes(fallback ?? ""),
			);
		expect(wrong.map(nameOf)).toEqual([]);
	});

	it("no exception is listed that is none", () => {
		for (const [pattern] of [...SHOWN_ELSEWHERE, ...OTHER_IN_EXAMPLE])
			expect(all.some((option) => pattern.test(nameOf(option)))).toBe(true);
	});
});

/** A row of an option table. */
interface Row {
	readonly options: readonly string[];
	/** undefined where the table has no such column. */
	readonly fallback: string | undefined;
	/** The row without its first cell. */
	readonly text: string;
}

/** Heading of docs/configuration.md → where the options of its table stand. */
const SECTIONS: Readonly<Record<string, Steps>> = {
	"Top level": [],
	model_list: ["model_list", 0],
	litellm_params: ["model_list", 0, "litellm_params"],
	model_info: ["model_list", 0, "model_info"],
	credential_list: ["credential_list", 0],
	router_settings: ["router_settings"],
	litellm_settings: ["litellm_settings"],
	general_settings: ["general_settings"],
	warmpath: ["warmpath"],
};

/** Heading of a table that names options in its cells → the maps that they are options of. */
const IN_CELLS: Readonly<Record<string, readonly string[]>> = {
	Providers: ["model_list.litellm_params"],
	Failures: ["router_settings.retry_policy", "router_settings.allowed_fails_policy"],
};
/** What is an option in those cells, and not a value or a variable. */
const OPTION_IN_CELL = /^((api|aws|vertex|azure|tenant|client|anthropic_workspace)_\w+|\w+(Retries|AllowedFails))$/;

const NAMES = /`([A-Za-z_.]+)`/g;

/** The rows below a heading; those below a bold name are of that map. */
function rowsOf(heading: string): readonly Row[] {
	const [, section = ""] = reference.split(new RegExp(`^#+ ${heading}$`, "m"));
	const lines = (section.split(/^#+ /m)[0] ?? "").split("\n").filter((line) => line.startsWith("| "));
	const columns = cellsOf(lines[0] ?? "");
	const at = columns.indexOf("Default");
	let map = "";
	return lines.slice(1).flatMap((line): Row[] => {
		const [first = "", ...rest] = cellsOf(line);
		if (/^-+$/.test(first)) return [];
		const names = [...first.matchAll(NAMES)].map(([, name = ""]) => name);
		const isMap = first.startsWith("**");
		if (isMap) map = names[0] ?? "";
		const within = map === "" || isMap ? "" : `${map}.`;
		const fallback = at < 0 ? undefined : (rest[at - 1] ?? "");
		return [{ options: names.map((name) => within + name), fallback, text: rest.join(" | ") }];
	});
}

function cellsOf(line: string): readonly string[] {
	return line
		.replace(/^\| | \|$/g, "")
		.split(" | ")
		.map((cell) => cell.trim());
}

/** Of a path that goes through lists: what the page calls it. */
function spelled(steps: Steps): string {
	return steps.filter((step) => step !== 0).join(".");
}

interface Documented {
	/** The option's own row, where it has one. */
	readonly row: Row | undefined;
	readonly inText: boolean;
}

const tables = Object.entries(SECTIONS).map(([heading, at]) => ({ heading, at, rows: rowsOf(heading) }));

/** An option has a row of its own, or is named in the row of the map that it stands in, or in a table of such maps. */
function documented({ path: steps }: SchemaOption): Documented {
	const name = String(steps.at(-1));
	const rowOf = (wanted: string) =>
		tables
			.flatMap(({ at, rows }) =>
				rows.map((row) => ({ row, names: row.options.map((option) => spelled([...at, option])) })),
			)
			.find(({ names }) => names.includes(wanted))?.row;
	const parents = steps.map((_, index) => spelled(steps.slice(0, index))).filter((parent) => parent !== "");
	const texts = [...parents.map((parent) => rowOf(parent)?.text ?? ""), ...cellsFor(spelled(steps.slice(0, -1)))];
	return { row: rowOf(spelled(steps)), inText: texts.some((text) => text.includes(`\`${name}\``)) };
}

/** Cells of tables that name options of a map. */
function cellsFor(map: string): readonly string[] {
	const headings = Object.keys(IN_CELLS).filter((heading) => IN_CELLS[heading]?.includes(map));
	return headings.flatMap((heading) => rowsOf(heading).map(({ text }) => text));
}

describe("docs/configuration.md", () => {
	it("has a table of options below every heading that the test knows", () => {
		expect(tables.filter(({ rows }) => rows.length < 3).map(({ heading }) => heading)).toEqual([]);
	});

	it("explains every option", () => {
		const missing = options.filter((option) => {
			const { row, inText } = documented(option);
			return row === undefined && !inText;
		});
		expect(missing.map(nameOf)).toEqual([]);
	});

	it("says every default as it is, and of what is required that it is", () => {
		const wrong = options.flatMap((option) => {
			const said = documented(option).row?.fallback;
			if (said === undefined) return [];
			const expected = option.fallback === undefined ? null : `\`${option.fallback}\``;
			const isRight = expected === null ? !/^required$/i.test(said) || option.required : said === expected;
			return isRight ? [] : [`${nameOf(option)}: ${said} instead of ${expected ?? "an optional one"}`];
		});
		expect(wrong).toEqual([]);
	});

	it("names no option that there is not", () => {
		const known = new Set(all.map(({ path: steps }) => spelled(steps)));
		const inRows = tables.flatMap(({ at, rows }) =>
			rows.flatMap((row) => row.options.map((option) => spelled([...at, option]))),
		);
		expect(inRows.length).toBeGreaterThan(100);
		expect(inRows.filter((option) => !known.has(option))).toEqual([]);
		const inCells = Object.entries(IN_CELLS).flatMap(([heading, maps]) =>
			rowsOf(heading)
				.flatMap(({ text }) => [...text.matchAll(NAMES)].map(([, name = ""]) => name))
				.filter((name) => OPTION_IN_CELL.test(name))
				.map((name) => ({ name, isKnown: maps.some((map) => known.has(`${map}.${name}`)) })),
		);
		expect(inCells.length).toBeGreaterThan(30);
		expect(inCells.filter(({ isKnown }) => !isKnown)).toEqual([]);
	});
});
