// A million rows for the request log, as a busy team makes them, and the writing of them. Leaves what is asked of them to log and ui.
import { sql } from "kysely";
import { summaryOf } from "../src/cache/summary.ts";
import type { Database } from "../src/db/database.ts";
import type { RequestRow } from "../src/db/schema/requests.ts";
import type { LogEntry } from "../src/requestlog/batch.ts";
import { type Details, NO_DETAILS } from "../src/requestlog/details.ts";
import { createLogWriter } from "../src/requestlog/writer.ts";
import { seededRandom } from "../src/simulator/random.ts";
import { createLogger } from "../src/telemetry/log.ts";

/** How many rows, over how many days, and when the last of them was. */
export interface LogSize {
	readonly rows: number;
	readonly days: number;
	/** ms since epoch. */
	readonly end: number;
}

export const DAY_MS = 86_400_000;

export const MODELS = ["claude-code", "claude-opus", "claude-haiku", "claude-fable"];
export const DEPLOYMENTS = Array.from({ length: 8 }, (_, at) => `deployment-${at + 1}`);
export const REASONS = ["prefix", "head", "cold", "unmarked", "diverted", "returned"];
export const KEYS = 200;

/** A conversation has fifty turns. */
export function sessionsOf({ rows }: Pick<LogSize, "rows">): number {
	return Math.max(400, Math.round(rows / 50));
}

