// The sums that the ledger keeps by hour, minute and conversation, and the tables they stand in. Leaves what one request adds to
// requestlog/measures and reading them to requestlog/ledger.
import type { ColumnType } from "./requests.ts";

/**
 * Every sum, in the order of the columns. unpriced: requests that cost something, nobody knows how much · predictions: answered requests with
 * a prediction; confirmed_tokens: what of the predicted tokens was really read · warm and cold first bytes: of streamed answers that read
 * more, or less, than half of their prompt from the cache.
 */
export const MEASURES = [
	"requests",
	"served",
	"failed",
	"aborted",
	"rejected",
	"input_tokens",
	"output_tokens",
	"cache_read_tokens",
	"cache_write_5m_tokens",
	"cache_write_1h_tokens",
	"cost",
	"cost_without_caching",
	"cost_random_routing",
	"unpriced",
	"predictions",
	"predicted_tokens",
	"confirmed_tokens",
	"diverted",
	"misses",
	"waited_ms",
	"duration_ms",
	"warm_first_byte_ms",
	"warm_first_bytes",
	"cold_first_byte_ms",
	"cold_first_bytes",
] as const;

type Measure = (typeof MEASURES)[number];
export type MeasureColumns = Record<Measure, number>;

const SUM_COLUMNS: Readonly<Record<string, ColumnType>> = Object.fromEntries(
	MEASURES.map((name) => [name, name.startsWith("cost") ? "dollars?" : "count"]),
);

/** A table of sums. Hours, minutes and times are ms since epoch; "" = requests that had none. */
export interface SumTable {
	/** What its rows are grouped by. */
	readonly keys: Readonly<Record<string, ColumnType>>;
	/** What else a row says, of the latest request. */
	readonly facts: Readonly<Record<string, ColumnType>>;
	readonly sums: Readonly<Record<string, ColumnType>>;
}

const place = { model: "text", model_id: "text" } as const;
const key = { key_id: "text", team_id: "text" } as const;

/** By table. Those grouped by place or by key alone are kept besides: there are far fewer of them. */
export const SUM_TABLES = {
	ledger_hours: { keys: { hour: "count", ...key, ...place }, facts: {}, sums: SUM_COLUMNS },
	ledger_places: { keys: { hour: "count", ...place }, facts: {}, sums: SUM_COLUMNS },
	ledger_keys: { keys: { hour: "count", ...key }, facts: {}, sums: SUM_COLUMNS },
	ledger_minutes: { keys: { minute: "count", ...place }, facts: {}, sums: SUM_COLUMNS },
	sessions: {
		keys: { key_id: "text", session_id: "text" },
		facts: { team_id: "text", first_at: "count", last_at: "count", ...place, key_alias: "text" },
		sums: SUM_COLUMNS,
	},
} as const satisfies Readonly<Record<string, SumTable>>;

export type SumTableName = keyof typeof SUM_TABLES;
