// The Messages API as the outline sees it: which members of a body say where it may go, and what of it is the prompt. Leaves blocks to
// prompt/anthropic-blocks and hashing to prompt/fingerprint.
import { GatewayError } from "../errors.ts";
import { BlockReader, type ByteRange } from "./anthropic-blocks.ts";
import { type BlockTable, Level, Mark } from "./blocks.ts";
import { Cutter } from "./cutter.ts";
import type { Kernel } from "./kernel.ts";
import { MemberReader, scope } from "./members.ts";
import { MessageTable } from "./messages.ts";
import type { Reuse, Snapshot } from "./snapshot.ts";
import { TopLevelNames } from "./top-level.ts";
import { decodeString, nameOf, Word } from "./words.ts";

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
/** First letters of literals. */
const LETTER_N = 0x6e;
const LETTER_T = 0x74;

const OF_BODY =
	scope(Word.model, Word.messages, Word.system, Word.tools, Word.stream, Word.metadata, Word.max_tokens) |
	scope(Word.tool_choice, Word.thinking, Word.output_config, Word.cache_control, Word.inference_geo, Word.speed) |
	scope(Word.anthropic_version, Word.anthropic_beta);
const OF_MESSAGE = scope(Word.role, Word.content, Word.cache_control);
const OF_METADATA = scope(Word.user_id);
const OF_OUTPUT_CONFIG = scope(Word.effort, Word.format);

/** Raw values that shape how the messages are rendered, in the order in which they are hashed (prompt-caching §4, §6). */
export const Setting = { toolChoice: 0, thinking: 1, effort: 2, format: 3 } as const;

/** Where the members stand that say how a body is to be taken, three positions each in `BodyReader.places`. */
export const Envelope = { model: 0, stream: 3, anthropicVersion: 6, anthropicBeta: 9 } as const;
const NOT_SENT = -1;

/** What is known before a body is read. */
export interface ReadAbout {
	/** An earlier body of the conversation. */
	readonly earlier: Snapshot | null;
	/** As for `Snapshot.reusable`. */
	readonly equal?: number | null;
	/** The model is known from the URL: the body need not name it. */
	readonly isModelGiven: boolean;
}
const NOTHING_KNOWN: ReadAbout = { earlier: null, isModelGiven: false };

/** tools and system belong to no message. */
const PLACES = [
	{ level: Level.tools, message: -1 },
	{ level: Level.system, message: -1 },
] as const;

const NO_BETAS: readonly string[] = [];

/**
 * Reads Messages API bodies, one at a time. After `read` the fields and tables describe that body, until the next `read`.
 *
 * Strict about what decides where a request may go, lenient about everything else: a wrong type inside tools, system or messages is
 * the upstream's to refuse, so it becomes an opaque block or is passed over. A member of the body that occurs twice is refused, as is one
 * that we use further inside, because parsers differ in which of the two they take.
 */
export class BodyReader {
	readonly messages = new MessageTable();
	/** Where each level's blocks begin and end in `blocks`. */
	readonly first: [number, number, number] = [0, 0, 0];
	readonly end: [number, number, number] = [0, 0, 0];
	/** Two positions for each `Setting`, equal where it was not sent. */
	readonly settings = new Int32Array(8);
	/** For each `Envelope` member: its key, its value, its value's end. A key of -1 = not sent. */
	readonly places = new Int32Array(12);
	/** Key, value and value's end of every member of the body. */
	readonly topLevel: number[] = [];
	model = "";
	stream = false;
	/** Values of `anthropic_beta`, where betas come with the body. */
	betas: readonly string[] = NO_BETAS;
	maxTokens: number | null = null;
	userId: string | null = null;
	inferenceGeo: string | null = null;
	speed: string | null = null;
	/** Mark of the top-level `cache_control`. */
	automatic: number = Mark.none;

	body: Buffer = Buffer.alloc(0);
	maxDepth = 0;
	/** What was taken over from an earlier body instead of being read, or null. */
	reused: Reuse | null = null;

	readonly kernel: Kernel;
	private members: MemberReader;
	private readonly blockReader: BlockReader;
	private readonly envelope = new Cutter(this.messages);

	constructor(kernel: Kernel) {
		this.kernel = kernel;
		this.members = new MemberReader(this.body, kernel, { maxDepth: 0, gap: null });
		this.blockReader = new BlockReader(this.members);
	}

	get blocks(): BlockTable {
		return this.blockReader.blocks;
	}

	/** First message with an image, also in a tool result, or -1. */
	get firstImage(): number {
		return this.blockReader.firstImage;
	}

	/** First message with what no Claude said or takes, or -1. */
	get firstOdd(): number {
		return this.blockReader.firstOdd;
	}

