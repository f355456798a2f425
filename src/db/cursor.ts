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
	if (text === undefined || text.length > 64) return null;
	const parts = /^(\d+)\.(\d+)$/.exec(Buffer.from(text, "base64url").toString());
	return parts === null ? null : { at: Number(parts[1]), seq: Number(parts[2]) };
}
