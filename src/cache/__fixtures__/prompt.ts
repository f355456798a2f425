// Prompts for tests, as the prefixes a scan would give. Leaves real bodies to prompt/.
import { createHash } from "node:crypto";
import type { CacheBreakpoint, Prefixes } from "../index.ts";
import type { Ttl } from "../semantics.ts";

export interface Block {
	readonly text: string;
	/** 0 tools, 1 system, 2 messages. */
	readonly level: 0 | 1 | 2;
	/** 0 other, 1 tool_use, 2 tool_result. */
	readonly kind?: 0 | 1 | 2;
	readonly tokens: number;
	readonly mark?: Ttl;
}

/** What the fixture counts a token as; the starting figure of models without the dense tokenizer. */
export const BYTES_PER_TOKEN = 4;

/** Prefixes and breakpoints of a list of blocks. Equal texts at equal levels after equal blocks give equal fingerprints. */
export function promptOf(blocks: readonly Block[]): { prefixes: Prefixes; breakpoints: CacheBreakpoint[] } {
	const count = blocks.length;
	const prefixes = {
		count,
		high: new Float64Array(count),
		low: new Float64Array(count),
		level: new Uint8Array(count),
		kind: new Uint8Array(count),
		bytes: new Float64Array(count),
	};
	const breakpoints: CacheBreakpoint[] = [];
	let chain = Buffer.alloc(0);
	let bytes = 0;
	for (const [at, block] of blocks.entries()) {
		chain = createHash("sha1").update(chain).update(`${block.level}/${block.text}`).digest();
		bytes += block.tokens * BYTES_PER_TOKEN;
		prefixes.high[at] = chain.readUIntBE(0, 6);
		prefixes.low[at] = chain.readUIntBE(6, 6);
		prefixes.level[at] = block.level;
		prefixes.kind[at] = block.kind ?? 0;
		prefixes.bytes[at] = bytes;
		if (block.mark !== undefined) breakpoints.push({ block: at, ttl: block.mark });
	}
	return { prefixes, breakpoints };
}

/** `count` message blocks of `tokens` each, named by `name` and position. */
export function messages(name: string, count: number, tokens = 200): Block[] {
	return Array.from({ length: count }, (_, at) => ({ text: `${name} ${at}`, level: 2, tokens }));
}

/** The blocks with only those at `positions` marked; negative positions count from the end. */
export function marked(blocks: readonly Block[], positions: readonly number[], ttl: Ttl = "5m"): Block[] {
	const at = new Set(positions.map((position) => (position < 0 ? blocks.length + position : position)));
	return blocks.map(({ text, level, kind, tokens }, position) => {
		const block: Block = { text, level, tokens, ...(kind === undefined ? {} : { kind }) };
		return at.has(position) ? { ...block, mark: ttl } : block;
	});
}
