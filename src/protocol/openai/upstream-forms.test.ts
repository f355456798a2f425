// What OpenAI-compatible servers really send, read as Anthropic's own client assembles it. Each row names where the form was seen.
import { MessageStream } from "@anthropic-ai/sdk/lib/MessageStream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asList, type JsonObject, member } from "./json.ts";
import { ChatAnswer } from "./upstream-answer.ts";
import { ChatReframer } from "./upstream-stream.ts";

type Chunk = JsonObject | string;

const chunk = (delta: JsonObject | null, finish: string | null = null, more: JsonObject = {}): JsonObject => ({
	id: "chatcmpl-1",
	object: "chat.completion.chunk",
	model: "m",
	choices: [{ index: 0, ...(delta === null ? {} : { delta }), finish_reason: finish }],
	...more,
});
const calls = (...tool_calls: unknown[]) => chunk({ tool_calls });
const fn = (name: string | null, args?: unknown) => ({
	...(name === null ? {} : { name }),
	...(args === undefined ? {} : { arguments: args }),
});

function bytesOf(chunks: readonly Chunk[]): Buffer {
	const data = chunks.map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
	return Buffer.from(data.map((each) => `data: ${each}\n\n`).join(""));
}

function reframed(bytes: Buffer, cuts: readonly number[] = []): string {
	const reframer = new ChatReframer();
	const points = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
	const out = points.slice(1).flatMap((end, at) => reframer.push(bytes.subarray(points[at], end)));
	return [...out, ...reframer.end()].join("");
}

/** The message as Anthropic's SDK puts it together. */
async function assembled(events: string) {
	const lines = events
		.split("\n")
		.filter((line) => line.startsWith("data: "))
		.map((line) => `${line.slice(6)}\n`);
	const { body } = new Response(lines.join(""));
	const { content, stop_reason, usage } = await MessageStream.fromReadableStream(body as ReadableStream).finalMessage();
	return { content: content.map(shortly), stop_reason, usage };
}

/** `text …`, `thinking …`, or id, name and input of a call. */
function shortly(block: unknown): unknown {
	const { type, text, thinking, id, name, input } = block as Record<string, unknown>;
	return type === "tool_use" ? [id, name, input] : `${type} ${text ?? thinking}`;
}

