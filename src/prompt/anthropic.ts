// The Messages API as the outline sees it: which bytes of a body are blocks, markers and envelopes. Leaves hashing to prompt/fingerprint.
import { GatewayError } from "../errors.ts";
import { BlockTable, Flag, Kind, Level, Mark, type NewBlock } from "./blocks.ts";
import { Cutter } from "./cutter.ts";
import type { Kernel } from "./kernel.ts";
import { MessageTable } from "./messages.ts";
import { Scanner } from "./scan.ts";
import { decodeString, nameOf, UNKNOWN, Word, wordAt } from "./words.ts";

/** Prompt bytes that an image counts as: it costs at most about 1,600 tokens, of about four bytes each. */
export const IMAGE_BYTES = 6400;

/**
 * Prompt bytes that one base64 character of a document counts as. A PDF page is about 50 KB and 2,500 tokens, so 20 raw bytes make a
 * token of four prompt bytes, and a character is 0.75 raw bytes. Rough on purpose; reported usage corrects it.
 */
export const DOCUMENT_BYTES_PER_CHARACTER = (0.75 / 20) * 4;

/** Claude Code's volatile first system block; api.anthropic.com does not count it as prompt (claude-code-client §5). */
const BILLING_PREFIX = Buffer.from("x-anthropic-billing-header:");

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

function scope(...words: readonly number[]): number {
	return words.reduce((bits, word) => bits | (1 << word), 0);
}

const OF_BODY =
	scope(Word.model, Word.messages, Word.system, Word.tools, Word.stream, Word.metadata, Word.max_tokens) |
	scope(Word.tool_choice, Word.thinking, Word.output_config, Word.cache_control, Word.inference_geo, Word.speed);
const OF_MESSAGE = scope(Word.role, Word.content, Word.cache_control);
const OF_BLOCK = scope(Word.type, Word.text, Word.content, Word.source, Word.cache_control) | scope(Word.defer_loading);
const OF_INNER = scope(Word.type, Word.source, Word.cache_control);
const OF_SOURCE = scope(Word.type, Word.data);
const OF_MARKER = scope(Word.type, Word.ttl);
const OF_METADATA = scope(Word.user_id);
const OF_OUTPUT_CONFIG = scope(Word.effort, Word.format);

/** Raw values that shape how the messages are rendered, in the order in which they are hashed (caching-semantics §4, §6). */
export const Setting = { toolChoice: 0, thinking: 1, effort: 2, format: 3 } as const;

/** A member of the right name with a value we cannot work with. */
interface Fault {
	readonly field: string;
	readonly reason: string;
}

/**
 * Reads Messages API bodies, one at a time. After `read` the fields and tables describe that body, until the next `read`.
 *
 * Strict about what decides where a request may go, lenient about everything else: a wrong type inside tools, system or messages is
 * the upstream's to refuse, so it becomes an opaque block or is passed over. A member that we use and that occurs twice in its object
 * is refused, because parsers differ in which of the two they take.
 */
export class BodyReader {
	readonly blocks = new BlockTable();
	readonly messages = new MessageTable();
	/** End of each level's blocks in `blocks`, and where they begin. */
	readonly first: [number, number, number] = [0, 0, 0];
	readonly end: [number, number, number] = [0, 0, 0];
	/** Two positions for each `Setting`, equal where it was not sent. */
	readonly settings = new Int32Array(8);
	model = "";
	modelStart = 0;
	modelEnd = 0;
	stream = false;
	maxTokens: number | null = null;
	userId: string | null = null;
	inferenceGeo: string | null = null;
	speed: string | null = null;
	/** Mark of the top-level `cache_control`. */
	automatic: number = Mark.none;
	/** Any image in the messages, also in a tool result: adding the first one changes how they are rendered (caching-semantics §4). */
	hasImages = false;

	private readonly kernel: Kernel;
	private bytes: Buffer = Buffer.alloc(0);
	private scan: Scanner;
	private fault: Fault | null = null;
	/** The block being read. One object for all, because a body may hold thousands. */
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
	private readonly element = new Element();
	private readonly cuts = new Cutter(this.blocks);
	private readonly innerCuts = new Cutter(this.blocks);
	private readonly envelope = new Cutter(this.messages);

	constructor(kernel: Kernel) {
		this.kernel = kernel;
		this.scan = new Scanner(this.bytes, kernel, 1);
	}

