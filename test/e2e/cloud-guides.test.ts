// The commands of docs/bedrock.md and docs/vertex.md as a reader types them, against the simulator: only ports and the way to the program
// differ. Claude Code by the same guide is two-aws-accounts.test.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { MAIN } from "../cli.ts";

const DOCS = join(import.meta.dirname, "..", "..", "docs");

/** Code blocks of one language below a heading, in order. */
async function blocks(guide: string, heading: string, language: string): Promise<string[]> {
	const text = await readFile(join(DOCS, guide), "utf8");
	const section = text.split(/^## /m).find((part) => part.startsWith(heading));
	if (section === undefined) throw new Error(`${guide} has no section '${heading}'`);
	return [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, kind, code = ""]) =>
		kind === language ? [code] : [],
	);
}

/** A reader's folder, in which `npx warmpath` is this checkout's build, and ports that are free. */
async function desk() {
	const folder = await mkdtemp(join(tmpdir(), "warmpath-guide-"));
	const bin = join(folder, "bin");
	await mkdir(bin);
	await writeFile(join(bin, "npx"), `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
	await chmod(join(bin, "npx"), 0o755);
	const [simulator, gateway] = [await freePort(), await freePort()];
	const env = { PATH: `${bin}:${dirname(process.execPath)}:${process.env["PATH"]}`, HOME: folder, KEY: "anything" };
	const terminals: ChildProcess[] = [];
	const type = (commands: string) => {
		const typed = commands
			.replaceAll("9100", String(simulator))
			.replaceAll("127.0.0.1:4000", `127.0.0.1:${gateway}`)
			.replace(/(warmpath --config \S+)/, `$1 --port ${gateway}`);
		const child = spawn("sh", ["-ec", typed], { cwd: folder, env, detached: true });
		terminals.push(child);
		return child;
	};
	return {
		folder,
		gateway: `http://127.0.0.1:${gateway}`,
		/** Types commands that go on; resolves when their output matches. */
		open: (commands: string, ready: RegExp) => until(type(commands), (output) => ready.test(output)),
		/** Types commands and waits for their end. */
		run: (commands: string) => until(type(commands), null),
		async [Symbol.asyncDispose](): Promise<void> {
			for (const { pid, exitCode } of terminals) if (pid !== undefined && exitCode === null) endGroup(pid);
			await rm(folder, { recursive: true, force: true, maxRetries: 5 });
		},
	};
}

/** Ends a terminal with what was started in it. */
function endGroup(pid: number): void {
	try {
		process.kill(-pid, "SIGKILL");
	} catch {
		// It has ended by itself.
	}
}

function until(child: ChildProcess, isReady: ((output: string) => boolean) | null): Promise<string> {
	return new Promise((resolve, reject) => {
		let output = "";
		const add = (chunk: Buffer) => {
			output += chunk.toString();
			if (isReady?.(output) === true) resolve(output);
		};
		child.stdout?.on("data", add);
		child.stderr?.on("data", add);
		child.on("close", (code) => (code === 0 && isReady === null ? resolve(output) : reject(new Error(output))));
	});
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	return typeof address === "object" && address !== null ? address.port : 0;
}

const READY = /RUNNING on http/;

test("the Bedrock guide, step by step: a write, then a read of the same size on the same Model ID", async () => {
	await using reader = await desk();
	const [config = ""] = await blocks("bedrock.md", "2. The configuration", "yaml");
	await writeFile(join(reader.folder, "config.yaml"), config);
	const [simulate = "", serve = ""] = await blocks("bedrock.md", "5. The same without AWS", "sh");
	const [ask = ""] = await blocks("bedrock.md", "4. See a write and a read", "sh");
	await reader.open(simulate, /SIMULATOR on http/);
	await reader.open(serve, READY);
	const check = await reader.run("npx warmpath check config.yaml");
	expect(check).toContain("config.yaml is valid, no warnings.");
	const lines = (await reader.run(ask)).trim().split(/\r?\n/);
	const value = (name: string) =>
		lines.filter((line) => line.includes(name)).map((line) => line.split(/: ?/)[1]?.trim());
	const [first, second] = value("x-litellm-model-id");
	expect(first).toMatch(/^[\w-]+$/);
	expect(second).toBe(first);
	expect(value("x-warmpath-affinity")).toEqual(["new", "hit"]);
	const [written, writtenAgain] = value("cache_creation").map(Number);
	expect(written).toBeGreaterThan(1_000);
	expect(writtenAgain).toBe(0);
	expect(value("cache_read").map(Number)).toEqual([0, written]);
});

test("the Bedrock guide with wrong secrets: the client learns which deployments, and no secret", async () => {
	await using reader = await desk();
	const [config = ""] = await blocks("bedrock.md", "2. The configuration", "yaml");
	const named = config.replaceAll(
		/aws_profile_name: (\S+)([\s\S]*?model_info:\n)/g,
		"aws_profile_name: $1$2    id: $1\n",
	);
	await writeFile(join(reader.folder, "config.yaml"), named);
	const [simulate = "", serve = ""] = await blocks("bedrock.md", "5. The same without AWS", "sh");
	await reader.open(simulate, /SIMULATOR on http/);
	await reader.open(serve.replaceAll("aws-secret-account", "aws-secret-wrong"), READY);
	const answer = await fetch(`${reader.gateway}/v1/messages`, {
		method: "POST",
		body: '{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
	});
	const text = await answer.text();
	expect(answer.status).toBe(502);
	expect(text).toMatch(
		/^.*Every deployment of 'us\.anthropic\.claude-sonnet-4-5-20250929-v1:0' refused the gateway's own credentials \(deployment account-\d: 40/,
	);
	expect(text).toContain("deployment account-1");
	expect(text).toContain("deployment account-2");
	expect(text).not.toContain("aws-secret");
});

test("the Vertex guide: the configuration that the simulator writes is served", async () => {
	await using reader = await desk();
	const [simulate = "", serve = ""] = await blocks("vertex.md", "Try it without Google", "sh");
	await reader.open(simulate, /SIMULATOR on http/);
	expect(await reader.run("npx warmpath check simulated.yaml")).toContain("is valid, no warnings.");
	await reader.open(serve, READY);
	const served = new Set<string | null>();
	for (let i = 0; i < 12; i += 1) {
		const answer = await fetch(`${reader.gateway}/v1/messages`, {
			method: "POST",
			body: JSON.stringify({ model: "claude-code", max_tokens: 9, messages: [{ role: "user", content: `hi ${i}` }] }),
		});
		expect(answer.status, await answer.text()).toBe(200);
		served.add(answer.headers.get("x-litellm-model-id"));
	}
	expect([...served].some((id) => id?.startsWith("project-"))).toBe(true);
});
