// One event of a Messages API stream on its way from the upstream's dialect into the client's: read once, changed as data, written once.
// Leaves cutting streams into events to protocol/sse and protocol/eventstream.
import { jsonText } from "./json-text.ts";
import { asObject, type JsonObject, parseLenient } from "./openai/json.ts";

/** Has its data as text, as it came, or as an object, as it was made; the other is made when it is first asked for. */
export class AnswerEvent {
	readonly name: string;
	#text: string | null;
	#data: JsonObject | null | undefined;

	private constructor(name: string, text: string | null, data: JsonObject | null | undefined) {
		this.name = name;
		this.#text = text;
		this.#data = data;
	}

	/** As it came. `text` is its data, whatever that is. */
	static read(name: string, text: string): AnswerEvent {
		return new AnswerEvent(name, text, undefined);
	}

	/** To be written: the type stands first. */
	static of(type: string, members: JsonObject): AnswerEvent {
		return new AnswerEvent(type, null, Object.assign({ type }, members, { type }));
	}

	/** The same under another name. */
	named(name: string): AnswerEvent {
		return name === this.name ? this : new AnswerEvent(name, this.#text, this.#data);
	}

	/** Its data is at hand: asking for it costs nothing. */
	get isParsed(): boolean {
		return this.#data !== undefined;
	}

	/** null = it is no JSON object. */
	get data(): JsonObject | null {
		if (this.#data === undefined) this.#data = asObject(parseLenient(this.#text ?? ""));
		return this.#data;
	}

	/** As it came. */
	get text(): string {
		this.#text ??= jsonText(this.#data);
		return this.#text;
	}

	/** As server-sent event. */
	toString(): string {
		// White space of JSON that came on several lines.
		const line = /[\r\n]/.test(this.text) ? jsonText(this.data) : this.text;
		return `event: ${this.name}\ndata: ${line}\n\n`;
	}
}

/** What passes of an answer: bytes that may go on as they are, or events that are yet to be written. */
export type Passing = Buffer | readonly AnswerEvent[];

/** Events as the Messages API writes them. */
export function bytesOf(passing: Passing): Buffer {
	return Buffer.isBuffer(passing) ? passing : Buffer.from(passing.join(""));
}

/** The events of what is translated; bytes are none. */
export function eventsOf(passing: Passing): readonly AnswerEvent[] {
	return Buffer.isBuffer(passing) ? [] : passing;
}
