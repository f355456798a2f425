// What the gateway knows of a request without parsing it into objects. Leaves byte scanning to prompt/scan and what counts as a block to the dialect file.
import type { BodyMembers, History, Member } from "../protocol/members.ts";
import { BodyReader, Envelope, Setting } from "./anthropic.ts";
import { Kind, Level } from "./blocks.ts";
import type { BodyMemory } from "./body-memory.ts";
import { type Breakpoint, breakpointsOf } from "./breakpoints.ts";
import { emptyChain, HashNotes, type PrefixChain } from "./chain.ts";
import { chainOf, openingKeyOf } from "./fingerprint.ts";
import { Hasher, type HashSeed } from "./hasher.ts";
import { Kernel } from "./kernel.ts";
import { type MemoryLimits, PromptMemory } from "./memory.ts";
import { Snapshot } from "./snapshot.ts";

export type { BodyMembers, Breakpoint, HashSeed, Member, MemoryLimits, PrefixChain };
export { Kind, Level };

/** One request's outline. Offsets refer to the body that was scanned. */
export interface Outline {
	/** What the client asked for: from the URL where its format says it there, else the body's `model`, JSON escapes resolved. */
	readonly model: string;
	/** Where the members stand that another platform's format has not, or has elsewhere. */
	readonly members: BodyMembers;
	/** What of the messages a model may refuse because another server said it. */
	readonly history: History;
	readonly stream: boolean;
	/** The body's `anthropic_beta`, in order (Bedrock and Vertex); none where betas come in a header. */
	readonly bodyBetas: readonly string[];
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
	/** What of the request shapes the messages' rendering without being part of them: a change loses their cache (prompt-caching §4). */
	readonly settings: SettingHashes;
}

/** 32-bit hashes of the raw values, to tell which of them changed between two turns; 0 = not sent. */
export interface SettingHashes {
	readonly toolChoice: number;
	readonly thinking: number;
	readonly effort: number;
	readonly format: number;
	/** 1 = the prompt holds an image. */
	readonly images: number;
}

export const NO_SETTINGS: SettingHashes = Object.freeze({
	toolChoice: 0,
	thinking: 0,
	effort: 0,
	format: 0,
	images: 0,
});

export const NO_HISTORY: History = Object.freeze({ last: null, isOdd: false });

/** What `outline` needs besides the body. */
export interface OutlineOptions {
	readonly hasher: PromptHasher;
	/** Deepest nesting of containers that is accepted; the body itself is the first. Default 200. */
	readonly maxDepth?: number;
	/** Whose next prompt this is. With it, what the conversation's last body already held is not read again; `head` has no use for it. */
	readonly memory?: ConversationMemory | undefined;
	/** What the URL says, in formats where it does (Bedrock, Vertex). It wins over the body, which need not name the model then. */
	readonly given?: Given | undefined;
}

export interface Given {
	readonly model?: string;
	readonly stream?: boolean;
}

export interface ConversationMemory {
	/** Must tell callers apart, and should tell apart what grows on its own: a session's main loop and its agents. */
	readonly key: string;
	/** Milliseconds of a clock that always is the same one. */
	readonly now: number;
	/** How the body was read, if into memory that the conversation keeps. */
	readonly kept?: KeptBody | null;
}

