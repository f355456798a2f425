// The built command line as users run it: the guide's configuration, reload, demo, and the package from an empty folder.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { runCli, startCli } from "../cli.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";
import { claudeCodeCommand } from "../setup/claude-code.ts";

const run = promisify(execFile);

async function folder() {
	const path = await mkdtemp(join(tmpdir(), "warmpath-cli-"));
	return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

const KEYS = { ANTHROPIC_API_KEY_1: "sk-sim-1", ANTHROPIC_API_KEY_2: "sk-sim-2", ANTHROPIC_API_KEY_3: "sk-sim-3" };

/** The first guide's file, with an address for each deployment and a current model. */
function guideConfig(apiBase: string, models = [1, 2, 3]): string {
	const entries = models.map(
		(n) => `
  - model_name: claude-code
    litellm_params:
      model: anthropic/claude-sonnet-5-5
      api_key: os.environ/ANTHROPIC_API_KEY_${n}
      api_base: ${apiBase}`,
	);
	return `model_list:${entries.join("\n")}

# Enable prompt caching based routing
router_settings:
  enable_pre_call_checks: true

# Add the prompt caching deployment check
callbacks:
  - prompt_caching_deployment_check
`;
}

function simulatedKeys() {
	return startSimulator({ deployments: [1, 2, 3].map((n) => ({ name: `${n}`, apiKey: `sk-sim-${n}` })) });
}

test.skipIf(!inject("claudeCode").includes("current"))(
	"the guide's configuration serves Claude Code and its log shows the lines to look for",
	async () => {
		await using simulator = await simulatedKeys();
		await using dir = await folder();
		const file = join(dir.path, "config.yaml");
		await writeFile(file, guideConfig(simulator.url));
		await using gateway = await startCli(
			["--config", file, "--port", "0"],
			/^RUNNING on (http:\/\/127\.0\.0\.1:\d+)$/m,
			{ env: KEYS },
		);
		const gatewayUrl = gateway.match[1] ?? "";
		await using home = await claudeCodeHome({ form: "current", gatewayUrl, key: "sk-1234", model: "claude-code" });
		const result = await home.run({ prompt: "@@tools3@@ go", session: randomUUID() });
		expect(result).toMatchObject({ exitCode: 0, is_error: false });
		await gateway.waitFor(/(Found cached model_id[^\n]*\n(.|\n)*){3}/);
		const lines = gateway
			.output()
			.stdout.split("\n")
			.filter((line) => line.includes("prompt_caching_deployment_check"));
		expect(lines[0]).toMatch(/prompt_caching_deployment_check: Adding model_id to cache: \w+/);
		expect(lines[1]).toMatch(/prompt_caching_deployment_check: Found cached model_id: \w+/);
		expect(gateway.output().stdout).not.toContain("sk-sim");
	},
);

test("SIGHUP takes a new file without dropping a stream; a bad file keeps the old one and says why", async () => {
	await using simulator = await startSimulator({
		deployments: [1, 2, 3].map((n) => ({ name: `${n}`, apiKey: `sk-sim-${n}` })),
		speed: 1,
		latency: { baseMs: 0, prefillRate: 1e9, restoreRate: 1e9, decodeRate: 2_000 },
	});
	await using dir = await folder();
	const file = join(dir.path, "config.yaml");
	await writeFile(file, guideConfig(simulator.url));
	await using gateway = await startCli(["--config", file, "--port", "0"], /^RUNNING on (http:\/\/[\d.:]+)$/m, {
		env: KEYS,
	});
	const url = gateway.match[1] ?? "";
	const ask = (model: string) =>
		fetch(`${url}/v1/messages`, {
			method: "POST",
			body: JSON.stringify({
				model,
				max_tokens: 500,
				stream: true,
				messages: [{ role: "user", content: "@@long@@ talk" }],
			}),
		});

	const response = await ask("claude-code");
	const streaming = response.text();
	await writeFile(file, guideConfig(simulator.url, [1]).replace("claude-code", "claude-renamed"));
	gateway.kill("SIGHUP");
	await gateway.waitFor(/reloaded .*: 1 deployment in 1 model group/);
	expect((await ask("claude-code")).status).toBe(404);
	const renamed = await ask("claude-renamed");
	expect(renamed.status).toBe(200);
	expect(await streaming).toContain("event: message_stop");
	expect(await renamed.text()).toContain("event: message_stop");

	await writeFile(file, "model_list:\n  - model_name: x\n    litellm_params: { modle: y }\n");
	gateway.kill("SIGHUP");
	await gateway.waitFor(/config\.yaml:3:\d+[^\n]*modle[^\n]*[\s\S]*the configuration in use stays/);
	const last = await ask("claude-renamed");
	expect(last.status).toBe(200);
	await last.text();

	gateway.kill("SIGTERM");
	expect(await gateway.ended).toBe(0);
});

test("a faulty file is refused at start with every fault and its place", async () => {
	await using dir = await folder();
	const file = join(dir.path, "config.yaml");
	await writeFile(
		file,
		"model_list:\n  - model_name: a\n    litellm_params: { modle: anthropic/claude-x }\n  - litellm_params: { model: anthropic/claude-y, api_key: os.environ/NOT_SET }\n",
	);
	const started = await runCli(["--config", file]);
	expect(started.code).toBe(1);
	expect(started.stderr).toMatch(/config\.yaml:3:\d+/);
	expect(started.stderr).toMatch(/config\.yaml:4:\d+/);
	expect(started.stderr).toContain("NOT_SET");
	const checked = await runCli(["check", file]);
	expect(checked.code).toBe(1);
	expect(checked.stdout).toContain("NOT_SET");
});

test("listening beyond loopback without a master key is refused", async () => {
	await using dir = await folder();
	const file = join(dir.path, "config.yaml");
	await writeFile(file, guideConfig("http://127.0.0.1:9"));
	const started = await runCli(["--config", file, "--host", "0.0.0.0"], { env: KEYS });
	expect(started.code).toBe(1);
	expect(started.stderr).toMatch(/master_key/);
});

test("a line that names no configuration or no command says what to type instead", async () => {
	const bare = await runCli([]);
	expect(bare.code).toBe(1);
	expect(bare.stderr).toMatch(/no configuration given[\s\S]*warmpath --config config\.yaml[\s\S]*warmpath demo/);
	const file = await runCli(["config.yaml"]);
	expect(file.stderr).toContain("warmpath --config config.yaml");
	const slip = await runCli(["sim"]);
	expect(slip.code).toBe(1);
	expect(slip.stderr).toMatch(/'sim' is no command[\s\S]*Did you mean simulator\?/);
});

test("a port that is taken is said in a sentence", async () => {
	await using simulator = await simulatedKeys();
	const { port } = new URL(simulator.url);
	const taken = await runCli(["simulator", "--port", port]);
	expect(taken).toMatchObject({
		code: 1,
		stderr: `warmpath: port ${port} of 127.0.0.1 is taken. Choose another one with --port.\n`,
	});
});

test("the demo ends by itself and shows conversations that stay and what that saved", async () => {
	const demo = await runCli(["demo", "--for", "8s"]);
	expect(demo.code).toBe(0);
	const hits = demo.stdout.match(/hit, prefix/g) ?? [];
	expect(hits.length).toBeGreaterThan(10);
	const saved = /saved\s+\$(\d+\.\d+)/.exec(demo.stdout);
	expect(Number(saved?.[1])).toBeGreaterThan(0);
});

test("--help teaches with examples, also for every command", async () => {
	for (const args of [
		["--help"],
		["serve", "--help"],
		["check", "--help"],
		["demo", "--help"],
		["simulator", "--help"],
		["claude", "--help"],
		["replay", "--help"],
		["keys", "--help"],
		["keys", "create", "--help"],
		["db", "--help"],
	]) {
		const help = await runCli(args);
		expect(help.code).toBe(0);
		expect(help.stdout).toMatch(args.length === 1 ? /Commands:/ : /Examples:/);
	}
});

test.skipIf(!inject("claudeCode").includes("current"))(
	"'warmpath claude' starts Claude Code against the gateway, and says what to do when there is none",
	async () => {
		await using world = await startWorld({ deployments: ["a", "b"] });
		await using dir = await folder();
		const [program = ""] = claudeCodeCommand("current");
		await symlink(program, join(dir.path, "claude"));
		const env = {
			PATH: `${dir.path}:${process.env["PATH"] ?? ""}`,
			HOME: dir.path,
			ANTHROPIC_API_KEY: "sk-must-not-be-used",
			CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
			DISABLE_AUTOUPDATER: "1",
		};
		const args = [
			"claude",
			"--gateway",
			world.gateway.url,
			"--key",
			MASTER_KEY,
			"-p",
			"@@text@@ hello",
			"--output-format",
			"json",
		];
		const run = await runCli(args, { env, cwd: dir.path });
		expect(JSON.parse(run.stdout)).toMatchObject({ is_error: false });
		expect(world.messages().length).toBeGreaterThan(0);
		expect(JSON.stringify(world.messages())).not.toContain("sk-must-not-be-used");

		const alone = await runCli(["claude", "--gateway", "http://127.0.0.1:9"], { env });
		expect(alone.code).toBe(1);
		expect(alone.stderr).toMatch(/no gateway answers.*warmpath --config config\.yaml/);
		const refused = await runCli(["claude", "--gateway", world.gateway.url, "--key", "sk-wrong"], { env });
		expect(refused.code).toBe(1);
		expect(refused.stderr).toMatch(/refuses this key/);
	},
);

test("the packed package works in an empty folder", async () => {
	await using dir = await folder();
	const root = join(import.meta.dirname, "..", "..");
	await run("npm", ["pack", "--silent", "--pack-destination", dir.path], { cwd: root, timeout: 120_000 });
	const [tarball = ""] = (await readdir(dir.path)).filter((name) => name.endsWith(".tgz"));
	const empty = join(dir.path, "empty");
	await mkdir(empty);
	await writeFile(join(empty, "package.json"), '{"private":true}');
	await run("npm", ["install", "--silent", "--no-audit", "--no-fund", join(dir.path, tarball)], {
		cwd: empty,
		timeout: 120_000,
	});
	const version = await run(join(empty, "node_modules", ".bin", "warmpath"), ["--version"]);
	expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
	const demo = await run(join(empty, "node_modules", ".bin", "warmpath"), ["demo", "--for", "3s"], { timeout: 60_000 });
	expect(demo.stdout).toMatch(/read from cache/);
});
