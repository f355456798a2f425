// Text that both databases take. Postgres refuses NULs and halves of surrogate pairs, and would refuse the row.

const SUSPECT = /[\0\ud800-\udfff]/;
const REFUSED = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** With a replacement character for what is refused. */
export function storableText(text: string): string {
	return SUSPECT.test(text) ? text.replace(REFUSED, "\ufffd") : text;
}

/**
 * As JSON, without what is refused in its escaped form. Escapes are gone through one by one, since the second half of an escaped backslash
 * begins none.
 */
export function storableJson(value: unknown): string {
	const json = JSON.stringify(value);
	if (!json.includes("u0000") && !json.includes("\\ud")) return json;
	return json.replace(/\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g, (found) => (found.length > 2 ? "\ufffd" : found));
}
