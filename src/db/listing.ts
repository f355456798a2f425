// What the log's index says of a chunk: the values that its rows have, so that a filter finds the chunks that may hold its rows. Leaves
// filters to db/filter and looking chunks up to db/scan.
import type { Chunk } from "./chunk.ts";
import { POSITION } from "./columns.ts";
import { storableText } from "./packing.ts";

/** Kinds of values in the index. Kept on disk: only ever add. */
export const KIND = {
	model: 1,
	model_id: 2,
	key_id: 3,
	team_id: 4,
	user_id: 5,
	end_user: 6,
	session: 7,
	reason: 8,
	/** A reason why rows missed, or ANY. */
	miss: 9,
	/** Of failures: a number, `4xx`, `5xx`, `aborted`, `rejected`, or ANY. */
	failure: 10,
	/** Ids of requests that do not tell where they stand: see `timeOfId`. */
	id: 11,
} as const;
export type Kind = keyof typeof KIND;

export const ANY = "any";
/** As the index has it, and the ledger: of no virtual key. */
export const NO_KEY = "";

/** One value that rows of a chunk have. */
export interface Listed {
	readonly kind: Kind;
	readonly value: string;
}

/** What the database keeps beside a chunk. Times are ms since epoch. */
export interface Listing {
	/** When the first and the last of its rows started. */
	readonly firstAt: number;
	readonly lastAt: number;
	readonly values: readonly Listed[];
}

/** Columns whose values are listed as they are. */
const PLAIN = ["model", "model_id", "key_id", "team_id", "user_id", "end_user", "session", "reason", "miss"] as const;
const PLAIN_POSITIONS = PLAIN.map((column) => POSITION[column]);

/** Goes through a chunk's rows. */
export function listingOf(chunk: Chunk): Listing {
	const { words, count } = chunk;
	/** By column: which words were met. A place past the words stands for null. */
	const met = PLAIN.map(() => new Uint8Array(words.length + 1));
	const failures = new Set<string>();
	const ids: number[] = [];
	let firstAt = Number.POSITIVE_INFINITY;
	let lastAt = Number.NEGATIVE_INFINITY;
	for (let row = 0; row < count; row += 1) {
		const codes = chunk.examine(row);
		const at = codes[POSITION.started_at] as number;
		firstAt = Math.min(firstAt, at);
		lastAt = Math.max(lastAt, at);
		ids.push(codes[POSITION.id] as number);
		for (let column = 0; column < PLAIN_POSITIONS.length; column += 1) {
			const place = codes[PLAIN_POSITIONS[column] as number] as number;
			(met[column] as Uint8Array)[place >= 0 ? place : words.length] = 1;
		}
		const status = codes[POSITION.status] as number;
		if (status >= 400) for (const name of failuresOf(status, chunk.word(codes, "outcome"))) failures.add(name);
	}
	const values: Listed[] = [];
	const list = (kind: Kind, value: string) => values.push({ kind, value: storableText(value) });
	for (const [at, kind] of PLAIN.entries()) {
		const places = met[at] as Uint8Array;
		for (let place = 0; place < words.length; place += 1) if (places[place] === 1) list(kind, words[place] as string);
		if (kind === "key_id" && places[words.length] === 1) list(kind, NO_KEY);
	}
	if (values.some(({ kind }) => kind === "miss")) list("miss", ANY);
	for (const name of failures) list("failure", name);
	for (const code of ids) {
		const time = chunk.timeOfUuid(code) ?? timeOfId(chunk.text(code) ?? "");
		if (time === null || time < firstAt || time > lastAt) list("id", chunk.text(code) ?? "");
	}
	return { firstAt, lastAt, values };
}

function failuresOf(status: number, outcome: string | null): readonly string[] {
	const classes = [ANY, String(status), status < 500 ? "4xx" : "5xx"];
	if (status === 499) classes.push("aborted");
	if (outcome === "rejected") classes.push("rejected");
	return classes;
}

const DATED = /^([0-9a-f]{8})-([0-9a-f]{4})-7/;

/** When an id of ours was made (src/proxy/call-id), ms since epoch; null for other ids. */
export function timeOfId(id: string): number | null {
	const found = DATED.exec(id);
	return found === null ? null : Number.parseInt(`${found[1]}${found[2]}`, 16);
}

const HEX_DIGITS_OF_TIME = 12;

/** Between which times ids were made that begin with a text; null where no dated id can. */
export function timesOfIds(beginning: string): { readonly from: number; readonly to: number } | null {
	if (!/^[0-9a-f-]*$/.test(beginning)) return null;
	const digits = beginning.replaceAll("-", "").slice(0, HEX_DIGITS_OF_TIME);
	return {
		from: Number.parseInt(digits.padEnd(HEX_DIGITS_OF_TIME, "0"), 16),
		to: Number.parseInt(digits.padEnd(HEX_DIGITS_OF_TIME, "f"), 16),
	};
}
