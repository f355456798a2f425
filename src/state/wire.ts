// Notes as text on the wire and back: `{"version":2,"from":"…","notes":[…]}`. Leaves what a note holds, and its bounds, to state/notes.
import { isNote, type NoteBatch } from "./notes.ts";
import { number, object, text } from "./shape.ts";

/** A batch of another version is not understood, and ignored. 1 was rows of numbers. */
const VERSION = 2;
const LONGEST_BATCH = 4_000_000;
const MOST_NOTES = 5_000;

const isHead = object({ version: number(VERSION, VERSION), from: text(1, 512) });

export function encodeBatch({ from, notes }: NoteBatch): string {
	return JSON.stringify({ version: VERSION, from, notes });
}

/** The batch in a text; null when it is none, or of another version. Notes that make no sense are left out. */
export function decodeBatch(line: string): NoteBatch | null {
	if (line.length > LONGEST_BATCH) return null;
	const batch = parse(line);
	if (!isHead(batch) || !("notes" in batch) || !Array.isArray(batch.notes) || batch.notes.length > MOST_NOTES)
		return null;
	return { from: batch.from, notes: batch.notes.filter(isNote) };
}

function parse(line: string): unknown {
	try {
		return JSON.parse(line);
	} catch {
		return null;
	}
}
