// Prefix entries as columns of numbers: found by fingerprint, kept in order of use, bounded. Leaves what an entry means to cache/index.
import { TTL_MS, type Ttl } from "./semantics.ts";

/** No slot. */
export const NONE = -1;

const TTLS: readonly Ttl[] = ["5m", "1h"];
const FIRST_CAPACITY = 1024;
/** Expired entries dropped for each one added: more than one, so that they never pile up. */
const SWEPT_PER_ADD = 4;
/** Bits of the filter per slot. */
const FILTER_BITS = 8;

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

/** One typed array per field; a slot is an index into all of them. Look-ups read few fields of many slots, so fields lie apart. */
interface Columns {
	readonly high: Float64Array;
	readonly low: Float64Array;
	readonly availableAt: Float64Array;
	readonly expiresAt: Float64Array;
	readonly domain: Int32Array;
	readonly variant: Int32Array;
	readonly tokens: Int32Array;
	/** Next slot of the same bucket, or of the free list. */
	readonly next: Int32Array;
	/** Neighbours in the order of use, one order per lifetime: so the oldest of an order is also the first to expire. */
	readonly older: Int32Array;
	readonly newer: Int32Array;
	/** Attempts that still wait for their first event. */
	readonly waiting: Uint16Array;
	/** Which order: index into TTLS. */
	readonly ttlIndex: Uint8Array;
	/** 1 = the provider counted the tokens. */
	readonly exact: Uint8Array;
}

function columns(capacity: number, from: Columns | null): Columns {
	const made: Columns = {
		high: new Float64Array(capacity),
		low: new Float64Array(capacity),
		availableAt: new Float64Array(capacity),
		expiresAt: new Float64Array(capacity),
		domain: new Int32Array(capacity),
		variant: new Int32Array(capacity),
		tokens: new Int32Array(capacity),
		next: new Int32Array(capacity),
		older: new Int32Array(capacity),
		newer: new Int32Array(capacity),
		waiting: new Uint16Array(capacity),
		ttlIndex: new Uint8Array(capacity),
		exact: new Uint8Array(capacity),
	};
	if (from !== null) for (const name of Object.keys(made) as (keyof Columns)[]) made[name].set(from[name]);
	return made;
}

/**
 * At most `limit` entries; beyond it the least recently used goes. No timers: adding an entry drops a few expired ones. Typed arrays
 * because a look-up probes hundreds of fingerprints and a million objects would burden every garbage collection.
 */
export class EntryTable {
	#limit: number;
	#capacity: number;
	#columns: Columns;
	#buckets: Int32Array;
	/**
	 * A bit for each fingerprint that was added since it was built: most probes find nothing, and this says so from memory small enough
	 * for the processor's cache.
	 */
	#filter: Uint32Array;
	#addedToFilter = 0;
	#size = 0;
	/** Slots below it have been used at least once. */
	#fresh = 0;
	#free = NONE;
	readonly #oldest = new Int32Array(TTLS.length).fill(NONE);
	readonly #newest = new Int32Array(TTLS.length).fill(NONE);

	constructor(limit: number) {
		this.#limit = Math.max(1, limit);
		this.#capacity = Math.min(FIRST_CAPACITY, this.#limit);
		this.#columns = columns(this.#capacity, null);
		this.#buckets = new Int32Array(0);
		this.#filter = new Uint32Array(0);
		this.#rehash();
	}

	/** Entries held, expired ones that were not dropped yet included. */
	get size(): number {
		return this.#size;
	}

