// Caches that need no markers (OpenAI, Gemini, vLLM, SGLang): which prefixes to remember, for how long, and how to read their usage. Leaves what is
// believed of them to cache/index.
import type { CacheUsage } from "./attempt.ts";
import { type CacheBreakpoint, MESSAGES_LEVEL, type Prefixes } from "./index.ts";
import { DEFAULT_MINIMUM_TOKENS, type Ttl } from "./semantics.ts";

/** How a server without markers caches. */
export interface ImplicitRules {
	/** How long a prefix is believed to live without use. */
	readonly ttl: Ttl;
	/** Shorter prefixes are not cached. */
	readonly minimumTokens: number;
}

/** OpenAI and Azure: from 1,024 tokens, five to ten minutes in memory, longer for newer models (providers §6). */
const HOSTED: ImplicitRules = { ttl: "5m", minimumTokens: DEFAULT_MINIMUM_TOKENS };
/** Gemini's OpenAI-compatible API: from 1,024 to 4,096 tokens by model (providers §6), so from 4,096 for sure; minutes. */
const GEMINI: ImplicitRules = { ttl: "5m", minimumTokens: 4_096 };
/** Self-hosted: blocks of 16 tokens and more, kept until the memory is needed. Below some dozen tokens nothing is worth following. */
const SELF_HOSTED: ImplicitRules = { ttl: "1h", minimumTokens: 64 };

const HOSTED_HOST = /^https?:\/\/[^/]*(openai\.com|openai\.azure\.com)(:\d+)?(\/|$)/;

const GEMINI_HOST = /^https?:\/\/[^/]*\.googleapis\.com(:\d+)?(\/|$)/;

/** Rules of an OpenAI-compatible server at `apiBase`; null = OpenAI itself. */
export function implicitRules(apiBase: string | null): ImplicitRules {
	if (apiBase === null || HOSTED_HOST.test(apiBase)) return HOSTED;
	return GEMINI_HOST.test(apiBase) ? GEMINI : SELF_HOSTED;
}

/** Blocks at a prompt's end that are remembered: more than a turn adds, so that the next one finds where this one ended. */
const TAIL_BLOCKS = 64;

const known: Readonly<Record<Ttl, WeakMap<Prefixes, readonly CacheBreakpoint[]>>> = {
	"5m": new WeakMap(),
	"1h": new WeakMap(),
};

/**
 * A prompt's prefixes as if each were marked: the ends of tools and of system, which conversations share, and its last blocks. The same
 * list for the same prompt.
 */
export function implicitBreakpoints(prefixes: Prefixes, ttl: Ttl): readonly CacheBreakpoint[] {
	const before = known[ttl].get(prefixes);
	if (before !== undefined) return before;
	const list = breakpointsOf(prefixes, ttl);
	known[ttl].set(prefixes, list);
	return list;
}

function breakpointsOf({ count, level }: Prefixes, ttl: Ttl): readonly CacheBreakpoint[] {
	const found: CacheBreakpoint[] = [];
	for (let block = 0; block < count; block += 1) {
		const isHeadsEnd = level[block] !== MESSAGES_LEVEL && (block + 1 === count || level[block + 1] !== level[block]);
		if (isHeadsEnd || block >= count - TAIL_BLOCKS) found.push({ block, ttl });
	}
	return found;
}

/**
 * What an answer says of a cache without markers: all that was not read is written. Many servers do not say what they read; until one has
 * (`reports`), nothing is concluded from a zero, and what was predicted stands.
 */
export function implicitUsage(
	usage: CacheUsage,
	about: { readonly reports: boolean; readonly predictedReadTokens: number },
): CacheUsage {
	const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
	const read = about.reports ? usage.cacheReadTokens : Math.min(prompt, Math.round(about.predictedReadTokens));
	return { inputTokens: 0, cacheReadTokens: read, cacheWriteTokens: prompt - read };
}
