// What is a block of the Messages API, and what is left out of it: one content, system or tools value at a time. Leaves the body around
// it to prompt/anthropic and hashing to prompt/fingerprint.
import { BlockTable, Flag, Kind, Level, Mark, type NewBlock } from "./blocks.ts";
import { Cutter } from "./cutter.ts";
import { type MemberReader, scope } from "./members.ts";
import type { Scanner } from "./scan.ts";
import { UNKNOWN, Word } from "./words.ts";

/** Prompt bytes that an image counts as: it costs at most about 1,600 tokens, of about four bytes each. */
const IMAGE_BYTES = 6400;

/**
 * Prompt bytes that one base64 character of a document counts as. A PDF page is about 50 KB and 2,500 tokens, so 20 raw bytes make a
 * token of four prompt bytes, and a character is 0.75 raw bytes. Rough on purpose; reported usage corrects it.
 */
const DOCUMENT_BYTES_PER_CHARACTER = (0.75 / 20) * 4;

/** Claude Code's volatile first system block; api.anthropic.com does not count it as prompt (claude-code §5). */
const BILLING_PREFIX = Buffer.from("x-anthropic-billing-header:");

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
/** First letters of literals. */
const LETTER_N = 0x6e;
const LETTER_T = 0x74;

const OF_BLOCK =
	scope(Word.type, Word.text, Word.content, Word.source, Word.cache_control, Word.defer_loading) |
	scope(Word.id, Word.tool_use_id, Word.signature);
const OF_INNER = scope(Word.type, Word.text, Word.source, Word.cache_control);
const OF_SOURCE = scope(Word.type, Word.data);

/** Positions in the body, end exclusive. */
export interface ByteRange {
	readonly start: number;
	readonly end: number;
}

/** Where a block belongs. */
export interface BlockPlace {
	readonly level: number;
	/** Index of its message; -1 at the other levels. */
	readonly message: number;
}

/** Reads blocks into a table. Lenient: what is no block becomes an opaque one, for the upstream to refuse. */
export class BlockReader {
	readonly blocks = new BlockTable();
	/** First message with an image, also in a tool result, or -1: adding the first one changes how all are rendered (prompt-caching §4). */
	firstImage = -1;

	/** First message with what no Claude said or takes, or -1: a hint, for whoever repairs it looks himself. */
	firstOdd = -1;

	private members: MemberReader;
	private scan: Scanner;
	private readonly element = new Element();
	private readonly cuts = new Cutter(this.blocks);
	private readonly innerCuts = new Cutter(this.blocks);
	/** The block being added. One object for all, because a body may hold thousands. */
	private readonly block: NewBlock = {
		start: 0,
		end: 0,
		firstCut: 0,
		kind: Kind.other,
		mark: Mark.none,
		flags: 0,
		message: -1,
		textBytes: 0,
	};

	constructor(members: MemberReader) {
		this.members = members;
		this.scan = members.scan;
	}

	/** Another body begins. */
	begin(members: MemberReader): void {
		this.members = members;
		this.scan = members.scan;
		this.blocks.reset();
		this.firstImage = -1;
		this.firstOdd = -1;
	}

	/** A string, which is one text block, or an array of blocks; `depth` containers are open around it. */
	content(at: BlockPlace, depth: number): void {
		const { scan } = this;
		const start = scan.pos;
		const byte = scan.peek();
		if (byte === OPEN_ARRAY) {
			if (!scan.openArray(depth + 1)) return;
			do this.readElement(at, depth + 1);
			while (scan.nextElement());
		} else if (byte === QUOTE) {
			scan.string();
			this.addText({ start, end: scan.pos }, at, Mark.none);
		} else {
			scan.skip(depth);
			if (byte !== LETTER_N) this.addOpaque({ start, end: scan.pos }, at);
		}
	}

	/** Adds a text block that was sent as a plain string, quotes included. */
	addText(literal: ByteRange, at: BlockPlace, mark: number): void {
		const { block } = this;
		block.mark = mark;
		block.flags = literal.end - literal.start === 2 ? Flag.unmarkable : 0;
		block.textBytes = literal.end - literal.start - 2;
		if (isBlank(this.scan.text, literal.start + 1, literal.end - 1)) this.noteOdd(at);
		this.addUncut(literal, at);
	}

	/** Adds what stands where a block should. All we know of it are its bytes. */
	private addOpaque(value: ByteRange, at: BlockPlace): void {
		const { block } = this;
		block.mark = Mark.none;
		block.flags = Flag.unmarkable;
		block.textBytes = value.end - value.start;
		this.addUncut(value, at);
	}

	private addUncut({ start, end }: ByteRange, at: BlockPlace): void {
		const { blocks, block } = this;
		block.start = start;
		block.end = end;
		block.firstCut = blocks.cutCount;
		block.kind = Kind.other;
		block.message = at.message;
		blocks.add(block);
	}

