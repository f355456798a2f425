// A private Postgres server for tests: its own data directory, a Unix socket and a free port on loopback. Leaves installing it and its
// process to test/private-server.
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort, privateServer, programOf } from "./private-server.ts";

const ROOT_FOLDER = "/usr/lib/postgresql";

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

/** Folder of Postgres's programs; null where there are none, see `programOf`. */
export const postgresPrograms = programOf("Postgres", "postgresql", findPrograms);

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
	let databases = 0;
	// What was committed must survive a crash of the server, though not of the machine.
	const settings = ["fsync=off", "full_page_writes=off", "max_connections=60"].flatMap((setting) => ["-c", setting]);
	const server = privateServer(
		{
			name: "Postgres",
			program: join(programs, "postgres"),
			arguments: ["-D", data, "-k", folder, "-h", host, "-p", String(port), ...settings],
		},
		{ ...as, cwd: folder },
		() => answers(urlOf("postgres")),
	);
	await server.start();
	return {
		host,
		port,
		start: () => server.start(),
		kill: () => server.end("SIGQUIT"),
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
			await server.end("SIGINT");
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