/** A body in memory that is used again for the conversation's next one, once `memory.isFree`. */
interface KeptBody {
	readonly memory: BodyMemory;
	/** The conversation's last body, which this one was read over, and how many bytes they have in common; null = there was none. */
	readonly reused: { readonly snapshot: Snapshot; readonly equal: number } | null;
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
 * mark; `body_too_deep`; and, if it is JSON, `invalid_field` when it is no object, `model` is no non-empty string and not given, `messages` is no
 * array, or a top-level member, or one that we read, occurs twice in its object (routing-model §2: which the upstream takes is not certain).
 */
export function outline(body: Buffer, options: OutlineOptions): Outline {
	const { hasher, reader, memory, notes } = options.hasher;
	const conversation = body.length < memory.limits.minBodyBytes ? undefined : options.memory;
	const kept = conversation?.kept ?? null;
	const reused = kept?.reused ?? null;
	const earlier =
		reused?.snapshot ?? (conversation === undefined ? null : memory.recall(conversation.key, conversation.now));
	const isModelGiven = options.given?.model !== undefined;
	reader.read(body, options.maxDepth ?? DEFAULT_MAX_DEPTH, { earlier, equal: reused?.equal ?? null, isModelGiven });
	const noted = conversation === undefined ? null : notes;
	const chain = chainOf(reader, hasher, noted);
	const openingKey = openingKeyOf(reader, hasher, noted);
	if (conversation !== undefined) {
		const snapshot = earlier ?? new Snapshot();
		// Forgotten while it is neither the last body's nor this one's.
		memory.forget(conversation.key);
		if (snapshot.take(reader, kept?.memory ?? null, { chain, notes }))
			memory.keep(conversation.key, snapshot, conversation.now);
	}
	return outlineOf(reader, options.given, { chain, breakpoints: breakpointsOf(reader), openingKey });
}

/**
 * The outline without its prompt (no blocks, no breakpoints, no opening key), for requests that are routed without affinity, such as
 * count_tokens (routing-model §5.9). Throws as `outline` does; hashes nothing.
 */
export function head(body: Buffer, options: OutlineOptions): Outline {
	const { reader } = options.hasher;
	const { given } = options;
	reader.read(body, options.maxDepth ?? DEFAULT_MAX_DEPTH, { earlier: null, isModelGiven: given?.model !== undefined });
	return outlineOf(reader, given, { chain: emptyChain(0), breakpoints: [], openingKey: 0 });
}

function outlineOf(
	reader: BodyReader,
	given: Given | undefined,
	{ chain, breakpoints, openingKey }: Pick<Outline, "chain" | "breakpoints" | "openingKey">,
): Outline {
	return {
		model: given?.model ?? reader.model,
		members: {
			model: memberAt(reader, Envelope.model),
			stream: memberAt(reader, Envelope.stream),
			anthropicVersion: memberAt(reader, Envelope.anthropicVersion),
			anthropicBeta: memberAt(reader, Envelope.anthropicBeta),
			all: reader.topLevel.slice(),
		},
		history: { last: reader.lastMessage, isOdd: reader.firstOdd >= 0 },
		stream: given?.stream ?? reader.stream,
		bodyBetas: reader.betas,
		maxTokens: reader.maxTokens,
		userId: reader.userId,
		chain,
		breakpoints,
		openingKey,
		variant: variantOf(reader),
		settings: settingsOf(reader),
	};
}

function memberAt({ places }: BodyReader, member: number): Member | null {
	const keyStart = places[member] as number;
	if (keyStart < 0) return null;
	return { keyStart, start: places[member + 1] as number, end: places[member + 2] as number };
}

/** Bounded, because it becomes part of keys. */
function variantOf(reader: BodyReader): string {
	if (reader.inferenceGeo === null && reader.speed === null) return "";
	const parts: string[] = [];
	if (reader.inferenceGeo !== null) parts.push(`geo=${reader.inferenceGeo.slice(0, 64)}`);
	if (reader.speed !== null) parts.push(`speed=${reader.speed.slice(0, 64)}`);
	return parts.join(";");
}

function settingsOf(reader: BodyReader): SettingHashes {
	return {
		toolChoice: settingHash(reader, Setting.toolChoice),
		thinking: settingHash(reader, Setting.thinking),
		effort: settingHash(reader, Setting.effort),
		format: settingHash(reader, Setting.format),
		images: reader.firstImage >= 0 ? 1 : 0,
	};
}

/** FNV-1a: compared within one conversation only, and never trusted with more than a reason. */
function settingHash({ body, settings }: BodyReader, setting: number): number {
	const from = settings[setting * 2] as number;
	const to = settings[setting * 2 + 1] as number;
	if (from === to) return 0;
	let hash = 0x811c9dc5;
	for (let at = from; at < to; at++) hash = Math.imul(hash ^ (body[at] as number), 0x01000193);
	return hash >>> 0 || 1;
}
