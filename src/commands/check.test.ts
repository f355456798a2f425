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
	const code = await checkCommand(path, { write, env: ENV, format: "text", colour: false, ...options });
	return { code, output: output.replaceAll(`${directory}/`, "") };
}

const VALID = `model_list:
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY_1, rpm: 50}
    model_info: {id: first, cache_domain: team}
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/SHORT, api_base: https://proxy.example}
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
general_settings: {master_key: sk-master-0123456789}
warmpath:
  listen: {host: 0.0.0.0}
`;

it("a valid file: warnings, the deployments with masked credentials and their sources, and the settings", async () => {
	const { code, output } = await check(VALID);
	expect(code).toBe(0);
	expect(output).toMatchInlineSnapshot(`
		"warning config.yaml:3:99 model_list.0.litellm_params.rpm: checked and kept, but not acted upon by Warmpath yet

		warning config.yaml:10:14 model_list.2.litellm_params.model: provider bedrock is parsed, not served by this version yet
		    Requests that reach it are answered with 501. Deployments of anthropic/ models are served.

		GROUP        ID      PROVIDER                  UPSTREAM MODEL                       API BASE               CACHE DOMAIN  CREDENTIAL
		claude-code  first   anthropic                 claude-sonnet-4-5                    public                 team          api_key sk-…f3 (env ANTHROPIC_API_KEY_1)
		             second  anthropic                 claude-sonnet-4-5                    https://proxy.example  learned       api_key *** (env SHORT)
		bedrock      third   bedrock (not served yet)  us.anthropic.claude-sonnet-4-5-v1:0  public                 learned       aws_access_key_id AKI…EF (config.yaml:12:26)
		                                                                                                                         aws_secret_access_key aws…89 (config.yaml:13:30)
		                                                                                                                         aws_region_name us-west-2 (config.yaml:11:24)

		Aliases     sonnet → claude-code, old → claude-code (hidden)
		Listen      0.0.0.0:4000 (config.yaml:19:18, default)
		Master key  sk-…89 (config.yaml:17:32)
		Affinity    on (default)

		config.yaml is valid, 2 warnings.
		"
	`);
});

it("a faulty file: every fault and warning with its place, and exit code 1", async () => {
	const { code, output } = await check(`model_list:
  - model_name: claude-code
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/MISSING, num_retries: 2, wieght: 1}
`);
	expect(code).toBe(1);
	expect(output).toMatchInlineSnapshot(`
		"error   config.yaml:3:67 model_list.0.litellm_params.api_key: the environment variable MISSING is not set (deployment 1 of model_list, 'claude-code')
		    Set it before starting: export MISSING=…, or give it under environment_variables.

		warning config.yaml:3:87 model_list.0.litellm_params.num_retries: accepted by LiteLLM, not supported by Warmpath yet: ignored

		error   config.yaml:3:103 model_list.0.litellm_params.wieght: unknown option 'wieght'
		    Did you mean 'weight'?

		config.yaml: 2 faults, 1 warning.
		"
	`);
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
		served: true,
		cache_domain: "team",
		credentials: { api_key: { value: "sk-…f3", origin: "env ANTHROPIC_API_KEY_1" } },
	});
	expect(report.diagnostics).toHaveLength(2);
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
			"sk-master-0123456789",
		]) {
			expect(output).not.toContain(secret);
		}
	}
});