const A = ["a", "Read", { p: 1 }];
const B = ["b", "Read", { p: 2 }];
const STREAMS: readonly (readonly [string, readonly Chunk[], readonly unknown[]])[] = [
	[
		"parallel calls under index 0 (Gemini)",
		[
			calls({ index: 0, id: "a", function: fn("Read", '{"p":1}') }),
			calls({ index: 0, id: "b", function: fn("Read", '{"p":2}') }),
		],
		[A, B],
	],
	[
		"pieces of the second call under index 0 and without its id",
		[
			calls({ index: 0, id: "a", function: fn("Read", '{"p":1}') }),
			calls({ index: 0, id: "b", function: fn("Read", "") }),
			calls({ index: 0, function: fn(null, '{"p"') }),
			calls({ index: 0, function: fn(null, ":2}") }),
		],
		[A, B],
	],
	[
		"no index, one call a chunk",
		[calls({ id: "a", function: fn("Read", '{"p":1}') }), calls({ id: "b", function: fn("Read", '{"p":2}') })],
		[A, B],
	],
	[
		"no index, several calls a chunk, in pieces",
		[
			calls({ id: "a", function: fn("Read", '{"p"') }, { id: "b", function: fn("Read", '{"p"') }),
			calls({ function: fn(null, ":1}") }, { function: fn(null, ":2}") }),
		],
		[A, B],
	],
	[
		"no index, pieces that differ by id",
		[
			calls({ id: "a", function: fn("Read", '{"p"') }),
			calls({ id: "b", function: fn("Read", '{"p"') }),
			calls({ id: "a", function: fn("Read", ":1}") }),
			calls({ id: "b", function: fn("Read", ":2}") }),
		],
		[A, B],
	],
	[
		"neither index nor id, whole calls",
		[calls({ function: fn("Read", '{"p":1}') }), calls({ function: fn("Read", '{"p":2}') })],
		[
			["toolu_1_0", "Read", { p: 1 }],
			["toolu_1_1", "Read", { p: 2 }],
		],
	],
	[
		"index 0 and no id, one of them without arguments",
		[calls({ index: 0, function: fn("List", "") }), calls({ index: 0, function: fn("Read", '{"p":1}') })],
		[
			["toolu_1_0", "List", {}],
			["toolu_1_1", "Read", { p: 1 }],
		],
	],
	[
		"interleaved arguments by index",
		[
			calls({ index: 0, id: "a", function: fn("Read", "") }),
			calls({ index: 1, id: "b", function: fn("Read", "") }),
			calls({ index: 1, function: fn(null, '{"p":2') }),
			calls({ index: 0, function: fn(null, '{"p":1') }),
			calls({ index: 1, function: fn(null, "}") }, { index: 0, function: fn(null, "}") }),
		],
		[A, B],
	],
	[
		"a name that follows an empty one (vLLM, Cohere)",
		[
			calls({ index: 0, id: "a", function: fn("", "") }),
			calls({ index: 0, function: fn("Read") }),
			calls({ index: 0, function: fn(null, '{"p":1}') }),
		],
		[A],
	],
	[
		"arguments before the name",
		[calls({ index: 0, id: "a", function: fn(null, '{"p"') }), calls({ index: 0, function: fn("Read", ":1}") })],
		[A],
	],
	[
		"an id in a later chunk",
		[
			calls({ index: 0, type: "function", function: fn("Read", '{"p"') }),
			calls({ index: 0, id: "a", function: fn(null, ":1}") }),
		],
		[A],
	],
	[
		"an id that never comes, and two calls that wait for theirs",
		[
			calls({ index: 0, id: "", function: fn("Read", '{"p":1}') }),
			calls({ index: 1, id: null, function: fn("Grep", '{"p"') }),
			calls({ index: 1, id: "", function: fn("", ":2}") }),
		],
		[
			["toolu_1_0", "Read", { p: 1 }],
			["toolu_1_1", "Grep", { p: 2 }],
		],
	],
	[
		"id and name in every chunk",
		[
			calls({ index: 0, id: "a", function: fn("Read", '{"p"') }),
			calls({ index: 0, id: "a", function: fn("Read", ":1}") }),
			calls({ index: 0, id: "a", function: fn("Read", "") }),
		],
		[A],
	],
	[
		"one id for two calls",
		[
			calls({ index: 0, id: "a", function: fn("Read", '{"p":1}') }),
			calls({ index: 1, id: "a", function: fn("Read", '{"p":2}') }),
		],
		[A, ["a_1", "Read", { p: 2 }]],
	],
	[
		"the whole arguments once more at the end",
		[
			calls({ index: 0, id: "a", function: fn("Read", '{"p"') }),
			calls({ index: 0, function: fn(null, ":1}") }),
			calls({ index: 0, id: "a", function: fn("Read", '{"p":1}') }),
		],
		[A],
	],
	[
		"the whole arguments twice in one piece",
		[calls({ index: 0, id: "a", function: fn("Read", '{"p":1}{"p":1}') })],
		[A],
	],
	["arguments as an object (TGI)", [calls({ index: 0, id: "a", function: fn("Read", { p: 1 }) })], [A]],
	[
		"an empty object before the arguments",
		[calls({ index: 0, id: "a", function: fn("Read", {}) }), calls({ index: 0, function: fn(null, '{"p":1}') })],
		[A],
	],
	[
		"arguments encoded twice, in pieces",
		[calls({ index: 0, id: "a", function: fn("Read", '"{\\"p\\"') }), calls({ index: 0, function: fn(null, ':1}"') })],
		[A],
	],
	[
		"braces in strings",
		[calls({ index: 0, id: "a", function: fn("Read", '{"p":"}{\\"{"}') })],
		[["a", "Read", { p: '}{"{' }]],
	],
	["no function around the call", [calls({ id: "a", ...fn("Read", { p: 1 }) })], [A]],
	[
		"function_call, as it was before tool_calls",
		[chunk({ function_call: { name: "Read", arguments: "" } }), chunk({ function_call: { arguments: '{"p":1}' } })],
		[["toolu_1_0", "Read", { p: 1 }]],
	],
	["an empty list of calls beside text", [chunk({ content: "hi", tool_calls: [] })], ["text hi"]],
	["a call without anything", [chunk({ content: "hi" }), calls({ index: 0 })], ["text hi"]],
	[
		"content as a list of parts (Mistral)",
		[
			chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "h" }] }] }),
			chunk({ content: [{ type: "thinking", thinking: "m" }] }),
			chunk({
				content: [
					{ type: "text", text: "he" },
					{ type: "reference", reference_ids: [1] },
				],
			}),
			chunk({ content: "y" }),
		],
		["thinking hm", "text hey"],
	],
	[
		"reasoning under both names (vLLM in transition), one of them empty",
		[chunk({ reasoning_content: "h", reasoning: "h" }), chunk({ reasoning_content: "", reasoning: "m" })],
		["thinking hm"],
	],
	[
		"reasoning_details alone (OpenRouter)",
		[
			chunk({ reasoning_details: [{ type: "reasoning.text", text: "h" }] }),
			chunk({
				reasoning_details: [
					{ type: "reasoning.summary", summary: "m" },
					{ type: "reasoning.encrypted", data: "x" },
				],
			}),
		],
		["thinking hm"],
	],
	["a message instead of a delta", [{ id: "chatcmpl-1", choices: [{ message: { content: "hi" } }] }], ["text hi"]],
	[
		"the whole message once more with the last chunk",
		[chunk({ content: "hi" }), { id: "chatcmpl-1", choices: [{ message: { content: "hi" }, finish_reason: "stop" }] }],
		["text hi"],
	],
	["an empty first chunk (Azure)", [{ id: "", model: "", choices: [] }, chunk({ content: "hi" })], ["text hi"]],
	[
		"an empty object as text, then the arguments (Gemini: microsoft/autogen#7549)",
		[
			calls({ index: 0, id: "a", function: fn("Read", "{}") }),
			calls({ index: 0, function: fn(null, '{"p"') }),
			calls({ index: 0, function: fn(null, ":1}") }),
		],
		[A],
	],
	[
		"an empty object and the arguments in one piece, and a call that has none",
		[
			calls({ index: 0, id: "a", function: fn("Read", '{ } {"p":1}') }),
			calls({ index: 1, id: "b", function: fn("List", "{}") }),
		],
		[A, ["b", "List", {}]],
	],
	...["null", "[]", "None", " \n", '""'].map((none): readonly [string, readonly Chunk[], readonly unknown[]] => [
		`no arguments, written ${JSON.stringify(none)}`,
		[calls({ index: 0, id: "a", function: fn("List", none) })],
		[["a", "List", {}]],
	]),
	[
		"arguments in a fence, and arguments that are no JSON",
		[
			calls({ index: 0, id: "a", function: fn("Read", '```json\n{"p"') }),
			calls({ index: 0, function: fn(null, ":1}\n```") }),
			calls({ index: 1, id: "b", function: fn("Bash", "ls -la") }),
		],
		[A, ["b", "Bash", { raw_arguments: "ls -la" }]],
	],
	[
		"an index as text",
		[
			calls(
				{ index: "0", id: "a", function: fn("Read", '{"p"') },
				{ index: "1", id: "b", function: fn("Read", '{"p"') },
			),
			calls({ index: "0", function: fn(null, ":1}") }),
			calls({ index: "1", function: fn(null, ":2}") }),
		],
		[A, B],
	],
	[
		"another id in every chunk of one call",
		[
			calls({ index: 0, id: "a", function: fn("Read", "") }),
			calls({ index: 0, id: "x1", function: fn(null, '{"p"') }),
			calls({ index: 0, id: "x2", function: fn("", ":1}") }),
			calls({ index: 1, id: "b", function: fn("Read", '{"p":2}') }),
		],
		[A, B],
	],
	[
		"a call in a choice of its own (GitHub Copilot)",
		[
			chunk({ content: "hi" }),
			{
				id: "chatcmpl-1",
				choices: [{ index: 1, delta: { tool_calls: [{ index: 0, id: "a", function: fn("Read", '{"p":1}') }] } }],
			},
		],
		["text hi", A],
	],
	["a refusal", [chunk({ content: null, refusal: "no" })], ["text no"]],
];

