// What a valid file amounts to: the two seed guides' files, variables, switches, and which of two options wins.
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type LoadResult, loadConfig, parseConfig } from "./load.ts";
import { formatDiagnostic } from "./report.ts";
import type { Config } from "./schema.ts";

const KEY = "sk-ant-0123456789abcdef";
const ONE = `model_list:
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: ${KEY}}
`;

function fixture(name: string): string {
	return fileURLToPath(new URL(`__fixtures__/${name}`, import.meta.url));
}

function unwrap(result: LoadResult): Config {
	if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join("\n"));
	return result.config;
}

function parse(text: string, env: Record<string, string> = {}): Config {
	return unwrap(parseConfig(text, { path: "config.yaml", env }));
}

function warnings(config: Config): string[] {
	return config.warnings.map((warning) => formatDiagnostic(warning).split("\n")[0] ?? "");
}

describe("the files of LiteLLM's guides", () => {
	const env = { ANTHROPIC_API_KEY_1: `${KEY}1`, ANTHROPIC_API_KEY_2: `${KEY}2`, ANTHROPIC_API_KEY_3: `${KEY}3` };

	it("the three-key file loads unchanged, without a warning, and turns affinity on", () => {
		const config = unwrap(loadConfig(fixture("claude-code-three-keys.yaml"), { env }));
		expect(config.warnings).toEqual([]);
		expect(config.routing.affinity).toBe(true);
		expect(config.origins?.["warmpath.routing.affinity"]).toMatch(/^callbacks at .*claude-code-three-keys\.yaml:23:5$/);
		const group = config.groups.get("claude-code");
		expect(group?.deployments.map(({ upstreamModel }) => upstreamModel)).toEqual(
			Array(3).fill("claude-3-5-sonnet-20240620"),
		);
		expect(group?.deployments.map(({ credentials }) => credentials.apiKey?.reveal())).toEqual(Object.values(env));
		expect(group?.deployments[1]?.credentials.origins).toEqual({ api_key: "env ANTHROPIC_API_KEY_2" });
		expect(group?.deployments[1]?.source).toMatch(/claude-code-three-keys\.yaml:7:5$/);
	});

	it("the two-account file loads unchanged: bare Bedrock ids, no warning", () => {
		const config = unwrap(loadConfig(fixture("claude-code-two-aws-accounts.yaml"), { env: {} }));
		expect(config.deployments.map(({ provider, credentials }) => [provider, credentials.extra])).toEqual([
			["bedrock", { aws_profile_name: "account-1", aws_region_name: "us-west-2" }],
			["bedrock", { aws_profile_name: "account-2", aws_region_name: "us-west-2" }],
		]);
		expect(config.deployments[0]?.upstreamModel).toBe("us.anthropic.claude-sonnet-4-5-20250929-v1:0");
		expect(config.warnings).toEqual([]);
		expect(config.routing.affinity).toBe(true);
		expect(config.origins?.["warmpath.routing.affinity"]).toMatch(/^router_settings\.optional_pre_call_checks at /);
	});

	it("the guide's further options are accepted: injection points, set_verbose as log level debug", () => {
		const config = parse(`${ONE}
  - model_name: claude-code-marked
    litellm_params:
      model: anthropic/claude-3-5-sonnet-20240620
      api_key: ${KEY}
      cache_control_injection_points:
        - location: message
          role: system
litellm_settings:
  set_verbose: true
`);
		expect(config.log.level).toBe("debug");
		expect(warnings(config)).toEqual([]);
		expect(config.deployments[1]?.marking?.points.length).toBeGreaterThan(0);
	});
});

