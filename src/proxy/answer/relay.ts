// Writes one answer to the client: canonical bytes as they came, or through the encoding of the client's format. Leaves reading it to
// proxy/answer/reader.
import { GatewayError } from "../../errors.ts";
import type { ClientResponse } from "../client.ts";
import type { Exchange } from "../exchange.ts";
import { relayedHeaders } from "../headers.ts";
import { type AnswerHead, type Encoding, encodingOf } from "./encoding.ts";
import { KeepAlive } from "./keep-alive.ts";

export interface RelayHead extends AnswerHead {
	/** A stream from a platform that sends no pings: the gateway sends its own while nothing else comes. */
	readonly needsPings?: boolean;
}

const PING = Buffer.from('event: ping\ndata: {"type": "ping"}\n\n');

/** The client's side of an answer. Made at the moment the answer is committed to; from then on nothing is retried. */
export class Relay {
	readonly #exchange: Exchange;
	readonly #response: ClientResponse;
	/** null = canonical bytes are the client's. */
	readonly #encoding: Encoding | null;
	readonly #keepAlive: KeepAlive | null;

	constructor(exchange: Exchange, head: RelayHead) {
		this.#exchange = exchange;
		this.#response = exchange.response;
		exchange.firstByteAt = exchange.now();
		this.#encoding = encodingOf(exchange, head);
		if (this.#encoding === null) {
			this.#response.writeHead(head.status, Object.assign(relayedHeaders(head.headers), head.own));
		}
		const ping = head.needsPings !== true ? null : this.#encoding === null ? PING : this.#encoding.ping();
		this.#keepAlive = ping === null ? null : new KeepAlive(this.#response, ping);
	}

	/** false = the client is slower than the upstream: pause until `onDrain`. */
	write(bytes: Buffer): boolean {
		this.#keepAlive?.postpone();
		this.#exchange.capture?.push(bytes);
		return this.#encoding === null ? this.#response.write(bytes) : this.#encoding.write(bytes);
	}

	/** Head and held pieces; Node sends what is written in one tick as one packet. */
	writeAll(pieces: readonly Buffer[]): boolean {
		let room = true;
		for (const piece of pieces) room = this.write(piece);
		return room;
	}

	/** Sends the head alone, for a client that should see that an answer has begun. */
	flushHead(): void {
		if (this.#response.headersSent) this.#response.flushHeaders();
	}

	onDrain(resume: () => void): void {
		this.#response.once("drain", resume);
	}

	/** The answer is complete; `last` are its final bytes, maybe none. */
	finish(last: Buffer): void {
		this.#keepAlive?.stop();
		this.#exchange.capture?.push(last);
		if (this.#encoding !== null) this.#encoding.finish(last);
		else if (last.length > 0) this.#response.end(last);
		else this.#response.end();
	}

	/**
	 * The upstream broke after the answer had begun. A plain event stream gets the format's error event and ends (design §8); an answer
	 * of which nothing has gone out becomes an error; anything else is cut, so that the client cannot take it for complete.
	 */
	breakOff(canAddEvents: boolean): void {
		this.#keepAlive?.stop();
		const { format, id } = this.#exchange;
		const { status, anthropicType, message } = new GatewayError("upstream_broke");
		const error = { status, type: anthropicType, message, requestId: id };
		if (!this.#response.headersSent) {
			const answer = format.error(error);
			this.#response.writeHead(answer.status, { ...answer.headers, "content-length": String(answer.body.length) });
			this.#response.end(answer.body);
			return;
		}
		if (canAddEvents) this.#response.end(format.errorEvent(error));
		else this.#response.destroy();
	}
}
