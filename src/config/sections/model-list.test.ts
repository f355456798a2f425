// Entries of model_list: which provider they mean, where credentials come from, and ids that stay the same.
import { describe, expect, it } from "vitest";
import { type ParseOptions, parseConfig } from "../load.ts";
import { formatDiagnostic } from "../report.ts";
import type { Config, DeploymentConfig } from "../schema.ts";

const KEY = "sk-ant-0123456789abcdef";

function parse(text: string, env: ParseOptions["env"] = {}): Config {
	const result = parseConfig(text, { path: "config.yaml", env });
	if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join("\n"));
	return result.config;
}

/** One deployment of group `a`, from its params in YAML's flow form. */
function one(params: string, env: ParseOptions["env"] = {}): DeploymentConfig {
	const [deployment] = parse(`model_list:\n  - {model_name: a, litellm_params: {${params}}}\n`, env).deployments;
	if (deployment === undefined) throw new Error("no deployment");
	return deployment;
}

describe("the provider", () => {
	const google = "vertex_project: p, vertex_location: global";
	it.each([
		[`model: anthropic/claude-x, api_key: ${KEY}`, "anthropic", "claude-x"],
		[`model: claude-x, api_key: ${KEY}`, "anthropic", "claude-x"],
		[`model: my-own-name, api_key: ${KEY}, custom_llm_provider: anthropic`, "anthropic", "my-own-name"],
		["model: bedrock/anthropic.claude-x, aws_region_name: us-east-1", "bedrock", "anthropic.claude-x"],
		["model: bedrock/invoke/us.anthropic.claude-x, aws_region_name: us-east-1", "bedrock", "us.anthropic.claude-x"],
		["model: bedrock/mantle/anthropic.claude-x, aws_region_name: us-east-1", "bedrock", "anthropic.claude-x"],
		[
			"model: anthropic_aws/claude-x, aws_region_name: us-east-1, anthropic_workspace_id: w",
			"anthropic_aws",
			"claude-x",
		],
		[
			"model: anthropic_google_cloud/claude-x, vertex_project: p, anthropic_workspace_id: w",
			"anthropic_google_cloud",
			"claude-x",
		],
		["model: bedrock/converse/anthropic.claude-x, aws_region_name: us-east-1", "bedrock", "anthropic.claude-x"],
		["model: bedrock/us-west-2/anthropic.claude-x", "bedrock", "anthropic.claude-x"],
		["model: anthropic.claude-x, aws_region_name: us-east-1", "bedrock", "anthropic.claude-x"],
		["model: global.anthropic.claude-x, aws_region_name: us-east-1", "bedrock", "global.anthropic.claude-x"],
		["model: eu.anthropic.claude-x, aws_profile_name: p", "bedrock", "eu.anthropic.claude-x"],
		["model: claude-x, aws_region_name: us-east-1, custom_llm_provider: bedrock_converse", "bedrock", "claude-x"],
		[
			'model: "bedrock/arn:aws:bedrock:eu-west-1:1:application-inference-profile/x"',
			"bedrock",
			"arn:aws:bedrock:eu-west-1:1:application-inference-profile/x",
		],
		[`model: vertex_ai/claude-x@20250101, ${google}`, "vertex", "claude-x@20250101"],
		[`model: claude-x, custom_llm_provider: vertex_ai-anthropic_models, ${google}`, "vertex", "claude-x"],
		[
			`model: azure_ai/claude-x, api_base: https://r.services.ai.azure.com/anthropic, api_key: ${KEY}`,
			"foundry",
			"claude-x",
		],
		["model: openai/org/name, api_base: http://localhost:8000/v1", "openai", "org/name"],
	])("%s", (params, provider, upstreamModel) => {
		expect(one(params)).toMatchObject({ provider, upstreamModel });
	});

	it("names of Bedrock may hold region and API", () => {
		expect(one("model: bedrock/invoke/us-west-2/anthropic.claude-x").credentials.extra).toEqual({
			aws_region_name: "us-west-2",
			bedrock_api: "invoke",
		});
		expect(one("model: 'arn:aws:bedrock:eu-west-1:1:inference-profile/x'").credentials.extra).toEqual({
			aws_region_name: "eu-west-1",
		});
	});
});

