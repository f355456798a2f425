// What the gateway makes of requests and answers in Bedrock's and Vertex's formats, byte by byte.
import { gzipSync } from "node:zlib";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { describe, expect, test } from "vitest";
import { encodeChunk } from "../../src/protocol/eventstream.ts";
import { configFrom, deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const BEDROCK = "/bedrock/model/us.anthropic.claude-sonnet-5-5";
const VERTEX = "/vertex/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-5-5";
const START =
	'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":7,"output_tokens":1,"cache_read_input_tokens":5}}}\n\n';
const CONTENT =
	'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n';
const DELTA =
	'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é 💡"}}\n\n';
const STOP =
	'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\nevent: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":9}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n';

const codec = new EventStreamCodec(
	(input) => Buffer.from(input).toString("utf8"),
	(input) => Buffer.from(input),
);

interface Frame {
	readonly headers: Readonly<Record<string, unknown>>;
	readonly text: string;
}

/** Headers and payload of every frame. */
function* framesIn(bytes: Buffer): Generator<{ headers: Record<string, unknown>; payload: string }> {
	for (let at = 0; at < bytes.length; ) {
		const length = bytes.readUInt32BE(at);
		const { headers, body } = codec.decode(bytes.subarray(at, at + length));
		at += length;
		const values = Object.fromEntries(Object.entries(headers).map(([name, { value }]) => [name, value]));
		yield { headers: values, payload: Buffer.from(body).toString("utf8") };
	}
}

/** All frames of an answer; a chunk's `text` is what its bytes say, an exception's its payload. */
async function framesOf(response: Response): Promise<Frame[]> {
	const frames = [...framesIn(Buffer.from(await response.arrayBuffer()))];
	return frames.map(({ headers, payload }) => {
		const isChunk = headers[":event-type"] === "chunk";
		const chunk = isChunk ? (JSON.parse(payload) as { bytes: string }).bytes : "";
		return { headers, text: isChunk ? Buffer.from(chunk, "base64").toString("utf8") : payload };
	});
}

function sse(...pieces: readonly string[]): Answer {
	return (_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream", "request-id": "req_up" });
		for (const piece of pieces) response.write(piece);
		response.end();
	};
}

function failing(status: number, error: object): Answer {
	return (_request, response) => {
		response.writeHead(status, { "content-type": "application/json", "request-id": "req_up" });
		response.end(JSON.stringify({ type: "error", error, request_id: "req_up" }));
	};
}

async function oneDeployment(answer: Answer) {
	const upstream = await startRecordingUpstream(answer);
	const gateway = await startTestGateway(
		deploymentsConfig([{ id: "a", apiBase: upstream.url }], "litellm_settings: { num_retries: 0 }\n"),
	);
	return {
		upstream,
		gateway,
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

const INNER = '"messages" :[{"role":"user","content":"\\u0022 é"}],\n "max_tokens":1e1';

describe("the body that goes to an upstream of the Messages API", () => {
	test("of Bedrock's format: version and betas in the head, model and stream in front, the rest as it came", async () => {
		await using world = await oneDeployment(sse(START, CONTENT, STOP));
		const sent = `{"anthropic_version":"bedrock-2023-05-31", "anthropic_beta":["b-1","a-2"],${INNER}}`;
		await world.gateway.post(`${BEDROCK}/invoke-with-response-stream?x=y`, sent, {
			"anthropic-beta": "c-3",
			"x-amz-date": "20261121T000000Z",
			"x-amz-security-token": "token",
			"amz-sdk-request": "attempt=1",
		});
		const [seen] = world.upstream.requests;
		expect(seen?.url).toBe("/v1/messages");
		expect(seen?.body.toString()).toBe(`{"model":"claude-sonnet-5-5","stream":true,${INNER}}`);
		expect(seen?.headers).toMatchObject({
			"anthropic-version": "2023-06-01",
			"anthropic-beta": "c-3,b-1,a-2",
			"x-api-key": "sk-upstream",
		});
		expect(Object.keys(seen?.headers ?? {}).filter((name) => /^(x-amz|amz-|authorization)/.test(name))).toEqual([]);
	});

	test("of Vertex's format: the URL's verb decides about streaming", async () => {
		await using world = await oneDeployment(sse(START, CONTENT, STOP));
		const sent = `{"anthropic_version":"vertex-2023-10-16","stream":true,${INNER}}`;
		await world.gateway.post(`${VERTEX}:streamRawPredict?alt=sse`, sent, { "x-goog-user-project": "p" });
		await world.gateway.post(`${VERTEX}:rawPredict`, sent);
		const [streamed, whole] = world.upstream.requests;
		expect(streamed?.url).toBe("/v1/messages");
		expect(streamed?.body.toString()).toBe(`{"model":"claude-sonnet-5-5","stream":true,${INNER}}`);
		expect(streamed?.headers["x-goog-user-project"]).toBeUndefined();
		expect(whole?.body.toString()).toBe(`{"model":"claude-sonnet-5-5","stream":false,${INNER}}`);
	});
});

const BODY = `{${INNER}}`;

describe("Bedrock's frames", () => {
	test("hold each event's data, cut anywhere upstream, and end with the metrics", async () => {
		const all = Buffer.from(START + CONTENT + DELTA + STOP);
		await using world = await oneDeployment((_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			for (let at = 0; at < all.length; at += 11) response.write(all.subarray(at, at + 11));
			response.end();
		});
		const response = await world.gateway.post(`${BEDROCK}/invoke-with-response-stream`, BODY);
		expect(response.headers.get("content-type")).toBe("application/vnd.amazon.eventstream");
		expect(response.headers.get("x-amzn-bedrock-content-type")).toBe("application/json");
		expect(response.headers.get("x-litellm-model-id")).toBe("a");
		const frames = await framesOf(response);
		const data = (START + CONTENT + DELTA + STOP)
			.split("\n")
			.filter((line) => line.startsWith("data: "))
			.map((line) => line.slice(6));
		expect(frames.slice(0, -1).map(({ text }) => text)).toEqual(data.slice(0, -1));
		const { "amazon-bedrock-invocationMetrics": metrics, ...last } = JSON.parse(frames.at(-1)?.text ?? "");
		expect(last).toEqual({ type: "message_stop" });
		expect(metrics).toMatchObject({ inputTokenCount: 7, outputTokenCount: 9, cacheReadInputTokenCount: 5 });
		expect(new Set(frames.map(({ headers }) => headers[":message-type"]))).toEqual(new Set(["event"]));
	});

	test("are padded to a random length, as Bedrock's are", async () => {
		await using world = await oneDeployment(sse(START, CONTENT, ...Array.from({ length: 20 }, () => DELTA), STOP));
		const response = await world.gateway.post(`${BEDROCK}/invoke-with-response-stream`, BODY);
		const lengths = new Set<number>();
		for (const { headers, payload } of framesIn(Buffer.from(await response.arrayBuffer()))) {
			expect(headers[":event-type"]).toBe("chunk");
			if (payload.includes(Buffer.from(DELTA.split("data: ")[1]?.trim() ?? "").toString("base64"))) {
				expect(payload).toMatch(/"p":"a[a-zA-Z0-9]*"\}$/);
				lengths.add(payload.length);
			}
		}
		expect(lengths.size).toBeGreaterThan(3);
	});

	test("an error in the middle, or an upstream that breaks, ends them with an exception", async () => {
		const overloaded = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n';
		await using world = await oneDeployment(sse(START, CONTENT, overloaded));
		const answered = await framesOf(await world.gateway.post(`${BEDROCK}/invoke-with-response-stream`, BODY));
		expect(answered.at(-1)).toEqual({
			headers: {
				":exception-type": "serviceUnavailableException",
				":content-type": "application/json",
				":message-type": "exception",
			},
			text: '{"message":"busy"}',
		});

		world.upstream.setAnswer((_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write(START + CONTENT, () => response.destroy());
		});
		const broken = await framesOf(await world.gateway.post(`${BEDROCK}/invoke-with-response-stream`, BODY));
		expect(broken.map(({ headers }) => headers[":message-type"])).toEqual(["event", "event", "exception"]);
		expect(broken.at(-1)?.headers[":exception-type"]).toBe("internalServerException");
		expect(broken.at(-1)?.text).toMatch(/upstream connection broke/);
	});
});

test("Vertex's streams are the Messages API's own bytes, and end with its error event when the upstream breaks", async () => {
	await using world = await oneDeployment(sse(START, CONTENT, STOP));
	const response = await world.gateway.post(`${VERTEX}:streamRawPredict`, BODY);
	expect(response.headers.get("content-type")).toBe("text/event-stream");
	expect(await response.text()).toBe(START + CONTENT + STOP);
	world.upstream.setAnswer((_request, answer) => {
		answer.writeHead(200, { "content-type": "text/event-stream" });
		answer.write(START + CONTENT, () => answer.destroy());
	});
	const broken = await (await world.gateway.post(`${VERTEX}:streamRawPredict`, BODY)).text();
	expect(broken).toMatch(/^event: message_start[\s\S]*\n\nevent: error\ndata: .*upstream connection broke.*\n\n$/);
});

/** Upstream's status and type → Bedrock's status and name, Vertex's status and name. */
const ERRORS: readonly [number, string, readonly [number, string], readonly [number, string]][] = [
	[400, "invalid_request_error", [400, "ValidationException"], [400, "INVALID_ARGUMENT"]],
	[404, "not_found_error", [404, "ResourceNotFoundException"], [404, "NOT_FOUND"]],
	[413, "request_too_large", [413, "ValidationException"], [413, "INVALID_ARGUMENT"]],
	[429, "rate_limit_error", [429, "ThrottlingException"], [429, "RESOURCE_EXHAUSTED"]],
	[500, "api_error", [500, "InternalServerException"], [500, "INTERNAL"]],
	[503, "api_error", [503, "ServiceUnavailableException"], [503, "UNAVAILABLE"]],
	[504, "timeout_error", [408, "ModelTimeoutException"], [504, "DEADLINE_EXCEEDED"]],
	[529, "overloaded_error", [503, "ServiceUnavailableException"], [503, "UNAVAILABLE"]],
];

test.for(ERRORS)("an upstream's %i %s is shown in the words of each platform", async ([status, type, aws, google]) => {
	await using world = await oneDeployment(failing(status, { type, message: "prompt is too long: é" }));
	const bedrock = await world.gateway.post(`${BEDROCK}/invoke-with-response-stream`, BODY);
	expect([bedrock.status, bedrock.headers.get("x-amzn-errortype")]).toEqual(aws);
	expect(await bedrock.json()).toEqual({ message: "prompt is too long: é" });
	const vertex = await world.gateway.post(`${VERTEX}:streamRawPredict`, BODY);
	expect(vertex.status).toBe(google[0]);
	expect(await vertex.json()).toEqual({
		type: "error",
		error: { type, message: "prompt is too long: é", code: google[0], status: google[1] },
		request_id: "req_up",
	});
});

test("the gateway's own refusals are shown in the words of each platform", async () => {
	await using world = await oneDeployment(sse(START, CONTENT, STOP));
	const { url } = world.gateway;
	const bare = await fetch(`${url}${BEDROCK}/invoke`, { method: "POST", body: BODY });
	expect([bare.status, bare.headers.get("x-amzn-errortype")]).toEqual([403, "AccessDeniedException"]);
	expect(await bare.json()).toEqual({ message: expect.stringMatching(/No API key/) });
	const google = await fetch(`${url}${VERTEX}:rawPredict`, { method: "POST", body: BODY });
	expect(await google.json()).toMatchObject({ error: { code: 401, status: "UNAUTHENTICATED" } });
	const broken = await world.gateway.post(`${BEDROCK}/invoke`, "{");
	expect([broken.status, broken.headers.get("x-amzn-errortype")]).toEqual([400, "ValidationException"]);
	const get = await fetch(`${url}${BEDROCK}/invoke`, { headers: { authorization: `Bearer ${MASTER_KEY}` } });
	expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
	expect(world.upstream.requests.length).toBe(0);
});

describe("onto a Bedrock upstream", () => {
	const METRICS = '"amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":9}';
	const dataOf = (events: string) =>
		events
			.split("\n")
			.filter((line) => line.startsWith("data: "))
			.map((line) => line.slice(6).replace('"message_stop"', `"message_stop",${METRICS}`));

	async function bedrockUpstream() {
		const upstream = await startRecordingUpstream((_request, response) => {
			response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "req-aws" });
			response.end(Buffer.concat(dataOf(START + CONTENT + DELTA + STOP).map((data) => encodeChunk(data))));
		});
		const gateway = await startTestGateway(
			configFrom(`
model_list:
  - model_name: sonnet
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-5-5
      api_key: bedrock-key
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: ${upstream.url}
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
		);
		return {
			upstream,
			gateway,
			async [Symbol.asyncDispose](): Promise<void> {
				await gateway.close(0);
				await upstream[Symbol.asyncDispose]();
			},
		};
	}

	test("Bedrock's clients get its frames with its own metrics, once, and its body goes on as it came", async () => {
		await using world = await bedrockUpstream();
		const sent = `{"anthropic_version":"bedrock-2023-05-31",${INNER}}`;
		const response = await world.gateway.post(`${BEDROCK}/invoke-with-response-stream`, sent);
		const frames = await framesOf(response);
		expect(frames.map(({ text }) => text)).toEqual(dataOf(START + CONTENT + DELTA + STOP));
		expect(world.upstream.requests[0]?.body.toString()).toBe(sent);
	});

	test("Vertex's clients get server-sent events", async () => {
		await using world = await bedrockUpstream();
		const response = await world.gateway.post(`${VERTEX}:streamRawPredict`, `{"stream":true,${INNER}}`);
		expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
		const text = await response.text();
		expect(text.replace(`,${METRICS}`, "")).toBe(START + CONTENT + DELTA + STOP);
		expect(JSON.parse(world.upstream.requests[0]?.body.toString() ?? "")).toMatchObject({
			anthropic_version: "bedrock-2023-05-31",
		});
		expect(world.upstream.requests[0]?.body.toString()).not.toContain('"stream"');
	});
});

test("an upstream that compresses though it was asked not to is understood", async () => {
	const message = '{"type":"message","usage":{"input_tokens":3,"output_tokens":1,"cache_read_input_tokens":2}}';
	await using world = await oneDeployment((request, response) => {
		expect(request.headers["accept-encoding"]).toBe("identity");
		response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
		response.end(gzipSync(message));
	});
	const response = await world.gateway.post(`${BEDROCK}/invoke`, BODY, { "accept-encoding": "gzip" });
	expect(response.headers.get("content-encoding")).toBeNull();
	expect(response.headers.get("x-amzn-bedrock-input-token-count")).toBe("3");
	expect(response.headers.get("x-amzn-bedrock-cache-read-input-token-count")).toBe("2");
	expect(await response.text()).toBe(message);
});

test("a large answer that is not streamed and breaks off becomes an error, because nothing of it has gone out", async () => {
	await using world = await oneDeployment((_request, response) => {
		response.writeHead(200, { "content-type": "application/json", "content-length": "1000000" });
		response.write('{"type":"message"', () => setImmediate(() => response.destroy()));
	});
	const response = await world.gateway.post(`${BEDROCK}/invoke`, BODY);
	expect([response.status, response.headers.get("x-amzn-errortype")]).toEqual([502, "InternalServerException"]);
	expect(await response.json()).toEqual({ message: expect.stringMatching(/broke before/) });
});
