// What one row of the request log costs: on the thread that serves requests, and on the one that owns the SQLite file. Leaves what that
// takes from a gateway's throughput to log.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Turn } from "../src/cache/miss.ts";
import { summarise } from "../src/cache/summary.ts";
import { createTurnMemory } from "../src/cache/turns.ts";
import { openDatabase } from "../src/db/open.ts";
import { NO_DETAILS } from "../src/requestlog/details.ts";
import { createRequestLog, type FinishedRequest } from "../src/requestlog/log.ts";
import { createLogWriter } from "../src/requestlog/writer.ts";
import { seededRandom } from "../src/simulator/random.ts";
import { createLogger } from "../src/telemetry/log.ts";
import { DEPLOYMENTS, rowOf } from "./log-rows.ts";

/** µs a row, of the best batch: a busy machine only ever adds. */
export interface RowCost {
	/** Telling misses, packing the row, adding it to the sums. */
	readonly record: number;
	/** Making a batch's statements and handing them over. */
	readonly send: number;
	/** From then on until it is committed: the other thread's work. */
	readonly write: number;
}

/** Fewer than the thread that owns the file writes with pauses. */
const BATCH = 500;
const BATCHES = 60;
const BLOCKS = 12;
const SESSIONS = 32;

/** Rows of a conversation's turns with three candidates each, as a group of three deployments makes them. */
export async function costOfRow(): Promise<RowCost> {
	const folder = mkdtempSync(join(tmpdir(), "warmpath-bench-row-"));
	try {
		await using database = await openDatabase({ kind: "sqlite", path: join(folder, "warmpath.db") });
		const log = createLogger({ level: "warn", format: "json" });
		const writer = createLogWriter(database, { maxQueued: BATCH * 2, maxQueuedBytes: 1e9, log });
		const requests = createRequestLog(writer, createTurnMemory());
		const random = seededRandom(1);
		const now = Date.now();
		let best: RowCost = { record: Infinity, send: Infinity, write: Infinity };
		for (let batch = 0; batch < BATCHES; batch += 1) {
			const list = Array.from({ length: BATCH }, (_, at) => finished(batch * BATCH + at, { random, now }));
			const begun = performance.now();
			for (const each of list) requests.record({ ...each, details: { ...each.details, turn: turnOf(each) } });
			const recorded = performance.now();
			const written = writer.flush();
			const sent = performance.now();
			await written;
			best = {
				record: Math.min(best.record, ((recorded - begun) * 1000) / BATCH),
				send: Math.min(best.send, ((sent - recorded) * 1000) / BATCH),
				write: Math.min(best.write, ((performance.now() - sent) * 1000) / BATCH),
			};
		}
		const { lost } = writer.stats();
		if (lost > 0) throw new Error(`${lost} rows lost`);
		return best;
	} finally {
		rmSync(folder, { recursive: true });
	}
}

const CHAIN = {
	count: BLOCKS,
	high: Float64Array.from({ length: BLOCKS }, (_, at) => ((at + 1) * 2_654_435_761) % 2 ** 32),
	level: Uint8Array.from({ length: BLOCKS }, (_, at) => Math.min(2, Math.floor(at / 3))),
	kind: new Uint8Array(BLOCKS),
	message: Int32Array.from({ length: BLOCKS }, (_, at) => Math.max(0, at - 6) >> 1),
	bytes: Float64Array.from({ length: BLOCKS }, (_, at) => (at + 1) * 150),
};

const BREAKPOINTS = [
	{ block: 4, ttl: "5m" },
	{ block: BLOCKS - 1, ttl: "5m" },
] as const;

function finished(at: number, { random, now }: { random: () => number; now: number }): FinishedRequest {
	const session = `session-${at % SESSIONS}-aaaa-4bbb-8ccc-dddddddddddd`;
	const modelId = DEPLOYMENTS[at % 3] ?? "";
	const made = rowOf(at, { rows: BATCH * BATCHES, days: 5, end: now }, random);
	// As a busy gateway's: thousands a second.
	const startedAt = now + Math.floor(at / 5);
	const times = { started_at: startedAt, ttft_ms: 9, duration_ms: 17 };
	const row = {
		...made,
		...times,
		session_id: session,
		model_id: modelId,
		key_id: null,
		key_alias: null,
		team_id: null,
		user_id: null,
	};
	return {
		row,
		details: {
			...NO_DETAILS,
			attempts: [
				{
					model_id: modelId,
					outcome: "served",
					status: 200,
					error: "",
					started_at: now,
					ms: 17,
				},
			],
			candidates: DEPLOYMENTS.slice(0, 3).map((id) => {
				return {
					model_id: id,
					reason: "prefix",
					predicted_read_tokens: 312,
					expected_dollars: 0.001234,
					thinking_at_risk: false,
				};
			}),
			prompt_tokens: 450,
			max_tokens: 1024,
		},
		bodies: null,
	};
}

function turnOf({ row }: FinishedRequest): Turn {
	return {
		startedAt: row.started_at,
		firstByteAt: row.started_at + (row.ttft_ms ?? 0),
		model: "claude-sonnet-5-5",
		place: "anthropic/00000000-0000-4000-8000-000000000000/wrkspc_1",
		modelId: row.model_id ?? "",
		betas: "",
		variant: "",
		settings: { toolChoice: 0, thinking: 0, effort: 0, format: 0, images: 0 },
		summary: summarise(CHAIN, BREAKPOINTS),
		inputTokens: 10,
		readTokens: 300,
		writeTokens: 0,
		minimumTokens: 1024,
		collapseRuns: true,
		route: "prefix",
		diagnosis: null,
	};
}