describe("streams", () => {
	test.each(STREAMS)("%s", async (_name, chunks, content) => {
		const isCall = content.some((block) => Array.isArray(block));
		const events = reframed(bytesOf([...chunks, chunk({}, "stop"), "[DONE]"]));
		expect(await assembled(events)).toMatchObject({ content, stop_reason: isCall ? "tool_use" : "end_turn" });
	});

	test("are the same however their bytes are cut, within a character too", () => {
		const all = STREAMS.map(([, chunks]) =>
			bytesOf([chunk({ content: "Grüße 👋" }), ...chunks, chunk({}, "stop"), "[DONE]"]),
		);
		fc.assert(
			fc.property(fc.constantFrom(...all), fc.array(fc.nat(1000), { maxLength: 30 }), (bytes, cuts) => {
				expect(
					reframed(
						bytes,
						cuts.map((cut) => cut % bytes.length),
					),
				).toBe(reframed(bytes));
			}),
		);
	});
});

const FINISHES: readonly (readonly [string, readonly Chunk[], string])[] = [
	["[DONE] without a finish_reason", [chunk({ content: "x" }), "[DONE]"], "end_turn"],
	["[DONE] without a finish_reason, after a call", [calls({ id: "a", function: fn("f", "{}") }), "[DONE]"], "tool_use"],
	["a finish_reason without a delta", [chunk({ content: "x" }), chunk(null, "stop"), "[DONE]"], "end_turn"],
	["no [DONE]", [chunk({ content: "x" }), chunk({}, "stop")], "end_turn"],
	["tool_calls without a call", [chunk({ content: "x" }), chunk({}, "tool_calls")], "end_turn"],
	["MAX_TOKENS (Gemini)", [chunk({ content: "x" }), chunk({}, "MAX_TOKENS")], "max_tokens"],
	["model_length (Mistral)", [chunk({ content: "x" }), chunk({}, "model_length")], "max_tokens"],
	["sensitive (z.ai)", [chunk({ content: "x" }), chunk({}, "sensitive")], "refusal"],
	[
		"length behind empty texts",
		[chunk({ content: "h" }, ""), chunk({ content: "i" }, ""), chunk({}, "length")],
		"max_tokens",
	],
	["eos_token (TGI)", [chunk({ content: "x" }, "eos_token")], "end_turn"],
];

