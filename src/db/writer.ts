// Appends to the log off the request path: a bounded queue, batches, patience with a database that is away, and an honest count of what
// was lost. Leaves what a row says to db/log and reading to db/requests and db/ledger.
import type { Logger } from "../telemetry/log.ts";
import type { Database } from "./database.ts";
import type { BulkStep } from "./dialect-sqlite.ts";
import { addMeasures, measuresOf } from "./measures.ts";
import { REQUEST_COLUMN_NAMES, type Statements, statementsFor } from "./statements.ts";
import type { RequestBodyRow, RequestRow } from "./tables.ts";

/** `details` is JSON, and so holds no line break. */
export type NewRequestRow = Omit<RequestRow, "seq">;

/** One finished request on its way to the database. */
export interface LogEntry {
	readonly row: NewRequestRow;
	readonly body: Omit<RequestBodyRow, "id" | "started_at"> | null;
}

export interface WriterOptions {
	/** Entries that may wait, in memory. */
	readonly maxQueued: number;
	/** And their bytes, about. */
	readonly maxQueuedBytes: number;
	readonly log: Logger;
}

/** What became of the entries so far. `written` + `lost` + `queued` = all that were given. */
export interface WriterStats {
	readonly queued: number;
	readonly written: number;
	readonly lost: number;
	/** Why the last batch failed; null while all is well. */
	readonly failure: string | null;
}

export interface LogWriter {
	/** Takes an entry, or counts it as lost where the queue is full. Never throws, never waits. */
	push(entry: LogEntry): void;
	stats(): WriterStats;
	/** Resolves when all that was given has been written or lost. */
	flush(): Promise<void>;
	/** Writes what is left, for `graceMs` at most; the rest is lost, and said so. */
	close(graceMs: number): Promise<void>;
}

const MOST_IN_BATCH = 1_000;
/** Entries are collected so long before they are written, ms. */
const COLLECT_MS = 500;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** What a row takes beside its details and bodies, about. */
const ROW_BYTES = 1_500;

