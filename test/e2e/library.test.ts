// The examples of the library as users run them: from this checkout's build, and from the package in an empty folder.
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/server.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..");
const EXAMPLES = join(ROOT, "examples");

function simulated(): Promise<Simulator> {
	return startSimulator({ deployments: [{ name: "1" }, { name: "2" }, { name: "3" }] });
}

function envFor(simulator: Simulator) {
	return { PATH: process.env["PATH"] ?? "", UPSTREAM_URL: simulator.url };
}

async function output(example: string, simulator: Simulator): Promise<string> {
	const { stdout, stderr } = await run(process.execPath, [example], { env: envFor(simulator), timeout: 60_000 });
	expect(stderr).toBe("");
	return stdout;
}

/** Every turn but the first reads exactly what was foretold, on one deployment. */
function expectConversation(stdout: string): void {
	const turns = [...stdout.matchAll(/^(\w+) \((\w+)\): (\d+) tokens foretold, (\d+) read/gm)];
	expect(turns.map(([, , reason]) => reason)).toEqual(["cold", "prefix", "prefix"]);
	expect(new Set(turns.map(([, deployment]) => deployment)).size).toBe(1);
	for (const [, , , foretold, read] of turns) expect(read).toBe(foretold);
	expect(Number(turns[2]?.[4])).toBeGreaterThan(1024);
}

test("every example is run here", async () => {
	const files = (await readdir(EXAMPLES)).filter((name) => name.endsWith(".mjs"));
	expect(files.sort()).toEqual(["conversation.mjs", "embedded.mjs", "streaming.mjs"]);
});

test("the conversation example keeps its deployment and reads its cache", async () => {
	await using simulator = await simulated();
	expectConversation(await output(join(EXAMPLES, "conversation.mjs"), simulator));
});

test("the streaming example shows both APIs and an error", async () => {
	await using simulator = await simulated();
	const stdout = await output(join(EXAMPLES, "streaming.mjs"), simulator);
	expect(stdout.match(/Simulated answer to: Tell me about caches\./g)).toHaveLength(2);
	expect(stdout).toContain("NotFoundError 404 unknown_model: model: no model group named 'no-such-model'");
});

test("the embedded example serves clients below its prefix and the rest itself", async () => {
	await using simulator = await simulated();
	const args = [join(EXAMPLES, "embedded.mjs"), join(EXAMPLES, "config.yaml"), "0"];
	const child = spawn(process.execPath, args, { env: envFor(simulator), stdio: ["ignore", "pipe", "inherit"] });
	const ended = new Promise((resolve) => child.once("close", resolve));
	try {
		const url = await new Promise<string>((resolve) => {
			child.stdout.on("data", (chunk: Buffer) => resolve(/http:\S+/.exec(String(chunk))?.[0] ?? ""));
		});
		const client = new Anthropic({ baseURL: `${url}/llm`, apiKey: "anything", maxRetries: 0 });
		const messages = [{ role: "user" as const, content: "Hello" }];
		const message = await client.messages.create({ model: "claude", max_tokens: 100, messages });
		expect(message.content).toMatchObject([{ text: "Simulated answer to: Hello" }]);
		expect(await (await fetch(url)).text()).toBe("The rest of the application.\n");
	} finally {
		child.kill("SIGTERM");
	}
	expect(await ended).toBe(0);
});

/** What a program in TypeScript writes; `tsc` says whether the declarations fit together. */
const PROGRAM = `
import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { CallError, createHandler, Gateway, Router } from "warmpath";
const body: Anthropic.MessageCreateParamsNonStreaming = { model: "claude", max_tokens: 1, messages: [] };
await using router = await Router.open({
	model_list: [{ model_name: "claude", litellm_params: { model: "anthropic/claude-sonnet-5-5", api_key: "key" } }],
	router_settings: { num_retries: 2, an_option_of_later: true },
});
const message: Anthropic.Message = await router.messages(body);
for await (const event of await router.messages({ ...body, stream: true })) {
	const said: Anthropic.RawMessageStreamEvent = event;
	console.log(said.type);
}
const chat: OpenAI.ChatCompletion = await router.chatCompletions({ model: "claude", messages: [] });
// @ts-expect-error the Messages API needs max_tokens
await router.messages({ model: "claude", messages: [] }).catch((error) => error instanceof CallError);
const gateway = await Gateway.start("config.yaml", { port: 0 });
const handler = await createHandler(new URL("file:///config.yaml"), { prefix: "/llm" });
console.log(message.id, chat.id, gateway.url, handler.close, (await router.messages(body)).warmpath.model_id);
`;

test("the packed package runs the example in an empty folder, without any SDK, and its types fit the SDKs'", async () => {
	await using simulator = await simulated();
	const folder = await mkdtemp(join(tmpdir(), "warmpath-library-"));
	try {
		await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT });
		const [tarball = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
		const empty = join(folder, "empty");
		await mkdir(empty);
		await writeFile(join(empty, "package.json"), '{"private":true,"type":"module"}');
		const flags = ["--silent", "--no-audit", "--no-fund"];
		await run("npm", ["install", ...flags, join(folder, tarball)], { cwd: empty, timeout: 120_000 });
		expect(await readdir(join(empty, "node_modules"))).not.toContain("openai");
		await cp(EXAMPLES, join(empty, "examples"), { recursive: true });
		expectConversation(await output(join(empty, "examples", "conversation.mjs"), simulator));

		const installed = join(ROOT, "node_modules");
		await mkdir(join(empty, "node_modules", "@anthropic-ai"), { recursive: true });
		for (const name of ["@anthropic-ai/sdk", "openai", "@types"])
			await symlink(join(installed, name), join(empty, "node_modules", name)).catch(ignoreExisting);
		await writeFile(join(empty, "program.ts"), PROGRAM);
		const compilerOptions = {
			target: "es2023",
			lib: ["es2023", "esnext.disposable"],
			module: "nodenext",
			strict: true,
			noEmit: true,
			skipLibCheck: false,
			types: ["node"],
		};
		await writeFile(join(empty, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
		const compiled = await run(process.execPath, [join(installed, "typescript", "bin", "tsc"), "-p", empty]).catch(
			(error: { readonly stdout: string }) => error,
		);
		expect(compiled.stdout).toBe("");
	} finally {
		await rm(folder, { recursive: true, force: true, maxRetries: 5 });
	}
});

function ignoreExisting(error: unknown): void {
	if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
}
