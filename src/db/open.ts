// One query builder over SQLite or Postgres, its schema up to date. Leaves tables to the migrations and queries to the files beside.
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { Kysely } from "kysely";
import { type Database, DatabaseError } from "./database.ts";
import { createPool, postgresDialect, runBulk } from "./dialect-postgres.ts";
import { SqliteThread, sqliteDialect } from "./dialect-sqlite.ts";
import { type DatabaseLocation, describeLocation } from "./location.ts";
import { migrate } from "./migrate.ts";
import type { Tables } from "./schema/tables.ts";

/** Opens without a look at the schema: for `warmpath db status`. SQLite files and their folder are made where missing. */
export async function connect(location: DatabaseLocation): Promise<Database> {
	try {
		return location.kind === "sqlite" ? await connectSqlite(location.path) : connectPostgres(location.url);
	} catch (cause) {
		throw new DatabaseError(advice(location, cause), cause);
	}
}

/**
 * Opens and migrates. Rejects with a DatabaseError when the database cannot be reached or written, or was made by a newer version.
 * Several processes may do this at once: one migrates, the others wait for it.
 */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
	const database = await connect(location);
	try {
		await migrate(database);
	} catch (cause) {
		await database.close();
		throw cause instanceof DatabaseError ? cause : new DatabaseError(advice(location, cause), cause);
	}
	return database;
}

async function connectSqlite(path: string): Promise<Database> {
	if (path !== ":memory:") await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	// It holds who asked what and when, and what keys are compared with: SQLite gives its side files the same rights.
	if (path !== ":memory:") await (await open(path, "a", 0o600)).close();
	const thread = await SqliteThread.open(path, "write");
	const query = new Kysely<Tables>({ dialect: sqliteDialect(async () => thread) });
	// What is in memory only is one connection's.
	const pages =
		path === ":memory:" ? query : new Kysely<Tables>({ dialect: sqliteDialect(() => SqliteThread.open(path, "read")) });
	const close = async () => {
		await pages.destroy();
		await query.destroy();
		await thread.close();
	};
	return {
		kind: "sqlite",
		description: describeLocation({ kind: "sqlite", path }),
		query,
		pages,
		bulk: (steps) => thread.bulk(steps),
		close,
		[Symbol.asyncDispose]: close,
	};
}

function connectPostgres(url: string): Database {
	const pool = createPool(url);
	const query = new Kysely<Tables>({ dialect: postgresDialect(pool) });
	const close = () => query.destroy();
	return {
		kind: "postgres",
		description: describeLocation({ kind: "postgres", url }),
		query,
		pages: query,
		bulk: (steps) => runBulk(pool, steps),
		close,
		[Symbol.asyncDispose]: close,
	};
}

function advice(location: DatabaseLocation, cause: unknown): string {
	const where = describeLocation(location);
	const reason = reasonOf(cause);
	return location.kind === "sqlite"
		? `the database ${where} cannot be used: ${reason}. Check that its folder can be written, or set WARMPATH_HOME to another folder.`
		: `the database ${where} cannot be used: ${reason}. Check general_settings.database_url and that the server runs.`;
}

/** Without passwords: drivers name hosts, users and databases, never those. */
function reasonOf(cause: unknown): string {
	if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join(", ");
	return cause instanceof Error && cause.message !== "" ? cause.message : String(cause);
}
