// What the gateway says to whatever stands between it and its clients: that streams are not to be held back, and how long connections stay.
import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const EVENTS = `event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m","usage":{"input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}

event: message_stop
data: {"type":"message_stop"}

`;
const body = (stream: boolean) =>
	JSON.stringify({ model: "claude-code", max_tokens: 5, stream, messages: [{ role: "user", content: "hi" }] });

async function start(head: Readonly<Record<string, string>> = {}, listen = "") {
	const upstream = await startRecordingUpstream((request, response) => {
		const isStream = request.body.includes('"stream":true');
		response.writeHead(200, {
			"content-type": isStream ? "text/event-stream; charset=utf-8" : "application/json",
			...head,
		});
		response.end(isStream ? EVENTS : '{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}');
	});
	const own = `warmpath: { listen: { port: 0${listen} } }\n`;
	const gateway = await startTestGateway(deploymentsConfig([{ id: "a", apiBase: upstream.url }], own));
	return {
		gateway,
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

test.each([
	["/v1/messages", body(true)],
	["/v1/chat/completions", body(true)],
	["/v1/responses", JSON.stringify({ model: "claude-code", input: "hi", stream: true })],
	[
		"/bedrock/model/claude-code/invoke-with-response-stream",
		'{"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}',
	],
	[
		"/vertex/v1/projects/p/locations/l/publishers/anthropic/models/claude-code:streamRawPredict",
		'{"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}',
	],
])("a stream of %s asks proxies not to hold it back", async (path, sent) => {
	await using w = await start();
	const { headers, status } = await w.gateway.post(path, sent);
	expect([status, headers.get("x-accel-buffering"), headers.get("cache-control")]).toEqual([
		200,
		"no",
		"no-cache, no-transform",
	]);
});

test("a stream over HTTP/2 does too", async () => {
	await using w = await start();
	const session = connect(w.gateway.url);
	const stream = session.request({ ":method": "POST", ":path": "/v1/messages", "x-api-key": MASTER_KEY });
	stream.end(body(true));
	const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on("response", resolve));
	expect([headers[":status"], headers["x-accel-buffering"]]).toEqual([200, "no"]);
	session.destroy();
});

test("an upstream's own cache-control stays, its orders to a web server do not", async () => {
	await using w = await start({
		"cache-control": "no-cache",
		"x-accel-buffering": "yes",
		"x-accel-redirect": "/internal/secret",
		"x-sendfile": "/etc/passwd",
	});
	const { headers } = await w.gateway.post("/v1/messages", body(true));
	expect([headers.get("x-accel-buffering"), headers.get("cache-control")]).toEqual(["no", "no-cache"]);
	expect([headers.get("x-accel-redirect"), headers.get("x-sendfile")]).toEqual([null, null]);
	const whole = await w.gateway.post("/v1/messages", body(false));
	expect([whole.headers.get("x-accel-buffering"), whole.headers.get("x-accel-redirect")]).toEqual([null, null]);
});

test.each([
	["longer than any common load balancer's", "", 620],
	["as long as the operator says", ", keep_alive: 30s", 30],
	["as long as the operator says", ", keep_alive: 20m", 1200],
])("an idle connection is kept %s", async (_what, listen, seconds) => {
	await using w = await start({}, listen);
	const said = await new Promise((resolve, reject) => {
		const headers = { connection: "keep-alive" };
		const request = httpRequest(`${w.gateway.url}/health/liveliness`, { headers }, (response) => {
			resolve(response.headers["keep-alive"]);
			response.resume();
		});
		request.on("error", reject);
		request.end();
	});
	expect(said).toBe(`timeout=${seconds}`);
});
