// A chunk of the request log: some hundred requests in one value of the database, with the words that they share, and their details in
// another. Leaves a row's columns to db/columns, which chunks hold what to db/listing and where they stand to db/tables.
import { EXAMINED, type Examined, POSITION, unpackRow } from "./columns.ts";
import { type Details, unpackDetails } from "./details.ts";
import { timeOfUuid, Unpacker, uuidAt } from "./packing.ts";
import type { RequestRow } from "./tables.ts";

/** 2: ids that are UUIDs stand as bytes. What reads it reads 1 as well. */
const VERSION = 2;
/** Version, how many rows, how many bytes of words. */
const HEAD_BYTES = 12;

/** Rows that a chunk may hold. */
export const MOST_ROWS = 1_000;

/** A row of the log as it is read: what it holds, and a number that tells it from all others and grows with the log. */
export type RequestSummary = RequestRow & { readonly seq: number };

/** What is packed of each row: its columns, or its details. */
export interface Packed {
	readonly bytes: Uint8Array;
	/** Where each row ends in `bytes`. */
	readonly ends: ArrayLike<number>;
	readonly words: readonly string[];
}

/** Reads rows one by one, as far as somebody asks. */
export class Chunk {
	/** Its number in the database. */
	readonly number: number;
	readonly #rows: Packed;
	readonly #unpacker: Unpacker;
	/** Of the row that was examined last. */
	readonly #codes = new Float64Array(EXAMINED.length);

	constructor(number: number, rows: Packed) {
		this.number = number;
		this.#rows = rows;
		this.#unpacker = new Unpacker(rows.bytes, rows.words);
	}

	get count(): number {
		return this.#rows.ends.length;
	}

	get words(): readonly string[] {
		return this.#rows.words;
	}

	/**
	 * A row's values of the columns that filters look at, by POSITION: numbers, and words as their places in `words`; NaN = null; below 0:
	 * an id that is in no list, see `word`. The same array for every row.
	 */
	examine(row: number): Float64Array {
		const codes = this.#codes;
		const unpacker = this.#unpacker;
		unpacker.at = beginOf(this.#rows, row);
		for (let at = 0; at < codes.length; at += 1) codes[at] = unpacker.code();
		return codes;
	}

	/** A word that `examine` told the place of; null for NaN. */
	word(codes: Float64Array, column: Examined): string | null {
		return this.text(codes[POSITION[column]] as number);
	}

	/** The same of one of its codes. */
	text(code: number): string | null {
		return code < 0 ? uuidAt(this.#rows.bytes, code) : (this.words[code] ?? null);
	}

	/** When an id was made, by its code: ms since epoch; null where it does not tell, or is a word. */
	timeOfUuid(code: number): number | null {
		return code < 0 ? timeOfUuid(this.#rows.bytes, code) : null;
	}

	seq(row: number): number {
		return this.number * MOST_ROWS + row;
	}

	summary(row: number): RequestSummary {
		this.#unpacker.at = beginOf(this.#rows, row);
		return { seq: this.seq(row), ...unpackRow(this.#unpacker) };
	}
}

/** The details of a chunk's rows, read one by one. */
export class ChunkDetails {
	readonly #details: Packed;

	constructor(details: Packed) {
		this.#details = details;
	}

	of(row: number): Details {
		const unpacker = new Unpacker(this.#details.bytes, this.#details.words);
		unpacker.at = beginOf(this.#details, row);
		return unpackDetails(unpacker);
	}
}

function beginOf({ ends }: Packed, row: number): number {
	return row === 0 ? 0 : (ends[row - 1] ?? 0);
}

/** As the database keeps it. */
export function packedBytes({ bytes, ends, words }: Packed): Uint8Array {
	const list = Buffer.from(JSON.stringify(words));
	const whole = Buffer.allocUnsafeSlow(HEAD_BYTES + ends.length * 4 + list.length + bytes.length);
	whole.writeUInt32LE(VERSION, 0);
	whole.writeUInt32LE(ends.length, 4);
	whole.writeUInt32LE(list.length, 8);
	let at = HEAD_BYTES;
	for (let row = 0; row < ends.length; row += 1) at = whole.writeUInt32LE(ends[row] as number, at);
	list.copy(whole, at);
	whole.set(bytes, at + list.length);
	return whole;
}

/** What `packedBytes` made. Throws where a newer version did. */
export function readPacked(data: Uint8Array | ArrayBuffer): Packed {
	const whole =
		data instanceof Uint8Array ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
	const version = whole.readUInt32LE(0);
	if (version === 0 || version > VERSION)
		throw new Error(`a part of the request log is of version ${version}, unknown here`);
	const ends = new Uint32Array(whole.readUInt32LE(4));
	let at = HEAD_BYTES;
	for (let row = 0; row < ends.length; row += 1) {
		ends[row] = whole.readUInt32LE(at);
		at += 4;
	}
	const wordsEnd = at + whole.readUInt32LE(8);
	const words = JSON.parse(whole.toString("utf8", at, wordsEnd)) as readonly string[];
	return { bytes: whole.subarray(wordsEnd), ends, words };
}
