// What we believe is cached where: prefix fingerprint → entries by place. Leaves when to believe what to cache/attempt.
import { EntryTable, NONE } from "./entry-table.ts";
import type { Place } from "./place.ts";
import { LOOK_BACK_POSITIONS, TTL_MS, type Ttl } from "./semantics.ts";

/** `Level.messages` and `Kind.other` of a prompt's blocks. cache/ must not know prompt/; a test keeps the values together. */
export const MESSAGES_LEVEL = 2;
export const OTHER_KIND = 0;

/**
 * How far behind the best place another one is still of interest: about what a look-back reaches, so that returning
 * could pay (routing-model §3).
 */
const SECOND_BEST_BLOCKS = 64;

/** A prompt's prefixes as parallel arrays; entry i is the prefix that ends with block i. An Outline's chain is one. */
export interface Prefixes {
	readonly count: number;
	readonly high: Float64Array;
	readonly low: Float64Array;
	readonly level: Uint8Array;
	readonly kind: Uint8Array;
	/** Cumulative. */
	readonly bytes: Float64Array;
}

/** A block marked for caching. */
export interface CacheBreakpoint {
	readonly block: number;
	readonly ttl: Ttl;
}

export interface Query {
	readonly prefixes: Prefixes;
	/** In order of `block`. */
	readonly breakpoints: readonly CacheBreakpoint[];
	readonly places: readonly Place[];
	/** Ms since epoch. */
	readonly now: number;
}

/** What one place holds of a prompt. */
export interface Match {
	/** Block of the longest message-level entry, however far back, pending or readable; NONE if there is none. It decides where home is. */
	readonly home: number;
	/** The home entry is only being written: follow it, but do not expect to read it. */
	readonly pending: boolean;
	/** Block of the longest entry that the provider's look-back will find now, of any level; NONE if there is none. */
	readonly read: number;
	/** Tokens of that entry: what we expect to be read. */
	readonly readTokens: number;
	/** Block of the longest entry, longer than `read` and of any level, that a request under way is writing; NONE if there is none. */
	readonly coming: number;
	/**
	 * Block of the longest message-level entry of the same domain under other betas, another model or variant: not readable here, but it
	 * tells whose conversation this is. NONE if there is none.
	 */
	readonly related: number;
}

/** Nothing held. */
export const NO_MATCH: Match = { home: NONE, pending: false, read: NONE, readTokens: 0, coming: NONE, related: NONE };

/** One prefix at one place. */
export interface Spot {
	readonly high: number;
	readonly low: number;
	readonly place: Place;
}

/** `tokens` of the prefix, and the start of the request that reads or writes it: lifetimes count from there (prompt-caching R6). */
export interface Belief {
	readonly ttl: Ttl;
	readonly tokens: number;
	/** The provider counted `tokens`. */
	readonly exact: boolean;
	readonly requestedAt: number;
}

/** Called with every change as it is made, for those who keep a copy of the index elsewhere. */
export interface IndexObserver {
	/** A request that writes the prefix is being sent. */
	coming(spot: Spot, belief: Belief): void;
	/** It failed. */
	withdrawn(spot: Spot): void;
	/** The prefix is in the cache; published once for what changes nothing of note. */
	held(spot: Spot, belief: Belief): void;
	/** It is not. */
	lost(spot: Spot): void;
}

export interface PrefixIndexOptions {
	readonly maxEntries: number;
	/** `DomainRegistry.root`: entries recorded before two domains were found to be one stay found. */
	readonly root: (domain: number) => number;
	/** Absent or null = nothing is published. */
	readonly observer?: IndexObserver | null;
}

/** Tokens of an entry that change by less than this share are not news to an observer. */
const NEWS_SHARE = 0.05;

interface MutableMatch {
	home: number;
	pending: boolean;
	read: number;
	readTokens: number;
	coming: number;
	related: number;
}

/** A literal: spreading NO_MATCH costs more. */
function nothing(): MutableMatch {
	return { home: NONE, pending: false, read: NONE, readTokens: 0, coming: NONE, related: NONE };
}

interface Sought {
	readonly root: number;
	readonly variant: number;
}

/** All entries. Look-ups change nothing; a fingerprint is found in constant time. */
export class PrefixIndex {
	readonly #table: EntryTable;
	readonly #root: (domain: number) => number;
	readonly #observer: IndexObserver | null;

	constructor(options: PrefixIndexOptions) {
		this.#table = new EntryTable(options.maxEntries);
		this.#root = options.root;
		this.#observer = options.observer ?? null;
	}

	get size(): number {
		return this.#table.size;
	}

