// Forms of YAML that LiteLLM takes: numbers as names, templates for anchors.
import { describe, expect, it } from "vitest";
import { parseConfig } from "./load.ts";
import { formatDiagnostic } from "./report.ts";

describe("forms of YAML that LiteLLM takes", () => {
	const deployment = (name: string, more = "") =>
		`model_list:\n  - model_name: ${name}\n    litellm_params: {model: anthropic/claude-sonnet-5-5, api_key: sk-ant-x${more}}\n`;
	const load = (text: string) => {
		const parsed = parseConfig(text, { path: "config.yaml", env: {} });
		if (!parsed.ok) throw new Error(parsed.diagnostics.map(formatDiagnostic).join("\n"));
		return parsed.config;
	};

	it.each([
		["4711", "4711"],
		["0", "0"],
		["007", "007"],
		["12345678901234567890", "12345678901234567890"],
		['"4711"', "4711"],
	])("the number %s is a model's name", (written, name) => {
		expect([...load(deployment(written)).groups.keys()]).toEqual([name]);
	});

	it("numbers are names in lists and as keys too, and other texts", () => {
		const fallbacks = "router_settings: {fallbacks: [{4711: [4712]}]}\n";
		const second = deployment("4712", ", organization: 90071992547409931").replace("model_list:\n", "");
		const config = load(`${deployment("4711")}${second}${fallbacks}`);
		expect([...config.fallbacks.general]).toEqual([["4711", ["4712"]]]);
	});

	it("digits with leading zeros are a number where one is expected", () => {
		expect(load(deployment("a", ", rpm: 0060")).deployments[0]?.rpm).toBe(60);
	});

	it.each([
		["x-common", "x-common: &p {api_key: sk-ant-y}\n"],
		[".common", ".common: &p {api_key: sk-ant-y}\n"],
		["_common", "_common: &p {api_key: sk-ant-y}\n"],
		["a name of its own, which aliases use", "common_params: &p {api_key: sk-ant-y}\n"],
		["a list of templates", "templates:\n  - &p {api_key: sk-ant-y}\n  - &q {rpm: 5}\n"],
	])("what stands at the top for YAML's anchors only is the operator's own: %s", (_, top) => {
		const entry = "model_list:\n  - model_name: a\n    litellm_params: {<<: *p, model: anthropic/claude-sonnet-5-5}\n";
		const config = load(`${top}${entry}`);
		expect(config.deployments.map(({ group }) => group)).toEqual(["a"]);
		expect(config.warnings).toEqual([]);
	});

	it("an entry at the top that nobody uses is a fault, as before", () => {
		const parsed = parseConfig(`router_setings: &p {timeout: 5}\n${deployment("a")}`, { path: "config.yaml", env: {} });
		expect(parsed.ok).toBe(false);
	});
});
