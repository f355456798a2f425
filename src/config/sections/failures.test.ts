// Routing, limits, retries and cool-downs as the file says them: defaults, LiteLLM's and our own spellings, and faults at their place.
import { describe, expect, it } from "vitest";
import { DEFAULTS } from "../__fixtures__/defaults.ts";
import { configOf, GROUPS, remarksOf } from "../__fixtures__/parse.ts";
import { parseConfig } from "../load.ts";

describe("the routing strategy", () => {
	it.each(["simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing-v2", "cost-based-routing"])(
		"%s is taken as it is",
		(strategy) => {
			const config = configOf(`router_settings: {routing_strategy: ${strategy}}\n`);
			expect(config.routing.strategy).toBe(strategy);
			expect(config.warnings).toEqual([]);
			expect(config.origins?.["router_settings.routing_strategy"]).toBe("config.yaml:5:37");
		},
	);

	it("is our own rule by default, usage-based-routing its second form, and one we lack our own rule", () => {
		expect(configOf("").routing.strategy).toBeNull();
		const first = "router_settings: {routing_strategy: usage-based-routing}\n";
		expect(configOf(first).routing.strategy).toBe("usage-based-routing-v2");
		expect(remarksOf(first)).toEqual([
			"config.yaml:5:37 router_settings.routing_strategy: usage-based-routing is carried out as usage-based-routing-v2",
		]);
		const budget = "router_settings: {routing_strategy: provider-budget-routing}\n";
		expect(configOf(budget).routing.strategy).toBeNull();
		expect(remarksOf(budget)[0]).toContain("not supported by Warmpath yet: ignored");
	});
});

describe("what may be waited and paid for", () => {
	it("is read from warmpath.routing", () => {
		const { routing, failures } = configOf(`warmpath:
  routing:
    max_affinity_wait: 0
    burst_gate: {enabled: off, max_wait: 1500ms}
    wait_dollars_per_hour: 120.5
    uncached_token_price: "0.25"
    thinking_loss_dollars: 0
    slow_factor: 2.5
`);
		expect(routing).toEqual({
			...DEFAULTS.routing,
			maxAffinityWaitMs: 0,
			burstGate: { enabled: false, maxWaitMs: 1500 },
			waitDollarsPerHour: 120.5,
			uncachedTokenPrice: 0.25,
			thinkingLossDollars: 0,
		});
		expect(failures.slowFactor).toBe(2.5);
	});

	it.each(["off", "false", "no", "0"])("slow_factor: %s means that none is slow", (word) => {
		expect(configOf(`warmpath: {routing: {slow_factor: ${word}}}\n`).failures.slowFactor).toBeNull();
	});

	it("tags and pre-call checks are LiteLLM's", () => {
		const { routing } = configOf(
			"router_settings: {enable_tag_filtering: true, tag_filtering_match_any: false, enable_pre_call_checks: true}\n",
		);
		expect(routing.tagFiltering).toEqual({ enabled: true, matchAny: false });
		expect(routing.preCallChecks).toBe(true);
	});
});

