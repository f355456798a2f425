// Cuts a server-sent-event byte stream into whole events without changing a byte. Leaves what an event means to protocol/usage and the providers.

const LF = 0x0a;
const CR = 0x0d;
/** A terminator is at most four bytes (CRLF CRLF), so this many bytes before a seam can belong to it. */
const SEAM = 3;
const SPACE = 0x20;
const EVENT_FIELD = Buffer.from("event:");
const DATA_FIELD = Buffer.from("data:");
const NOTHING = Buffer.alloc(0);

/** Called once per whole event with its name ("" where it has none) and its bytes, terminator included. */
export type SseEventListener = (name: string, event: Buffer) => void;

export interface SseOptions {
	/** An unfinished event larger than this is let through in pieces, bytes. Default 4 MB. */
	readonly maxEventBytes?: number;
	/** Events of these names are reported without their bytes: a stream has hundreds of them and few listeners read them. */
	readonly withoutBytes?: ReadonlySet<string>;
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

	constructor(listener: SseEventListener, options: SseOptions = {}) {
		this.#listener = listener;
		this.#maxEventBytes = options.maxEventBytes ?? 4 * 1024 * 1024;
		this.#withoutBytes = options.withoutBytes ?? NO_NAMES;
	}

	/** Bytes of an unfinished event that are held back. */
	get heldBytes(): number {
		return this.#pendingBytes;
	}

	/** Takes the next piece; returns what may be relayed now, or null when no event ended in it. */
	push(chunk: Buffer): Buffer | null {
		// An empty piece among those held would hide a terminator that straddles it.
		if (chunk.length === 0) return null;
		let bytes = chunk;
		let from = 0;
		if (this.#pendingBytes > 0) {
			if (this.#pendingBytes + chunk.length <= this.#maxEventBytes && !this.#endsEvent(chunk)) {
				this.#hold(chunk);
				return null;
			}
			from = Math.max(0, this.#pendingBytes - SEAM);
			bytes = Buffer.concat([this.rest(), chunk]);
		}
		let start = 0;
		for (let end = eventEnd(bytes, from); end !== -1; end = eventEnd(bytes, end)) {
			if (this.#oversized) this.#oversized = false;
			else this.#report(bytes, start, end);
			start = end;
		}
		const rest = bytes.length - start;
		if (rest > this.#maxEventBytes) {
			this.#oversized = true;
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
		if (!isNamed(bytes, start, this.#name)) this.#name = eventName(bytes, start, end);
		const { text } = this.#name;
		this.#listener(text, this.#withoutBytes.has(text) ? NOTHING : bytes.subarray(start, end));
	}

	#hold(piece: Buffer): void {
		this.#pending.push(piece);
		this.#pendingBytes += piece.length;
	}

	/** Whether an event ends in `chunk`, its terminator maybe straddling the seam to what is held. */
	#endsEvent(chunk: Buffer): boolean {
		if (eventEnd(chunk, 0) !== -1) return true;
		const held = this.#pending.slice(-SEAM).map((piece) => piece.subarray(-SEAM));
		const seam = Buffer.concat([...held, chunk.subarray(0, SEAM)]);
		return eventEnd(seam, 0) !== -1;
	}
}

/** Offset just behind the first blank line at or after `from`, or -1. Knows LF and CRLF line ends. */
function eventEnd(bytes: Buffer, from: number): number {
	let at = bytes.indexOf(LF, from);
	while (at !== -1 && at + 1 < bytes.length) {
		const next = bytes[at + 1];
		if (next === LF) return at + 2;
		if (next === CR && bytes[at + 2] === LF) return at + 3;
		at = bytes.indexOf(LF, at + 1);
	}
	return -1;
}

/** An event's name, and the whole line that says it. */
interface EventName {
	readonly text: string;
	/** Its line feed included; empty = there is no such line. */
	readonly line: Buffer;
}

const NAMELESS: EventName = { text: "", line: NOTHING };
const NO_NAMES: ReadonlySet<string> = new Set();

function isNamed(bytes: Buffer, start: number, { line }: EventName): boolean {
	if (line.length === 0) return false;
	for (let at = 0; at < line.length; at += 1) if (bytes[start + at] !== line[at]) return false;
	return true;
}

/** Value of the event's first line when that is an `event:` field, as every Messages API event has it; nameless otherwise. */
function eventName(bytes: Buffer, start: number, end: number): EventName {
	if (bytes.compare(EVENT_FIELD, 0, EVENT_FIELD.length, start, Math.min(start + EVENT_FIELD.length, end)) !== 0) {
		return NAMELESS;
	}
	const lineEnd = bytes.indexOf(LF, start);
	const text = bytes.toString("latin1", start + EVENT_FIELD.length, lineEnd).trim();
	return { text, line: Buffer.from(bytes.subarray(start, lineEnd + 1)) };
}

/** The `data:` lines of one whole event, joined by line feeds (HTML standard, server-sent events, §9.2.6). */
export function sseData(event: Buffer): string {
	const lines: string[] = [];
	let start = 0;
	while (start < event.length) {
		let end = event.indexOf(LF, start);
		if (end === -1) end = event.length;
		if (event.compare(DATA_FIELD, 0, DATA_FIELD.length, start, Math.min(start + DATA_FIELD.length, end)) === 0) {
			let from = start + DATA_FIELD.length;
			if (event[from] === SPACE) from += 1;
			const to = event[end - 1] === CR ? end - 1 : end;
			lines.push(event.toString("utf8", from, Math.max(from, to)));
		}
		start = end + 1;
	}
	return lines.join("\n");
}
