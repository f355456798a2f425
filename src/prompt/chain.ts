// The chain of a prompt's prefixes, and what of its making lets the next reading of a longer prompt go on from it.
import type { Hasher } from "./hasher.ts";

/**
 * All blocks of a prompt in the provider's order (tools, system, messages), as parallel arrays of length `count`.
 * Entry i describes the prefix that ends with block i. Deferred tools and the billing block are not in it. Never written to once made.
 */
export interface PrefixChain {
	readonly count: number;
	/** Two 52-bit integers per prefix: together its fingerprint. Chained, so equal fingerprints mean equal whole prefixes. */
	readonly high: Float64Array;
	readonly low: Float64Array;
	/** `Level` of block i. */
	readonly level: Uint8Array;
	/** `Kind` of block i. */
	readonly kind: Uint8Array;
	/** Which message of the body block i belongs to; -1 for tools and system. */
	readonly message: Int32Array;
	/** Bytes of prompt text up to and including block i; an image counts as a fixed equivalent. Divide by bytes-per-token for tokens. */
	readonly bytes: Float64Array;
}

/** Bytes of memory that a block takes in a chain. */
export const CHAIN_ROW_BYTES = 30;

/** Short chains share pieces of memory of this size: to allocate and collect one for each request is most of a chain's cost. */
const SLAB_BYTES = 16 * 1024;
const MOST_IN_SLAB = 32;
let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/** A chain of `count` blocks with nothing in them. */
export function emptyChain(count: number): PrefixChain {
	const size = Math.ceil((count * CHAIN_ROW_BYTES) / 8) * 8;
	let memory: ArrayBuffer;
	let at = 0;
	if (count > MOST_IN_SLAB) memory = new ArrayBuffer(size);
	else {
		if (used + size > SLAB_BYTES) {
			slab = new ArrayBuffer(SLAB_BYTES);
			used = 0;
		}
		memory = slab;
		at = used;
		used += size;
	}
	return {
		count,
		high: new Float64Array(memory, at, count),
		low: new Float64Array(memory, at + count * 8, count),
		bytes: new Float64Array(memory, at + count * 16, count),
		message: new Int32Array(memory, at + count * 24, count),
		level: new Uint8Array(memory, at + count * 28, count),
		kind: new Uint8Array(memory, at + count * 29, count),
	};
}

/** Copies the entries [from, to) of one chain to the same places of another. */
export function copyChain(target: PrefixChain, source: PrefixChain, { from, to }: { from: number; to: number }): void {
	target.high.set(source.high.subarray(from, to), from);
	target.low.set(source.low.subarray(from, to), from);
	target.level.set(source.level.subarray(from, to), from);
	target.kind.set(source.kind.subarray(from, to), from);
	target.bytes.set(source.bytes.subarray(from, to), from);
	target.message.set(source.message.subarray(from, to), from);
}

/** 32-bit words of both lanes' digests. */
const DIGESTS = 4;

/** The states that hashing one body went through, in full: a fingerprint alone is too short to go on from. */
export class HashNotes {
	/** The state before the first message, and how many blocks and bytes of prompt led to it. */
	readonly beforeMessages = new Uint32Array(DIGESTS);
	blocksBefore = 0;
	bytesBefore = 0;
	/** The opening key, and the state before its user message. */
	readonly beforeUser = new Uint32Array(DIGESTS);
	openingKey = 0;
	/** The states after the blocks of the messages. */
	private digests = new Uint32Array(DIGESTS * 64);
	/** First block of the messages that was hashed and not taken over. */
	private hashedFrom = 0;

	/** The chain of a body with so many blocks in its messages begins them. */
	beginMessages(
		hasher: Hasher,
		before: { readonly blocks: number; readonly bytes: number; readonly count: number },
	): void {
		hasher.copyDigests(this.beforeMessages, 0);
		this.blocksBefore = before.blocks;
		this.bytesBefore = before.bytes;
		this.hashedFrom = 0;
		this.reserve(before.count);
	}

	/** Block `index` of the messages has been hashed. */
	note(index: number, hasher: Hasher): void {
		hasher.copyDigests(this.digests, index * DIGESTS);
	}

	/** Goes on from `earlier`, whose first `count` blocks are these ones too: false = it began its messages in another state. */
	continueFrom(earlier: HashNotes, count: number, hasher: Hasher): boolean {
		const isSame =
			isEqual(this.beforeMessages, earlier.beforeMessages) &&
			this.blocksBefore === earlier.blocksBefore &&
			this.bytesBefore === earlier.bytesBefore;
		if (!isSame) return false;
		hasher.continueFrom(earlier.digests, (count - 1) * DIGESTS);
		this.hashedFrom = count;
		return true;
	}

	/** Whether the opening keys began with the same system prompt. */
	isOpenedLike(earlier: HashNotes): boolean {
		return isEqual(this.beforeUser, earlier.beforeUser);
	}

	/** Takes `other` over, which has `count` blocks and may have gone on from this one. */
	take(other: HashNotes, count: number): void {
		this.beforeMessages.set(other.beforeMessages);
		this.blocksBefore = other.blocksBefore;
		this.bytesBefore = other.bytesBefore;
		this.beforeUser.set(other.beforeUser);
		this.openingKey = other.openingKey;
		this.reserve(count);
		const from = other.hashedFrom * DIGESTS;
		this.digests.set(other.digests.subarray(from, count * DIGESTS), from);
	}

	/** Bytes of memory it holds. */
	get byteLength(): number {
		return this.digests.byteLength;
	}

	private reserve(count: number): void {
		let length = this.digests.length;
		if (length >= count * DIGESTS) return;
		while (length < count * DIGESTS) length *= 2;
		const digests = new Uint32Array(length);
		digests.set(this.digests);
		this.digests = digests;
	}
}

function isEqual(left: Uint32Array, right: Uint32Array): boolean {
	return left.every((word, i) => word === right[i]);
}
