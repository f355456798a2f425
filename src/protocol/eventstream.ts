// AWS event-stream frames (application/vnd.amazon.eventstream) as Bedrock puts them around the Messages API's stream events, both ways.
// Leaves what the events mean to protocol/usage and the providers.

import { crc32 } from "node:zlib";
import { AnswerEvent } from "./answer-event.ts";
import { awsErrorMeaning, canonicalAwsError } from "./aws-errors.ts";

export const EVENT_STREAM_TYPE = "application/vnd.amazon.eventstream";

/** Total length, length of the headers, checksum of both. */
const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
/** AWS allows 16 MB a message; one longer than that is a broken stream, bytes. */
const MAX_FRAME_BYTES = 24 * 1024 * 1024;
const STRING_HEADER = 7;
/** Bytes of a header's value by its type: true, false, byte, short, integer, long; then those with a length; timestamp, uuid. */
const FIXED_VALUE_BYTES: Readonly<Record<number, number>> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 };

/** One message. Only text headers are kept: the others have no meaning here. */
export interface EventStreamFrame {
	readonly headers: Readonly<Record<string, string>>;
	readonly payload: Buffer;
}

/** The bytes are no event stream, or not an intact one. */
export class EventStreamError extends Error {
	override readonly name = "EventStreamError";
}

/** Cuts a byte stream into frames, checksums checked. Throws EventStreamError; after that it must not be used again. */
export class EventStreamDecoder {
	#pending: Buffer = Buffer.alloc(0);

	/** Bytes of an unfinished frame. */
	get heldBytes(): number {
		return this.#pending.length;
	}

	push(chunk: Buffer): EventStreamFrame[] {
		const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
		const frames: EventStreamFrame[] = [];
		let at = 0;
		while (bytes.length - at >= PRELUDE_BYTES) {
			const length = frameLength(bytes, at);
			if (bytes.length - at < length) break;
			frames.push(decodeFrame(bytes.subarray(at, at + length)));
			at += length;
		}
		this.#pending = bytes.subarray(at);
		return frames;
	}
}

function frameLength(bytes: Buffer, at: number): number {
	const length = bytes.readUInt32BE(at);
	if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8)) {
		throw new EventStreamError("the prelude's checksum is wrong");
	}
	const headers = bytes.readUInt32BE(at + 4);
	if (length > MAX_FRAME_BYTES || length < PRELUDE_BYTES + headers + CHECKSUM_BYTES) {
		throw new EventStreamError(`a frame cannot have ${length} bytes, ${headers} of headers`);
	}
	return length;
}

function decodeFrame(frame: Buffer): EventStreamFrame {
	const body = frame.length - CHECKSUM_BYTES;
	if (crc32(frame.subarray(0, body)) !== frame.readUInt32BE(body)) {
		throw new EventStreamError("a frame's checksum is wrong");
	}
	const headersEnd = PRELUDE_BYTES + frame.readUInt32BE(4);
	return {
		headers: decodeHeaders(frame.subarray(PRELUDE_BYTES, headersEnd)),
		payload: frame.subarray(headersEnd, body),
	};
}

function decodeHeaders(bytes: Buffer): Record<string, string> {
	const headers: Record<string, string> = {};
	let at = 0;
	const take = (count: number): Buffer => {
		if (at + count > bytes.length) throw new EventStreamError("a frame's headers are cut short");
		at += count;
		return bytes.subarray(at - count, at);
	};
	while (at < bytes.length) {
		const name = take(take(1).readUInt8()).toString("utf8");
		const type = take(1).readUInt8();
		const length = FIXED_VALUE_BYTES[type] ?? (type === 6 || type === STRING_HEADER ? take(2).readUInt16BE() : null);
		if (length === null) throw new EventStreamError(`a frame's header has the unknown type ${type}`);
		const value = take(length);
		if (type === STRING_HEADER) headers[name] = value.toString("utf8");
	}
	return headers;
}

/** One frame's bytes; every header becomes a text header. */
export function encodeFrame({ headers, payload }: EventStreamFrame): Buffer {
	const parts: Buffer[] = [];
	for (const [name, value] of Object.entries(headers)) {
		const text = Buffer.from(value);
		const lengths = Buffer.from([STRING_HEADER, text.length >> 8, text.length & 0xff]);
		parts.push(Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), lengths, text);
	}
	const head = Buffer.concat(parts);
	const total = PRELUDE_BYTES + head.length + payload.length + CHECKSUM_BYTES;
	const frame = Buffer.allocUnsafe(total);
	frame.writeUInt32BE(total, 0);
	frame.writeUInt32BE(head.length, 4);
	frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
	head.copy(frame, PRELUDE_BYTES);
	payload.copy(frame, PRELUDE_BYTES + head.length);
	frame.writeUInt32BE(crc32(frame.subarray(0, total - CHECKSUM_BYTES)), total - CHECKSUM_BYTES);
	return frame;
}

