// Positions inside JSON text that is known to be valid: the members of an object, the elements of an array, without making objects of
// them. For small corners of a body that few requests need; the whole of it is read by prompt/outline.
import { keyAt, type Member } from "./members.ts";

/** A member with its name, JSON escapes resolved. */
export interface NamedMember extends Member {
	readonly name: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Members of the object at `from`, in their order; none if the value there is no object. */
export function membersAt(body: Buffer, from: number): NamedMember[] {
	const members: NamedMember[] = [];
	if (body[from] !== OPEN_BRACE) return members;
	let at = skipSpace(body, from + 1);
	while (body[at] === QUOTE) {
		const keyStart = at;
		const start = skipSpace(body, expect(body, skipSpace(body, stringEnd(body, at)), COLON));
		const end = valueEnd(body, start);
		members.push({ name: keyAt(body, keyStart), keyStart, start, end });
		at = skipSpace(body, end);
		if (body[at] === COMMA) at = skipSpace(body, at + 1);
	}
	return members;
}

/** Elements of the array at `from`, in their order (`keyStart` = `start`); none if the value there is no array. */
export function elementsAt(body: Buffer, from: number): Member[] {
	const elements: Member[] = [];
	if (body[from] !== OPEN_BRACKET) return elements;
	let at = skipSpace(body, from + 1);
	while (at < body.length && body[at] !== CLOSE_BRACKET) {
		const end = valueEnd(body, at);
		elements.push({ keyStart: at, start: at, end });
		at = skipSpace(body, end);
		if (body[at] === COMMA) at = skipSpace(body, at + 1);
	}
	return elements;
}

/** Where the value that begins at `from` ends. */
function valueEnd(body: Buffer, from: number): number {
	const first = body[from];
	if (first === QUOTE) return stringEnd(body, from);
	if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
		let at = from + 1;
		while (at < body.length && !endsScalar(body[at] as number)) at++;
		return at;
	}
	let depth = 0;
	for (let at = from; at < body.length; at++) {
		const byte = body[at];
		if (byte === QUOTE) at = stringEnd(body, at) - 1;
		else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
		else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1;
	}
	return body.length;
}

/** Behind the closing quote of the string that opens at `from`. Jumps from quote to quote, so that long texts cost little. */
function stringEnd(body: Buffer, from: number): number {
	for (let at = body.indexOf(QUOTE, from + 1); at >= 0; at = body.indexOf(QUOTE, at + 1)) {
		let before = at;
		while (body[before - 1] === BACKSLASH) before--;
		if ((at - before) % 2 === 0) return at + 1;
	}
	return body.length;
}

function expect(body: Buffer, at: number, byte: number): number {
	return body[at] === byte ? at + 1 : body.length;
}

function endsScalar(byte: number): boolean {
	return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20;
}

function skipSpace(body: Buffer, from: number): number {
	let at = from;
	while (at < body.length && (body[at] as number) <= 0x20) at++;
	return at;
}
