// A stream of the Messages API as events, for clients that get it in another form. Leaves relaying its bytes to proxy/answer/reader.
import { AnswerEvent } from "./answer-event.ts";
import { SseSplitter, sseData, sseFields } from "./sse.ts";

/** An event must be whole to be translated, bytes. */
export const MAX_EVENT = 64 * 1024 * 1024;

export class MessagesStream {
	readonly streaming = true;
	#events: AnswerEvent[] = [];
	readonly #splitter = new SseSplitter((name, event) => this.#events.push(AnswerEvent.read(name, sseData(event))), {
		maxEventBytes: MAX_EVENT,
	});

	/** An event was too large to be read. */
	get hasLeftOut(): boolean {
		return this.#splitter.hasLetThrough;
	}

	push(chunk: Buffer): readonly AnswerEvent[] {
		this.#splitter.push(chunk);
		const events = this.#events;
		this.#events = [];
		return events;
	}

	/** An event may lack no more than its blank line. */
	end(): readonly AnswerEvent[] {
		const { name, data } = sseFields(this.#splitter.rest());
		return name === "" && data === "" ? [] : [AnswerEvent.read(name, data)];
	}
}
