// What `warmpath check` prints, to people and to machines, and that it never prints a secret.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CheckIo, checkCommand } from "./check.ts";

const ENV = { ANTHROPIC_API_KEY_1: "sk-ant-api03-aaaaaaaaaaaaf3", SHORT: "sk-short" };

let directory = "";
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "warmpath-check-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function check(text: string, options: Partial<CheckIo> = {}): Promise<{ code: number; output: string }> {
	const path = join(directory, "config.yaml");
	writeFileSync(path, text);
	let output = "";
	const write = (piece: string): void => {
		output += piece;
	};
	const code = await checkCommand(path, {
		write,
		env: { ...ENV, WARMPATH_HOME: "/data" },
		format: "text",
		colour: false,
		now: () => Date.parse("2026-01-01"),
		...options,
	});
	return { code, output: output.replaceAll(`${directory}/`, "") };
}

const VALID = `model_list:
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY_1, rpm: 50}
    model_info: {id: first, cache_domain: team}
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/SHORT, api_base: https://proxy.example, tenant_id: t}
    model_info: {id: second}
  - model_name: bedrock
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-4-5-v1:0
      aws_region_name: us-west-2
      aws_access_key_id: AKIA1234567890ABCDEF
      aws_secret_access_key: aws-secret-0123456789
    model_info: {id: third}
router_settings:
  model_group_alias: {sonnet: claude-code, old: {model: claude-code, hidden: true}}
general_settings: {master_key: sk-3fK9vQ2mXw7LcR8tZb5N6yHd89}
warmpath:
  listen: {host: 0.0.0.0}
`;

it("a valid file: warnings, the deployments with masked credentials and their sources, and the settings", async () => {
	const { code, output } = await check(VALID);
	expect(code).toBe(0);
	expect(output).toMatchInlineSnapshot(`
		"warning config.yaml:6:118 model_list.1.litellm_params.tenant_id: has no effect on a deployment of provider anthropic

		GROUP        ID      PROVIDER   UPSTREAM MODEL                       API BASE               CACHE DOMAIN  LIMITS  CREDENTIAL
		claude-code  first   anthropic  claude-sonnet-4-5                    public                 team          rpm 50  api_key sk-…f3 (env ANTHROPIC_API_KEY_1)
		             second  anthropic  claude-sonnet-4-5                    https://proxy.example  learned       none    api_key *** (env SHORT)
		                                                                                                                  tenant_id t (config.yaml:6:129)
		bedrock      third   bedrock    us.anthropic.claude-sonnet-4-5-v1:0  public                 learned       none    aws_access_key_id AKI…EF (config.yaml:12:26)
		                                                                                                                  aws_secret_access_key aws…89 (config.yaml:13:30)
		                                                                                                                  aws_region_name us-west-2 (config.yaml:11:24)

		Aliases     sonnet → claude-code, old → claude-code (hidden)
		Listen      0.0.0.0:4000 (config.yaml:19:18, default)
		Master key  sk-…89 (config.yaml:17:32)
		Affinity    on (default)
		Strategy    least recent load, where the prompt cache leaves it open (default)
		Failures    every deployment once, cool-down 5s after the first failure
		Fallbacks   none
		Database    /data/warmpath.db (default)
		Requests    kept for 30 days, up to 4096 MB, without their text

		config.yaml is valid, 1 warning.
		"
	`);
});

it("a faulty file: every fault and warning with its place, and exit code 1", async () => {
	const { code, output } = await check(`model_list:
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/MISSING, seed: 2, wieght: 1}
`);
	expect(code).toBe(1);
	expect(output).toMatchInlineSnapshot(`
		"error   config.yaml:3:67 model_list.0.litellm_params.api_key: the environment variable MISSING is not set (deployment 1 of model_list, 'claude-code')
		    Set it before starting: export MISSING=…, or give it under environment_variables.

		warning config.yaml:3:87 model_list.0.litellm_params.seed: accepted by LiteLLM, not supported by Warmpath yet: ignored

		error   config.yaml:3:96 model_list.0.litellm_params.wieght: unknown option 'wieght'
		    Did you mean 'weight'?

		config.yaml: 2 faults, 1 warning.
		"
	`);
});

