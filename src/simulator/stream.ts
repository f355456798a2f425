// An answer as events, played to a client at the model's pace, with the faults that strike a running stream. Leaves the events' bytes to encoders, the head to exchange.ts.
import type { ServerResponse } from "node:http";
import { type AnswerBlock, outputTokensOf, writtenText } from "./answer.ts";
import { ApiError, errorBody, errorTypeOf } from "./api-error.ts";
import { type Clock, sleep } from "./clock.ts";
import { type Fault, stallMs } from "./faults.ts";
import { contextManagement, finalUsage, openingMessage, type Reply, safeguardResults } from "./message.ts";

/** One event of the stream. */
export interface StreamEvent {
	readonly name: string;
	readonly data: Readonly<Record<string, unknown>>;
	/** Output tokens that are generated for this event. */
	readonly tokens: number;
	/** Whether it is a piece of content. */
	readonly isDelta: boolean;
}

/** Bytes of a stream in one platform's form. One encoder serves one stream. */
export interface StreamEncoder {
	readonly contentType: string;
	/** Bytes of one event of the Messages API; empty when the form has none for it. */
	event(event: StreamEvent): string | Buffer;
	/** What ends a stream that fails. */
	error(error: ApiError, requestId: string): string | Buffer;
}

/** The Messages API's own form. */
export const SSE: StreamEncoder = {
	contentType: "text/event-stream; charset=utf-8",
	event: (event) => `event: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`,
	error: (error, requestId) => `event: error\ndata: ${JSON.stringify(errorBody(error, requestId))}\n\n`,
};

/** How a stream went: to its end, left by the client, or broken off by a fault. */
export type StreamEnd = { readonly outcome: "complete" | "aborted" | "broken"; readonly outputTokens: number };

/** What playing a stream needs. */
export interface Playback {
	readonly response: ServerResponse;
	readonly encoder: StreamEncoder;
	readonly requestId: string;
	readonly clock: Clock;
	/** Fires when the client has left. */
	readonly signal: AbortSignal;
	/** Milliseconds per output token; 0: as fast as the client reads. */
	readonly msPerToken: number;
	readonly fault: Fault | null;
	/** Called right before the client can see that the answer is complete. */
	onComplete(outputTokens: number): void;
}

const MIN_PIECES = 3;
const PIECE_LENGTH = 48;
const MAX_PIECES = 200;

/** All events of an answer in the API's order (providers §3), each lazily built. */
function* eventsOf(reply: Reply): Generator<StreamEvent> {
	yield plain("message_start", { message: openingMessage(reply) });
	for (const [index, block] of reply.answer.content.entries()) {
		yield plain("content_block_start", { index, content_block: emptied(block) });
		if (index === 0) yield plain("ping", {});
		yield* deltasOf(block, index);
		yield plain("content_block_stop", { index });
	}
	const delta = { stop_reason: reply.answer.stopReason, stop_sequence: null, ...safeguardResults(reply) };
	yield plain("message_delta", { delta, usage: finalUsage(reply), ...contextManagement(reply.request) });
	yield plain("message_stop", {});
}

/** The error of an `sse-error` fault. */
export function faultError(fault: Fault & { readonly kind: "sse-error" }): ApiError {
	const type = fault.errorType ?? errorTypeOf(529);
	return new ApiError(529, fault.message ?? (type === "overloaded_error" ? "Overloaded" : "Simulated failure"), {
		type,
	});
}

/**
 * Writes the events to the response, whose head is already out, and ends it. Every event is its own write, in its own turn of the
 * event loop, so that the client sees them apart. Resolves when nothing more will be written; never rejects for a client's leaving.
 */
export async function playStream(reply: Reply, playback: Playback): Promise<StreamEnd> {
	const { response, encoder, signal, clock, msPerToken, fault } = playback;
	let deltas = 0;
	let outputTokens = 0;
	let struck = false;
	for (const event of eventsOf(reply)) {
		if (event.tokens > 0 && !(await sleep(clock, event.tokens * msPerToken, signal))) break;
		if (signal.aborted) break;
		if (event.name === "message_stop") playback.onComplete(outputTokens);
		const bytes = encoder.event(event);
		if (bytes.length > 0) await writeThrough(response, bytes, signal);
		if (event.isDelta) deltas += 1;
		outputTokens += event.tokens;
		if (fault === null || struck || deltas < strikeAfter(fault)) continue;
		struck = true;
		const outcome = await strikeStream(fault, playback);
		if (outcome !== null) return { outcome, outputTokens };
	}
	if (signal.aborted) return { outcome: "aborted", outputTokens };
	response.end();
	return { outcome: "complete", outputTokens };
}