describe("credentials", () => {
	it("ANTHROPIC_API_KEY stands in for a missing key, and ANTHROPIC_BASE_URL never for the address", () => {
		const { credentials } = one("model: anthropic/x", {
			ANTHROPIC_API_KEY: ` ${KEY}\n`,
			ANTHROPIC_BASE_URL: "http://gateway",
		});
		expect(credentials.apiKey?.reveal()).toBe(KEY);
		expect(credentials.apiBase).toBeNull();
		expect(credentials.origins).toEqual({ api_key: "env ANTHROPIC_API_KEY" });
	});

	it("the address loses trailing slashes and the path of the Messages API", () => {
		for (const written of ["https://h/x", "https://h/x/", "https://h/x/v1", "https://h/x/v1/messages"]) {
			expect(one(`model: anthropic/x, api_key: ${KEY}, api_base: "${written}"`).credentials.apiBase).toBe(
				"https://h/x",
			);
		}
		expect(one("model: openai/x, api_base: http://h/v1/").credentials.apiBase).toBe("http://h/v1");
	});

	it("a Foundry resource has one address, however much of the path is written", () => {
		for (const end of ["", "/", "/anthropic", "/anthropic/v1", "/anthropic/v1/messages"]) {
			const { credentials } = one(`model: azure_ai/claude-x, api_key: ${KEY}, api_base: "https://r.test${end}"`);
			expect(credentials.apiBase).toBe("https://r.test");
		}
	});

	it("Claude Code's billing block is taken off unless the deployment says no", () => {
		const google = "model: vertex_ai/claude-x, vertex_project: p, vertex_location: global";
		expect(one(google).removeBillingBlock).toBe(true);
		expect(one(`${google}, remove_billing_block: false`).removeBillingBlock).toBe(false);
	});

	it("a Bedrock key of the environment does not take a profile's place", () => {
		const env = { AWS_BEARER_TOKEN_BEDROCK: "bearer-token", AWS_REGION: "us-east-1" };
		expect(one("model: bedrock/anthropic.claude-x", env).credentials.apiKey?.reveal()).toBe("bearer-token");
		const profile = one("model: bedrock/anthropic.claude-x, aws_profile_name: p", env).credentials;
		expect(profile.apiKey).toBeNull();
		expect(profile.origins).toEqual({ aws_profile_name: "config.yaml:2:91", aws_region_name: "env AWS_REGION" });
	});

	it("a runtime address of the environment serves where none is given, and not for mantle", () => {
		const env = { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: "https://vpce.example", AWS_REGION: "us-east-1" };
		const endpoint = (model: string, more = {}) =>
			one(`model: ${model}`, { ...env, ...more }).credentials.extra["aws_bedrock_runtime_endpoint"];
		expect(endpoint("bedrock/anthropic.claude-x")).toBe("https://vpce.example");
		expect(endpoint("bedrock/anthropic.claude-x", { AWS_BEDROCK_RUNTIME_ENDPOINT: "http://a" })).toBe("http://a");
		expect(endpoint("bedrock/anthropic.claude-x, aws_bedrock_runtime_endpoint: https://own")).toBe("https://own");
		expect(endpoint("bedrock/anthropic.claude-x, api_base: https://own")).toBeUndefined();
		expect(endpoint("bedrock/mantle/anthropic.claude-x")).toBeUndefined();
		expect(() => endpoint("bedrock/anthropic.claude-x", { AWS_BEDROCK_RUNTIME_ENDPOINT: "runtime" })).toThrow(
			/aws_bedrock_runtime_endpoint is no http or https address/,
		);
	});

	it("credential_list entries serve several deployments, which may override them", () => {
		const config = parse(`credential_list:
  - credential_name: shared
    credential_values: {api_key: ${KEY}, api_base: https://shared}
    credential_info: {owner: us}
model_list:
  - {model_name: a, litellm_params: {model: anthropic/x, litellm_credential_name: shared}}
  - {model_name: b, litellm_params: {model: anthropic/x, litellm_credential_name: shared, api_base: https://own}}
`);
		expect(config.deployments.map(({ credentials }) => [credentials.apiKey?.reveal(), credentials.apiBase])).toEqual([
			[KEY, "https://shared"],
			[KEY, "https://own"],
		]);
		expect(config.deployments[1]?.credentials.origins).toEqual({
			api_key: "config.yaml:3:34",
			api_base: "config.yaml:7:101",
		});
	});

	it("an option of another provider is a warning", () => {
		const config = parse(
			`model_list:\n  - {model_name: a, litellm_params: {model: anthropic/x, api_key: ${KEY}, aws_region_name: us-east-1}}\n`,
		);
		expect(config.warnings.map(({ path, message }) => [path, message])).toEqual([
			["model_list.0.litellm_params.aws_region_name", "has no effect on a deployment of provider anthropic"],
		]);
	});
});

