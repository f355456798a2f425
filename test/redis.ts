// A private Redis (or Valkey) server for tests: on loopback, nothing on disk. Installs it by apt where it is missing and we may (root, CI);
// elsewhere `redisProgram` says why tests are skipped, loudly.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["redis-server", "valkey-server"];
const START_MS = 30_000;

export interface RedisServer {
	/** `redis://127.0.0.1:PORT` */
	readonly url: string;
	readonly port: number;
	/** Ends the server at once, as a crash would; what it held is gone. */
	kill(): Promise<void>;
	/** Lets it hang: connections stay open, nothing is answered, until `resume`. */
	pause(): void;
	resume(): void;
	/** Starts it again on the same port, empty. */
	start(): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}

let known: string | null | undefined;

/** Path of the server; null (after a loud line) where there is none. In CI that throws: nothing may be skipped there. */
export function redisProgram(): string | null {
	if (known !== undefined) return known;
	let found = findProgram();
	if (found === null && process.getuid?.() === 0 && process.env["CI"] !== undefined) {
		const options = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
		spawnSync("apt-get", ["update"], options);
		spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "redis-server"], options);
		found = findProgram();
	}
	if (found === null) {
		if (process.env["CI"] !== undefined)
			throw new Error("Redis is missing and could not be installed: CI skips nothing");
		process.stderr.write("\nSKIPPED: tests on Redis, for it is not installed (apt-get install redis-server)\n\n");
	}
	known = found;
	return found;
}

/** Starts a server. Call it only where `redisProgram()` is not null. */
export async function startRedis(): Promise<RedisServer> {
	const program = redisProgram();
	if (program === null) throw new Error("Redis is not installed");
	const folder = mkdtempSync(join(tmpdir(), "warmpath-redis-"));
	const port = await freePort();
	let running: ReturnType<typeof spawn> | null = null;

	async function start(): Promise<void> {
		const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
		const child = spawn(program as string, [...where, "--save", "", "--appendonly", "no"], { stdio: "ignore" });
		running = child;
		const until = Date.now() + START_MS;
		while (!(await answers(port))) {
			if (child.exitCode !== null || Date.now() > until) throw new Error("the test's Redis did not start");
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	}

	async function kill(): Promise<void> {
		const child = running;
		running = null;
		if (child === null || child.exitCode !== null) return;
		const gone = new Promise((resolve) => child.once("exit", resolve));
		child.kill("SIGKILL");
		await gone;
	}

	await start();
	return {
		url: `redis://127.0.0.1:${port}`,
		port,
		start,
		kill,
		pause: () => void running?.kill("SIGSTOP"),
		resume: () => void running?.kill("SIGCONT"),
		async [Symbol.asyncDispose]() {
			await kill();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

function findProgram(): string | null {
	const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/bin"];
	const paths = PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program)));
	return paths.find((path) => existsSync(path)) ?? null;
}

/** Whether it answers PING. */
function answers(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ port, host: "127.0.0.1" }, () => socket.write("PING\r\n"));
		const end = (answer: boolean) => {
			socket.destroy();
			resolve(answer);
		};
		socket.once("data", (data) => end(data.toString().startsWith("+PONG")));
		socket.once("error", () => end(false));
	});
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}
