// Prefix entries as columns of numbers: found by fingerprint, kept in order of use, bounded. Leaves what an entry means to cache/index.
import { TTL_MS, type Ttl } from "./semantics.ts";

/** No slot. */
export const NONE = -1;

const TTLS: readonly Ttl[] = ["5m", "1h"];
const FIRST_CAPACITY = 1024;
/** Expired entries dropped for each one added: more than one, so that they never pile up. */
const SWEPT_PER_ADD = 4;

export interface NewEntry {
	readonly high: number;
	readonly low: number;
	readonly domain: number;
	readonly variant: number;
	readonly ttl: Ttl;
	/** Infinity while nothing can be read yet. */
	readonly availableAt: number;
	readonly expiresAt: number;
	readonly tokens: number;
	/** The provider counted the tokens; an estimate never replaces them. */
	readonly exact: boolean;
}

/** What changes when a request writes or reads an entry again. */
export type Renewal = Pick<NewEntry, "availableAt" | "expiresAt" | "tokens" | "exact">;

/**
 * An entry is a record of 64 bytes, one cache line: four doubles, then eight 32-bit integers. A slot is a record's number. Two views
 * of one buffer; `real` counts its fields in doubles, `int` in integers.
 */
interface Records {
	readonly real: Float64Array;
	readonly int: Int32Array;
}

const REALS = 8;
const HIGH = 0;
const LOW = 1;
const AVAILABLE_AT = 2;
const EXPIRES_AT = 3;

const INTS = 16;
const DOMAIN = 8;
const VARIANT = 9;
const TOKENS = 10;
/** Next slot of the same bucket, or of the free list. */
const NEXT = 11;
/** Neighbours in the order of use, one order per lifetime: so the oldest of an order is also the first to expire. */
const OLDER = 12;
const NEWER = 13;
/** Attempts that still wait for their first event. */
const WAITING = 14;
/** Index into TTLS, plus EXACT if the provider counted the tokens. */
const FLAGS = 15;
const EXACT = 2;

function records(capacity: number, from: Records | null): Records {
	const buffer = new ArrayBuffer(capacity * REALS * Float64Array.BYTES_PER_ELEMENT);
	const made = { real: new Float64Array(buffer), int: new Int32Array(buffer) };
	if (from !== null) made.int.set(from.int);
	return made;
}

/**
 * At most `limit` entries; beyond it the least recently used goes. No timers: adding an entry drops a few expired ones. Typed arrays
 * because a look-up probes hundreds of fingerprints and a million objects would burden every garbage collection.
 */
export class EntryTable {
	#limit: number;
	#capacity: number;
	#records: Records;
	#buckets: Int32Array;
	/** Buckets are a power of two. */
	#mask: number;
	#size = 0;
	/** Slots below it have been used at least once. */
	#fresh = 0;
	#free = NONE;
	readonly #oldest = new Int32Array(TTLS.length).fill(NONE);
	readonly #newest = new Int32Array(TTLS.length).fill(NONE);

	constructor(limit: number) {
		this.#limit = Math.max(1, limit);
		this.#capacity = Math.min(FIRST_CAPACITY, this.#limit);
		this.#records = records(this.#capacity, null);
		this.#buckets = new Int32Array(bucketsFor(this.#capacity)).fill(NONE);
		this.#mask = this.#buckets.length - 1;
	}

	/** Entries held, expired ones that were not dropped yet included. */
	get size(): number {
		return this.#size;
	}

	/** Bytes held by records and buckets. */
	get byteLength(): number {
		return this.#records.int.byteLength + this.#buckets.byteLength;
	}

	/** First slot with this fingerprint, or NONE. */
	first(high: number, low: number): number {
		return this.#matching(this.#buckets[(high | 0) & this.#mask] ?? NONE, high, low);
	}

	/** Next slot with the fingerprint of `slot`, or NONE. */
	following(slot: number): number {
		return this.#matching(this.#int(slot, NEXT), this.#real(slot, HIGH), this.#real(slot, LOW));
	}

	domain(slot: number): number {
		return this.#int(slot, DOMAIN);
	}

	variant(slot: number): number {
		return this.#int(slot, VARIANT);
	}

	tokens(slot: number): number {
		return this.#int(slot, TOKENS);
	}

	availableAt(slot: number): number {
		return this.#real(slot, AVAILABLE_AT);
	}

	expiresAt(slot: number): number {
		return this.#real(slot, EXPIRES_AT);
	}

	ttl(slot: number): Ttl {
		return this.#lane(slot) === 1 ? "1h" : "5m";
	}

	/** Attempts that wait on this slot's entry; changed by `wait`. */
	waiting(slot: number): number {
		return this.#int(slot, WAITING);
	}

	wait(slot: number, change: 1 | -1): void {
		this.#set(slot, WAITING, Math.max(0, this.waiting(slot) + change));
	}

