// Sums over prompt tokens that several pages show. Pure.
import type { Measures, RequestView } from "./api/types.ts";

/** What became of prompt tokens. */
export interface Fates {
	readonly read: number;
	readonly written: number;
	readonly uncached: number;
}

export function fatesOf(row: RequestView): Fates | null {
	if (row.input_tokens === null) return null;
	return {
		read: row.read_tokens ?? 0,
		written: (row.write_5m_tokens ?? 0) + (row.write_1h_tokens ?? 0),
		uncached: row.input_tokens,
	};
}

export function fatesOfSums(sums: Measures): Fates {
	return {
		read: sums.read_tokens,
		written: sums.write_5m_tokens + sums.write_1h_tokens,
		uncached: sums.input_tokens,
	};
}

export function promptTokens({ read, written, uncached }: Fates): number {
	return read + written + uncached;
}

/** Share of the prompt that was read from the cache; null where there was no prompt. */
export function hitShare(fates: Fates | null): number | null {
	if (fates === null) return null;
	const all = promptTokens(fates);
	return all === 0 ? null : fates.read / all;
}

/** Dollars that caching saved; negative where writes cost more than was read. null = unknown. */
export function savedByCaching({ cost, cost_uncached }: Pick<RequestView, "cost" | "cost_uncached">): number | null {
	return cost === null || cost_uncached === null ? null : cost_uncached - cost;
}
