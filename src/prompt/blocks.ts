// The prompt's blocks as spans of the body, in parallel growing arrays. Filled by the dialect file, read by prompt/fingerprint; knows no JSON.

/** Level of a block in the provider's render order (prompt-caching R1). */
export const Level = { tools: 0, system: 1, messages: 2 } as const;

/** What matters of a block's type for the look-back: runs of tool_use, or of tool_result, count as one position (prompt-caching R5). */
export const Kind = { other: 0, toolUse: 1, toolResult: 2 } as const;

/** Marker of a block: none, or the lifetime that its `cache_control` asks for. */
export const Mark = { none: 0, fiveMinutes: 1, oneHour: 2 } as const;

/** Bits of `flags`. */
export const Flag = {
	/** The provider does not count the block as part of the prompt: deferred tools, the billing block. */
	leftOut: 1,
	/** An automatic breakpoint cannot stand here: thinking, empty text (prompt-caching R3, R11). */
	unmarkable: 2,
} as const;

/** Most blocks that are kept apart. Nothing a client really sends comes near; it bounds the memory a hostile body can claim. */
export const MAX_BLOCKS = 1 << 17;

const FIELDS = 6;

/**
 * Blocks in the order of the body. Every block is one span of bytes, some of it cut out (its `cache_control`). Reused from request to
 * request: `reset` empties it and keeps the memory, unless the last body was unusually large.
 */
export class BlockTable {
	count = 0;
	/** FIELDS numbers a block: start, end, first cut, end of cuts, kind | mark << 2 | flags << 4, message. */
	private rows = new Int32Array(FIELDS * 256);
	private textBytes = new Float64Array(256);
	/** Pairs of positions: from, to. */
	private cuts = new Int32Array(64);
	cutCount = 0;

	reset(): void {
		if (this.rows.length > FIELDS * 8192) {
			this.rows = new Int32Array(FIELDS * 256);
			this.textBytes = new Float64Array(256);
		}
		if (this.cuts.length > 8192) this.cuts = new Int32Array(64);
		this.count = 0;
		this.cutCount = 0;
	}

	/** Appends a block whose cuts are those made since `firstCut`. Past MAX_BLOCKS it does nothing. */
	add(block: NewBlock): void {
		const index = this.count;
		if (index === MAX_BLOCKS) {
			this.cutCount = block.firstCut;
			return;
		}
		if (index === this.textBytes.length) this.grow();
		const row = index * FIELDS;
		const rows = this.rows;
		rows[row] = block.start;
		rows[row + 1] = block.end;
		rows[row + 2] = block.firstCut;
		rows[row + 3] = this.cutCount;
		rows[row + 4] = block.kind | (block.mark << 2) | (block.flags << 4);
		rows[row + 5] = block.message;
		this.textBytes[index] = block.textBytes;
		this.count = index + 1;
	}

	/**
	 * Puts the blocks [from, to) of another table in the same places of this one, which must have all before them in common. This one
	 * then ends with them.
	 */
	take(other: BlockTable, from: number, to: number): void {
		while (this.textBytes.length < to) this.grow();
		this.rows.set(other.rows.subarray(from * FIELDS, to * FIELDS), from * FIELDS);
		this.textBytes.set(other.textBytes.subarray(from, to), from);
		const fromCut = from === 0 ? 0 : this.endCut(from - 1);
		const toCut = to === 0 ? 0 : this.endCut(to - 1);
		while (this.cuts.length < toCut * 2) this.growCuts();
		this.cuts.set(other.cuts.subarray(fromCut * 2, toCut * 2), fromCut * 2);
		this.count = to;
		this.cutCount = toCut;
	}

	/** Bytes of memory it holds. */
	get byteLength(): number {
		return this.rows.byteLength + this.textBytes.byteLength + this.cuts.byteLength;
	}

	/** Cuts the bytes [from, to) out of the block that is added next. Cuts must come in rising order. */
	cut(from: number, to: number): void {
		const at = this.cutCount * 2;
		if (at === this.cuts.length) this.growCuts();
		this.cuts[at] = from;
		this.cuts[at + 1] = to;
		this.cutCount++;
	}

	start(block: number): number {
		return this.rows[block * FIELDS] as number;
	}

	end(block: number): number {
		return this.rows[block * FIELDS + 1] as number;
	}

	firstCut(block: number): number {
		return this.rows[block * FIELDS + 2] as number;
	}

	endCut(block: number): number {
		return this.rows[block * FIELDS + 3] as number;
	}

	kind(block: number): number {
		return (this.rows[block * FIELDS + 4] as number) & 3;
	}

	mark(block: number): number {
		return ((this.rows[block * FIELDS + 4] as number) >> 2) & 3;
	}

	flags(block: number): number {
		return (this.rows[block * FIELDS + 4] as number) >> 4;
	}

	/** Neither mark nor flags. */
	isPlain(block: number): boolean {
		return (this.rows[block * FIELDS + 4] as number) < 4;
	}

	/** Which message the block belongs to. */
	message(block: number): number {
		return this.rows[block * FIELDS + 5] as number;
	}

	text(block: number): number {
		return this.textBytes[block] as number;
	}

	cutFrom(cut: number): number {
		return this.cuts[cut * 2] as number;
	}

	cutTo(cut: number): number {
		return this.cuts[cut * 2 + 1] as number;
	}

	private growCuts(): void {
		const cuts = new Int32Array(this.cuts.length * 2);
		cuts.set(this.cuts);
		this.cuts = cuts;
	}

	private grow(): void {
		const rows = new Int32Array(this.rows.length * 2);
		rows.set(this.rows);
		this.rows = rows;
		const textBytes = new Float64Array(this.textBytes.length * 2);
		textBytes.set(this.textBytes);
		this.textBytes = textBytes;
	}
}

/** A block about to be added. */
export interface NewBlock {
	start: number;
	end: number;
	firstCut: number;
	kind: number;
	mark: number;
	flags: number;
	message: number;
	/** Bytes of prompt text it stands for. */
	textBytes: number;
}
