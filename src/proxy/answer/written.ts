// What of a streamed answer has passed since its provider last told how much it wrote: bytes of text, thinking and arguments, calls of the
// provider's tools. Parses one event a block, for a stream has hundreds. Leaves turning it into tokens to proxy/record/spending.
import { sseData } from "../../protocol/sse.ts";

const SERVER_TOOL = Buffer.from('"server_tool_use"');
/** Deltas that are nothing the model wrote, by which they are told. They are long. */
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

	event(name: string, bytes: Buffer, start: number, end: number): void {
		switch (name) {
			case "content_block_delta":
				this.#delta(bytes, start, end);
				break;
			case "content_block_start":
				this.#block(bytes.subarray(start, end));
				break;
			case "message_start":
				this.isOpen = true;
				break;
			case "message_delta":
				this.isOpen = false;
				this.bytes = 0;
				break;
		}
	}

	#delta(bytes: Buffer, start: number, end: number): void {
		const length = trimmedEnd(bytes, start, end) - start;
		this.isOpen = true;
		if (length > LONG_DELTA) {
			const head = bytes.subarray(start, start + HEAD_BYTES);
			if (NOT_WRITTEN.some((kind) => head.includes(kind))) return;
		}
		if (this.#frame < 0) this.#frame = frameOf(bytes.subarray(start, end), length);
		if (length > this.#frame) this.bytes += length - this.#frame;
	}

	#block(event: Buffer): void {
		this.isOpen = true;
		this.#frame = -1;
		if (!event.includes(SERVER_TOOL)) return;
		const block = objectOf(objectOf(parsed(event))?.["content_block"]);
		const name = block?.["type"] === "server_tool_use" ? block["name"] : undefined;
		if (typeof name !== "string") return;
		const counted = `${name.slice(0, MOST_NAME)}_requests`;
		this.tools[counted] = (this.tools[counted] ?? 0) + 1;
	}
}

/** Without what closes the event; providers pad there so that lengths tell nothing. */
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
function frameOf(event: Buffer, length: number): number {
	const delta = objectOf(objectOf(parsed(event))?.["delta"]);
	if (delta === null) return USUAL_FRAME;
	const texts = Object.entries(delta).flatMap(([name, value]) =>
		name !== "type" && typeof value === "string" ? [Buffer.byteLength(JSON.stringify(value)) - 2] : [],
	);
	return Math.max(0, length - Math.max(0, ...texts));
}

function parsed(event: Buffer): unknown {
	try {
		return JSON.parse(sseData(event));
	} catch {
		return null;
	}
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
	return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}