	/** One element of tools, system or content. */
	private readElement(at: BlockPlace, depth: number): void {
		const { scan, members, blocks, element, cuts } = this;
		const start = scan.pos;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(depth);
			this.addOpaque({ start, end: scan.pos }, at);
			return;
		}
		const firstCut = blocks.cutCount;
		element.reset();
		if (scan.openObject(depth + 1)) {
			let seen = 0;
			cuts.begin();
			do {
				const word = members.member(OF_BLOCK, seen);
				seen |= 1 << word;
				const isRemoved = word === Word.cache_control;
				cuts.before(scan.keyStart, isRemoved);
				if (isRemoved) element.mark = members.marker(depth + 1);
				else this.elementMember(word, depth + 1);
				cuts.after(scan.pos, isRemoved);
				element.kept += isRemoved ? 0 : 1;
			} while (scan.nextMember());
			cuts.finish();
		}
		const hasImage = at.level === Level.messages && (element.image || element.type === Word.image);
		if (hasImage && this.firstImage < 0) this.firstImage = at.message;
		if (at.level === Level.messages && isOdd(element)) this.noteOdd(at);
		this.addElement(start, firstCut, at);
	}

	private noteOdd({ level, message }: BlockPlace): void {
		if (level === Level.messages && this.firstOdd < 0) this.firstOdd = message;
	}

	private elementMember(word: number, depth: number): void {
		const { scan, members, element } = this;
		const byte = scan.peek();
		if (word === Word.type) element.type = members.word(depth);
		else if (word === Word.text && byte === QUOTE) {
			element.textStart = scan.pos;
			scan.string();
			element.textEnd = scan.pos;
			if (isBlank(scan.text, scan.from, scan.to)) element.isBlank = true;
		} else if (word === Word.content && byte === OPEN_ARRAY) this.innerList(depth + 1);
		else if (word === Word.source && byte === OPEN_OBJECT) element.base64 = this.base64(depth + 1);
		else if (word >= Word.id && byte === QUOTE) this.origin(word);
		else {
			scan.skip(depth);
			if (word === Word.defer_loading) element.isDeferred = byte === LETTER_T;
		}
	}

	/** An id or a signature, by which what Claude said is distinguished from what others did. */
	private origin(word: number): void {
		const { scan, element } = this;
		scan.string();
		if (word === Word.signature) element.isForeign = isForeignSignature(scan.text, scan.from, scan.to);
		else element.isId = isClaudesId(scan.text, scan.from, scan.to);
	}

	/** Adds the element just read. */
	private addElement(elementStart: number, firstCut: number, at: BlockPlace): void {
		const { blocks, block, element, scan } = this;
		const isText = element.type === Word.text && element.textStart >= 0;
		const isBilling =
			isText && at.level === Level.system && startsWith(scan.text, element.textStart + 1, BILLING_PREFIX);
		const isPlain = isText && element.kept === 2;
		const start = isPlain ? element.textStart : elementStart;
		const end = isPlain ? element.textEnd : scan.pos;
		if (isPlain) blocks.cutCount = firstCut;
		let textBytes = isPlain ? end - start - 2 : end - start;
		for (let cut = firstCut; cut < blocks.cutCount; cut++) textBytes -= blocks.cutTo(cut) - blocks.cutFrom(cut);
		const isThinking = element.type === Word.thinking || element.type === Word.redacted_thinking;
		const isEmpty = isText && element.textEnd - element.textStart === 2;
		const isLeftOut = isBilling || (at.level === Level.tools && element.isDeferred);
		block.start = start;
		block.end = end;
		block.firstCut = firstCut;
		block.kind = at.level === Level.messages ? kindOf(element.type) : Kind.other;
		block.mark = element.mark === Mark.none ? element.lifted : element.mark;
		block.flags = (isLeftOut ? Flag.leftOut : 0) | (isThinking || isEmpty ? Flag.unmarkable : 0);
		block.message = at.message;
		block.textBytes = textBytes + element.mediaBytes + mediaBytes(element.type, element.base64);
		blocks.add(block);
	}

	/** The array inside a block, such as a tool result's content. A marker on its last element is lifted to the block (prompt-caching R11). */
	private innerList(depth: number): void {
		const { scan, element } = this;
		if (!scan.openArray(depth)) return;
		do element.lifted = this.inner(depth);
		while (scan.nextElement());
	}

	/** One element of that array. Answers its mark. */
	private inner(depth: number): number {
		const { scan, members, element, innerCuts } = this;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(depth);
			return Mark.none;
		}
		let mark: number = Mark.none;
		if (!scan.openObject(depth + 1)) return mark;
		let type: number = UNKNOWN;
		let base64 = 0;
		let seen = 0;
		innerCuts.begin();
		do {
			const word = members.member(OF_INNER, seen);
			seen |= 1 << word;
			const isRemoved = word === Word.cache_control;
			innerCuts.before(scan.keyStart, isRemoved);
			if (isRemoved) mark = members.marker(depth + 1);
			else if (word === Word.type) type = members.word(depth + 1);
			else if (word === Word.source && scan.peek() === OPEN_OBJECT) base64 = this.base64(depth + 2);
			else if (word === Word.text && scan.peek() === QUOTE) {
				scan.string();
				if (isBlank(scan.text, scan.from, scan.to)) element.isBlank = true;
			} else scan.skip(depth + 1);
			innerCuts.after(scan.pos, isRemoved);
		} while (scan.nextMember());
		innerCuts.finish();
		if (type === Word.image) element.image = true;
		element.mediaBytes += mediaBytes(type, base64);
		return mark;
	}

	/** A `source` object, the `depth`th container. Answers the length of its base64 data, 0 if it has none. */
	private base64(depth: number): number {
		const { scan, members } = this;
		if (!scan.openObject(depth)) return 0;
		let isBase64 = false;
		let length = 0;
		let seen = 0;
		do {
			const word = members.member(OF_SOURCE, seen);
			seen |= 1 << word;
			if (word === Word.type) isBase64 = members.word(depth) === Word.base64;
			else {
				const isData = word === Word.data && scan.peek() === QUOTE;
				scan.skip(depth);
				if (isData) length = scan.to - scan.from;
			}
		} while (scan.nextMember());
		return isBase64 ? length : 0;
	}
}

