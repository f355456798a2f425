// What is done with the bytes of an upstream's answer: one mode at a time; the one that every answer begins in, and that of errors. Leaves the
// others to proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import type { Exchange } from "../exchange.ts";
import { type Framing, framingOf } from "./answer-form.ts";
import { EndTimer } from "./end-timer.ts";

export interface Mode {
	data(chunk: Buffer): void;
	/** Nothing more comes. */
	end(): void;
	/** Ends its waits. */
	stop?(): void;
}

const NOTHING = Buffer.alloc(0);
/** Blank bytes before an answer that are kept, bytes. */
const MOST_BLANK = 64 * 1024;

export const OVER: Mode = { data() {}, end() {} };

/** First bytes of an answer of which is not known yet how it is framed. */
export class UnknownFraming implements Mode {
	readonly #headers: IncomingHttpHeaders;
	/** Takes over, with the bytes so far. */
	readonly #decide: (framing: Framing, opening: Buffer) => Mode;
	readonly #onBlank: () => void;
	#opening: Buffer = NOTHING;

	/** `onBlank` is told of each piece that begins no answer yet. */
	constructor(headers: IncomingHttpHeaders, decide: (framing: Framing, opening: Buffer) => Mode, onBlank: () => void) {
		this.#headers = headers;
		this.#decide = decide;
		this.#onBlank = onBlank;
	}

	data(chunk: Buffer): void {
		this.#opening = this.#opening.length === 0 ? chunk : Buffer.concat([this.#opening, chunk]);
		const framing = framingOf(this.#headers, this.#opening);
		if (framing !== null) {
			this.#decide(framing, this.#opening);
			return;
		}
		// Nobody misses what of them is left out.
		if (this.#opening.length > MOST_BLANK) this.#opening = NOTHING;
		this.#onBlank();
	}

	end(): void {
		this.#decide("own", this.#opening).end();
	}
}

/** Error bodies up to this size are read, bytes. */
const MAX_ERROR_BODY = 1024 * 1024;
/** The rest of an error is not waited for longer: what counts is known by its head, ms. */
const AWAIT_ERROR_MS = 5_000;

/** The body of an answer with an error status, as far as it comes. */
export class ErrorBody implements Mode {
	readonly #chunks: Buffer[] = [];
	readonly #done: (body: Buffer) => void;
	readonly #timer = new EndTimer();
	#size = 0;

	/** `done` is called once, with what has come. */
	constructor(exchange: Exchange, done: (body: Buffer) => void) {
		this.#done = done;
		this.#timer.start(exchange, () => this.end(), AWAIT_ERROR_MS);
	}

	data(chunk: Buffer): void {
		this.#size += chunk.length;
		if (this.#size > MAX_ERROR_BODY) this.end();
		else this.#chunks.push(chunk);
	}

	end(): void {
		this.stop();
		this.#done(Buffer.concat(this.#chunks));
	}

	stop(): void {
		this.#timer.stop();
	}
}
