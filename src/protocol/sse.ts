// Cuts a server-sent-event byte stream into whole events without changing a byte (HTML standard, server-sent events, sections 9.2.5 and 9.2.6).
// Leaves what an event means to protocol/usage and the providers.

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
/** What may stand on either side of a seam and still be one blank line: CRLF CRLF. */
const SEAM = 3;
const EVENT_FIELD = Buffer.from("event:");
const DATA_FIELD = Buffer.from("data:");
const BYTE_ORDER_MARK = "\uFEFF";
const NOTHING = Buffer.alloc(0);

/** Called once per whole event with its name ("" where it has none) and its bytes, terminator included. */
export type SseEventListener = (name: string, event: Buffer) => void;

export interface SseOptions {
	/** An unfinished event larger than this is let through in pieces, bytes. Default 4 MB. */
	readonly maxEventBytes?: number;
	/** Plain events of these names are reported without their bytes: a stream has hundreds of them and few listeners read them. */
	readonly withoutBytes?: ReadonlySet<string>;
}

/** Where the event that is being reported lies. */
export interface EventPlace {
	/** What `push` returns begins as these bytes do. */
	readonly bytes: Buffer;
	readonly start: number;
	readonly end: number;
	/** One `event:` line, one `data:` line and a blank one, as every Messages API event is written. */
	readonly isPlain: boolean;
}

/**
 * Incremental splitter. `push` returns the bytes that complete whole events (usually the chunk itself, uncopied) and keeps the rest,
 * so that what is relayed always ends at an event boundary and an error event can be added at any time.
 * An unfinished event larger than `maxEventBytes` is let through in pieces: the relay must not grow without bound.
 */
export class SseSplitter {
	readonly #listener: SseEventListener;
	readonly #maxEventBytes: number;
	readonly #withoutBytes: ReadonlySet<string>;
	#name: EventName = NAMELESS;
	#pending: Buffer[] = [];
	#pendingBytes = 0;
	/** The current event was already let through in part: its end is not reported. */
	#oversized = false;
	#hasLetThrough = false;
	/** What was let through ended within a line. */
	#isWithinLine = false;
	/** Of the event that was found last. */
	#lines = 0;
	#hasLoneCr = false;
	#place: EventPlace = { bytes: NOTHING, start: 0, end: 0, isPlain: false };

	constructor(listener: SseEventListener, options: SseOptions = {}) {
		this.#listener = listener;
		this.#maxEventBytes = options.maxEventBytes ?? 4 * 1024 * 1024;
		this.#withoutBytes = options.withoutBytes ?? NO_NAMES;
	}

	/** Bytes of an unfinished event that are held back. */
	get heldBytes(): number {
		return this.#pendingBytes;
	}

	/** An event was too large to be reported. */
	get hasLetThrough(): boolean {
		return this.#hasLetThrough;
	}

	/** Of the event that is being reported; to be read by the listener only. */
	get place(): EventPlace {
		return this.#place;
	}

	/** Takes the next piece; returns what may be relayed now, or null when no event ended in it. */
	push(chunk: Buffer): Buffer | null {
		// An empty piece among those held would hide a terminator that straddles it.
		if (chunk.length === 0) return null;
		let bytes = chunk;
		if (this.#pendingBytes > 0) {
			if (this.#pendingBytes + chunk.length <= this.#maxEventBytes && !this.#mayEndEvent(chunk)) {
				this.#hold(chunk);
				return null;
			}
			bytes = Buffer.concat([this.rest(), chunk]);
		}
		const hasCr = bytes.includes(CR);
		let start = 0;
		for (let end = this.#eventEnd(bytes, 0, hasCr); end !== -1; end = this.#eventEnd(bytes, end, hasCr)) {
			if (this.#oversized) this.#oversized = false;
			else this.#report(bytes, start, end);
			this.#isWithinLine = false;
			start = end;
		}
		this.#place = NOWHERE;
		const rest = bytes.length - start;
		if (rest > this.#maxEventBytes) {
			this.#oversized = true;
			this.#hasLetThrough = true;
			this.#isWithinLine = !isLineEnd(bytes[bytes.length - 1]);
			return bytes;
		}
		if (rest > 0) this.#hold(start === 0 ? bytes : bytes.subarray(start));
		if (start === 0) return null;
		return rest === 0 ? bytes : bytes.subarray(0, start);
	}

	/** What is left of an unfinished event when the stream has ended. */
	rest(): Buffer {
		const rest = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
		this.#pending = [];
		this.#pendingBytes = 0;
		return rest;
	}

	#report(bytes: Buffer, start: number, end: number): void {
		// Most events have the name of the one before.
		let isPlain = this.#lines === 2 && !this.#hasLoneCr;
		if (isPlain && !isNamed(bytes, start, this.#name)) {
			this.#name = plainName(bytes, start);
			isPlain = this.#name !== NAMELESS;
		}
		this.#place = { bytes, start, end, isPlain };
		if (isPlain) {
			const { text } = this.#name;
			this.#listener(text, this.#withoutBytes.has(text) ? NOTHING : bytes.subarray(start, end));
		} else {
			const event = bytes.subarray(start, end);
			this.#listener(sseFields(event).name, event);
		}
	}

	#hold(piece: Buffer): void {
		this.#pending.push(piece);
		this.#pendingBytes += piece.length;
	}

