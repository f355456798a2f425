// What one request to one place teaches the index: announced at dispatch, believed at the first event, corrected by usage.
// Leaves choosing the place to routing/, and entries to cache/index.
import { NONE } from "./entry-table.ts";
import {
	type Belief,
	type CacheBreakpoint,
	type Match,
	NO_MATCH,
	type Prefixes,
	type PrefixIndex,
	type Spot,
} from "./index.ts";
import type { Place } from "./place.ts";
import type { TokenScale } from "./tokens.ts";

/**
 * Share of the minimum from which an estimate counts as long enough to be cached. Below one, because an estimate may be a little
 * low and usage settles it, whereas a prefix that was never announced is not followed.
 */
const MINIMUM_TOLERANCE = 0.8;
/** The same once usage has given the request's own bytes per token. */
const SETTLED_TOLERANCE = 0.9;
/** A read of less than this share of the predicted one disproves it; more is the estimate's error. */
const DISPROOF_SHARE = 0.5;
/** How far beyond the reported read a prefix may seem to end and still be the one that was read. */
const READ_TOLERANCE = 0.05;
/** How far a reported read may be from the predicted one and still be of the same prefix. */
const SAME_PREFIX_TOLERANCE = 0.2;

interface AttemptOptions {
	readonly prefixes: Prefixes;
	readonly breakpoints: readonly CacheBreakpoint[];
	readonly place: Place;
	/** Canonical model, for the token scale. */
	readonly model: string;
	readonly minimumTokens: number;
	/** The request's start as the provider will count it, ms since epoch. */
	readonly now: number;
}

/** Token counts of a provider's usage; input excludes reads and writes (prompt-caching R10). */
export interface CacheUsage {
	readonly inputTokens: number;
	readonly cacheReadTokens: number;
	readonly cacheWriteTokens: number;
}

/** An attempt under way. Opaque outside this file but for what it predicts. */
export interface Attempt extends AttemptOptions {
	readonly match: Match;
	/** Tokens of the whole prompt, estimated. */
	readonly promptTokens: number;
	/** Breakpoints whose prefix seems long enough to be cached. */
	readonly cacheable: readonly CacheBreakpoint[];
	/** Blocks at which this attempt waits for a pending entry. */
	readonly announced: readonly number[];
	/** Where it writes now: `place`, until an answer says otherwise. */
	writesAt: Place;
	started: boolean;
	/** What answers has several caches under one name: a read that fails there disproves nothing. */
	probabilistic: boolean;
}

/** What usage says of caching. uncached: neither read nor write was reported, so nothing of this prompt is kept. */
type Settlement = "cached" | "uncached" | "unknown";

/** Estimated tokens of the prefix that ends with `block`, counted on from what the match is known to hold. */
export function estimateTokens(
	prefixes: Prefixes,
	block: number,
	known: { match: Match; bytesPerToken: number },
): number {
	const bytes = prefixes.bytes[block] ?? 0;
	const { read, readTokens } = known.match;
	if (read === NONE || block < read) return Math.round(bytes / known.bytesPerToken);
	return Math.round(readTokens + (bytes - (prefixes.bytes[read] ?? 0)) / known.bytesPerToken);
}

/** Order of calls: begin → start, or fail; after start, settle. Each at most once. */
export class AttemptLedger {
	readonly #index: PrefixIndex;
	readonly #scale: TokenScale;

	constructor(index: PrefixIndex, scale: TokenScale) {
		this.#index = index;
		this.#scale = scale;
	}

