// `warmpath db`: the schema brought up to date, how the database stands, the request log as JSON lines. Leaves the work to db/.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { loadConfig } from "../config/load.ts";
import { formatDiagnostic } from "../config/report.ts";
import type { Config } from "../config/schema.ts";
import type { Database } from "../db/database.ts";
import { migrate, migrationStatus } from "../db/migrate.ts";
import { connect } from "../db/open.ts";
import type { ExportHeader } from "../replay/request-log.ts";
import { eachRequest, type RequestFilter } from "../requestlog/requests.ts";
import { logBytes } from "../requestlog/retention.ts";
import { locationOf } from "./database.ts";

export interface DbIo {
	readonly out: NodeJS.WritableStream;
	readonly err: (text: string) => void;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly now: () => number;
}

export type DbAction =
	| { readonly kind: "migrate" }
	| { readonly kind: "status"; readonly format: "text" | "json" }
	/** `file` null = standard output. */
	| { readonly kind: "export"; readonly filter: RequestFilter; readonly file: string | null };

/** What makes the request log's tables. */
const LOG_MIGRATION = "0001_request_rows";

/** Runs one action; gives the exit code. `configPath` names the database; null = the file in the user's data folder. */
export async function dbCommand(action: DbAction, configPath: string | null, io: DbIo): Promise<number> {
	const config = configPath === null ? null : read(configPath, io);
	if (configPath !== null && config === null) return 1;
	try {
		await using database = await connect(locationOf(config, io.env));
		switch (action.kind) {
			case "migrate":
				await migrateNow(database, io);
				break;
			case "status":
				await showStatus(database, action.format, io);
				break;
			case "export":
				await exportLog(database, action, io);
				break;
		}
		return 0;
	} catch (error) {
		// `| head` has seen enough.
		if (error instanceof Error && "code" in error && error.code === "EPIPE") return 0;
		io.err(`warmpath db ${action.kind}: ${error instanceof Error ? error.message : String(error)}\n`);
		return 1;
	}
}

async function migrateNow(database: Database, { out, now, err: _ }: DbIo): Promise<void> {
	const applied = await migrate(database, undefined, now);
	out.write(applied.length === 0 ? `${database.description} is up to date\n` : "");
	for (const name of applied) out.write(`applied ${name}\n`);
}

async function showStatus(database: Database, format: "text" | "json", { out }: DbIo): Promise<void> {
	const status = await migrationStatus(database);
	const isThere = status.applied.some(({ name }) => name === LOG_MIGRATION);
	const counted = isThere
		? await database.query
				.selectFrom("requests")
				.select((select) => [
					select.fn.countAll<number>().as("requests"),
					select.fn.min("started_at").as("oldest"),
					select.fn.max("started_at").as("latest"),
				])
				.executeTakeFirstOrThrow()
		: { requests: 0, oldest: null, latest: null };
	const facts = {
		database: database.description,
		kind: database.kind,
		requests: Number(counted.requests),
		oldest: timeText(counted.oldest),
		latest: timeText(counted.latest),
		bytes: isThere ? Math.round(await logBytes(database)) : 0,
		...status,
	};
	if (format === "json") {
		out.write(`${JSON.stringify(facts, null, 2)}\n`);
		return;
	}
	out.write(`database    ${facts.database} (${facts.kind})\n`);
	out.write(`requests    ${facts.requests.toLocaleString("en-US")}, ${(facts.bytes / 1e6).toFixed(1)} MB\n`);
	if (facts.oldest !== null) out.write(`            from ${facts.oldest} to ${facts.latest}\n`);
	for (const { name, at } of status.applied) out.write(`migration   ${name}, applied ${timeText(at)}\n`);
	for (const name of status.pending)
		out.write(`migration   ${name}, pending: 'warmpath db migrate' or the next start applies it\n`);
	for (const name of status.unknown) out.write(`migration   ${name}, of a newer version of Warmpath\n`);
}

async function exportLog(
	database: Database,
	{ filter, file }: Extract<DbAction, { readonly kind: "export" }>,
	io: DbIo,
): Promise<void> {
	const { applied } = await migrationStatus(database);
	if (!applied.some(({ name }) => name === LOG_MIGRATION)) {
		throw new Error(
			`${database.description} holds no request log. A gateway makes it at its first start; if yours keeps it elsewhere, name its file with --config.`,
		);
	}
	const out: NodeJS.WritableStream = file === null ? io.out : createWriteStream(file, { mode: 0o600 });
	const failures: Error[] = [];
	out.on("error", (error: Error) => failures.push(error));
	const write = async (line: object) => {
		if (failures[0] !== undefined) throw failures[0];
		if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, "drain");
	};
	const header: ExportHeader = { warmpath_log: 1, exported_at: new Date(io.now()).toISOString() };
	await write(header);
	let count = 0;
	for await (const row of eachRequest(database, filter)) {
		await write(row);
		count += 1;
	}
	if (failures[0] !== undefined) throw failures[0];
	if (file !== null) {
		out.end();
		await finished(out as NodeJS.WritableStream & { end(): void });
	}
	io.err(`${count.toLocaleString("en-US")} requests exported${file === null ? "" : ` to ${file}`}\n`);
}

function timeText(ms: number | string | null): string | null {
	return ms === null ? null : new Date(ms).toISOString();
}

function read(path: string, io: DbIo): Config | null {
	const loaded = loadConfig(path, { env: io.env });
	if (loaded.ok) return loaded.config;
	for (const fault of loaded.diagnostics) io.err(`${formatDiagnostic(fault)}\n`);
	return null;
}
