// Answers of upstreams that are no answers, too short or too large, as clients of each format see them.
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { MAX_WHOLE } from "../../src/proxy/answer/encoding.ts";
import { startFormats } from "../client-formats.ts";
import { deploymentsConfig, startTestGateway } from "../harness.ts";
import { CONTENT, DELTA, START } from "../message-events.ts";
import type { Answer } from "../recording-upstream.ts";

const BODY = '{"model":"claude-code","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}';
const STREAM = BODY.replace('"max_tokens"', '"stream":true,"max_tokens"');

function page(status: number): Answer {
	return (_request, response) => {
		response.writeHead(status, { "content-type": "text/html" });
		response.end("<html><h1>Refused by a firewall</h1></html>");
	};
}

test.each([
	[400, "invalid_request_error"],
	[413, "request_too_large"],
])(
	"a page with status %i reaches the client as an error of its own API, and is not tried elsewhere",
	async (status, type) => {
		await using w = await startFormats(page(status));
		for (const path of ["/v1/messages", "/v1/chat/completions"]) {
			const response = await w.gateway.post(path, BODY);
			expect(response.status).toBe(status);
			expect(response.headers.get("content-type")).toMatch(/^application\/json/);
			const { error } = (await response.json()) as { error: { type: string; message: string } };
			if (path === "/v1/messages") expect(error.type).toBe(type);
			expect(error.message).toContain(`HTTP ${status}`);
			expect(error.message).not.toContain("<");
		}
		expect(w.upstream.requests.length).toBe(2);
	},
);

test("an error without a word becomes one that says at least where it comes from", async () => {
	await using w = await startFormats((_request, response) => {
		response.writeHead(431);
		response.end();
	});
	const response = await w.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(431);
	expect(await response.json()).toMatchObject({
		type: "error",
		error: { message: expect.stringContaining("HTTP 431") },
	});
});

test("an upstream's redirect never reaches the client: following it would carry the gateway's key away", async () => {
	await using w = await startFormats((_request, response) => {
		response.writeHead(302, { location: "http://elsewhere.example/" });
		response.end();
	});
	const response = await w.gateway.post("/v1/messages", BODY);
	expect([response.status, response.redirected, response.headers.get("location")]).toEqual([503, false, null]);
});

const SHORT: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "text/event-stream" });
	response.end(START + CONTENT + DELTA);
};

test("a stream that ends too early goes byte for byte to clients of its API, which see that themselves, and is no success", async () => {
	await using w = await startFormats(SHORT);
	const response = await w.gateway.post("/v1/messages", STREAM);
	expect(await response.text()).toBe(START + CONTENT + DELTA);
	await expect.poll(() => w.gateway.logLines.join()).toContain("deployment a broke off its answer");
});

test("a stream that ends too early does not look whole in another format", async () => {
	await using w = await startFormats(SHORT);
	const response = await w.gateway.post("/v1/chat/completions", STREAM);
	const text = await response.text();
	expect(text).toContain('"content":"a"');
	expect(text).toMatch(/data: \{"error":.*upstream connection broke/);
	expect(text).not.toContain('finish_reason":"');
});

/** A JSON string of at least so many bytes, sent in pieces until the client has enough. */
function endless(head: string, bytes: number): { readonly answer: Answer; readonly sent: () => number } {
	let sent = 0;
	const piece = Buffer.alloc(1024 * 1024, 0x61);
	return {
		sent: () => sent,
		answer: (_request, response) => {
			let isOpen = true;
			response.once("close", () => {
				isOpen = false;
			});
			response.writeHead(200, { "content-type": "application/json" });
			response.write(head);
			const more = (): void => {
				while (isOpen && sent < bytes) {
					sent += piece.length;
					if (!response.write(piece)) {
						response.once("drain", more);
						return;
					}
				}
				response.end();
			};
			more();
		},
	};
}

test("a whole answer that must be translated is held up to a bound, and beyond it an error that says so", async () => {
	const large = endless('{"type":"message","content":[{"type":"text","text":"', 4 * MAX_WHOLE);
	await using w = await startFormats(large.answer);
	const response = await w.gateway.post("/v1/chat/completions", BODY);
	expect(response.status).toBe(502);
	expect(((await response.json()) as { error: { message: string } }).error.message).toContain(`${MAX_WHOLE} bytes`);
	expect(large.sent()).toBeLessThan(2 * MAX_WHOLE);
	await expect.poll(() => w.gateway.router.deployments().every(({ inFlight }) => inFlight === 0)).toBe(true);
});

test("the same holds for an answer that a provider's own form is translated from", async () => {
	const large = endless('{"choices":[{"message":{"content":"', 4 * MAX_WHOLE);
	await using w = await startFormats(large.answer);
	const response = await w.gateway.post("/v1/messages", BODY.replace("claude-code", "gpt"));
	expect(response.status).toBe(502);
	expect(((await response.json()) as { error: { message: string } }).error.message).toContain(`${MAX_WHOLE} bytes`);
	expect(large.sent()).toBeLessThan(2 * MAX_WHOLE);
});

test("an answer in the client's own format has no bound, however large it is", async () => {
	const large = endless('{"choices":[{"message":{"content":"', MAX_WHOLE + 8 * 1024 * 1024);
	await using w = await startFormats(large.answer);
	const response = await w.gateway.post("/v1/chat/completions", BODY.replace("claude-code", "gpt"));
	expect(response.status).toBe(200);
	let got = 0;
	for await (const chunk of response.body ?? []) got += (chunk as Uint8Array).length;
	expect(got).toBe(large.sent() + '{"choices":[{"message":{"content":"'.length);
});

const TOO_LONG = JSON.stringify({
	type: "error",
	error: { type: "invalid_request_error", message: "prompt is too long: 210000 tokens > 200000 maximum" },
});

/** An answer as a compressing front of the API gives it. */
function compressed(status: number, type: string, body: string): Answer {
	return (_request, response) => {
		response.writeHead(status, { "content-type": type, "content-encoding": "gzip" });
		response.end(gzipSync(body));
	};
}

test("a compressed error is understood: its wording reaches the client, and a fallback for long prompts serves", async () => {
	await using w = await startFormats((request, response) => {
		const isLarge = request.body.includes('"large"');
		if (!isLarge) compressed(400, "application/json", TOO_LONG)(request, response);
		else {
			response.writeHead(200, { "content-type": "application/json" });
			response.end('{"type":"message","content":[]}');
		}
	});
	const offering = { "accept-encoding": "gzip" };
	const alone = await w.gateway.post("/v1/messages", BODY, offering);
	expect([alone.status, await alone.text()]).toEqual([400, TOO_LONG]);
	const line = (group: string, model: string) => ({ id: group, group, model, apiBase: w.upstream.url });
	await using gateway = await startTestGateway(
		deploymentsConfig(
			[line("claude-code", "anthropic/small"), line("large", "anthropic/large")],
			"router_settings: { context_window_fallbacks: [{ claude-code: [large] }] }\n",
		),
	);
	const response = await gateway.post("/v1/messages", BODY, offering);
	expect([response.status, response.headers.get("x-litellm-model-id")]).toEqual([200, "large"]);
});

test("a compressed page with an error status becomes a readable error as well", async () => {
	await using w = await startFormats(compressed(413, "text/html", "<html>too large</html>"));
	const response = await w.gateway.post("/v1/messages", BODY, { "accept-encoding": "gzip" });
	expect(response.headers.get("content-encoding")).toBeNull();
	expect(await response.json()).toMatchObject({ error: { type: "request_too_large" } });
});