/** As the gateway's own ids begin: with their time (src/proxy/call-id.ts). */
export function idPrefix(startedAt: number): string {
	const hex = startedAt.toString(16).padStart(12, "0");
	return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000`;
}

/** Tokens and dollars of an answer. */
function countsOf(read: number, write: number) {
	const cost = (read * 0.1 + write * 2.5 + 4_000) / 1e6;
	return {
		input_tokens: 200,
		output_tokens: 400,
		cache_read_tokens: read,
		cache_write_5m_tokens: write,
		cache_write_1h_tokens: 0,
		cost,
		cost_input: 0.0004,
		cost_cache_read: (read * 0.1) / 1e6,
		cost_cache_write_5m: (write * 2.5) / 1e6,
		cost_cache_write_1h: 0,
		cost_output: 0.004,
		cost_server_tools: 0,
		cost_without_caching: cost * 6,
		cost_random_routing: cost * 3,
	};
}

type Counts = ReturnType<typeof countsOf>;
/** Of a request that failed. */
const UNCOUNTED = Object.fromEntries(Object.keys(countsOf(0, 0)).map((name) => [name, null])) as Record<
	keyof Counts,
	null
>;

/** Rows as a busy team makes them: many turns of few sessions at a time, some errors, some misses. */
export function rowOf(at: number, size: LogSize, random: () => number): RequestRow {
	const { rows, days, end } = size;
	const startedAt = end - Math.floor(((rows - at) / rows) * days * DAY_MS);
	const pick = <T>(list: readonly T[]): T =>
		list[Math.min(list.length - 1, Math.floor(random() ** 2 * list.length))] as T;
	// Sessions live for a while and are then followed by others.
	const session = Math.floor((at / rows) * (sessionsOf(size) - 200)) + Math.floor(random() * 200);
	const key = session % KEYS;
	const failed = random() < 0.03;
	const status = failed ? pick([429, 529, 500, 400, 401, 499]) : 200;
	const read = Math.floor(random() * 150_000);
	const write = Math.floor(random() * 5_000);
	const model = pick(MODELS);
	return {
		id: `${idPrefix(startedAt)}-${((at * 2_654_435_761) % 2 ** 24).toString(16).padStart(6, "0")}${at.toString(16).padStart(6, "0")}`,
		started_at: startedAt,
		operation: "messages",
		client_format: "anthropic",
		outcome: status === 499 ? "aborted" : status === 401 ? "rejected" : failed ? "failed" : "served",
		status,
		error: failed ? `http_${status}` : null,
		key_id: `${key.toString(16).padStart(4, "0")}${"f".repeat(60)}`,
		key_alias: `key-${key}`,
		team_id: `team-${key % 20}`,
		user_id: `user-${key}`,
		end_user: null,
		session_id: `${session.toString(16).padStart(8, "0")}-aaaa-4bbb-8ccc-dddddddddddd`,
		agent_id: null,
		client: "claude-cli",
		client_version: "2.1.280",
		tags: [],
		model,
		model_group: "claude-code",
		// A deployment serves one model.
		model_id: DEPLOYMENTS[MODELS.indexOf(model) * 2 + (random() < 0.7 ? 0 : 1)] ?? null,
		upstream_model: "claude-sonnet-5-5",
		provider: "anthropic",
		cache_domain: "anthropic/00000000-0000-4000-8000-000000000000/wrkspc_1",
		region: null,
		stream: true,
		...(failed ? UNCOUNTED : countsOf(read, write)),
		estimated: false,
		affinity: "hit",
		reason: pick(REASONS),
		predicted_read: read,
		waited_ms: 0,
		ttft_ms: failed ? null : 900,
		duration_ms: 7_000,
		diverted_from: null,
		runner_up: "deployment-2",
		attempts: 1,
		miss_cause:
			!failed && random() < 0.03 ? pick(["expired", "moved", "history_edited", "tools_changed", "lost"]) : null,
	};
}

/** A row with what is kept beside it: three candidates, and the prints of a prompt of some hundred blocks. */
function entryOf(at: number, size: LogSize, random: () => number): LogEntry {
	const row = rowOf(at, size, random);
	const words = Uint32Array.from({ length: 75 + Math.floor(random() * 75) }, () => random() * 2 ** 32);
	const messageBlocks = new Uint8Array((words.length - 20) >> 1).fill(2);
	const read = row.cache_read_tokens ?? 0;
	const details: Details = {
		...NO_DETAILS,
		attempts: [
			{
				model_id: row.model_id ?? "",
				outcome: row.outcome,
				status: row.status,
				error: "",
				started_at: row.started_at,
				ms: 7_000,
			},
		],
		candidates: DEPLOYMENTS.slice(0, 3).map((id, rank) => {
			const expected = row.cost_without_caching === null ? null : row.cost_without_caching / (rank + 1);
			return {
				model_id: id,
				reason: "prefix",
				predicted_read_tokens: read >> rank,
				expected_dollars: expected,
				thinking_at_risk: false,
			};
		}),
		prompt_tokens: read + 5_000,
		max_tokens: 32_000,
		turn: {
			startedAt: row.started_at,
			firstByteAt: row.ttft_ms === null ? null : row.started_at + row.ttft_ms,
			model: "claude-sonnet-5-5",
			place: row.cache_domain ?? "",
			modelId: row.model_id ?? "",
			betas: "interleaved-thinking-2025-05-14",
			variant: "",
			settings: { toolChoice: 0, thinking: 7, effort: 0, format: 0, images: 0 },
			summary: summaryOf({
				tools: 17,
				system: 3,
				messages: words.length - 20,
				bytes: [48_000, 62_000, read * 4],
				marks: [
					{ block: 19, ttl: "1h", bytes: 62_000 },
					{ block: words.length - 1, ttl: "5m", bytes: read * 4 },
				],
				words,
				messageBlocks,
			}),
			inputTokens: row.input_tokens ?? 0,
			readTokens: read,
			writeTokens: row.cache_write_5m_tokens ?? 0,
			minimumTokens: 1_024,
			collapseRuns: true,
			route: row.reason ?? "",
			diagnosis: null,
		},
	};
	return { row, details, bodies: null };
}

const WRITTEN_TOGETHER = 10_000;

/** Writes the rows as a busy gateway does. Answers how many a second, the making of them left out. */
export async function fillLog(database: Database, size: LogSize): Promise<number> {
	const { rows } = size;
	const log = createLogger({ level: "warn", format: "json" });
	const writer = createLogWriter(database, { maxQueued: 20_000, maxQueuedBytes: 1e9, log });
	const random = seededRandom(1);
	let seconds = 0;
	for (let from = 0; from < rows; from += WRITTEN_TOGETHER) {
		const count = Math.min(WRITTEN_TOGETHER, rows - from);
		const entries = Array.from({ length: count }, (_, at) => entryOf(from + at, size, random));
		const before = performance.now();
		for (const entry of entries) writer.push(entry);
		await writer.flush();
		seconds += (performance.now() - before) / 1000;
	}
	const { written, lost } = writer.stats();
	if (written !== rows || lost > 0) throw new Error(`${written} rows written, ${lost} lost`);
	await analyse(database);
	console.log(`${database.kind}  ${rows} rows in ${seconds.toFixed(0)} s`);
	return rows / seconds;
}

async function analyse(database: Database): Promise<void> {
	await (database.kind === "postgres" ? sql`vacuum analyze` : sql`analyze`).execute(database.query);
}
