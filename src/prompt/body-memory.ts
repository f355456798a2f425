// The memory that a conversation's bodies are read into, one after the other: a growing prompt begins with the bytes that are there
// already, so that they need neither a copy nor memory of their own. Leaves reading from the socket to proxy/receive/body.

/** Below this a body is read anew: it fits into one or two reads of the socket. Also what a body may grow by without a move, at least. */
const ROOM = 32 * 1024;

const NOTHING = Buffer.alloc(0);

/** Where the last body of a conversation stands, and the next one is read over it. */
export class BodyMemory {
	readonly bytes: Buffer;
	/** Nobody reads or sends the body any more: the next one may be written over it. */
	isFree = false;

	private constructor(size: number) {
		this.bytes = Buffer.allocUnsafeSlow(size);
	}

	/** For a body of `length` bytes, with room for the next turns of its conversation. */
	static for(length: number): BodyMemory {
		return new BodyMemory(length + ROOM + (length >> 3));
	}
}

/** Takes the bytes of one body as they come, and counts how many it has in common with the last one in the same memory. */
export class BodyWriter {
	readonly memory: BodyMemory;
	/** Bytes from the beginning that are the same as the last body's. */
	equal = 0;
	/** The body so far. */
	length = 0;
	private readonly last: Buffer;
	private readonly isInPlace: boolean;
	private hasDiffered = false;

	/** For a body of `length` bytes. What is reused is written over, unless it is too small. */
	constructor(length: number, reused: { readonly memory: BodyMemory; readonly body: Buffer } | null) {
		this.isInPlace = reused !== null && reused.memory.bytes.length >= length;
		this.memory = reused !== null && this.isInPlace ? reused.memory : BodyMemory.for(length);
		this.last = reused?.body ?? NOTHING;
	}

	/** The next piece. It must fit. */
	add(chunk: Buffer): void {
		const { last, memory, length } = this;
		let same = 0;
		if (!this.hasDiffered) {
			same = commonLength(chunk, last, length);
			this.equal += same;
			this.hasDiffered = same < chunk.length;
		}
		const from = this.isInPlace ? same : 0;
		if (from < chunk.length) chunk.copy(memory.bytes, length + from, from);
		this.length += chunk.length;
	}

	body(): Buffer {
		return this.memory.bytes.subarray(0, this.length);
	}
}

/** How many bytes from its beginning `chunk` has in common with `last` from `at`. */
function commonLength(chunk: Buffer, last: Buffer, at: number): number {
	let high = Math.min(chunk.length, last.length - at);
	if (high <= 0) return 0;
	if (chunk.compare(last, at, at + high, 0, high) === 0) return high;
	let low = 0;
	while (high - low > 1) {
		const middle = (low + high) >> 1;
		if (chunk.compare(last, at + low, at + middle, low, middle) === 0) low = middle;
		else high = middle;
	}
	return low;
}
