// The chunk with a stream's usage, which the client does not get where only the gateway asked for it. Leaves asking for it to
// providers/openai-usage, leaving it out and reading it to upstream-stream.
import { asObject, parseLenient } from "./json.ts";

const USAGE = Buffer.from('"usage"');
/** Servers that are asked for usage say so in every other chunk. */
const NO_USAGE = Buffer.from('"usage":null');

/** Whether an event brings usage and nothing of the answer. Usage beside content stays: that server reports it unasked. */
export function isUsageChunk(event: Buffer, data: string): boolean {
	if (!event.includes(USAGE) || event.includes(NO_USAGE)) return false;
	const chunk = asObject(parseLenient(data));
	if (chunk === null) return false;
	const { usage, choices, error } = chunk;
	const isEmpty = choices === undefined || choices === null || (Array.isArray(choices) && choices.length === 0);
	return typeof usage === "object" && usage !== null && isEmpty && (error === undefined || error === null);
}
