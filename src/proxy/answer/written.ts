// What of a streamed answer has passed since its provider last reported how much it wrote: bytes of text, thinking and arguments, calls of the
// provider's tools. Parses one event a block, for a stream has hundreds. Leaves turning it into tokens to proxy/record/spending.
import { AnswerEvent } from "../../protocol/answer-event.ts";
import { type EventPlace, sseData } from "../../protocol/sse.ts";

const SERVER_TOOL = Buffer.from('"server_tool_use"');
/** Kinds of deltas that are nothing the model wrote. They are long. */
const NOT_WRITTEN = [Buffer.from('"signature_delta"'), Buffer.from('"citations_delta"')];
const LONG_DELTA = 300;
/** Where the kind of a delta stands at the latest. */
const HEAD_BYTES = 200;
/** What surrounds the text in an event of the Messages API, where the event cannot be read. */
const USUAL_FRAME = 112;
const SPACE = 0x20;
const QUOTE = 0x22;
const CLOSE_OBJECT = 0x7d;
const MOST_NAME = 64;
/** The same in the text of a delta. */
const SAID = /"(?:text|thinking|partial_json)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"/;

/** Events of one stream, in order. Positions are those of the event in `bytes`. */
export class Written {
	/** Of the model's own words. */
	bytes = 0;
	/** The answer's count of output is still to come. */
	isOpen = false;
	/** Calls by the names that the usage will have. */
	readonly tools: Record<string, number> = {};
	/** Bytes of an event of the open block that are not the model's; below 0 = not known yet. */
	#frame = -1;

	/** An event that passed as bytes; `sent` is what was read of them, null = nothing. */
	event(name: string, place: EventPlace, sent: AnswerEvent | null): void {
		if (name === "content_block_delta") this.#delta(place, sent);
		else if (name === "content_block_start") this.#blockAt(place.bytes.subarray(place.start, place.end));
		else this.#mark(name);
	}

	/** An event of an answer that is translated. */
	read(event: AnswerEvent): void {
		const { name } = event;
		if (name === "content_block_delta") {
			this.isOpen = true;
			this.bytes += event.isParsed
				? saidBytes(event.data?.["delta"])
				: Buffer.byteLength(SAID.exec(event.text)?.[1] ?? "");
		} else if (name === "content_block_start") this.#block(event.data?.["content_block"]);
		else this.#mark(name);
	}

	#mark(name: string): void {
		switch (name) {
			case "message_start":
				this.isOpen = true;
				break;
			case "message_delta":
				this.isOpen = false;
				this.bytes = 0;
				break;
		}
	}

	#delta({ bytes, start, end }: EventPlace, sent: AnswerEvent | null): void {
		const length = trimmedEnd(bytes, start, end) - start;
		this.isOpen = true;
		if (length > LONG_DELTA) {
			const head = bytes.subarray(start, start + HEAD_BYTES);
			if (NOT_WRITTEN.some((kind) => head.includes(kind))) return;
		}
		if (this.#frame < 0) this.#frame = frameOf(sent ?? read(bytes.subarray(start, end)), length);
		if (length > this.#frame) this.bytes += length - this.#frame;
	}

	#blockAt(event: Buffer): void {
		this.#frame = -1;
		this.#block(event.includes(SERVER_TOOL) ? read(event).data?.["content_block"] : null);
	}

	#block(sent: unknown): void {
		this.isOpen = true;
		const block = objectOf(sent);
		const name = block?.["type"] === "server_tool_use" ? block["name"] : undefined;
		if (typeof name !== "string") return;
		const counted = `${name.slice(0, MOST_NAME)}_requests`;
		this.tools[counted] = (this.tools[counted] ?? 0) + 1;
	}
}

/** Without what closes the event; providers pad there so that lengths say nothing. */
function trimmedEnd(bytes: Buffer, start: number, end: number): number {
	let at = end;
	while (at > start) {
		const byte = bytes[at - 1] as number;
		if (byte > SPACE && byte !== QUOTE && byte !== CLOSE_OBJECT) break;
		at -= 1;
	}
	return at;
}

/** By one event that is read: what of its length is not the text it brings. */
function frameOf({ data }: AnswerEvent, length: number): number {
	const delta = objectOf(data?.["delta"]);
	if (delta === null) return USUAL_FRAME;
	const texts = Object.entries(delta).flatMap(([name, value]) =>
		name !== "type" && typeof value === "string" ? [Buffer.byteLength(JSON.stringify(value)) - 2] : [],
	);
	return Math.max(0, length - Math.max(0, ...texts));
}

/** Of the model's own words in a delta, as JSON writes them. */
function saidBytes(delta: unknown): number {
	const { text, thinking, partial_json } = objectOf(delta) ?? {};
	const said = text ?? thinking ?? partial_json;
	return typeof said === "string" ? Buffer.byteLength(JSON.stringify(said)) - 2 : 0;
}

function read(event: Buffer): AnswerEvent {
	return AnswerEvent.read("", sseData(event));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
	return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}
