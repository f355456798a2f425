// What is old, or more than may be kept, goes: on Postgres a day's partition at once, elsewhere in small pieces, so that the log's writer is
// never held up for long. Sums stay.
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { storedTime } from "../db/schema/requests.ts";
import { MINUTES_KEPT_MS } from "./ledger.ts";
import { dropPartition, makePartitions, partitions } from "./partitions.ts";

export interface RetentionOptions {
	/** Requests and conversations older than this go, ms; null = kept. */
	readonly maxAgeMs: number | null;
	/** The oldest requests go while the log takes more than this, bytes; null = no bound. */
	readonly maxBytes: number | null;
}

const PIECE = 2_000;

/** Deletes what the options say. Gives how many rows went one by one; those of a dropped partition are not counted. */
export async function sweep(database: Database, options: RetentionOptions, now: number): Promise<number> {
	const { query } = database;
	let gone = 0;
	if (options.maxAgeMs !== null) {
		const before = now - options.maxAgeMs;
		for (const day of await partitions(database)) if (day.to <= before) await dropPartition(database, day);
		for (let piece = PIECE; piece === PIECE; gone += piece)
			piece = await deleteOldest(database, { before, from: undropped(database) });
		await query.deleteFrom("request_bodies").where("started_at", "<", storedTime(before)).execute();
		await query.deleteFrom("sessions").where("last_at", "<", before).execute();
	}
	await query
		.deleteFrom("ledger_minutes")
		.where("minute", "<", now - MINUTES_KEPT_MS)
		.execute();
	return options.maxBytes === null ? gone : gone + (await sweepToSize(database, options.maxBytes, now));
}

async function sweepToSize(database: Database, maxBytes: number, now: number): Promise<number> {
	// Whole days first; the day that is being written is not dropped.
	for (const day of await partitions(database)) {
		if (day.to > now || (await logBytes(database)) <= maxBytes) break;
		await dropPartition(database, day);
	}
	const bytes = await logBytes(database);
	if (bytes <= maxBytes) return 0;
	// Space that is free inside the database comes back late or never: so many rows go as make up the excess.
	const counted = await database.query
		.selectFrom("requests")
		.select((select) => [select.fn.countAll<number>().as("rows")])
		.executeTakeFirstOrThrow();
	let excess = Math.ceil(Number(counted.rows) * (1 - maxBytes / bytes));
	let gone = 0;
	while (excess > 0) {
		const piece = await deleteOldest(database, {
			before: Number.MAX_SAFE_INTEGER,
			from: "requests",
			most: Math.min(PIECE, excess),
		});
		if (piece === 0) break;
		gone += piece;
		excess -= piece;
	}
	return gone;
}

/** Bytes the log's tables take, what is free for new rows not counted. */
export async function logBytes({ query, kind }: Database): Promise<number> {
	if (kind === "postgres") {
		const { rows } = await sql<{ bytes: number; live: number; dead: number }>`
			select sum(pg_total_relation_size(relid)) as bytes, sum(pg_stat_get_live_tuples(relid)) as live,
				sum(pg_stat_get_dead_tuples(relid)) as dead
			from (select relid from pg_partition_tree('requests') union all select 'request_bodies'::regclass) as t
		`.execute(query);
		const [row] = rows;
		if (row === undefined) return 0;
		const all = Number(row.live) + Number(row.dead);
		return all === 0 ? Number(row.bytes) : (Number(row.bytes) * Number(row.live)) / all;
	}
	const { rows } = await sql<{ bytes: number }>`
		select (p.page_count - f.freelist_count) * s.page_size as bytes
		from pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s
	`.execute(query);
	return rows[0]?.bytes ?? 0;
}

/** Where rows are too old one by one: on Postgres those of a day wait for the day's end and go with its partition. */
function undropped({ kind }: Database): string {
	return kind === "postgres" ? "requests_other" : "requests";
}

async function deleteOldest(
	{ query }: Database,
	{ before, from, most = PIECE }: { readonly before: number; readonly from: string; readonly most?: number },
): Promise<number> {
	const { rows: oldest } = await sql<{ id: string }>`
		select id from ${sql.table(from)} where started_at < ${storedTime(before)} order by started_at limit ${sql.lit(most)}
	`.execute(query);
	if (oldest.length === 0) return 0;
	const ids = oldest.map(({ id }) => id);
	await query.deleteFrom("request_bodies").where("id", "in", ids).execute();
	await query.deleteFrom("requests").where("id", "in", ids).execute();
	return oldest.length;
}

/** Sweeps and makes partitions ahead now and then, until it is stopped. A database that is away is tried again the next time. */
export function startRetention(
	database: Database,
	options: RetentionOptions,
	about: { readonly everyMs: number; readonly now: () => number; readonly onError: (error: unknown) => void },
): { stop(): Promise<void> } {
	let running: Promise<void> = Promise.resolve();
	const upkeep = async () => {
		await makePartitions(database, about.now());
		await sweep(database, options, about.now());
	};
	const run = () => {
		running = upkeep().catch(about.onError);
	};
	const timer = setInterval(run, about.everyMs);
	timer.unref();
	run();
	return {
		async stop() {
			clearInterval(timer);
			await running;
		},
	};
}