/** What is known of the element being read. */
class Element {
	type: number = UNKNOWN;
	/** The string of its `text`, quotes included. */
	textStart = -1;
	textEnd = -1;
	/** Members other than the marker. */
	kept = 0;
	mark: number = Mark.none;
	/** Mark of the last element of its inner array. */
	lifted: number = Mark.none;
	isDeferred = false;
	/** It is an image, or holds one. */
	image = false;
	/** Length of its own base64 data. */
	base64 = 0;
	/** Its id is one that Claude gives. */
	isId = true;
	/** It has no signature of Claude's. */
	isForeign = true;
	/** It holds a text of white space alone. */
	isBlank = false;
	/** What the media of its inner array add to its bytes, or take away. */
	mediaBytes = 0;

	reset(): void {
		this.type = UNKNOWN;
		this.textStart = -1;
		this.textEnd = -1;
		this.kept = 0;
		this.mark = Mark.none;
		this.lifted = Mark.none;
		this.isDeferred = false;
		this.image = false;
		this.base64 = 0;
		this.isId = true;
		this.isForeign = true;
		this.isBlank = false;
		this.mediaBytes = 0;
	}
}

function kindOf(type: number): number {
	if (type === Word.tool_use) return Kind.toolUse;
	return type === Word.tool_result ? Kind.toolResult : Kind.other;
}

/** What to add to a block's JSON length so that its media count as what they cost. */
function mediaBytes(type: number, base64: number): number {
	if (type === Word.image) return IMAGE_BYTES - base64;
	return type === Word.document ? base64 * (DOCUMENT_BYTES_PER_CHARACTER - 1) : 0;
}

/** Whether an element may be what no Claude said or takes. */
function isOdd({ type, isId, isForeign, isBlank }: Element): boolean {
	return isBlank || !isId || (type === Word.thinking && isForeign);
}

/** Where the `_` of `toolu_` stands, with which the ids that Claude gives begin. Two of its letters tell it from what others give. */
const UNDERSCORE_AT = 5;
const UNDERSCORE = 0x5f;
/** Begins what the gateway writes for thinking that nobody signed (protocol/openai/carried). */
const OWN_SIGNATURE = Buffer.from("warmpath-");
/** The longest id that every platform takes. */
const LONGEST_ID = 64;

function isForeignSignature(text: Uint8Array, from: number, to: number): boolean {
	return from === to || (text[from] === OWN_SIGNATURE[0] && startsWith(text, from, OWN_SIGNATURE));
}

/** 1 for letters, digits, `_` and `-`. */
const LEGAL = Uint8Array.from({ length: 256 }, (_, byte) => (/[a-zA-Z0-9_-]/.test(String.fromCharCode(byte)) ? 1 : 0));

/** Ids that Claude gives are legal and given once; others have to be looked at. */
function isClaudesId(text: Uint8Array, from: number, to: number): boolean {
	if (to - from > LONGEST_ID || text[from] !== LETTER_T || text[from + UNDERSCORE_AT] !== UNDERSCORE) return false;
	let legal = 1;
	for (let at = from; at < to; at++) legal &= LEGAL[text[at] as number] as number;
	return legal === 1;
}

/** White space as it stands in JSON. Rarer kinds are left to the upstream. */
const SPACES = [" ", "\\n", "\\r", "\\t", "\\f", "\\u000a", "\\u00a0", "\\u3000", "\u00a0", "\u3000"].map((text) =>
	Buffer.from(text),
);

/** Whether the content of a string is white space alone; for most strings the first byte decides. */
function isBlank(text: Uint8Array, from: number, to: number): boolean {
	let at = from;
	while (at < to) {
		const first = text[at] as number;
		if (first > 0x20 && first !== 0x5c && first !== 0xc2 && first !== 0xe3) return false;
		const space = SPACES.find((each) => startsWith(text, at, each));
		if (space === undefined) return false;
		at += space.length;
	}
	return true;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Buffer): boolean {
	for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
	return true;
}
