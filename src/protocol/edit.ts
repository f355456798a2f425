// The changes that the gateway makes to a body, by bytes: every other byte stays as the client sent it, because prompt caches live on
// identical content (routing-model §2). Leaves finding the members to prompt/outline and protocol/walk.
import type { Member } from "./members.ts";

/** What to do with a body. A member stands in `remove` or in `replace`, not in both, and in neither twice. Values are JSON text. */
export interface BodyChange {
	readonly remove?: readonly Member[] | undefined;
	readonly replace?: readonly { readonly member: Pick<Member, "start" | "end">; readonly value: string }[];
	/** Members put right behind the body's opening brace, in this order. They must not be in the body already. */
	readonly insert?: readonly { readonly name: string; readonly value: string }[];
}

/** Bytes `start`..`end` give way to `text`. */
export interface Cut {
	readonly start: number;
	readonly end: number;
	readonly text: Buffer;
}

const NOTHING = Buffer.alloc(0);
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * `body` with members removed (each with exactly one comma and the white space up to its neighbour), values replaced and members
 * inserted. `body` must be a JSON object and the members lie in it; the result is again one. Removed members may be of nested objects;
 * elements of an array can be removed too, with `keyStart` = `start`. One copy at most: the same buffer when nothing differs.
 */
export function editMembers(body: Buffer, change: BodyChange): Buffer {
	const cuts = [...removals(body, change.remove ?? []), ...replacements(body, change.replace ?? [])];
	cuts.sort((a, b) => a.start - b.start);
	const insert = change.insert ?? [];
	if (insert.length > 0) cuts.unshift(insertion(body, insert, cuts));
	return spliced(body, cuts);
}

/** `bytes` with cuts made, which are in order and apart. The same buffer where there are none. */
export function spliced(bytes: Buffer, cuts: readonly Cut[]): Buffer {
	if (cuts.length === 0) return bytes;
	const parts: Buffer[] = [];
	let at = 0;
	for (const { start, end, text } of cuts) {
		parts.push(bytes.subarray(at, start), text);
		at = end;
	}
	parts.push(bytes.subarray(at));
	return Buffer.concat(parts);
}

/** The comma behind a member goes with it. The last of its object has none: it takes the one before the run of removed members it ends. */
function removals(body: Buffer, members: readonly Member[]): Cut[] {
	const cuts: Cut[] = [];
	for (const member of [...members].sort((a, b) => a.keyStart - b.keyStart)) {
		const next = skipSpace(body, member.end);
		if (body[next] === COMMA) {
			cuts.push({ start: member.keyStart, end: skipSpace(body, next + 1), text: NOTHING });
			continue;
		}
		let start = member.keyStart;
		for (let before = cuts.at(-1); before?.end === start; before = cuts.at(-1)) {
			start = before.start;
			cuts.pop();
		}
		const previous = skipSpaceBack(body, start);
		cuts.push({ start: body[previous] === COMMA ? previous : start, end: member.end, text: NOTHING });
	}
	return cuts;
}

function replacements(body: Buffer, replace: NonNullable<BodyChange["replace"]>): Cut[] {
	const cuts: Cut[] = [];
	for (const { member, value } of replace) {
		const text = Buffer.from(value);
		const { start, end } = member;
		const same = end - start === text.length && body.compare(text, 0, text.length, start, end) === 0;
		if (!same) cuts.push({ start, end, text });
	}
	return cuts;
}

function insertion(body: Buffer, insert: NonNullable<BodyChange["insert"]>, cuts: readonly Cut[]): Cut {
	const brace = skipSpace(body, 0);
	if (body[brace] !== OPEN_BRACE) throw new TypeError("only a JSON object takes members");
	const members = insert.map(({ name, value }) => `${JSON.stringify(name)}:${value}`).join(",");
	const text = Buffer.from(isEmptied(body, brace + 1, cuts) ? members : `${members},`);
	return { start: brace + 1, end: brace + 1, text };
}

/** Whether nothing is left in the object that opens before `at` once the cuts are made. */
function isEmptied(body: Buffer, at: number, cuts: readonly Cut[]): boolean {
	let next = skipSpace(body, at);
	for (const cut of cuts) {
		if (cut.start !== next || cut.text.length > 0) break;
		next = skipSpace(body, cut.end);
	}
	return body[next] === CLOSE_BRACE;
}

function skipSpace(body: Buffer, from: number): number {
	let at = from;
	while (isSpace(body[at])) at++;
	return at;
}

/** Index of the last byte before `from` that is no white space. */
function skipSpaceBack(body: Buffer, from: number): number {
	let at = from - 1;
	while (isSpace(body[at])) at--;
	return at;
}

function isSpace(byte: number | undefined): boolean {
	return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