	/** Whether an event may end in `chunk`, its terminator maybe straddling the seam to what is held. */
	#mayEndEvent(chunk: Buffer): boolean {
		if (hasBlankLine(chunk)) return true;
		const held = this.#pending.slice(-SEAM).map((piece) => piece.subarray(-SEAM));
		return hasBlankLine(Buffer.concat([...held, chunk.subarray(0, SEAM)]));
	}

	/** Offset just behind the first blank line at or after `from`, where a line begins, or -1. */
	#eventEnd(bytes: Buffer, from: number, hasCr: boolean): number {
		this.#lines = 0;
		this.#hasLoneCr = false;
		let at = from;
		if (this.#isWithinLine) {
			while (at < bytes.length && !isLineEnd(bytes[at])) at += 1;
			// A line feed that belongs to the line's carriage return would look like a blank line.
			if (bytes[at] === CR && bytes[at + 1] === LF) at += 1;
			at += 1;
		}
		return hasCr ? this.#anyEventEnd(bytes, at) : this.#lfEventEnd(bytes, at);
	}

	#lfEventEnd(bytes: Buffer, from: number): number {
		let at = from;
		while (at < bytes.length) {
			if (bytes[at] === LF) return at + 1;
			const end = bytes.indexOf(LF, at);
			if (end === -1) return -1;
			this.#lines += 1;
			at = end + 1;
		}
		return -1;
	}

	/** The same where lines may end with LF, CRLF or CR. A CR that comes last may be half of a CRLF, except where lines end with CR alone. */
	#anyEventEnd(bytes: Buffer, from: number): number {
		let at = from;
		let afterLoneCr = false;
		while (at < bytes.length) {
			let end = at;
			while (end < bytes.length && !isLineEnd(bytes[end])) end += 1;
			if (end === bytes.length) return -1;
			const isBlank = end === at;
			const isCr = bytes[end] === CR;
			const isLone = isCr && bytes[end + 1] !== LF;
			if (isLone && end + 1 === bytes.length && !(isBlank && afterLoneCr)) return -1;
			at = isCr && !isLone ? end + 2 : end + 1;
			afterLoneCr = isLone;
			if (isLone) this.#hasLoneCr = true;
			if (isBlank) return at;
			this.#lines += 1;
		}
		return -1;
	}
}

const NOWHERE: EventPlace = { bytes: NOTHING, start: 0, end: 0, isPlain: false };

function isLineEnd(byte: number | undefined): boolean {
	return byte === LF || byte === CR;
}

/** Whether two line ends follow each other. */
function hasBlankLine(bytes: Buffer): boolean {
	if (!bytes.includes(CR)) return bytes.includes("\n\n");
	for (let at = 0; at < bytes.length; at += 1) {
		if (!isLineEnd(bytes[at])) continue;
		if (bytes[at] === CR && bytes[at + 1] === LF) at += 1;
		if (isLineEnd(bytes[at + 1])) return true;
	}
	return false;
}

/** An event's name, and how a plain event with it begins. */
interface EventName {
	readonly text: string;
	/** The whole line that says it and the beginning of the next, `data:`; empty = there is no such line. */
	readonly line: Buffer;
}

const NAMELESS: EventName = { text: "", line: NOTHING };
const NO_NAMES: ReadonlySet<string> = new Set();

function isNamed(bytes: Buffer, start: number, { line }: EventName): boolean {
	if (line.length === 0) return false;
	for (let at = 0; at < line.length; at += 1) if (bytes[start + at] !== line[at]) return false;
	return true;
}

/** Name of an event of two lines when these are `event:` and `data:`. */
function plainName(bytes: Buffer, start: number): EventName {
	if (!hasAt(bytes, start, EVENT_FIELD)) return NAMELESS;
	const lineEnd = bytes.indexOf(LF, start);
	if (!hasAt(bytes, lineEnd + 1, DATA_FIELD)) return NAMELESS;
	const text = bytes.toString("latin1", start + EVENT_FIELD.length, lineEnd).trim();
	return { text, line: Buffer.from(bytes.subarray(start, lineEnd + 1 + DATA_FIELD.length)) };
}

function hasAt(bytes: Buffer, start: number, field: Buffer): boolean {
	const end = Math.min(start + field.length, bytes.length);
	return bytes.compare(field, 0, field.length, start, end) === 0;
}

/** What one event says. */
export interface SseFields {
	/** Of its last `event` field; "" = none. */
	readonly name: string;
	/** Its `data` lines, joined by line feeds; "" = none. */
	readonly data: string;
}

/** Reads one event, whole or the last of a stream that lacks its blank line. Fields may stand in any order; `id`, `retry` and comments say nothing here. */
export function sseFields(event: Buffer): SseFields {
	const sent = event.toString("utf8");
	const text = sent.startsWith(BYTE_ORDER_MARK) ? sent.slice(1) : sent;
	const data: string[] = [];
	let name = "";
	for (const line of text.includes("\r") ? text.split(/\r\n|\r|\n/) : text.split("\n")) {
		if (line.startsWith("data:")) data.push(fieldValue(line, 5));
		else if (line.startsWith("event:")) name = fieldValue(line, 6).trim();
		else if (line === "data") data.push("");
	}
	return { name, data: data.join("\n") };
}

function fieldValue(line: string, from: number): string {
	return line.slice(line[from] === " " ? from + 1 : from);
}

/** The data of an event that is known to be an `event:` line, a `data:` line and a blank one. */
export function plainData(event: Buffer): string {
	let start = event.indexOf(LF) + 1 + DATA_FIELD.length;
	if (event[start] === SPACE) start += 1;
	let end = event.length;
	while (end > start && isLineEnd(event[end - 1])) end -= 1;
	return event.toString("utf8", start, end);
}

/** The data of one event. */
export function sseData(event: Buffer): string {
	return sseFields(event).data;
}
