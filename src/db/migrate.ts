// Forward-only migrations under a lock, so that several processes can start at once. Leaves what each does to migrations/.
import { type Kysely, sql } from "kysely";
import { type Database, DatabaseError } from "./database.ts";
import { MIGRATIONS, NEVER_RELEASED } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";

/** Any number will do, as long as nobody else uses it in the same database. */
const POSTGRES_LOCK = 7_226_104_517;

const TABLE = "warmpath_migrations";

/** Where a database stands. */
export interface MigrationStatus {
	readonly applied: readonly { readonly name: string; readonly at: number }[];
	readonly pending: readonly string[];
	/** Applied by a newer version and unknown to this one. */
	readonly unknown: readonly string[];
}

/** What has been applied and what has not; changes nothing. */
export async function migrationStatus(
	database: Pick<Database, "query">,
	migrations: readonly Migration[] = MIGRATIONS,
): Promise<MigrationStatus> {
	const tables = await database.query.introspection.getTables();
	const applied = tables.some(({ name }) => name === TABLE) ? await readApplied(database.query) : [];
	const names = new Set(applied.map(({ name }) => name));
	return {
		applied,
		pending: migrations.filter(({ name }) => !names.has(name)).map(({ name }) => name),
		unknown: [...names].filter((name) => !migrations.some((migration) => migration.name === name)),
	};
}

/**
 * Applies what is pending, in order, all in one transaction; gives the names. Rejects with a DatabaseError when a newer version has
 * been at this database. `now` is ms since epoch.
 */
export async function migrate(
	database: Pick<Database, "query" | "kind" | "description">,
	migrations: readonly Migration[] = MIGRATIONS,
	now: () => number = Date.now,
): Promise<readonly string[]> {
	return database.query.transaction().execute(async (transaction) => {
		// SQLite's transactions take the write lock at once (db/dialect-sqlite).
		if (database.kind === "postgres") await sql`select pg_advisory_xact_lock(${POSTGRES_LOCK})`.execute(transaction);
		await sql`create table if not exists ${sql.table(TABLE)} (name text primary key, applied_at bigint not null)`.execute(
			transaction,
		);
		const applied = new Set((await readApplied(transaction)).map(({ name }) => name));
		const dropped = [...applied].find((name) => NEVER_RELEASED.has(name));
		if (dropped !== undefined) {
			throw new DatabaseError(
				`the database ${database.description} was made by a development build of Warmpath (it has ${dropped}), whose request log this version cannot read. Nothing was changed in it. Give this version a new database: set WARMPATH_HOME or general_settings.database_url, or move the old file away.`,
			);
		}
		const unknown = [...applied].find((name) => !migrations.some((migration) => migration.name === name));
		if (unknown !== undefined) {
			throw new DatabaseError(
				`the database ${database.description} was made by a newer version of Warmpath (it has ${unknown}). Use that version or a later one.`,
			);
		}
		const pending = migrations.filter(({ name }) => !applied.has(name));
		for (const migration of pending) {
			await migration.up(transaction, database.kind);
			await sql`insert into ${sql.table(TABLE)} (name, applied_at) values (${migration.name}, ${now()})`.execute(
				transaction,
			);
		}
		return pending.map(({ name }) => name);
	});
}

async function readApplied<Tables>(query: Kysely<Tables>): Promise<MigrationStatus["applied"]> {
	const result = await sql<{
		name: string;
		at: number;
	}>`select name, applied_at as at from ${sql.table(TABLE)} order by name`.execute(query);
	return result.rows;
}
