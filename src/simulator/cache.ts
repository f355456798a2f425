// One cache domain's prefix cache: what a request reads, writes and leaves behind. Leaves hashing and tokens to prompt.ts.
import type { Ttl } from "./markers.ts";
import type { Breakpoint, Prompt } from "./prompt.ts";

/** How far a breakpoint looks back, in positions, itself included (prompt-caching R4). */
const LOOK_BACK = 20;
const TTL_MS: Readonly<Record<Ttl, number>> = { "5m": 300_000, "1h": 3_600_000 };
const SWEEP_EVERY = 512;

/** Rules that are uncertain or differ between platforms (prompt-caching §6, §7). */
export interface CacheRules {
	/** A run of tool_use blocks, or of tool_result blocks, is one position of the look-back (prompt-caching R5). Default true. */
	readonly collapseRuns: boolean;
	/** A read also refreshes live entries at the request's shorter breakpoints. Default true. */
	readonly refreshAncestors: boolean;
	/** Chance that a live entry is really found, by prefix length and times written. Default: always 1. */
	readonly propagation: ((prefixTokens: number, writes: number) => number) | null;
	/** Uniform in [0, 1); used only with `propagation`. */
	readonly random: () => number;
	/** Every block is written and read without markers, for nothing, and lives this long unused; null: markers decide. Default null. */
	readonly implicitTtlMs: number | null;
}

/** Input side of `usage`, in tokens. The four sum to the whole prompt (prompt-caching R7, R10). */
export interface InputUsage {
	readonly read: number;
	readonly write5m: number;
	readonly write1h: number;
	readonly uncached: number;
}

/** A request between its start and its first byte. Exactly one of `firstByte` and `fail` counts; later calls do nothing. */
export interface Pending {
	readonly usage: InputUsage;
	/** The answer has begun: what this request writes becomes readable at `nowMs`, and stays even if the client leaves (prompt-caching R8). */
	firstByte(nowMs: number): void;
	/** The request failed before its first byte: it leaves no entry. */
	fail(): void;
}

interface Entry {
	readonly ttlMs: number;
	availableAt: number;
	expiresAt: number;
	writes: number;
}

interface Reading {
	/** Index of the block whose prefix was found, -1 for none. */
	readonly hit: number;
	readonly usage: InputUsage;
	readonly written: readonly Breakpoint[];
}

/**
 * The state machine of prompt-caching §6 for the requests of one domain. It has no clock of its own: callers pass the time,
 * which need not be real, and may announce a first byte that lies in the future.
 */
export class PromptCache {
	readonly #rules: CacheRules;
	readonly #entries = new Map<string, Entry>();
	#begun = 0;