	/** Bytes held. */
	get byteLength(): number {
		const held: ArrayBufferView[] = Object.values(this.#columns);
		return [...held, this.#buckets, this.#filter].reduce((bytes, array) => bytes + array.byteLength, 0);
	}

	/** First slot with this fingerprint, or NONE. */
	first(high: number, low: number): number {
		const bit = low | 0;
		if ((((this.#filter[(bit >>> 5) & (this.#filter.length - 1)] ?? 0) >>> (bit & 31)) & 1) === 0) return NONE;
		return this.#matching(this.#buckets[(high | 0) & (this.#buckets.length - 1)] ?? NONE, high, low);
	}

	/** Next slot with the fingerprint of `slot`, or NONE. */
	following(slot: number): number {
		const { high, low, next } = this.#columns;
		return this.#matching(next[slot] ?? NONE, high[slot] ?? 0, low[slot] ?? 0);
	}

	domain(slot: number): number {
		return this.#columns.domain[slot] ?? NONE;
	}

	variant(slot: number): number {
		return this.#columns.variant[slot] ?? 0;
	}

	tokens(slot: number): number {
		return this.#columns.tokens[slot] ?? 0;
	}

	availableAt(slot: number): number {
		return this.#columns.availableAt[slot] ?? Number.POSITIVE_INFINITY;
	}

	expiresAt(slot: number): number {
		return this.#columns.expiresAt[slot] ?? 0;
	}

	ttl(slot: number): Ttl {
		return this.#columns.ttlIndex[slot] === 1 ? "1h" : "5m";
	}

	/** Attempts that wait on this slot's entry; changed by `wait`. */
	waiting(slot: number): number {
		return this.#columns.waiting[slot] ?? 0;
	}

	wait(slot: number, change: 1 | -1): void {
		this.#columns.waiting[slot] = Math.max(0, Math.min(0xffff, this.waiting(slot) + change));
	}

	/** Adds an entry; the caller has made sure that its place has none for this fingerprint. */
	add(entry: NewEntry, now: number): number {
		this.#sweep(now, SWEPT_PER_ADD);
		if (this.#size >= this.#limit) this.#evict();
		const slot = this.#take();
		const { high, low, domain, variant, waiting, ttlIndex, exact } = this.#columns;
		high[slot] = entry.high;
		low[slot] = entry.low;
		domain[slot] = entry.domain;
		variant[slot] = entry.variant;
		waiting[slot] = 0;
		ttlIndex[slot] = TTLS.indexOf(entry.ttl);
		exact[slot] = 0;
		this.#write(slot, entry);
		this.#intoBucket(slot);
		this.#linkByTtl(slot);
		this.#size += 1;
		// A full table must not be gone through for every entry that replaces another.
		if (this.#addedToFilter > this.#capacity * 2) this.#rehash();
		return slot;
	}

	/** Changes an entry's times and tokens and makes it the most recently used. */
	renew(slot: number, renewal: Renewal): void {
		this.#unlinkByTtl(slot);
		this.#write(slot, renewal);
		this.#linkByTtl(slot);
	}

	remove(slot: number): void {
		this.#outOfBucket(slot);
		this.#unlinkByTtl(slot);
		this.#columns.next[slot] = this.#free;
		this.#free = slot;
		this.#size -= 1;
	}

	/** Sets the bound; the least recently used beyond it go. */
	resize(limit: number): void {
		this.#limit = Math.max(1, limit);
		while (this.#size > this.#limit) this.#evict();
	}

	#write(slot: number, renewal: Renewal): void {
		const { availableAt, expiresAt, tokens, exact } = this.#columns;
		availableAt[slot] = renewal.availableAt;
		expiresAt[slot] = renewal.expiresAt;
		if (exact[slot] === 1 && !renewal.exact) return;
		tokens[slot] = renewal.tokens;
		exact[slot] = renewal.exact ? 1 : 0;
	}

	#matching(from: number, high: number, low: number): number {
		const columns = this.#columns;
		let slot = from;
		while (slot !== NONE && (columns.high[slot] !== high || columns.low[slot] !== low))
			slot = columns.next[slot] ?? NONE;
		return slot;
	}

	#take(): number {
		if (this.#free !== NONE) {
			const slot = this.#free;
			this.#free = this.#columns.next[slot] ?? NONE;
			return slot;
		}
		if (this.#fresh === this.#capacity) this.#grow();
		this.#fresh += 1;
		return this.#fresh - 1;
	}

	/** To be called while no slot is free. */
	#grow(): void {
		this.#capacity = Math.min(this.#capacity * 2, Math.max(this.#limit, this.#capacity + 1));
		this.#columns = columns(this.#capacity, this.#columns);
		this.#rehash();
	}

	/** Builds buckets and filter anew from what is held, both of a power of two in size. */
	#rehash(): void {
		this.#buckets = new Int32Array(powerOfTwo(this.#capacity * 1.5)).fill(NONE);
		this.#filter = new Uint32Array(powerOfTwo((this.#capacity * FILTER_BITS) / 32));
		this.#addedToFilter = 0;
		for (const first of this.#oldest) {
			for (let slot = first; slot !== NONE; slot = this.#columns.newer[slot] ?? NONE) this.#intoBucket(slot);
		}
	}

	#intoBucket(slot: number): void {
		const { high, low, next } = this.#columns;
		const bucket = ((high[slot] ?? 0) | 0) & (this.#buckets.length - 1);
		next[slot] = this.#buckets[bucket] ?? NONE;
		this.#buckets[bucket] = slot;
		const bit = (low[slot] ?? 0) | 0;
		const word = (bit >>> 5) & (this.#filter.length - 1);
		this.#filter[word] = (this.#filter[word] ?? 0) | (1 << (bit & 31));
		this.#addedToFilter += 1;
	}

	#outOfBucket(slot: number): void {
		const { high, next } = this.#columns;
		const bucket = ((high[slot] ?? 0) | 0) & (this.#buckets.length - 1);
		let at = this.#buckets[bucket] ?? NONE;
		if (at === slot) {
			this.#buckets[bucket] = next[slot] ?? NONE;
			return;
		}
		while (at !== NONE && next[at] !== slot) at = next[at] ?? NONE;
		if (at !== NONE) next[at] = next[slot] ?? NONE;
	}

	#linkByTtl(slot: number): void {
		const { older, newer, ttlIndex } = this.#columns;
		const which = ttlIndex[slot] ?? 0;
		const last = this.#newest[which] ?? NONE;
		older[slot] = last;
		newer[slot] = NONE;
		if (last === NONE) this.#oldest[which] = slot;
		else newer[last] = slot;
		this.#newest[which] = slot;
	}

	#unlinkByTtl(slot: number): void {
		const { older, newer, ttlIndex } = this.#columns;
		const which = ttlIndex[slot] ?? 0;
		const before = older[slot] ?? NONE;
		const after = newer[slot] ?? NONE;
		if (before === NONE) this.#oldest[which] = after;
		else newer[before] = after;
		if (after === NONE) this.#newest[which] = before;
		else older[after] = before;
	}

	#sweep(now: number, most: number): void {
		let left = most;
		for (let ttlIndex = 0; ttlIndex < TTLS.length; ttlIndex += 1) {
			for (; left > 0; left -= 1) {
				const slot = this.#oldest[ttlIndex] ?? NONE;
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

/** The least power of two that is not less than `size`, and at least 1. */
function powerOfTwo(size: number): number {
	return 2 ** Math.max(0, Math.ceil(Math.log2(size)));
}
