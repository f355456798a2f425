// Answers that an upstream packs (`content-encoding`) though it was asked for plain ones: every client gets what it asked for, and no bomb is held.
import * as zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { MAX_WHOLE } from "../../src/proxy/answer/encoding.ts";
import { startFormats } from "../client-formats.ts";
import { MASTER_KEY } from "../harness.ts";
import { CONTENT, DELTA, START, STOP } from "../message-events.ts";
import type { Answer } from "../recording-upstream.ts";
import * as answers from "../whole-answers.ts";
import { http1Client, http2Client } from "../wire-clients.ts";

const MESSAGE = JSON.stringify(answers.MESSAGE);
const COMPLETION = JSON.stringify(answers.COMPLETION);
const CHUNK = { id: "chatcmpl-1", object: "chat.completion.chunk", model: "m" };
const CHUNKS = `data: ${JSON.stringify({ ...CHUNK, choices: [{ index: 0, delta: { content: "Fine." } }] })}\n\ndata: ${JSON.stringify({ ...CHUNK, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;
const EVENTS = START + CONTENT + DELTA + STOP;

const PACK: Readonly<Record<string, (plain: string) => Buffer>> = {
	gzip: (plain) => zlib.gzipSync(plain),
	"x-gzip": (plain) => zlib.gzipSync(plain),
	deflate: (plain) => zlib.deflateSync(plain),
	br: (plain) => zlib.brotliCompressSync(plain),
};

const ASK = { max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
const GOOGLE = "/v1/projects/p/locations/l/publishers/anthropic/models/";

/** One request of each client format. */
function requests(model: string, stream: boolean): readonly (readonly [path: string, body: string])[] {
	return [
		["/v1/messages", JSON.stringify({ model, stream, ...ASK })],
		["/v1/chat/completions", JSON.stringify({ model, stream, ...ASK })],
		["/v1/responses", JSON.stringify({ model, stream, input: "hi" })],
		[`/model/${model}/invoke${stream ? "-with-response-stream" : ""}`, JSON.stringify(ASK)],
		[`${GOOGLE}${model}:${stream ? "streamRawPredict" : "rawPredict"}`, JSON.stringify(ASK)],
	];
}

function packed(coding: string, type: string, bytes: Buffer, status = 200): Answer {
	return (_request, response) => {
		response.writeHead(status, { "content-type": type, "content-encoding": coding });
		response.end(bytes);
	};
}

async function start() {
	const world = await startFormats((_request, response) => response.end());
	return { ...world, send: http1Client(world.gateway.port) };
}

const headers = { "x-api-key": MASTER_KEY, "content-type": "application/json" };
/** Text in frames of AWS is in base64. */
const plainText = (body: string) =>
	body.replace(/"bytes":"([^"]+)"/g, (_, bytes: string) => Buffer.from(bytes, "base64").toString());

describe.each(Object.keys(PACK))("an answer packed as %s", (coding) => {
	test.each([true, false])("is what the client asked for, in its form (stream: %s)", async (stream) => {
		await using world = await start();
		const pack = PACK[coding] as (plain: string) => Buffer;
		for (const [model, whole, events] of [
			["claude-code", MESSAGE, EVENTS],
			["gpt", COMPLETION, CHUNKS],
		] as const) {
			for (const [type, plain] of [
				["application/json", whole],
				["text/event-stream", events],
			] as const) {
				world.upstream.setAnswer(packed(coding, type, pack(plain)));
				for (const [path, body] of requests(model, stream)) {
					const told = await world.send({ path, headers, body });
					expect([path, type, told.status, told.error, told.headers["content-encoding"]]).toEqual([
						path,
						type,
						200,
						"",
						undefined,
					]);
					expect(told.headers["content-type"]).toMatch(stream ? /event-?stream/ : /json/);
					expect(plainText(told.body)).toMatch(/"(a|Fine\.)"/);
				}
			}
		}
		await expect.poll(world.inFlight).toBe(0);
	});

	test("with an error is read", async () => {
		await using world = await start();
		const body = '{"type":"error","error":{"type":"invalid_request_error","message":"messages: no"}}';
		const bytes = (PACK[coding] as (plain: string) => Buffer)(body);
		world.upstream.setAnswer(packed(coding, "application/json", bytes, 400));
		for (const [path, sent] of requests("claude-code", false)) {
			const told = await world.send({ path, headers: { ...headers, "accept-encoding": "gzip" }, body: sent });
			expect([told.status, told.body]).toEqual([400, expect.stringContaining("messages: no")]);
		}
	});
});

test.each<[string, string, Buffer]>([
	["plain bytes", "gzip", Buffer.from(MESSAGE)],
	["half of it", "gzip", zlib.gzipSync(MESSAGE).subarray(0, 60)],
	["a wrong checksum", "gzip", Buffer.concat([zlib.gzipSync(MESSAGE).subarray(0, -8), Buffer.alloc(8, 1)])],
	["another coding's bytes", "br", zlib.gzipSync(MESSAGE)],
	["a coding of nobody's", "exi", Buffer.from(MESSAGE)],
	["two codings", "gzip, br", zlib.brotliCompressSync(zlib.gzipSync(MESSAGE))],
])("what cannot be unpacked is a failure of its upstream (%s)", async (_what, coding, bytes) => {
	await using world = await start();
	world.upstream.setAnswer(packed(coding, "application/json", bytes));
	for (const [path, body] of requests("claude-code", true)) {
		const told = await world.send({ path, headers, body });
		expect([path, told.status >= 500, told.body]).toEqual([path, true, expect.stringContaining("cannot be unpacked")]);
	}
	world.upstream.setAnswer(packed(coding, "application/json", bytes, 429));
	const told = await world.send({
		path: "/v1/messages",
		headers,
		body: JSON.stringify({ model: "claude-code", ...ASK }),
	});
	expect(told.status).toBe(429);
	await expect.poll(world.inFlight).toBe(0);
});

const PIECE = Buffer.alloc(1024 * 1024, 0x20);

/** White space within JSON, much more than its packed size. */
function bomb(head: string, pieces: number, tail: string): Buffer {
	return zlib.gzipSync(
		Buffer.concat([Buffer.from(head), ...Array.from({ length: pieces }, () => PIECE), Buffer.from(tail)]),
	);
}

test("a bomb is unpacked no further than an answer may be held, whatever comes of it", async () => {
	await using world = await start();
	const pieces = MAX_WHOLE / PIECE.length + 8;
	world.upstream.setAnswer(packed("gzip", "application/json", bomb('{"choices":[', pieces, "]}")));
	const told = await world.send({ path: "/v1/messages", headers, body: JSON.stringify({ model: "gpt", ...ASK }) });
	expect([told.status, told.body]).toEqual([502, expect.stringContaining(`${MAX_WHOLE} bytes`)]);
	world.upstream.setAnswer(packed("gzip", "application/json", bomb("{", pieces, "}"), 500));
	const failed = await world.send({
		path: "/v1/messages",
		headers,
		body: JSON.stringify({ model: "claude-code", ...ASK }),
	});
	expect(failed.status).toBe(503);
	await expect.poll(world.inFlight).toBe(0);
});

test.each(["http1", "http2"] as const)("a client of %s that reads slowly gets all of it", async (version) => {
	await using world = await start();
	const text = "x".repeat(4 * 1024 * 1024);
	world.upstream.setAnswer(packed("gzip", "text/event-stream", zlib.gzipSync(EVENTS.replace('"a"', `"${text}"`))));
	const http2 = http2Client(world.gateway.url);
	const send = version === "http1" ? world.send : http2.send;
	const told = await send({
		path: "/v1/messages",
		headers,
		body: JSON.stringify({ model: "claude-code", stream: true, ...ASK }),
	});
	http2.session.destroy();
	expect([told.status, told.error, told.body.length]).toEqual([200, "", EVENTS.length - 1 + text.length]);
});

test("each event of a packed stream goes on when it has come, and what breaks after content ends with an error event", async () => {
	await using world = await start();
	world.upstream.setAnswer((_request, response) => {
		const packer = zlib.createGzip();
		response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
		packer.on("data", (chunk: Buffer) => response.write(chunk));
		packer.write(START + CONTENT + DELTA);
		packer.flush(() => setTimeout(() => response.destroy(), 50));
	});
	const told = await world.send({
		path: "/v1/messages",
		headers,
		body: JSON.stringify({ model: "claude-code", stream: true, ...ASK }),
	});
	expect([told.status, told.body]).toEqual([
		200,
		expect.stringMatching(/^event: message_start.*event: error\n.*broke/s),
	]);
	expect(told.body.startsWith(START + CONTENT + DELTA)).toBe(true);
});
