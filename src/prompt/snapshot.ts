// The last body of one conversation with everything its reading found in the messages, so that the next one need not read them again.
// Leaves whose conversation it is, and how long it is kept, to prompt/memory.

import { BlockTable, Level, MAX_BLOCKS } from "./blocks.ts";
import type { BodyMemory } from "./body-memory.ts";
import { CHAIN_ROW_BYTES, emptyChain, HashNotes, type PrefixChain } from "./chain.ts";
import type { Gap } from "./kernel.ts";
import { MAX_MESSAGES, MessageTable } from "./messages.ts";

/** Fewer equal bytes than this are sooner read again. More than the kernel's steps look ahead. */
const MIN_GAP = 256;

/** What a body has in common with an earlier one. */
export interface Reuse {
	readonly snapshot: Snapshot;
	/** Messages in common. The last of them has a block. */
	readonly messages: number;
	/** Where their blocks end in the snapshot's table. */
	readonly blocks: number;
	/** Their bytes. Everything before it is the same too. */
	readonly gap: Gap;
}

/** A body that has been read without fault; `BodyReader` is one. */
export interface ScannedBody {
	readonly body: Buffer;
	readonly maxDepth: number;
	readonly messages: MessageTable;
	readonly blocks: BlockTable;
	readonly first: readonly [number, number, number];
	readonly end: readonly [number, number, number];
	readonly firstImage: number;
	readonly firstOdd: number;
	readonly reused: Reuse | null;
}

/**
 * Of a body that was read without fault. Holds the body itself, which nobody may write to any more.
 *
 * Why taking over is exact: a body that begins with the same bytes, up to the end of a message object, brings the reader into the same
 * state there. So the same verdict, positions, blocks and envelopes follow for these bytes as the last time. Their fingerprints also
 * depend on what comes later in the body (tools, system, settings, images) and are compared on their own, by `HashNotes`.
 */
export class Snapshot {
	readonly messages = new MessageTable();
	/** The blocks up to the end of the messages. */
	readonly blocks = new BlockTable();
	readonly notes = new HashNotes();
	chain: PrefixChain = emptyChain(0);
	firstImage = -1;
	firstOdd = -1;
	body: Buffer = Buffer.alloc(0);
	/** What the body was read into; null = something that is not written to again. */
	memory: BodyMemory | null = null;
	private maxDepth = 0;
	private firstBlock = 0;

	/**
	 * What `body` has in common with this one; null = nothing that is worth it. `equal` says how many bytes are known to be the same from
	 * the beginning, where the last body is no longer there to be compared with.
	 */
	reusable(body: Buffer, maxDepth: number, equal: number | null = null): Reuse | null {
		// Another limit is another verdict.
		if (maxDepth !== this.maxDepth) return null;
		const { messages, blocks } = this;
		const common = equal === null ? this.equalMessages(body) : this.messagesWithin(equal);
		// The envelope of a message without blocks is hashed with the next block, so it is read again.
		let end = blocks.count;
		while (end > this.firstBlock && blocks.message(end - 1) >= common) end--;
		if (end === this.firstBlock) return null;
		const count = blocks.message(end - 1) + 1;
		const gap = { from: messages.field(0, 0), to: messages.field(count - 1, 1) };
		return gap.to - gap.from < MIN_GAP ? null : { snapshot: this, messages: count, blocks: end, gap };
	}

	/** Becomes that of a later body, which may have reused this one. False = that body cannot be continued from. */
	take(
		read: ScannedBody,
		memory: BodyMemory | null,
		{ chain, notes }: { chain: PrefixChain; notes: HashNotes },
	): boolean {
		const firstBlock = read.first[Level.messages];
		const endBlock = read.end[Level.messages];
		// At these limits rows are dropped or stand for several.
		if (endBlock === firstBlock || endBlock === MAX_BLOCKS || read.messages.count === MAX_MESSAGES) return false;
		const known = read.reused?.snapshot === this ? read.reused : null;
		this.messages.take(read.messages, known?.messages ?? 0, read.messages.count);
		this.blocks.take(read.blocks, known?.blocks ?? 0, endBlock);
		this.notes.take(notes, endBlock - firstBlock);
		this.chain = chain;
		this.firstImage = read.firstImage;
		this.firstOdd = read.firstOdd;
		this.body = read.body;
		this.memory = memory;
		this.maxDepth = read.maxDepth;
		this.firstBlock = firstBlock;
		return true;
	}

	/** Bytes of memory it holds; a body that is part of a larger piece of memory holds all of that. */
	get byteLength(): number {
		const tables = this.messages.byteLength + this.blocks.byteLength + this.notes.byteLength;
		return this.body.buffer.byteLength + tables + this.chain.count * CHAIN_ROW_BYTES;
	}

	/** How many messages end within the first `equal` bytes. */
	private messagesWithin(equal: number): number {
		const { messages } = this;
		let low = 0;
		let high = messages.count;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (messages.field(middle - 1, 1) <= equal) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** How many messages end before the first byte that differs. No byte is compared twice, but for those of unequal pieces. */
	private equalMessages(body: Buffer): number {
		const { messages } = this;
		let low = 0;
		let high = messages.count;
		let from = 0;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			const to = messages.field(middle - 1, 1);
			if (to <= body.length && body.compare(this.body, from, to, from, to) === 0) {
				low = middle;
				from = to;
			} else high = middle - 1;
		}
		return low;
	}
}
