// Traces that `warmpath db export` writes: the gateway's own request log, with fingerprints in the place of prompts. Leaves reading files
// to replay/trace.
import {
	blocksOf,
	type PrefixSummary,
	printOf,
	readSummary,
	type StoredSummary,
	sizeOfBlock,
} from "../cache/summary.ts";
import type { TraceFormat, TraceHeader, TraceRequest } from "./trace-format.ts";

/** Tokens of the blocks that prompts are cut into: small, since the log's own blocks are of any size. */
const BLOCK_TOKENS = 16;
const PRINT_SPACE = 2 ** 24;

/** What replay reads of an exported row; there is more in it. */
interface ExportedRow {
	readonly id: string;
	readonly started_at: number;
	readonly duration_ms: number;
	readonly operation: string;
	readonly outcome: string;
	readonly key_id: string | null;
	readonly session_id: string | null;
	readonly agent_id: string | null;
	readonly model: string | null;
	readonly upstream_model: string | null;
	readonly input_tokens: number | null;
	readonly cache_read_tokens: number | null;
	readonly cache_write_5m_tokens: number | null;
	readonly cache_write_1h_tokens: number | null;
	readonly output_tokens: number | null;
	readonly details: { readonly turn: { readonly model: string; readonly summary: StoredSummary } | null };
}

export const requestLog: TraceFormat = {
	header(line): TraceHeader | null {
		if (!("warmpath_log" in line)) return null;
		if (line["warmpath_log"] !== 1)
			throw new Error("the export is of a newer version of Warmpath; use that one to replay it");
		const read = new Reader();
		return {
			name: "request log",
			source: `exported ${String(line["exported_at"] ?? "")}`.trim(),
			blockTokens: BLOCK_TOKENS,
			clock: "one",
			requestOf: (row) => read.requestOf(row),
		};
	},
};

/** Keeps what lines have in common: sessions by number, and blocks by the prefix that they end. */
class Reader {
	readonly #sessions = new Map<string, number>();
	readonly #agents = new Map<string, number>();
	/** By parent block and fingerprint. A fingerprint alone is too short to distinguish the blocks of a whole log. */
	readonly #nodes = new Map<string, Node>();
	#nextId = 1;
	#begin: number | null = null;

	/** Null for rows that marked nothing for caching, or were not answered: they say nothing of caches. */
	requestOf(line: unknown): TraceRequest | null {
		const row = rowOf(line);
		const turn = row.details.turn;
		if (turn === null || row.outcome !== "served" || row.operation !== "messages" || row.input_tokens === null)
			return null;
		this.#begin ??= row.started_at;
		const promptTokens =
			row.input_tokens +
			(row.cache_read_tokens ?? 0) +
			(row.cache_write_5m_tokens ?? 0) +
			(row.cache_write_1h_tokens ?? 0);
		const session =
			row.session_id === null ? null : this.#number(this.#sessions, `${row.key_id ?? ""}\n${row.session_id}`);
		const agent = row.agent_id === null ? 0 : this.#number(this.#agents, `${session}\n${row.agent_id}`) + 1;
		const summary = readSummary(turn.summary);
		const blocks = this.#blocksOf(summary, promptTokens);
		const upTo = (count: number) => blocks.slice(0, count).reduce((sum, node) => sum + node.count, 0);
		return {
			at: Math.max(0, row.started_at - this.#begin),
			session,
			agent,
			model: turn.model,
			runs: runsOf(blocks),
			promptTokens,
			outputTokens: row.output_tokens ?? 0,
			durationMs: row.duration_ms,
			toolsBlocks: upTo(summary.tools),
			systemBlocks: upTo(summary.tools + summary.system),
		};
	}

	/** Each of the log's blocks as a run of ids, the same whenever it comes again behind the same prefix. */
	#blocksOf(summary: PrefixSummary, promptTokens: number): Node[] {
		const bytes = summary.bytes[2];
		const tokensPerByte = bytes === 0 ? 0 : promptTokens / bytes;
		const blocks: Node[] = [];
		let parent = 0;
		let end = 0;
		for (let block = 0; block < blocksOf(summary); block += 1) {
			const key = `${parent}/${printOf(summary, block) ?? PRINT_SPACE + block}`;
			let node = this.#nodes.get(key);
			if (node === undefined) {
				end += sizeOfBlock(summary, block) * tokensPerByte;
				const before = blocks.reduce((sum, { count }) => sum + count, 0);
				const count = Math.max(0, Math.round(end / BLOCK_TOKENS) - before);
				// A block that is smaller than any of ours still distinguishes two prefixes: it has a number, and no blocks.
				node = { id: this.#nextId, count, end };
				this.#nextId += Math.max(1, count);
				this.#nodes.set(key, node);
			}
			({ end } = node);
			blocks.push(node);
			parent = node.id;
		}
		return blocks;
	}

	#number(known: Map<string, number>, name: string): number {
		const number = known.get(name) ?? known.size;
		known.set(name, number);
		return number;
	}
}

interface Node {
	/** Of its first block. */
	readonly id: number;
	/** How many blocks of BLOCK_TOKENS it is. */
	readonly count: number;
	/** Tokens up to its end. */
	readonly end: number;
}

function runsOf(blocks: readonly Node[]): Float64Array {
	const runs: number[] = [];
	for (const { id, count } of blocks) {
		if (count === 0) continue;
		const last = runs.length - 2;
		if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === id)
			runs[last + 1] = (runs[last + 1] as number) + count;
		else runs.push(id, count);
	}
	return Float64Array.from(runs);
}

function rowOf(line: unknown): ExportedRow {
	const row = line as Partial<ExportedRow> | null;
	const isRow =
		typeof row === "object" &&
		row !== null &&
		typeof row.id === "string" &&
		typeof row.started_at === "number" &&
		typeof row.duration_ms === "number" &&
		typeof row.details === "object";
	if (!isRow) throw new Error("expected a row of the request log, as 'warmpath db export' writes it");
	return row as ExportedRow;
}
