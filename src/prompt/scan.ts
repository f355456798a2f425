// A validating scanner over the bytes of a JSON text: it walks the structure once and builds no objects. What the members mean is prompt/anthropic's business.
import { isUtf8 } from "node:buffer";
import { GatewayError } from "../errors.ts";
import type { Gap, Kernel } from "./kernel.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

export interface ScanOptions {
	/** Deepest nesting of containers that is accepted. */
	readonly maxDepth: number;
	/** Everything up to its end was scanned before, in a body that began with the same bytes and was valid. */
	readonly gap: Gap | null;
}

/**
 * Accepts exactly the texts that `JSON.parse` accepts (ECMA-404), in well-formed UTF-8 without a byte order mark, nested at most
 * `maxDepth` containers deep. Throws GatewayError `invalid_json` with the byte's offset, or `body_too_deep`.
 *
 * A cursor: the caller opens the containers it cares for and passes over everything else with `skip`. Each byte is looked at once,
 * nothing recurses, and nothing is allocated per value.
 */
export class Scanner {
	/** The body, and zero bytes after it: every comparison fails there, so none asks for the end. */
	readonly text: Uint8Array;
	/** Where the cursor stands. After `key` and the `open…` methods: at the next value's first byte. */
	pos = 0;
	/** Where the key last read begins, quote included. */
	keyStart = 0;
	/** Content of the key or string last read, without its quotes. */
	from = 0;
	to = 0;

	private readonly length: number;
	private readonly kernel: Kernel;
	private readonly maxDepth: number;
	private readonly gap: Gap | null;
	/** The kernel's quotes, which open and close strings in turn, and the first of them that has not been passed. */
	private quotes: Uint32Array;
	private quoteCount = 0;
	private nextQuote = 0;
	/** 1 where the container open at that depth is an object. */
	private readonly isObject: Uint8Array;

	/** The bytes of `gap` are known to be valid, and `passGap` passes them: they are neither looked at nor taken in. */
	constructor(body: Buffer, kernel: Kernel, { maxDepth, gap }: ScanOptions) {
		kernel.load(body, gap);
		this.kernel = kernel;
		this.text = kernel.text;
		this.quotes = kernel.quotes;
		this.length = body.length;
		this.maxDepth = maxDepth;
		this.isObject = new Uint8Array(maxDepth + 2);
		this.gap = gap;
		if (!isUtf8(gap === null ? body : body.subarray(gap.to))) this.fail("invalid UTF-8", firstInvalidUtf8(body));
		this.space();
	}

	/** First byte of the value the cursor stands at; 0 at the end. */
	peek(): number {
		return this.text[this.pos] as number;
	}

	fail(reason: string, offset: number): never {
		throw new GatewayError("invalid_json", { reason, offset });
	}

	/** What stands at the cursor does not belong there. */
	unexpected(): never {
		if (this.pos >= this.length) this.fail("unexpected end", this.length);
		const byte = this.peek();
		const shown = byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `0x${byte.toString(16)}`;
		this.fail(`unexpected ${shown}`, this.pos);
	}

	/** Only white space may follow the text's one value. */
	end(): void {
		this.space();
		if (this.pos < this.length) this.unexpected();
	}

	/** Steps into the object at the cursor, which is the `depth`th container. False = it is empty and has been passed. */
	openObject(depth: number): boolean {
		return this.open(depth, CLOSE_OBJECT);
	}

	/** Steps into the array at the cursor, which is the `depth`th container. False = it is empty and has been passed. */
	openArray(depth: number): boolean {
		return this.open(depth, CLOSE_ARRAY);
	}

	/** After a member's value: true = another member follows, false = the object has been passed. */
	nextMember(): boolean {
		return this.next(CLOSE_OBJECT);
	}

	/** After an element: true = another follows and the cursor stands at it, false = the array has been passed. */
	nextElement(): boolean {
		return this.next(CLOSE_ARRAY);
	}

	/** Reads a member's key and colon. `keyStart`, `from` and `to` tell where it is. */
	key(): void {
		this.keyStart = this.pos;
		this.string();
		if (this.peek() !== COLON) {
			this.space();
			if (this.peek() !== COLON) this.unexpected();
		}
		this.pos++;
		this.space();
	}

	/** Reads the string at the cursor. `from` and `to` tell where its content is. */
	string(): void {
		if (this.peek() !== QUOTE) this.unexpected();
		// Its opening quote may be the first of a chunk, or the last.
		if (this.nextQuote === this.quoteCount) this.moreQuotes();
		this.nextQuote++;
		if (this.nextQuote === this.quoteCount) this.moreQuotes();
		const to = this.quotes[this.nextQuote++] as number;
		this.from = this.pos + 1;
		this.to = to;
		this.pos = to + 1;
	}

