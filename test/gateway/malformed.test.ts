// What is refused before there is a request to serve: it has the body that the client's API gives to errors, as everything else.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type RecordedRequest, startRecordingUpstream } from "../recording-upstream.ts";

const MESSAGE = '{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}';
const BODY = '{"model":"claude-code","max_tokens":5,"messages":[]}';
const BUDGETED = "sk-budgeted-0123456789abcdef";

async function start() {
	const upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(MESSAGE);
	});
	const gateway = await startTestGateway(
		deploymentsConfig(
			[{ id: "a", apiBase: upstream.url }],
			`warmpath: { listen: { port: 0 }, keys: [{ key_alias: small, key: ${BUDGETED}, max_budget: 1 }] }\n`,
		),
	);
	return { upstream, gateway };
}

let world: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
	world = await start();
});
afterAll(async () => {
	await world.gateway.close(0);
	await world.upstream[Symbol.asyncDispose]();
});

/** Everything that comes back for these bytes, until the server closes the connection. */
function said(bytes: string): Promise<string> {
	return new Promise((resolve) => {
		let text = "";
		const socket = connect(world.gateway.port, "127.0.0.1");
		socket.on("data", (chunk: Buffer) => {
			text += chunk.toString("latin1");
		});
		socket.on("error", () => {});
		socket.on("end", () => socket.end());
		socket.on("close", () => resolve(text));
		socket.write(Buffer.from(bytes, "latin1"));
	});
}

const KEY = `x-api-key: ${MASTER_KEY}\r\n`;
const post = (path: string, lines: string, body = BODY) =>
	`POST ${path} HTTP/1.1\r\n${KEY}${lines}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;

/** Status and parsed body of an answer. */
function answerOf(text: string) {
	const [head = "", body = ""] = text.split("\r\n\r\n");
	const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? -1);
	expect(body.length).toBe(length);
	expect(head).toMatch(/content-type: application\/json/i);
	return { status: Number(head.split(" ")[1]), body: JSON.parse(body) as Record<string, unknown> };
}

const CASES: readonly (readonly [string, number, (path: string) => string])[] = [
	["a header without a colon", 400, (path) => post(path, "host: x\r\nno colon\r\n")],
	["a header's name with a space", 400, (path) => post(path, "host: x\r\nx y: 1\r\n")],
	["a control character in a header", 400, (path) => post(path, "host: x\r\nx: a\x01\r\n")],
	["a version that is none", 400, (path) => post(path, "host: x\r\n").replace("HTTP/1.1", "HTTP/9.9")],
	["two lengths", 400, (path) => post(path, "host: x\r\ncontent-length: 3\r\n")],
	["a length and chunks", 400, (path) => post(path, "host: x\r\ntransfer-encoding: chunked\r\n")],
	[
		"a chunk of no size",
		400,
		(path) => `POST ${path} HTTP/1.1\r\n${KEY}host: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n`,
	],
	["no host", 400, (path) => post(path, "")],
	["two hosts", 400, (path) => post(path, "host: x\r\nhost: y\r\n")],
	["two equal hosts in two spellings", 400, (path) => post(path, "Host: x\r\nx-a: 1\r\nHOST: x\r\n")],
	["headers of 70 KB", 431, (path) => post(path, `host: x\r\nx: ${"v".repeat(70_000)}\r\n`)],
	["an expectation that nobody can meet", 417, (path) => post(path, "host: x\r\nexpect: a-miracle\r\n")],
];

describe.each(CASES)("%s", (_, status, bytes) => {
	test("is refused in the Messages API's words", async () => {
		const answer = answerOf(await said(bytes("/v1/messages")));
		expect(answer).toMatchObject({
			status,
			body: { type: "error", error: { type: "invalid_request_error", message: expect.any(String) } },
		});
	});

	test("is refused in OpenAI's words", async () => {
		const answer = answerOf(await said(bytes("/v1/chat/completions")));
		expect(answer).toMatchObject({
			status,
			body: { error: { type: "invalid_request_error", param: null } },
		});
	});

	test("is refused in Bedrock's and Google's words", async () => {
		expect(answerOf(await said(bytes("/model/claude-code/invoke"))).body).toEqual({ message: expect.any(String) });
		const google = answerOf(await said(bytes("/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict")));
		expect(google).toMatchObject({ body: { error: { code: status, status: expect.any(String) } } });
	});
});

test("bytes that are no request, and a tunnel, are refused in the Messages API's words", async () => {
	for (const bytes of ["nonsense\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01", "GET\r\n\r\n"]) {
		expect(answerOf(await said(bytes))).toMatchObject({ status: 400, body: { type: "error" } });
	}
	expect(answerOf(await said("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n"))).toMatchObject({
		status: 405,
		body: { type: "error" },
	});
});

test("an answer that has begun is cut, not followed by a refusal", async () => {
	world.upstream.setAnswer((_request: RecordedRequest, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write('event: message_start\ndata: {"type":"message_start","message":{}}\n\n');
		response.write(
			'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
		);
		response.write(
			'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n',
		);
	});
	const text = await new Promise<string>((resolve) => {
		let came = "";
		const socket = connect(world.gateway.port, "127.0.0.1");
		const body = BODY.replace("{", '{"stream":true,');
		socket.on("data", (chunk: Buffer) => {
			came += chunk.toString();
			if (came.includes("content_block_start")) socket.write("nonsense\r\n\r\n");
		});
		socket.on("error", () => {});
		socket.on("close", () => resolve(came));
		socket.write(`POST /v1/messages HTTP/1.1\r\nhost: x\r\n${KEY}content-length: ${body.length}\r\n\r\n${body}`);
	});
	expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
	world.upstream.setAnswer((_request: RecordedRequest, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(MESSAGE);
	});
});

test("over HTTP/2 a host beside another authority, and an expectation, are refused with a body", async () => {
	const session = connectHttp2(world.gateway.url);
	const asked = (headers: Record<string, string>) =>
		new Promise<{ status: number; body: string }>((resolve, reject) => {
			const stream = session.request({
				":method": "POST",
				":path": "/v1/messages",
				"x-api-key": MASTER_KEY,
				...headers,
			});
			let status = 0;
			let body = "";
			stream.on("response", (head) => {
				status = Number(head[":status"]);
			});
			stream.on("data", (chunk: Buffer) => {
				body += chunk.toString();
			});
			stream.on("end", () => resolve({ status, body }));
			stream.on("error", reject);
			stream.end(BODY);
		});
	expect(await asked({ ":authority": "here", host: "elsewhere" })).toEqual({
		status: 400,
		body: expect.stringContaining("differs from"),
	});
	expect(await asked({ expect: "a-miracle" })).toEqual({ status: 417, body: expect.stringContaining("a-miracle") });
	expect((await asked({})).status).toBe(200);
	session.close();
});

test.each(["nobody-serves-this", "claude-sonnet-999"])(
	"a model that nobody serves is a 404, whatever budget the key has (%s)",
	async (model) => {
		for (const path of [
			"/v1/messages",
			"/v1/messages/count_tokens",
			"/v1/chat/completions",
			`/model/${model}/invoke`,
		]) {
			const { status } = await world.gateway.post(path, BODY.replace("claude-code", model), { "x-api-key": BUDGETED });
			expect([path, status]).toEqual([path, 404]);
		}
	},
);
