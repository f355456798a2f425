// The sums that the ledger keeps, and what one request adds to them. Leaves where they are kept to db/writer and reading them to db/ledger.
import type { MeasureColumns, RequestRow } from "./tables.ts";

/**
 * Every sum, in the order of the columns. unpriced: requests with tokens but without a known price · predictions: answered requests with
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
	"read_tokens",
	"write_5m_tokens",
	"write_1h_tokens",
	"cost",
	"cost_uncached",
	"cost_random",
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
] as const satisfies readonly (keyof MeasureColumns)[];

export type Measures = Readonly<MeasureColumns>;

/** What one request adds. Costs go in together or not at all, so that their differences mean something. */
export function measuresOf(row: RequestRow): number[] {
	const read = row.read_tokens ?? 0;
	const input = row.input_tokens ?? 0;
	const write5m = row.write_5m_tokens ?? 0;
	const write1h = row.write_1h_tokens ?? 0;
	const answered = row.input_tokens !== null;
	const priced = row.cost !== null && row.cost_uncached !== null;
	const predicted = answered ? (row.predicted_read_tokens ?? 0) : 0;
	const warm = read * 2 > read + input + write5m + write1h;
	const firstByteMs =
		answered && row.stream === 1 && row.first_byte_at !== null ? row.first_byte_at - row.started_at : null;
	return [
		1,
		flag(row.outcome === "served"),
		flag(row.outcome === "failed" || row.outcome === "broke"),
		flag(row.outcome === "aborted"),
		flag(row.outcome === "rejected"),
		input,
		row.output_tokens ?? 0,
		read,
		write5m,
		write1h,
		priced ? (row.cost ?? 0) : 0,
		priced ? (row.cost_uncached ?? 0) : 0,
		priced ? (row.cost_random ?? row.cost ?? 0) : 0,
		flag(answered && !priced),
		flag(answered && row.predicted_read_tokens !== null),
		predicted,
		Math.min(predicted, read),
		flag(row.diverted_from !== null),
		flag(row.miss !== null),
		row.waited_ms,
		row.ended_at - row.started_at,
		firstByteMs !== null && warm ? firstByteMs : 0,
		flag(firstByteMs !== null && warm),
		firstByteMs !== null && !warm ? firstByteMs : 0,
		flag(firstByteMs !== null && !warm),
	];
}

/** Adds in place. */
export function addMeasures(sums: number[], more: readonly number[]): void {
	for (let at = 0; at < more.length; at += 1) sums[at] = (sums[at] ?? 0) + (more[at] ?? 0);
}

/** Sums by name; absent = 0. */
export function namedMeasures(row: Partial<Record<keyof MeasureColumns, number | null>>): Measures {
	const named: Partial<Record<keyof MeasureColumns, number>> = {};
	for (const name of MEASURES) named[name] = row[name] ?? 0;
	return named as Measures;
}

function flag(is: boolean): number {
	return is ? 1 : 0;
}