export function createLogWriter(database: Database, options: WriterOptions): LogWriter {
	const { log } = options;
	const statements = statementsFor(database.kind);
	let queue: LogEntry[] = [];
	let queuedBytes = 0;
	let inFlight = 0;
	let written = 0;
	let lost = 0;
	let toldLost = 0;
	let failure: string | null = null;
	let closing = false;
	/** The grace of closing is over. */
	let stopped = false;
	let timer: NodeJS.Timeout | null = null;
	let wake: (() => void) | null = null;
	let running: Promise<void> | null = null;
	const idle: (() => void)[] = [];

	function push(entry: LogEntry): void {
		const bytes = bytesOf(entry);
		if (closing || queue.length + inFlight >= options.maxQueued || queuedBytes + bytes > options.maxQueuedBytes) {
			lost += 1;
			tellLoss();
			return;
		}
		queue.push(entry);
		queuedBytes += bytes;
		if (running === null) schedule();
	}

	function schedule(): void {
		if (queue.length >= MOST_IN_BATCH) start();
		else {
			timer ??= setTimeout(start, COLLECT_MS);
			timer.unref();
		}
	}

	function start(): void {
		if (timer !== null) clearTimeout(timer);
		timer = null;
		if (running !== null || queue.length === 0) return;
		running = drain().finally(() => {
			running = null;
			if (queue.length > 0 && !stopped) schedule();
			else for (const done of idle.splice(0)) done();
		});
	}

	async function drain(): Promise<void> {
		while (queue.length > 0 && !stopped) {
			const batch = queue.splice(0, MOST_IN_BATCH);
			inFlight = batch.length;
			await write(batch);
			for (const entry of batch) queuedBytes -= bytesOf(entry);
			inFlight = 0;
		}
	}

	/** Until it is written, or is found to be what the database refuses, or there is no more time. */
	async function write(batch: readonly LogEntry[]): Promise<void> {
		const steps = stepsOf(batch, statements);
		let unsure = false;
		for (let attempt = 0; ; attempt += 1) {
			try {
				// A connection that broke may have broken after the commit: writing twice would count twice.
				if (!unsure || !(await isWritten(batch))) await database.bulk(steps);
				written += batch.length;
				recovered();
				return;
			} catch (error) {
				const refused = isRefusal(error);
				if (refused && batch.length > 1) {
					const half = batch.length >> 1;
					await write(batch.slice(0, half));
					await write(batch.slice(half));
					return;
				}
				if (refused || stopped) {
					lost += batch.length;
					failure = messageOf(error);
					log.error({ err: error, entries: batch.length }, "request log: entries could not be written and are lost");
					return;
				}
				unsure = true;
				failed(error);
				await pause(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt));
			}
		}
	}

	async function isWritten(batch: readonly LogEntry[]): Promise<boolean> {
		const [first] = batch;
		if (first === undefined) return true;
		const found = await database.query
			.selectFrom("requests")
			.select("id")
			.where("id", "=", first.row.id)
			.executeTakeFirst();
		return found !== undefined;
	}

	function failed(error: unknown): void {
		if (failure === null)
			log.error(
				{ err: error },
				`request log: ${database.description} does not take entries; requests go on, entries wait`,
			);
		failure = messageOf(error);
	}

	function recovered(): void {
		if (failure === null) return;
		failure = null;
		log.warn({ lost }, `request log: ${database.description} takes entries again`);
	}

	/** Told at once, then each time the count has doubled: a log that is in trouble must not drown the other one. */
	function tellLoss(): void {
		if (lost < toldLost * 2) return;
		toldLost = lost;
		log.warn(
			{ lost, queued: queue.length, reason: failure },
			"request log: the queue is full, entries are lost (warmpath.request_log.queue)",
		);
	}

	function pause(ms: number): Promise<void> {
		return new Promise((resolve) => {
			const done = () => {
				clearTimeout(waiting);
				wake = null;
				resolve();
			};
			const waiting = setTimeout(done, ms);
			waiting.unref();
			wake = done;
			if (stopped) done();
		});
	}

	function flush(): Promise<void> {
		if (queue.length === 0 && running === null) return Promise.resolve();
		return new Promise((resolve) => {
			idle.push(resolve);
			start();
		});
	}

	return {
		push,
		flush,
		stats: () => ({ queued: queue.length + inFlight, written, lost, failure }),
		async close(graceMs) {
			if (closing) return;
			closing = true;
			const cutOff = setTimeout(() => {
				stopped = true;
				wake?.();
			}, graceMs);
			await flush();
			clearTimeout(cutOff);
			if (queue.length > 0) {
				lost += queue.length;
				queue = [];
			}
			if (lost > toldLost) log.warn({ lost }, "request log: closed with entries lost");
		},
	};
}

function stepsOf(batch: readonly LogEntry[], statements: Statements): BulkStep[] {
	const rows: unknown[][] = [];
	const details: string[] = [];
	const bodies: unknown[][] = [];
	const hours = new Sums();
	const places = new Sums();
	const keys = new Sums();
	const minutes = new Sums();
	const sessions = new Sessions();
	for (const { row, body } of batch) {
		rows.push(valuesOf(row));
		details.push(row.details);
		if (body !== null) bodies.push([row.id, row.started_at, body.request, body.response]);
		const measures = measuresOf(row);
		const model = row.model ?? "";
		const modelId = row.model_id ?? "";
		const hour = row.started_at - (row.started_at % HOUR_MS);
		const [key, team] = [row.key_id ?? "", row.team_id ?? ""];
		hours.add([hour, key, team, model, modelId], measures);
		places.add([hour, model, modelId], measures);
		keys.add([hour, key, team], measures);
		minutes.add([row.started_at - (row.started_at % MINUTE_MS), model, modelId], measures);
		if (row.session !== null) sessions.add(row, measures);
	}
	const steps: BulkStep[] = [
		{ sql: statements.requests, rows: storableJson(rows), texts: storable(details.join("\n")) },
	];
	const sums = [
		{ sql: statements.bodies, rows: bodies },
		{ sql: statements.hours, rows: hours.rows() },
		{ sql: statements.places, rows: places.rows() },
		{ sql: statements.keys, rows: keys.rows() },
		{ sql: statements.minutes, rows: minutes.rows() },
		{ sql: statements.sessions, rows: sessions.rows() },
	];
	for (const { sql, rows: list } of sums) if (list.length > 0) steps.push({ sql, rows: storableJson(list) });
	return steps;
}

