// `warmpath db`: the schema brought up to date, how the database stands, the request log as JSON lines. Leaves the work to db/.
import { loadConfig } from "../config/load.ts";
import { formatDiagnostic } from "../config/report.ts";
import type { Config } from "../config/schema.ts";
import type { Database } from "../db/database.ts";
import { migrate, migrationStatus } from "../db/migrate.ts";
import { connect } from "../db/open.ts";
import { logBytes } from "../requestlog/retention.ts";
import { type DbIo, locationOf } from "./database.ts";
import { type Export, exportLog } from "./export.ts";

export type DbAction =
	| { readonly kind: "migrate" }
	| { readonly kind: "status"; readonly format: "text" | "json" }
	| ({ readonly kind: "export" } & Export);

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
				await needLog(database);
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

/** Throws where no gateway has made its tables yet. */
async function needLog(database: Database): Promise<void> {
	const { applied } = await migrationStatus(database);
	if (applied.some(({ name }) => name === LOG_MIGRATION)) return;
	throw new Error(
		`${database.description} holds no request log. A gateway makes it at its first start; if yours keeps it elsewhere, name its file with --config.`,
	);
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
