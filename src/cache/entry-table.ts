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

/** What a look-up reads of an entry, side by side in one cache line: eight numbers a slot. */
const RECORD = 8;
const HIGH = 0;
const LOW = 1;
const AVAILABLE_AT = 2;
const EXPIRES_AT = 3;
const DOMAIN = 4;
const VARIANT = 5;
const TOKENS = 6;
/** Next slot of the same bucket, or of the free list. */
const NEXT = 7;

/** What only changes need. */
interface Columns {
	/** Neighbours in the order of use, one order per lifetime: so the oldest of an order is also the first to expire. */
	readonly older: Int32Array;
	readonly newer: Int32Array;
	/** Attempts that still wait for their first event. */
	readonly waiting: Uint16Array;
	/** Which order: index into TTLS. */
	readonly lane: Uint8Array;
	/** 1 = tokens are the provider's count. */
	readonly exact: Uint8Array;
}

function columns(capacity: number, from: Columns | null): Columns {
	const made: Columns = {
		older: new Int32Array(capacity),
		newer: new Int32Array(capacity),
		waiting: new Uint16Array(capacity),
		lane: new Uint8Array(capacity),
		exact: new Uint8Array(capacity),
	};
	if (from !== null) for (const name of Object.keys(made) as (keyof Columns)[]) made[name].set(from[name]);
	return made;
}

function records(capacity: number, from: Float64Array | null): Float64Array {
	const made = new Float64Array(capacity * RECORD);
	if (from !== null) made.set(from);
	return made;
}

/**
 * At most `limit` entries; beyond it the least recently used goes. No timers: adding an entry drops a few expired ones. Typed arrays
 * because a look-up probes hundreds of fingerprints and a million objects would burden every garbage collection.
 */
export class EntryTable {
	#limit: number;
	#capacity: number;
	#records: Float64Array;
	#columns: Columns;
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
		this.#columns = columns(this.#capacity, null);
		this.#buckets = new Int32Array(bucketsFor(this.#capacity)).fill(NONE);
		this.#mask = this.#buckets.length - 1;
	}

	/** Entries held, expired ones that were not dropped yet included. */
	get size(): number {
		return this.#size;
	}

	/** Bytes held by the columns and buckets. */
	get byteLength(): number {
		let bytes = this.#buckets.byteLength;
		for (const column of Object.values(this.#columns) as (Columns[keyof Columns] | Int32Array)[])
			bytes += column.byteLength;
		return bytes;
	}

	/** First slot with this fingerprint, or NONE. */
	first(high: number, low: number): number {
		return this.#matching(this.#buckets[(high | 0) & this.#mask] ?? NONE, high, low);
	}

	/** Next slot with the fingerprint of `slot`, or NONE. */
	following(slot: number): number {
		return this.#matching(this.#get(slot, NEXT), this.#get(slot, HIGH), this.#get(slot, LOW));
	}

	domain(slot: number): number {
		return this.#get(slot, DOMAIN);
	}

	variant(slot: number): number {
		return this.#get(slot, VARIANT);
	}

	tokens(slot: number): number {
		return this.#get(slot, TOKENS);
	}

	availableAt(slot: number): number {
		return this.#get(slot, AVAILABLE_AT);
	}

	expiresAt(slot: number): number {
		return this.#get(slot, EXPIRES_AT);
	}

	ttl(slot: number): Ttl {
		return this.#columns.lane[slot] === 1 ? "1h" : "5m";
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
		const { waiting, lane, exact } = this.#columns;
		this.#set(slot, HIGH, entry.high);
		this.#set(slot, LOW, entry.low);
		this.#set(slot, DOMAIN, entry.domain);
		this.#set(slot, VARIANT, entry.variant);
		waiting[slot] = 0;
		lane[slot] = TTLS.indexOf(entry.ttl);
		exact[slot] = 0;
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

	#get(slot: number, field: number): number {
		return this.#records[slot * RECORD + field] ?? NONE;
	}

	#set(slot: number, field: number, value: number): void {
		this.#records[slot * RECORD + field] = value;
	}

	#write(slot: number, renewal: Renewal): void {
		const { exact } = this.#columns;
		this.#set(slot, AVAILABLE_AT, renewal.availableAt);
		this.#set(slot, EXPIRES_AT, renewal.expiresAt);
		if (exact[slot] === 1 && !renewal.exact) return;
		this.#set(slot, TOKENS, renewal.tokens);
		exact[slot] = renewal.exact ? 1 : 0;
	}

	#matching(from: number, high: number, low: number): number {
		const entries = this.#records;
		let slot = from;
		while (slot !== NONE) {
			const at = slot * RECORD;
			if (entries[at + HIGH] === high && entries[at + LOW] === low) return slot;
			slot = entries[at + NEXT] ?? NONE;
		}
		return NONE;
	}

	#take(): number {
		if (this.#free !== NONE) {
			const slot = this.#free;
			this.#free = this.#get(slot, NEXT);
			return slot;
		}
		if (this.#fresh === this.#capacity) this.#grow();
		this.#fresh += 1;
		return this.#fresh - 1;
	}

	#grow(): void {
		this.#capacity = Math.min(this.#capacity * 2, Math.max(this.#limit, this.#capacity + 1));
		this.#records = records(this.#capacity, this.#records);
		this.#columns = columns(this.#capacity, this.#columns);
		const wanted = bucketsFor(this.#capacity);
		if (wanted === this.#buckets.length) return;
		this.#buckets = new Int32Array(wanted).fill(NONE);
		this.#mask = wanted - 1;
		for (let slot = 0; slot < this.#fresh; slot += 1) this.#intoBucket(slot);
	}

	#intoBucket(slot: number): void {
		const bucket = (this.#get(slot, HIGH) | 0) & this.#mask;
		this.#set(slot, NEXT, this.#buckets[bucket] ?? NONE);
		this.#buckets[bucket] = slot;
	}

	#outOfBucket(slot: number): void {
		const bucket = (this.#get(slot, HIGH) | 0) & this.#mask;
		const next = this.#get(slot, NEXT);
		let at = this.#buckets[bucket] ?? NONE;
		if (at === slot) {
			this.#buckets[bucket] = next;
			return;
		}
		while (at !== NONE && this.#get(at, NEXT) !== slot) at = this.#get(at, NEXT);
		if (at !== NONE) this.#set(at, NEXT, next);
	}

	#intoLane(slot: number): void {
		const { older, newer, lane } = this.#columns;
		const which = lane[slot] ?? 0;
		const last = this.#newest[which] ?? NONE;
		older[slot] = last;
		newer[slot] = NONE;
		if (last === NONE) this.#oldest[which] = slot;
		else newer[last] = slot;
		this.#newest[which] = slot;
	}

	#outOfLane(slot: number): void {
		const { older, newer, lane } = this.#columns;
		const which = lane[slot] ?? 0;
		const before = older[slot] ?? NONE;
		const after = newer[slot] ?? NONE;
		if (before === NONE) this.#oldest[which] = after;
		else newer[before] = after;
		if (after === NONE) this.#newest[which] = before;
		else older[after] = before;
	}

	#sweep(now: number, most: number): void {
		let left = most;
		for (const first of this.#oldest) {
			for (let slot = first; slot !== NONE && left > 0 && this.expiresAt(slot) <= now; left -= 1) {
				const next = this.#columns.newer[slot] ?? NONE;
				this.remove(slot);
				slot = next;
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
	return 2 ** Math.ceil(Math.log2(capacity * 2));
}
