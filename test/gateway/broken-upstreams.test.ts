// Upstreams that break the rules of their protocol or of their API, at whatever moment: each request ends with what can honestly be said of it.
import { expect, test } from "vitest";
import { causeInWords } from "../../src/proxy/answer/causes.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";
import { COMPLETION, MESSAGE } from "../whole-answers.ts";
import { http1Client, http2Client, startWireUpstream } from "../wire-clients.ts";

const ASK = { max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
const HEADERS = { "x-api-key": MASTER_KEY, "content-type": "application/json" };

/** A gateway before a Messages upstream (`claude`) and one of Chat Completions (`gpt`) at one address. */
async function before(url: string, more = "") {
	const gateway = await startTestGateway(
		deploymentsConfig(
			[{ id: "claude", group: "claude", apiBase: url }],
			`router_settings: { num_retries: 0, disable_cooldowns: true }\nwarmpath: { listen: { port: 0 }${more} }\n`,
			`  - model_name: gpt
    litellm_params: { model: openai/gpt-x, api_base: "${url}/v1", api_key: sk-upstream }
    model_info: { id: gpt }`,
		),
	);
	return {
		gateway,
		send: http1Client(gateway.port),
		isIdle: () => gateway.router.deployments().every(({ inFlight }) => inFlight === 0),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
		},
	};
}

test.each([
	["304 Not Modified", "HTTP/1.1 304 Not Modified\r\n\r\n", "304 Not Modified instead of an answer"],
	["a redirect", "HTTP/1.1 307 x\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", "a redirect"],
	["no HTTP at all", "SSH-2.0-OpenSSH_9.6\r\n", "an answer that is not valid HTTP"],
	[
		"two lengths",
		"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
		"an answer of another length than it said",
	],
	["headers without end", `HTTP/1.1 200 OK\r\nx: ${"v".repeat(70_000)}\r\n\r\n`, "headers larger than are read"],
	["nothing", "", "connection closed"],
])("what an upstream did instead of answering is told in plain words (%s)", async (_what, bytes, words) => {
	await using upstream = await startWireUpstream(() => ({ bytes: Buffer.from(bytes, "latin1"), close: true }));
	await using world = await before(upstream.url);
	for (const path of ["/v1/messages", "/v1/chat/completions"]) {
		const body = JSON.stringify({ model: "claude", ...ASK });
		const told = await world.send({ path, headers: HEADERS, body });
		expect([told.status, told.body]).toEqual([503, expect.stringContaining(`(1 attempt: ${words})`)]);
	}
});

test.each([
	"ECONNRESET",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"EMFILE",
	"ENOTFOUND",
	"EAI_FAIL",
	"HPE_INVALID_CHUNK_SIZE",
	"HTTPParserError",
	"UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
	"UND_ERR_ONE_OF_TOMORROW",
	"CERT_HAS_EXPIRED",
	"DEPTH_ZERO_SELF_SIGNED_CERT",
	"SELF_SIGNED_CERT_IN_CHAIN",
	"UNABLE_TO_VERIFY_LEAF_SIGNATURE",
	"ERR_TLS_CERT_ALTNAME_INVALID",
	"ERR_SSL_WRONG_VERSION_NUMBER",
	"TypeError",
])("no client reads a code of a socket or a library (%s)", (code) => {
	expect(causeInWords(code)).not.toMatch(/[A-Z]{5}|_|Error/);
});

const halves = (body: string): readonly [string, string] => [body.slice(0, 40), body.slice(40)];

test.each([
	["claude", MESSAGE, true],
	["claude", MESSAGE, false],
	["gpt", COMPLETION, true],
	["gpt", COMPLETION, false],
] as const)(
	"JSON that comes slowly under the head of a stream is put into the client's form all the same (%s, %#)",
	async (model, answer, stream) => {
		await using upstream = await startRecordingUpstream((_request, response) => {
			const [first, second] = halves(JSON.stringify(answer));
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write(first);
			setTimeout(() => response.end(second), 120);
		});
		await using world = await before(upstream.url, ", timeouts: { hold: 5ms }");
		const told = await world.send({
			path: "/v1/messages",
			headers: HEADERS,
			body: JSON.stringify({ model, stream, ...ASK }),
		});
		expect(told).toMatchObject({ status: 200, error: "" });
		expect(told.headers["content-type"]).toMatch(stream ? /^text\/event-stream/ : /^application\/json/);
		if (stream) expect(told.body).toMatch(/^event: message_start.*"Fine\.".*event: message_stop/s);
		else expect(JSON.parse(told.body)).toMatchObject({ type: "message", content: MESSAGE.content });
	},
);

