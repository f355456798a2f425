// Takes the chunk with the usage out of a stream of chat chunks, where the gateway asked for it and the client did not. Every other byte stays.
// Leaves asking for it to providers/openai-usage and reading it to upstream-stream.
import type { EventPlace } from "../sse.ts";
import { asObject, parseLenient } from "./json.ts";

const USAGE = Buffer.from('"usage"');
/** Servers that are asked for usage say so in every other chunk. */
const NO_USAGE = Buffer.from('"usage":null');

/** What of a stream goes on as it came. */
export class KeptBytes {
	#hidden: { readonly start: number; readonly end: number }[] = [];
	/** null = nothing. */
	bytes: Buffer | null = null;

	/** Of the bytes that are being split. */
	leaveOut({ start, end }: EventPlace): void {
		this.#hidden.push({ start, end });
	}

	/** They are split: whole events, or what is left behind the last one. */
	keep(split: Buffer | null): void {
		this.bytes = split;
		if (split === null || this.#hidden.length === 0) return;
		const pieces: Buffer[] = [];
		let at = 0;
		for (const { start, end } of this.#hidden) {
			pieces.push(split.subarray(at, start));
			at = end;
		}
		pieces.push(split.subarray(at));
		this.#hidden = [];
		const kept = Buffer.concat(pieces);
		this.bytes = kept.length === 0 ? null : kept;
	}
}

/** Whether an event brings usage and nothing of the answer. Usage beside content stays: that server reports it unasked. */
export function isUsageChunk(event: Buffer, data: string): boolean {
	if (!event.includes(USAGE) || event.includes(NO_USAGE)) return false;
	const chunk = asObject(parseLenient(data));
	if (chunk === null) return false;
	const { usage, choices, error } = chunk;
	const isEmpty = choices === undefined || choices === null || (Array.isArray(choices) && choices.length === 0);
	return typeof usage === "object" && usage !== null && isEmpty && (error === undefined || error === null);
}
