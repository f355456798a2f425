// Appends to the log off the request path: a bounded queue, batches, patience with a database that is away, and an honest count of what
// was lost. Leaves what a row says to proxy/record and reading to requestlog/requests and requestlog/ledger.

import type { Database } from "../db/database.ts";
import type { Logger } from "../telemetry/log.ts";
import { Batch, type LogEntry } from "./batch.ts";
import { isLogged } from "./requests.ts";
import { statementsFor } from "./statements.ts";

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

/** Entries are collected so long before they are written, ms. */
const COLLECT_MS = 200;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;

export function createLogWriter(database: Database, options: WriterOptions): LogWriter {
	const { log } = options;
	const statements = statementsFor(database.kind);
	/** The last one is open. */
	let queue: Batch[] = [];
	let queued = 0;
	let queuedBytes = 0;
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
		if (closing || queued >= options.maxQueued || queuedBytes > options.maxQueuedBytes) {
			lost += 1;
			tellLoss();
			return;
		}
		let batch = queue.at(-1);
		if (batch === undefined || batch.isFull) {
			batch = new Batch();
			queue.push(batch);
		}
		const before = batch.bytes;
		try {
			batch.add(entry);
		} catch (error) {
			lost += 1;
			log.error({ err: error }, "request log: an entry cannot be written and is lost");
			return;
		}
		queued += 1;
		queuedBytes += batch.bytes - before;
		if (running === null) schedule();
	}

	function schedule(): void {
		if (queue[0]?.isFull === true) start();
		else if (timer === null) {
			timer = setTimeout(start, COLLECT_MS);
			timer.unref();
		}
	}

	function start(): void {
		if (timer !== null) clearTimeout(timer);
		timer = null;
		if (running !== null) return;
		if (queue.length === 0) {
			for (const done of idle.splice(0)) done();
			return;
		}
		running = drain().finally(() => {
			running = null;
			if (queued > 0 && !stopped) schedule();
			else for (const done of idle.splice(0)) done();
		});
	}

	async function drain(): Promise<void> {
		while (!stopped) {
			const batch = queue.shift();
			if (batch === undefined) break;
			if (batch.count > 0) await write(batch, 0, batch.count);
			queued -= batch.count;
			queuedBytes -= batch.bytes;
		}
	}

	/** Until it is written, or is found to be what the database refuses, or there is no more time. */
	async function write(batch: Batch, from: number, to: number): Promise<void> {
		const count = to - from;
		let unsure = false;
		for (let attempt = 0; ; attempt += 1) {
			try {
				// A connection that broke may have broken after the commit: writing twice would count twice.
				if (!unsure || !(await isLogged(database, batch.id(from))))
					await database.bulk(batch.steps(statements, from, to));
				written += count;
				recovered();
				return;
			} catch (error) {
				const refused = isRefusal(error);
				if (refused && count > 1) {
					const half = from + (count >> 1);
					await write(batch, from, half);
					await write(batch, half, to);
					return;
				}
				if (refused || stopped) {
					lost += count;
					failure = messageOf(error);
					log.error({ err: error, entries: count }, "request log: entries could not be written and are lost");
					return;
				}
				unsure = true;
				failed(error);
				await pause(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt));
			}
		}
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
			{ lost, queued, reason: failure },
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
		if (queued === 0 && running === null) return Promise.resolve();
		return new Promise((resolve) => {
			idle.push(resolve);
			start();
		});
	}

	return {
		push,
		flush,
		stats: () => ({ queued, written, lost, failure }),
		async close(graceMs) {
			if (closing) return;
			closing = true;
			const cutOff = setTimeout(() => {
				stopped = true;
				wake?.();
			}, graceMs);
			await flush();
			clearTimeout(cutOff);
			lost += queued;
			queued = 0;
			queue = [];
			if (lost > toldLost) log.warn({ lost }, "request log: closed with entries lost");
		},
	};
}

/** The database answered and does not want these rows: the statement (21), data (22), constraints (23), types (42) of Postgres, the same of SQLite. */
function isRefusal(error: unknown): boolean {
	const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
	return /^(21|22|23|42)/.test(code) || /^SQLITE_(CONSTRAINT|MISMATCH|RANGE|TOOBIG|ERROR)/.test(code);
}

function messageOf(error: unknown): string {
	return error instanceof Error && error.message !== "" ? error.message : String(error);
}
