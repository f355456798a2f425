// Values as bytes and back: numbers in as few bytes as they need, words by their place in a list. The cheapest form to make on the thread
// that serves requests, and the one in which the log is kept. Leaves what is packed, and in which order, to db/chunk and db/details.

const FIRST_BYTES = 16 * 1024;
/** What a word takes in memory beside its characters, about. */
const WORD_BYTES = 16;

/** A number's first byte: the number itself below NULL, else what follows, the lowest byte first. Kept on disk: only ever add. */
const NULL = 250;
const TWO_BYTES = 251;
const FOUR_BYTES = 252;
const SIX_BYTES = 253;
const DOUBLE = 254;
const MOST_BYTES = 9;
/** Numbers. */
const WORTH_A_VIEW = 64;

/** Appends value by value; whoever reads them knows their order. */
export class Packer {
	#bytes = new Uint8Array(FIRST_BYTES);
	#view = new DataView(this.#bytes.buffer);
	#length = 0;
	readonly #words: string[] = [];
	readonly #places = new Map<string, number>();
	/** The last entry's words in their order: most of the next one's are the same, and cheaper to compare with than to look up. */
	readonly #recent: string[] = [];
	readonly #recentPlaces: number[] = [];
	#position = 0;
	#characters = 0;

	/** Bytes so far. */
	get length(): number {
		return this.#length;
	}

	/** What it holds in memory, about. */
	get bytes(): number {
		return this.#length + this.#words.length * WORD_BYTES + this.#characters;
	}

	/** The words so far; more may come. */
	get words(): readonly string[] {
		return this.#words;
	}

	/** A copy of what stands between two lengths. */
	slice(from: number, to: number): Uint8Array {
		return this.#bytes.slice(from, to);
	}

	/** Takes back what was appended after a length. */
	cut(length: number): void {
		this.#length = length;
	}

	/** An entry begins. */
	begin(): void {
		this.#position = 0;
	}

	/** What JSON has no number for is read as null, too. */
	number(value: number | null): void {
		const at = this.#length;
		if (at + MOST_BYTES > this.#bytes.length) this.#grow(MOST_BYTES);
		const bytes = this.#bytes;
		const whole = (value as number) >>> 0;
		if (whole !== value) {
			this.#otherNumber(value);
		} else if (whole < NULL) {
			bytes[at] = whole;
			this.#length = at + 1;
		} else if (whole < 2 ** 16) {
			bytes[at] = TWO_BYTES;
			bytes[at + 1] = whole;
			bytes[at + 2] = whole >>> 8;
			this.#length = at + 3;
		} else {
			bytes[at] = FOUR_BYTES;
			this.#view.setUint32(at + 1, whole, true);
			this.#length = at + 5;
		}
	}

	/** None of 32 bits. */
	#otherNumber(value: number | null): void {
		const view = this.#view;
		const at = this.#length;
		if (value === null || !Number.isFinite(value)) {
			this.#bytes[at] = NULL;
			this.#length = at + 1;
		} else if (value >= 0 && value < 2 ** 48 && Math.floor(value) === value) {
			this.#bytes[at] = SIX_BYTES;
			view.setUint32(at + 1, value >>> 0, true);
			view.setUint16(at + 5, Math.floor(value / 2 ** 32), true);
			this.#length = at + 7;
		} else {
			this.#bytes[at] = DOUBLE;
			view.setFloat64(at + 1, value, true);
			this.#length = at + MOST_BYTES;
		}
	}

	flag(value: boolean): void {
		this.number(value ? 1 : 0);
	}

	/** A string that others have as well: it is held once. */
	word(value: string | null): void {
		const position = this.#position;
		this.#position = position + 1;
		if (value === null) this.number(null);
		else if (this.#recent[position] === value) this.number(this.#recentPlaces[position] as number);
		else {
			const known = this.#places.get(value);
			const place = known ?? this.#words.length;
			this.#recent[position] = value;
			this.#recentPlaces[position] = place;
			if (known !== undefined) this.number(known);
			else {
				this.#places.set(value, place);
				this.text(value);
			}
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
		this.number(values.length);
		const { length, byteLength } = values;
		if (this.#length + byteLength > this.#bytes.length) this.#grow(byteLength);
		const at = this.#length;
		// To make a view, or to call what copies one, takes longer than to write some numbers.
		if (length > WORTH_A_VIEW) this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, byteLength), at);
		else if (values instanceof Uint8Array)
			for (let each = 0; each < length; each += 1) this.#bytes[at + each] = values[each] as number;
		else for (let each = 0; each < length; each += 1) this.#view.setUint32(at + each * 4, values[each] as number, true);
		this.#length = at + byteLength;
	}

	#grow(by: number): void {
		const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
		larger.set(this.#bytes);
		this.#bytes = larger;
		this.#view = new DataView(larger.buffer);
	}
}

/** Reads what a Packer appended, in the same order, from wherever it is set to. */
export class Unpacker {
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #words: readonly string[];
	/** Byte that is read next. */
	at = 0;

	constructor(bytes: Uint8Array, words: readonly string[]) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#words = words;
	}

	/** NaN = null. Of a word: its place. */
	code(): number {
		const first = this.#bytes[this.at++] ?? NULL;
		if (first < NULL) return first;
		const from = this.at;
		switch (first) {
			case TWO_BYTES:
				this.at = from + 2;
				return this.#view.getUint16(from, true);
			case FOUR_BYTES:
				this.at = from + 4;
				return this.#view.getUint32(from, true);
			case SIX_BYTES:
				this.at = from + 6;
				return this.#view.getUint32(from, true) + this.#view.getUint16(from + 4, true) * 2 ** 32;
			case DOUBLE:
				this.at = from + 8;
				return this.#view.getFloat64(from, true);
			default:
				return Number.NaN;
		}
	}

	number(): number | null {
		const code = this.code();
		return Number.isNaN(code) ? null : code;
	}

	/** A number that is there. */
	count(): number {
		return this.number() ?? 0;
	}

	flag(): boolean {
		return this.code() === 1;
	}

	word(): string | null {
		const code = this.code();
		return Number.isNaN(code) ? null : (this.#words[code] ?? null);
	}

	/** A word that is there. */
	text(): string {
		return this.word() ?? "";
	}

	/** As many of something as were told, each read by `read`. */
	list<Value>(read: () => Value): Value[] {
		const values: Value[] = [];
		for (let left = this.count(); left > 0; left -= 1) values.push(read());
		return values;
	}

	/** What `numbers` appended of a Uint32Array. */
	words32(): Uint32Array {
		return new Uint32Array(this.#raw(this.count() * 4).buffer);
	}

	/** What `numbers` appended of a Uint8Array. */
	bytes8(): Uint8Array {
		return this.#raw(this.count());
	}

	#raw(length: number): Uint8Array<ArrayBuffer> {
		const from = this.at;
		this.at += length;
		return Uint8Array.from(this.#bytes.subarray(from, this.at));
	}
}

const SUSPECT = /[\0\ud800-\udfff]/;
const REFUSED = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text that databases take: without NULs and halves of surrogate pairs. */
export function storableText(text: string): string {
	return SUSPECT.test(text) ? text.replace(REFUSED, "\ufffd") : text;
}

/**
 * JSON without escaped NULs and halves of surrogate pairs: Postgres takes neither, and would refuse the row. Escapes are gone through one
 * by one, since the second half of an escaped backslash begins none.
 */
export function storable(json: string): string {
	if (!json.includes("\\u0000") && !json.includes("\\ud")) return json;
	return json.replace(/\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g, (found) => (found.length > 2 ? "\ufffd" : found));
}
