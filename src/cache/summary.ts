// What is kept of a prompt after it was served: enough to say later where the next one differs, bounded, and nothing of its text.
// Leaves what follows from a difference to cache/miss.
import type { Ttl } from "./semantics.ts";

/** Provider order of levels, as in prompt's `Level`. */
const LEVELS = ["tools", "system", "messages"] as const;
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
	/** One word for each kept block: 22 bits of its prefix's fingerprint, 2 of its kind, 8 of its size. Read them by the functions below. */
	readonly words: Uint32Array;
	/** Blocks of each message, at most 255 recorded. */
	readonly messageBlocks: Uint8Array;
	/** As the log stores it. */
	toJSON(): StoredSummary;
}

/** Blocks that are kept, half of them from each end: no client sends more, and it bounds a row. */
export const MOST_KEPT = 1024;
const HALF = MOST_KEPT / 2;
const MOST_MESSAGES = 2048;
const MOST_MARKS = 8;
const PRINT_SPACE = 2 ** 22;
/** Where the fingerprint begins in a word. */
const PRINT_AT = 10;

/** Fingerprints are cut to 22 bits: each stands for its whole prefix, so a chance agreement hides a change from one turn only. */
export function summarise(chain: SummedChain, breakpoints: readonly { block: number; ttl: Ttl }[]): PrefixSummary {
	const { count, level, bytes, message, high, kind } = chain;
	let tools = 0;
	let head = 0;
	for (let block = 0; block < count && level[block] !== 2; block += 1) {
		head = block + 1;
		if (level[block] === 0) tools = head;
	}
	const kept = Math.min(count, MOST_KEPT);
	const words = new Uint32Array(kept);
	for (let at = 0; at < kept; at += 1) {
		const block = count > MOST_KEPT && at >= HALF ? count - MOST_KEPT + at : at;
		const size = (bytes[block] as number) - (block === 0 ? 0 : (bytes[block - 1] as number));
		const whole = high[block] as number;
		// Of numbers of 52 bits the operator for remainders is slow.
		const print = whole - Math.floor(whole / PRINT_SPACE) * PRINT_SPACE;
		words[at] = print * 1024 + ((kind[block] as number) & 3) * 256 + sizeClassOf(size);
	}
	const last = count === 0 ? -1 : (message[count - 1] as number);
	const messageBlocks = new Uint8Array(Math.max(0, Math.min(MOST_MESSAGES, last + 1)));
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
		words,
		messageBlocks,
		toJSON: stored,
	};
}

/** Sizes are recorded to an eighth of an octave, so that a byte is enough for any. */
const CLASSES_AN_OCTAVE = 8;

/** What a number's next eight bits after its highest add to its class: cheaper to look up than to take a logarithm of every block. */
const PARTS = Uint8Array.from({ length: 256 }, (_, at) =>
	Math.round(Math.log2(1 + (at + 0.5) / 256) * CLASSES_AN_OCTAVE),
);
const MOST_SIZED = 2 ** 31 - 1;

/** 0 = nothing, else the size's logarithm. */
function sizeClassOf(bytes: number): number {
	if (bytes < 1) return 0;
	const whole = Math.min(bytes, MOST_SIZED) | 0;
	const zeros = Math.clz32(whole);
	const part = PARTS[((whole << zeros) >>> 23) & 255] as number;
	return Math.min(255, 1 + (31 - zeros) * CLASSES_AN_OCTAVE + part);
}

/** Bytes of a block, to a few percent; 0 where it is not kept. */
export function sizeOfBlock(summary: PrefixSummary, block: number): number {
	const sizeClass = (wordOf(summary, block) ?? 0) & 255;
	return sizeClass === 0 ? 0 : 2 ** ((sizeClass - 1) / CLASSES_AN_OCTAVE);
}

/** Blocks of a prompt. */
export function blocksOf({ tools, system, messages }: PrefixSummary): number {
	return tools + system + messages;
}