	/** Memory of the entries, bytes. */
	get byteLength(): number {
		return this.#table.byteLength;
	}

	resize(maxEntries: number): void {
		this.#table.resize(maxEntries);
	}

	/**
	 * What each place holds of a prompt, in the order of `places`, by one walk back from the last breakpoint: the provider can find
	 * nothing behind it. Within the look-back of a breakpoint an entry counts as readable (prompt-caching R4, R5). Once one place's match is complete,
	 * others are known only if their messages end at most `SECOND_BEST_BLOCKS` before; tools and system are always looked up.
	 */
	longest(query: Query): Match[] {
		const { prefixes, breakpoints, places, now } = query;
		const { level, high, low } = prefixes;
		const table = this.#table;
		let firstMessage = 0;
		while (firstMessage < prefixes.count && level[firstMessage] !== MESSAGES_LEVEL) firstMessage += 1;
		const matches: MutableMatch[] = places.map(nothing);
		const sought = places.map(({ domain, variant }): Sought => ({ root: this.#root(domain), variant }));
		let mark = breakpoints.length - 1;
		const last = Math.min(breakpoints[mark]?.block ?? NONE, prefixes.count - 1);
		let positions = 0;
		let runs = 0;
		let open = places.length;
		let floor = 0;
		for (let block = last; block >= 0 && open > 0; block -= 1) {
			positions -= 1;
			if (!continuesRun(prefixes, block, last)) runs -= 1;
			while (mark >= 0 && (breakpoints[mark]?.block ?? 0) >= block) {
				positions = LOOK_BACK_POSITIONS;
				runs = LOOK_BACK_POSITIONS;
				mark -= 1;
			}
			if (block < floor && level[block] === MESSAGES_LEVEL) {
				// With no look-back left to count, nothing matters before the next breakpoint or the head.
				if (positions <= 0 && runs <= 0) block = Math.max(breakpoints[mark]?.block ?? NONE, firstMessage - 1) + 1;
				continue;
			}
			for (let slot = table.first(high[block] ?? 0, low[block] ?? 0); slot !== NONE; slot = table.following(slot)) {
				if (table.expiresAt(slot) <= now) continue;
				const at = this.#placeOf(slot, sought);
				const place = places[at];
				const match = matches[at];
				if (at === NONE && level[block] === MESSAGES_LEVEL) this.#relate(slot, block, { sought, matches });
				if (place === undefined || match === undefined || match.read !== NONE) continue;
				const readable = table.availableAt(slot) <= now;
				if (match.home === NONE && level[block] === MESSAGES_LEVEL) {
					match.home = block;
					match.pending = !readable;
				} else if (match.home === block && readable) match.pending = false;
				if ((place.collapseRuns ? runs : positions) <= 0) continue;
				if (!readable) match.coming = Math.max(match.coming, block);
				else {
					match.read = block;
					match.readTokens = table.tokens(slot);
					open -= 1;
					floor = Math.max(floor, block - SECOND_BEST_BLOCKS);
				}
			}
		}
		return matches;
	}

	/**
	 * A request that will write this prefix is being sent. True if an entry now waits for it: then `withdraw` or `confirm` must
	 * follow. False if a readable one is there already.
	 */
	announce(spot: Spot, belief: Belief, now: number): boolean {
		let slot = this.#slot(spot);
		if (slot !== NONE && this.#table.expiresAt(slot) <= now) {
			this.#table.remove(slot);
			slot = NONE;
		}
		if (slot === NONE) {
			slot = this.#add(spot, belief, { availableAt: Number.POSITIVE_INFINITY, now });
		} else if (this.#table.availableAt(slot) !== Number.POSITIVE_INFINITY) return false;
		this.#table.wait(slot, 1);
		this.#observer?.coming(spot, belief);
		return true;
	}

	/** A request that will write this prefix is under way, and it cannot be read yet. */
	isComing(spot: Spot): boolean {
		const slot = this.#slot(spot);
		return slot !== NONE && this.#table.availableAt(slot) === Number.POSITIVE_INFINITY;
	}

	/** The announced request failed before its first event: its entry goes, unless another request is still writing the same. */
	withdraw(spot: Spot): void {
		const slot = this.#slot(spot);
		if (slot === NONE || this.#table.availableAt(slot) !== Number.POSITIVE_INFINITY) return;
		this.#observer?.withdrawn(spot);
		this.#table.wait(slot, -1);
		if (this.#table.waiting(slot) === 0) this.#table.remove(slot);
	}

	/** The prefix is in the cache from `now` at the latest: written or read by a request. A live entry keeps its own lifetime (prompt-caching R6). */
	confirm(spot: Spot, belief: Belief, now: number): void {
		const slot = this.#slot(spot);
		if (this.#observer !== null && this.#isNews(slot, belief)) this.#observer.held(spot, belief);
		if (slot === NONE) {
			this.#add(spot, belief, { availableAt: now, now });
			return;
		}
		const written = this.#table.availableAt(slot) !== Number.POSITIVE_INFINITY;
		if (!written && this.#table.ttl(slot) !== belief.ttl) {
			this.#table.remove(slot);
			this.#add(spot, belief, { availableAt: now, now });
			return;
		}
		this.#table.renew(slot, {
			availableAt: Math.min(now, this.#table.availableAt(slot)),
			expiresAt: Math.max(this.#table.expiresAt(slot), belief.requestedAt + TTL_MS[this.#table.ttl(slot)]),
			tokens: belief.tokens,
			exact: belief.exact,
		});
	}

	/** A request read this prefix: its entry, if we have one, lives anew from that request's start. */
	refresh(spot: Spot, belief: Omit<Belief, "ttl">): void {
		const slot = this.#slot(spot);
		if (slot === NONE) return;
		if (this.#observer !== null) {
			const whole = { ...belief, ttl: this.#table.ttl(slot) };
			if (this.#isNews(slot, whole)) this.#observer.held(spot, whole);
		}
		this.#table.renew(slot, {
			availableAt: this.#table.availableAt(slot),
			expiresAt: Math.max(this.#table.expiresAt(slot), belief.requestedAt + TTL_MS[this.#table.ttl(slot)]),
			tokens: belief.tokens,
			exact: belief.exact,
		});
	}

	/** The provider showed that it does not hold this prefix. */
	forget(spot: Spot): void {
		// More than one where domains were joined after both had learned it.
		let slot = this.#slot(spot);
		if (slot !== NONE) this.#observer?.lost(spot);
		for (; slot !== NONE; slot = this.#slot(spot)) this.#table.remove(slot);
	}

	/** Whether a belief says more than that a readable entry lives as long, and is as large, as it was thought to. */
	#isNews(slot: number, { tokens, requestedAt }: Belief): boolean {
		if (slot === NONE || this.#table.availableAt(slot) === Number.POSITIVE_INFINITY) return true;
		const known = this.#table.tokens(slot);
		if (Math.abs(tokens - known) > known * NEWS_SHARE) return true;
		return requestedAt + TTL_MS[this.#table.ttl(slot)] > this.#table.expiresAt(slot);
	}

	#add(spot: Spot, belief: Belief, when: { readonly availableAt: number; readonly now: number }): number {
		const entry = {
			high: spot.high,
			low: spot.low,
			domain: this.#root(spot.place.domain),
			variant: spot.place.variant,
			ttl: belief.ttl,
			availableAt: when.availableAt,
			expiresAt: belief.requestedAt + TTL_MS[belief.ttl],
			tokens: belief.tokens,
			exact: belief.exact,
		};
		return this.#table.add(entry, when.now);
	}

	#slot(spot: Spot): number {
		let slot = this.#table.first(spot.high, spot.low);
		while (slot !== NONE && !this.#isAt(slot, spot.place)) slot = this.#table.following(slot);
		return slot;
	}

	#isAt(slot: number, place: Place): boolean {
		if (this.#table.variant(slot) !== place.variant) return false;
		const domain = this.#table.domain(slot);
		return domain === place.domain || this.#root(domain) === this.#root(place.domain);
	}

	/** An entry that no place can read stands for the conversation in every place of its domain. */
	#relate(
		slot: number,
		block: number,
		{ sought, matches }: { readonly sought: readonly Sought[]; readonly matches: readonly MutableMatch[] },
	): void {
		const root = this.#root(this.#table.domain(slot));
		for (let at = 0; at < sought.length; at += 1) {
			const match = matches[at];
			if (match !== undefined && sought[at]?.root === root && match.related === NONE) match.related = block;
		}
	}

	#placeOf(slot: number, sought: readonly Sought[]): number {
		const root = this.#root(this.#table.domain(slot));
		const variant = this.#table.variant(slot);
		for (let at = 0; at < sought.length; at += 1) {
			const place = sought[at];
			if (place !== undefined && place.root === root && place.variant === variant) return at;
		}
		return NONE;
	}
}

/** Whether a block belongs to the run of tool_use, or tool_result, blocks that its right neighbour belongs to (prompt-caching R5). */
function continuesRun(prefixes: Prefixes, block: number, last: number): boolean {
	const kind = prefixes.kind[block];
	return block < last && kind !== OTHER_KIND && kind === prefixes.kind[block + 1];
}