describe("a deployment's limits", () => {
	const withParams = (params: string, rest = ""): string =>
		`model_list:\n  - {model_name: a, litellm_params: {model: anthropic/x, api_key: sk-ant-0123456789${params}}}\n${rest}`;
	const only = (text: string) => {
		const result = parseConfig(text, { path: "config.yaml", env: {} });
		if (!result.ok) throw new Error("faults");
		return {
			...result.config.deployments[0],
			warnings: result.config.warnings.map(({ path, message }) => [path, message]),
		};
	};

	it("are none unless they are given, and give no warning any more", () => {
		expect(only(withParams(""))).toMatchObject({
			rpm: null,
			tpm: null,
			itpm: null,
			otpm: null,
			maxParallelRequests: null,
			maxInputTokens: null,
			numRetries: null,
			tags: [],
		});
		const params = ", rpm: 1, tpm: 2, itpm: '3', otpm: 4, max_parallel_requests: 5, max_retries: 0, tags: [x, default]";
		expect(only(withParams(`${params}}, model_info: {max_input_tokens: 200000`))).toMatchObject({
			rpm: 1,
			tpm: 2,
			itpm: 3,
			otpm: 4,
			maxParallelRequests: 5,
			maxInputTokens: 200_000,
			numRetries: 0,
			tags: ["x", "default"],
			warnings: [],
		});
	});

	it("default_max_parallel_requests is for deployments that do not say it", () => {
		const rest = "router_settings: {default_max_parallel_requests: 7}\n";
		expect(only(withParams("", rest)).maxParallelRequests).toBe(7);
		expect(only(withParams(", max_parallel_requests: 3", rest)).maxParallelRequests).toBe(3);
	});

	it("of the two names for retries num_retries wins", () => {
		const both = only(withParams(", max_retries: 1, num_retries: 4"));
		expect(both.numRetries).toBe(4);
		expect(both.warnings).toEqual([
			[
				"model_list.0.litellm_params.max_retries",
				"has no effect: model_list.0.litellm_params.num_retries is given too and wins",
			],
		]);
	});
});

describe("retries and cool-downs", () => {
	it("are read from router_settings", () => {
		const { failures } = configOf(`router_settings:
  num_retries: 5
  retry_after: 2
  retry_policy: {RateLimitErrorRetries: 7, BadRequestErrorRetries: 0, DefaultRetries: 1}
  model_group_retry_policy: {b: {TimeoutErrorRetries: 3, ServiceUnavailableErrorRetries: 4}}
  allowed_fails: 3
  allowed_fails_policy: {AuthenticationErrorAllowedFails: 0, NotFoundErrorAllowedFails: 1000}
  cooldown_time: 30
  disable_cooldowns: true
`);
		expect(failures).toEqual({
			numRetries: 5,
			retryAfterMs: 2000,
			retryPolicy: {
				badRequest: 0,
				authentication: 1,
				timeout: 1,
				rateLimit: 7,
				contentPolicyViolation: 1,
				internalServer: 1,
				serviceUnavailable: 1,
				notFound: 1,
			},
			groupRetryPolicy: new Map([["b", { ...DEFAULTS.failures.retryPolicy, timeout: 3, serviceUnavailable: 4 }]]),
			allowedFails: 3,
			allowedFailsPolicy: { ...DEFAULTS.failures.retryPolicy, authentication: 0, notFound: 1000 },
			cooldownMs: 30_000,
			disableCooldowns: true,
			slowFactor: 4,
		});
	});

	it("litellm_settings stand in option by option; router_settings win with a warning", () => {
		const { failures, routing } = configOf("litellm_settings: {num_retries: 4, allowed_fails: 1, cooldown_time: 8}\n");
		expect(failures).toMatchObject({ numRetries: 4, allowedFails: 1, cooldownMs: 8000 });
		expect(routing.cooldownMs).toBe(8000);
		const both = "router_settings: {num_retries: 0}\nlitellm_settings: {num_retries: 4, allowed_fails: 1}\n";
		expect(configOf(both).failures).toMatchObject({ numRetries: 0, allowedFails: 1 });
		expect(remarksOf(both)).toEqual([
			"config.yaml:6:20 litellm_settings.num_retries: has no effect: router_settings.num_retries is given too and wins",
		]);
	});

	it("a group's policy may be given by an alias; a second one for the group is a warning", () => {
		const text = `router_settings:
  model_group_alias: {alias: a}
  model_group_retry_policy: {alias: {DefaultRetries: 1}, a: {DefaultRetries: 2}, c-*: {DefaultRetries: 3}}
`;
		const policies = configOf(text).failures.groupRetryPolicy;
		expect([...policies].map(([group, { notFound }]) => [group, notFound])).toEqual([
			["a", 1],
			["c-*", 3],
		]);
		expect(remarksOf(text)).toEqual([
			"config.yaml:7:58 router_settings.model_group_retry_policy.a: has no effect: the group 'a' has a policy already",
		]);
	});
});

