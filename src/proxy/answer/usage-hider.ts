// Takes the chunk with the usage out of a stream of chat chunks, where the gateway asked for it and the client did not. Every other byte stays.
// Leaves asking for it to providers/openai-usage and reading it to the reframer.
import { SseSplitter, sseData } from "../../protocol/sse.ts";

const USAGE = Buffer.from('"usage"');
/** Servers that are asked for usage say so in every other chunk. */
const NO_USAGE = Buffer.from('"usage":null');
const NOTHING = Buffer.alloc(0);

/** Takes the place of a splitter for a stream that is relayed as it comes. */
export class UsageHider {
	#hidden: { readonly start: number; readonly end: number }[] = [];
	readonly #splitter: SseSplitter = new SseSplitter((_name, event) => {
		if (!isUsageChunk(event)) return;
		const { start, end } = this.#splitter.place;
		this.#hidden.push({ start, end });
	});

	/** Whole events of what has come that the client is to see; null = none. */
	push(chunk: Buffer): Buffer | null {
		const relayable = this.#splitter.push(chunk);
		if (relayable === null || this.#hidden.length === 0) return relayable;
		const pieces: Buffer[] = [];
		let at = 0;
		for (const { start, end } of this.#hidden) {
			pieces.push(relayable.subarray(at, start));
			at = end;
		}
		pieces.push(relayable.subarray(at));
		this.#hidden = [];
		const shown = Buffer.concat(pieces);
		return shown.length === 0 ? null : shown;
	}

	rest(): Buffer {
		const rest = this.#splitter.rest();
		return isUsageChunk(rest) ? NOTHING : rest;
	}
}

/** A chunk that brings usage and nothing of the answer. Usage beside content stays: that server tells it unasked. */
function isUsageChunk(event: Buffer): boolean {
	if (!event.includes(USAGE) || event.includes(NO_USAGE)) return false;
	try {
		const chunk = JSON.parse(sseData(event)) as Readonly<Record<string, unknown>> | null;
		if (typeof chunk !== "object" || chunk === null) return false;
		const { usage, choices, error } = chunk;
		const isEmpty = choices === undefined || choices === null || (Array.isArray(choices) && choices.length === 0);
		return typeof usage === "object" && usage !== null && isEmpty && (error === undefined || error === null);
	} catch {
		return false;
	}
}
