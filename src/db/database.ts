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
	 * Runs every step's statement for its rows in one transaction, all or nothing. SQLite: `sql` is run once for each parameter list.
	 * Postgres: `sql` is run once with the JSON text as `$1` and the lines, where there are any, as `$2`. Rows cross to the database as one text, which is what makes it fast.
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
