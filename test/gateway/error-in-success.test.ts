// HTTP 200 with an error object as its body, through the whole gateway: another deployment serves, and no client takes it for an answer.
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { configFrom, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";
import { COMPLETION, MESSAGE } from "../whole-answers.ts";

const json =
	(body: unknown, more: { readonly status?: number; readonly gzip?: boolean } = {}): Answer =>
	(_request, response) => {
		const bytes = Buffer.from(JSON.stringify(body));
		response.writeHead(more.status ?? 200, {
			"content-type": "application/json",
			...(more.gzip === true ? { "content-encoding": "gzip" } : {}),
		});
		response.end(more.gzip === true ? gzipSync(bytes) : bytes);
	};
const stream =
	(...data: unknown[]): Answer =>
	(_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		for (const each of data) response.write(`data: ${JSON.stringify(each)}\n\n`);
		response.end();
	};

async function world(provider: "openai" | "anthropic", bad: Answer) {
	const upstreams = {
		bad: await startRecordingUpstream(bad),
		good: await startRecordingUpstream(json(provider === "openai" ? COMPLETION : MESSAGE)),
	};
	const base = (name: "bad" | "good") => `${upstreams[name].url}${provider === "openai" ? "/v1" : ""}`;
	const entry = (group: string, name: "bad" | "good", order: number) => `
  - model_name: ${group}
    litellm_params: { model: ${provider}/m, api_base: "${base(name)}", api_key: sk-${group}-${name}, order: ${order}, num_retries: ${group === "pair" ? 1 : 0} }
    model_info: { id: ${group}-${name} }`;
	const gateway = await startTestGateway(
		configFrom(
			`model_list:${entry("pair", "bad", 1)}${entry("pair", "good", 2)}${entry("alone", "bad", 1)}\nwarmpath: { listen: { port: 0 } }\nrouter_settings: { disable_cooldowns: true }\n`,
		),
	);
	return {
		ask: (model: string, path = "/v1/messages", more = {}) =>
			gateway.post(
				path,
				JSON.stringify({ model, max_tokens: 10, messages: [{ role: "user", content: "hi" }], ...more }),
			),
		upstreams,
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			for (const upstream of Object.values(upstreams)) await upstream[Symbol.asyncDispose]();
		},
	};
}

const OVERLOADED = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };

test.each<[string, "openai" | "anthropic", Answer]>([
	["OpenRouter's, with a number", "openai", json({ error: { message: "Provider returned error", code: 502 } })],
	["a text alone", "openai", json({ error: "upstream exploded" })],
	["Google's, in a list", "openai", json([{ error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }])],
	["Azure API management's", "openai", json({ statusCode: 429, message: "Rate limit is exceeded." })],
	[
		"vLLM's of old",
		"openai",
		json({ object: "error", message: "engine is dead", type: "InternalServerError", code: 500 }),
	],
	["beside empty choices", "openai", json({ id: "gen-1", choices: [], error: { message: "no capacity", code: 503 } })],
	[
		"OpenAI's by name",
		"openai",
		json({ error: { message: "Slow down", type: "rate_limit_error", code: "rate_limit_exceeded" } }),
	],
	["no choice at all", "openai", json({ object: "chat.completion", choices: [], usage: { prompt_tokens: 4 } })],
	["null for choices", "openai", json({ id: "gen-1", object: "chat.completion", model: "m", choices: null })],
	["the Messages API's", "anthropic", json(OVERLOADED)],
	["the same, its id first", "anthropic", json({ request_id: "req_1", ...OVERLOADED })],
	["the same, compressed", "anthropic", json(OVERLOADED, { gzip: true })],
	[
		"a key that ran out",
		"anthropic",
		json({ type: "error", error: { type: "authentication_error", message: "expired" } }),
	],
])("%s: the other deployment serves, and alone it is shown as an error", async (_form, provider, bad) => {
	await using gateway = await world(provider, bad);
	for (const path of ["/v1/messages", "/v1/chat/completions"]) {
		const served = await gateway.ask("pair", path);
		expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "pair-good"]);
		expect(await served.text()).toContain("Fine.");
		expect((await gateway.ask("alone", path)).status).toBeGreaterThanOrEqual(400);
	}
});

const text =
	(body: string, type = "application/json"): Answer =>
	(_request, response) => {
		response.writeHead(200, { "content-type": type });
		response.end(body);
	};

test.each<[string, Answer]>([
	["a text", text('"hello"')],
	["null", text("null")],
	["a number", text("5")],
	["true", text("true")],
	["an empty list", text("[]")],
	["a list of lists", text("[[],[]]")],
	["an empty object", text("{}")],
	["an object of something else", text('{"status":"ok","version":"1.2.3"}')],
	["an empty error", text('{"error":null}')],
	["words", text("Hello from the load balancer")],
	["words, as text", text("Hello from the load balancer", "text/plain")],
	["half an object", text('{"id":"x","content')],
	["white space", text(" \n ")],
	["AWS's unknown operation", text('{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"}}')],
	["an object in UTF-16", (_request, response) => void response.end(Buffer.from(JSON.stringify(MESSAGE), "utf16le"))],
	["an empty object, compressed", json({}, { gzip: true })],
	["a choice that says nothing", json({ id: "x", choices: [{}, null] })],
	["a name that every object has", json({ error: { type: "constructor", message: "m" } })],
])("what is no answer is none, streamed or not (%s)", async (_form, bad) => {
	for (const provider of ["anthropic", "openai"] as const) {
		await using gateway = await world(provider, bad);
		for (const path of ["/v1/messages", "/v1/chat/completions"]) {
			const served = await gateway.ask("pair", path);
			expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "pair-good"]);
			expect(await served.text()).toContain("Fine.");
			const answer = await gateway.ask("alone", path, { stream: path === "/v1/messages" });
			expect([answer.status, answer.headers.get("content-type")]).toEqual([
				expect.toSatisfy((status: number) => status >= 500),
				"application/json",
			]);
			expect(await answer.text()).not.toMatch(/event: |data: /);
		}
	}
});

