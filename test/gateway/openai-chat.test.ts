// The official OpenAI SDK as a client of the gateway, onto simulated Claude deployments.
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { Answer } from "../../src/simulator/answer.ts";
import { startWorld } from "../harness.ts";
import { collect, openaiClient } from "../openai-client.ts";

const LONG = "All that is known about the code base. ".repeat(300);
const marker = { type: "ephemeral" };

/** The SDK's types do not know LiteLLM's marker. */
function marked(text: string): OpenAI.ChatCompletionContentPartText {
	return Object.assign({ type: "text" as const, text }, { cache_control: marker });
}

const WEATHER: OpenAI.ChatCompletionTool = {
	type: "function",
	function: {
		name: "weather",
		description: "Tells the weather",
		parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
	},
};

async function start(options: { readonly answer?: Answer; readonly extra?: string; readonly model?: string } = {}) {
	const { answer, extra, model } = options;
	const world = await startWorld({
		deployments: ["a", "b", "c", "d"],
		...(model === undefined ? {} : { model }),
		...(extra === undefined ? {} : { extra }),
		simulator: { recordBodies: true, ...(answer === undefined ? {} : { answer: () => answer }) },
	});
	const client = openaiClient(world.gateway.url);
	return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

describe("chat completions", () => {
	test("the second request reads what the first wrote, on the same deployment, streamed or not", async () => {
		await using setup = await start();
		const ask = (question: string): OpenAI.ChatCompletionCreateParamsNonStreaming => ({
			model: "claude-code",
			max_tokens: 100,
			messages: [
				{ role: "system", content: [marked(LONG)] },
				{ role: "user", content: question },
			],
		});
		const first = await setup.client.chat.completions.create(ask("What is it?")).withResponse();
		expect(first.data.object).toBe("chat.completion");
		expect(first.data.choices[0]?.finish_reason).toBe("stop");
		expect(first.data.choices[0]?.message.content).not.toBe("");
		expect(first.data.usage).toMatchObject({ prompt_tokens_details: { cached_tokens: 0 } });
		const stream = await setup.client.chat.completions
			.create({ ...ask("And more?"), stream: true, stream_options: { include_usage: true } })
			.withResponse();
		const { text, finish, usage } = await collect(stream.data);
		expect(text.length).toBeGreaterThan(5);
		expect(finish).toEqual(["stop"]);
		expect(usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(1024);
		expect(usage?.prompt_tokens).toBeGreaterThan(usage?.prompt_tokens_details?.cached_tokens ?? 0);
		const at = (response: Response) => response.headers.get("x-litellm-model-id");
		expect(at(stream.response)).toBe(at(first.response));
	});

	test("parallel tool calls come out, streamed and whole, and their results go back", async () => {
		const answer: Answer = {
			content: [
				{ type: "text", text: "I look." },
				{ type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo" } },
				{ type: "tool_use", id: "toolu_2", name: "weather", input: { city: "Rome" } },
			],
			stopReason: "tool_use",
		};
		await using setup = await start({ answer });
		const ask = { model: "claude-code", tools: [WEATHER], messages: [{ role: "user" as const, content: "Weather?" }] };
		const whole = await setup.client.chat.completions.create(ask);
		const calls = whole.choices[0]?.message.tool_calls ?? [];
		expect(calls.map((call) => (call.type === "function" ? JSON.parse(call.function.arguments) : null))).toEqual([
			{ city: "Oslo" },
			{ city: "Rome" },
		]);
		expect(whole.choices[0]?.finish_reason).toBe("tool_calls");
		const streamed = await collect(await setup.client.chat.completions.create({ ...ask, stream: true }));
		expect(streamed.calls.map(({ id, name, args }) => [id, name, JSON.parse(args)])).toEqual([
			["toolu_1", "weather", { city: "Oslo" }],
			["toolu_2", "weather", { city: "Rome" }],
		]);
		expect(streamed.finish).toEqual(["tool_calls"]);
		const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "12°" }));
		const said = whole.choices[0]?.message;
		if (said === undefined) throw new Error("no message");
		await setup.client.chat.completions.create({ ...ask, messages: [...ask.messages, said, ...results] });
		const sent = JSON.parse(setup.world.messages().at(-1)?.body ?? "{}");
		expect(sent.messages.at(-1).content.map((block: { tool_use_id: string }) => block.tool_use_id)).toEqual([
			"toolu_1",
			"toolu_2",
		]);
	});

	test("thinking and its signature survive a round trip", async () => {
		const answer: Answer = {
			content: [
				{ type: "thinking", thinking: "Let me see.", signature: "sig-1" },
				{ type: "text", text: "Yes." },
			],
			stopReason: "end_turn",
		};
		await using setup = await start({ answer });
		const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Is it?" }];
		const stream = await setup.client.chat.completions.create({
			model: "claude-code",
			reasoning_effort: "low",
			messages,
			stream: true,
		});
		const { chunks, text } = await collect(stream);
		const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta as Record<string, unknown>));
		const blocks = deltas.flatMap((delta) => (delta["thinking_blocks"] as unknown[] | undefined) ?? []);
		expect(deltas.map((delta) => delta["reasoning_content"] ?? "").join("")).toBe("Let me see.");
		expect(blocks).toEqual([{ type: "thinking", thinking: "Let me see.", signature: "sig-1" }]);
		const back = Object.assign({ role: "assistant" as const, content: text }, { thinking_blocks: blocks });
		const asked = setup.client.chat.completions.create({
			model: "claude-code",
			messages: [...messages, back, { role: "user", content: "Sure?" }],
		});
		await asked.catch(() => {});
		const sent = JSON.parse(setup.world.messages().at(-1)?.body ?? "{}");
		expect(sent.messages[1].content[0]).toEqual({ type: "thinking", thinking: "Let me see.", signature: "sig-1" });
	});

	test("a JSON schema is answered with JSON, by structured outputs or by the answer tool", async () => {
		const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
		const response_format = { type: "json_schema" as const, json_schema: { name: "person", schema } };
		const messages = [{ role: "user" as const, content: "Who?" }];
		const text: Answer = { content: [{ type: "text", text: '{"name":"Ada"}' }], stopReason: "end_turn" };
		await using native = await start({ answer: text });
		const plain = await native.client.chat.completions.create({ model: "claude-code", response_format, messages });
		expect(JSON.parse(plain.choices[0]?.message.content ?? "")).toEqual({ name: "Ada" });
		const sent = JSON.parse(native.world.messages().at(-1)?.body ?? "{}");
		// Claude takes closed objects only.
		expect(sent.output_config.format.schema).toEqual({ ...schema, additionalProperties: false });

		const called: Answer = {
			content: [{ type: "tool_use", id: "toolu_1", name: "json_answer", input: { name: "Ada" } }],
			stopReason: "tool_use",
		};
		await using old = await start({ answer: called, model: "claude-sonnet-4-20250514" });
		const ask = { model: "claude-code", response_format, messages };
		const whole = await old.client.chat.completions.create(ask);
		expect(JSON.parse(whole.choices[0]?.message.content ?? "")).toEqual({ name: "Ada" });
		expect(whole.choices[0]?.finish_reason).toBe("stop");
		const streamed = await collect(await old.client.chat.completions.create({ ...ask, stream: true }));
		expect(JSON.parse(streamed.text)).toEqual({ name: "Ada" });
		expect(streamed.finish).toEqual(["stop"]);
	});

	test("errors are the SDK's own types, of the gateway and of the upstream", async () => {
		await using setup = await start();
		const ask = { model: "claude-code", messages: [{ role: "user" as const, content: "x" }] };
		const { completions } = setup.client.chat;
		await expect(completions.create({ ...ask, model: "nope" })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
		await expect(completions.create({ ...ask, n: 2 })).rejects.toThrow(/n: only one choice/);
		await expect(completions.create({ ...ask, max_tokens: -1 })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
		const stranger = openaiClient(setup.world.gateway.url, "sk-wrong");
		await expect(stranger.chat.completions.create(ask)).rejects.toMatchObject({
			status: 401,
			code: "invalid_api_key",
		});
	});

	test("a twelve-turn agent stays on one deployment and reads what one deployment alone would have read", async () => {
		await using setup = await start();
		const tools = [WEATHER];
		const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "system", content: [marked(LONG)] }];
		const places = new Set<string | null>();
		let read = 0;
		let prompt = 0;
		let before = 0;
		for (let turn = 0; turn < 12; turn += 1) {
			const last = Object.assign(
				{ role: "user" as const, content: `Step ${turn}: ${LONG.slice(0, 2000)}` },
				{ cache_control: marker },
			);
			const { data, response } = await setup.client.chat.completions
				.create({ model: "claude-code", tools, max_tokens: 100, messages: [...messages, last] })
				.withResponse();
			messages.push(
				{ role: "user", content: last.content },
				{ role: "assistant", content: data.choices[0]?.message.content ?? "" },
			);
			places.add(response.headers.get("x-litellm-model-id"));
			const cached = data.usage?.prompt_tokens_details?.cached_tokens ?? 0;
			if (turn > 0) {
				read += cached;
				prompt += before;
			}
			before = data.usage?.prompt_tokens ?? 0;
		}
		expect(places.size).toBe(1);
		// All but what follows the last marker of the turn before.
		expect(read / prompt).toBeGreaterThan(0.97);
	});
});
