// Kysely over Postgres: pool, time-outs, numbers as numbers. Leaves SQL to those who ask.
import { type Dialect, PostgresDialect } from "kysely";
import pg from "pg";
import type { BulkStep } from "./dialect-sqlite.ts";

/** Connections a gateway holds: the log's writer, the control plane's readers, the keys' poll. */
const MOST_CONNECTIONS = 6;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longest statement, ms: a hung server must not hold the log's writer for ever. */
const STATEMENT_TIMEOUT_MS = 30_000;

/** int8 (counts, times in ms) and numeric (sums of them): all stay below 2^53 here. */
const NUMBER_TYPES: ReadonlySet<number> = new Set([20, 1700]);

/** timestamptz: given as ms since epoch. */
const TIMESTAMP = 1184;
const readTimestamp = pg.types.getTypeParser(TIMESTAMP) as (text: string) => Date;

/** A pool that has not connected yet. Connections that break are no errors of their own: the next query tells. */
export function createPool(url: string): pg.Pool {
	const pool = new pg.Pool({
		connectionString: url,
		max: MOST_CONNECTIONS,
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
		query_timeout: STATEMENT_TIMEOUT_MS,
		statement_timeout: STATEMENT_TIMEOUT_MS,
		keepAlive: true,
		allowExitOnIdle: true,
		application_name: "warmpath",
		types: {
			getTypeParser(oid: number, format?: "text" | "binary") {
				if (NUMBER_TYPES.has(oid) && format !== "binary") return Number;
				if (oid === TIMESTAMP && format !== "binary") return (text: string) => readTimestamp(text).getTime();
				return pg.types.getTypeParser(oid, format as "text");
			},
		},
	});
	pool.on("error", () => {});
	// One that breaks while somebody holds it tells that somebody too; without a listener it would end the process.
	pool.on("connect", (client) => client.on("error", () => {}));
	return pool;
}

/** All steps in one transaction, all or nothing. */
export async function runBulk(pool: pg.Pool, steps: readonly BulkStep[]): Promise<void> {
	const client = await pool.connect();
	let broken: Error | undefined;
	try {
		await client.query("begin");
		for (const step of steps) {
			await client.query(step.sql, parametersOf(step));
		}
		await client.query("commit");
	} catch (error) {
		broken = error instanceof Error ? error : new Error(String(error));
		await client.query("rollback").then(
			() => {
				broken = undefined;
			},
			() => {},
		);
		throw error;
	} finally {
		// A connection whose rollback failed is not given to anybody else.
		client.release(broken);
	}
}

function parametersOf(step: BulkStep): unknown[] {
	if (!("rows" in step)) return [...step.values];
	return step.texts === undefined ? [step.rows] : [step.rows, step.texts];
}

/** The dialect; `kysely.destroy()` ends the pool. */
export function postgresDialect(pool: pg.Pool): Dialect {
	return new PostgresDialect({ pool });
}
