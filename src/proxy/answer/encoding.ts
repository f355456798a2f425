// Puts an answer into the client's format where that is not the canonical one: event by event, or whole. Leaves the forms themselves to
// proxy/formats and sockets to proxy/answer/relay.
import type { IncomingHttpHeaders } from "node:http";
import { bytesOf, eventsOf, type Passing } from "../../protocol/answer-event.ts";
import { readError, statusOfErrorType } from "../../protocol/anthropic.ts";
import type { Exchange } from "../exchange.ts";
import type { AnswerEncoder } from "../formats/format.ts";
import { headerValue, relayedHeaders } from "../headers.ts";
import type { ClientResponse } from "../receive/client.ts";

/** A whole answer that is translated may have this size, bytes. No model writes as much; what is larger is no answer. */
export const MAX_WHOLE = 64 * 1024 * 1024;

/** Of the upstream's head, what describes its bytes and not ours. */
const ABOUT_BYTES = ["content-length", "content-encoding", "content-type", "transfer-encoding", "etag"];

export interface AnswerHead {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	/** The gateway's own headers; they win over the upstream's of the same name. */
	readonly own: Readonly<Record<string, string>>;
	/** Its bytes are in the client's format already. */
	readonly untouched?: boolean;
	/** A stream whose client asked for a whole answer. */
	readonly assembled?: boolean;
}

/** One answer on its way into the client's format. */
export interface Encoding {
	/** What comes next: events of a stream, bytes of a whole answer. false = the client is slower than the upstream. */
	write(passing: Passing): boolean;
	/** The answer is complete; `last` is what comes last, maybe nothing. */
	finish(last: Passing): void;
	/** What keeps an idle stream alive; null = nothing does. */
	ping(): Buffer | null;
	/** Whether the client has a stream that has begun. */
	readonly streaming: boolean;
	/** It was given more than it may hold: what it had is gone, and the client has got nothing. */
	readonly isOverfull: boolean;
}

/** The encoding that an answer needs; null = canonical bytes are what the client expects. */
export function encodingOf(exchange: Exchange, head: AnswerHead): Encoding | null {
	const { format } = exchange;
	if (head.untouched === true) return null;
	if (head.status >= 300) return format.relaysErrors ? null : new WholeEncoding(exchange, head, null);
	const made = encoderOf(exchange);
	if (made === null) return null;
	const isStream = (headerValue(head.headers, "content-type") ?? "").startsWith("text/event-stream");
	return isStream ? new StreamEncoding(exchange.response, head, made) : new WholeEncoding(exchange, head, made);
}

/** Puts one answer into the client's format; null = that is the canonical one. */
export function encoderOf({ encoder, id, startedAt, now }: Exchange): AnswerEncoder | null {
	return encoder?.({ requestId: id, startedAt, now }) ?? null;
}

/** Events as they come. */
class StreamEncoding implements Encoding {
	readonly streaming = true;
	readonly isOverfull = false;
	readonly #response: ClientResponse;
	readonly #encoder: AnswerEncoder;

	constructor(response: ClientResponse, head: AnswerHead, encoder: AnswerEncoder) {
		this.#response = response;
		this.#encoder = encoder;
		const own = { ...encoder.headers(true), ...head.own };
		response.writeHead(head.status, relayedHeaders(keptHeaders(head.headers), own));
	}

	write(passing: Passing): boolean {
		const encoded = this.#encode(passing);
		return encoded.length === 0 ? true : this.#response.write(encoded);
	}

	finish(last: Passing): void {
		const rest = this.#encode(last);
		this.#response.end(Buffer.concat([rest, this.#encoder.end()]));
	}

	ping(): Buffer | null {
		return this.#encoder.ping();
	}

	#encode(passing: Passing): Buffer {
		return Buffer.concat(eventsOf(passing).map((event) => this.#encoder.event(event)));
	}
}

/** An answer that must be known whole before its head is: JSON, or an error (`encoder` null). */
class WholeEncoding implements Encoding {
	readonly streaming = false;
	readonly #exchange: Exchange;
	readonly #head: AnswerHead;
	readonly #encoder: AnswerEncoder | null;
	#pieces: Buffer[] = [];
	#size = 0;

	constructor(exchange: Exchange, head: AnswerHead, encoder: AnswerEncoder | null) {
		this.#exchange = exchange;
		this.#head = head;
		this.#encoder = encoder;
	}

	get isOverfull(): boolean {
		return this.#size > MAX_WHOLE;
	}

	write(passing: Passing): boolean {
		const bytes = bytesOf(passing);
		this.#size += bytes.length;
		if (this.isOverfull) this.#pieces = [];
		else this.#pieces.push(bytes);
		return true;
	}

	finish(last: Passing): void {
		this.#pieces.push(bytesOf(last));
		const { headers, own, status } = this.#head;
		const whole = Buffer.concat(this.#pieces);
		if (this.#encoder !== null) this.#send(status, this.#encoder.body(whole), () => this.#encoderHeaders());
		else {
			const error = clientError(whole, { status, requestId: requestIdOf(headers) ?? this.#exchange.id });
			const answer = this.#exchange.format.error(error);
			this.#send(answer.status, answer.body, () => ({ ...answer.headers, ...own }));
		}
	}

	ping(): null {
		return null;
	}

	#encoderHeaders(): Readonly<Record<string, string>> {
		const encoder = this.#encoder;
		return { ...encoder?.headers(false), ...encoder?.bodyHeaders?.(), ...this.#head.own };
	}

	#send(status: number, body: Buffer, headers: () => Readonly<Record<string, string>>): void {
		const { response } = this.#exchange;
		const own = { ...headers(), "content-length": String(body.length) };
		response.writeHead(status, relayedHeaders(keptHeaders(this.#head.headers), own));
		response.end(body);
	}
}

/** An upstream's error in canonical words. A body that is no canonical error is quoted by its beginning. */
export function clientError(
	body: Buffer,
	about: { readonly status: number; readonly requestId: string },
): { readonly status: number; readonly type: string; readonly message: string; readonly requestId: string } {
	const text = body.toString("utf8");
	const error = readError(text);
	if (error !== null) return { ...about, type: error.type, message: error.message };
	return { ...about, type: typeOfStatus(about.status), message: text.slice(0, 2000) };
}

/** `error.type` for a status that came without one. */
export function typeOfStatus(status: number): string {
	for (const type of [
		"authentication_error",
		"permission_error",
		"not_found_error",
		"request_too_large",
		"rate_limit_error",
	])
		if (statusOfErrorType(type) === status) return type;
	return status < 500 ? "invalid_request_error" : "api_error";
}

function requestIdOf(headers: IncomingHttpHeaders): string | null {
	return headerValue(headers, "request-id");
}

/** Of the upstream's head, what is true of an answer in other bytes. */
export function keptHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
	const kept = { ...headers };
	for (const name of ABOUT_BYTES) delete kept[name];
	return kept;
}
