// What is done with the bytes of an upstream's answer: one mode at a time, and the one that every answer begins in. Leaves the others to
// proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import { type Framing, framingOf } from "./answer-form.ts";

export interface Mode {
	data(chunk: Buffer): void;
	/** Nothing more comes. */
	end(): void;
}

export const OVER: Mode = { data() {}, end() {} };

/** First bytes of an answer of which is not known yet how it is framed. */
export class UnknownFraming implements Mode {
	readonly #headers: IncomingHttpHeaders;
	/** Takes over, with the bytes so far. */
	readonly #decide: (framing: Framing, opening: Buffer) => Mode;
	#opening: Buffer = Buffer.alloc(0);

	constructor(headers: IncomingHttpHeaders, decide: (framing: Framing, opening: Buffer) => Mode) {
		this.#headers = headers;
		this.#decide = decide;
	}

	data(chunk: Buffer): void {
		this.#opening = this.#opening.length === 0 ? chunk : Buffer.concat([this.#opening, chunk]);
		const framing = framingOf(this.#headers, this.#opening);
		if (framing !== null) this.#decide(framing, this.#opening);
	}

	end(): void {
		this.#decide("own", this.#opening).end();
	}
}
