// Upstreams that break the rules of their protocol or of their API, at whatever moment: each request ends with what can honestly be said of it.
import { expect, test } from "vitest";
import { causeInWords } from "../../src/proxy/answer/causes.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";
import { http1Client, startWireUpstream } from "../wire-clients.ts";

const ASK = { max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
const HEADERS = { "x-api-key": MASTER_KEY, "content-type": "application/json" };
const MESSAGE = {
	id: "x",
	type: "message",
	role: "assistant",
	model: "m",
	content: [{ type: "text", text: "Fine." }],
	stop_reason: "end_turn",
	stop_sequence: null,
	usage: { input_tokens: 1, output_tokens: 1 },
};
const CHAT = {
	id: "chatcmpl-1",
	object: "chat.completion",
	model: "m",
	choices: [{ index: 0, message: { role: "assistant", content: "Fine." }, finish_reason: "stop" }],
	usage: { prompt_tokens: 1, completion_tokens: 1 },
};

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
	["gpt", CHAT, true],
	["gpt", CHAT, false],
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