	/** At dispatch: predicts the read and announces the writes. */
	begin(options: AttemptOptions): Attempt {
		const { prefixes, breakpoints, place, model, minimumTokens, now } = options;
		const [match = NO_MATCH] = this.#index.longest({ prefixes, breakpoints, places: [place], now });
		const known = { match, bytesPerToken: this.#scale.bytesPerToken(model) };
		const cacheable: CacheBreakpoint[] = [];
		const announced: number[] = [];
		for (const mark of breakpoints) {
			const tokens = estimateTokens(prefixes, mark.block, known);
			if (tokens < minimumTokens * MINIMUM_TOLERANCE) continue;
			cacheable.push(mark);
			const expected = { ttl: mark.ttl, tokens, exact: false, requestedAt: now };
			if (this.#index.announce(spotAt(prefixes, mark.block, place), expected, now)) announced.push(mark.block);
		}
		const promptTokens = estimateTokens(prefixes, prefixes.count - 1, known);
		return {
			prefixes,
			breakpoints,
			place,
			model,
			minimumTokens,
			now,
			match,
			promptTokens,
			cacheable,
			announced,
			writesAt: place,
			started: false,
			probabilistic: false,
		};
	}

	/** At the first event (prompt-caching R8). `place` is where the answer came from. */
	start(attempt: Attempt, place: Place, now: number): void {
		if (place !== attempt.writesAt) {
			for (const block of attempt.announced) this.#index.withdraw(spot(attempt, block));
			attempt.writesAt = place;
		}
		attempt.started = true;
		const { prefixes, match } = attempt;
		const known = { match, bytesPerToken: this.#scale.bytesPerToken(attempt.model) };
		if (match.read !== NONE) {
			this.#index.refresh(spot(attempt, match.read), {
				tokens: match.readTokens,
				exact: false,
				requestedAt: attempt.now,
			});
		}
		for (const mark of attempt.cacheable) {
			const tokens = estimateTokens(prefixes, mark.block, known);
			this.#index.confirm(spot(attempt, mark.block), estimated(attempt, mark, tokens), now);
		}
	}

	/** Failed before its first event: what it announced goes. */
	fail(attempt: Attempt): void {
		for (const block of attempt.announced) this.#index.withdraw(spot(attempt, block));
	}

	/** At the end. Without usage the belief stands: an answer cut short was cached all the same (prompt-caching §6). */
	settle(attempt: Attempt, usage: CacheUsage | null, now: number): Settlement {
		const bytes = promptBytes(attempt.prefixes);
		if (usage === null || promptSize(usage) === 0 || bytes === 0) return "unknown";
		this.#scale.observe(attempt.model, bytes, promptSize(usage));
		if (attempt.breakpoints.length === 0) return "unknown";
		if (usage.cacheReadTokens + usage.cacheWriteTokens === 0) {
			this.#forgetBeyond(attempt, 0, 1);
			return "uncached";
		}
		this.#settleWrites(attempt, usage, now);
		return "cached";
	}

	/** Takes back beliefs about what is longer than the provider read, at the place it read from. */
	#forgetBeyond(attempt: Attempt, tokens: number, tokensPerByte: number): void {
		const { prefixes, breakpoints } = attempt;
		for (let block = breakpoints.at(-1)?.block ?? NONE; block >= 0; block -= 1) {
			if ((prefixes.bytes[block] ?? 0) * tokensPerByte <= tokens) return;
			this.#index.forget(spot(attempt, block));
		}
	}

	/** The entry we expected to be read was: it lives on, and if the counts speak of the same prefix its size is known now. */
	#settleRead(attempt: Attempt, read: number): void {
		const { match, now } = attempt;
		const exact = Math.abs(read - match.readTokens) <= match.readTokens * SAME_PREFIX_TOLERANCE;
		const tokens = exact ? read : match.readTokens;
		this.#index.refresh(spot(attempt, match.read), { tokens, exact, requestedAt: now });
	}

	#settleWrites(attempt: Attempt, usage: CacheUsage, now: number): void {
		const { prefixes, breakpoints, match, minimumTokens } = attempt;
		const tokensPerByte = promptSize(usage) / promptBytes(prefixes);
		const read = usage.cacheReadTokens;
		const shortfall = match.readTokens - read;
		const disproved = !attempt.probabilistic && read < match.readTokens * DISPROOF_SHARE && shortfall > minimumTokens;
		if (disproved) this.#forgetBeyond(attempt, read * (1 + READ_TOLERANCE), tokensPerByte);
		else if (match.read !== NONE && read > 0) this.#settleRead(attempt, read);
		for (let at = 0; at < breakpoints.length; at += 1) {
			const mark = breakpoints[at] as CacheBreakpoint;
			const tokens = (prefixes.bytes[mark.block] ?? 0) * tokensPerByte;
			if (at === breakpoints.length - 1) {
				// Input counts only what follows the last breakpoint, so this prefix is known to the token (prompt-caching R10).
				const counted = Math.round(read + usage.cacheWriteTokens);
				const belief = { ttl: mark.ttl, tokens: counted, exact: true, requestedAt: attempt.now };
				this.#index.confirm(spot(attempt, mark.block), belief, now);
			} else if (tokens >= minimumTokens * SETTLED_TOLERANCE) {
				this.#index.confirm(spot(attempt, mark.block), estimated(attempt, mark, tokens), now);
			} else this.#index.forget(spot(attempt, mark.block));
		}
	}
}

function promptBytes(prefixes: Prefixes): number {
	return prefixes.bytes[prefixes.count - 1] ?? 0;
}

function promptSize(usage: CacheUsage): number {
	return usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

function spotAt(prefixes: Prefixes, block: number, place: Place): Spot {
	return { high: prefixes.high[block] ?? 0, low: prefixes.low[block] ?? 0, place };
}

function spot(attempt: Attempt, block: number): Spot {
	return spotAt(attempt.prefixes, block, attempt.writesAt);
}

function estimated(attempt: Attempt, mark: CacheBreakpoint, tokens: number): Belief {
	return { ttl: mark.ttl, tokens: Math.round(tokens), exact: false, requestedAt: attempt.now };
}