/** What is kept of a block's fingerprint; null = nothing. */
export function printOf(summary: PrefixSummary, block: number): number | null {
	const word = wordOf(summary, block);
	return word === null ? null : word >>> PRINT_AT;
}

/** Null for blocks in the middle of a huge prompt. */
function wordOf(summary: PrefixSummary, block: number): number | null {
	const { words } = summary;
	const count = blocksOf(summary);
	if (count <= MOST_KEPT || block < HALF) return words[block] ?? null;
	const at = block - (count - MOST_KEPT);
	return at < HALF ? null : (words[at] ?? null);
}

/** How many first blocks two prompts have in common, as far as is known. */
export function commonBlocks(left: PrefixSummary, right: PrefixSummary): number {
	const most = Math.min(blocksOf(left), blocksOf(right), sameLevels(left, right));
	if (blocksOf(left) <= MOST_KEPT && blocksOf(right) <= MOST_KEPT) return agreeing(left.words, right.words, most);
	for (let block = 0; block < most; block += 1) {
		const one = printOf(left, block);
		const other = printOf(right, block);
		if (one !== other && one !== null && other !== null) return block;
	}
	return most;
}

/**
 * How many first words have the same fingerprint, of prompts that are kept whole: there a word stands where its block does. A fingerprint
 * is of all that goes before, too: where two agree, all before them do, and most turns end with what the next one goes on from.
 */
function agreeing(words: Uint32Array, others: Uint32Array, most: number): number {
	let agree = 0;
	let differ = most + 1;
	for (let probe = most; agree + 1 < differ; probe = (agree + differ) >> 1) {
		if (((words[probe - 1] as number) ^ (others[probe - 1] as number)) >>> PRINT_AT === 0) agree = probe;
		else differ = probe;
	}
	return agree;
}

/** How many first blocks are at the same levels: the same bytes at another level are another prompt. */
function sameLevels(left: PrefixSummary, right: PrefixSummary): number {
	if (left.tools !== right.tools) return Math.min(left.tools, right.tools);
	if (left.system !== right.system) return left.tools + Math.min(left.system, right.system);
	return Number.POSITIVE_INFINITY;
}

/** Which level a block is of; past the last block: messages. */
export function levelOf({ tools, system }: PrefixSummary, block: number): LevelName {
	if (block < tools) return "tools";
	return block < tools + system ? "system" : "messages";
}

/** 0 = neither, 1 = tool_use, 2 = tool_result. */
export function kindOf(summary: PrefixSummary, block: number): number {
	return ((wordOf(summary, block) ?? 0) >>> 8) & 3;
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
	/** Base64 of four bytes a kept block, the lowest first. */
	readonly words: string;
	/** Base64 of one byte a message. */
	readonly message_blocks: string;
}

export function readSummary(read: StoredSummary): PrefixSummary {
	const { tools, system, messages, bytes, marks } = read;
	const packed = Buffer.from(read.words, "base64");
	const words = new Uint32Array(packed.length >> 2);
	for (let at = 0; at < words.length; at += 1) words[at] = packed.readUInt32LE(at * 4);
	const messageBlocks = new Uint8Array(Buffer.from(read.message_blocks, "base64"));
	return summaryOf({ tools, system, messages, bytes, marks, words, messageBlocks });
}

/** A summary of parts that were kept as they are. */
export function summaryOf(parts: Omit<PrefixSummary, "toJSON">): PrefixSummary {
	return { ...parts, toJSON: stored };
}

/** Processors that Node runs on keep the lowest byte first. */
function stored(this: PrefixSummary): StoredSummary {
	const { tools, system, messages, bytes, marks, words, messageBlocks } = this;
	return { tools, system, messages, bytes, marks, words: base64(words), message_blocks: base64(messageBlocks) };
}

function base64({ buffer, byteOffset, byteLength }: Uint32Array | Uint8Array): string {
	return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
