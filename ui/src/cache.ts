// Sums over prompt tokens that several pages show. Pure.
import type { MeasuresView, RequestView } from "../../src/admin/contract/log.ts";

/** What became of prompt tokens. */
export interface CacheOutcome {
	readonly read: number;
	readonly written: number;
	readonly uncached: number;
}

export function cacheOutcomeOf(row: RequestView): CacheOutcome | null {
	if (row.input_tokens === null) return null;
	return {
		read: row.cache_read_tokens ?? 0,
		written: (row.cache_write_5m_tokens ?? 0) + (row.cache_write_1h_tokens ?? 0),
		uncached: row.input_tokens,
	};
}

export function cacheOutcomeOfSums(sums: MeasuresView): CacheOutcome {
	return {
		read: sums.cache_read_tokens,
		written: sums.cache_write_5m_tokens + sums.cache_write_1h_tokens,
		uncached: sums.input_tokens,
	};
}

export function promptTokens({ read, written, uncached }: CacheOutcome): number {
	return read + written + uncached;
}

/** Share of the prompt that was read from the cache; null where there was no prompt. */
export function hitShare(cacheOutcome: CacheOutcome | null): number | null {
	if (cacheOutcome === null) return null;
	const all = promptTokens(cacheOutcome);
	return all === 0 ? null : cacheOutcome.read / all;
}

/** Dollars that caching saved; negative where writes cost more than was read. null = unknown. */
export function savedByCaching({
	cost,
	cost_without_caching,
}: Pick<RequestView, "cost" | "cost_without_caching">): number | null {
	return cost === null || cost_without_caching === null ? null : cost_without_caching - cost;
}
