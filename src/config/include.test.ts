// Several files as one: what is merged how, and that every message names the right file.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "./load.ts";
import { formatDiagnostic } from "./report.ts";

const KEY = "sk-ant-0123456789abcdef";
const entry = (name: string): string =>
	`  - model_name: ${name}\n    litellm_params: {model: anthropic/x, api_key: ${KEY}}\n`;

function load(main: string, files: Record<string, string>) {
	const readFile = (path: string): string => {
		const text = files[path];
		if (text === undefined) throw Object.assign(new Error("gone"), { code: "ENOENT" });
		return text;
	};
	return parseConfig(main, { path: "etc/config.yaml", env: {}, readFile });
}

function faults(main: string, files: Record<string, string>): string[] {
	const result = load(main, files);
	return result.ok ? [] : result.diagnostics.map((fault) => formatDiagnostic(fault).split("\n")[0] ?? "");
}

describe("merging", () => {
	it("joins lists, the main file's entries first, and merges maps, the main file's values winning", () => {
		const result = load(
			`include: [models/a.yaml, b.yaml]\nmodel_list:\n${entry("main")}warmpath: {listen: {port: 1}, log: {level: warn}}\n`,
			{
				"etc/models/a.yaml": `include: [deeper.yaml]\nmodel_list:\n${entry("a")}warmpath: {listen: {port: 2, host: "::1"}}\n`,
				"etc/models/deeper.yaml": `model_list:\n${entry("deeper")}`,
				"etc/b.yaml": `model_list:\n${entry("b")}warmpath: {listen: {host: localhost}, timeouts: {idle: 7}}\n`,
			},
		);
		if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
		const { config } = result;
		expect([...config.groups.keys()]).toEqual(["main", "a", "deeper", "b"]);
		expect(config.listen).toMatchObject({ port: 1, host: "::1" });
		expect(config.timeouts.idleMs).toBe(7000);
		expect(config.log.level).toBe("warn");
		expect(config.deployments.map(({ source }) => source)).toEqual([
			"etc/config.yaml:3:5",
			"etc/models/a.yaml:3:5",
			"etc/models/deeper.yaml:2:5",
			"etc/b.yaml:2:5",
		]);
	});

	it("reports faults in the file they stand in", () => {
		expect(
			faults(`include: [a.yaml]\nmodel_list:\n${entry("main")}router_settings: {timout: 1}\n`, {
				"etc/a.yaml":
					"router_settings:\n  stream_timout: 1\nmodel_list:\n  - model_name: a\n    litellm_params: {model: what}\n",
			}),
		).toEqual([
			"etc/config.yaml:5:19 router_settings.timout: unknown option 'timout'",
			"etc/a.yaml:2:3 router_settings.stream_timout: unknown option 'stream_timout'",
			"etc/a.yaml:5:29 model_list.1.litellm_params.model: 'what' does not say which provider it is of",
		]);
	});
});

describe("files that cannot be included", () => {
	it("a circle is reported with its way round", () => {
		expect(
			faults("include: [a.yaml]\n", { "etc/a.yaml": "include:\n  - b.yaml\n", "etc/b.yaml": "include: [a.yaml]\n" }),
		).toContain("etc/b.yaml:1:11 include.0: 'a.yaml' includes itself: a.yaml → b.yaml → a.yaml");
		expect(faults(`include: [config.yaml]\nmodel_list:\n${entry("a")}`, {})).toEqual([
			"etc/config.yaml:1:11 include.0: 'config.yaml' includes itself: config.yaml → config.yaml",
		]);
	});

	it.each([
		[
			"a missing file",
			"include:\n  - gone.yaml\n",
			"etc/config.yaml:2:5 include.0: 'gone.yaml' cannot be read: no such file",
		],
		[
			"a file given twice",
			"include: [a.yaml, ./a.yaml]\n",
			"etc/config.yaml:1:19 include.1: './a.yaml' is included twice",
		],
		["a broken file", "include: [broken.yaml]\n", "etc/broken.yaml:2:1: not valid YAML: Missing closing 'quote"],
		["a name that is no list", "include: a.yaml\n", "etc/config.yaml:1:10 include: expected a list of file names"],
		["a name that is no text", "include: [{}]\n", "etc/config.yaml:1:11 include.0: expected a file name"],
	])("%s", (_, text, expected) => {
		const files = { "etc/a.yaml": `model_list:\n${entry("a")}`, "etc/broken.yaml": "a: 'b\n" };
		expect(faults(text, files)).toContain(expected);
	});

	it("nothing can be included from memory without a reader", () => {
		const result = parseConfig("include: [a.yaml]\n", { path: "<demo>", env: {} });
		expect(result.ok ? "" : result.diagnostics[0]?.message).toBe(
			"'a.yaml' cannot be read: this configuration is not a file",
		);
	});
});

describe("real files", () => {
	let directory = "";
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), "warmpath-config-"));
	});
	afterEach(() => rmSync(directory, { recursive: true }));

	it("are found relative to the including file", () => {
		writeFileSync(join(directory, "config.yaml"), "include: [models.yaml]\n");
		writeFileSync(join(directory, "models.yaml"), `model_list:\n${entry("a")}`);
		const result = loadConfig(join(directory, "config.yaml"), { env: {} });
		expect(result.ok && result.config.path).toBe(join(directory, "config.yaml"));
		expect(result.ok && result.config.deployments[0]?.source).toBe(`${join(directory, "models.yaml")}:2:5`);
	});
});
