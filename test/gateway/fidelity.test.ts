import { hash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { CONTENT, DELTA, START, STOP } from "../message-events.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const OK: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "application/json", "x-upstream": "1", "request-id": "req_upstream" });
	response.end('{ "type":"message",  "usage":{"input_tokens":3,"output_tokens":1}}\n');
};

/** Odd but valid: spaces, escapes, key order, fields nobody knows, a decoy `model` inside a string and inside an object. */
const ODD_BODY =
	'\n{ "messages" : [ {"role":"user","content":"\\u0022model\\u0022: \\"x\\" caf\\u00e9 é 💡", "output_config":{}} ],\n\t"unknown_field" : {"model":"inner","deep":[1e2,-0.0,{}]},"model"  :  "claude-code" ,"max_tokens":1,"stream" :false}  ';

async function oneDeployment(answer: Answer, model?: string) {
	const upstream = await startRecordingUpstream(answer);
	const gateway = await startTestGateway(
		deploymentsConfig([
			{ id: "a", apiBase: upstream.url, apiKey: "sk-upstream", ...(model === undefined ? {} : { model }) },
		]),
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

test("the upstream receives the client's bytes with only the value of model changed", async () => {
	await using world = await oneDeployment(OK);
	const response = await world.gateway.post("/v1/messages?beta=true", ODD_BODY);
	expect(response.status).toBe(200);
	const [seen] = world.upstream.requests;
	expect(seen?.url).toBe("/v1/messages?beta=true");
	expect(seen?.body.toString()).toBe(ODD_BODY.replace('"claude-code"', '"claude-sonnet-5-5"'));
	expect(seen?.headers["content-length"]).toBe(String(seen?.body.length));
});

test("where the upstream's model has the client's name no byte changes", async () => {
	await using world = await oneDeployment(OK, "anthropic/claude-code");
	await world.gateway.post("/v1/messages", ODD_BODY);
	expect(world.upstream.requests[0]?.body.toString()).toBe(ODD_BODY);
});

/** Where each client format sends a conversation, and what of its body is not sent on to the Messages API. */
const PATHS = {
	anthropic: ["/v1/messages", '"model":"claude-code",'],
	bedrock: ["/bedrock/model/claude-code/invoke", '"anthropic_version":"bedrock-2023-05-31",'],
	vertex: [
		"/vertex/v1/projects/p/locations/global/publishers/anthropic/models/claude-code:rawPredict",
		'"anthropic_version":"vertex-2023-10-16",',
	],
} as const;

test.for(Object.keys(PATHS) as (keyof typeof PATHS)[])(
	"in the %s format the turns of one conversation that grow, shrink, overlap and are cut off all arrive byte for byte",
	async (format) => {
		const [path, own] = PATHS[format];
		await using world = await oneDeployment(OK, "anthropic/claude-code");
		const headers = { "x-claude-code-session-id": "5e55105e-0000-4000-8000-000000000001" };
		const turn = (messages: number, change = "") => {
			const content = (index: number) => `message ${index} `.repeat(600) + (index === messages - 1 ? change : "");
			const list = Array.from({ length: messages }, (_, index) => ({ role: "user", content: content(index) }));
			const rest = JSON.stringify({ messages: list, system: `${messages} ${change}`, max_tokens: 1 });
			return `{${own}${rest.slice(1)}`;
		};
		const rounds = [
			[turn(6)],
			[turn(8)],
			[turn(8)],
			[turn(9), turn(9, "edited"), turn(4)],
			[turn(40)],
			[turn(20), turn(41)],
			[turn(5, "é")],
			[turn(42), turn(43), turn(44), turn(45)],
		];
		const sent: string[] = [];
		for (const round of rounds) {
			await Promise.all(round.map((body) => world.gateway.post(path, body, headers)));
			sent.push(...round);
			// Hangs up within the body, so that it is read over the last one only in part.
			const cut = httpRequest(`${world.gateway.url}${path}`, {
				method: "POST",
				headers: { "x-api-key": MASTER_KEY, "content-length": 90_000, ...headers },
			});
			cut.on("error", () => {});
			await new Promise<void>((resolve) => cut.write("x".repeat(50_000), () => resolve()));
			cut.destroy();
		}
		// By digest: a difference is not worth printing at this size.
		const digests = (bodies: readonly string[]) => bodies.map((body) => hash("sha256", body)).sort();
		const arrived = world.upstream.requests.map(({ body }) => body.toString());
		expect(digests(arrived)).toEqual(digests(sent.map((body) => body.replace(own, PATHS.anthropic[1]))));
	},
);

test("a body sent in chunks without a length arrives whole", async () => {
	await using world = await oneDeployment(OK);
	const request = httpRequest(`${world.gateway.url}/v1/messages`, {
		method: "POST",
		headers: { "x-api-key": MASTER_KEY, "transfer-encoding": "chunked" },
	});
	const bytes = Buffer.from(ODD_BODY);
	for (let i = 0; i < bytes.length; i += 7) request.write(bytes.subarray(i, i + 7));
	request.end();
	await once(request, "response");
	expect(world.upstream.requests[0]?.body.toString()).toBe(ODD_BODY.replace('"claude-code"', '"claude-sonnet-5-5"'));
});

test("anthropic headers travel verbatim, credentials are replaced, hop-by-hop headers end here", async () => {
	await using world = await oneDeployment(OK);
	await world.gateway.post("/v1/messages", ODD_BODY, {
		"anthropic-version": "2023-06-01",
		"anthropic-beta": "z-2026,a-2025",
		"anthropic-dangerous-direct-browser-access": "true",
		"x-claude-code-session-id": "s-1",
		"x-stainless-retry-count": "0",
		authorization: "Bearer sk-client",
		"x-litellm-api-key": MASTER_KEY,
		te: "trailers",
	});
	const headers = world.upstream.requests[0]?.headers ?? {};
	expect(headers).toMatchObject({
		"anthropic-version": "2023-06-01",
		"anthropic-beta": "z-2026,a-2025",
		"anthropic-dangerous-direct-browser-access": "true",
		"x-claude-code-session-id": "s-1",
		"x-stainless-retry-count": "0",
		"x-api-key": "sk-upstream",
	});
	expect(headers.authorization).toBeUndefined();
	expect(headers["x-litellm-api-key"]).toBeUndefined();
	expect(headers["te"]).toBeUndefined();
	expect(JSON.stringify(headers)).not.toContain(MASTER_KEY);
	expect(headers.host).toBe(new URL(world.upstream.url).host);
});

test("a bare request without anthropic-version gets the one that the API insists on", async () => {
	await using world = await oneDeployment(OK);
	const request = httpRequest(`${world.gateway.url}/v1/messages`, {
		method: "POST",
		headers: { "x-api-key": MASTER_KEY },
	});
	request.end(ODD_BODY);
	await once(request, "response");
	expect(world.upstream.requests[0]?.headers).toMatchObject({
		"anthropic-version": "2023-06-01",
		"content-type": "application/json",
	});
});

test("the client receives the upstream's answer byte for byte, with the gateway's headers added", async () => {
	await using world = await oneDeployment(OK);
	const response = await world.gateway.post("/v1/messages", ODD_BODY);
	expect(await response.text()).toBe('{ "type":"message",  "usage":{"input_tokens":3,"output_tokens":1}}\n');
	expect(response.headers.get("x-upstream")).toBe("1");
	expect(response.headers.get("request-id")).toBe("req_upstream");
	expect(response.headers.get("x-litellm-model-id")).toBe("a");
	expect(response.headers.get("x-litellm-call-id")).toMatch(/^[0-9a-f-]{36}$/);
	expect(response.headers.get("x-warmpath-affinity")).toBe("none");
	expect(response.headers.get("x-warmpath-reason")).toBe("unmarked");
	expect(response.headers.get("x-warmpath-predicted-cached-tokens")).toBe("0");
});

test("a compressed answer is passed on compressed, to a client that asked for it", async () => {
	const packed = gzipSync('{"type":"message","usage":{"input_tokens":3,"output_tokens":1}}');
	await using world = await oneDeployment((request, response) => {
		expect(request.headers["accept-encoding"]).toBe("gzip");
		response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
		response.end(packed);
	});
	const request = httpRequest(`${world.gateway.url}/v1/messages`, {
		method: "POST",
		headers: { "x-api-key": MASTER_KEY, "accept-encoding": "gzip, zstd" },
	});
	request.end(ODD_BODY);
	const [response] = await once(request, "response");
	const chunks: Buffer[] = [];
	for await (const chunk of response) chunks.push(chunk as Buffer);
	expect(response.headers["content-encoding"]).toBe("gzip");
	expect(Buffer.concat(chunks)).toEqual(packed);
});

test("a compressed event stream, which nobody asked for, is unpacked and otherwise passed on unchanged", async () => {
	const events = START + CONTENT + DELTA + STOP;
	await using world = await oneDeployment((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
		response.end(gzipSync(events));
	});
	const response = await world.gateway.post("/v1/messages", ODD_BODY.replace('"stream" :false', '"stream":true'));
	expect([response.headers.get("content-encoding"), await response.text()]).toEqual([null, events]);
});

test("count_tokens goes to a deployment of the group and comes back untouched", async () => {
	await using world = await oneDeployment((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end('{"input_tokens": 2095}');
	});
	const response = await world.gateway.post(
		"/v1/messages/count_tokens?beta=true",
		'{"model":"claude-code","messages":[]}',
	);
	expect(await response.text()).toBe('{"input_tokens": 2095}');
	expect(world.upstream.requests[0]?.url).toBe("/v1/messages/count_tokens?beta=true");
});

test("upstream errors that are the client's own affair pass verbatim and are not tried elsewhere", async () => {
	const body =
		'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"},"request_id":"r"} ';
	for (const status of [400, 413, 422]) {
		await using world = await oneDeployment((_request, response) => {
			response.writeHead(status, { "content-type": "application/json" });
			response.end(body);
		});
		const response = await world.gateway.post("/v1/messages", ODD_BODY);
		expect(response.status).toBe(status);
		expect(await response.text()).toBe(body);
		expect(world.upstream.requests.length).toBe(1);
	}
});