test.each(FINISHES)("an end by %s", async (_name, chunks, reason) => {
	expect((await assembled(reframed(bytesOf(chunks)))).stop_reason).toBe(reason);
});

test.each([
	["cut off", [chunk({ content: "x" })]],
	["[DONE] and nothing else", ["[DONE]"]],
	["cut off, each finish_reason an empty text", [chunk({ content: "x" }, ""), chunk({ content: "y" }, "null")]],
	["an error in words beside choices", [chunk({ content: "x" }), { choices: [], error: "boom" }]],
	["finish_reason error", [chunk({ content: "x" }), chunk({}, "error"), "[DONE]"]],
	["finish_reason insufficient_system_resource", [chunk({}, "insufficient_system_resource")]],
])("%s is an error and no end of turn", (_name, chunks) => {
	const events = reframed(bytesOf(chunks));
	expect(events).toContain("event: error\n");
	expect(events).not.toContain("message_stop");
});

const COUNTS = { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105 };
const USAGES: readonly (readonly [string, JsonObject, JsonObject])[] = [
	["usage beside the choices", { usage: COUNTS }, { input_tokens: 100, output_tokens: 5 }],
	["usage in the choice (Moonshot)", { choices: [{ usage: COUNTS }] }, { input_tokens: 100, output_tokens: 5 }],
	["x_groq", { usage: null, x_groq: { usage: COUNTS } }, { input_tokens: 100, output_tokens: 5 }],
	[
		"prompt_cache_hit_tokens (DeepSeek)",
		{ usage: { ...COUNTS, prompt_cache_hit_tokens: 90, prompt_cache_miss_tokens: 10 } },
		{ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 90 },
	],
	[
		"cached_tokens (Moonshot)",
		{ usage: { ...COUNTS, cached_tokens: 90 } },
		{ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 90 },
	],
	[
		"names of the Responses API",
		{ usage: { input_tokens: 100, output_tokens: 5, input_tokens_details: { cached_tokens: 90 } } },
		{ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 90 },
	],
	[
		"timings (llama.cpp)",
		{ timings: { prompt_n: 10, cache_n: 90, predicted_n: 5 } },
		{ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 90 },
	],
	[
		"reasoning beside the completion (xAI)",
		{ usage: { ...COUNTS, total_tokens: 135, completion_tokens_details: { reasoning_tokens: 30 } } },
		{ input_tokens: 100, output_tokens: 35 },
	],
	[
		"reasoning in the total only (Gemini)",
		{ usage: { ...COUNTS, total_tokens: 135 } },
		{ input_tokens: 100, output_tokens: 35 },
	],
	[
		"reasoning within the completion (OpenAI)",
		{ usage: { ...COUNTS, completion_tokens_details: { reasoning_tokens: 4 } } },
		{ input_tokens: 100, output_tokens: 5 },
	],
];

