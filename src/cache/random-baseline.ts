// The random-routing baseline: caches as they would be if every request had gone to a random deployment, kept beside the real ones. Leaves
// prices and what the difference is worth to routing/counterfactual.
import { LOOK_BACK_POSITIONS, TTL_MS, type Ttl } from "./semantics.ts";

/** A prompt that was served. Times are ms since epoch. */
export interface BaselinePrompt {
	readonly chain: {
		readonly count: number;
		readonly high: Float64Array;
		readonly kind: Uint8Array;
		readonly bytes: Float64Array;
	};
	readonly breakpoints: readonly { readonly block: number; readonly ttl: Ttl }[];
	/** What of the request separates caches inside one cache: betas, geography, speed. */
	readonly salt: number;
	readonly collapseRuns: boolean;
	readonly startedAt: number;
	/** Entries are readable from here on (prompt-caching R8). */
	readonly firstByteAt: number;
}

/** Where one prefix is held: three numbers for each cache: its id, available at, expires at. */
type Held = number[];
const SLOT = 3;

/** A cache is that of all deployments that share it. At most `maxEntries` prefixes are kept; the least recently written go first. */
export class BaselineCaches {
	readonly #entries = new Map<number, Held>();
	readonly #maxEntries: number;
	/** What `read` answers: asked once a request, of a few caches. */
	#found = new Int32Array(0);

	constructor(maxEntries: number) {
		this.#maxEntries = maxEntries;
	}

	get size(): number {
		return this.#entries.size;
	}

	/** For each cache the last block of the longest prefix that could be read there, or -1; until the next call. Changes no cache. */
	read(prompt: BaselinePrompt, cacheIds: readonly number[]): Int32Array {
		if (this.#found.length < cacheIds.length) this.#found = new Int32Array(cacheIds.length);
		this.#found.fill(-1);
		let open = cacheIds.length;
		visit(prompt, (block) => {
			const held = this.#entries.get(keyOf(prompt, block));
			if (held === undefined) return open > 0;
			for (let index = 0; index < cacheIds.length; index += 1) {
				if (this.#found[index] !== -1) continue;
				const at = slotOf(held, cacheIds[index] as number);
				if (at === -1 || !isLive(held, at, prompt.startedAt)) continue;
				this.#found[index] = block;
				open -= 1;
			}
			return open > 0;
		});
		return this.#found;
	}

	/** The prompt went to this cache, where it read up to `readBlock`: refreshes that entry, writes those behind from `minimumBytes` on. */
	serve(
		prompt: BaselinePrompt,
		{
			cacheId,
			readBlock,
			minimumBytes,
		}: { readonly cacheId: number; readonly readBlock: number; minimumBytes: number },
	): void {
		const { chain, breakpoints, startedAt, firstByteAt } = prompt;
		if (readBlock >= 0) {
			const key = keyOf(prompt, readBlock);
			const held = this.#entries.get(key);
			const at = held === undefined ? -1 : slotOf(held, cacheId);
			if (held !== undefined && at !== -1) {
				// Its lifetime is not kept: what the request asks for at this place, or what it had.
				const ttl = breakpoints.find(({ block }) => block >= readBlock)?.ttl ?? "5m";
				this.#put(key, cacheId, { available: held[at + 1] as number, expires: startedAt + TTL_MS[ttl] });
			}
		}
		for (const { block, ttl } of breakpoints) {
			if (block <= readBlock || (chain.bytes[block] as number) < minimumBytes) continue;
			const key = keyOf(prompt, block);
			const held = this.#entries.get(key);
			const at = held === undefined ? -1 : slotOf(held, cacheId);
			// An entry that has run out is a new one, readable only from now on.
			if (held !== undefined && at !== -1 && !isLive(held, at, startedAt)) held.splice(at, SLOT);
			this.#put(key, cacheId, { available: firstByteAt, expires: startedAt + TTL_MS[ttl] });
		}
	}

	#put(key: number, cacheId: number, times: { available: number; expires: number }): void {
		const held = this.#entries.get(key) ?? [];
		this.#entries.delete(key);
		this.#entries.set(key, held);
		const at = slotOf(held, cacheId);
		if (at === -1) held.push(cacheId, times.available, times.expires);
		else {
			held[at + 1] = Math.min(held[at + 1] as number, times.available);
			held[at + 2] = Math.max(held[at + 2] as number, times.expires);
		}
		// What has expired must not hide that it will be written anew: slots are few, so all are looked at.
		for (let slot = held.length - SLOT; slot >= 0; slot -= SLOT)
			if ((held[slot + 2] as number) < times.available - TTL_MS["1h"]) held.splice(slot, SLOT);
		if (this.#entries.size > this.#maxEntries) {
			const oldest = this.#entries.keys().next().value;
			if (oldest !== undefined) this.#entries.delete(oldest);
		}
	}
}

function keyOf({ chain, salt }: BaselinePrompt, block: number): number {
	// 52 bits, of which the salt changes 32: equal keys of different prompts are as unlikely as equal fingerprints.
	const print = chain.high[block] as number;
	const upper = Math.floor(print / 2 ** 32) * 2 ** 32;
	return upper + (((print - upper) ^ salt) >>> 0);
}

function slotOf(held: Held, cacheId: number): number {
	for (let at = 0; at < held.length; at += SLOT) if (held[at] === cacheId) return at;
	return -1;
}

function isLive(held: Held, at: number, now: number): boolean {
	return (held[at + 1] as number) <= now && now < (held[at + 2] as number);
}

/** The blocks that a look-up tries, longest prefix first (prompt-caching R4, R5), until `more` says no. */
function visit({ chain, breakpoints, collapseRuns }: BaselinePrompt, more: (block: number) => boolean): void {
	let tried = chain.count;
	for (let mark = breakpoints.length - 1; mark >= 0; mark -= 1) {
		let block = (breakpoints[mark] as { block: number }).block;
		for (let left = LOOK_BACK_POSITIONS; block >= 0 && left > 0; left -= 1) {
			const kind = chain.kind[block] as number;
			do {
				// A walk that runs into an earlier mark's own goes over the same blocks: they have been tried.
				if (block < tried) {
					if (!more(block)) return;
					tried = block;
				}
				block -= 1;
			} while (collapseRuns && kind !== 0 && block >= 0 && chain.kind[block] === kind);
		}
	}
}
