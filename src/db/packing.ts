// Values as bytes and back: numbers in as few bytes as they need, words by their place in a list. The cheapest form to make on the thread
// that serves requests, and the one in which the log is kept. Leaves what is packed, and in which order, to db/chunk and db/details.

const FIRST_BYTES = 16 * 1024;
/** Memory beyond this is not kept for another one. */
const MOST_KEPT = 1024 * 1024;
/** What a word takes in memory beside its characters, about. */
const WORD_BYTES = 16;

/** A number's first byte: the number itself below NULL, else what follows, the lowest byte first. Kept on disk: only ever add. */
const NULL = 250;
const TWO_BYTES = 251;
const FOUR_BYTES = 252;
const SIX_BYTES = 253;
const DOUBLE = 254;
/** In the place of a word: sixteen bytes of a UUID. */
const UUID = 255;
const UUID_BYTES = 16;
const MOST_BYTES = 9;
/** Numbers. */
const WORTH_A_VIEW = 64;

/** Appends value by value; whoever reads them knows their order. */
export class Packer {
	#bytes: Uint8Array<ArrayBuffer>;
	#view: DataView;
	#length = 0;
	readonly #words: string[] = [];
	readonly #places = new Map<string, number>();
	/** The last entry's words in their order: most of the next one's are the same, and cheaper to compare with than to look up. */
	readonly #recent: string[] = [];
	readonly #recentPlaces: number[] = [];
	#position = 0;
	#characters = 0;

	/** `memory`: of one that nobody needs any more; what stands in it is written over. */
	constructor(memory: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES)) {
		this.#bytes = memory;
		this.#view = new DataView(memory.buffer);
	}

	/** For another one, when nobody needs this one any more; undefined where it is too much to keep. */
	get memory(): Uint8Array<ArrayBuffer> | undefined {
		return this.#bytes.length > MOST_KEPT ? undefined : this.#bytes;
	}

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

	/** What stands between two lengths; good until more is appended. */
	view(from: number, to: number): Uint8Array {
		return this.#bytes.subarray(from, to);
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

	/** A string that no other entry has, and that mostly is a UUID: then it takes half the room, and nothing of it stays in memory. */
	id(value: string): void {
		if (this.#length + 1 + UUID_BYTES > this.#bytes.length) this.#grow(1 + UUID_BYTES);
		const at = this.#length;
		if (writeUuid(this.#bytes, at + 1, value)) {
			this.#bytes[at] = UUID;
			this.#length = at + 1 + UUID_BYTES;
		} else this.text(value);
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

	/** NaN = null. Of a word: its place; below 0: where the bytes of a UUID stand, see `uuidAt`. */
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
			case UUID:
				this.at = from + UUID_BYTES;
				return -from;
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
		if (code < 0) return uuidAt(this.#bytes, code);
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
		// A Buffer's own `slice` copies nothing, and what goes through an iterator takes ten times as long.
		return Uint8Array.prototype.slice.call(this.#bytes, from, this.at) as Uint8Array<ArrayBuffer>;
	}
}

const UUID_LENGTH = 36;
const DASH = 0x2d;
/** What a character stands for as a lower-case digit of 16; 255 = nothing. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
	const value = "0123456789abcdef".indexOf(String.fromCharCode(code));
	return value < 0 ? 255 : value;
});

/** False, and nothing to be read, where it is not a UUID in its canonical form. */
function writeUuid(bytes: Uint8Array, at: number, text: string): boolean {
	if (text.length !== UUID_LENGTH) return false;
	let from = 0;
	for (let byte = 0; byte < UUID_BYTES; byte += 1) {
		if (from === 8 || from === 13 || from === 18 || from === 23) {
			if (text.charCodeAt(from) !== DASH) return false;
			from += 1;
		}
		const high = DIGITS[text.charCodeAt(from)] ?? 255;
		const low = DIGITS[text.charCodeAt(from + 1)] ?? 255;
		if (high === 255 || low === 255) return false;
		bytes[at + byte] = high * 16 + low;
		from += 2;
	}
	return true;
}

/** The UUID that `Unpacker.code` told the place of. */
export function uuidAt(bytes: Uint8Array, code: number): string {
	const hex = Buffer.from(bytes.buffer, bytes.byteOffset - code, UUID_BYTES).toString("hex");
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The time that a UUID of version 7 begins with (RFC 9562 §5.7), ms since epoch; null for others. */
export function timeOfUuid(bytes: Uint8Array, code: number): number | null {
	const at = -code;
	if ((bytes[at + 6] as number) >>> 4 !== 7) return null;
	let time = 0;
	for (let byte = 0; byte < 6; byte += 1) time = time * 256 + (bytes[at + byte] as number);
	return time;
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
