// Watches an answer pass: cuts a stream at event boundaries and reads its usage, without changing a byte. Leaves writing to proxy/answer/relay.

import type { Transform } from "node:stream";
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from "node:zlib";
import { SseSplitter } from "../../protocol/sse.ts";
import { type Usage, UsageReader } from "../../protocol/usage.ts";

/** A JSON answer larger than this is relayed but its usage is not read, bytes. */
const MAX_BODY_READ = 8 * 1024 * 1024;

/** Events of which the name says enough. */
const UNREAD: ReadonlySet<string> = new Set([
	"content_block_start",
	"content_block_delta",
	"content_block_stop",
	"ping",
]);

export interface AnswerReaderOptions {
	readonly streaming: boolean;
	/** `content-encoding`; what we cannot decode is relayed unread. */
	readonly encoding: string;
	/** Every whole event of a stream, in order, with its bytes unless the name says enough; for a plain stream before `push` returns, for a compressed one soon after. */
	readonly onEvent: (name: string, event: Buffer) => void;
}

/** Reader of one answer. `push` returns what may be relayed now: bytes are never altered, only held to the next event's end. */
export class AnswerReader {
	readonly streaming: boolean;
	/** An uncompressed event stream: events can be added to it. */
	readonly plain: boolean;
	readonly #encoding: string;
	readonly #usage = new UsageReader();
	readonly #splitter: SseSplitter | null;
	readonly #decoder: Transform | null;
	#body: Buffer[] | null;
	#bodyBytes = 0;

	constructor(options: AnswerReaderOptions) {
		this.#encoding = options.encoding.toLowerCase();
		this.streaming = options.streaming;
		this.plain = options.streaming && this.#encoding === "identity";
		this.#body = options.streaming ? null : [];
		this.#splitter = options.streaming
			? new SseSplitter(
					(name, event) => {
						this.#usage.event(name, event);
						options.onEvent(name, event);
					},
					{ withoutBytes: UNREAD },
				)
			: null;
		this.#decoder = options.streaming && !this.plain ? streamDecoder(this.#encoding) : null;
		this.#decoder?.on("data", (chunk: Buffer) => this.#splitter?.push(chunk));
		// A stream that cannot be decoded is still relayed; only its usage stays unknown.
		this.#decoder?.on("error", () => {});
	}

	get usage(): Usage | null {
		return this.#usage.usage;
	}

	push(chunk: Buffer): Buffer | null {
		if (this.plain && this.#splitter !== null) return this.#splitter.push(chunk);
		if (this.#decoder !== null) {
			if (!this.#decoder.destroyed) this.#decoder.write(chunk);
		} else if (this.#body !== null) this.#keep(chunk);
		return chunk;
	}

	/** Bytes of an unfinished event, when the stream has ended. */
	rest(): Buffer {
		return this.plain && this.#splitter !== null ? this.#splitter.rest() : Buffer.alloc(0);
	}

	/** Call it after the answer has gone out: gives the usage, at once or after decoding. Never fails. */
	finish(done: (usage: Usage | null) => void): void {
		const report = () => done(this.usage);
		if (this.#decoder !== null) {
			// One that failed has closed already, or will without a further word.
			if (this.#decoder.destroyed) {
				report();
				return;
			}
			this.#decoder.once("close", report);
			this.#decoder.end();
			this.#decoder.resume();
			return;
		}
		if (this.#body === null) {
			report();
			return;
		}
		const body = Buffer.concat(this.#body);
		this.#body = null;
		decode(this.#encoding, body, (plain) => {
			if (plain !== null) this.#usage.body(plain);
			report();
		});
	}

	#keep(chunk: Buffer): void {
		this.#bodyBytes += chunk.length;
		if (this.#bodyBytes > MAX_BODY_READ) this.#body = null;
		else this.#body?.push(chunk);
	}
}

function streamDecoder(encoding: string): Transform | null {
	switch (encoding) {
		case "gzip":
		case "x-gzip":
			return createGunzip();
		case "deflate":
			return createInflate();
		case "br":
			return createBrotliDecompress();
		default:
			return null;
	}
}

function decode(encoding: string, body: Buffer, done: (plain: Buffer | null) => void): void {
	const finished = (error: Error | null, plain: Buffer) => done(error === null ? plain : null);
	const bound = { maxOutputLength: MAX_BODY_READ };
	switch (encoding) {
		case "identity":
			done(body);
			break;
		case "gzip":
		case "x-gzip":
			gunzip(body, bound, finished);
			break;
		case "deflate":
			inflate(body, bound, finished);
			break;
		case "br":
			brotliDecompress(body, bound, finished);
			break;
		default:
			done(null);
	}
}