	/** Where the last message stands; null = there is none. */
	get lastMessage(): ByteRange | null {
		const { messages } = this;
		if (messages.count === 0) return null;
		return { start: messages.field(messages.count - 1, 0), end: messages.field(messages.count - 1, 1) };
	}

	/**
	 * Reads one body. Throws GatewayError: `invalid_json` and `body_too_deep` as Scanner does; `invalid_field` for a body that is not an
	 * object, has no model (unless `isModelGiven`: it is known from elsewhere), whose messages are not an array, where a top-level member
	 * occurs twice, or one that we use does elsewhere.
	 *
	 * The messages that an earlier body has in common with it, byte for byte, are taken over from there. The outcome is the same.
	 */
	read(body: Buffer, maxDepth: number, about: ReadAbout = NOTHING_KNOWN): void {
		const { earlier, isModelGiven } = about;
		this.reset();
		this.body = body;
		this.maxDepth = maxDepth;
		this.reused = earlier?.reusable(body, maxDepth, about.equal ?? null) ?? null;
		this.members = new MemberReader(body, this.kernel, { maxDepth, gap: this.reused?.gap ?? null });
		this.blockReader.begin(this.members);
		const { members } = this;
		const { scan } = members;
		if (scan.peek() !== OPEN_OBJECT) {
			members.refuse("body", "Input should be an object");
			scan.skip(0);
		} else if (scan.openObject(1)) {
			let seen = 0;
			const names = new TopLevelNames();
			do {
				const word = members.member(OF_BODY, seen);
				seen |= 1 << word;
				names.add(word < 0 ? decodeString(body, scan.from, scan.to) : nameOf(word), members);
				const { keyStart, pos } = scan;
				this.bodyMember(word, isModelGiven);
				this.topLevel.push(keyStart, pos, scan.pos);
			} while (scan.nextMember());
		}
		scan.end();
		if (this.model === "" && !isModelGiven) members.refuse("model", "Field required");
		if (members.fault !== null) throw new GatewayError("invalid_field", { ...members.fault });
	}

	private reset(): void {
		this.messages.reset();
		for (let level = 0; level < 3; level += 1) this.first[level] = this.end[level] = 0;
		for (let at = 0; at < this.settings.length; at += 1) this.settings[at] = 0;
		for (let at = 0; at < this.places.length; at += 1) this.places[at] = NOT_SENT;
		this.topLevel.length = 0;
		this.model = "";
		this.stream = false;
		this.betas = NO_BETAS;
		this.maxTokens = null;
		this.userId = null;
		this.inferenceGeo = null;
		this.speed = null;
		this.automatic = Mark.none;
	}

