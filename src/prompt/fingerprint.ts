// From the spans of a body to the chain of fingerprints, in the provider's order. Leaves finding the spans to prompt/anthropic.
//
// Left out of the chain on purpose, for the caller to keep in the cache's place: the model and the `anthropic-beta` set, inference_geo,
// speed. Never part of it, because the provider does not render it (caching-semantics §4): cache_control, metadata, stream, max_tokens,
// sampling, stop_sequences, safeguards, context_management, service_tier, unknown top-level members.
import type { BodyReader } from "./anthropic.ts";
import { type BlockTable, Flag, Level } from "./blocks.ts";
import type { Hasher } from "./hasher.ts";

/** Separate what would otherwise be the same bytes at another level. No JSON value begins with these. */
const SYSTEM_BEGINS = 0x01;
const MESSAGES_BEGIN = 0x02;
const SEPARATOR = 0x03;
const HAS_IMAGES = 0x04;

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

const IN_PROVIDER_ORDER = [Level.tools, Level.system, Level.messages] as const;

/**
 * The chain of the body that `reader` has read. A block's digest continues the one before it, so it stands for the whole prefix; the
 * rules are those of caching-semantics §6, with what clients vary without meaning to (claude-code-client §3, §5) taken out.
 *
 * - A block of exactly `type: "text"` and `text` is hashed as its string, so it equals the same text sent as a plain string.
 * - The first system block also takes in that the level begins. Before the first message comes what is rendered with the messages:
 *   tool_choice, whether there are images, thinking, output_config's effort and format.
 * - Every message takes in its envelope (role and whatever else stands beside its content), also when it has no block.
 */
export function chainOf(reader: BodyReader, hasher: Hasher): PrefixChain {
	const { blocks } = reader;
	let count = 0;
	for (let block = 0; block < blocks.count; block++) if ((blocks.flags(block) & Flag.leftOut) === 0) count++;
	const chain = emptyChain(count);
	hasher.begin();
	let at = 0;
	let bytes = 0;
	for (const level of IN_PROVIDER_ORDER) {
		let message = -1;
		let isOpen = false;
		const end = reader.end[level];
		for (let block = reader.first[level]; block < end; block++) {
			if ((blocks.flags(block) & Flag.leftOut) !== 0) continue;
			if (!isOpen) beginLevel(level, reader, hasher);
			isOpen = true;
			for (const last = blocks.message(block); message < last; ) absorbEnvelope(++message, reader, hasher);
			absorbBlock(block, blocks, hasher);
			bytes += blocks.text(block);
			chain.high[at] = hasher.high();
			chain.low[at] = hasher.low();
			chain.level[at] = level;
			chain.kind[at] = blocks.kind(block);
			chain.bytes[at] = bytes;
			at++;
		}
	}
	return chain;
}

/** A chain of `count` blocks with nothing in them. */
export function emptyChain(count: number): PrefixChain {
	return {
		count,
		high: new Float64Array(count),
		low: new Float64Array(count),
		level: new Uint8Array(count),
		kind: new Uint8Array(count),
		bytes: new Float64Array(count),
	};
}

/**
 * What tells conversations apart before they have a session: the system prompt and the first user message, without whatever may change
 * later in the conversation (tools, settings, whether there are images). 0 if there is neither.
 */
export function openingKeyOf(reader: BodyReader, hasher: Hasher): number {
	const { blocks, messages } = reader;
	hasher.begin();
	hasher.appendByte(SEPARATOR);
	hasher.absorbPieces();
	let any = false;
	const absorb = (block: number): void => {
		if ((blocks.flags(block) & Flag.leftOut) !== 0) return;
		absorbBlock(block, blocks, hasher);
		any = true;
	};
	for (let block = reader.first[Level.system]; block < reader.end[Level.system]; block++) absorb(block);
	if (messages.firstUser >= 0) {
		for (let block = reader.first[Level.messages]; block < reader.end[Level.messages]; block++) {
			const message = blocks.message(block);
			if (message > messages.firstUser) break;
			if (message === messages.firstUser) absorb(block);
		}
	}
	return any ? hasher.high() : 0;
}

function beginLevel(level: number, reader: BodyReader, hasher: Hasher): void {
	if (level === Level.tools) return;
	if (level === Level.system) hasher.appendByte(SYSTEM_BEGINS);
	else {
		hasher.appendByte(MESSAGES_BEGIN);
		const { settings } = reader;
		for (let at = 0; at < settings.length; at += 2) {
			hasher.append(settings[at] as number, settings[at + 1] as number);
			hasher.appendByte(SEPARATOR);
		}
		if (reader.hasImages) hasher.appendByte(HAS_IMAGES);
	}
	hasher.absorbPieces();
}

function absorbEnvelope(message: number, reader: BodyReader, hasher: Hasher): void {
	const { messages } = reader;
	hasher.append(messages.field(message, 0), messages.field(message, 2));
	hasher.append(messages.field(message, 3), messages.field(message, 4));
	hasher.append(messages.field(message, 5), messages.field(message, 1));
	hasher.absorbPieces();
}

function absorbBlock(block: number, blocks: BlockTable, hasher: Hasher): void {
	const firstCut = blocks.firstCut(block);
	const endCut = blocks.endCut(block);
	if (firstCut === endCut) {
		hasher.absorb(blocks.start(block), blocks.end(block));
		return;
	}
	let from = blocks.start(block);
	for (let cut = firstCut; cut < endCut; cut++) {
		hasher.append(from, blocks.cutFrom(cut));
		from = blocks.cutTo(cut);
	}
	hasher.append(from, blocks.end(block));
	hasher.absorbPieces();
}
