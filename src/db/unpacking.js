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
 * The entries as lists of a statement's parameters, one by one: each column's value, then the details as one line of JSON.
 * @param {PackedEntries} packed
 * @param {string} kinds one letter for each column: w = word, n = number
 * @returns {Generator<(string | number | null)[], void, void>}
 */
export function* unpackEntries({ numbers, words }, kinds) {
	const reader = new Reader(numbers, words.map(storableText));
	while (!reader.isAtEnd) {
		/** @type {(string | number | null)[]} */
		const row = [];
		for (let at = 0; at < kinds.length; at += 1)
			row.push(kinds.charCodeAt(at) === WORD ? reader.word() : reader.number());
		row.push(unpackDetails(reader));
		yield row;
	}
}

class Reader {
	#numbers;
	#words;
	/** Words in quotes, as JSON has them: most stand in many entries. @type {(string | undefined)[]} */
	#quoted = [];
	#at = 0;

	/** @param {Float64Array} numbers @param {readonly string[]} words */
	constructor(numbers, words) {
		this.#numbers = numbers;
		this.#words = words;
	}

	get isAtEnd() {
		return this.#at >= this.#numbers.length;
	}

	/** How many of something follow. */
	count() {
		return this.#numbers[this.#at++] ?? 0;
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

	/** A word as JSON. */
	quoted() {
		const place = this.number();
		if (place === null) return "null";
		const known = this.#quoted[place];
		if (known !== undefined) return known;
		const made = JSON.stringify(this.#words[place] ?? null);
		this.#quoted[place] = made;
		return made;
	}

	/** So many numbers as JSON, with commas between. */
	list(count = 0) {
		let json = "";
		for (let at = 0; at < count; at += 1) json += at === 0 ? `${this.number()}` : `,${this.number()}`;
		return json;
	}

	/**
	 * How many, then each: their bytes, the lowest first, as base64 in quotes.
	 * @param {typeof Uint32Array | typeof Uint8Array} Kind
	 */
	base64(Kind) {
		const count = this.count();
		const { buffer } = new Kind(this.#numbers.subarray(this.#at, this.#at + count));
		this.#at += count;
		return `"${Buffer.from(buffer).toString("base64")}"`;
	}
}

/**
 * In the order in which db/details packs them. Put together as text: rows are read while requests are served.
 * @param {Reader} reader
 */
function unpackDetails(reader) {
	const isJson = reader.flag();
	if (isJson) return reader.word();
	let json = `[${reader.quoted()},[`;
	for (let left = reader.count(); left > 0; left -= 1) {
		json += `[${reader.quoted()},${reader.quoted()},${reader.number()},${reader.quoted()},${reader.list(2)}]`;
		if (left > 1) json += ",";
	}
	json += "],[";
	for (let left = reader.count(); left > 0; left -= 1) {
		json += `[${reader.quoted()},${reader.quoted()},${reader.list(2)},${reader.flag()}]`;
		if (left > 1) json += ",";
	}
	json += "],[";
	for (let left = reader.count(); left > 0; left -= 1) {
		json += `[${reader.quoted()},${reader.quoted()},${reader.number()}]`;
		if (left > 1) json += ",";
	}
	json += reader.flag() ? `],[${reader.quoted()},${reader.quoted()}],` : "],null,";
	json += `${reader.list(2)},${reader.quoted()},${reader.quoted()},[`;
	for (let left = reader.count(); left > 0; left -= 1) json += left > 1 ? `${reader.quoted()},` : reader.quoted();
	// The metadata is JSON already.
	json += `],${reader.word()},`;
	json += reader.flag() ? `[${reader.quoted()},${reader.number()}],` : "null,";
	return `${json}${reader.flag() ? unpackTurn(reader) : "null"}]`;
}

/** @param {Reader} reader */
function unpackTurn(reader) {
	let json = `[${reader.list(2)},${reader.quoted()},${reader.quoted()},${reader.quoted()},${reader.quoted()},${reader.quoted()},`;
	json += `[${reader.list(5)}],[${reader.list(3)},[${reader.list(3)}],[`;
	for (let left = reader.count(); left > 0; left -= 1) {
		json += `[${reader.number()},${reader.quoted()},${reader.number()}]`;
		if (left > 1) json += ",";
	}
	json += `],${reader.base64(Uint32Array)},${reader.base64(Uint8Array)}],`;
	return `${json}${reader.list(4)},${reader.flag()},${reader.quoted()},${reader.quoted()}]`;
}