describe("defaults", () => {
	it("a file with nothing but a deployment has every default", () => {
		const config = parse(ONE);
		const { listen, limits, timeouts, routing, failures, fallbacks, requestLog, log } = config;
		expect({ listen, limits, timeouts, requestLog, log }).toEqual({
			listen: { host: "127.0.0.1", port: 4000, keepAliveMs: 620_000 },
			limits: { maxBodyBytes: 32 * 1024 * 1024, maxJsonDepth: 200 },
			timeouts: { connectMs: 10_000, firstByteMs: 600_000, idleMs: 300_000, totalMs: 6_000_000, holdMs: 10_000 },
			requestLog: {
				enabled: true,
				maxAgeMs: 30 * 86_400_000,
				maxBytes: 4096 * 1024 * 1024,
				maxQueued: 20_000,
				storeBodies: false,
			},
			log: { level: "info", format: "auto" },
		});
		expect(routing).toEqual({
			affinity: true,
			strategy: null,
			maxEntries: 1_000_000,
			cooldownMs: 5_000,
			loadHalfLifeMs: 60_000,
			maxAffinityWaitMs: 5_000,
			burstGate: { enabled: true, maxWaitMs: 5_000 },
			waitDollarsPerHour: 60,
			uncachedTokenPrice: 0,
			thinkingLossDollars: 0.05,
			tagFiltering: { enabled: false, matchAny: true },
			preCallChecks: false,
		});
		const { retryPolicy, allowedFailsPolicy, groupRetryPolicy, ...others } = failures;
		expect([...Object.values(retryPolicy), ...Object.values(allowedFailsPolicy)]).toEqual(Array(16).fill(null));
		expect(groupRetryPolicy.size).toBe(0);
		expect(others).toEqual({
			numRetries: null,
			retryAfterMs: 0,
			allowedFails: null,
			cooldownMs: 5_000,
			disableCooldowns: false,
			slowFactor: 4,
		});
		const none = new Map();
		expect(fallbacks).toEqual({
			general: none,
			contextWindow: none,
			contentPolicy: none,
			default: [],
			maxFallbacks: 5,
		});
		expect(config.masterKey).toBeNull();
		expect(config.path).toBe("config.yaml");
		expect(config.warnings).toEqual([]);
	});

	it("options without a value are options that are not given", () => {
		const config = parse(`${ONE}router_settings:\nwarmpath:\n  listen:\n    port:\n  routing: {affinity: ~}\n`);
		expect(config.listen.port).toBe(4000);
		expect(config.routing.affinity).toBe(true);
	});

	it("a configuration cannot be changed afterwards", () => {
		const config = parse(ONE);
		expect(() => Object.assign(config.listen, { port: 1 })).toThrow(TypeError);
		expect(() => (config.groups as Map<string, unknown>).clear()).toThrow(TypeError);
		expect(() => (config.deployments as unknown[]).push({})).toThrow(TypeError);
		expect(Object.isFrozen(config.groups.get("claude-code")?.deployments[0]?.credentials)).toBe(true);
	});
});

describe("os.environ", () => {
	it("works for any value, with numbers and flags read from text", () => {
		const config = parse(
			`model_list:
  - model_name: os.environ/NAME
    litellm_params:
      model: os.environ/MODEL
      api_key: os.environ/KEY
      weight: os.environ/WEIGHT
      timeout: os.environ/TIMEOUT
      extra_headers: {x-team: os.environ/TEAM}
    model_info: {id: os.environ/ID}
warmpath:
  listen: {port: os.environ/PORT}
  routing: {affinity: os.environ/AFFINITY}
`,
			{
				NAME: "group",
				MODEL: "anthropic/claude-x",
				KEY,
				WEIGHT: "2.5",
				TIMEOUT: "90",
				TEAM: "a",
				ID: "first",
				PORT: "8080",
				AFFINITY: "off",
			},
		);
		expect(config.deployments[0]).toMatchObject({
			id: "first",
			group: "group",
			upstreamModel: "claude-x",
			weight: 2.5,
			timeoutMs: 90_000,
			extraHeaders: { "x-team": "a" },
		});
		expect(config.listen.port).toBe(8080);
		expect(config.routing.affinity).toBe(false);
	});

	it("sees environment_variables, which the real environment overrides and which process.env never does", () => {
		const text = `environment_variables:
  WARMPATH_TEST_KEY: ${KEY}
  OTHER: os.environ/REAL
model_list:
  - model_name: a
    litellm_params: {model: anthropic/x, api_key: os.environ/WARMPATH_TEST_KEY}
  - model_name: b
    litellm_params: {model: anthropic/x, api_key: os.environ/OTHER}
`;
		const config = parse(text, { REAL: "sk-real" });
		expect(config.deployments.map(({ credentials }) => credentials.apiKey?.reveal())).toEqual([KEY, "sk-real"]);
		expect(config.deployments.map(({ credentials }) => credentials.origins?.["api_key"])).toEqual([
			"environment_variables at config.yaml:2:22",
			"env REAL",
		]);
		expect(process.env["WARMPATH_TEST_KEY"]).toBeUndefined();
		const overridden = parse(text, { REAL: "sk-real", WARMPATH_TEST_KEY: "sk-mine" });
		expect(overridden.deployments[0]?.credentials.apiKey?.reveal()).toBe("sk-mine");
	});

	it("is not looked for in options that are ignored", () => {
		const config = parse(`${ONE}general_settings:\n  database_type: os.environ/DATABASE_TYPE\n`);
		expect(warnings(config)).toEqual([
			"config.yaml:5:3 general_settings.database_type: accepted by LiteLLM, not supported by Warmpath yet: ignored",
		]);
	});
});

