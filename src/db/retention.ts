// What is old, or more than may be kept, goes: in small pieces, so that the log's writer is never held up for long. Sums stay.
import { sql } from "kysely";
import type { Chunk } from "./chunk.ts";
import type { Database } from "./database.ts";
import { MINUTES_KEPT_MS } from "./ledger.ts";
import { KIND, listingOf } from "./listing.ts";
import { storable } from "./packing.ts";
import { chunksOf, groupOf } from "./scan.ts";
import { removalsFor } from "./statements.ts";

export interface RetentionOptions {
	/** Conversations older than this go, and requests that were written together with none that is younger, ms; null = kept. */
	readonly maxAgeMs: number | null;
	/** The oldest requests go while the log takes more than this, bytes; null = no bound. */
	readonly maxBytes: number | null;
}

/** Chunks that are looked at for the next piece; how many go at once is decided by their rows. */
const MOST_HEADS = 64;

/** Deletes what the options say. Gives how many requests went. */
export async function sweep(database: Database, options: RetentionOptions, now: number): Promise<number> {
	const { query } = database;
	let gone = 0;
	if (options.maxAgeMs !== null) {
		const before = now - options.maxAgeMs;
		for (let piece = await deleteOldest(database, before); piece > 0; piece = await deleteOldest(database, before))
			gone += piece;
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
		.selectFrom("request_chunks")
		.select((select) => [select.fn.sum<number>("rows").as("rows")])
		.executeTakeFirstOrThrow();
	const excess = Math.ceil(Number(counted.rows ?? 0) * (1 - options.maxBytes / bytes));
	const before = gone;
	while (gone - before < excess) {
		const piece = await deleteOldest(database, Number.MAX_SAFE_INTEGER, excess - (gone - before));
		if (piece === 0) break;
		gone += piece;
	}
	return gone;
}

/** Bytes the log's tables take, what is free for new rows not counted. */
export async function logBytes({ query, kind }: Database): Promise<number> {
	if (kind === "postgres") {
		const { rows } = await sql<{ bytes: number; live: number; dead: number }>`
			select pg_total_relation_size('request_chunks') + pg_total_relation_size('request_values')
					+ pg_total_relation_size('request_bodies') as bytes,
				pg_stat_get_live_tuples('request_chunks'::regclass) as live,
				pg_stat_get_dead_tuples('request_chunks'::regclass) as dead
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

/** Chunks of which no row is younger, as few as hold `most` rows. Gives how many rows went. */
async function deleteOldest(database: Database, before: number, most = Number.POSITIVE_INFINITY): Promise<number> {
	const heads = await database.query
		.selectFrom("request_chunks")
		.select(["seq", "last_at", "rows"])
		.where("last_at", "<", before)
		.orderBy("last_at", "asc")
		.limit(MOST_HEADS)
		.execute();
	const oldest = groupOf(heads, 0);
	if (oldest.length === 0) return 0;
	const read = new Map((await chunksOf(database.query, oldest)).map((chunk) => [chunk.number, chunk]));
	let gone = 0;
	const ids: (readonly [string])[] = [];
	const listed: (readonly [number, string, number, number])[] = [];
	const chunks: (readonly [number])[] = [];
	for (const { seq, last_at } of oldest) {
		const chunk = read.get(seq);
		if (gone >= most || chunk === undefined) break;
		gone += chunk.count;
		for (const id of idsOf(chunk)) ids.push([id]);
		for (const { kind, value } of listingOf(chunk).values) listed.push([KIND[kind], value, last_at, seq]);
		chunks.push([seq]);
	}
	if (chunks.length === 0) return 0;
	const removals = removalsFor(database.kind);
	await database.bulk([
		{ sql: removals.bodies, rows: storable(JSON.stringify(ids)) },
		{ sql: removals.listed, rows: JSON.stringify(listed) },
		{ sql: removals.chunks, rows: JSON.stringify(chunks) },
	]);
	return gone;
}

function idsOf(chunk: Chunk): readonly string[] {
	return Array.from({ length: chunk.count }, (_, row) => chunk.word(chunk.examine(row), "id") ?? "");
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
