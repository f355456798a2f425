// What an open database is. Leaves opening one to db/open.
import type { Kysely } from "kysely";
import type { BulkStep } from "./dialect-sqlite.ts";
import type { DatabaseLocation } from "./location.ts";
import type { Tables } from "./tables.ts";

export type DatabaseKind = DatabaseLocation["kind"];

/** An open database. */
export interface Database {
	readonly kind: DatabaseKind;
	/** File, or server without credentials: may be shown. */
	readonly description: string;
	/** Other tables than the log's: `query.withTables<…>()`. Every query rejects while the database is away. */
	readonly query: Kysely<Tables>;
	/**
	 * Runs every step's statement for each of its rows in one transaction, all or nothing. SQLite: `sql` is run once for each row. Postgres:
	 * `sql` takes a JSON array of rows as `$1` and, for entries of the log, their details as the lines of `$2`; of those it is run for a
	 * hundred at a time.
	 */
	bulk(steps: readonly BulkStep[]): Promise<void>;
	close(): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}

/** The database cannot be used; the message says which and what to do. `cause` has the driver's own error. */
export class DatabaseError extends Error {
	constructor(message: string, cause?: unknown) {
		super(message, cause === undefined ? undefined : { cause });
		this.name = "DatabaseError";
	}
}
