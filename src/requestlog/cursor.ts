// Where a page ends: a time and what decides among equals. Opaque to clients, so that it may change.

export interface Cursor {
	/** ms since epoch. */
	readonly at: number;
	readonly id: string;
}

export function writeCursor({ at, id }: Cursor): string {
	return Buffer.from(JSON.stringify([at, id])).toString("base64url");
}

/** Null for nothing, and for what is no cursor. */
export function readCursor(text: string | undefined): Cursor | null {
	const [at, id] = readParts(text);
	return isTime(at) && typeof id === "string" ? { at, id } : null;
}

/** Where a page of sessions ends: several keys may have used one id at one time. */
export interface SessionCursor {
	/** ms since epoch. */
	readonly at: number;
	readonly session: string;
	/** "" = none. */
	readonly keyId: string;
}

export function writeSessionCursor({ at, session, keyId }: SessionCursor): string {
	return Buffer.from(JSON.stringify([at, session, keyId])).toString("base64url");
}

/** Null for nothing, and for what is no cursor. */
export function readSessionCursor(text: string | undefined): SessionCursor | null {
	const [at, session, keyId] = readParts(text);
	return isTime(at) && typeof session === "string" && typeof keyId === "string" ? { at, session, keyId } : null;
}

/** Where a page of sums ends: the values of what they are grouped by. */
export type SumCursor = readonly (string | number)[];

export function writeSumCursor<Column extends string>(
	last: { readonly [Name in Column]?: unknown },
	by: readonly Column[],
): string {
	return Buffer.from(JSON.stringify(by.map((column) => [column, last[column]]))).toString("base64url");
}

/** Null for nothing, and for what no page of sums that were grouped by the same columns gave. */
export function readSumCursor(text: string | undefined, by: readonly string[]): SumCursor | null {
	const parts = readParts(text);
	if (parts.length !== by.length || by.length === 0) return null;
	const values: (string | number)[] = [];
	for (const [at, column] of by.entries()) {
		const part = parts[at];
		if (!Array.isArray(part) || part[0] !== column) return null;
		const value: unknown = part[1];
		const isNumber = column === "hour" || column === "minute";
		if (isNumber ? !Number.isSafeInteger(value) : typeof value !== "string") return null;
		values.push(value as string | number);
	}
	return values;
}

/** What a cursor holds; nothing where it is none. */
function readParts(text: string | undefined): readonly unknown[] {
	if (text === undefined) return [];
	try {
		const parts: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
		return Array.isArray(parts) ? parts : [];
	} catch {
		return [];
	}
}

/** A time that a date can hold. */
function isTime(at: unknown): at is number {
	return typeof at === "number" && Number.isSafeInteger(at) && Math.abs(at) <= 8.64e15;
}
