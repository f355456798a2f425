// JSON as bytes, written value by value into one growing buffer: many times cheaper than a string for each, and nothing for the garbage
// collector to carry. Leaves what is written to db/batch.

const FIRST_SIZE = 32 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const BASE64 = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const PAD = 0x3d;
/** Whole numbers below are written digit by digit, in two halves. */
const MOST_DIGITS = 1e15;
const HALF = 1e8;

/** The caller puts brackets and commas where they belong. */
export class JsonBytes {
	#bytes = Buffer.allocUnsafe(FIRST_SIZE);
	#length = 0;

	get length(): number {
		return this.#length;
	}

	/** What stands between two positions. */
	text(from: number, to: number): string {
		return this.#bytes.toString("utf8", from, to);
	}

	/** Takes back what was written after a position. */
	cut(length: number): void {
		this.#length = length;
	}

	/** As it is: ASCII only. */
	raw(ascii: string): void {
		const { length } = ascii;
		this.#room(length);
		const bytes = this.#bytes;
		let at = this.#length;
		for (let index = 0; index < length; index += 1) bytes[at++] = ascii.charCodeAt(index);
		this.#length = at;
	}

	/** As it is, whatever it holds. */
	json(text: string): void {
		this.#room(text.length * 3);
		this.#length += this.#bytes.write(text, this.#length, "utf8");
	}

	/** A string in quotes, or null. What databases refuse becomes U+FFFD, see `storable`. */
	string(value: string | null): void {
		if (value === null) {
			this.raw("null");
			return;
		}
		const { length } = value;
		this.#room(length + 2);
		const bytes = this.#bytes;
		let at = this.#length;
		bytes[at++] = QUOTE;
		for (let index = 0; index < length; index += 1) {
			const code = value.charCodeAt(index);
			if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
				this.json(storable(JSON.stringify(value)));
				return;
			}
			bytes[at++] = code;
		}
		bytes[at++] = QUOTE;
		this.#length = at;
	}

	/** A number, or null; JSON has no NaN and no infinity, so they are null. */
	number(value: number | null): void {
		if (value === null || !Number.isFinite(value)) this.raw("null");
		else if (!Number.isInteger(value) || value >= MOST_DIGITS || value <= -MOST_DIGITS) this.raw(String(value));
		else {
			this.#room(17);
			let rest = value;
			if (rest < 0) {
				this.#bytes[this.#length++] = MINUS;
				rest = -rest;
			}
			if (rest >= HALF) {
				const high = Math.floor(rest / HALF);
				this.#digits(high, digitsOf(high));
				this.#digits(rest - high * HALF, 8);
			} else this.#digits(rest, digitsOf(rest));
		}
	}

	/** Each after a comma. */
	numbers(values: readonly (number | null)[]): void {
		for (let at = 0; at < values.length; at += 1) {
			this.raw(",");
			this.number(values[at] as number | null);
		}
	}

	/** In brackets. */
	strings(values: readonly string[]): void {
		this.list(values, (json, value) => json.string(value));
	}

	/** In brackets. */
	list<Item>(items: readonly Item[], write: (json: JsonBytes, item: Item) => void): void {
		this.raw("[");
		for (let at = 0; at < items.length; at += 1) {
			if (at > 0) this.raw(",");
			write(this, items[at] as Item);
		}
		this.raw("]");
	}

	/** Base64 in quotes. */
	base64(value: Uint8Array): void {
		const { length } = value;
		this.#room(Math.ceil(length / 3) * 4 + 2);
		const bytes = this.#bytes;
		let at = this.#length;
		bytes[at++] = QUOTE;
		for (let index = 0; index < length; index += 3) {
			const left = length - index;
			const one = value[index] as number;
			const two = left > 1 ? (value[index + 1] as number) : 0;
			const three = left > 2 ? (value[index + 2] as number) : 0;
			bytes[at++] = BASE64[one >> 2] as number;
			bytes[at++] = BASE64[((one & 3) << 4) | (two >> 4)] as number;
			bytes[at++] = left > 1 ? (BASE64[((two & 15) << 2) | (three >> 6)] as number) : PAD;
			bytes[at++] = left > 2 ? (BASE64[three & 63] as number) : PAD;
		}
		bytes[at++] = QUOTE;
		this.#length = at;
	}

	/** `value` in so many digits; below 2³¹. */
	#digits(value: number, digits: number): void {
		const bytes = this.#bytes;
		let rest = value | 0;
		for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
			const next = (rest / 10) | 0;
			bytes[at] = ZERO + rest - next * 10;
			rest = next;
		}
		this.#length += digits;
	}

	#room(bytes: number): void {
		const need = this.#length + bytes;
		if (need <= this.#bytes.length) return;
		const larger = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
		this.#bytes.copy(larger, 0, 0, this.#length);
		this.#bytes = larger;
	}
}

function digitsOf(value: number): number {
	let digits = 1;
	for (let bound = 10; value >= bound; bound *= 10) digits += 1;
	return digits;
}

/**
 * JSON without escaped NULs and halves of surrogate pairs: Postgres takes neither, and would refuse the row. Escapes are gone through one
 * by one, since the second half of an escaped backslash begins none.
 */
export function storable(json: string): string {
	if (!json.includes("\\u0000") && !json.includes("\\ud")) return json;
	return json.replace(/\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g, (found) => (found.length > 2 ? "\ufffd" : found));
}
