// A chain of 128-bit digests over pieces of a body. Leaves what is hashed, and in which order, to prompt/fingerprint.
import type { Kernel } from "./kernel.ts";

/** Random per installation, so that a tenant cannot prepare prompts that collide with another's (prompt-caching §1, security). */
export interface HashSeed {
	readonly first: bigint;
	readonly second: bigint;
}

/**
 * Every piece is hashed (XXH64) with the digest so far as the seed, in two lanes that start from independent seeds. So equal
 * fingerprints mean that all pieces were equal, in order and in division, but for a chance of about 2^-104 a pair.
 */
export class Hasher {
	private readonly kernel: Kernel;
	private readonly seed: Uint32Array;

	constructor(kernel: Kernel, seed: HashSeed) {
		this.kernel = kernel;
		this.seed = new Uint32Array(BigUint64Array.of(seed.first, seed.second).buffer);
	}

	/** Begins a chain over the body that the kernel holds. */
	begin(): void {
		this.kernel.beginDigest(this.seed);
	}

	/** Extends the chain by the bytes [from, to) of the body. */
	absorb(from: number, to: number): void {
		this.kernel.absorb(from, to);
	}

	/** Collects bytes [from, to) of the body for the next `absorbPieces`. */
	append(from: number, to: number): void {
		this.kernel.append(from, to);
	}

	/** Collects one byte for the next `absorbPieces`. */
	appendByte(byte: number): void {
		this.kernel.appendByte(byte);
	}

	/** Extends the chain by everything collected, as one piece. */
	absorbPieces(): void {
		this.kernel.absorbPieces();
	}

	/** Goes on from the digests that `copyDigests` wrote to `digests` at `at`. */
	continueFrom(digests: Uint32Array, at: number): void {
		this.kernel.beginDigest(digests.subarray(at, at + 4));
	}

	/** Writes both lanes' digests so far, 4 words, to `target` at `at`. */
	copyDigests(target: Uint32Array, at: number): void {
		for (let word = 0; word < 4; word++) target[at + word] = this.kernel.digestWord(word);
	}

	/** Takes in the part of the body that has not been taken in because it was read before. */
	fillGap(): void {
		this.kernel.fillGap();
	}

	/** 52 bits of the first lane. */
	high(): number {
		return this.bits(0);
	}

	/** 52 bits of the second lane. */
	low(): number {
		return this.bits(2);
	}

	private bits(word: number): number {
		return this.kernel.digestWord(word) + (this.kernel.digestWord(word + 1) & 0xfffff) * 0x1_0000_0000;
	}
}
