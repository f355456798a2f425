// Writes one answer to the client: canonical bytes as they came, or through the encoding of the client's format. Leaves reading it to
// proxy/answer/reader.
import { GatewayError } from "../../errors.ts";
import { bytesOf, type Passing } from "../../protocol/answer-event.ts";
import type { Exchange } from "../exchange.ts";
import { attempted } from "../guard.ts";
import { relayedHeaders } from "../headers.ts";
import type { ClientResponse } from "../receive/client.ts";
import { AssembledEncoding } from "./assembled.ts";
import { type AnswerHead, type Encoding, encodingOf, MAX_WHOLE } from "./encoding.ts";
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
		this.#encoding = head.assembled === true ? new AssembledEncoding(exchange, head) : encodingOf(exchange, head);
		if (this.#encoding === null) {
			this.#response.writeHead(head.status, relayedHeaders(head.headers, head.own));
		}
		const ping = head.needsPings !== true ? null : this.#encoding === null ? PING : this.#encoding.ping();
		this.#keepAlive = ping === null ? null : new KeepAlive(this.#response, ping, (error) => exchange.fault(error));
	}

	/** false = the client is slower than the upstream: pause until `onDrain`. */
	write(passing: Passing): boolean {
		this.#keepAlive?.postpone();
		this.#exchange.capture?.push(bytesOf(passing));
		return this.#encoding === null ? this.#response.write(bytesOf(passing)) : this.#encoding.write(passing);
	}

	/** Head and held pieces; Node sends what is written in one tick as one packet. */
	writeAll(pieces: readonly Passing[]): boolean {
		let canTakeMore = true;
		for (const piece of pieces) canTakeMore = this.write(piece);
		return canTakeMore;
	}

	/** Sends the head alone, for a client that should see that an answer has begun. */
	flushHead(): void {
		if (this.#response.headersSent) this.#response.flushHeaders();
	}

	/** Bytes go to the client as they are: the last ones may wait for the end and go with it. */
	get isDirect(): boolean {
		return this.#encoding === null;
	}

	/** The answer, or an event of it, outgrew what may be held of it. */
	get isOverfull(): boolean {
		return this.#encoding?.isOverfull === true;
	}

	onDrain(resume: () => void): void {
		this.#response.once("drain", resume);
	}

	/** The answer is complete; `last` is what comes last, maybe nothing. */
	finish(last: Passing): void {
		this.#keepAlive?.stop();
		this.#exchange.capture?.push(bytesOf(last));
		if (this.#encoding !== null) this.#encoding.finish(last);
		else if (last.length > 0) this.#response.end(bytesOf(last));
		else this.#response.end();
	}

	/**
	 * The upstream ended its answer in good order, but before it was complete. Clients of the Messages API see that for themselves, as they
	 * do without a gateway; in another format it would look whole.
	 */
	finishShort(last: Passing): void {
		if (this.#encoding !== null) this.breakOff(true);
		else this.finish(last);
	}

	/**
	 * The upstream broke after the answer had begun. A plain event stream gets the format's error event and ends (routing-model §6); an answer
	 * of which nothing has gone out becomes an error; anything else is cut, so that the client cannot take it for complete.
	 */
	breakOff(canAddEvents: boolean, error = new GatewayError("upstream_broke")): void {
		this.#keepAlive?.stop();
		if (!this.#response.headersSent) answerWithError(this.#exchange, error);
		else if (canAddEvents) this.#response.end(this.#exchange.format.errorEvent(inFormat(error, this.#exchange)));
		else this.#response.destroy();
	}
}

/** Ends a request on which something of ours threw, with or without an answer that had begun; a socket is cut where nothing else can be done. */
export function endBroken(exchange: Exchange, relay: Relay | null, canAddEvents: boolean): void {
	const { response } = exchange;
	const error = new GatewayError("internal");
	const isAnswered = attempted(() => {
		if (relay !== null) relay.breakOff(canAddEvents, error);
		else if (response.headersSent) response.destroy();
		else answerWithError(exchange, error);
	});
	if (!isAnswered) response.destroy();
}

/** Instead of an answer, or the rest of a stream, that must be translated whole and outgrew what may be held of it. */
export function answerTooLarge(exchange: Exchange): void {
	const { format, response } = exchange;
	const error = new GatewayError("answer_too_large", { limit: MAX_WHOLE });
	if (response.headersSent) response.end(format.errorEvent(inFormat(error, exchange)));
	else answerWithError(exchange, error);
}

/** An error instead of an answer of which nothing has gone out. */
function answerWithError(exchange: Exchange, error: GatewayError): void {
	const { format, response } = exchange;
	const answer = format.error(inFormat(error, exchange));
	response.writeHead(answer.status, { ...answer.headers, "content-length": String(answer.body.length) });
	response.end(answer.body);
}

function inFormat({ status, anthropicType, message }: GatewayError, { id }: Exchange) {
	return { status, type: anthropicType, message, requestId: id };
}