describe("affinity", () => {
	const switches: [string, string][] = [
		["router_settings.optional_pre_call_checks", 'router_settings: {optional_pre_call_checks: ["prompt_caching"]}'],
		["callbacks", "callbacks: [prompt_caching_deployment_check]"],
		["litellm_settings.callbacks", "litellm_settings: {callbacks: prompt_caching_deployment_check}"],
	];

	it.each(switches)("%s turns it on and is named as the reason", (name, text) => {
		const config = parse(`${ONE}${text}\n`);
		expect(config.routing.affinity).toBe(true);
		expect(config.origins?.["warmpath.routing.affinity"]).toContain(`${name} at config.yaml:4:`);
	});

	it.each(switches)("an explicit off wins over %s, and a warning says so", (name, text) => {
		const config = parse(`${ONE}${text}\nwarmpath: {routing: {affinity: off}}\n`);
		expect(config.routing.affinity).toBe(false);
		expect(config.warnings[0]).toMatchObject({ line: 5, column: 32, path: "warmpath.routing.affinity" });
		expect(config.warnings[0]?.message).toContain(`although ${name} at config.yaml:4:`);
	});

	it("enable_pre_call_checks alone is accepted without a word", () => {
		const config = parse(`${ONE}router_settings: {enable_pre_call_checks: true}\n`);
		expect(config.warnings).toEqual([]);
		expect(config.origins?.["warmpath.routing.affinity"]).toBe("default");
	});

	it("other checks and callbacks are warnings that name them", () => {
		const config = parse(
			`${ONE}callbacks: [langfuse]\nrouter_settings: {optional_pre_call_checks: [session_affinity]}\n`,
		);
		expect(warnings(config)).toEqual([
			"config.yaml:4:13 callbacks.0: the callback 'langfuse' is not supported by Warmpath yet: ignored",
			"config.yaml:5:46 router_settings.optional_pre_call_checks.0: the check 'session_affinity' is not supported by Warmpath yet: ignored",
		]);
	});
});