describe("usage", () => {
	test.each(USAGES)("%s, streamed and whole", async (_name, more, usage) => {
		const choice = { index: 0, delta: { content: "x" }, message: { content: "x" }, finish_reason: "stop" };
		const completion = { id: "c", ...more, choices: [{ ...choice, ...(asList(more["choices"])[0] as object) }] };
		expect((await assembled(reframed(bytesOf([completion, "[DONE]"])))).usage).toEqual(usage);
		const answer = new ChatAnswer();
		expect(JSON.parse(answer.body(Buffer.from(JSON.stringify(completion))).toString()).usage).toEqual(usage);
		expect(answer.usageUnknown).toBe(false);
	});

	test.each([{}, { usage: null }, { usage: {} }, { usage: { prompt_tokens: null } }])(
		"%j says nothing, and is known to say nothing",
		(more) => {
			const choice = { delta: { content: "x" }, message: { content: "x" }, finish_reason: "stop" };
			const completion = { id: "c", choices: [choice], ...more };
			const reframer = new ChatReframer();
			reframer.push(bytesOf([completion, "[DONE]"]));
			const answer = new ChatAnswer();
			answer.body(Buffer.from(JSON.stringify(completion)));
			expect([reframer.usageUnknown, answer.usageUnknown]).toEqual([true, true]);
		},
	);
});

