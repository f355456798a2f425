// `warmpath claude` with the real client on a machine that is set up for other providers: nothing may go past the gateway.
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { runCli } from "../cli.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";
import { claudeCodeCommand } from "../setup/claude-code.ts";

const REAL = "sk-ant-api03-a-real-credential";

/** What leads to other providers, by the address of one. */
function elsewhere(url: string): Readonly<Record<string, Readonly<Record<string, string>>>> {
	const aws = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: REAL };
	return {
		bedrock: { CLAUDE_CODE_USE_BEDROCK: "1", ANTHROPIC_BEDROCK_BASE_URL: url, AWS_BEARER_TOKEN_BEDROCK: REAL, ...aws },
		mantle: {
			CLAUDE_CODE_USE_MANTLE: "1",
			ANTHROPIC_BEDROCK_MANTLE_BASE_URL: url,
			AWS_BEARER_TOKEN_BEDROCK: REAL,
			...aws,
		},
		foundry: { CLAUDE_CODE_USE_FOUNDRY: "1", ANTHROPIC_FOUNDRY_BASE_URL: url, ANTHROPIC_FOUNDRY_API_KEY: REAL },
		"platform on AWS": {
			CLAUDE_CODE_USE_ANTHROPIC_AWS: "1",
			ANTHROPIC_AWS_BASE_URL: url,
			ANTHROPIC_AWS_API_KEY: REAL,
			ANTHROPIC_AWS_WORKSPACE_ID: "wrkspc_1",
			...aws,
		},
		vertex: {
			CLAUDE_CODE_USE_VERTEX: "1",
			ANTHROPIC_VERTEX_BASE_URL: url,
			CLAUDE_CODE_SKIP_VERTEX_AUTH: "1",
			CLOUD_ML_REGION: "us-east5",
			ANTHROPIC_VERTEX_PROJECT_ID: "p",
		},
		"the provider itself": {
			ANTHROPIC_BASE_URL: url,
			ANTHROPIC_API_KEY: REAL,
			ANTHROPIC_AUTH_TOKEN: REAL,
			ANTHROPIC_CUSTOM_HEADERS: `x-api-key: ${REAL}`,
			CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-real-credential",
		},
		"a proxy": { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url },
	};
}

const CASES = Object.keys(elsewhere("")).flatMap((name) => [
	[name, "in the environment"] as const,
	[name, "in the user's settings file"] as const,
]);

test.skipIf(!inject("claudeCode").includes("current")).each(CASES)(
	"what leads to another provider (%s) %s leads nowhere",
	async (name, where) => {
		await using provider = await startRecordingUpstream((_, response) => response.writeHead(404).end("{}"));
		await using world = await startWorld({ deployments: ["one"] });
		const root = await mkdtemp(join(tmpdir(), "warmpath-claude-"));
		try {
			const [program = ""] = claudeCodeCommand("current");
			await symlink(program, join(root, "claude"));
			await mkdir(join(root, "home", ".claude"), { recursive: true });
			const given = elsewhere(provider.url)[name] ?? {};
			if (where !== "in the environment") {
				const settings = { env: given, apiKeyHelper: `echo ${REAL}` };
				await writeFile(join(root, "home", ".claude", "settings.json"), JSON.stringify(settings));
			}
			const env = {
				PATH: `${root}:/usr/local/bin:/usr/bin:/bin`,
				HOME: join(root, "home"),
				CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
				CLAUDE_CODE_MAX_RETRIES: "0",
				DISABLE_AUTOUPDATER: "1",
				...(where === "in the environment" ? given : {}),
			};
			const args = ["claude", "--gateway", world.gateway.url, "--key", MASTER_KEY, "--", "-p", "hello"];
			const ran = await runCli(args, { env, cwd: root });
			expect(ran.code, ran.stdout + ran.stderr).toBe(0);
			expect(world.messages().length).toBeGreaterThan(0);
			expect(provider.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
		} finally {
			await rm(root, { recursive: true, force: true, maxRetries: 5 });
		}
	},
);