/** Content deltas after which a fault strikes; 0 is right after message_start, Infinity never. */
function strikeAfter(fault: Fault): number {
	switch (fault.kind) {
		case "cut":
		case "end-early":
			return fault.afterDeltas;
		case "sse-error":
			return fault.at === "after-content" ? Math.max(1, fault.afterDeltas ?? 1) : 0;
		case "stall":
			return fault.at === "mid-content" ? Math.max(1, fault.afterDeltas ?? 1) : Number.POSITIVE_INFINITY;
		default:
			return Number.POSITIVE_INFINITY;
	}
}

/** Carries out a fault in a running stream; how the stream ended, or null when it goes on. */
async function strikeStream(fault: Fault, playback: Playback): Promise<"aborted" | "broken" | null> {
	const { response, encoder, requestId, clock, signal } = playback;
	switch (fault.kind) {
		case "cut":
			response.destroy();
			return "broken";
		case "end-early":
			response.end();
			return "broken";
		case "sse-error":
			response.end(encoder.error(faultError(fault), requestId));
			return "broken";
		case "stall":
			return (await sleep(clock, stallMs(fault, "mid-content"), signal)) ? null : "aborted";
		default:
			return null;
	}
}

/**
 * Writes text; resolves in a later turn of the event loop, when it has been handed to the system, so that destroying the socket
 * afterwards does not take it back. Resolves too when the client leaves: a closing socket may never call back.
 */
export function writeThrough(response: ServerResponse, text: string | Buffer, signal: AbortSignal): Promise<void> {
	if (signal.aborted || response.destroyed) return Promise.resolve();
	return new Promise((resolve) => {
		const done = () => {
			signal.removeEventListener("abort", done);
			setImmediate(resolve);
		};
		signal.addEventListener("abort", done);
		response.write(text, done);
	});
}

function* deltasOf(block: AnswerBlock, index: number): Generator<StreamEvent> {
	const text = writtenText(block);
	const pieces = Math.min(MAX_PIECES, Math.max(MIN_PIECES, Math.ceil(text.length / PIECE_LENGTH)));
	const total = outputTokensOf(block);
	let given = 0;
	for (let piece = 0; piece < pieces; piece += 1) {
		const part = text.slice(cutAt(text, piece, pieces), cutAt(text, piece + 1, pieces));
		if (part === "") continue;
		const upTo = Math.round((total * (piece + 1)) / pieces);
		const delta = plain("content_block_delta", { index, delta: deltaOf(block, part) });
		yield { ...delta, tokens: upTo - given, isDelta: true };
		given = upTo;
	}
	if (block.type !== "thinking") return;
	yield plain("content_block_delta", { index, delta: { type: "signature_delta", signature: block.signature } });
}

function cutAt(text: string, piece: number, pieces: number): number {
	const at = Math.floor((text.length * piece) / pieces);
	const before = text.charCodeAt(at - 1);
	// Not between the halves of a surrogate pair.
	return before >= 0xd800 && before <= 0xdbff ? at + 1 : at;
}

function deltaOf(block: AnswerBlock, part: string): Record<string, unknown> {
	switch (block.type) {
		case "text":
			return { type: "text_delta", text: part };
		case "thinking":
			return { type: "thinking_delta", thinking: part };
		case "tool_use":
		case "server_tool_use":
			return { type: "input_json_delta", partial_json: part };
		case "web_search_tool_result":
			return {};
	}
}

function emptied(block: AnswerBlock): Record<string, unknown> {
	switch (block.type) {
		case "text":
			return { type: "text", text: "" };
		case "thinking":
			return { type: "thinking", thinking: "", signature: "" };
		case "tool_use":
		case "server_tool_use":
			return { type: block.type, id: block.id, name: block.name, input: {} };
		case "web_search_tool_result":
			return { ...block };
	}
}

function plain(name: string, data: Readonly<Record<string, unknown>>): StreamEvent {
	return { name, data: { type: name, ...data }, tokens: 0, isDelta: false };
}
