// The changes that the gateway makes to a body, by bytes: every other byte stays as the client sent it.

/**
 * The body with another `model`; `span` is where its value stands, quotes included. One copy, or the same buffer when the body already says
 * exactly that. Everything around the value stays byte for byte, because prompt caches live on identical content (design §5).
 */
export function replaceModel(
	body: Buffer,
	span: { readonly start: number; readonly end: number },
	model: string,
): Buffer {
	const value = Buffer.from(JSON.stringify(model));
	const { start, end } = span;
	if (end - start === value.length && body.compare(value, 0, value.length, start, end) === 0) return body;
	return Buffer.concat([body.subarray(0, start), value, body.subarray(end)]);
}
