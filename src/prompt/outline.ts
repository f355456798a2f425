// What the gateway knows of a request without parsing it into objects. Leaves byte scanning to prompt/scan and what counts as a block to the dialect file.
import { BodyReader } from "./anthropic.ts";
import { Kind, Level } from "./blocks.ts";
import { type Breakpoint, breakpointsOf, type Ttl } from "./breakpoints.ts";
import { emptyChain, HashNotes, type PrefixChain } from "./chain.ts";
import { chainOf, openingKeyOf } from "./fingerprint.ts";
import { Hasher, type HashSeed } from "./hasher.ts";
import { Kernel } from "./kernel.ts";
import { type MemoryLimits, PromptMemory } from "./memory.ts";
import { Snapshot } from "./snapshot.ts";

export type { Breakpoint, HashSeed, MemoryLimits, PrefixChain, Ttl };
export { Kind, Level };

/** Byte range in the request body, end exclusive. */
export interface Span {
	readonly start: number;
	readonly end: number;
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
	/** In order of `block`, one a block. More than 4 are kept (the provider answers 400); empty = the request caches nothing. */
	readonly breakpoints: readonly Breakpoint[];
	/** Fingerprint (high) of system + first user message: what rendezvous hashing uses where there is no session. 0 if there is none. */
	readonly openingKey: number;
	/** `inference_geo` + `speed`, as they separate caches; "" when neither is sent. */
	readonly variant: string;
}

/** What `outline` needs besides the body. */
export interface OutlineOptions {
	readonly hasher: PromptHasher;
	/** Deepest nesting of containers that is accepted; the body itself is the first. Default 200. */
	readonly maxDepth?: number;
	/** Whose next prompt this is. With it, what the conversation's last body already held is not read again; `head` has no use for it. */
	readonly memory?: ConversationMemory | undefined;
}

export interface ConversationMemory {
	/** Must tell callers apart, and should tell apart what grows on its own: a session's main loop and its agents. */
	readonly key: string;
	/** Milliseconds of a clock that always is the same one. */
	readonly now: number;
}

/** `warmpath.limits.max_json_depth`'s default. */
const DEFAULT_MAX_DEPTH = 200;

/**
 * The installation's hash seed, and memory that is reused from body to body. One serves a whole process, as `outline` is synchronous.
 * Fingerprints are comparable only under the same seed: replicas that share what they know of caches share it too.
 */
export interface PromptHasher {
	readonly hasher: Hasher;
	readonly reader: BodyReader;
	/** The last bodies of conversations, for those who name theirs. */
	readonly memory: PromptMemory;
	readonly notes: HashNotes;
}

export async function createHasher(seed: HashSeed, memory: Partial<MemoryLimits> = {}): Promise<PromptHasher> {
	const kernel = new Kernel();
	return {
		hasher: new Hasher(kernel, seed),
		reader: new BodyReader(kernel),
		memory: new PromptMemory(memory),
		notes: new HashNotes(),
	};
}

/**
 * Outline of a Messages API body. The body is not changed. It is kept for the conversation's next one if `memory` is given and it is
 * worth it, and must then not be changed by anyone; the outline is the same with and without.
 *
 * Throws GatewayError: `invalid_json` for exactly what `JSON.parse` refuses and for bytes that are not UTF-8 or begin with a byte order
 * mark; `body_too_deep`; and, if it is JSON, `invalid_field` when it is no object, `model` is no non-empty string, `messages` is no
 * array, or a member that we read occurs twice in its object (design §5: which of the two the upstream takes is not certain).
 */
export function outline(body: Buffer, options: OutlineOptions): Outline {
	const { hasher, reader, memory, notes } = options.hasher;
	const conversation = body.length < memory.limits.minBodyBytes ? undefined : options.memory;
	const earlier = conversation === undefined ? null : memory.recall(conversation.key, conversation.now);
	reader.read(body, options.maxDepth ?? DEFAULT_MAX_DEPTH, earlier);
	const noted = conversation === undefined ? null : notes;
	const chain = chainOf(reader, hasher, noted);
	const openingKey = openingKeyOf(reader, hasher, noted);
	if (conversation !== undefined) {
		const snapshot = earlier ?? new Snapshot();
		// Forgotten while it is neither the last body's nor this one's.
		memory.forget(conversation.key);
		if (snapshot.take(reader, chain, notes)) memory.keep(conversation.key, snapshot, conversation.now);
	}
	return { ...headOf(reader), chain, breakpoints: breakpointsOf(reader), openingKey, variant: variantOf(reader) };
}

/**
 * The outline without its prompt (no blocks, no breakpoints, no opening key), for requests that are routed without affinity, such as
 * count_tokens (design §7.9). Throws as `outline` does; hashes nothing.
 */
export function head(body: Buffer, options: OutlineOptions): Outline {
	const { reader } = options.hasher;
	reader.read(body, options.maxDepth ?? DEFAULT_MAX_DEPTH);
	return { ...headOf(reader), chain: emptyChain(0), breakpoints: [], openingKey: 0, variant: variantOf(reader) };
}

function headOf(reader: BodyReader): Pick<Outline, "model" | "modelSpan" | "stream" | "maxTokens" | "userId"> {
	return {
		model: reader.model,
		modelSpan: { start: reader.modelStart, end: reader.modelEnd },
		stream: reader.stream,
		maxTokens: reader.maxTokens,
		userId: reader.userId,
	};
}

/** Bounded, because it becomes part of keys. */
function variantOf(reader: BodyReader): string {
	const parts: string[] = [];
	if (reader.inferenceGeo !== null) parts.push(`geo=${reader.inferenceGeo.slice(0, 64)}`);
	if (reader.speed !== null) parts.push(`speed=${reader.speed.slice(0, 64)}`);
	return parts.join(";");
}
