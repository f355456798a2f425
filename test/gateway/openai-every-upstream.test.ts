// The official OpenAI SDK onto simulated deployments of every platform: whatever a client of Chat Completions does, content and usage come
// back the same way. What is special about one platform is tested beside its provider.
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { startWorld, type WorldOptions } from "../harness.ts";
import { collect, openaiClient } from "../openai-client.ts";

interface Upstream {
	readonly name: string;
	readonly options: WorldOptions;
	/** What it is sent: canonical Messages, or the client's own bytes. */
	readonly receives: "messages" | "chat";
	/** How it is asked for JSON. */
	readonly json: "output_config" | "answer tool" | "response_format";
}

const UPSTREAMS: readonly Upstream[] = [
	{ name: "Anthropic", options: { deployments: ["a"] }, receives: "messages", json: "output_config" },
	{ name: "Bedrock (InvokeModel)", options: { aws: ["a"] }, receives: "messages", json: "answer tool" },
	{
		name: "Bedrock (Messages)",
		options: { aws: ["a"], bedrock: "messages" },
		receives: "messages",
		json: "answer tool",
	},
	{ name: "Vertex", options: { google: ["a"] }, receives: "messages", json: "answer tool" },
	{ name: "Foundry", options: { foundry: ["a"] }, receives: "messages", json: "answer tool" },
	{
		name: "an OpenAI-compatible server",
		options: { openai: [{ name: "a", engine: "vllm" }] },
		receives: "chat",
		json: "response_format",
	},
];

const LONG = "All that is known about the code base. ".repeat(300);
const MODEL = "claude-code";
const PNG = `data:image/png;base64,${"iVBORw0KGgo".repeat(40)}AAAA`;
const PDF = `data:application/pdf;base64,${Buffer.from("%PDF-1.7 a small file").toString("base64")}`;
const PERSON = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const WEATHER: OpenAI.ChatCompletionTool = {
	type: "function",
	function: {
		name: "weather",
		description: "Tells the weather",
		parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
	},
};

/** A model that must answer by a tool does; everything else is scripted. */
const answer: NonNullable<SimulatorOptions["answer"]> = ({ tools }) =>
	tools.some(({ name }) => name === "json_answer")
		? {
				content: [{ type: "tool_use", id: "toolu_1", name: "json_answer", input: { name: "Ada" } }],
				stopReason: "tool_use",
			}
		: null;

