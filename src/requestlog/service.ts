// The request log's parts put together over an open database: writer, memory of turns, retention. Leaves opening the database to its
// owner and reading to requestlog/requests and requestlog/ledger.
import { TTL_MS } from "../cache/semantics.ts";
import { createTurnMemory, type TurnMemory, type Warmth } from "../cache/turns.ts";
import type { RequestLogConfig } from "../config/schema.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../telemetry/log.ts";
import { createRequestLog, type RequestLog } from "./log.ts";
import { turnsSince } from "./requests-turns.ts";
import { startRetention } from "./retention.ts";
import { createLogWriter, type WriterStats } from "./writer.ts";

export interface LogService {
	readonly requests: RequestLog;
	/** What became of the entries so far. */
	stats(): WriterStats;
	/** What live conversations have cached, by cache domain or, where that is unknown, deployment. */
	warmth(): ReadonlyMap<string, Warmth>;
	/** Resolves when what was recorded until now can be read. */
	flush(): Promise<void>;
	/** Writes what is left, within `graceMs`. The database stays open. */
	close(graceMs: number): Promise<void>;
}

const SWEEP_MS = 600_000;
/** Memory that waiting entries may take. */
const MOST_QUEUED_BYTES = 128 * 1024 * 1024;

/** What was cached longer ago has expired whatever its lifetime was. */
const RECALLED_MS = TTL_MS["1h"];
const MOST_RECALLED = 2_000;

/** A restart must not hide why the next turns miss. */
async function recallTurns(database: Database, turns: TurnMemory, now: number): Promise<void> {
	const logged = await turnsSince(database, { since: now - RECALLED_MS, limit: MOST_RECALLED });
	turns.recall(logged.map(({ turn, ...conversation }) => [conversation, turn] as const));
}

/** `options` as at the start: they change with a restart. */
export function startLogService(
	database: Database,
	options: RequestLogConfig,
	about: { readonly log: Logger; readonly now: () => number },
): LogService {
	const { log, now } = about;
	const writer = createLogWriter(database, { maxQueued: options.maxQueued, maxQueuedBytes: MOST_QUEUED_BYTES, log });
	const retention = startRetention(database, options, {
		everyMs: SWEEP_MS,
		now,
		onError: (error) => log.warn({ err: error }, "request log: old entries could not be deleted; tried again later"),
	});
	const turns = createTurnMemory();
	const requests = createRequestLog(writer, turns);
	let closing = false;
	const recalled = recallTurns(database, turns, now()).catch((error: unknown) => {
		if (!closing)
			log.warn({ err: error }, "request log: earlier turns could not be read; misses against them are not recorded");
	});
	return {
		requests,
		warmth: () => turns.warmth(now()),
		stats: () => writer.stats(),
		async flush() {
			await recalled;
			await writer.flush();
		},
		async close(graceMs) {
			closing = true;
			await retention.stop();
			await writer.close(graceMs);
		},
	};
}
