// What is kept of a prompt after it was served: enough to say later where the next one differs, bounded, and nothing of its text.
// Leaves what follows from a difference to cache/miss.
import type { Ttl } from "./semantics.ts";

/** Provider order of levels, as in prompt's `Level`. */
export const LEVELS = ["tools", "system", "messages"] as const;
export type LevelName = (typeof LEVELS)[number];

/** The chain of a prompt, as far as it is summed up here; prompt's `PrefixChain` is one. */
export interface SummedChain {
	readonly count: number;
	readonly high: Float64Array;
	readonly level: Uint8Array;
	readonly kind: Uint8Array;
	readonly message: Int32Array;
	readonly bytes: Float64Array;
}

export interface SummedMark {
	readonly block: number;
	readonly ttl: Ttl;
	/** Bytes of prompt text up to and including it. */
	readonly bytes: number;
}

/** A prompt's prefixes, without its text. */
export interface PrefixSummary {
	/** Blocks of each level. */
	readonly tools: number;
	readonly system: number;
	readonly messages: number;
	/** Bytes of prompt text up to the end of tools, of system, of everything. */
	readonly bytes: readonly [number, number, number];
	/** Breakpoints in order of block. */
	readonly marks: readonly SummedMark[];
	/** For each block PRINT_BITS of its prefix's fingerprint above two bits of its kind; UNKNOWN where not kept. */
	readonly prints: Int32Array;
	/** Sizes of the same blocks as `sizeClassOf` puts them; 0 where not kept. */
	readonly sizes: Uint8Array;
	/** Blocks of each message, at most 255 told. */
	readonly messageBlocks: Uint8Array;
}

/** Blocks whose fingerprints are kept, half of them from each end: no client sends more, and it bounds a row. */
export const MOST_PRINTS = 1024;
const MOST_MESSAGES = 2048;
const MOST_MARKS = 8;
const PRINT_SPACE = 2 ** 22;
const UNKNOWN = -1;

/** Fingerprints are cut to 22 bits: each stands for its whole prefix, so a chance agreement hides a change from one turn only. */
export function summarise(chain: SummedChain, breakpoints: readonly { block: number; ttl: Ttl }[]): PrefixSummary {
	const { count, level, bytes, message } = chain;
	const ends = [0, 0, 0];
	for (let block = 0; block < count; block += 1) ends[level[block] as number] = block + 1;
	const tools = ends[0] as number;
	const head = Math.max(tools, ends[1] as number);
	const prints = new Int32Array(count);
	const sizes = new Uint8Array(count);
	let before = 0;
	for (let block = 0; block < count; block += 1) {
		const kept = isKept(block, count);
		const end = bytes[block] as number;
		prints[block] = kept ? printOf(chain, block) : UNKNOWN;
		sizes[block] = kept ? sizeClassOf(end - before) : 0;
		before = end;
	}
	const last = count === 0 ? -1 : (message[count - 1] as number);
	const messageBlocks = new Uint8Array(Math.min(MOST_MESSAGES, last + 1));
	for (let block = head; block < count; block += 1) {
		const at = message[block] as number;
		const blocks = messageBlocks[at];
		if (blocks !== undefined && blocks < 255) messageBlocks[at] = blocks + 1;
	}
	const upTo = (end: number) => (end === 0 ? 0 : (bytes[end - 1] as number));
	return {
		tools,
		system: head - tools,
		messages: count - head,
		bytes: [upTo(tools), upTo(head), upTo(count)],
		marks: breakpoints.slice(-MOST_MARKS).map(({ block, ttl }) => ({ block, ttl, bytes: bytes[block] ?? 0 })),
		prints,
		sizes,
		messageBlocks,
	};
}

/** Sizes are told to an eighth of an octave, so that a byte is enough for any. */
const CLASSES_AN_OCTAVE = 8;

/** 0 = nothing, else the size's logarithm. */
export function sizeClassOf(bytes: number): number {
	return bytes < 1 ? 0 : Math.min(255, 1 + Math.round(Math.log2(bytes) * CLASSES_AN_OCTAVE));
}

