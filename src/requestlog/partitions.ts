// Postgres: the request log's partitions, one a UTC day, made ahead and dropped when they are old. Rows of other days stand in
// `requests_other`. SQLite has none. Leaves what is old to requestlog/retention.
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { REQUEST_COLUMN_NAMES, storedTime } from "../db/schema/requests.ts";

const DAY_MS = 86_400_000;
/** Days that are made ahead: a gateway that is up makes tomorrow's long before it comes. */
const DAYS_AHEAD = 3;
/** Two replicas must not make one day at once. Any number will do that nobody else uses in the database. */
const LOCK_TIMEOUT = "2s";
const LOCK = 7_226_104_518;
/** Columns that the database computes cannot be inserted. */
const WRITTEN = [...REQUEST_COLUMN_NAMES, "details"].join(", ");
const MOVED = sql.raw(`(${WRITTEN}) select ${WRITTEN} from moved`);
const NAME = /^requests_p(\d{4})(\d{2})(\d{2})$/;

export interface Partition {
	readonly name: string;
	/** First ms of its day, and the first of the next. */
	readonly from: number;
	readonly to: number;
}

type Queries = Pick<Database, "query" | "kind">;

/** Makes the partitions of today and the days ahead where they are missing. */
export async function makePartitions(database: Queries, now: number): Promise<void> {
	if (database.kind !== "postgres") return;
	const known = new Set((await partitions(database)).map(({ name }) => name));
	const today = now - (now % DAY_MS);
	for (let day = 0; day <= DAYS_AHEAD; day += 1) {
		const partition = partitionOf(today + day * DAY_MS);
		if (!known.has(partition.name)) await make(database, partition);
	}
}

/** The days there are, oldest first. */
export async function partitions({ query, kind }: Queries): Promise<readonly Partition[]> {
	if (kind !== "postgres") return [];
	const { rows } = await sql<{ name: string }>`
		select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'requests'::regclass order by c.relname
	`.execute(query);
	return rows.flatMap(({ name }) => {
		const [, year, month, day] = NAME.exec(name) ?? [];
		return year === undefined ? [] : [partitionOf(Date.parse(`${year}-${month}-${day}T00:00:00Z`))];
	});
}

/** Its rows go with it. */
export async function dropPartition({ query }: Queries, { name }: Partition): Promise<void> {
	await sql`drop table if exists ${sql.table(name)}`.execute(query);
}

function partitionOf(from: number): Partition {
	const day = storedTime(from).slice(0, 10).replaceAll("-", "");
	return { name: `requests_p${day}`, from, to: from + DAY_MS };
}

/** Rows of that day that stand in `requests_other` move over: Postgres makes no partition beside them. */
async function make({ query }: Queries, { name, from, to }: Partition): Promise<void> {
	const range = { from: sql.lit(storedTime(from)), to: sql.lit(storedTime(to)) };
	await query.transaction().execute(async (transaction) => {
		await sql`select pg_advisory_xact_lock(${LOCK})`.execute(transaction);
		// Writers and readers wait for a moment; where one of them is long at it, the next sweep tries again.
		await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT)}`.execute(transaction);
		await sql`lock table requests in access exclusive mode`.execute(transaction);
		const { rows } = await sql`select 1 from pg_class where relname = ${name}`.execute(transaction);
		if (rows.length > 0) return;
		await sql`create table ${sql.table(name)} (like requests including defaults including generated)`.execute(
			transaction,
		);
		await sql`
			with moved as (delete from requests_other where started_at >= ${range.from} and started_at < ${range.to} returning *)
			insert into ${sql.table(name)} ${MOVED}
		`.execute(transaction);
		await sql`
			alter table requests attach partition ${sql.table(name)} for values from (${range.from}) to (${range.to})
		`.execute(transaction);
	});
}