	/** Passes over the value at the cursor, whatever it is. `depth` containers are open around it. */
	skip(depth: number): void {
		const isObject = this.isObject;
		let open = depth;
		for (;;) {
			const byte = this.peek();
			if (byte === QUOTE) this.string();
			else if (byte === OPEN_OBJECT) {
				if (this.openObject(++open)) {
					isObject[open] = 1;
					this.key();
					continue;
				}
				open--;
			} else if (byte === OPEN_ARRAY) {
				if (this.openArray(++open)) {
					isObject[open] = 0;
					continue;
				}
				open--;
			} else this.scalar(byte);

			// A value is complete: go on with its parent, or leave the parents that it completes.
			while (open > depth) {
				if (isObject[open] === 1) {
					if (this.nextMember()) {
						this.key();
						break;
					}
				} else if (this.nextElement()) break;
				open--;
			}
			if (open === depth) return;
		}
	}

	/** With the cursor at the gap's first byte: passes the gap, which ends outside of any string. */
	passGap(): void {
		if (this.gap === null) return;
		this.kernel.passGap();
		this.quoteCount = 0;
		this.nextQuote = 0;
		this.pos = this.gap.to;
	}

	/** Passes white space as JSON knows it. */
	space(): void {
		if (this.peek() <= 0x20) this.longSpace();
	}

	private longSpace(): void {
		const { text } = this;
		let pos = this.pos;
		for (;;) {
			const byte = text[pos] as number;
			if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
			pos++;
		}
		this.pos = pos;
	}

	private open(depth: number, close: number): boolean {
		if (depth > this.maxDepth) throw new GatewayError("body_too_deep", { limit: this.maxDepth });
		this.pos++;
		this.space();
		if (this.peek() !== close) return true;
		this.pos++;
		return false;
	}

	private next(close: number): boolean {
		this.space();
		const byte = this.peek();
		if (byte === COMMA) {
			this.pos++;
			this.space();
			return true;
		}
		if (byte !== close) this.unexpected();
		this.pos++;
		return false;
	}

	private moreQuotes(): void {
		const { kernel } = this;
		this.nextQuote = 0;
		if (kernel.moreQuotes()) {
			this.quoteCount = kernel.quoteCount;
			return;
		}
		const bad = kernel.badByte();
		if (bad < 0 || bad >= this.length) this.fail("unterminated string", this.length);
		this.fail(this.text[bad] === BACKSLASH ? "invalid escape in a string" : "control character in a string", bad);
	}

	private scalar(byte: number): void {
		if (byte === 0x74) this.literal("true");
		else if (byte === 0x66) this.literal("false");
		else if (byte === 0x6e) this.literal("null");
		else if (byte === 0x2d || isDigit(byte)) this.number();
		else this.unexpected();
	}

	private literal(word: string): void {
		for (let i = 0; i < word.length; i++) {
			if (this.peek() !== word.charCodeAt(i)) this.unexpected();
			this.pos++;
		}
	}

	private number(): void {
		if (this.peek() === 0x2d) this.pos++;
		if (this.peek() === 0x30) this.pos++;
		else this.digits();
		if (this.peek() === 0x2e) {
			this.pos++;
			this.digits();
		}
		if ((this.peek() | 0x20) === 0x65) {
			this.pos++;
			const sign = this.peek();
			if (sign === 0x2b || sign === 0x2d) this.pos++;
			this.digits();
		}
	}

	private digits(): void {
		if (!isDigit(this.peek())) this.unexpected();
		while (isDigit(this.peek())) this.pos++;
	}
}

function isDigit(byte: number): boolean {
	return byte >= 0x30 && byte <= 0x39;
}

/** Offset of the first byte that no UTF-8 decoder accepts. Only for the error's text. */
function firstInvalidUtf8(bytes: Buffer): number {
	const window = 4096;
	let start = 0;
	for (;;) {
		let end = Math.min(start + window, bytes.length);
		// Do not cut a character in two: step back over at most three continuation bytes.
		for (let back = 0; back < 3 && end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80; back++) end--;
		const part = bytes.subarray(start, end);
		if (!isUtf8(part) || end === bytes.length) {
			const again = Buffer.from(part.toString("utf8"));
			let same = 0;
			while (same < part.length && part[same] === again[same]) same++;
			return start + same;
		}
		start = end;
	}
}