test("an error that comes slowly under the head of a stream is an error all the same", async () => {
	await using upstream = await startRecordingUpstream((_request, response) => {
		const [first, second] = halves('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}');
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write(first);
		setTimeout(() => response.end(second), 120);
	});
	await using world = await before(upstream.url, ", timeouts: { hold: 5ms }");
	for (const stream of [true, false]) {
		const body = JSON.stringify({ model: "claude", stream, ...ASK });
		const told = await world.send({ path: "/v1/messages", headers: HEADERS, body });
		expect([told.status, told.headers["content-type"]]).toEqual([529, "application/json"]);
		expect(JSON.parse(told.body)).toMatchObject({ error: { type: "overloaded_error" } });
	}
});

test("an error whose body never ends is told by its status, before anybody gives up", { timeout: 20_000 }, async () => {
	const body = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}';
	const head = "HTTP/1.1 429 x\r\ncontent-type: application/json\r\nretry-after: 7\r\ncontent-length: 500\r\n\r\n";
	await using upstream = await startWireUpstream(() => ({ bytes: Buffer.from(head + body), close: false }));
	await using world = await before(upstream.url);
	const told = await world.send({
		path: "/v1/messages",
		headers: HEADERS,
		body: JSON.stringify({ model: "claude", ...ASK }),
	});
	expect([told.status, told.headers["retry-after"], told.body]).toEqual([429, "7", body]);
	await expect.poll(world.isIdle).toBe(true);
});

test.each([
	["is cut", "HTTP/1.1 429 x\r\nretry-after: 7\r\ncontent-length: 500\r\n\r\n{"],
	["is cut in a chunk", "HTTP/1.1 429 x\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\n50\r\n{"],
	["has a chunk of no size", "HTTP/1.1 429 x\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"],
])("an error whose body %s is an error by its status all the same", async (_what, bytes) => {
	await using upstream = await startWireUpstream(() => ({ bytes: Buffer.from(bytes), close: true }));
	await using world = await before(upstream.url);
	for (const path of ["/v1/messages", "/v1/chat/completions"]) {
		const told = await world.send({ path, headers: HEADERS, body: JSON.stringify({ model: "claude", ...ASK }) });
		expect([told.status, told.headers["retry-after"]]).toEqual([429, "7"]);
	}
});

test("an error whose body never ends is read no further than errors go", async () => {
	let closed = 0;
	await using upstream = await startRecordingUpstream((_request, response) => {
		const more = (): void => {
			while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, 0x20)));
			if (!response.destroyed) response.once("drain", more);
		};
		response.once("close", () => {
			closed += 1;
		});
		response.writeHead(500, { "content-type": "application/json" });
		more();
	});
	await using world = await before(upstream.url);
	const told = await world.send({
		path: "/v1/messages",
		headers: HEADERS,
		body: JSON.stringify({ model: "claude", ...ASK }),
	});
	expect(told.status).toBe(503);
	await expect.poll(() => closed).toBe(1);
});

const crlf = (...lines: readonly string[]) => `${lines.join("\r\n")}\r\n\r\n`;
const chunked = (body: string) => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
const FORMATS = ["/v1/messages", "/v1/chat/completions", "/v1/responses"];
const asked = (path: string, model: string, stream = false) =>
	JSON.stringify(path === "/v1/responses" ? { model, stream, input: "hi" } : { model, stream, ...ASK });

test.each([
	["claude", MESSAGE],
	["gpt", COMPLETION],
])(
	"JSON whose response stays open behind its end is a whole answer (%s)",
	{ timeout: 30_000 },
	async (model, answer) => {
		const head = crlf("HTTP/1.1 200 OK", "content-type: application/json", "transfer-encoding: chunked");
		const bytes = Buffer.from(head + chunked(JSON.stringify(answer)));
		await using upstream = await startWireUpstream(() => ({ bytes, close: false }));
		await using world = await before(upstream.url);
		const told = await Promise.all(
			FORMATS.flatMap((path) =>
				[true, false].map((stream) => world.send({ path, headers: HEADERS, body: asked(path, model, stream) })),
			),
		);
		for (const each of told) {
			expect([each.status, each.error]).toEqual([200, ""]);
			expect(each.body).toContain("Fine.");
		}
		await expect.poll(world.isIdle).toBe(true);
	},
);

