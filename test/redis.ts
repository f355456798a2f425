// A private Redis (or Valkey) server for tests: on loopback, nothing on disk. Leaves installing it and its process to test/private-server.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, privateServer, programOf } from "./private-server.ts";

const PROGRAMS = ["redis-server", "valkey-server"];

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

/** Path of the server; null where there is none, see `programOf`. */
export const redisProgram = programOf("Redis", "redis-server", findProgram);

/** Starts a server. Call it only where `redisProgram()` is not null. */
export async function startRedis(): Promise<RedisServer> {
	const program = redisProgram();
	if (program === null) throw new Error("Redis is not installed");
	const folder = mkdtempSync(join(tmpdir(), "warmpath-redis-"));
	const port = await freePort();
	const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
	const server = privateServer(
		{ name: "Redis", program, arguments: [...where, "--save", "", "--appendonly", "no"] },
		{},
		() => answers(port),
	);
	await server.start();
	return {
		url: `redis://127.0.0.1:${port}`,
		port,
		start: () => server.start(),
		kill: () => server.end("SIGKILL"),
		pause: () => server.signal("SIGSTOP"),
		resume: () => server.signal("SIGCONT"),
		async [Symbol.asyncDispose]() {
			await server.end("SIGKILL");
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