	private bodyMember(word: number, isModelGiven: boolean): void {
		const { members } = this;
		const { scan } = members;
		const byte = scan.peek();
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
			case Word.model:
				if (byte !== QUOTE && !isModelGiven) members.refuse("model", "Input should be a valid string");
				this.begin(Envelope.model);
				this.model = members.text(1) ?? "";
				this.places[Envelope.model + 2] = scan.pos;
				break;
			case Word.stream:
				this.begin(Envelope.stream);
				this.stream = byte === LETTER_T;
				scan.skip(1);
				this.places[Envelope.stream + 2] = scan.pos;
				break;
			case Word.anthropic_version:
				this.begin(Envelope.anthropicVersion);
				scan.skip(1);
				this.places[Envelope.anthropicVersion + 2] = scan.pos;
				break;
			case Word.anthropic_beta:
				this.begin(Envelope.anthropicBeta);
				this.betaList();
				this.places[Envelope.anthropicBeta + 2] = scan.pos;
				break;
			case Word.cache_control:
				this.automatic = members.marker(1);
				break;
			case Word.metadata:
				this.metadata();
				break;
			case Word.output_config:
				this.outputConfig();
				break;
			case Word.tool_choice:
				this.setting(Setting.toolChoice, 1);
				break;
			case Word.thinking:
				this.setting(Setting.thinking, 1);
				break;
			case Word.inference_geo:
				this.inferenceGeo = members.text(1);
				break;
			case Word.speed:
				this.speed = members.text(1);
				break;
			case Word.max_tokens:
				this.maxTokens = members.number(1);
				break;
			default:
				scan.skip(1);
		}
	}

	/** With the cursor at the value of the `Envelope` member that was just named. */
	private begin(member: number): void {
		const { scan } = this.members;
		this.places[member] = scan.keyStart;
		this.places[member + 1] = scan.pos;
	}

	/** Strings only; anything else is the upstream's to refuse. */
	private betaList(): void {
		const { members } = this;
		const { scan } = members;
		if (scan.peek() !== OPEN_ARRAY) scan.skip(1);
		else if (scan.openArray(2)) {
			const betas: string[] = [];
			do {
				const beta = members.text(2);
				if (beta !== null) betas.push(beta);
			} while (scan.nextElement());
			this.betas = betas;
		}
	}

	/** Passes the value at the cursor and notes it. `null` is the same as not sent. */
	private setting(setting: number, depth: number): void {
		const { scan } = this.members;
		const start = scan.pos;
		const isNull = scan.peek() === LETTER_N;
		scan.skip(depth);
		if (isNull) return;
		this.settings[setting * 2] = start;
		this.settings[setting * 2 + 1] = scan.pos;
	}

	private metadata(): void {
		const { members } = this;
		const { scan } = members;
		if (scan.peek() !== OPEN_OBJECT) scan.skip(1);
		else if (scan.openObject(2)) {
			let seen = 0;
			do {
				const word = members.member(OF_METADATA, seen);
				seen |= 1 << word;
				if (word === Word.user_id) this.userId = members.text(2);
				else scan.skip(2);
			} while (scan.nextMember());
		}
	}

	private outputConfig(): void {
		const { members } = this;
		const { scan } = members;
		if (scan.peek() !== OPEN_OBJECT) scan.skip(1);
		else if (scan.openObject(2)) {
			let seen = 0;
			do {
				const word = members.member(OF_OUTPUT_CONFIG, seen);
				seen |= 1 << word;
				if (word === Word.effort) this.setting(Setting.effort, 2);
				else if (word === Word.format) this.setting(Setting.format, 2);
				else scan.skip(2);
			} while (scan.nextMember());
		}
	}

	/** tools or system. */
	private level(level: 0 | 1): void {
		this.first[level] = this.blocks.count;
		this.blockReader.content(PLACES[level], 1);
		this.end[level] = this.blocks.count;
	}

	private messageList(): void {
		const { members } = this;
		const { scan } = members;
		if (scan.peek() !== OPEN_ARRAY) {
			members.refuse("messages", "Input should be a valid list");
			scan.skip(1);
			return;
		}
		this.first[Level.messages] = this.blocks.count;
		if (scan.openArray(2)) {
			let isAtMessage = !this.takeOver() || scan.nextElement();
			while (isAtMessage) {
				this.message();
				isAtMessage = scan.nextElement();
			}
		}
		this.end[Level.messages] = this.blocks.count;
	}

	/** With the cursor at the first message: passes those that were read in an earlier body. False = there are none. */
	private takeOver(): boolean {
		const { reused, messages, blockReader } = this;
		const { scan } = this.members;
		if (reused === null || scan.pos !== reused.gap.from) return false;
		const { snapshot } = reused;
		messages.take(snapshot.messages, 0, reused.messages);
		blockReader.blocks.take(snapshot.blocks, this.first[Level.messages], reused.blocks);
		blockReader.firstImage = snapshot.firstImage < reused.messages ? snapshot.firstImage : -1;
		blockReader.firstOdd = snapshot.firstOdd < reused.messages ? snapshot.firstOdd : -1;
		scan.passGap();
		return true;
	}

	/** One message: its blocks, and as its envelope everything but the members `content` and `cache_control`. */
	private message(): void {
		const { members, messages, envelope, blockReader } = this;
		const { scan } = members;
		const at = { level: Level.messages, message: messages.open(scan.pos) };
		let mark: number = Mark.none;
		let textStart = -1;
		let textEnd = -1;
		if (scan.peek() !== OPEN_OBJECT) scan.skip(2);
		else if (scan.openObject(3)) {
			let seen = 0;
			envelope.begin();
			do {
				const word = members.member(OF_MESSAGE, seen);
				seen |= 1 << word;
				const isRemoved = word === Word.content || word === Word.cache_control;
				envelope.before(scan.keyStart, isRemoved);
				if (word === Word.cache_control) mark = members.marker(3);
				else if (word === Word.content && scan.peek() === QUOTE) {
					textStart = scan.pos;
					scan.string();
					textEnd = scan.pos;
				} else if (word === Word.content) blockReader.content(at, 3);
				else if (word !== Word.role) scan.skip(3);
				else if (members.word(3) === Word.user && messages.firstUser < 0) messages.firstUser = at.message;
				envelope.after(scan.pos, isRemoved);
			} while (scan.nextMember());
			envelope.finish();
		}
		messages.close(scan.pos);
		// A marker beside a string content is a marker on that one block (litellm §6.4); it may come after the content.
		if (textStart >= 0) blockReader.addText({ start: textStart, end: textEnd }, at, mark);
	}
}