	constructor(rules: Partial<CacheRules> = {}) {
		this.#rules = {
			collapseRuns: rules.collapseRuns ?? true,
			refreshAncestors: rules.refreshAncestors ?? true,
			propagation: rules.propagation ?? null,
			random: rules.random ?? Math.random,
			implicitTtlMs: rules.implicitTtlMs ?? null,
		};
	}

	/** What `begin` would report now, without refreshing anything. With `propagation` the next answer may differ. */
	preview(prompt: Prompt, nowMs: number): InputUsage {
		return this.#read(prompt, nowMs).usage;
	}

	/**
	 * Accepts a request at `startMs`. What it finds is refreshed at once, as lifetimes count from a request's start (prompt-caching R6); what it
	 * writes waits for `firstByte`, so that a second request before then writes too (prompt-caching R8).
	 */
	begin(prompt: Prompt, startMs: number): Pending {
		this.#begun += 1;
		if (this.#begun % SWEEP_EVERY === 0) this.#sweep(startMs);
		const reading = this.#read(prompt, startMs);
		this.#refresh(prompt, reading.hit, startMs);
		let open = true;
		return {
			usage: reading.usage,
			firstByte: (nowMs) => {
				if (!open) return;
				open = false;
				for (const breakpoint of reading.written) this.#write(prompt, breakpoint, startMs, nowMs);
			},
			fail: () => {
				open = false;
			},
		};
	}

	/** Entries that a request at `nowMs` could read. */
	live(nowMs: number): number {
		let count = 0;
		for (const entry of this.#entries.values()) if (isLive(entry, nowMs)) count += 1;
		return count;
	}

	/** Forgets everything. A pending request may still write when it begins. */
	clear(): void {
		this.#entries.clear();
	}

	#read(prompt: Prompt, nowMs: number): Reading {
		if (this.#rules.implicitTtlMs !== null) return this.#readImplicit(prompt, nowMs);
		const hit = this.#find(prompt, nowMs);
		const read = cumulative(prompt, hit);
		const written = prompt.breakpoints.filter(
			(breakpoint) => breakpoint.block > hit && cumulative(prompt, breakpoint.block) >= prompt.minTokens,
		);
		let longEnd = read;
		let end = read;
		for (const breakpoint of written) {
			const tokens = cumulative(prompt, breakpoint.block);
			if (breakpoint.ttl === "1h") longEnd = Math.max(longEnd, tokens);
			end = Math.max(end, tokens);
		}
		const usage = { read, write1h: longEnd - read, write5m: end - longEnd, uncached: prompt.totalTokens - end };
		return { hit, usage, written };
	}

	/** The longest run of live blocks from the start; everything after it is written, and nothing of that is billed apart. */
	#readImplicit(prompt: Prompt, nowMs: number): Reading {
		let hit = -1;
		while (hit + 1 < prompt.hashes.length && this.#found(prompt, hit + 1, nowMs)) hit += 1;
		const isLongEnough = cumulative(prompt, hit) >= prompt.minTokens;
		const read = isLongEnough ? cumulative(prompt, hit) : 0;
		const written: Breakpoint[] = [];
		for (let block = hit + 1; block < prompt.hashes.length; block += 1) written.push({ block, ttl: "5m" });
		return { hit, written, usage: { read, write5m: 0, write1h: 0, uncached: prompt.totalTokens - read } };
	}

	/** Walks back from each breakpoint, last first; the first live prefix is the longest one. */
	#find(prompt: Prompt, nowMs: number): number {
		for (let b = prompt.breakpoints.length - 1; b >= 0; b -= 1) {
			let block = prompt.breakpoints[b]?.block ?? -1;
			for (let left = LOOK_BACK; block >= 0 && left > 0; left -= 1) {
				const start = this.#rules.collapseRuns ? runStart(prompt, block) : block;
				for (let candidate = block; candidate >= start; candidate -= 1) {
					if (this.#found(prompt, candidate, nowMs)) return candidate;
				}
				block = start - 1;
			}
		}
		return -1;
	}

	#found(prompt: Prompt, block: number, nowMs: number): boolean {
		const entry = this.#entries.get(prompt.hashes[block] ?? "");
		if (entry === undefined || !isLive(entry, nowMs)) return false;
		const { propagation, random } = this.#rules;
		return propagation === null || random() < propagation(cumulative(prompt, block), entry.writes);
	}

	#refresh(prompt: Prompt, hit: number, startMs: number): void {
		if (hit < 0) return;
		const blocks = [hit];
		if (this.#rules.implicitTtlMs !== null) for (let block = 0; block < hit; block += 1) blocks.push(block);
		else if (this.#rules.refreshAncestors) {
			for (const breakpoint of prompt.breakpoints) if (breakpoint.block < hit) blocks.push(breakpoint.block);
		}
		for (const block of blocks) {
			const entry = this.#entries.get(prompt.hashes[block] ?? "");
			if (entry === undefined || !isLive(entry, startMs)) continue;
			entry.expiresAt = Math.max(entry.expiresAt, startMs + entry.ttlMs);
		}
	}

	#write(prompt: Prompt, breakpoint: Breakpoint, startMs: number, nowMs: number): void {
		const hash = prompt.hashes[breakpoint.block];
		if (hash === undefined) return;
		const ttlMs = this.#rules.implicitTtlMs ?? TTL_MS[breakpoint.ttl];
		const expiresAt = startMs + ttlMs;
		const old = this.#entries.get(hash);
		if (old === undefined || old.expiresAt <= nowMs) {
			this.#entries.set(hash, { ttlMs, availableAt: nowMs, expiresAt, writes: (old?.writes ?? 0) + 1 });
			return;
		}
		old.writes += 1;
		old.availableAt = Math.min(old.availableAt, nowMs);
		if (expiresAt > old.expiresAt) this.#entries.set(hash, { ...old, ttlMs, expiresAt });
	}

	#sweep(nowMs: number): void {
		for (const [hash, entry] of this.#entries) if (entry.expiresAt <= nowMs) this.#entries.delete(hash);
	}
}

function isLive(entry: Entry, nowMs: number): boolean {
	return entry.availableAt <= nowMs && nowMs < entry.expiresAt;
}

/** Tokens of the prefix that ends with this block; 0 before the first. */
function cumulative(prompt: Prompt, block: number): number {
	return block < 0 ? 0 : (prompt.tokens[block] ?? 0);
}

function runStart(prompt: Prompt, block: number): number {
	const kind = prompt.kinds[block];
	if (kind === undefined || kind === "other") return block;
	let start = block;
	while (start > 0 && prompt.kinds[start - 1] === kind) start -= 1;
	return start;
}
