// Writes one upstream answer to the client, byte for byte. Leaves reading it to proxy/answer-reader.
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { GatewayError } from "../errors.ts";
import { errorEvent } from "../protocol/anthropic.ts";
import type { Exchange } from "./exchange.ts";
import { relayedHeaders } from "./headers.ts";

export interface RelayHead {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	/** The gateway's own headers; they win over the upstream's of the same name. */
	readonly own: Readonly<Record<string, string>>;
}

/** The client's side of an answer. Made at the moment the answer is committed to; from then on nothing is retried. */
export class Relay {
	readonly #exchange: Exchange;
	readonly #response: ServerResponse;

	constructor(exchange: Exchange, head: RelayHead) {
		this.#exchange = exchange;
		this.#response = exchange.response;
		exchange.firstByteAt = Date.now();
		this.#response.writeHead(head.status, Object.assign(relayedHeaders(head.headers), head.own));
	}

	/** false = the client is slower than the upstream: pause until `onDrain`. */
	write(bytes: Buffer): boolean {
		return this.#response.write(bytes);
	}

	/** Head and held pieces; Node sends what is written in one tick as one packet. */
	writeAll(pieces: readonly Buffer[]): boolean {
		let room = true;
		for (const piece of pieces) room = this.#response.write(piece);
		return room;
	}

	/** Sends the head alone, for a client that should see that an answer has begun. */
	flushHead(): void {
		this.#response.flushHeaders();
	}

	onDrain(resume: () => void): void {
		this.#response.once("drain", resume);
	}

	/** The answer is complete; `last` are its final bytes, maybe none. */
	finish(last: Buffer): void {
		if (last.length > 0) this.#response.end(last);
		else this.#response.end();
	}

	/**
	 * The upstream broke after the answer had begun. A plain event stream gets the dialect's `error` event and ends (design §8);
	 * anything else is cut, so that the client cannot take it for complete.
	 */
	breakOff(canAddEvents: boolean): void {
		if (!canAddEvents) {
			this.#response.destroy();
			return;
		}
		const error = new GatewayError("upstream_broke");
		this.#response.end(errorEvent(error.anthropicType, error.message, this.#exchange.id));
	}
}