	/**
	 * Reads one body. Throws GatewayError: `invalid_json` and `body_too_deep` as Scanner does; `invalid_field` for a body that is not an
	 * object, has no model, whose messages are not an array, or where a member that we use occurs twice.
	 */
	read(body: Buffer, maxDepth: number): void {
		this.reset(body, maxDepth);
		const scan = this.scan;
		if (scan.peek() !== OPEN_OBJECT) {
			this.refuse("body", "Input should be an object");
			scan.skip(0);
		} else if (scan.openObject(1)) {
			let seen = 0;
			do {
				const word = this.member(OF_BODY, seen);
				seen |= 1 << word;
				this.bodyMember(word);
			} while (scan.nextMember());
		}
		scan.end();
		if (this.model === "") this.refuse("model", "Field required");
		if (this.fault !== null) {
			throw new GatewayError("invalid_field", { field: this.fault.field, reason: this.fault.reason });
		}
	}

	private reset(body: Buffer, maxDepth: number): void {
		this.blocks.reset();
		this.messages.reset();
		this.first.fill(0);
		this.end.fill(0);
		this.settings.fill(0);
		this.model = "";
		this.stream = false;
		this.maxTokens = null;
		this.userId = null;
		this.inferenceGeo = null;
		this.speed = null;
		this.automatic = Mark.none;
		this.hasImages = false;
		this.fault = null;
		this.bytes = body;
		this.kernel.load(body);
		this.scan = new Scanner(body, this.kernel, maxDepth);
	}

	/** The first fault wins, but only if the rest of the body is JSON. */
	private refuse(field: string, reason: string): void {
		this.fault ??= { field, reason };
	}

	/** Reads a member's key. Answers a word of `scope`, or UNKNOWN; a word in `seen` is refused. `seen |= 1 << word` is right for both. */
	private member(scope: number, seen: number): number {
		const scan = this.scan;
		scan.key();
		const word = wordAt(this.bytes, scan.from, scan.to);
		if (word < 0 || word > 30 || ((scope >> word) & 1) === 0) return UNKNOWN;
		if (((seen >> word) & 1) === 1) this.refuse(nameOf(word), "Field occurs twice in one object");
		return word;
	}

	private bodyMember(word: number): void {
		const scan = this.scan;
		const start = scan.pos;
		switch (word) {
			case Word.messages:
				this.messageList();
				break;
			case Word.system:
				this.level(Level.system);
				break;
			case Word.tools:
				this.level(Level.tools);
				break;
			case Word.cache_control:
				this.automatic = this.marker(1);
				break;
			case Word.metadata:
				this.metadata();
				break;
			case Word.output_config:
				this.outputConfig();
				break;
			case Word.tool_choice:
				scan.skip(1);
				this.setting(Setting.toolChoice, start);
				break;
			case Word.thinking:
				scan.skip(1);
				this.setting(Setting.thinking, start);
				break;
			case Word.model:
				this.model = this.text(1) ?? "";
				this.modelStart = start;
				this.modelEnd = scan.pos;
				if (this.bytes[start] !== QUOTE) this.refuse("model", "Input should be a valid string");
				break;
			case Word.inference_geo:
				this.inferenceGeo = this.text(1);
				break;
			case Word.speed:
				this.speed = this.text(1);
				break;
			case Word.max_tokens:
				scan.skip(1);
				this.maxTokens = this.number(start);
				break;
			default:
				scan.skip(1);
				if (word === Word.stream) this.stream = this.bytes[start] === 0x74;
		}
	}

	/** The string at the cursor, decoded; null for any other value. */
	private text(depth: number): string | null {
		const scan = this.scan;
		if (scan.peek() === QUOTE) {
			scan.string();
			return decodeString(this.bytes, scan.from, scan.to);
		}
		scan.skip(depth);
		return null;
	}

	/** The number that was passed from `start` on; null for any other value. */
	private number(start: number): number | null {
		const first = this.bytes[start] as number;
		const isNumber = first === 0x2d || (first >= 0x30 && first <= 0x39);
		return isNumber ? Number(this.bytes.toString("latin1", start, this.scan.pos)) : null;
	}

	/** The string at the cursor as a word; UNKNOWN for any other value. */
	private word(depth: number): number {
		const scan = this.scan;
		if (scan.peek() === QUOTE) {
			scan.string();
			return wordAt(this.bytes, scan.from, scan.to);
		}
		scan.skip(depth);
		return UNKNOWN;
	}

	/** Notes the value passed from `start` on. `null` is the same as not sent. */
	private setting(setting: number, start: number): void {
		if (this.bytes[start] === 0x6e) return;
		this.settings[setting * 2] = start;
		this.settings[setting * 2 + 1] = this.scan.pos;
	}

