// The one change the gateway makes to a body: its model. Every other byte stays as the client sent it.
import type { Span } from "./outline.ts";

/**
 * The body with another `model`; `span` is the outline's `modelSpan`. One copy, or the same buffer when the body already says exactly
 * that. Everything around the value stays byte for byte, because prompt caches live on identical content.
 */
export function replaceModel(body: Buffer, span: Span, model: string): Buffer {
	const value = Buffer.from(JSON.stringify(model));
	if (body.subarray(span.start, span.end).equals(value)) return body;
	return Buffer.concat([body.subarray(0, span.start), value, body.subarray(span.end)]);
}