it("strategy, limits, failures and fallbacks are shown, and given as data", async () => {
	const text = `${VALID.replace("rpm: 50", "rpm: 50, itpm: 2000000, order: 1, tags: [a]").replace(
		"router_settings:\n",
		`router_settings:
  routing_strategy: least-busy
  default_max_parallel_requests: 8
  num_retries: 1
  allowed_fails: 3
  fallbacks: [{claude-code: [bedrock]}]
  default_fallbacks: [claude-code]
  content_policy_fallbacks: [{bedrock: []}]
`,
	)}  routing: {affinity: false}\n`;
	const { code, output } = await check(text);
	expect(code).toBe(0);
	expect(output).toContain("  rpm 50, itpm 2000000, max_parallel_requests 8  ");
	expect(output.slice(output.indexOf("Affinity"), output.indexOf("config.yaml is"))).toMatchInlineSnapshot(`
		"Affinity    off (warmpath.routing.affinity at config.yaml:27:23)
		Strategy    least-busy (config.yaml:16:21)
		Failures    1 retry, cool-down 5s after more than 3 failures a minute
		Fallbacks   claude-code → bedrock
		            content policy: bedrock → none
		            any other → claude-code
		Database    /data/warmpath.db (default)
		Requests    kept for 30 days, up to 4096 MB, without their text

		"
	`);
	const report = JSON.parse((await check(text, { format: "json" })).output);
	expect(report).toMatchObject({
		strategy: { name: "least-busy", origin: "config.yaml:16:21" },
		failures: { num_retries: 1, allowed_fails: 3, cooldown_ms: 5000, disable_cooldowns: false },
		fallbacks: {
			fallbacks: { "claude-code": ["bedrock"] },
			context_window_fallbacks: {},
			content_policy_fallbacks: { bedrock: [] },
			default_fallbacks: ["claude-code"],
			max_fallbacks: 5,
		},
	});
	expect(report.deployments[0]).toMatchObject({
		weight: 1,
		order: 1,
		tags: ["a"],
		limits: { rpm: 50, tpm: null, itpm: 2_000_000, otpm: null, max_parallel_requests: 8, max_input_tokens: null },
	});
});

it("shows the database, the log, the file's keys and where replicas meet, without passwords", async () => {
	const text = `${VALID.replace(
		"{master_key: sk-3fK9vQ2mXw7LcR8tZb5N6yHd89}",
		"{master_key: sk-3fK9vQ2mXw7LcR8tZb5N6yHd89, database_url: 'postgres://warm:pg-secret@db.internal/warmpath'}",
	)}  request_log: {max_age: 7d, max_size_mb: off}
  keys: [{key_alias: ci, key: sk-ci-0123456789012}]
  state: {redis: {url: 'rediss://:redis-secret@cache.internal:6380/2'}}
`;
	const { code, output } = await check(text);
	expect(code).toBe(0);
	expect(output.slice(output.indexOf("Database"), output.indexOf("config.yaml is"))).toMatchInlineSnapshot(`
		"Database    postgres://db.internal/warmpath (general_settings.database_url)
		Requests    kept for 7 days, of any size, without their text
		Keys        1 in this file: ci
		Replicas    meet at rediss://cache.internal:6380/2, prefix warmpath

		"
	`);
	const report = (await check(text, { format: "json" })).output;
	expect(JSON.parse(report)).toMatchObject({
		database: "postgres://db.internal/warmpath",
		request_log: { enabled: true, max_age_ms: 604_800_000, max_bytes: null, with_text: false },
		keys: ["ci"],
		redis: "rediss://cache.internal:6380/2",
	});
	for (const secret of ["pg-secret", "redis-secret", "sk-ci-0123456789012"])
		expect(output + report).not.toContain(secret);
});

it("listening for other machines without a master key is a fault at the address's place", async () => {
	const { code, output } = await check(VALID.replace(/^general_settings.*\n/m, ""));
	expect(code).toBe(1);
	expect(output).toContain(
		"error   config.yaml:18:18 warmpath.listen.host: listening on 0.0.0.0 lets other machines use",
	);
});

it("a missing file is a fault", async () => {
	let output = "";
	const write = (piece: string): void => {
		output += piece;
	};
	expect(await checkCommand(join(directory, "no.yaml"), { write, env: {}, format: "text", colour: false })).toBe(1);
	expect(output).toContain("no.yaml: cannot be read: no such file");
});

it("colours are written only when asked for", async () => {
	const plain = await check(VALID);
	const coloured = await check(VALID, { colour: true });
	expect(plain.output).not.toContain("\u001b[");
	expect(coloured.output).toContain("\u001b[33mwarning\u001b[39m");
});