test("half of an object is no whole answer, however it ends", async () => {
	const head = crlf("HTTP/1.1 200 OK", "content-type: application/json", "transfer-encoding: chunked");
	const half = JSON.stringify({ choices: [{ message: { content: "Fine." } }] }).slice(0, -3);
	await using upstream = await startWireUpstream(() => ({ bytes: Buffer.from(head + chunked(half)), close: false }));
	await using world = await before(upstream.url, ", timeouts: { idle: 3s }");
	const told = await world.send({ path: "/v1/messages", headers: HEADERS, body: asked("/v1/messages", "gpt") });
	expect([told.status, told.error]).toEqual([504, ""]);
});

test("interim answers keep nobody waiting longer than the first byte may take", async () => {
	await using upstream = await startRecordingUpstream((_request, response) => {
		const more = setInterval(() => response.writeProcessing(), 20);
		response.once("close", () => clearInterval(more));
	});
	await using world = await before(upstream.url, ", timeouts: { first_byte: 300ms }");
	const told = await world.send({ path: "/v1/messages", headers: HEADERS, body: asked("/v1/messages", "claude") });
	expect([told.status, told.body]).toEqual([504, expect.stringContaining("no answer in time")]);
	await expect.poll(world.isIdle).toBe(true);
});

test("interim answers before an answer are passed over", async () => {
	await using upstream = await startWireUpstream(() => {
		const interim = crlf("HTTP/1.1 102 Processing") + crlf("HTTP/1.1 103 Early Hints", "link: </a>", "link: </b>");
		const body = JSON.stringify(MESSAGE);
		const head = crlf("HTTP/1.1 200 OK", "content-type: application/json", `content-length: ${body.length}`);
		return { bytes: Buffer.from(interim + head + body), close: false };
	});
	await using world = await before(upstream.url);
	const told = await world.send({ path: "/v1/messages", headers: HEADERS, body: asked("/v1/messages", "claude") });
	expect([told.status, told.headers["link"], JSON.parse(told.body)]).toEqual([200, undefined, MESSAGE]);
});