describe("model_info", () => {
	it("is kept as it is; the cache domain is read, and a slip in its name is a warning", () => {
		const config = parse(`model_list:
  - model_name: a
    litellm_params: {model: anthropic/x, api_key: ${KEY}}
    model_info: {cache_domain: team, base_model: claude-x, max_tokens: 10, anything: {goes: true}}
  - model_name: a
    litellm_params: {model: anthropic/y, api_key: ${KEY}}
    model_info: {cache_domian: team, max_input_token: 1, max_output_tokens: 1}
`);
		expect(config.deployments[0]?.cacheDomain).toBe("team");
		expect(config.deployments[0]?.modelInfo).toMatchObject({
			base_model: "claude-x",
			max_tokens: 10,
			anything: { goes: true },
		});
		expect(config.warnings.map(formatDiagnostic)).toEqual([
			"config.yaml:7:18 model_list.1.model_info.cache_domian: has no meaning here. Did you mean 'cache_domain'?",
			"config.yaml:7:38 model_list.1.model_info.max_input_token: has no meaning here. Did you mean 'max_input_tokens'?",
		]);
	});
});

describe("ids", () => {
	const id = (params: string): string => one(params).id;

	it("are the same after a restart, in another order of options, and with other limits", () => {
		const first = id(`model: anthropic/x, api_key: ${KEY}, extra_headers: {a: "1", b: "2"}`);
		expect(first).toMatch(/^[0-9a-f]{16}$/);
		expect(id(`extra_headers: {b: "2", a: "1"}, api_key: ${KEY}, model: anthropic/x`)).toBe(first);
		expect(
			id(`model: anthropic/x, api_key: ${KEY}, extra_headers: {a: "1", b: "2"}, weight: 3, timeout: 9, rpm: 4`),
		).toBe(first);
	});

	it("differ when the key, the model, the address or the account does", () => {
		const ids = [
			`model: anthropic/x, api_key: ${KEY}`,
			`model: anthropic/x, api_key: ${KEY}2`,
			`model: anthropic/y, api_key: ${KEY}`,
			`model: anthropic/x, api_key: ${KEY}, api_base: https://h`,
			"model: bedrock/anthropic.claude-x, aws_region_name: us-east-1, aws_profile_name: one",
			"model: bedrock/anthropic.claude-x, aws_region_name: us-east-1, aws_profile_name: two",
		].map(id);
		expect(new Set(ids).size).toBe(ids.length);
	});

	it("of equal deployments are told apart by their order; chosen ones are kept", () => {
		const entry = (info: string): string =>
			`  - {model_name: a, litellm_params: {model: anthropic/x, api_key: ${KEY}}, model_info: {${info}}}\n`;
		const ids = parse(`model_list:\n${entry("")}${entry("id: 7")}${entry("")}${entry("")}`).deployments.map(
			(d) => d.id,
		);
		expect(ids).toEqual([ids[0], "7", `${ids[0]}-2`, `${ids[0]}-3`]);
	});
});

