// Watches an answer pass: cuts a stream at event boundaries and reads its usage, without changing a byte of what is as the API writes it.
// Leaves what is odd to protocol/messages-repair and writing to proxy/answer/relay.

import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { AnswerEvent, bytesOf } from "../../protocol/answer-event.ts";
import { type Cut, spliced } from "../../protocol/edit.ts";
import { isJson } from "../../protocol/json-text.ts";
import { MessagesRepair } from "../../protocol/messages-repair.ts";
import { plainData, SseSplitter, sseData } from "../../protocol/sse.ts";
import { type Usage, UsageReader } from "../../protocol/usage.ts";
import { guarded, type OnFault } from "../guard.ts";
import { Written } from "./written.ts";

/** A JSON answer larger than this is relayed but its usage is not read, bytes. */
const MAX_BODY_READ = 8 * 1024 * 1024;

/** Events of which the name says enough. */
const UNREAD: ReadonlySet<string> = new Set([
	"content_block_start",
	"content_block_delta",
	"content_block_stop",
	"ping",
]);

/** Every whole event of a stream, in order, before what goes on of it is given. `error` is the data of an `error` event, else "". */
export type OnEvent = (name: string, error: string) => void;

export interface AnswerReaderOptions {
	readonly streaming: boolean;
	/** `content-encoding` of a whole answer; what we cannot decode is relayed unread. Streams come plain. */
	readonly encoding: string;
	/** A stream of the Messages API, for its clients: what these would not understand is put right. */
	readonly repairs: boolean;
	/** Called before `push` returns. */
	readonly onEvent: OnEvent;
	/** Called with what throws while a packed answer is read, which happens in a callback of its own. */
	readonly onFault: OnFault;
}

/** Events that an answer ends with. */
export const LAST_EVENTS: ReadonlySet<string> = new Set(["message_stop", "error"]);
const NOTHING = Buffer.alloc(0);

/** Reader of one answer. `push` returns what may be relayed now: held to the next event's end. */
export class AnswerReader {
	readonly streaming: boolean;
	/** What of a stream passed that its usage does not count yet; null = not a stream. */
	readonly written: Written | null;
	readonly #encoding: string;
	readonly #usage = new UsageReader();
	readonly #splitter: SseSplitter | null;
	readonly #repair: MessagesRepair | null;
	readonly #onEvent: OnEvent;
	/** Of the chunk that is being read. */
	#edits: Cut[] = [];
	#over = false;
	#body: Buffer[] | null;
	#bodyBytes = 0;
	readonly #onFault: OnFault;

	constructor(options: AnswerReaderOptions) {
		this.#encoding = options.encoding.toLowerCase();
		this.#onFault = options.onFault;
		this.streaming = options.streaming;
		this.#body = options.streaming ? null : [];
		this.written = options.streaming ? new Written() : null;
		this.#onEvent = options.onEvent;
		this.#repair = options.streaming && options.repairs ? new MessagesRepair() : null;
		this.#splitter = options.streaming
			? new SseSplitter((name, event) => this.#event(name, event), { withoutBytes: UNREAD })
			: null;
	}

	get usage(): Usage | null {
		return this.#usage.usage;
	}

	/** A stream's answer has ended; what comes after that is of no use to anybody. */
	get isOver(): boolean {
		return this.#over || this.#repair?.isOver === true;
	}

	/** All has been said but the last word. */
	get awaitsEnd(): boolean {
		return this.#repair?.awaitsEnd === true;
	}

	/** A whole answer that is as far as its JSON goes. */
	get isWholeJson(): boolean {
		return this.#body !== null && this.#encoding === "identity" && isJson(Buffer.concat(this.#body));
	}

	push(chunk: Buffer): Buffer | null {
		if (this.#splitter !== null) {
			const relayable = this.#splitter.push(chunk);
			return this.#edits.length === 0 || relayable === null ? relayable : this.#edited(relayable);
		}
		if (this.#body !== null) this.#keep(chunk);
		return chunk;
	}

	/** The stream has ended: what is left of it to relay, its last event whole where it lacked no more than its end. */
	end(): Buffer {
		if (this.#splitter === null) return NOTHING;
		const rest = this.#splitter.rest();
		if (this.#repair === null || this.#splitter.hasLetThrough) return rest;
		const { events, left } = this.#repair.end(rest);
		return Buffer.concat([this.#written(events), left]);
	}

	#event(name: string, event: Buffer): void {
		const repair = this.#repair;
		const splitter = this.#splitter;
		if (repair === null || splitter === null || splitter.hasLetThrough || repair.passes(name, splitter.place)) {
			this.#seen(name, event);
			return;
		}
		const { bytes, start, end, isPlain } = splitter.place;
		const whole = bytes.subarray(start, end);
		const sent = AnswerEvent.read(name, isPlain ? plainData(whole) : sseData(whole));
		const events = repair.event(sent, whole, isPlain);
		// As it came: what the repair puts in was not reported by the upstream.
		this.#usage.read(sent, repair.type);
		if (events === null) {
			this.#passed(repair.type, whole, sent);
			return;
		}
		this.#edits.push({ start, end, text: this.#written(events) });
	}

	#seen(name: string, event: Buffer): void {
		this.#usage.event(name, event);
		this.#passed(name, event, null);
	}

	/** `sent` is the event as it was read; null = nobody has. */
	#passed(name: string, event: Buffer, sent: AnswerEvent | null): void {
		const place = this.#splitter?.place;
		if (place !== undefined) this.written?.event(name, place, sent);
		if (LAST_EVENTS.has(name)) this.#over = true;
		this.#onEvent(name, name === "error" ? sseData(event) : "");
	}

	/** The bytes of events that take the place of others. */
	#written(events: readonly AnswerEvent[]): Buffer {
		for (const event of events) {
			this.written?.read(event);
			this.#onEvent(event.name, event.name === "error" ? event.text : "");
		}
		return bytesOf(events);
	}

	#edited(relayable: Buffer): Buffer | null {
		const edited = spliced(relayable, this.#edits);
		this.#edits = [];
		return edited.length === 0 ? null : edited;
	}

	/** Call it after the answer has gone out: gives the usage, at once or after decoding. Never fails. */
	finish(done: (usage: Usage | null) => void): void {
		const report = guarded(this.#onFault, () => done(this.usage));
		if (this.#body === null) {
			report();
			return;
		}
		const body = Buffer.concat(this.#body);
		this.#body = null;
		const read = guarded(this.#onFault, (plain: Buffer | null) => {
			if (plain !== null) this.#usage.body(plain);
			done(this.usage);
		});
		decode(this.#encoding, body, read);
	}

	#keep(chunk: Buffer): void {
		this.#bodyBytes += chunk.length;
		if (this.#bodyBytes > MAX_BODY_READ) this.#body = null;
		else this.#body?.push(chunk);
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