const event = (data: { readonly type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const EVENTS = [
	{ type: "message_start", message: { ...MESSAGE, content: [] } },
	{ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
	{ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Fine." } },
	{ type: "content_block_stop", index: 0 },
	{ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 1 } },
	{ type: "message_stop" },
]
	.map(event)
	.join("");
const CHUNKS = [
	{ ...COMPLETION, choices: [{ index: 0, delta: { content: "Fine." } }] },
	{ ...COMPLETION, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
]
	.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
	.join("");

test.each(["image/png", "application/xml", "application/grpc", "multipart/mixed; boundary=x", "nonsense"])(
	"an answer is what its bytes say, not what its head calls it (%s)",
	async (type) => {
		await using upstream = await startRecordingUpstream((_request, response) => void response.end());
		await using world = await before(upstream.url);
		for (const mark of ["", "\uFEFF"]) {
			for (const [model, body] of [
				["claude", JSON.stringify(MESSAGE)],
				["claude", EVENTS],
				["gpt", JSON.stringify(COMPLETION)],
				["gpt", `${CHUNKS}data: [DONE]\n\n`],
			] as const) {
				upstream.setAnswer((_request, response) => {
					response.writeHead(200, { "content-type": type });
					response.end(mark + body);
				});
				for (const path of FORMATS) {
					for (const stream of [true, false]) {
						const told = await world.send({ path, headers: HEADERS, body: asked(path, model, stream) });
						expect([path, told.status, told.error, told.headers["content-type"]]).toEqual([
							path,
							200,
							"",
							expect.stringMatching(stream ? /^text\/event-stream/ : /^application\/json/),
						]);
						const isOwn = path !== "/v1/messages" || told.body.includes('"type":"message');
						expect([told.body.includes("Fine."), isOwn]).toEqual([true, true]);
					}
				}
			}
		}
	},
);

test("comments are no events to a client of Bedrock", async () => {
	await using upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.end(`: hello\n\n${EVENTS.replaceAll("event: content", ": still there\n\nid: 1\n\nevent: content")}`);
	});
	await using world = await before(upstream.url);
	const path = "/model/claude/invoke-with-response-stream";
	const told = await world.send({ path, headers: HEADERS, body: JSON.stringify(ASK) });
	const frames = [...told.body.matchAll(/"bytes":"([^"]*)"/g)].map(([, bytes = ""]) => Buffer.from(bytes, "base64"));
	expect(frames.map((bytes) => (JSON.parse(bytes.toString()) as { type: string }).type)).toEqual([
		"message_start",
		"content_block_start",
		"content_block_delta",
		"content_block_stop",
		"message_delta",
		"message_stop",
	]);
});

test.each([
	["claude", "/v1/chat/completions"],
	["claude", "/v1/responses"],
	["gpt", "/v1/messages"],
	["gpt", "/v1/responses"],
])("an event too large to be translated ends the answer, and is not left out unseen (%s, %s)", async (model, path) => {
	const piece = "x".repeat(1024 * 1024);
	await using upstream = await startRecordingUpstream((_request, response) => {
		const [start = "", end = ""] = (model === "gpt" ? CHUNKS : EVENTS).split("Fine.");
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write(start);
		let sent = 0;
		const more = (): void => {
			while (sent < 80 && !response.destroyed) {
				sent += 1;
				if (!response.write(piece)) {
					response.once("drain", more);
					return;
				}
			}
			if (!response.destroyed) response.end(end);
		};
		more();
	});
	await using world = await before(upstream.url);
	const told = await world.send({ path, headers: HEADERS, body: asked(path, model, true) });
	expect(told.body).toMatch(/larger than 67108864 bytes|could serve this request/);
	expect(told.body).not.toMatch(/message_stop|response\.completed|"finish_reason":"stop"/);
	await expect.poll(world.isIdle).toBe(true);
});

test("blank bytes before an answer are no answer, however many they are, and end with the first byte's time", async () => {
	await using upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		for (let at = 0; at < 8; at += 1) response.write(" ".repeat(32 * 1024));
		response.end(JSON.stringify(MESSAGE));
	});
	await using world = await before(upstream.url, ", timeouts: { first_byte: 400ms }");
	for (const path of FORMATS) {
		const told = await world.send({ path, headers: HEADERS, body: asked(path, "claude", true) });
		expect([told.status, told.headers["content-type"]]).toEqual([200, expect.stringMatching(/^text\/event-stream/)]);
		expect(told.body).toContain("Fine.");
	}
	upstream.setAnswer((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		const more = setInterval(() => response.write("\n"), 20);
		response.once("close", () => clearInterval(more));
	});
	const told = await world.send({ path: "/v1/messages", headers: HEADERS, body: asked("/v1/messages", "claude") });
	expect(told.status).toBe(504);
});

test("a stream that begins with a field nobody knows is a stream, put together for who wants no stream", async () => {
	await using upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.end(EVENTS.replaceAll("event:", "priority: 1\nevent:"));
	});
	await using world = await before(upstream.url);
	for (const path of [...FORMATS, "/model/claude/invoke"]) {
		const told = await world.send({ path, headers: HEADERS, body: asked(path, "claude") });
		expect([told.status, told.headers["content-type"]]).toEqual([200, expect.stringMatching(/^application\/json/)]);
		expect(told.body).toContain("Fine.");
	}
});

test("half an answer looks whole over neither protocol", async () => {
	const head = crlf("HTTP/1.1 200 OK", "content-type: application/json", "transfer-encoding: chunked");
	const half = chunked('{"type":"message","content":[{"type":"text","text":"Fi');
	await using upstream = await startWireUpstream(() => ({ bytes: Buffer.from(head + half), close: true }));
	await using world = await before(upstream.url);
	const http2 = http2Client(world.gateway.url);
	for (const send of [world.send, http2.send]) {
		const told = await send({ path: "/v1/messages", headers: HEADERS, body: asked("/v1/messages", "claude") });
		expect(told.error).not.toBe("");
	}
	http2.session.destroy();
	await expect.poll(world.isIdle).toBe(true);
});