async function start({ options }: Upstream) {
	const world = await startWorld({ ...options, simulator: { recordBodies: true, answer } });
	return {
		...openaiClient(world.gateway.url).chat,
		world,
		/** The last body that the upstream was sent. */
		sent: () => JSON.parse(world.generations().at(-1)?.body ?? "{}"),
		[Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
	};
}

/** LiteLLM's marker, which the SDK's types do not know. A server with an implicit cache passes it over. */
function marked(text: string): OpenAI.ChatCompletionContentPartText {
	return Object.assign({ type: "text" as const, text }, { cache_control: { type: "ephemeral" } });
}

function user(content: string | OpenAI.ChatCompletionContentPart[]): OpenAI.ChatCompletionUserMessageParam {
	return { role: "user", content };
}

type Ask = OpenAI.ChatCompletionCreateParamsNonStreaming;

/** A tool's calls in a whole answer. */
function callsOf({ choices }: OpenAI.ChatCompletion) {
	return (choices[0]?.message.tool_calls ?? []).flatMap((call) =>
		call.type === "function" ? [{ id: call.id, name: call.function.name, args: call.function.arguments }] : [],
	);
}

describe.each(UPSTREAMS)("onto $name", (upstream) => {
	const { receives } = upstream;

	test("a chat is answered with text and usage, and the second one reads the cache", async () => {
		await using setup = await start(upstream);
		const ask = (question: string): Ask => ({
			model: MODEL,
			max_tokens: 100,
			messages: [{ role: "system", content: [marked(LONG)] }, user(question)],
		});
		const first = await setup.completions.create(ask("What is it?"));
		expect(first).toMatchObject({ object: "chat.completion", choices: [{ index: 0, finish_reason: "stop" }] });
		expect(first.choices[0]?.message).toMatchObject({ role: "assistant" });
		expect(first.choices[0]?.message.content).toContain("What is it?");
		const second = await setup.completions.create(ask("And now?"));
		expect(second.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(1024);
		for (const { usage } of [first, second]) {
			expect(usage?.prompt_tokens).toBeGreaterThan(usage?.prompt_tokens_details?.cached_tokens ?? 0);
			expect(usage?.completion_tokens).toBeGreaterThan(0);
			expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
		}
	});

	test("a stream says what the whole answer says, with its usage in the last chunk", async () => {
		await using setup = await start(upstream);
		const ask: Ask = { model: MODEL, max_tokens: 200, messages: [user(`${LONG} What is it?`)] };
		const whole = await setup.completions.create(ask);
		const stream = await setup.completions.create({
			...ask,
			stream: true,
			stream_options: { include_usage: true },
		});
		const { chunks, text, finish, usage } = await collect(stream);
		expect(text).toBe(whole.choices[0]?.message.content);
		expect(finish).toEqual(["stop"]);
		expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
		expect(chunks.at(-1)?.choices).toEqual([]);
		expect(usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
		expect(usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
		const bare = await collect(await setup.completions.create({ ...ask, stream: true }));
		expect(bare.usage ?? null).toBeNull();
		expect(bare.text).toBe(text);
	});

	test("a tool is called, streamed and whole, and its result goes back", async () => {
		await using setup = await start(upstream);
		const messages: OpenAI.ChatCompletionMessageParam[] = [user("@@tools1:weather@@ What is the weather?")];
		const ask: Ask = { model: MODEL, max_tokens: 200, tools: [WEATHER], messages };
		const whole = await setup.completions.create(ask);
		const [call] = callsOf(whole);
		expect(whole.choices[0]?.finish_reason).toBe("tool_calls");
		expect(call?.name).toBe("weather");
		expect(JSON.parse(call?.args ?? "")).toEqual({ city: expect.any(String) });
		const streamed = await collect(await setup.completions.create({ ...ask, stream: true }));
		expect(streamed.calls).toEqual([call]);
		expect(streamed.finish).toEqual(["tool_calls"]);
		const said = whole.choices[0]?.message;
		if (said === undefined || call === undefined) throw new Error("no call");
		const back = await setup.completions.create({
			...ask,
			messages: [...messages, said, { role: "tool", tool_call_id: call.id, content: "12 degrees" }],
		});
		expect(back.choices[0]?.finish_reason).toBe("stop");
		expect(setup.sent().messages.at(-1)).toEqual(
			receives === "chat"
				? { role: "tool", tool_call_id: call.id, content: "12 degrees" }
				: {
						role: "user",
						content: [{ type: "tool_result", tool_use_id: call.id, content: [{ type: "text", text: "12 degrees" }] }],
					},
		);
	});

	test("parallel calls come apart, streamed and whole, and their results go back together", async () => {
		await using setup = await start(upstream);
		const messages: OpenAI.ChatCompletionMessageParam[] = [user("@@parallel3:weather@@ The weather in three cities?")];
		const ask: Ask = { model: MODEL, max_tokens: 300, tools: [WEATHER], messages };
		const whole = await setup.completions.create(ask);
		const calls = callsOf(whole);
		expect(calls.map(({ args }) => JSON.parse(args).city)).toEqual(["step-1", "step-2", "step-3"]);
		expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
		const streamed = await collect(await setup.completions.create({ ...ask, stream: true }));
		expect(streamed.calls).toEqual(calls);
		const said = whole.choices[0]?.message;
		if (said === undefined) throw new Error("no message");
		const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: `result of ${id}` }));
		const back = await setup.completions.create({ ...ask, messages: [...messages, said, ...results] });
		expect(back.choices[0]?.message.content).toBeTruthy();
		const { messages: sent } = setup.sent();
		const ids =
			receives === "chat"
				? sent.slice(-3).map((message: { tool_call_id: string }) => message.tool_call_id)
				: sent.at(-1).content.map((block: { tool_use_id: string }) => block.tool_use_id);
		expect(ids).toEqual(calls.map(({ id }) => id));
	});

	test("images and files reach the model and count", async () => {
		await using setup = await start(upstream);
		const text: OpenAI.ChatCompletionContentPart = { type: "text", text: "What is on it?" };
		const image: OpenAI.ChatCompletionContentPart = { type: "image_url", image_url: { url: PNG } };
		const file: OpenAI.ChatCompletionContentPart = { type: "file", file: { filename: "a.pdf", file_data: PDF } };
		const ask = (...parts: OpenAI.ChatCompletionContentPart[]): Ask => ({
			model: MODEL,
			max_tokens: 100,
			messages: [user(parts)],
		});
		const plain = await setup.completions.create(ask(text));
		const seen = await setup.completions.create(ask(image, file, text));
		expect(seen.choices[0]?.message.content).toContain("What is on it?");
		expect(seen.usage?.prompt_tokens).toBeGreaterThan(plain.usage?.prompt_tokens ?? Number.POSITIVE_INFINITY);
		const data = (url: string) => url.slice(url.indexOf(",") + 1);
		expect(setup.sent().messages[0].content).toEqual(
			receives === "chat"
				? [image, file, text]
				: [
						{ type: "image", source: { type: "base64", media_type: "image/png", data: data(PNG) } },
						{
							type: "document",
							source: { type: "base64", media_type: "application/pdf", data: data(PDF) },
							title: "a.pdf",
						},
						text,
					],
		);
	});

	test("a JSON schema is answered with JSON of that form, streamed and whole", async () => {
		await using setup = await start(upstream);
		const ask: Ask = {
			model: MODEL,
			max_tokens: 200,
			response_format: { type: "json_schema", json_schema: { name: "person", schema: PERSON } },
			messages: [user("Who?")],
		};
		const whole = await setup.completions.create(ask);
		expect(JSON.parse(whole.choices[0]?.message.content ?? "")).toEqual({ name: expect.any(String) });
		expect(whole.choices[0]?.finish_reason).toBe("stop");
		expect(whole.choices[0]?.message.tool_calls).toBeUndefined();
		const streamed = await collect(await setup.completions.create({ ...ask, stream: true }));
		expect(JSON.parse(streamed.text)).toEqual({ name: expect.any(String) });
		expect([streamed.calls, streamed.finish]).toEqual([[], ["stop"]]);
		const sent = setup.sent();
		expect({
			output_config: sent.output_config !== undefined,
			"answer tool": sent.tools !== undefined,
			response_format: sent.response_format !== undefined,
		}).toEqual({ output_config: false, "answer tool": false, response_format: false, [upstream.json]: true });
	});

	test("errors are the SDK's own, before an answer and in the middle of one", async () => {
		await using setup = await start(upstream);
		const { faults } = setup.world.simulator;
		const ask: Ask = { model: MODEL, max_tokens: 100, messages: [user("Hello")] };
		faults.add({ kind: "status", status: 400, message: "messages: that cannot be", times: 1 });
		const refused = setup.completions.create(ask);
		await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError);
		await expect(refused).rejects.toMatchObject({ status: 400, type: "invalid_request_error" });
		await expect(refused).rejects.toThrow(/that cannot be/);
		await expect(setup.completions.create({ ...ask, model: "nope" })).rejects.toMatchObject({
			status: 404,
			code: "model_not_found",
		});
		faults.add({ kind: "cut", afterDeltas: 2, times: 1 });
		const long: Ask = { ...ask, max_tokens: 2000, messages: [user("@@long500@@ Tell.")] };
		const broken = collect(await setup.completions.create({ ...long, stream: true }));
		await expect(broken).rejects.toBeInstanceOf(OpenAI.APIError);
		faults.add({ kind: "status", status: 429, retryAfter: 30, times: "always" });
		const limited = setup.completions.create(ask);
		await expect(limited).rejects.toBeInstanceOf(OpenAI.RateLimitError);
		const wait = await limited.catch((error: InstanceType<typeof OpenAI.APIError>) =>
			error.headers?.get("retry-after"),
		);
		expect(Number(wait)).toBeGreaterThan(0);
	});
});