	private metadata(): void {
		const scan = this.scan;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(1);
			return;
		}
		if (!scan.openObject(2)) return;
		let seen = 0;
		do {
			const word = this.member(OF_METADATA, seen);
			seen |= 1 << word;
			if (word === Word.user_id) this.userId = this.text(2);
			else scan.skip(2);
		} while (scan.nextMember());
	}

	private outputConfig(): void {
		const scan = this.scan;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(1);
			return;
		}
		if (!scan.openObject(2)) return;
		let seen = 0;
		do {
			const word = this.member(OF_OUTPUT_CONFIG, seen);
			seen |= 1 << word;
			const start = scan.pos;
			scan.skip(2);
			if (word === Word.effort) this.setting(Setting.effort, start);
			else if (word === Word.format) this.setting(Setting.format, start);
		} while (scan.nextMember());
	}

	/** tools or system: an array of blocks, or a string that is one text block. */
	private level(level: number): void {
		this.first[level] = this.blocks.count;
		this.content(level, -1, 1);
		this.end[level] = this.blocks.count;
	}

	private messageList(): void {
		const scan = this.scan;
		if (scan.peek() !== OPEN_ARRAY) {
			this.refuse("messages", "Input should be a valid list");
			scan.skip(1);
			return;
		}
		this.first[Level.messages] = this.blocks.count;
		if (scan.openArray(2)) {
			do this.message();
			while (scan.nextElement());
		}
		this.end[Level.messages] = this.blocks.count;
	}

	/** One message: its blocks, and as its envelope everything but the members `content` and `cache_control`. */
	private message(): void {
		const { scan, messages, envelope } = this;
		const message = messages.open(scan.pos);
		let mark: number = Mark.none;
		let textStart = -1;
		let textEnd = -1;
		if (scan.peek() !== OPEN_OBJECT) scan.skip(2);
		else if (scan.openObject(3)) {
			let seen = 0;
			envelope.begin();
			do {
				const word = this.member(OF_MESSAGE, seen);
				seen |= 1 << word;
				const isRemoved = word === Word.content || word === Word.cache_control;
				envelope.before(scan.keyStart, isRemoved);
				if (word === Word.cache_control) mark = this.marker(3);
				else if (word === Word.content && scan.peek() === QUOTE) {
					textStart = scan.pos;
					scan.string();
					textEnd = scan.pos;
				} else if (word === Word.content) this.content(Level.messages, message, 3);
				else if (word !== Word.role) scan.skip(3);
				else if (this.word(3) === Word.user && messages.firstUser < 0) messages.firstUser = message;
				envelope.after(scan.pos, isRemoved);
			} while (scan.nextMember());
			envelope.finish();
		}
		messages.close(scan.pos);
		// A marker beside a string content is a marker on that one block (litellm §9.4); it may come after the content.
		if (textStart >= 0) this.addText(textStart, textEnd, { message, mark });
	}

	/** A string, which is one text block, or an array of blocks; `depth` containers are open around it. */
	private content(level: number, message: number, depth: number): void {
		const scan = this.scan;
		const start = scan.pos;
		const byte = scan.peek();
		if (byte === OPEN_ARRAY) {
			if (!scan.openArray(depth + 1)) return;
			do this.readElement(level, message, depth + 1);
			while (scan.nextElement());
		} else if (byte === QUOTE) {
			scan.string();
			this.addText(start, scan.pos, { message, mark: Mark.none });
		} else {
			scan.skip(depth);
			if (byte !== 0x6e) this.addOpaque(start, message);
		}
	}

	/** One element of tools, system or content. */
	private readElement(level: number, message: number, depth: number): void {
		const { scan, blocks, element, cuts } = this;
		const start = scan.pos;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(depth);
			this.addOpaque(start, message);
			return;
		}
		const firstCut = blocks.cutCount;
		element.reset();
		if (scan.openObject(depth + 1)) {
			let seen = 0;
			cuts.begin();
			do {
				const word = this.member(OF_BLOCK, seen);
				seen |= 1 << word;
				const isRemoved = word === Word.cache_control;
				cuts.before(scan.keyStart, isRemoved);
				if (isRemoved) element.mark = this.marker(depth + 1);
				else this.elementMember(word, depth + 1);
				cuts.after(scan.pos, isRemoved);
				element.kept += isRemoved ? 0 : 1;
			} while (scan.nextMember());
			cuts.finish();
		}
		if (level === Level.messages && (element.image || element.type === Word.image)) this.hasImages = true;
		this.addElement({ start, end: scan.pos, firstCut, level, message });
	}

	private elementMember(word: number, depth: number): void {
		const { scan, element } = this;
		const byte = scan.peek();
		if (word === Word.type) element.type = this.word(depth);
		else if (word === Word.text && byte === QUOTE) {
			element.textStart = scan.pos;
			scan.string();
			element.textEnd = scan.pos;
		} else if (word === Word.content && byte === OPEN_ARRAY) this.innerList(depth + 1);
		else if (word === Word.source && byte === OPEN_OBJECT) element.base64 = this.base64(depth + 1);
		else {
			scan.skip(depth);
			if (word === Word.defer_loading) element.isDeferred = byte === 0x74;
		}
	}

	/** Adds the element just read. */
	private addElement(at: { start: number; end: number; firstCut: number; level: number; message: number }): void {
		const { blocks, element, bytes } = this;
		const isText = element.type === Word.text && element.textStart >= 0;
		const isBilling = isText && at.level === Level.system && startsWith(bytes, element.textStart + 1, BILLING_PREFIX);
		const isPlain = isText && element.kept === 2;
		const { start, end } = isPlain ? { start: element.textStart, end: element.textEnd } : at;
		if (isPlain) blocks.cutCount = at.firstCut;
		let textBytes = isPlain ? end - start - 2 : end - start;
		for (let cut = at.firstCut; cut < blocks.cutCount; cut++) textBytes -= blocks.cutTo(cut) - blocks.cutFrom(cut);
		const isThinking = element.type === Word.thinking || element.type === Word.redacted_thinking;
		const isEmpty = isText && element.textEnd - element.textStart === 2;
		const isLeftOut = isBilling || (at.level === Level.tools && element.isDeferred);
		const block = this.block;
		block.start = start;
		block.end = end;
		block.firstCut = at.firstCut;
		block.kind = at.level === Level.messages ? kindOf(element.type) : Kind.other;
		block.mark = element.mark === Mark.none ? element.lifted : element.mark;
		block.flags = (isLeftOut ? Flag.leftOut : 0) | (isThinking || isEmpty ? Flag.unmarkable : 0);
		block.message = at.message;
		block.textBytes = textBytes + element.mediaBytes + mediaBytes(element.type, element.base64);
		blocks.add(block);
	}

	/** The array inside a block, such as a tool result's content. A marker on its last element is lifted to the block (R11). */
	private innerList(depth: number): void {
		const { scan, element } = this;
		if (!scan.openArray(depth)) return;
		do element.lifted = this.inner(depth);
		while (scan.nextElement());
	}

	/** One element of that array. Answers its mark. */
	private inner(depth: number): number {
		const { scan, element, innerCuts } = this;
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
			const word = this.member(OF_INNER, seen);
			seen |= 1 << word;
			const isRemoved = word === Word.cache_control;
			innerCuts.before(scan.keyStart, isRemoved);
			if (isRemoved) mark = this.marker(depth + 1);
			else if (word === Word.type) type = this.word(depth + 1);
			else if (word === Word.source && scan.peek() === OPEN_OBJECT) base64 = this.base64(depth + 2);
			else scan.skip(depth + 1);
			innerCuts.after(scan.pos, isRemoved);
		} while (scan.nextMember());
		innerCuts.finish();
		if (type === Word.image) element.image = true;
		element.mediaBytes += mediaBytes(type, base64);
		return mark;
	}

	/** A `source` object, the `depth`th container. Answers the length of its base64 data, 0 if it has none. */
	private base64(depth: number): number {
		const scan = this.scan;
		if (!scan.openObject(depth)) return 0;
		let isBase64 = false;
		let length = 0;
		let seen = 0;
		do {
			const word = this.member(OF_SOURCE, seen);
			seen |= 1 << word;
			if (word === Word.type) isBase64 = this.word(depth) === Word.base64;
			else {
				const isData = word === Word.data && scan.peek() === QUOTE;
				scan.skip(depth);
				if (isData) length = scan.to - scan.from;
			}
		} while (scan.nextMember());
		return isBase64 ? length : 0;
	}

	/** The value of a `cache_control`; `depth` containers are open around it. `null` and unknown types are no marker (R2). */
	private marker(depth: number): number {
		const scan = this.scan;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(depth);
			return Mark.none;
		}
		if (!scan.openObject(depth + 1)) return Mark.none;
		let isEphemeral = false;
		let mark: number = Mark.fiveMinutes;
		let seen = 0;
		do {
			const word = this.member(OF_MARKER, seen);
			seen |= 1 << word;
			if (word === Word.type) isEphemeral = this.word(depth + 1) === Word.ephemeral;
			else if (word === Word.ttl) mark = this.word(depth + 1) === Word["1h"] ? Mark.oneHour : Mark.fiveMinutes;
			else scan.skip(depth + 1);
		} while (scan.nextMember());
		return isEphemeral ? mark : Mark.none;
	}

	/** Adds the text block whose JSON string is [start, end). */
	private addText(start: number, end: number, of: { message: number; mark: number }): void {
		const { blocks, block } = this;
		block.start = start;
		block.end = end;
		block.firstCut = blocks.cutCount;
		block.kind = Kind.other;
		block.mark = of.mark;
		block.flags = end - start === 2 ? Flag.unmarkable : 0;
		block.message = of.message;
		block.textBytes = end - start - 2;
		blocks.add(block);
	}

	/** Adds what stands where a block should: its bytes are all we know of it. */
	private addOpaque(start: number, message: number): void {
		this.addText(start, this.scan.pos, { message, mark: Mark.none });
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

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
	for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
	return true;
}
