// config.example.yaml and docs/configuration.md keep up with the schema: every option is there, with the default it really has.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
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

/** Paths of all options below `at`; list entries are `0`. */
function optionsBelow(at: readonly (string | number)[]): (readonly (string | number)[])[] {
	const inList = shapeAt(fileSchema, [...at, 0]) !== null && shapeAt(fileSchema, at) === null;
	const here = inList ? [...at, 0] : at;
	const names = Object.keys(shapeAt(fileSchema, here) ?? {});
	return names.flatMap((name) => [[...here, name], ...optionsBelow([...here, name])]);
}

/** True when some entry of the lists on the way has the option. */
function has(value: unknown, [step, ...rest]: readonly (string | number)[]): boolean {
	if (step === undefined) return true;
	if (typeof value !== "object" || value === null) return false;
	if (step === 0) return Object.values(value).some((item) => has(item, rest));
	return step in value && has((value as Record<string, unknown>)[step], rest);
}

/** What a credential_list entry or a group's retry policy may hold is shown where deployments and retry_policy hold it. */
const options = optionsBelow([]).filter(
	(option) => option.at(-2) !== "credential_values" && option.at(-3) !== "model_group_retry_policy",
);

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

	it("the schema has as many options as the test expects to find", () => {
		expect(options.length).toBeGreaterThan(130);
	});

	it("shows every option", () => {
		const written: unknown = parse(everything);
		expect(options.filter((option) => !has(written, option)).map((option) => option.join("."))).toEqual([]);
	});
});

it("docs/configuration.md explains every option", () => {
	const names = new Set(options.map((option) => String(option.at(-1))));
	// An alias's form is shown as a whole.
	for (const name of ["model", "hidden"]) names.delete(name);
	expect([...names].filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
});