const CHUNK_HEADERS = { ":event-type": "chunk", ":content-type": "application/json", ":message-type": "event" };

const PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/**
 * The frame around one stream event, whose `data` is its JSON: what Bedrock sends for it, with padding of a random length as there, so that
 * the length of an encrypted frame does not show which token it holds.
 */
export function encodeChunk(data: string | Buffer): Buffer {
	const bytes = Buffer.from(data).toString("base64");
	const padding = PADDING.slice(0, 1 + Math.floor(Math.random() * PADDING.length));
	return encodeFrame({ headers: CHUNK_HEADERS, payload: Buffer.from(`{"bytes":"${bytes}","p":"${padding}"}`) });
}

/** The frame that ends a stream with an error. `name` is AWS's, camel-cased: `throttlingException`. */
export function encodeException(name: string, message: string): Buffer {
	const headers = {
		":exception-type": name,
		":content-type": "application/json",
		":message-type": "exception",
	};
	return encodeFrame({ headers, payload: Buffer.from(JSON.stringify({ message })) });
}

const TYPE_FIRST = /^\{"type":"([a-z_]+)"/;

/**
 * AWS frames → the Messages API's events. A chunk's JSON passes as it is; an exception becomes the canonical `error` event, with which the
 * stream ends; what follows one, or a broken frame, is dropped.
 */
export class EventStreamReframer {
	readonly streaming = true;
	readonly #decoder = new EventStreamDecoder();
	#isOver = false;

	push(chunk: Buffer): readonly AnswerEvent[] {
		if (this.#isOver) return [];
		let frames: readonly EventStreamFrame[];
		try {
			frames = this.#decoder.push(chunk);
		} catch (error) {
			return this.#fail(error instanceof Error ? error.message : String(error));
		}
		const events: AnswerEvent[] = [];
		for (const frame of frames) {
			if (this.#isOver) break;
			const event = this.#event(frame);
			if (event !== null) events.push(event);
		}
		return events;
	}

	end(): readonly AnswerEvent[] {
		if (this.#isOver || this.#decoder.heldBytes === 0) return [];
		return this.#fail("the stream ended inside a frame");
	}

	#event({ headers, payload }: EventStreamFrame): AnswerEvent | null {
		const kind = headers[":message-type"];
		if (kind === "exception" || kind === "error") {
			this.#isOver = true;
			const name = headers[":exception-type"] ?? headers[":error-code"] ?? null;
			return errorEvent(name, messageOf(payload) ?? headers[":error-message"] ?? name ?? "");
		}
		const data = chunkData(payload);
		// A frame that is no chunk carries nothing for a client of the Messages API.
		return data === null ? null : chunkEvent(data);
	}

	#fail(reason: string): readonly AnswerEvent[] {
		this.#isOver = true;
		return [errorEvent(null, `The upstream's event stream is broken: ${reason}.`)];
	}
}

function errorEvent(name: string | null, message: string): AnswerEvent {
	const { type } = awsErrorMeaning(name, null);
	return AnswerEvent.read("error", canonicalAwsError({ type, message, name }));
}

/** `text` is one JSON object; null when it is no event. */
function chunkEvent(text: string): AnswerEvent | null {
	const type = TYPE_FIRST.exec(text)?.[1];
	if (type !== undefined) return AnswerEvent.read(type, text);
	const event = AnswerEvent.read("", text);
	const name = event.data?.["type"];
	return typeof name === "string" ? event.named(name) : null;
}

/** The decoded `bytes` of a chunk's payload; null for another payload. */
function chunkData(payload: Buffer): string | null {
	const bytes = parsed(payload.toString("utf8"))?.["bytes"];
	return typeof bytes === "string" ? Buffer.from(bytes, "base64").toString("utf8") : null;
}

function messageOf(payload: Buffer): string | null {
	const value = parsed(payload.toString("utf8"));
	const message = value?.["message"] ?? value?.["Message"];
	return typeof message === "string" ? message : null;
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}
