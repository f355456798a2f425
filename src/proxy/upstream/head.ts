// An answer's head: whether it shows an answer of the upstream's API at all, and what of it goes on. Leaves hop-by-hop headers to
// proxy/headers, and answers with an error status to proxy/upstream/error-answer.
import type { IncomingHttpHeaders } from "node:http";
import type { Provider, Reframer } from "../../providers/provider.ts";
import { headerValue } from "../headers.ts";

/**
 * What an answer's head shows to be no answer, so that another deployment is asked; null = it is one. A redirect would lead the client, and
 * with it the gateway's key, past the gateway (claude-code §2: clients follow none); a page with status 200 is a proxy's or portal's.
 */
export function noAnswer(
	status: number,
	headers: IncomingHttpHeaders,
): { readonly code: string; readonly message: string } | null {
	if (status >= 400) return null;
	if (status === 304)
		return { code: "not_modified", message: "the upstream answered 304, which answers no request of ours" };
	if (status >= 300) return { code: "redirect", message: "the upstream redirects elsewhere: see api_base" };
	if (isPage(headers)) return { code: "page", message: "a page came instead of an answer: see api_base" };
	if (status === 204 || status === 205 || headers["content-length"] === "0")
		return { code: "empty", message: "the answer was empty" };
	return null;
}

/** A web page, which is no API's answer. */
export function isPage(headers: IncomingHttpHeaders): boolean {
	return /^text\/html\b/i.test(headerValue(headers, "content-type") ?? "");
}

/** The answer's head, its request id under the Messages API's name. */
export function withRequestId(headers: IncomingHttpHeaders, { requestIdHeader }: Provider): IncomingHttpHeaders {
	if (requestIdHeader === undefined || headers["request-id"] !== undefined) return headers;
	const id = headers[requestIdHeader];
	return id === undefined ? headers : { ...headers, "request-id": id };
}

/** Head of what a reframer makes of an answer. */
export function reframedHead(
	headers: IncomingHttpHeaders,
	{ streaming }: Pick<Reframer, "streaming">,
): IncomingHttpHeaders {
	const { "content-length": _length, "transfer-encoding": _encoding, ...kept } = headers;
	const type = streaming ? "text/event-stream; charset=utf-8" : "application/json";
	return { ...kept, "content-type": type };
}
