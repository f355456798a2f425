// A private Postgres server for tests: its own data directory, a Unix socket and a free port on loopback. Installs Postgres by apt where
// it is missing and we may (root, CI); elsewhere `postgresAvailable` says why tests are skipped, loudly.
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

const ROOT_FOLDER = "/usr/lib/postgresql";
const START_MS = 30_000;

export interface PostgresServer {
	readonly host: string;
	readonly port: number;
	/** A new empty database of this server. */
	database(): Promise<string>;
	/** Ends the server at once, as a crash would. */
	kill(): Promise<void>;
	/** Starts it again on the same port, with the same data. */
	start(): Promise<void>;
	/** Ends it and removes its data. */
	[Symbol.asyncDispose](): Promise<void>;
}

let known: string | null | undefined;

/** Folder of Postgres's programs; null (after a loud line) where there are none. In CI that throws: nothing may be skipped there. */
export function postgresPrograms(): string | null {
	if (known !== undefined) return known;
	let found = findPrograms();
	if (found === null && isRoot() && process.env["CI"] !== undefined) {
		const options = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
		spawnSync("apt-get", ["update"], options);
		spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "postgresql"], options);
		found = findPrograms();
	}
	if (found === null) {
		if (process.env["CI"] !== undefined)
			throw new Error("Postgres is missing and could not be installed: CI skips nothing");
		process.stderr.write("\nSKIPPED: tests on Postgres, for it is not installed (apt-get install postgresql)\n\n");
	}
	known = found;
	return found;
}

/** Starts a server. Call it only where `postgresPrograms()` is not null. */
export async function startPostgres(): Promise<PostgresServer> {
	const programs = postgresPrograms();
	if (programs === null) throw new Error("Postgres is not installed");
	const folder = mkdtempSync(join(tmpdir(), "warmpath-postgres-"));
	const user = isRoot() ? accountOf("postgres") : null;
	if (user !== null) chownSync(folder, user.uid, user.gid);
	const as = user === null ? {} : { uid: user.uid, gid: user.gid };
	const data = join(folder, "data");
	const made = spawnSync(
		join(programs, "initdb"),
		["-D", data, "-U", "warmpath", "--auth=trust", "--no-sync", "-E", "UTF8", "--no-locale"],
		{ ...as, cwd: folder, encoding: "utf8" },
	);
	if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.error?.message ?? ""}`);
	const port = await freePort();
	const host = "127.0.0.1";
	const urlOf = (database: string) => `postgres://warmpath@${host}:${port}/${database}`;
	let running: ReturnType<typeof spawn> | null = null;
	let databases = 0;

	async function start(): Promise<void> {
		// What was committed must survive a crash of the server, though not of the machine.
		const settings = ["fsync=off", "full_page_writes=off", "max_connections=60"];
		const options = settings.flatMap((setting) => ["-c", setting]);
		const child = spawn(
			join(programs as string, "postgres"),
			["-D", data, "-k", folder, "-h", host, "-p", String(port), ...options],
			{ ...as, cwd: folder, stdio: "ignore" },
		);
		running = child;
		const until = Date.now() + START_MS;
		while (!(await answers(urlOf("postgres")))) {
			if (child.exitCode !== null || Date.now() > until) throw new Error("the test's Postgres did not start");
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	async function end(signal: "SIGQUIT" | "SIGINT"): Promise<void> {
		const child = running;
		running = null;
		if (child === null || child.exitCode !== null) return;
		const gone = new Promise((resolve) => child.once("exit", resolve));
		child.kill(signal);
		await gone;
	}

	await start();
	return {
		host,
		port,
		start,
		kill: () => end("SIGQUIT"),
		async database() {
			databases += 1;
			const name = `test_${databases}`;
			const client = new pg.Client({ connectionString: urlOf("postgres") });
			await client.connect();
			await client.query(`create database ${name}`);
			await client.end();
			return urlOf(name);
		},
		async [Symbol.asyncDispose]() {
			await end("SIGINT");
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

function findPrograms(): string | null {
	const versions = existsSync(ROOT_FOLDER) ? readdirSync(ROOT_FOLDER).sort((a, b) => Number(b) - Number(a)) : [];
	const folders = [
		...versions.map((version) => join(ROOT_FOLDER, version, "bin")),
		...(process.env["PATH"] ?? "").split(":"),
	];
	return folders.find((at) => existsSync(join(at, "initdb")) && existsSync(join(at, "postgres"))) ?? null;
}

function isRoot(): boolean {
	return process.getuid?.() === 0;
}

/** Postgres refuses to run as root. */
function accountOf(name: string): { uid: number; gid: number } {
	const id = (flag: string) => Number(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout.trim());
	return { uid: id("-u"), gid: id("-g") };
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}

async function answers(url: string): Promise<boolean> {
	const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
	client.on("error", () => {});
	try {
		await client.connect();
		await client.query("select 1");
		return true;
	} catch {
		return false;
	} finally {
		await client.end().catch(() => {});
	}
}