/** Bytes of a size class, to a few percent. */
export function bytesOfClass(sizeClass: number): number {
	return sizeClass === 0 ? 0 : 2 ** ((sizeClass - 1) / CLASSES_AN_OCTAVE);
}

/** How many first blocks two prompts have in common, as far as is known. */
export function commonBlocks(left: PrefixSummary, right: PrefixSummary): number {
	const most = Math.min(left.prints.length, right.prints.length);
	for (let block = 0; block < most; block += 1) {
		const one = left.prints[block] as number;
		const other = right.prints[block] as number;
		if (one !== other && one !== UNKNOWN && other !== UNKNOWN) return block;
		// The same bytes at another level are another prompt.
		if (levelOf(left, block) !== levelOf(right, block)) return block;
	}
	return most;
}

/** Which level a block is of; past the last block: messages. */
export function levelOf({ tools, system }: PrefixSummary, block: number): LevelName {
	if (block < tools) return "tools";
	return block < tools + system ? "system" : "messages";
}

/** 0 = neither, 1 = tool_use, 2 = tool_result. */
export function kindOf({ prints }: PrefixSummary, block: number): number {
	const print = prints[block] ?? UNKNOWN;
	return print === UNKNOWN ? 0 : print & 3;
}

/** Which message a block of the messages belongs to, from 0. */
export function messageOf(summary: PrefixSummary, block: number): number {
	let left = block - summary.tools - summary.system;
	for (const [message, blocks] of summary.messageBlocks.entries()) {
		if (left < blocks) return message;
		left -= blocks;
	}
	return summary.messageBlocks.length;
}

/** The summary as JSON keeps it. */
export interface StoredSummary {
	readonly tools: number;
	readonly system: number;
	readonly messages: number;
	readonly bytes: readonly [number, number, number];
	readonly marks: readonly SummedMark[];
	/** Base64 of three bytes a kept block. */
	readonly prints: string;
	/** Base64 of one byte a kept block. */
	readonly sizes: string;
	/** Base64 of one byte a message. */
	readonly message_blocks: string;
}

export function storeSummary(summary: PrefixSummary): StoredSummary {
	const { tools, system, messages, bytes, marks, prints, sizes, messageBlocks } = summary;
	const packed = Buffer.allocUnsafe(3 * Math.min(prints.length, MOST_PRINTS));
	const packedSizes = Buffer.allocUnsafe(Math.min(prints.length, MOST_PRINTS));
	let at = 0;
	for (const [block, print] of prints.entries()) {
		if (print === UNKNOWN) continue;
		packedSizes[at / 3] = sizes[block] as number;
		at = packed.writeUIntBE(print, at, 3);
	}
	const messageBytes = Buffer.from(messageBlocks.buffer, messageBlocks.byteOffset, messageBlocks.length);
	return {
		tools,
		system,
		messages,
		bytes,
		marks,
		prints: packed.toString("base64", 0, at),
		sizes: packedSizes.toString("base64", 0, at / 3),
		message_blocks: messageBytes.toString("base64"),
	};
}

export function readSummary(stored: StoredSummary): PrefixSummary {
	const { tools, system, messages, bytes, marks } = stored;
	const count = tools + system + messages;
	const packed = Buffer.from(stored.prints, "base64");
	const packedSizes = Buffer.from(stored.sizes, "base64");
	const prints = new Int32Array(count);
	const sizes = new Uint8Array(count);
	let at = 0;
	for (let block = 0; block < count; block += 1) {
		const kept = isKept(block, count) && at + 3 <= packed.length;
		sizes[block] = kept ? (packedSizes[at / 3] ?? 0) : 0;
		prints[block] = kept ? packed.readUIntBE(at, 3) : UNKNOWN;
		if (kept) at += 3;
	}
	const messageBlocks = new Uint8Array(Buffer.from(stored.message_blocks, "base64"));
	return { tools, system, messages, bytes, marks, prints, sizes, messageBlocks };
}

function isKept(block: number, count: number): boolean {
	return count <= MOST_PRINTS || block < MOST_PRINTS / 2 || block >= count - MOST_PRINTS / 2;
}

function printOf({ high, kind }: SummedChain, block: number): number {
	return ((high[block] as number) % PRINT_SPACE) * 4 + ((kind[block] as number) & 3);
}
