// What is old, or more than may be kept, goes: in small pieces, so that the log's writer is never held up for long. Sums stay.
import { sql } from "kysely";
import type { Database } from "./database.ts";
import { MINUTES_KEPT_MS } from "./ledger.ts";

export interface RetentionOptions {
	/** Requests and conversations older than this go, ms; null = kept. */
	readonly maxAgeMs: number | null;
	/** The oldest requests go while the log takes more than this, bytes; null = no bound. */
	readonly maxBytes: number | null;
}

const PIECE = 2_000;

/** Deletes what the options say. Gives how many requests went. */
export async function sweep(database: Database, options: RetentionOptions, now: number): Promise<number> {
	const { query } = database;
	let gone = 0;
	if (options.maxAgeMs !== null) {
		const before = now - options.maxAgeMs;
		for (let piece = PIECE; piece === PIECE; gone += piece) piece = await deleteOldest(database, before);
		await query.deleteFrom("sessions").where("last_at", "<", before).execute();
	}
	await query
		.deleteFrom("ledger_minutes")
		.where("minute", "<", now - MINUTES_KEPT_MS)
		.execute();
	if (options.maxBytes === null) return gone;
	const bytes = await logBytes(database);
	if (bytes <= options.maxBytes) return gone;
	// Space that is free inside the database comes back late or never: so many rows go as make up the excess.
	const counted = await query
		.selectFrom("requests")
		.select((select) => [select.fn.countAll<number>().as("rows")])
		.executeTakeFirstOrThrow();
	let excess = Math.ceil(Number(counted.rows) * (1 - options.maxBytes / bytes));
	while (excess > 0) {
		const piece = await deleteOldest(database, Number.MAX_SAFE_INTEGER, Math.min(PIECE, excess));
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
			select pg_total_relation_size('requests') + pg_total_relation_size('request_bodies') as bytes,
				pg_stat_get_live_tuples('requests'::regclass) as live, pg_stat_get_dead_tuples('requests'::regclass) as dead
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

async function deleteOldest({ query }: Database, before: number, most = PIECE): Promise<number> {
	const oldest = await query
		.selectFrom("requests")
		.select(["seq", "id"])
		.where("started_at", "<", before)
		.orderBy("started_at", "asc")
		.limit(most)
		.execute();
	if (oldest.length === 0) return 0;
	const list = oldest.map(({ seq }) => seq);
	await query
		.deleteFrom("request_bodies")
		.where(
			"id",
			"in",
			oldest.map(({ id }) => id),
		)
		.execute();
	await query.deleteFrom("requests").where("seq", "in", list).execute();
	return oldest.length;
}

/** Sweeps now and then, until it is stopped. A database that is away is tried again the next time. */
export function startRetention(
	database: Database,
	options: RetentionOptions,
	about: { readonly everyMs: number; readonly now: () => number; readonly onError: (error: unknown) => void },
): { stop(): Promise<void> } {
	let running: Promise<void> = Promise.resolve();
	const run = () => {
		running = sweep(database, options, about.now()).then(() => {}, about.onError);
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
