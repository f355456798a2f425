// Our event-stream codec against AWS's own, and what Bedrock's frames become.
import { EventStreamCodec } from "@smithy/eventstream-codec";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	EventStreamDecoder,
	EventStreamError,
	EventStreamReframer,
	encodeChunk,
	encodeException,
	encodeFrame,
} from "./eventstream.ts";

const aws = new EventStreamCodec(
	(bytes) => Buffer.from(bytes as Uint8Array).toString("utf8"),
	(text) => Buffer.from(text),
);

const DELTA = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße\\n"}}';

/** Random cuts of a byte stream. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
	const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
	return [...at, bytes.length].map((end, index) => bytes.subarray(at[index - 1] ?? 0, end));
}

const headerText = fc.string({ maxLength: 40 });
const frame = fc.record({
	headers: fc.dictionary(fc.stringMatching(/^[:a-z-]{1,20}$/), headerText, { maxKeys: 5 }),
	payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

describe("frames", () => {
	it("are read back as written, however the stream is cut", () => {
		fc.assert(
			fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }), (frames, cuts) => {
				const decoder = new EventStreamDecoder();
				const read = pieces(Buffer.concat(frames.map(encodeFrame)), cuts).flatMap((piece) => decoder.push(piece));
				expect(
					read.map(({ headers, payload }) => ({ headers: { ...headers }, payload: Buffer.from(payload) })),
				).toEqual(frames.map(({ headers, payload }) => ({ headers: { ...headers }, payload })));
				expect(decoder.heldBytes).toBe(0);
			}),
		);
	});

	it("are what AWS's own codec reads and writes", () => {
		fc.assert(
			fc.property(frame, ({ headers, payload }) => {
				const ours = aws.decode(encodeFrame({ headers, payload }));
				const expected = Object.entries(headers).map(([name, value]) => [name, { type: "string", value }]);
				expect(Object.entries(ours.headers)).toEqual(expected);
				expect(Buffer.from(ours.body)).toEqual(payload);
				const theirs = aws.encode({ headers: Object.fromEntries(expected), body: payload });
				const [read] = new EventStreamDecoder().push(Buffer.from(theirs));
				expect({ ...read?.headers }).toEqual({ ...headers });
				expect(read?.payload).toEqual(payload);
			}),
		);
	});

	it("with headers of other types than text are read past them", () => {
		const bytes = aws.encode({
			headers: {
				flag: { type: "boolean", value: true },
				count: { type: "integer", value: 7 },
				raw: { type: "binary", value: Buffer.from("xyz") },
				at: { type: "timestamp", value: new Date(0) },
				id: { type: "uuid", value: "2c8fe1c1-93b8-4d2c-8a3f-5d8d5b6ff0a1" },
				":event-type": { type: "string", value: "chunk" },
			},
			body: Buffer.from("{}"),
		});
		expect(new EventStreamDecoder().push(Buffer.from(bytes))[0]?.headers).toEqual({ ":event-type": "chunk" });
	});

	it("that are damaged anywhere are refused", () => {
		const whole = encodeChunk(DELTA);
		for (let at = 0; at < whole.length; at += 1) {
			const damaged = Buffer.from(whole);
			damaged[at] = (damaged[at] ?? 0) ^ 0x55;
			expect(() => new EventStreamDecoder().push(damaged)).toThrow(EventStreamError);
		}
	});
});

/** What a stream of frames becomes, in one piece. */
function sse(...frames: readonly Buffer[]): string {
	const stream = new EventStreamReframer();
	return [...frames.flatMap((bytes) => stream.push(bytes)), ...stream.end()].join("");
}

describe("Bedrock's stream as server-sent events", () => {
	it("a chunk's JSON passes as it is, padding and all", () => {
		const payload = JSON.stringify({ bytes: Buffer.from(DELTA).toString("base64"), p: "abcdefghij" });
		const padded = encodeFrame({
			headers: { ":event-type": "chunk", ":message-type": "event" },
			payload: Buffer.from(payload),
		});
		expect(sse(padded)).toBe(`event: content_block_delta\ndata: ${DELTA}\n\n`);
		expect(sse(encodeChunk(DELTA))).toBe(`event: content_block_delta\ndata: ${DELTA}\n\n`);
	});

	it("JSON on several lines, or with its type elsewhere, becomes one line", () => {
		expect(sse(encodeChunk('{\n "type": "ping"\n}'))).toBe('event: ping\ndata: {"type":"ping"}\n\n');
		expect(sse(encodeChunk('{"index":0,"type":"content_block_stop"}'))).toBe(
			'event: content_block_stop\ndata: {"index":0,"type":"content_block_stop"}\n\n',
		);
	});

	it.each([
		["throttlingException", "rate_limit_error"],
		["serviceUnavailableException", "overloaded_error"],
		["internalServerException", "api_error"],
		["modelStreamErrorException", "api_error"],
		["modelTimeoutException", "timeout_error"],
		["validationException", "invalid_request_error"],
		["somethingNewException", "api_error"],
	])("%s becomes an error event of type %s, and nothing follows it", (name, type) => {
		const text = sse(encodeChunk(DELTA), encodeException(name, "So it is."), encodeChunk(DELTA));
		const [, error = "", ...rest] = text.split("\n\n");
		expect(rest).toEqual([""]);
		const [event, data = ""] = error.split("\n");
		expect(event).toBe("event: error");
		expect(JSON.parse(data.slice("data: ".length))).toEqual({
			type: "error",
			error: { type, message: "So it is.", details: { error_code: name } },
		});
	});

	it("a stream that breaks inside a frame, or is damaged, ends in an error event", () => {
		expect(sse(encodeChunk(DELTA).subarray(0, 40))).toMatch(/^event: error\ndata: .*api_error.*ended inside a frame/);
		const damaged = Buffer.from(encodeChunk(DELTA));
		damaged[20] = 0;
		expect(sse(encodeChunk(DELTA), damaged)).toMatch(/content_block_delta.*\n\nevent: error\n/);
	});

	it("frames that are no chunks are passed over", () => {
		expect(sse(encodeFrame({ headers: { ":event-type": "initial-response" }, payload: Buffer.from("{}") }))).toBe("");
	});
});