it.each([
	[
		"routing_strategy: least-bussy",
		"5:37 router_settings.routing_strategy: expected one of simple-shuffle, least-busy",
	],
	["routing_strategy: least-bussy", "Did you mean 'least-busy'?"],
	["num_retries: -1", "5:32 router_settings.num_retries: must be at least 0"],
	["retry_after: soon", "5:32 router_settings.retry_after: expected a duration"],
	["retry_policy: {RateLimitRetries: 1}", "5:34 router_settings.retry_policy.RateLimitRetries: unknown option"],
	["retry_policy: {TimeoutErrorRetries: x}", "5:55 router_settings.retry_policy.TimeoutErrorRetries: expected a whole"],
	["allowed_fails_policy: {DefaultRetries: 1}", "5:42 router_settings.allowed_fails_policy.DefaultRetries: unknown"],
	["model_group_retry_policy: {aa: {}}", "5:46 router_settings.model_group_retry_policy.aa: 'aa' is no model_name"],
	["model_group_retry_policy: {c-x: {}}", "Did you mean 'c-*'?"],
	["allowed_fails: 1.5", "5:34 router_settings.allowed_fails: expected a whole number"],
	["disable_cooldowns: sometimes", "5:38 router_settings.disable_cooldowns: expected true or false"],
	["enable_tag_filtering: 2", "5:41 router_settings.enable_tag_filtering: expected true or false"],
	["tag_filtering_match_any: all", "5:44 router_settings.tag_filtering_match_any: expected true or false"],
	["enable_pre_call_checks: perhaps", "5:43 router_settings.enable_pre_call_checks: expected true or false"],
	["default_max_parallel_requests: 0", "5:50 router_settings.default_max_parallel_requests: must be at least 1"],
	["max_fallbacks: many", "5:34 router_settings.max_fallbacks: expected a whole number"],
])("router_settings: {%s} is a fault: %s", (option, expected) => {
	expect(remarksOf(`router_settings: {${option}}\n`)).toEqual([expect.stringContaining(expected)]);
});

it.each([
	["max_affinity_wait: -1", "5:41 warmpath.routing.max_affinity_wait: expected a duration"],
	["burst_gate: {enabled: maybe}", "5:44 warmpath.routing.burst_gate.enabled: expected true or false"],
	["burst_gate: {max_weight: 5s}", "5:35 warmpath.routing.burst_gate.max_weight: unknown option 'max_weight'"],
	["burst_gate: true", "5:34 warmpath.routing.burst_gate: expected a map of options"],
	["wait_dollars_per_hour: -60", "5:45 warmpath.routing.wait_dollars_per_hour: must be at least 0"],
	["uncached_token_price: cheap", "5:44 warmpath.routing.uncached_token_price: expected a number"],
	["thinking_loss_dollars: [1]", "5:45 warmpath.routing.thinking_loss_dollars: expected a number"],
	["slow_factor: 0.5", "5:35 warmpath.routing.slow_factor: must be at least 1"],
	["slow_factor: true", "5:35 warmpath.routing.slow_factor: expected a number, or off"],
])("warmpath.routing: {%s} is a fault: %s", (option, expected) => {
	expect(remarksOf(`warmpath: {routing: {${option}}}\n`)).toEqual([expect.stringContaining(expected)]);
});

it("faults of a deployment's new options stand at their place", () => {
	const text = GROUPS.replace("model: anthropic/x", "max_retries: -1, tags: {x: 1}, model: anthropic/x").replace(
		"0123456789}}",
		"0123456789}, model_info: {max_input_tokens: long}}",
	);
	const result = parseConfig(text, { path: "config.yaml", env: {} });
	expect(result.ok ? [] : result.diagnostics.map(({ line, column, path }) => `${line}:${column} ${path}`)).toEqual([
		"2:51 model_list.0.litellm_params.max_retries",
		"2:61 model_list.0.litellm_params.tags",
		"2:149 model_list.0.model_info.max_input_tokens",
	]);
});