test.each<[string, "openai" | "anthropic", unknown]>([
	["a chat completion of a Messages upstream", "anthropic", COMPLETION],
	["a message of a Chat Completions upstream", "openai", MESSAGE],
])("%s is no answer in its dialect", async (_what, provider, body) => {
	await using gateway = await world(provider, json(body));
	const served = await gateway.ask("pair");
	expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "pair-good"]);
	const answer = await gateway.ask("alone");
	expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("something that is no answer")]);
});

test.each(["error", "abort", "network_error"])("a choice that ends by %s is a failure", async (finish_reason) => {
	const [choice] = COMPLETION.choices;
	await using gateway = await world("openai", json({ ...COMPLETION, choices: [{ ...choice, finish_reason }] }));
	for (const path of ["/v1/messages", "/v1/chat/completions"]) {
		const served = await gateway.ask("pair", path);
		expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "pair-good"]);
		const answer = await gateway.ask("alone", path);
		const { error } = (await answer.json()) as { error: { message: string } };
		expect([answer.status, error.message]).toEqual([500, expect.stringContaining(`finish_reason '${finish_reason}'`)]);
	}
});

test.each([
	["RESOURCE_EXHAUSTED", 429],
	["UNAVAILABLE", 503],
])("Google's list with one error is shown as that error is, streamed or not (%s)", async (status, code) => {
	const error = { code, message: "try later", status, details: [{ "@type": "x/RetryInfo", retryDelay: "9s" }] };
	for (const stream of [false, true]) {
		await using inSuccess = await world("openai", json([{ error }]));
		await using withStatus = await world("openai", json([{ error }], { status: code }));
		const answer = await Promise.all([inSuccess, withStatus].map(({ ask }) => ask("alone", undefined, { stream })));
		const [one, other] = await Promise.all(
			answer.map(async (each) => [each.status, each.headers.get("retry-after"), await each.text()]),
		);
		expect(one).toEqual(other);
		expect(one?.[1]).toBe("9");
		expect(inSuccess.upstreams.bad.requests.length).toBe(withStatus.upstreams.bad.requests.length);
	}
});

test("a stream that opens with an error object and no event's name is a failure too", async () => {
	await using gateway = await world("openai", stream({ error: { message: "no capacity", code: 503 } }));
	const served = await gateway.ask("pair", "/v1/messages", { stream: true });
	expect(served.headers.get("x-litellm-model-id")).toBe("pair-good");
	expect((await gateway.ask("alone", "/v1/messages", { stream: true })).status).toBeGreaterThanOrEqual(400);
});

test("a stream asked for and an error object in its place: the other deployment serves", async () => {
	await using gateway = await world("anthropic", json(OVERLOADED));
	const served = await gateway.ask("pair", "/v1/messages", { stream: true });
	expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "pair-good"]);
});

test("the client's own error inside a 200 is shown once, with the status it should have had", async () => {
	const body = {
		type: "error",
		error: { type: "invalid_request_error", message: "messages: at least one message is required" },
	};
	await using gateway = await world("anthropic", json(body));
	const answer = await gateway.ask("pair");
	expect([answer.status, await answer.json()]).toEqual([400, body]);
	expect(gateway.upstreams.good.requests).toEqual([]);
});

test.each<[string, "openai" | "anthropic", unknown]>([
	[
		"an answer that speaks of errors",
		"anthropic",
		{ ...MESSAGE, content: [{ type: "text", text: 'say {"error":"x"}' }] },
	],
	["an answer with an empty error", "openai", { ...COMPLETION, error: null }],
	["an answer without content", "anthropic", { ...MESSAGE, content: [] }],
	["an answer whose content comes last", "anthropic", { usage: MESSAGE.usage, id: "x", content: MESSAGE.content }],
	[
		"a choice without a word",
		"openai",
		{ ...COMPLETION, choices: [{ index: 0, message: null, finish_reason: "stop" }] },
	],
	["a plain completion", "openai", { id: "cmpl-1", choices: [{ text: "Fine.", index: 0 }] }],
	["a large answer", "anthropic", { ...MESSAGE, content: [{ type: "text", text: '"error" '.repeat(20_000) }] }],
])("%s is an answer", async (_what, provider, body) => {
	await using gateway = await world(provider, json(body));
	const served = await gateway.ask("pair");
	expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "pair-bad"]);
	if (provider === "anthropic") expect(await served.json()).toEqual(body);
});
