import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { configuredName, plainModel, profileIds, routedName } from "./platform-models.ts";

function configFrom(yaml: string): Config {
	const parsed = parseConfig(yaml, { path: "test.yaml", env: {} });
	if (!parsed.ok) throw new Error(parsed.diagnostics.map(({ message }) => message).join("; "));
	return parsed.config;
}

const config = configFrom(`
model_list:
  - model_name: us.anthropic.claude-sonnet-4-5-20250929-v1:0
    litellm_params: { model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0, aws_profile_name: account-1, aws_region_name: us-west-2 }
  - model_name: opus
    litellm_params: { model: anthropic/claude-opus-5-5, api_key: sk-1 }
  - model_name: haiku
    litellm_params: { model: bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0, aws_profile_name: account-1, aws_region_name: eu-west-1 }
  - model_name: claude-fable-1
    litellm_params: { model: anthropic/claude-fable-1, api_key: sk-1 }
  - model_name: profile
    litellm_params:
      model: bedrock/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123
      aws_profile_name: account-1
      aws_region_name: us-east-1
  - model_name: mine-v1
    litellm_params: { model: anthropic/mine-v1, api_key: sk-1 }
router_settings:
  model_group_alias: { "claude-old-20240101": opus }
`);

describe("a cloud's model id finds the group that serves it", () => {
	test.each([
		["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
		["eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
		["anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
		[
			"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
			"us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		],
		["us.anthropic.claude-opus-5-5", "opus"],
		["global.anthropic.claude-opus-5-5-20260909-v1:0", "opus"],
		["opus", "opus"],
		["us.anthropic.claude-haiku-4-5", "haiku"],
		["us.anthropic.claude-fable-1", "claude-fable-1"],
		["abc123", "profile"],
		["arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", "profile"],
		["claude-old-20240101", "claude-old-20240101"],
		["us.anthropic.claude-nobody-1", "us.anthropic.claude-nobody-1"],
		["mine-v2", "mine-v2"],
	])("Bedrock's %s → %s", (id, name) => {
		expect(configuredName(config, id, "bedrock")).toBe(name);
	});

	test.each([
		["claude-opus-5-5", "opus"],
		["claude-opus-5-5@default", "opus"],
		["claude-sonnet-4-5@20250929", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
		["claude-haiku-4-5@20251001", "haiku"],
		["claude-old@20240101", "claude-old-20240101"],
	])("Vertex's %s → %s", (id, name) => {
		expect(configuredName(config, id, "vertex")).toBe(name);
	});

	test("one model has one plain name", () => {
		const spellings = [
			"claude-sonnet-4-5-20250929",
			"anthropic/claude-sonnet-4-5-20250929",
			"claude-sonnet-4-5@20250929",
			"anthropic.claude-sonnet-4-5-20250929-v1:0",
			"global.anthropic.claude-sonnet-4-5-20250929-v1:0",
			"arn:aws:bedrock:us-west-2:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		];
		expect([...new Set(spellings.map(plainModel))]).toEqual(["claude-sonnet-4-5-20250929"]);
	});
});

describe("patterns", () => {
	const anthropic = configFrom(`
model_list:
  - { model_name: "claude-*", litellm_params: { model: "anthropic/claude-*", api_key: sk-1 } }
`);
	const everything = configFrom(`
model_list:
  - { model_name: "*", litellm_params: { model: "bedrock/*", aws_profile_name: a, aws_region_name: us-east-1 } }
`);

	test("of another platform are filled with the plain name, of the client's own with its id", () => {
		expect(configuredName(anthropic, "us.anthropic.claude-opus-5-5-v1:0", "bedrock")).toBe("claude-opus-5-5");
		expect(configuredName(everything, "us.anthropic.claude-opus-5-5-v1:0", "bedrock")).toBe(
			"us.anthropic.claude-opus-5-5-v1:0",
		);
		expect(configuredName(anthropic, "claude-opus-5-5@20260909", "vertex")).toBe("claude-opus-5-5-20260909");
	});
});

test("what a Bedrock client may call: groups and the profiles behind them", () => {
	expect(profileIds(config)).toContain("opus");
	expect(profileIds(config)).toContain("eu.anthropic.claude-haiku-4-5-20251001-v1:0");
	expect(profileIds(config)).not.toContain("claude-opus-5-5");
});

test.each([
	["claude-*", "anthropic/claude-*", ", api_key: sk-1", true],
	["*", "bedrock/*", ", aws_region_name: us-east-1", true],
	["claude-haiku-*", "anthropic/claude-haiku-*", ", api_key: sk-1", false],
	["*", "openai/*", ", api_key: sk-1", false],
])(
	"a Bedrock client is shown the profiles of known models that the group '%s' on %s serves",
	(group, model, more, isShown) => {
		const named = configFrom(`model_list:\n  - {model_name: "${group}", litellm_params: {model: "${model}"${more}}}\n`);
		const shown = profileIds(named);
		expect(shown.includes("global.anthropic.claude-opus-5-5")).toBe(isShown);
		expect(shown.some((id) => id.includes("*"))).toBe(false);
	},
);

test.each([
	["anthropic.claude-opus-5-5", "claude-opus-5-5"],
	["us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"],
	["arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-5-5", "claude-opus-5-5"],
	["claude-opus-4-5@20251101", "claude-opus-4-5-20251101"],
	// Names of the configuration, whatever they look like.
	["anthropic.claude-own", "anthropic.claude-own"],
	["team@x", "team@x"],
	["claude-sonnet-5-5", "claude-sonnet-5-5"],
	// Nobody's.
	["anthropic.titan", "anthropic.titan"],
	["gpt-5", "gpt-5"],
])("in the Messages API '%s' is routed as '%s'", (id, name) => {
	const group = (model: string, upstream: string) =>
		`  - {model_name: "${model}", litellm_params: {model: "anthropic/${upstream}", api_key: sk-ant-dummy-0123456789}}\n`;
	const yaml = [
		["claude-haiku-4-5", "claude-haiku-4-5"],
		["anthropic.claude-own", "x"],
		["team@x", "x"],
		["claude-*", "claude-*"],
	];
	const named = configFrom(`model_list:\n${yaml.map(([model = "", to = ""]) => group(model, to)).join("")}`);
	expect(routedName(named, id, null)).toBe(name);
});