describe("servers that speak OpenAI's API", () => {
	const warnings = (params: string) =>
		parse(`model_list:\n  - {model_name: a, litellm_params: {model: openai/qwen, ${params}}}\n`, {
			OPENAI_API_KEY: "sk-openai-0123456789",
		}).warnings.map(({ path, message }) => `${path}: ${message}`);

	it("are not given the environment's OpenAI key unnoticed", () => {
		expect(warnings("api_base: 'http://gpu:8000/v1'")).toEqual([
			"model_list.0.litellm_params.api_base: this server is sent OPENAI_API_KEY of the environment",
		]);
		expect(warnings("api_base: 'http://gpu:8000/v1', api_key: none")).toEqual([]);
		expect(warnings("api_base: 'https://eu.api.openai.com/v1'")).toEqual([]);
		expect(warnings("organization: o")).toEqual([]);
	});
});

describe("marking", () => {
	const POINTS = "cache_control_injection_points: [{location: message, role: system}]";
	const warningsOf = (...params: readonly string[]) => {
		const entries = params.map((each, i) => {
			const model = each.includes("openai/")
				? each
				: `model: claude-x, api_key: ${KEY}${i}${each === "" ? "" : `, ${each}`}`;
			return `  - {model_name: a, litellm_params: {${model}}}`;
		});
		return parse(`model_list:\n${entries.join("\n")}\n`).warnings.filter(({ message }) =>
			message.includes("marks other"),
		);
	};

	it("deployments of one group that differ in it are told once, with what to do", () => {
		const [warning, ...others] = warningsOf(POINTS, "", "cache_control: auto");
		expect(others).toEqual([]);
		expect(warning).toMatchObject({
			severity: "warning",
			path: "model_list.1.litellm_params",
			message: "marks other parts of a prompt than the deployment of 'a' at config.yaml:2:5",
			hint: expect.stringContaining("the first deployment that marks anything speaks for its group"),
		});
		expect(warningsOf("", POINTS)[0]?.path).toBe("model_list.1.litellm_params.cache_control_injection_points");
	});

	it("equal ones are not, nor a server that caches by itself", () => {
		expect(warningsOf(POINTS, POINTS)).toEqual([]);
		expect(warningsOf("", "")).toEqual([]);
		expect(warningsOf(POINTS, `model: openai/qwen, api_key: ${KEY}, api_base: "http://gpu:8000/v1"`)).toEqual([]);
	});

	it("a point that says nothing is told, one that is nonsense is a fault with what is expected", () => {
		const told = (point: string) => {
			const text = `model_list:\n  - {model_name: a, litellm_params: {model: claude-x, api_key: ${KEY}, cache_control_injection_points: [${point}]}}\n`;
			const result = parseConfig(text, { path: "config.yaml", env: {} });
			const findings = result.ok ? result.config.warnings : result.diagnostics;
			return findings.map(({ severity, path, message }) => `${severity} ${path.split(".").at(-1)}: ${message}`);
		};
		expect(told("{location: message}")).toEqual(["warning 0: says neither role nor index, so that it marks nothing"]);
		expect(told("{location: system}")).toEqual([expect.stringMatching(/^error location: .*message.*tool_config/)]);
		expect(told("{location: message, index: first}")).toEqual([
			expect.stringMatching(/^error index: expected a whole number/),
		]);
		expect(told('{location: message, index: "-1"}')).toEqual([]);
		expect(told("{location: tool_config}")).toEqual([]);
	});
});
