// Works out which bytes to leave out when members are taken out of an object, so that the rest reads as if they had never been there.

/** Takes cuts [from, to) in rising order. */
export interface CutSink {
	cut(from: number, to: number): void;
}

/** Called with an object's members one by one. A member goes together with the comma before it, or after it if it is the first. */
export class Cutter {
	private readonly sink: CutSink;
	private anyKept = false;
	/** Where a cut that began with the object's first member stands open, or -1. */
	private openFrom = -1;
	private lastEnd = -1;

	constructor(sink: CutSink) {
		this.sink = sink;
	}

	/** A new object begins. */
	begin(): void {
		this.anyKept = false;
		this.openFrom = -1;
	}

	/** A member's key begins at `keyStart`; its value has not been read. */
	before(keyStart: number, isRemoved: boolean): void {
		if (isRemoved) {
			if (!this.anyKept && this.openFrom < 0) this.openFrom = keyStart;
			return;
		}
		if (this.openFrom >= 0) {
			this.sink.cut(this.openFrom, keyStart);
			this.openFrom = -1;
		}
		this.anyKept = true;
	}

	/** That member's value ends at `end`. */
	after(end: number, isRemoved: boolean): void {
		if (isRemoved && this.anyKept) this.sink.cut(this.lastEnd, end);
		this.lastEnd = end;
	}

	/** The object has no more members. */
	finish(): void {
		if (this.openFrom >= 0) this.sink.cut(this.openFrom, this.lastEnd);
	}
}
