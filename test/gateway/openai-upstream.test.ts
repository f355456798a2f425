// OpenAI-compatible servers as upstreams: for clients of the Messages API by translation, for OpenAI's own byte for byte.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { Answer } from "../../src/simulator/answer.ts";
import { type Simulator, startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answer as BareAnswer, startRecordingUpstream } from "../recording-upstream.ts";

const LONG = "All that is known about the code base. ".repeat(200);

/** YAML of deployments of one group. */
function configOf(
	places: readonly { readonly id: string; readonly base: string; readonly key: string }[],
	params = "",
) {
	const entries = places.map(
		({ id, base, key }) => `  - model_name: local
    litellm_params: { model: openai/qwen-3, api_base: "${base}", api_key: ${key}${params} }
    model_info: { id: ${id} }`,
	);
	return configFrom(
		`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n`,
	);
}

async function start(options: { readonly servers: number; readonly answer?: Answer; readonly params?: string }) {
	const { answer } = options;
	const names = Array.from({ length: options.servers }, (_, i) => `gpu${i + 1}`);
	const simulator: Simulator = await startSimulator({
		openai: names.map((name) => ({ name, engine: "vllm" as const })),
		recordBodies: true,
		...(answer === undefined ? {} : { answer: () => answer }),
	});
	const places = names.map((id) => ({ id, base: `${simulator.url}/v1`, key: `sk-openai-${id}` }));
	const gateway = await startTestGateway(configOf(places, options.params));
	return {
		simulator,
		gateway,
		claude: new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, maxRetries: 0 }),
		openai: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: MASTER_KEY, maxRetries: 0 }),
		sent: () => simulator.recorded().map((request) => JSON.parse(request.body ?? "{}")),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

const TOOL = { name: "read", description: "Reads a file", input_schema: { type: "object" as const, properties: {} } };

describe("clients of the Messages API", () => {
	test("get text and usage, streamed and whole", async () => {
		await using setup = await start({ servers: 1 });
		const ask = { model: "local", max_tokens: 100, messages: [{ role: "user" as const, content: LONG }] };
		const whole = await setup.claude.messages.create(ask);
		expect(whole.content[0]?.type).toBe("text");
		expect(whole.stop_reason).toBe("end_turn");
		expect(whole.usage.input_tokens).toBeGreaterThan(1000);
		const streamed = await setup.claude.messages.stream(ask).finalMessage();
		expect(streamed.content).toEqual(whole.content);
		expect(streamed.usage.cache_read_input_tokens).toBeGreaterThan(1000);
	});

	test("get tool calls, and their results go back in the server's form", async () => {
		const answer: Answer = {
			content: [
				{ type: "text", text: "I read." },
				{ type: "tool_use", id: "call_1", name: "read", input: { path: "a" } },
				{ type: "tool_use", id: "call_2", name: "read", input: { path: "b" } },
			],
			stopReason: "tool_use",
		};
		await using setup = await start({ servers: 1, answer });
		const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Read." }];
		const ask = { model: "local", max_tokens: 100, tools: [TOOL] };
		const message = await setup.claude.messages.stream({ ...ask, messages }).finalMessage();
		expect(message.stop_reason).toBe("tool_use");
		expect(message.content.filter((block) => block.type === "tool_use").map(({ input }) => input)).toEqual([
			{ path: "a" },
			{ path: "b" },
		]);
		const results = ["call_1", "call_2"].map((id) => ({ type: "tool_result" as const, tool_use_id: id, content: "x" }));
		messages.push({ role: "assistant", content: message.content }, { role: "user", content: results });
		await setup.claude.messages.create({ ...ask, messages });
		expect(
			setup
				.sent()
				.at(-1)
				.messages.map(({ role }: { role: string }) => role),
		).toEqual(["user", "assistant", "tool", "tool"]);
	});

	test("get the dialect's errors, and count_tokens is not asked of a server that has none", async () => {
		await using upstream = await startRecordingUpstream((_request, response) => {
			response.writeHead(400, { "content-type": "application/json" });
			response.end(
				'{"error":{"message":"This model\'s maximum context length is 10 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}',
			);
		});
		const gateway = await startTestGateway(configOf([{ id: "a", base: `${upstream.url}/v1`, key: "sk-1" }]));
		const body = JSON.stringify({ model: "local", max_tokens: 5, messages: [{ role: "user", content: "x" }] });
		const answer = await gateway.post("/v1/messages", body);
		expect(answer.status).toBe(400);
		expect(await answer.json()).toMatchObject({
			type: "error",
			error: { type: "invalid_request_error", message: expect.stringContaining("prompt is too long") },
		});
		const count = await gateway.post("/v1/messages/count_tokens", body);
		expect(await count.json()).toEqual({ input_tokens: expect.any(Number) });
		expect(upstream.requests.map(({ url }) => url)).toEqual(["/v1/chat/completions"]);
		await gateway.close(0);
	});
});

