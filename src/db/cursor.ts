// Where a page ends: a time and what decides among equals. Opaque to clients, so that it may change.

export interface Cursor {
	/** ms since epoch. */
	readonly at: number;
	readonly seq: number;
}

export function writeCursor(at: number, seq: number): string {
	return Buffer.from(`${at}.${seq}`).toString("base64url");
}

/** Null for nothing, and for what is no cursor. */
export function readCursor(text: string | undefined): Cursor | null {
	const parts = text === undefined ? null : /^(\d+)\.(\d+)$/.exec(Buffer.from(text, "base64url").toString());
	const [at, seq] = [Number(parts?.[1]), Number(parts?.[2])];
	return Number.isSafeInteger(at) && Number.isSafeInteger(seq) ? { at, seq } : null;
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
	if (text === undefined) return null;
	try {
		const parts: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
		if (!Array.isArray(parts)) return null;
		const [at, session, keyId] = parts as readonly unknown[];
		const isOne = Number.isSafeInteger(at) && typeof session === "string" && typeof keyId === "string";
		return isOne ? { at: at as number, session, keyId } : null;
	} catch {
		return null;
	}
}

/** Where a page of sums ends: the values of what they are told apart by. */
export type SumCursor = readonly (string | number)[];

export function writeSumCursor<Column extends string>(
	last: { readonly [Name in Column]?: unknown },
	by: readonly Column[],
): string {
	return Buffer.from(JSON.stringify(by.map((column) => [column, last[column]]))).toString("base64url");
}

/** Null for nothing, and for what no page of sums that were told apart by the same columns gave. */
export function readSumCursor(text: string | undefined, by: readonly string[]): SumCursor | null {
	if (text === undefined) return null;
	try {
		const parts: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
		if (!Array.isArray(parts) || parts.length !== by.length || by.length === 0) return null;
		const values: (string | number)[] = [];
		for (const [at, column] of by.entries()) {
			const part: unknown = parts[at];
			if (!Array.isArray(part) || part[0] !== column) return null;
			const value: unknown = part[1];
			const isTime = column === "hour" || column === "minute";
			if (isTime ? !Number.isSafeInteger(value) : typeof value !== "string") return null;
			values.push(value as string | number);
		}
		return values;
	} catch {
		return null;
	}
}
