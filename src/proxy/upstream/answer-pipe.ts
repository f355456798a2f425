// One answer on its way: made canonical where its upstream has a form of its own, watched, and put right. Bytes go on as bytes; a stream
// that is translated on either side goes on as events. Leaves when they go to the client to proxy/upstream/attempt.
import { AnswerEvent, bytesOf, eventsOf, type Passing } from "../../protocol/answer-event.ts";
import { endsObject, isJson } from "../../protocol/json-text.ts";
import { MAX_EVENT } from "../../protocol/messages-stream.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { BodyReframer, StreamReframer } from "../../providers/provider.ts";
import { EventReader } from "../answer/event-reader.ts";
import { AnswerReader, type OnEvent } from "../answer/reader.ts";
import type { Written } from "../answer/written.ts";
import type { Exchange } from "../exchange.ts";
import type { OnFault } from "../guard.ts";
import { headerValue } from "../headers.ts";
import { type AnswerForm, isEventStream, WholeAsStream } from "./answer-form.ts";

const NOTHING = Buffer.alloc(0);
const LEFT_OUT = AnswerEvent.of("error", {
	error: { type: "api_error", message: `An event of the upstream's stream is larger than ${MAX_EVENT} bytes.` },
});

export class AnswerPipe {
	readonly #reader: AnswerReader | EventReader;
	readonly #stream: StreamReframer | null;
	/** Translates a whole answer; null where its bytes are canonical, or too many. */
	#whole: BodyReframer | WholeAsStream | null;
	readonly isUntouched: boolean;
	/** A stream for a client that asked for a whole answer. */
	readonly isAssembled: boolean;
	/** Its upstream sends no pings. */
	readonly needsPings: boolean;
	/** A stream of the Messages API, which says when it is complete. */
	readonly #saysEnd: boolean;
	readonly #isSized: boolean;
	#isCutShort = false;

	constructor(
		{ stream, whole, canonical, ...form }: AnswerForm,
		about: { readonly operation: Exchange["operation"]; readonly onEvent: OnEvent; readonly onFault: OnFault },
	) {
		this.isUntouched = form.untouched;
		this.isAssembled = form.assembled;
		this.needsPings = form.needsPings;
		this.#isSized = form.sent["content-length"] !== undefined;
		this.#whole = whole;
		this.#stream = stream;
		const repairs = !form.untouched && about.operation === "messages";
		this.#reader =
			stream !== null || whole instanceof WholeAsStream
				? new EventReader(stream, { repairs: repairs && stream?.isCanonical !== true, onEvent: about.onEvent })
				: new AnswerReader({
						streaming: isEventStream(canonical),
						encoding: headerValue(canonical, "content-encoding") ?? "identity",
						repairs,
						onEvent: about.onEvent,
						onFault: about.onFault,
					});
		this.#saysEnd = this.#reader.streaming && repairs;
	}

	/** What goes on is an event stream: events can be added to it. */
	get streaming(): boolean {
		return this.#reader.streaming;
	}

	/** The upstream sends events, and not one whole answer. */
	get comesInEvents(): boolean {
		return this.streaming && !this.isWhole;
	}

	/** Nothing goes on before all has come: `passWhole` is then given it. */
	get isWhole(): boolean {
		return this.#whole !== null;
	}

	/** The answer has ended, whether or not its response has. */
	get isOver(): boolean {
		return this.#reader.streaming && this.#reader.isOver;
	}

	/** Whether, after these bytes, `hasAll` may be true. */
	mayHaveAll(last: Buffer): boolean {
		return this.#reader.awaitsEnd || (!this.comesInEvents && endsObject(last));
	}

	/** Nothing is missing but the last word, the usage, or the response's end. Of a whole answer that is translated all is held. */
	hasAll({ held }: { readonly held: Buffer }): boolean {
		if (this.#reader.awaitsEnd || this.comesInEvents) return this.#reader.awaitsEnd;
		if (this.isWhole) return isJson(held);
		// Its client waits for as many bytes as the head says.
		return !this.#isSized && this.#reader.isWholeJson;
	}

	/** To be asked when all has come. */
	get isComplete(): boolean {
		return !this.#saysEnd || this.#reader.isOver;
	}

	/** An untouched stream ended in the middle of its answer. */
	get isCutShort(): boolean {
		return this.#isCutShort;
	}

	/** As the upstream reported it so far; null where it reported none. */
	get usage(): Usage | null {
		return this.#reported(this.#reader.usage);
	}

	/** What of a stream passed that its usage does not count yet; null = not a stream. */
	get written(): Written | null {
		return this.#reader.written;
	}

	/** The upstream's next bytes; what goes on now, null = nothing. */
	push(chunk: Buffer): Passing | null {
		const passing = this.#reader.push(chunk);
		if (this.isUntouched && this.#stream !== null) return this.#stream.own ?? null;
		return this.#stream?.hasLeftOut === true ? this.#endedBy(LEFT_OUT, passing) : passing;
	}

	/** The answer goes no further: it would look whole. */
	#endedBy(error: AnswerEvent, passing: Passing | null): Passing | null {
		if (!(this.#reader instanceof EventReader) || this.#reader.isOver) return passing;
		return [...eventsOf(passing ?? []), ...(this.#reader.take([error]) ?? [])];
	}

	/** The upstream has ended: what that adds. `rest` is asked for after it. */
	end(): Passing | null {
		if (this.#stream === null) return null;
		const last = this.#reader.end();
		if (!this.isUntouched) return last;
		this.#isCutShort = beginsWithError(last);
		return null;
	}

	/** What is left behind the last whole event. */
	rest(): Passing {
		if (this.#stream === null) return this.#reader.end();
		return (this.isUntouched && this.#stream.own) || NOTHING;
	}

	/** A whole answer, in the form in which it goes on. */
	translated(whole: Buffer): Passing {
		if (this.#whole instanceof WholeAsStream) return this.#whole.events(withoutMark(whole));
		return this.#whole?.body(withoutMark(whole)) ?? whole;
	}

	/** A canonical answer passes; what of it goes on now. */
	read(canonical: Passing): Passing | null {
		return this.#reader instanceof EventReader
			? this.#reader.take(eventsOf(canonical))
			: this.#reader.push(bytesOf(canonical));
	}

	/** A whole answer is too large to be read: its own bytes go on. */
	giveUp(): void {
		this.#whole = null;
	}

	/** Call it after the answer has gone out: gives the usage, at once or after decoding. */
	finish(done: (usage: Usage | null) => void): void {
		this.#reader.finish((usage) => done(this.#reported(usage)));
	}

	#reported(usage: Usage | null): Usage | null {
		return (this.#stream ?? this.#whole)?.usageUnknown === true ? null : usage;
	}
}

function beginsWithError(passing: Passing): boolean {
	const [first] = eventsOf(passing);
	return first?.name === "error";
}

const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

function withoutMark(whole: Buffer): Buffer {
	const { length } = BYTE_ORDER_MARK;
	return whole.subarray(0, length).equals(BYTE_ORDER_MARK) ? whole.subarray(length) : whole;
}
