// What becomes of an upstream's error, by status or by event: what it says, and what of it the client gets. Pure; leaves its meaning to the
// provider, and whether it is the client's to proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import { errorBody, readError, statusOfErrorType } from "../../protocol/anthropic.ts";
import { retryHintIn } from "../../protocol/retry-hints.ts";
import type { Provider, UpstreamFailure, UpstreamRequest } from "../../providers/provider.ts";
import { typeOfStatus } from "../answer/encoding.ts";
import { headerValue } from "../headers.ts";
import { isPage } from "./head.ts";
import type { FailedAnswer } from "./outcome.ts";

/** An answer with its whole body. */
export interface WholeAnswer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

/** Status, headers and body are canonical, as far as the provider knows its platform's own. */
export interface UpstreamErrorAnswer extends FailedAnswer {
	readonly failure: UpstreamFailure & { readonly status: number; readonly headers: IncomingHttpHeaders };
}

/** Reads an answer with an error status and has the provider judge it. */
export function readErrorAnswer(
	plain: WholeAnswer,
	{ provider, request }: { readonly provider: Provider; readonly request: UpstreamRequest },
): UpstreamErrorAnswer {
	const { status, headers, body } = canonicalError(plain, provider);
	// A page that is no error of the format is never shown as one.
	const isOwn = request.untouched === true && body !== plain.body;
	const error = readError(body.toString("utf8"));
	const failure = {
		status,
		errorType: error?.type ?? null,
		message: error?.message ?? "",
		errorCode: error?.code ?? null,
		timedOut: false,
		headers,
		// As it came: the canonical form has no place for it.
		retryHintMs: retryHintIn(plain.body),
	};
	return {
		failure,
		verdict: provider.judge(failure),
		body,
		original: isOwn ? { status: plain.status, body: plain.body } : null,
		kind: "status",
		code: error?.code ?? error?.type ?? `http_${status}`,
		staleSocket: false,
	};
}

/** What an `error` event of a stream says by its data: the failure but for the answer's headers. */
export function readErrorEvent(data: string): Omit<UpstreamFailure, "headers"> & { readonly errorType: string } {
	const error = readError(data);
	const type = error?.type ?? "api_error";
	return {
		status: statusOfErrorType(type),
		errorType: type,
		message: error?.message ?? "",
		errorCode: error?.code ?? null,
		timedOut: false,
	};
}

/** What the client gets of an error answer that is its own. `requestId` is the gateway's, for an error that we word. */
export function errorForClient({ failure, body, original }: UpstreamErrorAnswer, requestId: string): WholeAnswer {
	const { status, headers } = failure;
	const sent = original ?? { status, body: errorInstead({ status, headers, body }, requestId) ?? body };
	if (sent.body === body) return { status: sent.status, headers, body };
	const length = String(sent.body.length);
	const type = original === null ? "application/json" : headerValue(headers, "content-type");
	const changed = { ...headers, "content-length": length, ...(type === null ? {} : { "content-type": type }) };
	return { status: sent.status, headers: changed, body: sent.body };
}

/** The error answer in the canonical dialect, where the provider knows its platform's own. */
function canonicalError(plain: WholeAnswer, provider: Provider): WholeAnswer {
	const { status, headers } = plain;
	const canonical = provider.canonicalError?.({ status, headers }, plain.body) ?? null;
	if (canonical === null) return plain;
	const { body } = canonical;
	const head = { ...headers, "content-type": "application/json", "content-length": String(body.length) };
	return { status: canonical.status, headers: head, body };
}

/**
 * The Messages API's error in place of an error answer that says nothing to the API's clients: a page, which they must never get, or nothing
 * at all. null = it says something.
 */
function errorInstead({ status, headers, body }: WholeAnswer, requestId: string): Buffer | null {
	const what = isPage(headers) ? "a page" : body.length === 0 ? "no word" : null;
	if (what === null) return null;
	const message = `The upstream answered HTTP ${status} with ${what} instead of an error of its API: something in front of it may have refused the request.`;
	return errorBody(typeOfStatus(status), message, requestId);
}
