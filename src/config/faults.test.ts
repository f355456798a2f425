// Every kind of fault: found at its exact place, together with the others, and explained.
import { describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "./load.ts";
import { formatDiagnostic } from "./report.ts";

const KEY = "sk-ant-0123456789abcdef";

/** First lines of all faults; warnings are left out. */
function faults(text: string, env: Record<string, string> = {}): string[] {
	const result = parseConfig(text, { path: "config.yaml", env });
	if (result.ok) return [];
	return result.diagnostics.filter(({ severity }) => severity === "error").map((fault) => formatDiagnostic(fault));
}

const deployment = (options: string): string =>
	`model_list:\n  - model_name: a\n    litellm_params:\n      model: anthropic/x\n      api_key: ${KEY}\n${options}`;

describe("faults of the text", () => {
	it.each([
		["an unclosed list", "model_list: [1\nb: 2", "config.yaml:2:1: not valid YAML: Flow sequence in block collection"],
		["a tab as indentation", "a:\n\t- b", "config.yaml:2:1: not valid YAML: Tabs are not allowed"],
		["an unclosed quote", "a: 'b\n", "config.yaml:2:1: not valid YAML: Missing closing 'quote"],
		["an unquoted colon", "a: b: c\n", "config.yaml:1:4: not valid YAML: Nested mappings"],
		["two documents", "a: 1\n---\nb: 2\n", "config.yaml:2:1: not valid YAML: Source contains multiple documents"],
		["an unknown tag", "a: !secret x\n", "config.yaml:1:4: not valid YAML: Unresolved tag"],
		[
			"an unknown anchor",
			"model_list: *none\n",
			"config.yaml:1:13 model_list: no anchor '&none' stands before this alias",
		],
		[
			"an anchor inside itself",
			"model_list: &a [*a]\n",
			"config.yaml:1:16 model_list.0: this anchor contains an alias to itself",
		],
		["an empty file", "# nothing\n", "config.yaml:1:1: the file is empty"],
		["a list instead of options", "- a\n", "config.yaml:1:1: the file must hold a map"],
	])("%s", (_, text, expected) => {
		expect(faults(text)[0]).toContain(expected);
	});

	it("a duplicate key does not hide other faults", () => {
		expect(faults(`${deployment("")}      api_key: other\n      wieght: 1\n`)).toEqual([
			"config.yaml:6:7: this key is given twice in the same map\n    Keep one of them.",
			"config.yaml:7:7 model_list.0.litellm_params.wieght: unknown option 'wieght'\n    Did you mean 'weight'?",
		]);
	});

	it("never repeats the text of the file, which may be a secret", () => {
		expect(faults("- a\nb: sk-ant-secret\n").join("\n")).not.toContain("secret");
		expect(faults('a: "\\qsecret"\n').join("\n")).not.toContain("secret");
	});

	const nested = (levels: number, of: (before: string) => string) =>
		[`a0: &a0 {k: x}`, ...Array.from({ length: levels }, (_, n) => `a${n + 1}: &a${n + 1} ${of(`*a${n}`)}`)].join("\n");

	it.each([
		["lists", nested(30, (a) => `[${Array(9).fill(a).join(", ")}]`)],
		["maps", nested(60, (a) => `{x: ${a}, y: ${a}}`)],
		["merged maps", nested(60, (a) => `{x: ${a}, <<: ${a}}`)],
		["lists of merged maps", nested(60, (a) => `{x: [${a}], <<: [${a}, {y: ${a}}]}`)],
		["long texts", `a: &a ${"x".repeat(100_000)}\nb: [${Array(5_000).fill("*a").join(", ")}]`],
	])("an alias bomb of %s is refused without being written out", (_, text) => {
		const found = faults(`${text}\n`);
		expect(found).toEqual([expect.stringContaining("too large once its aliases are written out")]);
		const included = parseConfig("include: [bomb.yaml]\n", { path: "main.yaml", env: {}, readFile: () => text });
		expect(included.ok ? [] : included.diagnostics.map(({ message }) => message)).toContain(
			"the file is too large once its aliases are written out",
		);
	});

	it.each([
		["flow lists", `a: ${"[".repeat(500)}${"]".repeat(500)}`],
		["flow lists that no parser takes", `a: ${"[".repeat(30_000)}${"]".repeat(30_000)}`],
		["block maps", Array.from({ length: 200 }, (__, depth) => `${" ".repeat(depth)}a:`).join("\n")],
	])("%s nested too deeply are a fault and no exception", (_, text) => {
		expect(faults(`${text}\n`).join()).toMatch(/nested too deeply|not valid YAML/);
	});

	it("aliases of a usual size are written out", () => {
		const entries = Array.from({ length: 300 }, (_, n) => `  - {model_name: m${n}, litellm_params: *p}`);
		const text = `x-p: &p {model: anthropic/claude-sonnet-5-5, api_key: sk-x, rpm: 5}\nmodel_list:\n${entries.join("\n")}\n`;
		const loaded = parseConfig(text, { path: "config.yaml", env: {} });
		expect(loaded.ok && loaded.config.deployments).toHaveLength(300);
	});

	it("a file that is not there, or is a directory, is a fault and no exception", () => {
		const missing = loadConfig("no-such.yaml", { env: {} });
		expect(missing.ok ? [] : missing.diagnostics.map(formatDiagnostic)[0]).toContain(
			"no-such.yaml: cannot be read: no such file",
		);
		const directory = loadConfig("src", { env: {} });
		expect(directory.ok ? [] : directory.diagnostics[0]?.message).toBe("cannot be read: it is a directory");
	});
});

describe("faults of options", () => {
	it.each([
		["no model_list", "warmpath: {}\n", "config.yaml model_list: is missing"],
		["an empty model_list", "model_list: []\n", "config.yaml:1:13 model_list: is empty"],
		[
			"a model_list that is no list",
			"model_list: {a: 1}\n",
			"config.yaml:1:13 model_list: expected a list of deployments",
		],
		[
			"an unknown section",
			`${deployment("")}modle_list: 1\n`,
			"config.yaml:6:1 modle_list: unknown option 'modle_list'\n    Did you mean 'model_list'?",
		],
		[
			"an option in the wrong section",
			`${deployment("")}master_key: sk-x\n`,
			"config.yaml:6:1 master_key: unknown option 'master_key'\n    It belongs in general_settings.",
		],
		[
			"an own option outside of warmpath",
			`${deployment("")}listen: {port: 1}\n`,
			"config.yaml:6:1 listen: unknown option 'listen'\n    It belongs in warmpath.",
		],
		[
			"an unknown own option",
			`${deployment("")}warmpath:\n  timeouts:\n    first_bite: 3s\n`,
			"config.yaml:8:5 warmpath.timeouts.first_bite: unknown option 'first_bite'\n    Did you mean 'first_byte'?",
		],
		[
			"an unknown router setting",
			`${deployment("")}router_settings: {enable_precall_checks: true}\n`,
			"config.yaml:6:19 router_settings.enable_precall_checks: unknown option 'enable_precall_checks'\n    Did you mean 'enable_pre_call_checks'?",
		],
		[
			"a slip in an option that LiteLLM knows",
			`${deployment("")}router_settings: {num_retry: 3}\n`,
			"config.yaml:6:19 router_settings.num_retry: unknown option 'num_retry'",
		],
		[
			"an option by another product's name",
			deployment("      base_url: https://x\n"),
			"config.yaml:6:7 model_list.0.litellm_params.base_url: unknown option 'base_url'\n    Did you mean 'api_base'?",
		],
		[
			"a missing model",
			`model_list:\n  - model_name: a\n    litellm_params:\n      api_key: ${KEY}\n`,
			"config.yaml:4:7 model_list.0.litellm_params.model: is missing",
		],
		[
			"a missing model_name",
			"model_list:\n  - litellm_params: {model: anthropic/x}\n",
			"config.yaml:2:5 model_list.0.model_name: is missing",
		],
		[
			"a flag for a name",
			`model_list:\n  - model_name: true\n    litellm_params: {model: anthropic/x, api_key: ${KEY}}\n`,
			"config.yaml:2:17 model_list.0.model_name: expected text, found true",
		],
		[
			"a wrong flag",
			`${deployment("")}warmpath: {routing: {affinity: maybe}}\n`,
			"config.yaml:6:32 warmpath.routing.affinity: expected true or false",
		],
		[
			"a wrong duration",
			`${deployment("")}warmpath: {timeouts: {idle: 5 parsecs}}\n`,
			"config.yaml:6:29 warmpath.timeouts.idle: expected a duration such as 30s, 500ms, 5m, or a number of seconds",
		],
		[
			"a duration of nothing",
			`${deployment("")}warmpath: {timeouts: {idle: 0}}\n`,
			"config.yaml:6:29 warmpath.timeouts.idle: must be at least 1ms",
		],
		[
			"a duration beyond timers",
			`${deployment("")}warmpath: {timeouts: {idle: 600h}}\n`,
			"config.yaml:6:29 warmpath.timeouts.idle: must be at most 24 days",
		],
		[
			"a port out of range",
			`${deployment("")}warmpath: {listen: {port: 70000}}\n`,
			"config.yaml:6:27 warmpath.listen.port: must be at most 65535",
		],
		[
			"a fraction for a count",
			deployment("      rpm: 1.5\n"),
			"config.yaml:6:12 model_list.0.litellm_params.rpm: expected a whole number",
		],
		[
			"a negative weight",
			deployment("      weight: -1\n"),
			"config.yaml:6:15 model_list.0.litellm_params.weight: must be at least 0",
		],
		[
			"a word out of a choice",
			`${deployment("")}warmpath: {log: {level: wran}}\n`,
			"config.yaml:6:25 warmpath.log.level: expected one of debug, info, warn, error. Did you mean 'warn'?",
		],
		[
			"an unknown pre-call check",
			`${deployment("")}router_settings: {optional_pre_call_checks: [prompt_cacheing]}\n`,
			"config.yaml:6:46 router_settings.optional_pre_call_checks.0: unknown pre-call check 'prompt_cacheing'\n    Did you mean 'prompt_caching'?",
		],
		[
			"a slip in the callback's name",
			`${deployment("")}callbacks:\n  - prompt_caching_deployment_chek\n`,
			"config.yaml:7:5 callbacks.0: unknown callback 'prompt_caching_deployment_chek'",
		],
		[
			"a section that is no map",
			`${deployment("")}general_settings: [1]\n`,
			"config.yaml:6:19 general_settings: expected a map of options, found a list",
		],
	])("%s", (_, text, expected) => {
		expect(faults(text)).toContainEqual(expect.stringContaining(expected));
		expect(faults(text)).toHaveLength(1);
	});
});

describe("faults of deployments", () => {
	it.each([
		[
			"a provider that is not supported",
			"model: gemini/x",
			"config.yaml:3:29 model_list.0.litellm_params.model: 'gemini/x' has a provider that is not supported ('gemini/')\n    Understood: anthropic/MODEL",
		],
		[
			"a model without a provider",
			"model: sonnet",
			"config.yaml:3:29 model_list.0.litellm_params.model: 'sonnet' does not say which provider it is of",
		],
		["a prefix without a model", "model: anthropic/", "names a provider, but no model"],
		["a Google model that is not Claude", "model: vertex_ai/gemini-pro", "'gemini-pro' is not a Claude model"],
		[
			"an unknown provider option",
			"model: x, custom_llm_provider: ollama",
			"the provider 'ollama' is not supported\n    Understood: anthropic, bedrock",
		],
		[
			"provider and prefix at odds",
			"model: anthropic/x, custom_llm_provider: bedrock",
			"the model's prefix says anthropic, the provider option says bedrock",
		],
		[
			"no Anthropic key",
			"model: anthropic/x",
			"config.yaml:3:21 model_list.0.litellm_params: a deployment of provider anthropic needs api_key\n    Add api_key to litellm_params, or set ANTHROPIC_API_KEY in the environment.",
		],
		["no AWS region", "model: bedrock/anthropic.claude-x", "needs aws_region_name or region_name"],
		[
			"no Google project",
			"model: vertex_ai/claude-x, vertex_location: global",
			"needs vertex_project or vertex_credentials",
		],
		[
			"no Foundry address",
			`model: azure_ai/claude-x, api_key: ${KEY}`,
			"a deployment of provider foundry needs api_base",
		],
		[
			"a Google location that is none",
			"model: vertex_ai/claude-x, vertex_project: p, vertex_location: us.east/5",
			"config.yaml:3:85 model_list.0.litellm_params.vertex_location: 'us.east/5' is no location of Google Cloud",
		],
		[
			"Google credentials that begin as JSON",
			"model: vertex_ai/claude-x, vertex_location: global, vertex_credentials: '{\"private_key\": hidden'",
			"vertex_credentials: begins as JSON and is none",
		],
		[
			"half a Microsoft Entra application",
			"model: azure_ai/claude-x, api_base: https://r.test, client_secret: s, client_id: c",
			"client_secret: client_secret needs tenant_id",
		],
		[
			"half an AWS key",
			"model: bedrock/anthropic.claude-x, aws_region_name: us-east-1, aws_access_key_id: A",
			"aws_access_key_id and aws_secret_access_key belong together",
		],
		[
			"a key that cannot be sent",
			"model: anthropic/x, api_key: sk two",
			"config.yaml:3:51 model_list.0.litellm_params.api_key: the key holds a space",
		],
		[
			"an address that is none",
			`model: anthropic/x, api_key: ${KEY}, api_base: nowhere`,
			"api_base: expected an address such as https://api.anthropic.com",
		],
		[
			"an address with a password",
			`model: anthropic/x, api_key: ${KEY}, api_base: "https://u:p@host"`,
			"api_base: the address must not hold a user name or password",
		],
		[
			"an address with a query",
			`model: anthropic/x, api_key: ${KEY}, api_base: "https://host?a=1"`,
			"api_base: the address must not have a ? or # part",
		],
		[
			"a bad header name",
			`model: anthropic/x, api_key: ${KEY}, extra_headers: {"a b": c}`,
			"extra_headers.a b: not a valid header name",
		],
		[
			"a header of the connection",
			`model: anthropic/x, api_key: ${KEY}, extra_headers: {Host: c}`,
			"extra_headers.Host: this header belongs to the connection",
		],
		[
			"a header with a line break",
			`model: anthropic/x, api_key: ${KEY}, extra_headers: {x-a: "b\\nc: d"}`,
			"extra_headers.x-a: the header's value holds a character",
		],
		["a * that stands for nothing", `model: anthropic/*, api_key: ${KEY}`, "the model_name has none"],
		["two stars", `model: anthropic/*-*, api_key: ${KEY}`, "a model may hold only one *"],
		[
			"a credential entry that is not there",
			`model: anthropic/x, api_key: ${KEY}, litellm_credential_name: shared`,
			"credential_list has no entry 'shared'",
		],
	])("%s", (_, params, expected) => {
		const found = faults(`model_list:\n  - model_name: a\n    litellm_params: {${params}}\n`);
		expect(found).toContainEqual(expect.stringContaining(expected));
	});

	it("a missing variable is named together with its deployment, and is the only fault of it", () => {
		const text = `model_list:
  - model_name: claude-code
    litellm_params: {model: anthropic/x, api_key: os.environ/KEY_1}
  - model_name: claude-code
    litellm_params:
      model: anthropic/x
      api_key: os.environ/KEY_2
      timeout: os.environ/EMPTY
`;
		expect(faults(text, { KEY_1: KEY, EMPTY: "" })).toEqual([
			"config.yaml:7:16 model_list.1.litellm_params.api_key: the environment variable KEY_2 is not set (deployment 2 of model_list, 'claude-code')\n    Set it before starting: export KEY_2=…, or give it under environment_variables.",
			"config.yaml:8:16 model_list.1.litellm_params.timeout: the environment variable EMPTY is not set (deployment 2 of model_list, 'claude-code')\n    Set it before starting: export EMPTY=…, or give it under environment_variables.",
		]);
	});

	it.each([
		["os.environ['KEY']", "Write os.environ/KEY."],
		["$" + "{KEY}", "Write os.environ/KEY."],
		["$KEY", "Write os.environ/KEY."],
	])("a variable written as %s is pointed at", (written, hint) => {
		const found = faults(
			`model_list:\n  - model_name: a\n    litellm_params: {model: anthropic/x, api_key: "${written}"}\n`,
		);
		expect(found).toEqual([
			expect.stringContaining(`environment variables are not written this way here\n    ${hint}`),
		]);
	});

	it("two deployments must not have one id", () => {
		const entry = (id: string): string =>
			`  - model_name: a\n    litellm_params: {model: anthropic/x, api_key: ${KEY}}\n    model_info: {id: ${id}}\n`;
		expect(faults(`model_list:\n${entry("one")}${entry("one")}${entry("7")}${entry("'7'")}`)).toEqual([
			expect.stringContaining(
				"config.yaml:7:22 model_list.1.model_info.id: the id 'one' is already that of the deployment at config.yaml:2:5",
			),
			expect.stringContaining(
				"config.yaml:13:22 model_list.3.model_info.id: the id '7' is already that of the deployment at config.yaml:8:5",
			),
		]);
	});
});

it("all faults are reported at once, in file order", () => {
	const found = faults(`model_list:
  - model_name: a
    litellm_params:
      model: gemini/x
      api_kye: x
      rpm: many
  - model_name: b
    litellm_params: {model: anthropic/x, api_key: os.environ/NOPE}
router_settings:
  timout: 3
  model_group_alias: {c: bb, d: {modell: a}}
general_settings: {master_key: os.environ/NO_MASTER}
warmpath:
  listen: {port: -1, hots: x}
  log: {level: loud}
nonsense: os.environ/NOT_LOOKED_FOR
`);
	expect(found.map((fault) => fault.split(" ").slice(0, 2).join(" "))).toEqual([
		"config.yaml:4:14 model_list.0.litellm_params.model:",
		"config.yaml:5:7 model_list.0.litellm_params.api_kye:",
		"config.yaml:6:12 model_list.0.litellm_params.rpm:",
		"config.yaml:8:51 model_list.1.litellm_params.api_key:",
		"config.yaml:10:3 router_settings.timout:",
		"config.yaml:11:26 router_settings.model_group_alias.c:",
		"config.yaml:11:33 router_settings.model_group_alias.d.model:",
		"config.yaml:11:34 router_settings.model_group_alias.d.modell:",
		"config.yaml:12:32 general_settings.master_key:",
		"config.yaml:14:18 warmpath.listen.port:",
		"config.yaml:14:22 warmpath.listen.hots:",
		"config.yaml:15:16 warmpath.log.level:",
		"config.yaml:16:1 nonsense:",
	]);
});
