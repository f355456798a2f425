// The two loops over every byte of a body, in WebAssembly with SIMD: where strings begin and end and whether they are valid, and hashing.
// In JavaScript the first alone takes four times as long. Leaves structure to prompt/scan and what to hash to prompt/fingerprint.
import { assemble } from "./assembler.ts";
import {
	ABSORB,
	BAD,
	BODY,
	CHUNK,
	DIGEST,
	ESCAPED,
	HEX,
	HIGH_HALF,
	LOW_HALF,
	NONE,
	PAGE,
	POSITIONS,
	QUOTES,
	UNICODE,
	XXH64,
} from "./kernel-code.ts";

/** The little of the global WebAssembly that is used here; Node's types leave it to the browser's. */
declare const WebAssembly: {
	readonly Module: new (bytes: Uint8Array) => object;
	readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface Memory {
	readonly buffer: ArrayBuffer;
}

interface KernelExports {
	readonly memory: Memory;
	quotes(at: number, end: number): number;
	xxh64(at: number, length: number, seed: bigint): bigint;
	absorb(at: number, length: number): void;
}

/** Memory for bodies, which takes none of the machine's where nothing was written yet. Larger bodies get more, until a far smaller one comes. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Bytes that the loops look at beyond the end of what they are given, at most. */
const BEYOND = 96;

const NOTHING = new Uint8Array();

/** Bytes [from, to) of a body that need not be looked at. */
export interface Gap {
	readonly from: number;
	readonly to: number;
}

/** A copy of one body and the loops over it. Positions are the body's own. */
export class Kernel {
	private readonly module = moduleOf(KEPT_BYTES);
	private exports: KernelExports;
	private bytes: Uint8Array = new Uint8Array();
	private words: Uint32Array = new Uint32Array();
	/** The body, followed by zero bytes, which are nothing in JSON. */
	text: Uint8Array = new Uint8Array();
	/** Unescaped quotes of the chunk scanned last, in order; `quoteCount` of them. */
	quotes: Uint32Array = new Uint32Array();
	quoteCount = 0;
	private bodyLength = 0;
	private scanned = 0;
	/** Where quotes end to be looked for: the body's end, or the gap's start. */
	private scanEnd = 0;
	/** What was left out of the body taken in, and what stands there. */
	private gap: Gap | null = null;
	private inGap: Uint8Array = NOTHING;
	private piecesStart = 0;
	private piecesEnd = 0;

	constructor() {
		this.exports = this.instantiate(this.module);
	}

	/**
	 * Takes a body in; what was known of the last one is gone. The bytes of `gap`, which must be longer than a step, are left out: what
	 * stands there is undefined but for zero bytes at its start, and scanning ends there until `passGap`.
	 */
	load(body: Uint8Array, gap: Gap | null = null): void {
		const isOutgrown = this.bytes.length > KEPT_BYTES && this.bytes.length > body.length * 4;
		if (isOutgrown) this.exports = this.instantiate(this.module);
		this.bodyLength = body.length;
		this.piecesStart = BODY + body.length + BEYOND;
		this.reserve(this.piecesStart + 4096);
		this.gap = gap;
		this.scanEnd = gap?.from ?? body.length;
		this.inGap = NOTHING;
		if (gap === null) this.bytes.set(body, BODY);
		else {
			this.inGap = body.subarray(gap.from, gap.to);
			this.bytes.set(body.subarray(0, gap.from), BODY);
			this.bytes.fill(0, BODY + gap.from, BODY + gap.from + BEYOND);
			this.bytes.set(body.subarray(gap.to), BODY + gap.to);
		}
		this.bytes.fill(0, BODY + body.length, this.piecesStart);
		this.piecesEnd = this.piecesStart;
		this.scanned = 0;
		this.words.fill(0, ESCAPED / 4, UNICODE / 4 + 1);
		this.words[BAD / 4] = NONE;
		this.quoteCount = 0;
	}

	/** Goes on scanning behind the gap, as if no string were open there. */
	passGap(): void {
		if (this.gap === null) return;
		this.scanned = this.gap.to;
		this.scanEnd = this.bodyLength;
		this.words.fill(0, ESCAPED / 4, BAD / 4);
		this.quoteCount = 0;
	}

	/** Takes in what `load` left out, so that it can be hashed. */
	fillGap(): void {
		if (this.gap === null) return;
		this.bytes.set(this.inGap, BODY + this.gap.from);
		this.gap = null;
		this.inGap = NOTHING;
	}

	/**
	 * Finds the next quotes: false = there are no more. Stops for good at the first byte that makes a string invalid, `badByte`: a
	 * control character, or a backslash that begins no escape.
	 */
	moreQuotes(): boolean {
		while (this.scanned < this.scanEnd && this.badByte() < 0) {
			const at = BODY + this.scanned;
			this.scanned = Math.min(this.scanned + CHUNK, this.scanEnd);
			const used = this.exports.quotes(at, BODY + this.scanned);
			this.quoteCount = used / 4;
			if (used > 0) return true;
		}
		this.quoteCount = 0;
		// A backslash that ends the body at a step's end escapes nothing, as one that ends it elsewhere.
		const isEscaping = this.words[ESCAPED / 4] !== 0 && this.scanned === this.bodyLength;
		if (isEscaping && this.badByte() < 0) this.words[BAD / 4] = BODY + this.bodyLength - 1;
		return false;
	}

	/** Where a string is invalid, or -1. */
	badByte(): number {
		const bad = this.words[BAD / 4] as number;
		return bad === NONE ? -1 : bad - BODY;
	}

	/** Whether what has been scanned holds any `\u` escape. */
	hasUnicodeEscapes(): boolean {
		return this.words[UNICODE / 4] !== 0;
	}

	/** XXH64 of the bytes [from, to) of the body. */
	xxh64(from: number, to: number, seed: bigint): bigint {
		return BigInt.asUintN(64, this.exports.xxh64(BODY + from, to - from, seed));
	}

	/** Begins a chain from two 64-bit digests, as four words, low ones first. */
	beginDigest(digest: Uint32Array): void {
		this.words.set(digest, DIGEST);
		this.piecesEnd = this.piecesStart;
	}

	/** Hashes the bytes [from, to) of the body in both lanes, seeded with the lanes' digests so far. */
	absorb(from: number, to: number): void {
		this.exports.absorb(BODY + from, to - from);
	}

	/** Word i of the digests: 0 and 1 are the first lane's, low one first. */
	digestWord(i: number): number {
		return this.words[i] as number;
	}

	/** Puts bytes [from, to) of the body at the end of the pieces. */
	append(from: number, to: number): void {
		const length = to - from;
		this.reserve(this.piecesEnd + length);
		const { bytes } = this;
		const target = this.piecesEnd;
		if (length > 64) bytes.copyWithin(target, BODY + from, BODY + to);
		else for (let i = 0; i < length; i++) bytes[target + i] = bytes[BODY + from + i] as number;
		this.piecesEnd = target + length;
	}

	appendByte(byte: number): void {
		this.reserve(this.piecesEnd + 1);
		this.bytes[this.piecesEnd++] = byte;
	}

	/** Hashes the pieces as if they stood together in the body, and clears them. */
	absorbPieces(): void {
		this.exports.absorb(this.piecesStart, this.piecesEnd - this.piecesStart);
		this.piecesEnd = this.piecesStart;
	}

	private instantiate(module: object): KernelExports {
		const exports = new WebAssembly.Instance(module).exports as KernelExports;
		this.look(exports.memory);
		for (const byte of Buffer.from('"\\/bfnrt')) {
			const bit = 1 << ((byte >> 4) & 7);
			this.bytes[LOW_HALF + (byte & 15)] = (this.bytes[LOW_HALF + (byte & 15)] as number) | bit;
			this.bytes[HIGH_HALF + (byte >> 4)] = bit;
		}
		for (const byte of Buffer.from("0123456789abcdefABCDEF")) this.bytes[HEX + byte] = 1;
		return exports;
	}

	/**
	 * Memory up to `end`: where there is less, new memory, into which what stood in the old one is copied. To grow the old one would detach
	 * its buffer, and from the first detached buffer on V8 makes typed arrays slower, by half in a tight loop, as long as the process lives.
	 */
	private reserve(end: number): void {
		const { bytes } = this;
		if (end + 16 <= bytes.length) return;
		this.exports = this.instantiate(moduleOf(end + 16 + bytes.length / 4));
		this.bytes.set(bytes);
	}

	private look(memory: Memory): void {
		this.bytes = new Uint8Array(memory.buffer);
		this.text = new Uint8Array(memory.buffer, BODY);
		this.words = new Uint32Array(memory.buffer, 0, 12);
		this.quotes = new Uint32Array(memory.buffer, POSITIONS, CHUNK + 64);
	}
}

/** The loops, and memory for so many bytes. */
function moduleOf(bytes: number): object {
	return new WebAssembly.Module(assemble([QUOTES, XXH64, ABSORB], Math.ceil(bytes / PAGE)));
}
