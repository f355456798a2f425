// How an answer is framed, by its first bytes rather than by its head alone, and what makes of it what the client asked for. Leaves the
// upstream's own form to its provider.
import type { IncomingHttpHeaders } from "node:http";
import type { AnswerEvent } from "../../protocol/answer-event.ts";
import { messageEvents } from "../../protocol/messages-events.ts";
import { MessagesStream } from "../../protocol/messages-stream.ts";
import { asObject, parseLenient } from "../../protocol/openai/json.ts";
import type { BodyReframer, Provider, StreamReframer, UpstreamRequest } from "../../providers/provider.ts";
import type { Exchange } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import { reframedHead } from "./head.ts";

/** stream: server-sent events · whole: JSON · own: as the head says, which the provider understands. */
export type Framing = "stream" | "whole" | "own";

const EVENT_STREAM = /^text\/event-stream\b/i;
/** How the first line of a stream begins, or may go on to begin. */
const FIELD = /^(data|event|id|retry)?:/;
const LONGEST_FIELD = "retry:".length;
const OPENS_JSON = /^[{["]/;
const LEADING = /^[\uFEFF\s]+/;

/** Whether a head alone says that events follow. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
	return EVENT_STREAM.test(headerValue(headers, "content-type") ?? "");
}

/**
 * An answer's framing by its first bytes, whatever its head calls it; null = more of them are needed. Servers keep a connection alive with
 * blank lines before JSON (DeepSeek). Frames of AWS begin with zeros, and what a client asked for packed is not read (proxy/upstream/unpacking).
 */
export function framingOf(headers: IncomingHttpHeaders, first: Buffer): Framing | null {
	if (headerValue(headers, "content-encoding") !== null) return "own";
	const text = first.toString("utf8").replace(LEADING, "");
	if (text === "") return null;
	if (OPENS_JSON.test(text)) return "whole";
	if (FIELD.test(text)) return "stream";
	if (text.length < LONGEST_FIELD && !text.includes("\n")) return null;
	// A stream may begin with a field that nobody knows.
	return isEventStream(headers) ? "stream" : "own";
}

/** What an answer needs on its way. */
export interface AnswerForm {
	/** Makes events of a stream that is translated, from its upstream's form or for its client; null where its bytes go on. */
	readonly stream: StreamReframer | null;
	/** Makes a whole answer canonical, and a stream where one was asked for; null where it is both. */
	readonly whole: BodyReframer | WholeAsStream | null;
	/** Head of the canonical answer. */
	readonly canonical: IncomingHttpHeaders;
	/** Head of what goes on. */
	readonly sent: IncomingHttpHeaders;
	/** Its own bytes are what the client gets. */
	readonly untouched: boolean;
	/** A stream that must be put together for a client that asked for a whole answer. */
	readonly assembled: boolean;
	/** A stream whose upstream sends no pings. */
	readonly needsPings: boolean;
}

/** The form of an answer with this framing. `headers` is its head. */
export function formOf(
	framing: Framing,
	head: { readonly status: number; readonly headers: IncomingHttpHeaders },
	about: { readonly exchange: Exchange; readonly provider: Provider; readonly request: UpstreamRequest },
): AnswerForm {
	const { exchange, provider, request } = about;
	const isMessage = exchange.operation === "messages";
	const headers = isMessage ? named(head.headers, framing) : head.headers;
	const own = provider.reframe?.(request, { status: head.status, headers }) ?? null;
	const streams = own?.streaming ?? isEventStream(headers);
	const wanted = exchange.outline?.stream ?? streams;
	const isMisfit = isMessage && framing !== "own" && streams !== wanted;
	if (isMisfit && !streams) {
		const canonical = reframedHead(headers, { streaming: true });
		const whole = new WholeAsStream(own?.streaming === false ? own : null);
		return { stream: null, whole, canonical, sent: canonical, untouched: false, assembled: false, needsPings: false };
	}
	const untouched = request.untouched === true && !(isMisfit && exchange.encoder !== null);
	const assembled = isMisfit && !untouched;
	const isTranslated = isEventStream(headers) && (assembled || exchange.encoder !== null);
	const foreign = own?.streaming === true ? own : null;
	const canonical = own === null ? headers : reframedHead(headers, own);
	return {
		stream: foreign ?? (isTranslated && own === null ? new MessagesStream() : null),
		whole: own?.streaming === false ? own : null,
		canonical,
		sent: untouched ? headers : canonical,
		untouched,
		assembled,
		needsPings: foreign !== null,
	};
}

/** The head with a type that is true. Of a stream that may be changed no length is known. */
function named(headers: IncomingHttpHeaders, framing: Framing): IncomingHttpHeaders {
	const isStream = isEventStream(headers);
	if (framing === "stream" && !isStream)
		return { ...lengthless(headers), "content-type": "text/event-stream; charset=utf-8" };
	if (framing === "stream") return lengthless(headers);
	const type = headerValue(headers, "content-type") ?? "";
	return framing === "whole" && !/\bjson\b/i.test(type) ? { ...headers, "content-type": "application/json" } : headers;
}

function lengthless(headers: IncomingHttpHeaders): IncomingHttpHeaders {
	if (headers["content-length"] === undefined) return headers;
	const { "content-length": _length, ...kept } = headers;
	return kept;
}

/** A whole answer for a client that asked for a stream: its events come when all of it has. */
export class WholeAsStream {
	readonly #inner: BodyReframer | null;

	constructor(inner: BodyReframer | null) {
		this.#inner = inner;
	}

	get usageUnknown(): boolean {
		return this.#inner?.usageUnknown === true;
	}

	events(whole: Buffer): readonly AnswerEvent[] {
		const canonical = this.#inner?.body(whole) ?? whole;
		return messageEvents(asObject(parseLenient(canonical.toString("utf8"))));
	}
}