const MESSAGES: readonly (readonly [string, JsonObject, readonly unknown[]])[] = [
	["arguments as an object", { tool_calls: [{ id: "a", function: fn("Read", { p: 1 }) }] }, [A]],
	["arguments encoded twice", { tool_calls: [{ id: "a", function: fn("Read", '"{\\"p\\":1}"') }] }, [A]],
	["arguments twice", { tool_calls: [{ id: "a", function: fn("Read", '{"p":1}{"p":1}') }] }, [A]],
	[
		"no arguments",
		{
			tool_calls: [
				{ id: "a", function: fn("Read") },
				{ id: "b", function: fn("Read", null) },
			],
		},
		[
			["a", "Read", {}],
			["b", "Read", {}],
		],
	],
	[
		"arguments that are no JSON stay readable",
		{ tool_calls: [{ id: "a", function: fn("Read", '{"p":') }] },
		[["a", "Read", { raw_arguments: '{"p":' }]],
	],
	["an empty object, then the arguments", { tool_calls: [{ id: "a", function: fn("Read", '{}{"p":1}') }] }, [A]],
	["an empty list for none", { tool_calls: [{ id: "a", function: fn("Read", "[]") }] }, [["a", "Read", {}]]],
	[
		"no ids, or one for two",
		{
			tool_calls: [
				{ id: "", function: fn("Read", "{}") },
				{ id: "x", function: fn("Read", "{}") },
				{ id: "x", function: fn("Read", "{}") },
			],
		},
		[
			["toolu_1_0", "Read", {}],
			["x", "Read", {}],
			["x_2", "Read", {}],
		],
	],
	["function_call", { content: null, function_call: fn("Read", '{"p":1}') }, [["toolu_1_0", "Read", { p: 1 }]]],
	[
		"content as a list of parts (Mistral)",
		{
			content: [
				{ type: "thinking", thinking: [{ type: "text", text: "hm" }] },
				{ type: "text", text: "he" },
				{ type: "text", text: "y" },
			],
		},
		["thinking hm", "text hey"],
	],
	["content as one part", { content: { type: "text", text: "hey" } }, ["text hey"]],
	["reasoning in an object", { reasoning: { content: "hm" }, content: "hey" }, ["thinking hm", "text hey"]],
];

const BROKEN: readonly (readonly [JsonObject, string, string])[] = [
	[{ error: { type: "overloaded_error" } }, "overloaded_error", "overloaded_error"],
	[{ error: { code: 429 }, choices: [] }, "rate_limit_error", "429"],
	[{ error: "boom", choices: [] }, "api_error", "boom"],
	[
		{ choices: null, base_resp: { status_code: 1008, status_msg: "insufficient balance" } },
		"billing_error",
		"insufficient",
	],
	[{ choices: null, base_resp: { status_code: 1002, status_msg: "rate limit" } }, "rate_limit_error", "rate limit"],
];

test.each(BROKEN)("%j is an error, within a stream and as a whole", (body, type, words) => {
	const error = { type, message: expect.stringContaining(words) as unknown };
	const events = reframed(bytesOf([chunk({ content: "x" }), body]));
	expect(JSON.parse(events.slice(events.lastIndexOf("data: ") + 6))).toMatchObject({ type: "error", error });
	const answer: unknown = JSON.parse(new ChatAnswer().body(Buffer.from(JSON.stringify(body))).toString());
	expect(answer).toMatchObject({ type: "error", error });
});

test("base_resp that reports success is none", () => {
	const body = {
		choices: [{ message: { content: "x" }, finish_reason: "stop" }],
		base_resp: { status_code: 0, status_msg: "" },
	};
	const answer: unknown = JSON.parse(new ChatAnswer().body(Buffer.from(JSON.stringify(body))).toString());
	expect(asList(member(answer, "content")).map(shortly)).toEqual(["text x"]);
});

test("text and call of one answer in two choices are one answer (GitHub Copilot: HKUDS/nanobot#1555)", () => {
	const call = { role: "assistant", tool_calls: [{ id: "a", function: fn("Read", '{"p":1}') }] };
	const choices = [{ content: "hi" }, call].map((message) => ({ message, finish_reason: "tool_calls" }));
	const answer: unknown = JSON.parse(new ChatAnswer().body(Buffer.from(JSON.stringify({ choices }))).toString());
	expect(asList(member(answer, "content")).map(shortly)).toEqual(["text hi", A]);
	expect(member(answer, "stop_reason")).toBe("tool_use");
});

test.each(MESSAGES)("whole answers: %s", (_name, message, content) => {
	const completion = { id: "chatcmpl-1", choices: [{ message, finish_reason: "stop" }] };
	const answer: unknown = JSON.parse(new ChatAnswer().body(Buffer.from(JSON.stringify(completion))).toString());
	expect(asList(member(answer, "content")).map(shortly)).toEqual(content);
});

test("answers without an id do not share one", () => {
	const ids = [1, 2].map(() => {
		const body = Buffer.from('{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}');
		return member(JSON.parse(new ChatAnswer().body(body).toString()), "id");
	});
	expect(new Set(ids).size).toBe(2);
});
