// An answer as it comes: server-sent events → the API's event objects. Leaves their types to the caller.
import { SseSplitter, sseData } from "../protocol/sse.ts";
import { type CallError, readErrorBody } from "./call-error.ts";
import type { MemoryResponse } from "./connection.ts";
import type { Decision } from "./decision.ts";

/** An event must be whole to be read, bytes. */
const MAX_EVENT = 64 * 1024 * 1024;
/** How Chat Completions end. */
const DONE = "[DONE]";

/**
 * The events of one answer, for one loop. Leaving the loop early ends the request; so does the call's signal, with its reason. Throws
 * StreamError where the answer breaks off. Pings are left out.
 */
export interface EventStream<Event> extends AsyncIterable<Event>, AsyncDisposable {
	/** As of now: `attempts` is complete when the answer is. */
	readonly warmpath: Decision;
	/** Ends the request; the loop over its events ends without an error. */
	abort(): void;
}

export interface EventSource {
	readonly response: MemoryResponse;
	readonly signal: AbortSignal | null;
	/** Everything of the request is over. */
	readonly done: Promise<void>;
	decision(): Decision;
	/** What an error event, or being cut (null), is thrown as. */
	fail(error: { readonly type: string; readonly message: string } | null, body: unknown): CallError;
}

/** Makes the answer's events readable. `Event` is what the API promises; it is not checked. */
export function eventStream<Event>(source: EventSource): EventStream<Event> {
	const { response } = source;
	let used = false;
	let ended = false;
	const abort = () => {
		ended = true;
		response.destroy();
	};
	return {
		get warmpath() {
			return source.decision();
		},
		abort,
		async [Symbol.asyncDispose]() {
			abort();
		},
		[Symbol.asyncIterator]() {
			if (used) throw new Error("the events of an answer can be read once: keep what is needed later");
			used = true;
			return events<Event>(source, () => ended);
		},
	};
}

async function* events<Event>(source: EventSource, hasEnded: () => boolean): AsyncGenerator<Event> {
	const { response, signal } = source;
	let whole: { readonly name: string; readonly data: string }[] = [];
	const splitter = new SseSplitter((name, event) => whole.push({ name, data: sseData(event) }), {
		maxEventBytes: MAX_EVENT,
	});
	try {
		for await (const chunk of response) {
			signal?.throwIfAborted();
			splitter.push(chunk as Buffer);
			const come = whole;
			whole = [];
			for (const { name, data } of come) {
				if (data === "" || data === DONE || name === "ping") continue;
				const parsed: unknown = JSON.parse(data);
				const error = name === "" || name === "error" ? readErrorBody(parsed) : null;
				if (error !== null) throw source.fail(error, parsed);
				yield parsed as Event;
			}
		}
		await source.done;
	} catch (error) {
		if (hasEnded()) return;
		signal?.throwIfAborted();
		throw isCut(error) ? source.fail(null, null) : error;
	} finally {
		response.destroy();
	}
}

function isCut(error: unknown): boolean {
	return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}