describe("clients of OpenAI's API", () => {
	const CHUNKS = [
		'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":{"content":[]}}],"x_new":1}\n\n',
		'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hé"}}]}\n\n',
		'data: {"id":"c","choices":[{"index":1,"delta":{"content":"second choice"}}]}\n\n',
		'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4}}}\n\n',
		"data: [DONE]\n\n",
	].join("");

	async function bare(answer: BareAnswer, params = "") {
		const upstream = await startRecordingUpstream(answer);
		const gateway = await startTestGateway(configOf([{ id: "a", base: `${upstream.url}/v1`, key: "sk-1" }], params));
		return {
			upstream,
			gateway,
			async [Symbol.asyncDispose]() {
				await gateway.close(0);
				await upstream[Symbol.asyncDispose]();
			},
		};
	}

	test("send and get the same bytes, save the model's name", async () => {
		await using setup = await bare((_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			// Cut in the middle of a character.
			const bytes = Buffer.from(CHUNKS);
			const cut = bytes.indexOf(0xc3) + 1;
			response.write(bytes.subarray(0, cut));
			setImmediate(() => response.end(bytes.subarray(cut)));
		});
		const body =
			'{ "n":2, "logit_bias":{"1":-1.0}, "model" : "local","stream":true, "stream_options":{"include_usage" : true}, "messages":[{"role":"user","content":"h\\u0069"}]}';
		const answer = await setup.gateway.post("/v1/chat/completions", body);
		expect(await answer.text()).toBe(CHUNKS);
		const [request] = setup.upstream.requests;
		expect(request?.url).toBe("/v1/chat/completions");
		expect(request?.body.toString()).toBe(body.replace('"local"', '"qwen-3"'));
		expect(request?.headers.authorization).toBe("Bearer sk-1");
		expect(answer.headers.get("x-litellm-model-id")).toBe("a");
	});

	test("get whole answers as they came", async () => {
		const whole =
			'{"id":"c" , "choices":[{"index":0,"message":{"role":"assistant","content":"x","annotations":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1},"system_fingerprint":"fp"}';
		await using setup = await bare((_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.end(whole);
		});
		const answer = await setup.gateway.post("/chat/completions", '{"model":"local","messages":[]}');
		expect(await answer.text()).toBe(whole);
	});

	test("a stream that was cut off ends with an error, not as if it were complete", async () => {
		await using setup = await bare((_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.end(CHUNKS.slice(0, CHUNKS.indexOf('data: {"id":"c","choices":[{"index":0,"delta":{},"finish')));
		});
		const answer = await setup.gateway.post("/v1/chat/completions", '{"model":"local","stream":true,"messages":[]}');
		const last = (await answer.text()).trim().split("\n\n").at(-1) ?? "";
		expect(JSON.parse(last.replace("data: ", ""))).toMatchObject({ error: { type: "server_error" } });
	});

	test.each([
		[400, "invalid_value", 1],
		[422, "schema", 1],
		[503, "engine_overloaded", 3],
	])("get the server's own error %i as it came, its param and code too", async (status, code, attempts) => {
		const error = `{"error" : {"message":"No: h\\u00e9","type":"own_type","param":"messages.0.x","code":"${code}","more":[1.0]}}`;
		await using setup = await bare((_request, response) => {
			response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-upstream" });
			response.end(error);
		});
		for (const stream of [false, true]) {
			const answer = await setup.gateway.post(
				"/v1/chat/completions",
				`{"model":"local","stream":${stream},"messages":[]}`,
			);
			expect([answer.status, await answer.text()]).toEqual([status, error]);
			expect(answer.headers.get("content-type")).toContain("application/json");
			expect(answer.headers.get("x-request-id")).toBe("req-upstream");
		}
		expect(setup.upstream.requests).toHaveLength(2 * attempts);
		const embedded = await setup.gateway.post("/v1/embeddings", '{"model":"local","input":"x"}');
		expect(await embedded.text()).toBe(error);
		// Another format's clients get it in theirs.
		const messages = '{"model":"local","max_tokens":1,"messages":[{"role":"user","content":"x"}]}';
		const canonical = await setup.gateway.post("/v1/messages", messages);
		expect(await canonical.json()).toMatchObject({ type: "error", error: { message: "No: hé" } });
	});

	test("never get a page, or a refusal of the gateway's own credentials, as an error of theirs", async () => {
		await using setup = await bare((_request, response) => {
			response.writeHead(502, { "content-type": "text/html" });
			response.end("<html>Bad gateway</html>");
		});
		const ask = () => setup.gateway.post("/v1/chat/completions", '{"model":"local","messages":[]}');
		const page = await ask();
		expect([page.status, await page.json()]).toEqual([
			503,
			{ error: expect.objectContaining({ type: "server_error" }) },
		]);
		setup.upstream.setAnswer((_request, response) => {
			response.writeHead(401, { "content-type": "application/json" });
			response.end('{"error":{"message":"Incorrect API key provided: sk-1","type":"invalid_request_error"}}');
		});
		const refused = await ask();
		expect(refused.status).toBe(502);
		expect(await refused.text()).not.toContain("sk-1");
	});

	test("the session becomes prompt_cache_key where asked for, and the client's own stays", async () => {
		await using setup = await bare((_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.end('{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}');
		}, ", prompt_cache_key: session");
		const send = (body: object) =>
			setup.gateway.post("/v1/chat/completions", JSON.stringify({ model: "local", messages: [], ...body }), {
				"x-litellm-session-id": "s-1",
			});
		await send({});
		await send({});
		await send({ prompt_cache_key: "mine" });
		const keys = setup.upstream.requests.map(({ body }) => JSON.parse(body.toString()).prompt_cache_key);
		expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
		expect(keys.slice(1)).toEqual([keys[0], "mine"]);
	});

	test("embeddings go through by path, with the gateway's keys", async () => {
		await using setup = await start({ servers: 1 });
		const { data, usage } = await setup.openai.embeddings.create({ model: "local", input: ["a", "b"] });
		expect(data.map(({ embedding }) => embedding.length)).toEqual([1536, 1536]);
		expect(usage.prompt_tokens).toBeGreaterThan(0);
		const refused = await fetch(`${setup.gateway.url}/v1/embeddings`, { method: "POST", body: "{}" });
		expect(refused.status).toBe(401);
	});
});

