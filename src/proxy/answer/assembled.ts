// A stream for a client that asked for a whole answer: its events are put together, and go out when the last has come. Leaves the
// client's format to proxy/formats and the events themselves to protocol/messages-events.
import { eventsOf, type Passing } from "../../protocol/answer-event.ts";
import { statusOfErrorType } from "../../protocol/anthropic.ts";
import { MessageAssembler } from "../../protocol/messages-events.ts";
import type { Exchange } from "../exchange.ts";
import type { AnswerEncoder } from "../formats/format.ts";
import { relayedHeaders } from "../headers.ts";
import { type AnswerHead, type Encoding, encoderOf, keptHeaders, MAX_WHOLE } from "./encoding.ts";

export class AssembledEncoding implements Encoding {
	readonly streaming = false;
	readonly #exchange: Exchange;
	readonly #head: AnswerHead;
	/** null = the canonical answer is the client's. */
	readonly #encoder: AnswerEncoder | null;
	readonly #assembler = new MessageAssembler();
	#size = 0;

	constructor(exchange: Exchange, head: AnswerHead) {
		this.#exchange = exchange;
		this.#head = head;
		this.#encoder = encoderOf(exchange);
	}

	get isOverfull(): boolean {
		return this.#size > MAX_WHOLE;
	}

	write(passing: Passing): boolean {
		for (const event of eventsOf(passing)) {
			this.#size += event.text.length;
			if (!this.isOverfull) this.#assembler.event(event);
		}
		return true;
	}

	finish(last: Passing): void {
		this.write(last);
		const { error } = this.#assembler;
		if (error === null) this.#answer(this.#assembler.answer());
		else {
			const { format, id } = this.#exchange;
			const sent = format.error({ ...error, status: statusOfErrorType(error.type), requestId: id });
			this.#send(sent.status, sent.headers, sent.body);
		}
	}

	ping(): null {
		return null;
	}

	#answer(whole: Buffer): void {
		const body = this.#encoder?.body(whole) ?? whole;
		const json = { "content-type": "application/json" };
		this.#send(
			this.#head.status,
			{ ...(this.#encoder?.headers(false) ?? json), ...this.#encoder?.bodyHeaders?.() },
			body,
		);
	}

	#send(status: number, headers: Readonly<Record<string, string>>, body: Buffer): void {
		const { response } = this.#exchange;
		const own = { ...headers, ...this.#head.own, "content-length": String(body.length) };
		response.writeHead(status, relayedHeaders(keptHeaders(this.#head.headers), own));
		response.end(body);
	}
}