function valuesOf(row: NewRequestRow): unknown[] {
	const values: unknown[] = [];
	for (const name of REQUEST_COLUMN_NAMES) values.push(row[name]);
	return values;
}

/** Sums by key. In the order of the keys: replicas that add to the same rows must not do it crosswise, or one waits for the other. */
class Sums {
	readonly #sums = new Map<string, { readonly key: readonly (string | number)[]; readonly measures: number[] }>();

	add(key: readonly (string | number)[], measures: readonly number[]): void {
		const name = key.join("\0");
		const known = this.#sums.get(name);
		if (known === undefined) this.#sums.set(name, { key, measures: [...measures] });
		else addMeasures(known.measures, measures);
	}

	rows(): unknown[][] {
		return sortedByName(this.#sums).map(({ key, measures }) => [...key, ...measures]);
	}
}

class Sessions {
	readonly #sums = new Map<string, { first: number; last: NewRequestRow; measures: number[] }>();

	add(row: NewRequestRow, measures: readonly number[]): void {
		const name = `${row.key_id ?? ""}\0${row.session}`;
		const known = this.#sums.get(name);
		if (known === undefined) {
			this.#sums.set(name, { first: row.started_at, last: row, measures: [...measures] });
			return;
		}
		known.first = Math.min(known.first, row.started_at);
		// The deployment of a request that nobody served says nothing about the conversation.
		if (row.started_at >= known.last.started_at && (row.outcome === "served" || known.last.outcome !== "served"))
			known.last = row;
		addMeasures(known.measures, measures);
	}

	rows(): unknown[][] {
		return sortedByName(this.#sums).map(({ first, last, measures }) => [
			last.key_id ?? "",
			last.session,
			last.team_id ?? "",
			first,
			last.started_at,
			last.model ?? "",
			last.model_id ?? "",
			last.key_alias ?? "",
			...measures,
		]);
	}
}

function sortedByName<Value>(map: ReadonlyMap<string, Value>): Value[] {
	return [...map].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, value]) => value);
}

function bytesOf({ row, body }: LogEntry): number {
	return ROW_BYTES + row.details.length + (body?.request?.length ?? 0) + (body?.response?.length ?? 0);
}

/**
 * JSON without escaped NULs and halves of surrogate pairs: Postgres takes neither, and would refuse the row. Escapes are gone through one
 * by one, since the second half of an escaped backslash begins none.
 */
function storable(text: string): string {
	if (!text.includes("\\u0000") && !text.includes("\\ud")) return text;
	return text.replace(/\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g, (found) => (found.length > 2 ? "\ufffd" : found));
}

function storableJson(value: unknown): string {
	return storable(JSON.stringify(value));
}

/** The database answered and does not want these rows: the statement (21), data (22), constraints (23), types (42) of Postgres, the same of SQLite. */
function isRefusal(error: unknown): boolean {
	const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
	return /^(21|22|23|42)/.test(code) || /^SQLITE_(CONSTRAINT|MISMATCH|RANGE|TOOBIG|ERROR)/.test(code);
}

function messageOf(error: unknown): string {
	return error instanceof Error && error.message !== "" ? error.message : String(error);
}