it("--json gives the same findings as data", async () => {
	const { code, output } = await check(VALID, { format: "json" });
	expect(code).toBe(0);
	const report = JSON.parse(output);
	expect(report).toMatchObject({
		ok: true,
		listen: { host: "0.0.0.0", port: 4000 },
		master_key: { set: true, origin: "config.yaml:17:32" },
		affinity: { on: true, reason: "default" },
	});
	expect(report.deployments[0]).toMatchObject({
		group: "claude-code",
		id: "first",
		cache_domain: "team",
		credentials: { api_key: { value: "sk-…f3", origin: "env ANTHROPIC_API_KEY_1" } },
	});
	expect(report.diagnostics).toHaveLength(1);
	const faulty = await check("model_list: []\n", { format: "json" });
	expect(faulty.code).toBe(1);
	expect(JSON.parse(faulty.output)).toMatchObject({
		ok: false,
		diagnostics: [{ line: 1, column: 13, severity: "error" }],
	});
});

it("no form of output holds a secret", async () => {
	for (const format of ["text", "json"] as const) {
		const { output } = await check(VALID, { format });
		for (const secret of [
			...Object.values(ENV),
			"AKIA1234567890ABCDEF",
			"aws-secret-0123456789",
			"sk-3fK9vQ2mXw7LcR8tZb5N6yHd89",
		]) {
			expect(output).not.toContain(secret);
		}
	}
});

it("every cloud's deployments say where they are and whose credentials they use", async () => {
	const { code, output } = await check(
		`model_list:
  - {model_name: c, litellm_params: {model: bedrock/us.anthropic.claude-sonnet-5-5, aws_region_name: us-west-2}}
  - {model_name: c, litellm_params: {model: bedrock/us.anthropic.claude-sonnet-5-5, aws_profile_name: p, aws_bedrock_runtime_endpoint: "https://vpce.example"}}
  - {model_name: c, litellm_params: {model: anthropic_aws/claude-sonnet-5-5, anthropic_workspace_id: w, aws_region_name: us-west-2, aws_role_name: "arn:aws:iam::111122223333:role/r"}}
  - {model_name: c, litellm_params: {model: vertex_ai/claude-sonnet-5-5, vertex_project: p, vertex_location: global}}
  - {model_name: c, litellm_params: {model: azure_ai/claude-sonnet-5-5, api_base: "https://r.services.ai.azure.com", azure_ad_token: very-secret-token}}
`,
		{ format: "text" },
	);
	expect(code, output).toBe(0);
	const aws = "the machine's: environment, ~/.aws, container or instance role";
	const rows = output.split("\n").map((row) => row.replace(/ {2,}/g, " | "));
	expect(rows.filter((row) => row.includes(aws))).toHaveLength(2);
	expect(rows.find((row) => row.includes("| vertex |"))).toContain("vertex_project p");
	expect(output).toContain("the machine's: application default credentials");
	expect(rows.find((row) => row.includes("vpce"))).toMatch(/\| bedrock \| .* \| https:\/\/vpce\.example \| learned/);
	expect(output).not.toContain("very-secret-token");
});

it("shows OpenAI-compatible servers, and which groups' prompts are marked", async () => {
	const text = `model_list:
  - model_name: local
    litellm_params: { model: openai/Qwen/Qwen3-Coder, api_base: "http://gpu-1:8000/v1", api_key: none }
    model_info: { id: gpu-1 }
  - model_name: claude-code
    litellm_params:
      model: anthropic/claude-sonnet-5-5
      api_key: sk-ant-0123456789
      cache_control_injection_points:
        - { location: message, role: system, control: { ttl: 1h } }
        - { location: tool_config }
        - { location: message, index: -1 }
  - model_name: other
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-ant-0123456789, cache_control: auto }
`;
	const { code, output } = await check(text);
	expect(code).toBe(0);
	expect(output).toMatch(/local +gpu-1 +openai +Qwen\/Qwen3-Coder +http:\/\/gpu-1:8000\/v1/);
	expect(output).toContain("claude-code: role system for 1h, the last tool, message -1");
	expect(output).toContain("other: automatic, where the client marks nothing");
});

it("warns of models that Anthropic has retired, at the deployments that serve them", async () => {
	const { code, output } = await check(VALID, { now: () => Date.parse("2026-12-01") });
	expect(code).toBe(0);
	expect(output).toContain(
		"warning config.yaml:2:5 deployment first: claude-sonnet-4-5 was retired on 2026-11-30: requests to it fail",
	);
	expect(output).toContain("config.yaml is valid, 3 warnings.");
});
