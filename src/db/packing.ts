// Log entries on their way to the database as numbers and words: the cheapest form to make on the thread that serves requests, and one that
// crosses to another as it is. Leaves what is packed to db/batch and db/details, and reading it to db/unpacking.
import type { PackedEntries } from "./unpacking.js";

const FIRST_SIZE = 8 * 1024;
/** What a packed number, and a word beside its characters, take in memory, about. */
const NUMBER_BYTES = 8;
const WORD_BYTES = 16;

/** Appends value by value; whoever reads them knows their order. */
export class Packer {
	#numbers = new Float64Array(FIRST_SIZE);
	#length = 0;
	readonly #words: string[] = [];
	readonly #places = new Map<string, number>();
	#characters = 0;

	/** Numbers so far. */
	get length(): number {
		return this.#length;
	}

	/** What it holds in memory, about. */
	get bytes(): number {
		return this.#length * NUMBER_BYTES + this.#words.length * WORD_BYTES + this.#characters;
	}

	/** What stands between two lengths. */
	slice(from: number, to: number): PackedEntries {
		return { numbers: this.#numbers.slice(from, to), words: this.#words };
	}

	/** Takes back what was appended after a length. */
	cut(length: number): void {
		this.#length = length;
	}

	/** Null and what JSON has no number for become NaN, which is read as null. */
	number(value: number | null): void {
		if (this.#length === this.#numbers.length) this.#grow(1);
		this.#numbers[this.#length++] = value === null || !Number.isFinite(value) ? Number.NaN : value;
	}

	flag(value: boolean): void {
		this.number(value ? 1 : 0);
	}

	/** A string that others of the batch have as well: it is held once. */
	word(value: string | null): void {
		if (value === null) {
			this.number(null);
			return;
		}
		const place = this.#places.get(value);
		if (place !== undefined) this.number(place);
		else {
			this.#places.set(value, this.#words.length);
			this.text(value);
		}
	}

	/** A string that no other entry has: an id, a text. */
	text(value: string): void {
		this.number(this.#words.length);
		this.#words.push(value);
		this.#characters += value.length;
	}

	/** How many, then each. */
	numbers(values: Uint32Array | Uint8Array): void {
		const { length } = values;
		this.number(length);
		if (this.#length + length > this.#numbers.length) this.#grow(length);
		this.#numbers.set(values, this.#length);
		this.#length += length;
	}

	#grow(by: number): void {
		const larger = new Float64Array(Math.max(this.#numbers.length * 2, this.#length + by));
		larger.set(this.#numbers);
		this.#numbers = larger;
	}
}

/**
 * JSON without escaped NULs and halves of surrogate pairs: Postgres takes neither, and would refuse the row. Escapes are gone through one
 * by one, since the second half of an escaped backslash begins none.
 */
export function storable(json: string): string {
	if (!json.includes("\\u0000") && !json.includes("\\ud")) return json;
	return json.replace(/\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g, (found) => (found.length > 2 ? "\ufffd" : found));
}
