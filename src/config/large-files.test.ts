// Files that are large or odd without need: told in a moment, with their place, and never by what the parser says of itself.
import { expect, test } from "vitest";
import { parseConfig } from "./load.ts";

const MODEL =
	"model_list:\n  - { model_name: m, litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: k } }\n";

function faultsOf(text: string): string[] {
	const parsed = parseConfig(text, { path: "config.yaml", env: {} });
	return (parsed.ok ? [] : parsed.diagnostics)
		.filter(({ severity }) => severity === "error")
		.map(({ line, message }) => `${line} ${message}`);
}

test("a map of very many keys is read, and the one that is given twice is told", () => {
	const keys = Array.from({ length: 50_000 }, (_, at) => `    k${at}: ${at}\n`).join("");
	const info = `model_list:\n  - model_name: m\n    litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: k }\n    model_info:\n`;
	const indented = keys.replaceAll("    k", "      k");
	expect(faultsOf(`${info}${indented}`)).toEqual([]);
	expect(faultsOf(`${info}${indented}      k7: 1\n`)).toEqual(["50005 this key is given twice in the same map"]);
});

test.each([
	["flow lists", `x: ${"[".repeat(3_000)}`],
	["closed flow lists", `x: ${"[".repeat(3_000)}${"]".repeat(3_000)}`],
	["flow maps", `x: ${"{a: ".repeat(3_000)}1${"}".repeat(3_000)}`],
	["maps", Array.from({ length: 3_000 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")],
	["lists", `x:\n${"- ".repeat(5_000)}a`],
])("%s within each other are told as too deep", (_, text) => {
	const faults = faultsOf(`${MODEL}${text}\n`);
	expect(faults).toHaveLength(1);
	expect(faults[0]).toContain("nested too deeply");
});

test("a file of many megabytes is not even parsed", () => {
	expect(faultsOf(`${MODEL}# ${"x".repeat(9 * 1024 * 1024)}\n`)).toEqual(["1 the file is larger than 8 MiB"]);
});

test("of very many faults of one kind the first hundred are told", () => {
	expect(faultsOf(`${MODEL}x: [${Array(5_000).fill("*nope").join(", ")}]\n`)).toHaveLength(100);
});

test.each(["!!binary aGVsbG8=", "!!set { a, b }", "!!omap [ a: 1 ]", "!!timestamp 2026-12-01"])(
	"%s is a tag that no option takes",
	(value) => {
		const text = MODEL.replace("api_key: k", `api_key: k, api_base: ${value.replaceAll(", ", " ")}`);
		expect(faultsOf(text).join()).toMatch(/Unresolved tag|not valid YAML/);
	},
);