describe("implicit prefix caches", () => {
	test("conversations without any marker stay where their prefix is, and new ones are spread", async () => {
		await using setup = await start({ servers: 4 });
		const conversations = Array.from({ length: 6 }, (_, i) => ({
			places: new Set<string | null>(),
			messages: [{ role: "user", content: `${i}: ${LONG}` }] as OpenAI.ChatCompletionMessageParam[],
		}));
		let read = 0;
		let expected = 0;
		for (let turn = 0; turn < 6; turn += 1) {
			for (const conversation of conversations) {
				const { messages, places } = conversation;
				const { data, response } = await setup.openai.chat.completions
					.create({ model: "local", max_tokens: 50, messages })
					.withResponse();
				places.add(response.headers.get("x-litellm-model-id"));
				messages.push({ role: "assistant", content: data.choices[0]?.message.content ?? "" });
				messages.push({ role: "user", content: `go on ${turn}` });
				if (turn === 0) continue;
				read += data.usage?.prompt_tokens_details?.cached_tokens ?? 0;
				expected += data.usage?.prompt_tokens ?? 0;
			}
		}
		expect(conversations.map(({ places }) => places.size)).toEqual([1, 1, 1, 1, 1, 1]);
		expect(new Set(conversations.flatMap(({ places }) => [...places])).size).toBeGreaterThan(1);
		expect(read / expected).toBeGreaterThan(0.95);
	});

	test("a stream whose client asks for no usage is followed, and charged by what the server reported", async () => {
		const simulator = await startSimulator({
			openai: ["gpu1", "gpu2"].map((name) => ({ name, engine: "vllm" as const })),
		});
		const entries = ["gpu1", "gpu2"].map(
			(id) => `  - model_name: local
    litellm_params: { model: openai/qwen-3, api_base: "${simulator.url}/v1", api_key: sk-openai-${id} }
    model_info: { id: ${id}, input_cost_per_token: 0.00001, output_cost_per_token: 0.00001 }`,
		);
		const gateway = await startTestGateway(
			configFrom(
				`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 }, keys: [{ key_alias: k, key: sk-k, max_budget: 0.08 }] }\n`,
			),
		);
		const messages = [{ role: "user", content: LONG }];
		const answers: (string | number | null)[][] = [];
		for (let turn = 0; turn < 8; turn += 1) {
			const body = JSON.stringify({ model: "local", max_tokens: 20, stream: true, messages });
			const answer = await gateway.post("/v1/chat/completions", body, { "x-api-key": "sk-k" });
			expect(await answer.text()).not.toContain('"usage":{');
			answers.push([answer.status, answer.headers.get("x-litellm-model-id")]);
			messages.push({ role: "assistant", content: "x" }, { role: "user", content: "more" });
		}
		const served = answers.filter(([status]) => status === 200);
		expect(new Set(served.map(([, place]) => place)).size).toBe(1);
		// About 2,000 tokens each, at a cent a thousand.
		expect(served.length).toBeGreaterThan(1);
		expect(answers.at(-1)?.[0]).toBe(429);
		await gateway.close(0);
		await simulator.close();
	});

	test("a server that never reports what it read is followed all the same", async () => {
		const answer: BareAnswer = (_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.end(
				'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2000,"completion_tokens":1}}',
			);
		};
		await using one = await startRecordingUpstream(answer);
		await using two = await startRecordingUpstream(answer);
		const gateway = await startTestGateway(
			configOf([one, two].map(({ url }, i) => ({ id: `gpu${i}`, base: `${url}/v1`, key: "sk-1" }))),
		);
		const messages = [{ role: "user", content: LONG }];
		for (let turn = 0; turn < 6; turn += 1) {
			await gateway.post("/v1/chat/completions", JSON.stringify({ model: "local", messages }));
			messages.push({ role: "assistant", content: "x" }, { role: "user", content: "more" });
		}
		expect([one.requests.length, two.requests.length].sort()).toEqual([0, 6]);
		await gateway.close(0);
	});
});
