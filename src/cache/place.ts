// Where an entry lives: a cache domain and a variant inside it. Leaves who shares a domain to cache/domain.
import type { ProviderKind } from "../config/schema.ts";
import { cacheModel } from "./semantics.ts";

/** Deployments at equal places read each other's entries. */
export interface Place {
	/** Domain number of cache/domain; any member of a union will do. */
	readonly domain: number;
	/** Hash of all that separates caches inside a domain, see `variantOf`. */
	readonly variant: number;
	/** Whether runs of tool blocks count as one look-back position here. */
	readonly collapseRuns: boolean;
}

/** Of FNV-1a. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const LINE_BREAK = 0x0a;

/** 32-bit hash of a text. Not for secrets; equal on every replica. */
export function hashText(text: string, seed = 0): number {
	let hash = FNV_OFFSET ^ seed;
	for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
	return mixBits(hash);
}

/** 53-bit hash of three texts, as if joined by line breaks. */
export function hashParts(first: string, second: string, third: string): number {
	let high = FNV_OFFSET ^ 1;
	let low = FNV_OFFSET ^ 2;
	for (let part = 0; part < 3; part += 1) {
		const text = part === 0 ? first : part === 1 ? second : third;
		for (let at = 0; at < text.length; at += 1) {
			const code = text.charCodeAt(at);
			high = Math.imul(high ^ code, FNV_PRIME);
			low = Math.imul(low ^ code, FNV_PRIME);
		}
		if (part === 2) break;
		high = Math.imul(high ^ LINE_BREAK, FNV_PRIME);
		low = Math.imul(low ^ LINE_BREAK, FNV_PRIME);
	}
	return (mixBits(high) >>> 0) * 2 ** 21 + (mixBits(low) >>> 11);
}

/** Spreads 32 bits over 32 bits (the finalizer of MurmurHash3). */
export function mixBits(value: number): number {
	let bits = value | 0;
	bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
	bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
	return bits ^ (bits >>> 16);
}

/**
 * The part of a variant that a deployment fixes: the model, as far as it separates caches on this platform, and betas of its own.
 * Two variants fall together once in 2^32: then a prediction is wrong and settlement removes it.
 */
export function modelPart(provider: ProviderKind, upstreamModel: string, ownBetas: string): number {
	return hashText(`${cacheModel(provider, upstreamModel)}\n${ownBetas}`);
}

/** The part of a variant that a request fixes: the client's betas, and `Outline.variant` (prompt-caching §1, §4). */
export function requestPart(betas: string, variant: string): number {
	if (betas === last.betas && variant === last.variant) return last.part;
	last = { betas, variant, part: hashText(`${betas}\n${variant}`, 1) };
	return last.part;
}

/** Most requests are like the one before. */
let last = { betas: "", variant: "", part: hashText("\n", 1) };

/** A variant from its parts, as a number: nothing that a client sends has to be remembered. */
export function variantOf(model: number, request: number): number {
	return mixBits(model ^ request);
}