describe("settings that LiteLLM has too", () => {
	it("router_settings give the defaults, deployments their own values", () => {
		const config = parse(`model_list:
  - model_name: a
    litellm_params: {model: anthropic/x, api_key: ${KEY}}
  - model_name: a
    litellm_params: {model: anthropic/x, api_key: ${KEY}, timeout: 5m, stream_timeout: 500ms, cooldown_time: 0, order: 2}
router_settings: {timeout: 30, stream_timeout: 10, cooldown_time: 1.5}
`);
		expect(config.timeouts.totalMs).toBe(30_000);
		expect(config.routing.cooldownMs).toBe(1_500);
		expect(config.deployments[0]).toMatchObject({
			timeoutMs: null,
			streamTimeoutMs: 10_000,
			cooldownMs: null,
			order: null,
		});
		expect(config.deployments[1]).toMatchObject({ timeoutMs: 300_000, streamTimeoutMs: 500, cooldownMs: 0, order: 2 });
	});

	it("where two options say the same thing Warmpath's own wins, then router_settings, and the loser is named", () => {
		const both = parse(
			`${ONE}router_settings: {timeout: 30}\nlitellm_settings: {request_timeout: 40}\nwarmpath: {timeouts: {total: 20s}}\n`,
		);
		expect(both.timeouts.totalMs).toBe(20_000);
		expect(warnings(both)).toEqual([
			"config.yaml:4:19 router_settings.timeout: has no effect: warmpath.timeouts.total is given too and wins",
			"config.yaml:5:20 litellm_settings.request_timeout: has no effect: warmpath.timeouts.total is given too and wins",
		]);
		const litellm = parse(`${ONE}litellm_settings: {request_timeout: 40}\n`);
		expect(litellm.timeouts.totalMs).toBe(40_000);
		expect(litellm.warnings).toEqual([]);
	});

	it("log and size options are translated", () => {
		const config = parse(`${ONE}litellm_settings: {json_logs: true}\ngeneral_settings: {max_request_size_mb: 2}\n`);
		expect(config.log.format).toBe("json");
		expect(config.limits.maxBodyBytes).toBe(2 * 1024 * 1024);
		const explicit = parse(`${ONE}litellm_settings: {set_verbose: true}\nwarmpath: {log: {level: warn}}\n`);
		expect(explicit.log.level).toBe("warn");
	});

	it("options that are not acted upon yet get one warning each, however often they are given", () => {
		const config = parse(`model_list:
  - model_name: a
    litellm_params: {model: anthropic/x, api_key: ${KEY}, seed: 3}
    model_info: {blocked: true}
  - model_name: a
    litellm_params: {model: anthropic/x, api_key: ${KEY}, seed: 4, stop: x}
`);
		expect(warnings(config).map((text) => text.slice(text.indexOf(" ") + 1))).toEqual([
			"model_list.0.litellm_params.seed: accepted by LiteLLM, not supported by Warmpath yet: ignored (2 times in this configuration)",
			"model_list.0.model_info.blocked: checked and kept, but not acted upon by Warmpath yet",
			"model_list.1.litellm_params.stop: accepted by LiteLLM, not supported by Warmpath yet: ignored",
		]);
		expect(config.deployments[0]?.modelInfo).toEqual({ blocked: true });
	});

	it("ignoring something that keeps people out says so", () => {
		const config = parse(`${ONE}general_settings: {allowed_ips: [10.0.0.1]}\n`);
		expect(config.warnings[0]?.hint).toBe("What it restricts in LiteLLM is NOT restricted here.");
	});
});

describe("secrets", () => {
	it("are printed neither by inspect nor by JSON, wherever they stand", () => {
		const config = parse(
			`model_list:
  - model_name: a
    litellm_params:
      model: anthropic/x
      api_key: os.environ/KEY
      extra_headers: {authorization: Bearer hidden-header-value}
  - model_name: b
    litellm_params:
      model: bedrock/anthropic.claude-x
      aws_region_name: us-east-1
      aws_access_key_id: AKIAHIDDENHIDDEN
      aws_secret_access_key: hidden-secret
      aws_session_token: hidden-token
  - model_name: c
    litellm_params: {model: vertex_ai/claude-x, vertex_project: p, vertex_location: global, vertex_credentials: {private_key: hidden-json}}
general_settings: {master_key: sk-hidden-master}
`,
			{ KEY: "sk-ant-hidden-key" },
		);
		for (const text of [
			inspect(config, { depth: 20, showHidden: false }),
			JSON.stringify([config, ...config.groups]),
		]) {
			expect(text).not.toMatch(/hidden/i);
			expect(text).toContain("***");
		}
		expect(config.deployments[0]?.extraHeaders["authorization"]).toBe("Bearer hidden-header-value");
	});

	it("are in no diagnostic, not even where they were typed in the wrong place", () => {
		const result = parseConfig(
			`model_list:
  - model_name: a
    litellm_params:
      model: sk-ant-hidden-in-model
      api_key: os.environ/KEY
      sk-ant-hidden-as-option: 1
      timeout: sk-ant-hidden-as-timeout
  - model_name: hidden-shared-secret
    litellm_params: {model: foo/hidden-shared-secret, api_key: hidden-shared-secret}
router_settings: {model_group_alias: {a: sk-ant-hidden-alias}}
`,
			{ path: "config.yaml", env: { KEY: "sk ant hidden key" } },
		);
		expect(result.ok).toBe(false);
		expect(result.ok ? [] : result.diagnostics.length).toBeGreaterThan(3);
		expect(JSON.stringify(result)).not.toMatch(/hidden/);
	});
});
