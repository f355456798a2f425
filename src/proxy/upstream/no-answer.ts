// What comes from an upstream's address and is no answer of its API: redirects, pages, nothing at all. Leaves real errors to the providers.
import type { IncomingHttpHeaders } from "node:http";
import { errorBody } from "../../protocol/anthropic.ts";
import { typeOfStatus, unpacked } from "../answer/encoding.ts";
import { headerValue } from "../headers.ts";

/**
 * What an answer's head shows to be no answer, so that another deployment is asked; null = it is one. A redirect would lead the client, and
 * with it the gateway's key, past the gateway (claude-code-client §2: clients follow none); a page with status 200 is a proxy's or portal's.
 */
export function noAnswer(
	status: number,
	headers: IncomingHttpHeaders,
): { readonly code: string; readonly message: string } | null {
	if (status >= 400) return null;
	if (status >= 300) return { code: "redirect", message: "the upstream redirects elsewhere: see api_base" };
	if (isPage(headers)) return { code: "page", message: "a page came instead of an answer: see api_base" };
	if (status === 204 || headers["content-length"] === "0") return { code: "empty", message: "the answer was empty" };
	return null;
}

/**
 * The Messages API's error in place of an error answer that says nothing to the API's clients: a page, which they must never get, or nothing
 * at all. null = it says something.
 */
export function errorInstead(
	head: { readonly status: number; readonly headers: IncomingHttpHeaders },
	{ body, requestId }: { readonly body: Buffer; readonly requestId: string },
): Buffer | null {
	const what = isPage(head.headers) ? "a page" : body.length === 0 ? "no word" : null;
	if (what === null) return null;
	const message = `The upstream answered HTTP ${head.status} with ${what} instead of an error of its API: something in front of it may have refused the request.`;
	return errorBody(typeOfStatus(head.status), message, requestId);
}

/**
 * An error answer uncompressed, so that its wording can be read: by us, and in every client's format. As it came where it is not compressed,
 * or not as we know it.
 */
export function plainError(
	headers: IncomingHttpHeaders,
	body: Buffer,
): { readonly headers: IncomingHttpHeaders; readonly body: Buffer } {
	const { "content-encoding": encoding, ...rest } = headers;
	if (encoding === undefined) return { headers, body };
	const plain = unpacked(body, encoding);
	return plain === body
		? { headers, body }
		: { headers: { ...rest, "content-length": String(plain.length) }, body: plain };
}

function isPage(headers: IncomingHttpHeaders): boolean {
	return /^text\/html\b/i.test(headerValue(headers, "content-type") ?? "");
}
