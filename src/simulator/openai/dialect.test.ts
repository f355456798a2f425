import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { words } from "../__fixtures__/bodies.ts";
import { ManualClock } from "../clock.ts";
import { type Simulator, startSimulator } from "../server.ts";
import type { OpenAiServerOptions } from "./servers.ts";

const start = (server: Partial<OpenAiServerOptions> = {}) =>
	startSimulator({ openai: [{ name: "a", machines: 1, ...server }] });

const client = (sim: Simulator, apiKey = "sk-openai-a") =>
	new OpenAI({ baseURL: `${sim.url}/v1`, apiKey, maxRetries: 0 });

const TOOLS = [
	{
		type: "function" as const,
		function: {
			name: "lookup",
			parameters: { type: "object", properties: { q: { type: "string" } }, required: ["q"] },
		},
	},
];

const long = (tokens: number) => String(words("system", tokens)["text"]);

function chat(text = "hello", system = "Be brief.") {
	return {
		model: "gpt-sim",
		messages: [
			{ role: "system" as const, content: system },
			{ role: "user" as const, content: text },
		],
	};
}

const cached = (usage: OpenAI.CompletionUsage | undefined) => usage?.prompt_tokens_details?.cached_tokens;

describe("chat completions", () => {
	it("answer whole, with usage", async () => {
		await using sim = await start();
		const answer = await client(sim).chat.completions.create(chat());
		expect(answer.choices[0]?.message.content).toBe("Simulated answer to: hello");
		expect(answer.choices[0]?.finish_reason).toBe("stop");
		const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = answer.usage ?? {};
		expect(total_tokens).toBe(prompt_tokens + completion_tokens);
	});

	it("stream chunks that add up, with usage only when asked", async () => {
		await using sim = await start();
		const parts: string[] = [];
		const stream = await client(sim).chat.completions.create({
			...chat("@@long200@@"),
			stream: true,
			stream_options: { include_usage: true },
		});
		let usage: OpenAI.CompletionUsage | null | undefined;
		for await (const chunk of stream) {
			parts.push(chunk.choices[0]?.delta.content ?? "");
			usage = chunk.usage ?? usage;
		}
		const whole = await client(sim).chat.completions.create(chat("@@long200@@"));
		expect(parts.join("")).toBe(whole.choices[0]?.message.content);
		expect(usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
		for await (const chunk of await client(sim).chat.completions.create({ ...chat(), stream: true })) {
			expect(chunk.usage).toBeUndefined();
		}
	});

	it("call tools one by one and in parallel, until their results are in", async () => {
		await using sim = await start();
		const body = { ...chat("@@parallel2@@ @@tools1@@"), tools: TOOLS };
		const messages: OpenAI.ChatCompletionMessageParam[] = [...body.messages];
		const counts: number[] = [];
		for (;;) {
			const runner = client(sim).chat.completions.stream({ ...body, messages });
			const { choices } = await runner.finalChatCompletion();
			const message = choices[0]?.message;
			const calls = message?.tool_calls ?? [];
			counts.push(calls.length);
			if (message === undefined || calls.length === 0) break;
			expect(choices[0]?.finish_reason).toBe("tool_calls");
			messages.push(message);
			for (const call of calls) {
				expect(JSON.parse(call.type === "function" ? call.function.arguments : "")).toEqual({
					q: expect.stringContaining("step-"),
				});
				messages.push({ role: "tool", tool_call_id: call.id, content: "found" });
			}
		}
		expect(counts).toEqual([2, 1, 0]);
	});

	it("follow a JSON schema", async () => {
		await using sim = await start();
		const schema = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
		const format = { type: "json_schema" as const, json_schema: { name: "t", schema } };
		const answer = await client(sim).chat.completions.create({ ...chat("name it"), response_format: format });
		expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toEqual({ title: "name it" });
	});
});

describe("the implicit cache", () => {
	it("reads whole blocks of 128 tokens from 1,024, never to the end", async () => {
		await using sim = await start();
		const first = await client(sim).chat.completions.create(chat("one", long(2_000)));
		expect(cached(first.usage)).toBe(0);
		const second = await client(sim).chat.completions.create(chat("two", long(2_000)));
		expect(cached(second.usage)).toBe(1_920);
		await client(sim).chat.completions.create(chat("one", long(900)));
		expect(cached((await client(sim).chat.completions.create(chat("one", long(900)))).usage)).toBe(0);
	});

	it("reads blocks of 16 tokens on vllm, and grows with a conversation", async () => {
		await using sim = await start({ engine: "vllm" });
		const body = chat("one", long(100));
		const first = await client(sim).chat.completions.create(body);
		const messages = [
			...body.messages,
			{ role: "assistant" as const, content: "ok" },
			{ role: "user" as const, content: "two" },
		];
		const second = await client(sim).chat.completions.create({ ...body, messages });
		const prompt = first.usage?.prompt_tokens ?? 0;
		expect(cached(second.usage)).toBe(Math.floor((prompt - 1) / 16) * 16);
		expect(sim.recorded()[1]?.usage?.read).toBe(cached(second.usage));
	});

	it("is one per machine: another key may land elsewhere, and so does a burst", async () => {
		await using sim = await start({ machines: 4, overflowPerMinute: 3 });
		const body = chat("one", long(2_000));
		const hits: (number | undefined)[] = [];
		for (let turn = 0; turn < 6; turn += 1) hits.push(cached((await client(sim).chat.completions.create(body)).usage));
		expect(hits.map((hit) => hit === 0)).toEqual([true, false, false, true, false, false]);
		const keys = Array.from({ length: 40 }, (_, index) => `session-${index}`);
		for (const prompt_cache_key of keys) await client(sim).chat.completions.create({ ...body, prompt_cache_key });
		expect(new Set(sim.recorded().map((record) => record.domain)).size).toBe(4);
	});

	it("forgets what was not used for ten minutes", async () => {
		const clock = new ManualClock(Date.now());
		await using sim = await startSimulator({ openai: [{ name: "a", machines: 1 }], clock });
		const ask = async () => cached((await client(sim).chat.completions.create(chat("one", long(2_000)))).usage);
		expect(await ask()).toBe(0);
		clock.advance(9 * 60_000);
		expect(await ask()).toBe(1_920);
		clock.advance(11 * 60_000);
		expect(await ask()).toBe(0);
	});
});

describe("the other endpoints", () => {
	it("list models and embed", async () => {
		await using sim = await start({ models: ["gpt-sim", "embed-sim"] });
		const ids = (await client(sim).models.list()).data.map((model) => model.id);
		expect(ids).toEqual(["gpt-sim", "embed-sim"]);
		const { data } = await client(sim).embeddings.create({ model: "embed-sim", input: ["a", "b", "a"], dimensions: 8 });
		expect(data[0]?.embedding).toHaveLength(8);
		expect(data[0]?.embedding).toEqual(data[2]?.embedding);
		expect(data[0]?.embedding).not.toEqual(data[1]?.embedding);
	});

	it("answer the Responses API, whole, streaming and with tools", async () => {
		await using sim = await start();
		const body = { model: "gpt-sim", input: "hello" };
		expect((await client(sim).responses.create(body)).output_text).toBe("Simulated answer to: hello");
		const tools = [
			{ type: "function" as const, name: "lookup", parameters: TOOLS[0]?.function.parameters ?? {}, strict: false },
		];
		const streamed = await client(sim)
			.responses.stream({ ...body, input: "@@tools1@@", tools })
			.finalResponse();
		const call = streamed.output.find((item) => item.type === "function_call");
		expect(call).toMatchObject({ name: "lookup", arguments: JSON.stringify({ q: "step-1" }) });
		if (call === undefined) return;
		const input = [
			{ role: "user" as const, content: "@@tools1@@" },
			call,
			{ type: "function_call_output" as const, call_id: call.call_id, output: "found" },
		];
		const last = await client(sim).responses.create({ ...body, input, tools });
		expect(last.output_text).toContain("after 1 tool results");
	});
});

describe("errors", () => {
	it("have OpenAI's shape", async () => {
		await using sim = await start({ models: ["gpt-sim"], contextTokens: 1_000, limits: { requests: 3 } });
		const ask = (body: ReturnType<typeof chat>, key?: string) => client(sim, key).chat.completions.create(body);
		await expect(ask(chat(), "no")).rejects.toMatchObject({
			status: 401,
			code: "invalid_api_key",
			type: "invalid_request_error",
		});
		await expect(ask({ ...chat(), model: "gpt-9" })).rejects.toMatchObject({ status: 404, code: "model_not_found" });
		await expect(ask({ ...chat(), messages: [] })).rejects.toMatchObject({ status: 400, param: "messages" });
		await expect(ask(chat("x", long(2_000)))).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
		for (let turn = 0; turn < 3; turn += 1) await ask(chat());
		await expect(ask(chat())).rejects.toMatchObject({ status: 429, code: "rate_limit_exceeded", type: "requests" });
		sim.faults.add({ kind: "status", status: 503 });
		await expect(ask(chat())).rejects.toMatchObject({ status: 503, type: "server_error" });
	});

	it("end a stream that has begun", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "sse-error", at: "after-content", message: "broke" });
		const stream = await client(sim).chat.completions.create({ ...chat(), stream: true });
		const drain = async () => {
			for await (const _chunk of stream);
		};
		await expect(drain()).rejects.toThrow("broke");
	});
});
