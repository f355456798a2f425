// LiteLLM's guide for two AWS accounts, step by step with the real Claude Code: the guide's file as it is, plus the simulator's address.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const ready = inject("claudeCode");
const MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const GUIDE = readFileSync(
	fileURLToPath(new URL("../../src/config/__fixtures__/claude-code-two-aws-accounts.yaml", import.meta.url)),
	"utf8",
);

let directory = "";
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "warmpath-accounts-"));
	const profile = (name: string, key: string) =>
		`[${name}]\naws_access_key_id = AKIA${key}\naws_secret_access_key = secret-${key}\n`;
	writeFileSync(join(directory, "credentials"), profile("account-1", "one") + profile("account-2", "two"));
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(directory, "credentials"));
	vi.stubEnv("AWS_CONFIG_FILE", join(directory, "config"));
	vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(directory, { recursive: true });
});

async function startGuide() {
	const account = (name: string) => ({
		name,
		accessKeyId: `AKIA${name}`,
		secretAccessKey: `secret-${name}`,
		region: "us-west-2",
	});
	const simulator = await startSimulator({ aws: [account("one"), account("two")] });
	const withEndpoints = GUIDE.replaceAll(
		/^(\s*)aws_region_name: .*$/gm,
		(line, indent: string) => `${line}\n${indent}aws_bedrock_runtime_endpoint: ${simulator.url}`,
	);
	const gateway = await startTestGateway(
		configFrom(
			`${withEndpoints}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n`,
		),
	);
	return {
		simulator,
		gateway,
		/** Generations with cached tokens, oldest first. */
		cached: () =>
			simulator.recorded().filter(({ usage }) => usage !== null && usage.read + usage.write5m + usage.write1h > 0),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

const FORMATS: readonly [string, (url: string) => Record<string, string>][] = [
	["Messages format", () => ({})],
	[
		"Bedrock format",
		(url) => ({
			CLAUDE_CODE_USE_BEDROCK: "1",
			ANTHROPIC_BEDROCK_BASE_URL: `${url}/bedrock`,
			AWS_REGION: "us-west-2",
			AWS_BEARER_TOKEN_BEDROCK: MASTER_KEY,
		}),
	],
	[
		"Vertex format",
		(url) => ({
			CLAUDE_CODE_USE_VERTEX: "1",
			CLAUDE_CODE_SKIP_VERTEX_AUTH: "1",
			ANTHROPIC_VERTEX_BASE_URL: `${url}/vertex/v1`,
			ANTHROPIC_VERTEX_PROJECT_ID: "any",
			ANTHROPIC_CUSTOM_HEADERS: `x-api-key: ${MASTER_KEY}`,
			CLOUD_ML_REGION: "us-east5",
			ANTHROPIC_MODEL: "claude-sonnet-4-5@20250929",
			ANTHROPIC_SMALL_FAST_MODEL: "claude-sonnet-4-5@20250929",
		}),
	],
];

function startHome(world: Awaited<ReturnType<typeof startGuide>>) {
	return claudeCodeHome({ form: "current", gatewayUrl: world.gateway.url, key: MASTER_KEY, model: MODEL });
}

describe.skipIf(!ready.includes("current"))("the two-account guide with Claude Code", () => {
	it.each(FORMATS)(
		"%s: launched, quit, launched again with the same prompt, it reads the cache on the same Model ID",
		async (_name, envOf) => {
			await using world = await startGuide();
			await using home = await startHome(world);
			const env = envOf(world.gateway.url);
			const first = await home.run({ prompt: "Say hello.", env });
			expect(first, first.stderr).toMatchObject({ exitCode: 0, is_error: false });
			const written = world.cached().at(-1);
			expect((written?.usage?.write5m ?? 0) + (written?.usage?.write1h ?? 0)).toBeGreaterThan(1_000);
			const before = world.cached().length;
			const second = await home.run({ prompt: "Say hello.", env });
			expect(second, second.stderr).toMatchObject({ exitCode: 0, is_error: false });
			const reads = world.cached().slice(before);
			expect(reads.length).toBeGreaterThan(0);
			expect(reads.at(-1)?.usage?.read ?? 0).toBeGreaterThan(8_000);
			expect(new Set(world.cached().map(({ deployment }) => deployment)).size).toBe(1);
			// What the guide asks its readers to look for in the log.
			const ids = (words: string) =>
				world.gateway.logLines.flatMap((line) => new RegExp(`${words} model_id[^:]*: ([\\w-]+)`).exec(line)?.[1] ?? []);
			expect(ids("Adding").length).toBeGreaterThan(0);
			expect(ids("Found cached").length).toBeGreaterThan(0);
			expect(new Set([...ids("Adding"), ...ids("Found cached")]).size).toBe(1);
		},
	);

	it.each(FORMATS)(
		"%s: a wrong secret is reported by its deployment's name, without the secret",
		async (_name, envOf) => {
			const file = join(directory, "credentials");
			writeFileSync(file, readFileSync(file, "utf8").replaceAll(/secret-\w+/g, "not-the-secret"));
			await using world = await startGuide();
			await using home = await startHome(world);
			const run = await home.run({ prompt: "Say hello.", env: envOf(world.gateway.url) });
			const names = world.gateway.router.deployments().map(({ id }) => id);
			expect(run.is_error).toBe(true);
			expect(run.result).toContain("refused the gateway's own credentials");
			for (const name of names) expect(run.result).toContain(`deployment ${name}`);
			expect(run.result + world.gateway.logLines.join("\n")).not.toMatch(/not-the-secret|AKIAone|AKIAtwo/);
		},
	);
});
