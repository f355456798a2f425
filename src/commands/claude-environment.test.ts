import { expect, test } from "vitest";
import { claudeEnvironment, gatewayKeyOf, leadsPast } from "./claude-environment.ts";

const ABOUT = { gateway: "http://127.0.0.1:4000", model: "claude-code", key: "sk-gateway" };

test.each([
	"ANTHROPIC_API_KEY",
	"ANTHROPIC_AWS_API_KEY",
	"ANTHROPIC_AWS_BASE_URL",
	"ANTHROPIC_AWS_WORKSPACE_ID",
	"ANTHROPIC_BEDROCK_BASE_URL",
	"ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
	"ANTHROPIC_CONFIG_DIR",
	"ANTHROPIC_FOUNDRY_API_KEY",
	"ANTHROPIC_FOUNDRY_RESOURCE",
	"ANTHROPIC_GOOGLE_CLOUD_BASE_URL",
	"ANTHROPIC_IDENTITY_TOKEN_FILE",
	"ANTHROPIC_PROFILE",
	"ANTHROPIC_UNIX_SOCKET",
	"ANTHROPIC_VERTEX_PROJECT_ID",
	"ANTHROPIC_SOME_LATER_CLOUD_BASE_URL",
	"AWS_BEARER_TOKEN_BEDROCK",
	"CLAUDE_CODE_API_BASE_URL",
	"CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
	"CLAUDE_CODE_CUSTOM_OAUTH_URL",
	"CLAUDE_CODE_GATEWAY_TOKEN",
	"CLAUDE_CODE_HOST_AUTH_ENV_VAR",
	"CLAUDE_CODE_HOST_CREDS_FILE",
	"CLAUDE_CODE_OAUTH_TOKEN",
	"CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
	"CLAUDE_CODE_RUNNER_MODEL_SOCKET",
	"CLAUDE_CODE_SESSION_ACCESS_TOKEN",
	"CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH",
	"CLAUDE_CODE_SKIP_BEDROCK_AUTH",
	"CLAUDE_CODE_SKIP_MANTLE_AUTH",
	"CLAUDE_CODE_SKIP_SOME_LATER_CLOUD_AUTH",
	"CLAUDE_CODE_USE_ANTHROPIC_AWS",
	"CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
	"CLAUDE_CODE_USE_BEDROCK",
	"CLAUDE_CODE_USE_FOUNDRY",
	"CLAUDE_CODE_USE_GATEWAY",
	"CLAUDE_CODE_USE_MANTLE",
	"CLAUDE_CODE_USE_SOME_LATER_CLOUD",
	"CLAUDE_CODE_USE_VERTEX",
	"claude_code_use_bedrock",
])("%s does not reach Claude Code", (name) => {
	expect(leadsPast(name)).toBe(true);
	expect(Object.keys(claudeEnvironment({ [name]: "1" }, ABOUT))).not.toContain(name);
});

test.each([
	"ANTHROPIC_DEFAULT_OPUS_MODEL",
	"ANTHROPIC_DEFAULT_HAIKU_MODEL",
	"ANTHROPIC_SMALL_FAST_MODEL",
	"ANTHROPIC_BETAS",
	"ANTHROPIC_LOG",
	"API_TIMEOUT_MS",
	"AWS_PROFILE",
	"AWS_REGION",
	"CLAUDE_CODE_GATEWAY_HINT_HEADERS",
	"CLAUDE_CODE_MAX_OUTPUT_TOKENS",
	"CLAUDE_CODE_MAX_RETRIES",
	"CLAUDE_CODE_SKIP_PROMPT_HISTORY",
	"CLAUDE_CODE_USE_POWERSHELL_TOOL",
	"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
	"CLAUDE_CONFIG_DIR",
	"GOOGLE_APPLICATION_CREDENTIALS",
	"HOME",
	"PATH",
])("%s stays: the client's settings and the user's own tools need it", (name) => {
	expect(claudeEnvironment({ [name]: "kept" }, ABOUT)[name]).toBe("kept");
});

test("of the user's own headers those stay that are no credential", () => {
	const lines =
		"x-litellm-tags: team-a\nX-Api-Key: sk-ant-api03-real\nx-forwarded: Bearer abc\nanthropic-workspace-id: w\nAuthorization: x";
	expect(claudeEnvironment({ ANTHROPIC_CUSTOM_HEADERS: lines }, ABOUT)["ANTHROPIC_CUSTOM_HEADERS"]).toBe(
		"x-litellm-tags: team-a",
	);
	const none = claudeEnvironment({ ANTHROPIC_CUSTOM_HEADERS: "x-api-key: sk-ant-api03-real" }, ABOUT);
	expect(Object.keys(none)).not.toContain("ANTHROPIC_CUSTOM_HEADERS");
});

test.each(["http://127.0.0.1:4000", "http://localhost:4000", "http://[::1]:4000"])(
	"no proxy stands between the client and a gateway on this machine, %s",
	(gateway) => {
		const env = claudeEnvironment({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "intern" }, { ...ABOUT, gateway });
		expect(env).toMatchObject({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "intern,127.0.0.1,localhost,::1" });
		expect(env["no_proxy"]).toBe(env["NO_PROXY"]);
	},
);

test("a gateway elsewhere is reached as the user's machine reaches other hosts", () => {
	const env = claudeEnvironment({ HTTPS_PROXY: "http://proxy:3128" }, { ...ABOUT, gateway: "https://llm.example.com" });
	expect(env["NO_PROXY"]).toBe(undefined);
});

test("a credential of the provider is not taken for the gateway's key", () => {
	expect(gatewayKeyOf({ ANTHROPIC_AUTH_TOKEN: "sk-ant-oat01-real", WARMPATH_MASTER_KEY: "sk-master" })).toBe(
		"sk-master",
	);
	expect(gatewayKeyOf({ ANTHROPIC_AUTH_TOKEN: "sk-of-gateway", WARMPATH_MASTER_KEY: "sk-master" })).toBe(
		"sk-of-gateway",
	);
	expect(gatewayKeyOf({})).toBe(null);
});
