// What the gateway knows of a request without parsing it into objects. Leaves byte scanning to prompt/scan and what counts as a block to the dialect file.

/** Byte range in the request body, end exclusive. */
export interface Span {
	readonly start: number;
	readonly end: number;
}

/** Cache lifetime of a breakpoint. */
export type Ttl = "5m" | "1h";

/** Level of a block in the provider's render order (caching-semantics R1). */
export const Level = { tools: 0, system: 1, messages: 2 } as const;

/** What matters of a block's type for the look-back: runs of tool_use, or of tool_result, count as one position (R5). */
export const Kind = { other: 0, toolUse: 1, toolResult: 2 } as const;

/** A block that carries `cache_control`, or the automatic one of a top-level `cache_control` (R2, R3). */
export interface Breakpoint {
	/** Index into the chain's blocks. */
	readonly block: number;
	readonly ttl: Ttl;
}

/**
 * All blocks of a prompt in the provider's order (tools, system, messages), as parallel arrays of length `count`.
 * Entry i describes the prefix that ends with block i. Deferred tools and the billing block are not in it.
 */
export interface PrefixChain {
	readonly count: number;
	/** Two 52-bit integers per prefix: together its fingerprint. Chained, so equal fingerprints mean equal whole prefixes. */
	readonly high: Float64Array;
	readonly low: Float64Array;
	/** `Level` of block i. */
	readonly level: Uint8Array;
	/** `Kind` of block i. */
	readonly kind: Uint8Array;
	/** Bytes of prompt text up to and including block i; an image counts as a fixed equivalent. Divide by bytes-per-token for tokens. */
	readonly bytes: Float64Array;
}

/** One request's outline. Offsets refer to the body that was scanned. */
export interface Outline {
	/** `model` as the client sent it, JSON escapes resolved. */
	readonly model: string;
	/** The value of `model` in the body, quotes included. */
	readonly modelSpan: Span;
	readonly stream: boolean;
	readonly maxTokens: number | null;
	/** `metadata.user_id`, raw, or null. */
	readonly userId: string | null;
	readonly chain: PrefixChain;
	/** In order of `block`; at most 4 (more is the provider's 400, not ours). Empty = the request caches nothing. */
	readonly breakpoints: readonly Breakpoint[];
	/** Fingerprint (high) of system + first user message: what rendezvous hashing uses where there is no session. 0 if there is none. */
	readonly openingKey: number;
	/** `inference_geo` + `speed`, as they separate caches; "" when neither is sent. */
	readonly variant: string;
}
