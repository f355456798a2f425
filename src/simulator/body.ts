// Words for parsed JSON bodies that several files share. Leaves checking them to request.ts.

/** A JSON object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>;

/** One content block, system block or tool result part. */
export interface Block extends Fields {
	readonly type: string;
}

/** One message; a string content has become one text block. */
export interface Message {
	readonly role: "user" | "assistant" | "system";
	readonly content: readonly Block[];
	/** Every field beside role and content, as sent. */
	readonly fields: Fields;
}

/** The value as an object, or null when it is none. */
export function fieldsOf(value: unknown): Fields | null {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

/** Whether some beta sent starts with `prefix`. */
export function hasBeta(betas: ReadonlySet<string>, prefix: string): boolean {
	for (const beta of betas) if (beta.startsWith(prefix)) return true;
	return false;
}
