// @ts-check
// Packed log entries as the rows that a database takes. Plain JavaScript, because the SQLite thread reads them too (see db/sqlite-worker).
// Leaves packing to db/packing and the meaning of details to db/details.

/**
 * Entries one after the other: for each the values of a row's columns, then its details. A word is a place in `words`; NaN = null.
 * @typedef {{ readonly numbers: Float64Array, readonly words: readonly string[] }} PackedEntries
 */

/** What databases refuse: NULs and halves of surrogate pairs. */
const SUSPECT = /[\0\ud800-\udfff]/;
const REFUSED = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Text that databases take.
 * @param {string} text
 */
export function storableText(text) {
	return SUSPECT.test(text) ? text.replace(REFUSED, "\ufffd") : text;
}

const WORD = "w".charCodeAt(0);

/**
 * The entries as lists of a statement's parameters: each column's value, then the details as one line of JSON.
 * @param {PackedEntries} packed
 * @param {string} kinds one letter for each column: w = word, n = number
 * @returns {(string | number | null)[][]}
 */
export function unpackEntries({ numbers, words }, kinds) {
	const reader = new Reader(numbers, words.map(storableText));
	const entries = [];
	while (!reader.isAtEnd) {
		/** @type {(string | number | null)[]} */
		const row = [];
		for (let at = 0; at < kinds.length; at += 1)
			row.push(kinds.charCodeAt(at) === WORD ? reader.word() : reader.number());
		row.push(unpackDetails(reader));
		entries.push(row);
	}
	return entries;
}

class Reader {
	#numbers;
	#words;
	#at = 0;

	/** @param {Float64Array} numbers @param {readonly string[]} words */
	constructor(numbers, words) {
		this.#numbers = numbers;
		this.#words = words;
	}

	get isAtEnd() {
		return this.#at >= this.#numbers.length;
	}

	/** @returns {number | null} */
	number() {
		const value = this.#numbers[this.#at++] ?? Number.NaN;
		return Number.isNaN(value) ? null : value;
	}

	/** @returns {string | null} */
	word() {
		const place = this.number();
		return place === null ? null : (this.#words[place] ?? null);
	}

	flag() {
		return this.number() === 1;
	}

	/** @returns {(number | null)[]} */
	numbers(count = 0) {
		return Array.from({ length: count }, () => this.number());
	}

	/** How many, then each. */
	bytes() {
		return Uint8Array.from(this.numbers(this.number() ?? 0), Number);
	}

	/** How many, then each; four bytes each, the lowest first. */
	words32() {
		const values = Uint32Array.from(this.numbers(this.number() ?? 0), Number);
		return new Uint8Array(values.buffer);
	}

	/**
	 * How many, then each.
	 * @template Item @param {() => Item} read
	 */
	list(read) {
		return Array.from({ length: this.number() ?? 0 }, read);
	}
}

/**
 * In the order in which db/details packs them.
 * @param {Reader} reader
 */
function unpackDetails(reader) {
	const isJson = reader.flag();
	if (isJson) return reader.word();
	const head = [
		reader.word(),
		reader.list(() => [reader.word(), reader.word(), reader.number(), reader.word(), ...reader.numbers(2)]),
		reader.list(() => [reader.word(), reader.word(), ...reader.numbers(2), reader.flag()]),
		reader.list(() => [reader.word(), reader.word(), reader.number()]),
		reader.flag() ? [reader.word(), reader.word()] : null,
		...reader.numbers(2),
		reader.word(),
		reader.word(),
		reader.list(() => reader.word()),
	];
	// JSON already.
	const metadata = reader.word() ?? "null";
	const tail = [reader.flag() ? [reader.word(), reader.number()] : null, reader.flag() ? unpackTurn(reader) : null];
	return `${JSON.stringify(head).slice(0, -1)},${metadata},${JSON.stringify(tail).slice(1)}`;
}

/** @param {Reader} reader */
function unpackTurn(reader) {
	return [
		...reader.numbers(2),
		reader.word(),
		reader.word(),
		reader.word(),
		reader.word(),
		reader.word(),
		reader.numbers(5),
		unpackSummary(reader),
		...reader.numbers(4),
		reader.flag(),
		reader.word(),
		reader.word(),
	];
}

/** @param {Reader} reader */
function unpackSummary(reader) {
	return [
		...reader.numbers(3),
		reader.numbers(3),
		reader.list(() => [reader.number(), reader.word(), reader.number()]),
		base64(reader.words32()),
		base64(reader.bytes()),
	];
}

/** @param {Uint8Array} bytes */
function base64({ buffer, byteOffset, byteLength }) {
	return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
