// What an open database is. Leaves opening one to db/open.
import type { Kysely } from "kysely";
import type { BulkStep } from "./dialect-sqlite.ts";
import type { DatabaseLocation } from "./location.ts";
import type { Tables } from "./schema/tables.ts";

export type DatabaseKind = DatabaseLocation["kind"];

/** An open database. */
export interface Database {
	readonly kind: DatabaseKind;
	/** File, or server without credentials: may be shown. */
	readonly description: string;
	/** Other tables than the log's: `query.withTables<…>()`. Every query rejects while the database is away. */
	readonly query: Kysely<Tables>;
	/** The same for what only reads and may take long: on SQLite it has a thread of its own and holds up no writing. */
	readonly pages: Kysely<Tables>;
	/**
	 * Runs every step's statement for each of its rows, or once for its values, in one transaction, all or nothing. Of rows SQLite gets one
	 * at a time, Postgres all of them as a JSON array in `$1`.
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
