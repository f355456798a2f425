// A chunk of the request log: some hundred requests in one value of the database, with the words that they share. Leaves a row's columns to
// db/columns, which chunks hold what to db/listing and where they stand to db/tables.
import { EXAMINED, type Examined, POSITION, unpackRow } from "./columns.ts";
import { type Details, unpackDetails } from "./details.ts";
import { Unpacker } from "./packing.ts";
import type { RequestRow } from "./tables.ts";

const VERSION = 1;
/** Version, how many rows, how many bytes of words. */
const HEAD_BYTES = 12;

/** Rows that a chunk may hold. */
export const MOST_ROWS = 1_000;

/** A row of the log as it is read: what it holds, and a number that tells it from all others and grows with the log. */
export type RequestSummary = RequestRow & { readonly seq: number };

/** Rows as they are packed: each its columns, then its details. */
export interface PackedRows {
	readonly bytes: Uint8Array;
	/** Where each row ends in `bytes`. */
	readonly ends: ArrayLike<number>;
	readonly words: readonly string[];
}

/** Rows, read one by one as far as somebody asks. */
export class Chunk {
	/** Its number in the database. */
	readonly #seq: number;
	readonly #rows: PackedRows;
	readonly #unpacker: Unpacker;
	/** Of the row that was examined last. */
	readonly #codes = new Float64Array(EXAMINED.length);

	constructor(seq: number, rows: PackedRows) {
		this.#seq = seq;
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
	 * A row's values of the columns that filters look at, by POSITION: numbers, and words as their places in `words`; NaN = null. The same
	 * array for every row.
	 */
	examine(row: number): Float64Array {
		const codes = this.#codes;
		const unpacker = this.#unpacker;
		unpacker.at = this.#begin(row);
		for (let at = 0; at < codes.length; at += 1) codes[at] = unpacker.code();
		return codes;
	}

	/** A word that `examine` told the place of; null for NaN. */
	word(codes: Float64Array, column: Examined): string | null {
		return this.words[codes[POSITION[column]] as number] ?? null;
	}

	seq(row: number): number {
		return this.#seq * MOST_ROWS + row;
	}

	summary(row: number): RequestSummary {
		this.#unpacker.at = this.#begin(row);
		return { seq: this.seq(row), ...unpackRow(this.#unpacker) };
	}

	details(row: number): Details {
		this.#unpacker.at = this.#begin(row);
		unpackRow(this.#unpacker);
		return unpackDetails(this.#unpacker);
	}

	#begin(row: number): number {
		return row === 0 ? 0 : (this.#rows.ends[row - 1] ?? 0);
	}
}

/** Rows as the database keeps them; `readChunk` reads them. */
export function chunkBytes({ bytes, ends, words }: PackedRows): Uint8Array {
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

/** Throws for what is no chunk, or one of a newer version. */
export function readChunk(seq: number, data: Uint8Array | ArrayBuffer): Chunk {
	const whole =
		data instanceof Uint8Array ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
	const version = whole.readUInt32LE(0);
	if (version !== VERSION) throw new Error(`chunk ${seq} of the request log is of version ${version}, unknown here`);
	const ends = new Uint32Array(whole.readUInt32LE(4));
	let at = HEAD_BYTES;
	for (let row = 0; row < ends.length; row += 1) {
		ends[row] = whole.readUInt32LE(at);
		at += 4;
	}
	const wordsEnd = at + whole.readUInt32LE(8);
	const words = JSON.parse(whole.toString("utf8", at, wordsEnd)) as readonly string[];
	return new Chunk(seq, { bytes: whole.subarray(wordsEnd), ends, words });
}
