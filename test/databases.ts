// Runs a test on SQLite and on a real Postgres. Leaves starting the server to test/postgres.
import { afterAll, beforeAll, describe } from "vitest";
import type { Database } from "../src/db/database.ts";
import type { DatabaseLocation } from "../src/db/location.ts";
import { openDatabase } from "../src/db/open.ts";
import { type PostgresServer, postgresPrograms, startPostgres } from "./postgres.ts";

export interface TestDatabases {
	readonly kind: "sqlite" | "postgres";
	/** A place for a new empty database. */
	location(): Promise<DatabaseLocation>;
	/** A new database, migrated. Close it, or use `await using`. */
	open(): Promise<Database>;
	/** Only on Postgres. */
	server(): PostgresServer;
}

/** Declares the tests of `body` once for each database: `on SQLite`, `on Postgres`. */
export function onEachDatabase(body: (databases: TestDatabases) => void): void {
	describe("on SQLite", () => {
		const location = async (): Promise<DatabaseLocation> => ({ kind: "sqlite", path: ":memory:" });
		body({
			kind: "sqlite",
			location,
			open: async () => openDatabase(await location()),
			server: () => {
				throw new Error("SQLite has no server");
			},
		});
	});
	describe.skipIf(postgresPrograms() === null)("on Postgres", () => {
		let server: PostgresServer | null = null;
		beforeAll(async () => {
			server = await startPostgres();
		}, 60_000);
		afterAll(async () => {
			await server?.[Symbol.asyncDispose]();
		});
		const running = () => {
			if (server === null) throw new Error("the test's Postgres is not running");
			return server;
		};
		const location = async (): Promise<DatabaseLocation> => ({ kind: "postgres", url: await running().database() });
		body({ kind: "postgres", location, open: async () => openDatabase(await location()), server: running });
	});
}
