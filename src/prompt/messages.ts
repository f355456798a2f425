// Messages as envelopes: the bytes of each message object without its content and marker. Its blocks are in prompt/blocks.

const FIELDS = 6;

/** Most messages that are kept apart; see MAX_BLOCKS. */
export const MAX_MESSAGES = 1 << 17;

/** Messages in order. Like BlockTable it is reused from request to request. */
export class MessageTable {
	count = 0;
	/** Index of the first message with role user, or -1. */
	firstUser = -1;
	/** FIELDS numbers a message: start, end, and two cuts (from, to), empty where there is none. */
	private rows = new Int32Array(FIELDS * 64);

	reset(): void {
		if (this.rows.length > FIELDS * 8192) this.rows = new Int32Array(FIELDS * 64);
		this.count = 0;
		this.firstUser = -1;
	}

	/** Opens a message at `start` and returns its index. Past MAX_MESSAGES the last one is opened anew. */
	open(start: number): number {
		const index = Math.min(this.count, MAX_MESSAGES - 1);
		if (index * FIELDS === this.rows.length) this.grow();
		for (let field = 0; field < FIELDS; field++) this.rows[index * FIELDS + field] = start;
		this.count = index + 1;
		return index;
	}

	/** Cuts [from, to) out of the envelope of the message opened last: at most twice, in rising order. */
	cut(from: number, to: number): void {
		const row = (this.count - 1) * FIELDS;
		const isSecond = this.rows[row + 2] !== this.rows[row + 3];
		if (!isSecond) {
			this.rows[row + 2] = from;
			this.rows[row + 3] = to;
		}
		this.rows[row + 4] = isSecond ? from : to;
		this.rows[row + 5] = to;
	}

	/** The message opened last ends at `end`. */
	close(end: number): void {
		this.rows[(this.count - 1) * FIELDS + 1] = end;
	}

	/**
	 * Puts the messages [from, to) of another table in the same places of this one, which must have all before them in common. This one
	 * then ends with them.
	 */
	take(other: MessageTable, from: number, to: number): void {
		while (this.rows.length < to * FIELDS) this.grow();
		this.rows.set(other.rows.subarray(from * FIELDS, to * FIELDS), from * FIELDS);
		this.count = to;
		this.firstUser = other.firstUser < to ? other.firstUser : -1;
	}

	/** Bytes of memory it holds. */
	get byteLength(): number {
		return this.rows.byteLength;
	}

	/** Field `field` of a message: 0 start, 1 end, 2 and 3 the first cut, 4 and 5 the second. */
	field(message: number, field: number): number {
		return this.rows[message * FIELDS + field] as number;
	}

	private grow(): void {
		const rows = new Int32Array(this.rows.length * 2);
		rows.set(this.rows);
		this.rows = rows;
	}
}
