// Two seeded 64-bit hashes over pieces of a body, chained. Leaves what is hashed, and in which order, to prompt/fingerprint.
import xxhash from "xxhash-wasm";

/** Random per installation, so that a tenant cannot prepare prompts that collide with another's (caching-semantics §1, security). */
export interface HashSeed {
	readonly first: bigint;
	readonly second: bigint;
}

type Hash64 = (input: Uint8Array, seed: bigint) => bigint;

/**
 * A chain of digests: every `absorb` hashes its bytes with the digest so far as the seed, in two lanes that start from independent
 * seeds. So equal digests mean, but for a chance of 2^-100, that all absorbed pieces were equal, in order and in division.
 */
export class Hasher {
	private readonly hash: Hash64;
	private readonly seed: HashSeed;
	private body: Buffer = Buffer.alloc(0);
	private first = 0n;
	private second = 0n;
	private pieces = Buffer.allocUnsafe(4096);
	private used = 0;
	private readonly wide = new BigUint64Array(1);
	private readonly halves = new Uint32Array(this.wide.buffer);

	constructor(hash: Hash64, seed: HashSeed) {
		this.hash = hash;
		this.seed = seed;
	}

	/** Begins a chain over pieces of `body`. */
	begin(body: Buffer): void {
		this.body = body;
		this.first = this.seed.first;
		this.second = this.seed.second;
		this.used = 0;
	}

	/** Extends the chain by the bytes [from, to) of the body. */
	absorb(from: number, to: number): void {
		this.absorbBytes(this.body.subarray(from, to));
	}

	/** Collects bytes [from, to) of the body for the next `absorbPieces`. */
	append(from: number, to: number): void {
		this.room(to - from);
		this.body.copy(this.pieces, this.used, from, to);
		this.used += to - from;
	}

	/** Collects one byte for the next `absorbPieces`. */
	appendByte(byte: number): void {
		this.room(1);
		this.pieces[this.used++] = byte;
	}

	/** Extends the chain by everything collected, as one piece. */
	absorbPieces(): void {
		this.absorbBytes(this.pieces.subarray(0, this.used));
		this.used = 0;
	}

	/** 52 bits of the first lane. */
	high(): number {
		return this.bits(this.first);
	}

	/** 52 bits of the second lane. */
	low(): number {
		return this.bits(this.second);
	}

	private absorbBytes(bytes: Uint8Array): void {
		this.first = this.hash(bytes, this.first);
		this.second = this.hash(bytes, this.second);
	}

	private room(bytes: number): void {
		if (this.used + bytes <= this.pieces.length) return;
		const larger = Buffer.allocUnsafe((this.used + bytes) * 2);
		this.pieces.copy(larger, 0, 0, this.used);
		this.pieces = larger;
	}

	private bits(digest: bigint): number {
		this.wide[0] = digest;
		return (this.halves[0] as number) + ((this.halves[1] as number) & 0xfffff) * 0x1_0000_0000;
	}
}

export async function openHasher(seed: HashSeed): Promise<Hasher> {
	const { h64Raw } = await xxhash();
	return new Hasher(h64Raw, seed);
}
