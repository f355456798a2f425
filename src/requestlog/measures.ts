// What one request adds to the ledger's sums. Leaves which sums there are to db/schema/sums and reading them to requestlog/ledger.
import type { RequestRow } from "../db/schema/requests.ts";
import { MEASURES, type MeasureColumns } from "../db/schema/sums.ts";

export type Measures = Readonly<MeasureColumns>;

/** Costs go in together or not at all, so that their differences mean something. */
export function measuresOf(row: RequestRow): Measures {
	const read = row.cache_read_tokens ?? 0;
	const input = row.input_tokens ?? 0;
	const write5m = row.cache_write_5m_tokens ?? 0;
	const write1h = row.cache_write_1h_tokens ?? 0;
	const answered = row.input_tokens !== null;
	const priced = row.cost !== null && row.cost_without_caching !== null;
	const predicted = answered ? (row.predicted_read ?? 0) : 0;
	const isWarm = read * 2 > read + input + write5m + write1h;
	const firstByteMs = answered && row.stream ? row.ttft_ms : null;
	const warmMs = isWarm ? firstByteMs : null;
	const coldMs = isWarm ? null : firstByteMs;
	return {
		requests: 1,
		served: flag(row.outcome === "served"),
		failed: flag(row.outcome === "failed" || row.outcome === "broke"),
		aborted: flag(row.outcome === "aborted"),
		rejected: flag(row.outcome === "rejected"),
		input_tokens: input,
		output_tokens: row.output_tokens ?? 0,
		cache_read_tokens: read,
		cache_write_5m_tokens: write5m,
		cache_write_1h_tokens: write1h,
		cost: priced ? (row.cost ?? 0) : 0,
		cost_without_caching: priced ? (row.cost_without_caching ?? 0) : 0,
		cost_random_routing: priced ? (row.cost_random_routing ?? row.cost ?? 0) : 0,
		unpriced: flag(isCostUnknown(row)),
		predictions: flag(answered && row.predicted_read !== null),
		predicted_tokens: predicted,
		confirmed_tokens: Math.min(predicted, read),
		diverted: flag(row.diverted_from !== null),
		misses: flag(row.miss_cause !== null),
		waited_ms: row.waited_ms,
		duration_ms: row.duration_ms,
		warm_first_byte_ms: warmMs ?? 0,
		warm_first_bytes: flag(warmMs !== null),
		cold_first_byte_ms: coldMs ?? 0,
		cold_first_bytes: flag(coldMs !== null),
	};
}

const BILLED_OUTCOMES: ReadonlySet<string> = new Set(["served", "broke", "aborted"]);

/**
 * Whether the provider may bill something for it, nobody knows how much. What was refused or failed costs nothing, and nor does counting
 * tokens.
 */
export function isCostUnknown(
	row: Pick<RequestRow, "cost" | "operation" | "outcome" | "attempts" | "input_tokens">,
): boolean {
	if (row.cost !== null || row.operation === "count_tokens") return false;
	return row.input_tokens !== null || (row.attempts > 0 && BILLED_OUTCOMES.has(row.outcome));
}

/** Adds in place. */
export function addMeasures(sums: MeasureColumns, more: Measures): void {
	for (const name of MEASURES) sums[name] += more[name];
}

/** Sums by name; absent = 0. */
export function namedMeasures(row: Partial<Record<keyof MeasureColumns, number | null>>): Measures {
	const named: Partial<MeasureColumns> = {};
	for (const name of MEASURES) named[name] = row[name] ?? 0;
	return named as Measures;
}

function flag(is: boolean): number {
	return is ? 1 : 0;
}
