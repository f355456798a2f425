// What a failed query says: the database is away, it was asked for what it cannot hold, or we made a mistake. Leaves answering to admin/.
import { SqliteFailure } from "./dialect-sqlite.ts";

/** away: retrying may help · input: a value that the database cannot take · fault: anything else, which no retry mends. */
export type FailureKind = "away" | "input" | "fault";

/** SQLite's primary codes for files and locks (sqlite.org/rescode.html); extended ones begin with them. */
const SQLITE_AWAY = /^SQLITE_(BUSY|LOCKED|IOERR|CANTOPEN|FULL|READONLY|NOTADB|CORRUPT|NOMEM|PROTOCOL|INTERRUPT)/;
/**
 * Postgres' SQLSTATE classes (postgresql.org, appendix A): connection exceptions, transactions rolled back by the server, resources,
 * operator intervention (57014: the statement's time-out), system errors.
 */
const POSTGRES_AWAY = /^(08|40|53|57|58)/;
/** Data exceptions: a NUL, a number out of range. */
const POSTGRES_INPUT = /^22/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

export function failureKind(error: unknown): FailureKind {
	if (error instanceof SqliteFailure) {
		// Without a code the thread that holds the database has ended.
		return error.code === null || SQLITE_AWAY.test(error.code) ? "away" : "fault";
	}
	if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return "fault";
	if (!(error instanceof Error)) return "fault";
	const code = "code" in error ? String(error.code) : "";
	// Only what the server says has a severity; what the driver says of its sockets has none.
	if (!("severity" in error) || !SQLSTATE.test(code)) return "away";
	if (POSTGRES_AWAY.test(code)) return "away";
	return POSTGRES_INPUT.test(code) ? "input" : "fault";
}