	/** Adds an entry; the caller has made sure that its place has none for this fingerprint. */
	add(entry: NewEntry, now: number): number {
		this.#sweep(now, SWEPT_PER_ADD);
		if (this.#size >= this.#limit) this.#evict();
		const slot = this.#take();
		this.#records.real[slot * REALS + HIGH] = entry.high;
		this.#records.real[slot * REALS + LOW] = entry.low;
		this.#set(slot, DOMAIN, entry.domain);
		this.#set(slot, VARIANT, entry.variant);
		this.#set(slot, WAITING, 0);
		this.#set(slot, FLAGS, TTLS.indexOf(entry.ttl));
		this.#write(slot, entry);
		this.#intoBucket(slot);
		this.#intoLane(slot);
		this.#size += 1;
		return slot;
	}

	/** Changes an entry's times and tokens and makes it the most recently used. */
	renew(slot: number, renewal: Renewal): void {
		this.#outOfLane(slot);
		this.#write(slot, renewal);
		this.#intoLane(slot);
	}

	remove(slot: number): void {
		this.#outOfBucket(slot);
		this.#outOfLane(slot);
		this.#set(slot, NEXT, this.#free);
		this.#free = slot;
		this.#size -= 1;
	}

	/** Sets the bound; the least recently used beyond it go. */
	resize(limit: number): void {
		this.#limit = Math.max(1, limit);
		while (this.#size > this.#limit) this.#evict();
	}

	#real(slot: number, field: number): number {
		return this.#records.real[slot * REALS + field] ?? 0;
	}

	#int(slot: number, field: number): number {
		return this.#records.int[slot * INTS + field] ?? NONE;
	}

	#set(slot: number, field: number, value: number): void {
		this.#records.int[slot * INTS + field] = value;
	}

	#lane(slot: number): number {
		return this.#int(slot, FLAGS) & ~EXACT;
	}

	#write(slot: number, renewal: Renewal): void {
		this.#records.real[slot * REALS + AVAILABLE_AT] = renewal.availableAt;
		this.#records.real[slot * REALS + EXPIRES_AT] = renewal.expiresAt;
		const flags = this.#int(slot, FLAGS);
		if ((flags & EXACT) !== 0 && !renewal.exact) return;
		this.#set(slot, TOKENS, renewal.tokens);
		this.#set(slot, FLAGS, renewal.exact ? flags | EXACT : flags);
	}

	#matching(from: number, high: number, low: number): number {
		const { real, int } = this.#records;
		let slot = from;
		while (slot !== NONE && (real[slot * REALS + HIGH] !== high || real[slot * REALS + LOW] !== low)) {
			slot = int[slot * INTS + NEXT] ?? NONE;
		}
		return slot;
	}

	#take(): number {
		if (this.#free !== NONE) {
			const slot = this.#free;
			this.#free = this.#int(slot, NEXT);
			return slot;
		}
		if (this.#fresh === this.#capacity) this.#grow();
		this.#fresh += 1;
		return this.#fresh - 1;
	}

	#grow(): void {
		this.#capacity = Math.min(this.#capacity * 2, Math.max(this.#limit, this.#capacity + 1));
		this.#records = records(this.#capacity, this.#records);
		const wanted = bucketsFor(this.#capacity);
		if (wanted === this.#buckets.length) return;
		this.#buckets = new Int32Array(wanted).fill(NONE);
		this.#mask = wanted - 1;
		for (let slot = 0; slot < this.#fresh; slot += 1) this.#intoBucket(slot);
	}

	#intoBucket(slot: number): void {
		const bucket = (this.#real(slot, HIGH) | 0) & this.#mask;
		this.#set(slot, NEXT, this.#buckets[bucket] ?? NONE);
		this.#buckets[bucket] = slot;
	}

	#outOfBucket(slot: number): void {
		const bucket = (this.#real(slot, HIGH) | 0) & this.#mask;
		const next = this.#int(slot, NEXT);
		let at = this.#buckets[bucket] ?? NONE;
		if (at === slot) {
			this.#buckets[bucket] = next;
			return;
		}
		while (at !== NONE && this.#int(at, NEXT) !== slot) at = this.#int(at, NEXT);
		if (at !== NONE) this.#set(at, NEXT, next);
	}

	#intoLane(slot: number): void {
		const lane = this.#lane(slot);
		const last = this.#newest[lane] ?? NONE;
		this.#set(slot, OLDER, last);
		this.#set(slot, NEWER, NONE);
		if (last === NONE) this.#oldest[lane] = slot;
		else this.#set(last, NEWER, slot);
		this.#newest[lane] = slot;
	}

	#outOfLane(slot: number): void {
		const lane = this.#lane(slot);
		const older = this.#int(slot, OLDER);
		const newer = this.#int(slot, NEWER);
		if (older === NONE) this.#oldest[lane] = newer;
		else this.#set(older, NEWER, newer);
		if (newer === NONE) this.#newest[lane] = older;
		else this.#set(newer, OLDER, older);
	}

	#sweep(now: number, most: number): void {
		let left = most;
		for (let lane = 0; lane < TTLS.length; lane += 1) {
			for (; left > 0; left -= 1) {
				const slot = this.#oldest[lane] ?? NONE;
				if (slot === NONE || this.expiresAt(slot) > now) break;
				this.remove(slot);
			}
		}
	}

	#evict(): void {
		let victim = NONE;
		for (const slot of this.#oldest) {
			if (slot !== NONE && (victim === NONE || this.#usedAt(slot) < this.#usedAt(victim))) victim = slot;
		}
		if (victim !== NONE) this.remove(victim);
	}

	/** Start of the request that last wrote or read it. */
	#usedAt(slot: number): number {
		return this.expiresAt(slot) - TTL_MS[this.ttl(slot)];
	}
}

function bucketsFor(capacity: number): number {
	return 2 ** Math.ceil(Math.log2(capacity * 1.5));
}
