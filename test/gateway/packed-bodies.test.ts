// Bodies that a client has packed (`content-encoding`): unpacked within the limit of plain ones, and sent on plain.
import { connect } from "node:http2";
import * as zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const LIMIT = 200_000;
const MESSAGES = JSON.stringify({
	model: "claude-code",
	max_tokens: 5,
	messages: [{ role: "user", content: `hi ${"é".repeat(3000)}` }],
});
const MESSAGE = JSON.stringify({ type: "message", content: [], usage: { input_tokens: 1, output_tokens: 1 } });

type Pack = (plain: Buffer) => Buffer;
/** Only from Node 22.15 on. */
const { zstdCompressSync } = zlib as { readonly zstdCompressSync?: Pack };

const PACKED: readonly (readonly [string, Pack])[] = [
	["gzip", zlib.gzipSync],
	["x-gzip", zlib.gzipSync],
	["GZip", zlib.gzipSync],
	["deflate", zlib.deflateSync],
	["deflate", zlib.deflateRawSync],
	["br", zlib.brotliCompressSync],
	["gzip, br", (plain) => zlib.brotliCompressSync(zlib.gzipSync(plain))],
	["identity, gzip", zlib.gzipSync],
	["gzip", (plain) => Buffer.concat([zlib.gzipSync(plain.subarray(0, 50)), zlib.gzipSync(plain.subarray(50))])],
	["identity", (plain) => plain],
	["", (plain) => plain],
	...(zstdCompressSync === undefined ? [] : [["zstd", zstdCompressSync] as const]),
];

async function start() {
	const upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(MESSAGE);
	});
	const config = deploymentsConfig(
		[{ id: "a", apiBase: upstream.url }],
		`warmpath: { listen: { port: 0 }, limits: { max_body_bytes: ${LIMIT} } }\n`,
	);
	const gateway = await startTestGateway(config);
	return {
		upstream,
		gateway,
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

test.each(PACKED)("a body packed as '%s' goes upstream plain, byte for byte", async (encoding, pack) => {
	await using w = await start();
	const sent = Buffer.from(MESSAGES);
	const response = await w.gateway.post("/v1/messages", pack(sent), { "content-encoding": encoding });
	expect(response.status).toBe(200);
	const [request] = w.upstream.requests;
	expect(request?.body.toString()).toBe(MESSAGES.replace("claude-code", "claude-sonnet-5-5"));
	expect(request?.headers["content-encoding"]).toBeUndefined();
	expect(request?.headers["content-length"]).toBe(String(request?.body.length));
});

test.each([
	["/v1/messages/count_tokens", MESSAGES],
	["/v1/chat/completions", MESSAGES],
	["/v1/responses", JSON.stringify({ model: "claude-code", input: "hi" })],
	["/bedrock/model/claude-code/invoke", JSON.stringify({ max_tokens: 5, messages: [{ role: "user", content: "hi" }] })],
	["/route/explain", MESSAGES],
])("%s takes packed bodies", async (path, body) => {
	await using w = await start();
	const response = await w.gateway.post(path, zlib.gzipSync(body), { "content-encoding": "gzip" });
	expect(response.status).toBe(200);
});

test("a packed body over HTTP/2, in pieces and without a length, is unpacked too", async () => {
	await using w = await start();
	const session = connect(w.gateway.url);
	const stream = session.request({
		":method": "POST",
		":path": "/v1/messages",
		"x-api-key": MASTER_KEY,
		"content-encoding": "br",
	});
	const packed = zlib.brotliCompressSync(MESSAGES);
	stream.write(packed.subarray(0, 20));
	stream.end(packed.subarray(20));
	const status = await new Promise((resolve) => stream.on("response", (headers) => resolve(headers[":status"])));
	expect(status).toBe(200);
	session.close();
	expect(w.upstream.requests[0]?.body.toString()).toContain("éé");
});

describe("what is refused", () => {
	const bomb = Buffer.alloc(30_000_000, 0x20);
	const half = zlib.gzipSync(MESSAGES).subarray(0, 60);
	test.each<[string, string, Buffer, number, RegExp]>([
		["a gzip bomb", "gzip", zlib.gzipSync(bomb), 413, /larger than 200000 bytes/],
		["a brotli bomb", "br", zlib.brotliCompressSync(bomb), 413, /larger than 200000 bytes/],
		["a deflate bomb", "deflate", zlib.deflateSync(bomb), 413, /larger than 200000 bytes/],
		["a bomb in a bomb", "gzip, gzip", zlib.gzipSync(zlib.gzipSync(bomb)), 413, /larger than 200000 bytes/],
		["one byte too much", "gzip", zlib.gzipSync(Buffer.alloc(LIMIT + 1, 0x20)), 413, /larger than 200000 bytes/],
		["too much before it is unpacked", "gzip", Buffer.alloc(LIMIT + 1), 413, /larger than 200000 bytes/],
		["an unknown coding", "lzma", Buffer.from(MESSAGES), 415, /'lzma' is not understood.*gzip, deflate, br/],
		["a known one behind an unknown one", "compress, gzip", zlib.gzipSync(MESSAGES), 415, /not understood/],
		["more codings than make sense", "gzip,gzip,gzip,gzip", zlib.gzipSync(MESSAGES), 415, /not understood/],
		["plain bytes that are called gzip", "gzip", Buffer.from(MESSAGES), 400, /not gzip, as its content-encoding says/],
		["half a body", "gzip", half, 400, /not gzip/],
		["a broken brotli body", "br", Buffer.from([0xff, 0xff, 0xff]), 400, /not br/],
		["an empty one", "gzip", Buffer.alloc(0), 400, /valid JSON/],
	])("%s", async (_what, encoding, body, status, message) => {
		await using w = await start();
		const response = await w.gateway.post("/v1/messages", body, { "content-encoding": encoding });
		expect(response.status).toBe(status);
		const { type, error } = (await response.json()) as { type: string; error: { message: string } };
		expect(type).toBe("error");
		expect(error.message).toMatch(message);
		if (status === 415) expect(response.headers.get("accept-encoding")).toContain("gzip, deflate, br");
		expect(w.upstream.requests).toEqual([]);
	});

	test("is shown in the client's own dialect", async () => {
		await using w = await start();
		const headers = { "content-encoding": "gzip" };
		const chat = await w.gateway.post("/v1/chat/completions", zlib.gzipSync(bomb), headers);
		expect([chat.status, ((await chat.json()) as { error: { type: string } }).error.type]).toEqual([
			413,
			"invalid_request_error",
		]);
		const bedrock = await w.gateway.post("/model/claude-code/invoke", Buffer.from("{}"), headers);
		expect([bedrock.status, bedrock.headers.get("x-amzn-errortype")]).toEqual([400, "ValidationException"]);
	});

	test("a body of exactly the limit is served", async () => {
		await using w = await start();
		const padded = MESSAGES.padEnd(LIMIT - Buffer.byteLength(MESSAGES) + MESSAGES.length, " ");
		const response = await w.gateway.post("/v1/messages", zlib.gzipSync(padded), { "content-encoding": "gzip" });
		expect(response.status).toBe(200);
	});
});
