// From the spans of a body to the chain of fingerprints, in the provider's order. Leaves finding the spans to prompt/anthropic.
//
// Left out of the chain on purpose, for the caller to keep in the cache's place: the model and the `anthropic-beta` set, inference_geo,
// speed. Never part of it, because the provider does not render it (prompt-caching §4): cache_control, metadata, stream, max_tokens,
// sampling, stop_sequences, safeguards, context_management, service_tier, unknown top-level members.
import type { BodyReader } from "./anthropic.ts";
import { type BlockTable, Flag, Level } from "./blocks.ts";
import { copyChain, emptyChain, type HashNotes, type PrefixChain } from "./chain.ts";
import type { Hasher } from "./hasher.ts";

/** Separate what would otherwise be the same bytes at another level. No JSON value begins with these. */
const SYSTEM_BEGINS = 0x01;
const MESSAGES_BEGIN = 0x02;
const SEPARATOR = 0x03;
const HAS_IMAGES = 0x04;

const IN_PROVIDER_ORDER = [Level.tools, Level.system, Level.messages] as const;

/**
 * The chain of the body that `reader` has read. A block's digest continues the one before it, so it stands for the whole prefix; the
 * rules are those of prompt-caching §6, with what clients vary without meaning to (claude-code §3, §5) taken out.
 *
 * - A block of exactly `type: "text"` and `text` is hashed as its string, so it equals the same text sent as a plain string.
 * - The first system block also takes in that the level begins. Before the first message comes what is rendered with the messages:
 *   tool_choice, whether there are images, thinking, output_config's effort and format.
 * - Every message takes in its envelope (role and whatever else stands beside its content), also when it has no block.
 *
 * Messages that the reader took over are not hashed again if what comes before them is the same; `notes`, which is then needed, gets
 * what the next body can go on from.
 */
export function chainOf(reader: BodyReader, hasher: Hasher, notes: HashNotes | null = null): PrefixChain {
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
		const first = reader.first[level];
		const end = reader.end[level];
		const noted = level === Level.messages ? notes : null;
		for (let block = first; block < end; block++) {
			if ((blocks.flags(block) & Flag.leftOut) !== 0) continue;
			if (!isOpen) {
				beginLevel(level, reader, hasher);
				isOpen = true;
				noted?.beginMessages(hasher, { blocks: at, bytes, count: end - first });
				const known = noted === null ? 0 : takeOver(reader, hasher, { chain, notes: noted });
				if (known > 0) {
					at += known;
					bytes = chain.bytes[at - 1] as number;
					block += known - 1;
					message = blocks.message(block);
					continue;
				}
			}
			for (const last = blocks.message(block); message < last; ) absorbEnvelope(++message, reader, hasher);
			absorbBlock(block, blocks, hasher);
			noted?.note(block - first, hasher);
			bytes += blocks.text(block);
			chain.high[at] = hasher.high();
			chain.low[at] = hasher.low();
			chain.level[at] = level;
			chain.kind[at] = blocks.kind(block);
			chain.message[at] = blocks.message(block);
			chain.bytes[at] = bytes;
			at++;
		}
	}
	return chain;
}

/** Before the first block of the messages: goes on behind those that the reader took over. Answers how many they are; 0 = none. */
function takeOver(reader: BodyReader, hasher: Hasher, made: { chain: PrefixChain; notes: HashNotes }): number {
	const { reused } = reader;
	if (reused === null) return 0;
	const { chain, notes } = made;
	const count = reused.blocks - reader.first[Level.messages];
	if (!notes.continueFrom(reused.snapshot.notes, count, hasher)) {
		hasher.fillGap();
		return 0;
	}
	const from = notes.blocksBefore;
	copyChain(chain, reused.snapshot.chain, { from, to: from + count });
	return count;
}

/**
 * What tells conversations apart before they have a session: the system prompt and the first user message, without whatever may change
 * later in the conversation (tools, settings, whether there are images). 0 if there is neither.
 */
export function openingKeyOf(reader: BodyReader, hasher: Hasher, notes: HashNotes | null = null): number {
	const { blocks, messages, reused } = reader;
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
	if (notes !== null) hasher.copyDigests(notes.beforeUser, 0);
	if (reused !== null && notes !== null && messages.firstUser >= 0 && messages.firstUser < reused.messages) {
		const earlier = reused.snapshot.notes;
		if (notes.isOpenedLike(earlier)) {
			notes.openingKey = earlier.openingKey;
			return notes.openingKey;
		}
		hasher.fillGap();
	}
	if (messages.firstUser >= 0) {
		for (let block = reader.first[Level.messages]; block < reader.end[Level.messages]; block++) {
			const message = blocks.message(block);
			if (message > messages.firstUser) break;
			if (message === messages.firstUser) absorb(block);
		}
	}
	const key = any ? hasher.high() : 0;
	if (notes !== null) notes.openingKey = key;
	return key;
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
		if (reader.firstImage >= 0) hasher.appendByte(HAS_IMAGES);
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
