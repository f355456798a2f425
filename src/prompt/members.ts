// Reading an object member by member: known names, repeated names, small values. Leaves what the members mean to the dialect files.
import { Mark } from "./blocks.ts";
import type { Kernel } from "./kernel.ts";
import { Scanner, type ScanOptions } from "./scan.ts";
import { decodeString, escapedWordAt, nameOf, UNKNOWN, Word, wordAt } from "./words.ts";

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;

/** Something of the right name that we cannot work with. */
export interface Fault {
	readonly field: string;
	readonly reason: string;
}

/** A set of words that are member names. */
export function scope(...words: readonly number[]): number {
	return words.reduce((bits, word) => bits | (1 << word), 0);
}

const OF_MARKER = scope(Word.type, Word.ttl);

/** One body while it is being read. */
export class MemberReader {
	readonly scan: Scanner;
	/** The first fault. It counts only if the rest of the body is JSON. */
	fault: Fault | null = null;
	private readonly body: Buffer;
	private readonly kernel: Kernel;

	constructor(body: Buffer, kernel: Kernel, options: ScanOptions) {
		this.body = body;
		this.kernel = kernel;
		this.scan = new Scanner(body, kernel, options);
	}

	refuse(field: string, reason: string): void {
		this.fault ??= { field, reason };
	}

	/**
	 * Reads a member's key. Answers a word of `among`, or UNKNOWN. A word in `seen` is a fault, because parsers differ in which of the
	 * two they take. `seen |= 1 << word` is right for both answers.
	 */
	member(among: number, seen: number): number {
		this.scan.key();
		const word = this.lastWord();
		if (word < 0 || word > 30 || ((among >> word) & 1) === 0) return UNKNOWN;
		if (((seen >> word) & 1) === 1) this.refuse(nameOf(word), "Field occurs twice in one object");
		return word;
	}

	/** The string at the cursor as a word; UNKNOWN for any other value. `depth` containers are open around the value. */
	word(depth: number): number {
		const { scan } = this;
		if (scan.peek() === QUOTE) {
			scan.string();
			return this.lastWord();
		}
		scan.skip(depth);
		return UNKNOWN;
	}

	/** The string at the cursor, decoded; null for any other value. */
	text(depth: number): string | null {
		const { scan } = this;
		if (scan.peek() === QUOTE) {
			scan.string();
			return decodeString(this.body, scan.from, scan.to);
		}
		scan.skip(depth);
		return null;
	}

	/** The number at the cursor; null for any other value. */
	number(depth: number): number | null {
		const { scan } = this;
		const start = scan.pos;
		const first = scan.peek();
		scan.skip(depth);
		const isNumber = first === 0x2d || (first >= 0x30 && first <= 0x39);
		return isNumber ? Number(this.body.toString("latin1", start, scan.pos)) : null;
	}

	/** The value of a `cache_control`; `depth` containers are open around it. `null` and unknown types are no marker (prompt-caching R2). */
	marker(depth: number): number {
		const { scan } = this;
		if (scan.peek() !== OPEN_OBJECT) {
			scan.skip(depth);
			return Mark.none;
		}
		if (!scan.openObject(depth + 1)) return Mark.none;
		let isEphemeral = false;
		let mark: number = Mark.fiveMinutes;
		let seen = 0;
		do {
			const word = this.member(OF_MARKER, seen);
			seen |= 1 << word;
			if (word === Word.type) isEphemeral = this.word(depth + 1) === Word.ephemeral;
			else if (word === Word.ttl) mark = this.word(depth + 1) === Word["1h"] ? Mark.oneHour : Mark.fiveMinutes;
			else scan.skip(depth + 1);
		} while (scan.nextMember());
		return isEphemeral ? mark : Mark.none;
	}

	private lastWord(): number {
		const { from, to } = this.scan;
		const word = wordAt(this.scan.text, from, to);
		return word < 0 && this.kernel.hasUnicodeEscapes() ? escapedWordAt(this.body, from, to) : word;
	}
}
