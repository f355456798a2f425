// Reading members of parsed JSON without trusting its shape. Leaves what the members mean to the files beside it.

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A JSON object that is being put together; members are written in the order in which they are added. */
export type Draft = Record<string, unknown>;

/** `value` as an object, or null when it is a list, a plain value or nothing. */
export function asObject(value: unknown): JsonObject | null {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** A list, or an empty one for everything else. */
export function asList(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

/** A member of what may be an object. */
export function member(value: unknown, name: string): unknown {
	return asObject(value)?.[name];
}

/** A string member; null for everything else. */
export function textOf(value: unknown, name: string): string | null {
	const found = member(value, name);
	return typeof found === "string" ? found : null;
}

/** A finite number member; null for everything else. */
export function numberOf(value: unknown, name: string): number | null {
	const found = member(value, name);
	return typeof found === "number" && Number.isFinite(found) ? found : null;
}

/** `JSON.parse`, undefined instead of an exception. */
export function parseLenient(text: string): unknown {
	// Events without data are many, and an exception is dear.
	if (text === "") return undefined;
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** Puts `value` under `name` unless there is none: undefined and null are the same as not sent. */
export function put(draft: Draft, name: string, value: unknown): void {
	if (value !== undefined && value !== null) draft[name] = value;
}
