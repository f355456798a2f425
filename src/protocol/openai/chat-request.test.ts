import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { messagesRequest } from "./chat-request.ts";
import type { JsonObject } from "./json.ts";
import { type ModelTraits, traitsOfModel } from "./traits.ts";

const MODERN: ModelTraits = traitsOfModel("claude-sonnet-5-5", true);
const OLD: ModelTraits = traitsOfModel("claude-sonnet-4-5", false);

function translated(chat: JsonObject, traits = MODERN) {
	const result = messagesRequest({ model: "claude", messages: [{ role: "user", content: "hi" }], ...chat }, traits);
	return { ...result, body: JSON.parse(result.body.toString()) };
}

const messagesOf = (messages: readonly unknown[], traits = MODERN) => translated({ messages }, traits).body.messages;

describe("messages", () => {
	test("a string is one text block, and system and developer messages at the start become system", () => {
		const { body } = translated({
			messages: [
				{ role: "system", content: "one" },
				{ role: "developer", content: [{ type: "text", text: "two" }] },
				{ role: "user", content: "hi" },
			],
		});
		expect(body.system).toEqual([
			{ type: "text", text: "one" },
			{ type: "text", text: "two" },
		]);
		expect(body.messages).toEqual([{ role: "user", content: [{ type: "text", text: "hi" }] }]);
	});

	test("a later system message stays where it is, so that the prefix before it is unchanged", () => {
		const messages = messagesOf([
			{ role: "user", content: "hi" },
			{ role: "assistant", content: "hello" },
			{ role: "system", content: "be brief" },
		]);
		expect(messages.at(-1)).toEqual({
			role: "user",
			content: [{ type: "text", text: "<system>\nbe brief\n</system>" }],
		});
	});

	test("parallel tool results and the user's next words are one turn, results first", () => {
		const messages = messagesOf([
			{ role: "user", content: "go" },
			{
				role: "assistant",
				content: null,
				tool_calls: [
					{ id: "call_1", type: "function", function: { name: "read", arguments: '{"path":"a"}' } },
					{ id: "call.2", type: "function", function: { name: "list", arguments: "" } },
				],
			},
			{ role: "tool", tool_call_id: "call_1", content: "A" },
			{ role: "user", content: "and?" },
			{ role: "tool", tool_call_id: "call.2", content: [{ type: "text", text: "B" }] },
		]);
		expect(messages.slice(1)).toEqual([
			{
				role: "assistant",
				content: [
					{ type: "tool_use", id: "call_1", name: "read", input: { path: "a" } },
					{ type: "tool_use", id: "call_2", name: "list", input: {} },
				],
			},
			{
				role: "user",
				content: [
					{ type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "A" }] },
					{ type: "tool_result", tool_use_id: "call_2", content: [{ type: "text", text: "B" }] },
					{ type: "text", text: "and?" },
				],
			},
		]);
	});

	test("arguments that are no object are kept under a name", () => {
		const call = (args: string) => ({ id: "c", type: "function", function: { name: "f", arguments: args } });
		const said = { role: "assistant", tool_calls: [call("[1]"), call("not json")] };
		const messages = messagesOf([{ role: "user", content: "x" }, said]);
		expect(messages[1].content.map((block: JsonObject) => block["input"])).toEqual([
			{ arguments: [1] },
			{ arguments: "not json" },
		]);
	});

	test("images by address and by data, files by data, by id and as text", () => {
		const [{ content }] = messagesOf([
			{
				role: "user",
				content: [
					{ type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
					{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
					{ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBE" } },
					{ type: "file", file: { file_id: "file_1" } },
					{ type: "file", file: { file_data: "data:text/plain;base64,aGk=" } },
				],
			},
		]);
		expect(content).toEqual([
			{ type: "image", source: { type: "url", url: "https://example.com/a.png" } },
			{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
			{
				type: "document",
				source: { type: "base64", media_type: "application/pdf", data: "JVBE" },
				title: "a.pdf",
			},
			{ type: "document", source: { type: "file", file_id: "file_1" } },
			{ type: "document", source: { type: "text", media_type: "text/plain", data: "hi" } },
		]);
	});

	test("thinking goes back first and signed, and what is unsigned is left out", () => {
		const [, turn] = messagesOf([
			{ role: "user", content: "hi" },
			{
				role: "assistant",
				content: "yes",
				reasoning_content: "hm",
				thinking_blocks: [
					{ type: "thinking", thinking: "hm", signature: "sig" },
					{ type: "redacted_thinking", data: "xx" },
					{ type: "thinking", thinking: "unsigned" },
				],
			},
		]);
		expect(turn.content).toEqual([
			{ type: "thinking", thinking: "hm", signature: "sig" },
			{ type: "redacted_thinking", data: "xx" },
			{ type: "text", text: "yes" },
		]);
	});

	test("cache_control is taken from parts, messages, tools and results as LiteLLM takes it", () => {
		const marker = { type: "ephemeral", ttl: "1h" };
		const { body } = translated({
			tools: [
				{ type: "function", function: { name: "a" }, cache_control: marker },
				{ type: "function", function: { name: "b", cache_control: marker } },
			],
			messages: [
				{ role: "system", content: "s", cache_control: marker },
				{ role: "user", content: [{ type: "text", text: "u", cache_control: marker }] },
				{ role: "assistant", content: "a", cache_control: marker },
				{ role: "tool", tool_call_id: "c", content: [{ type: "text", text: "r", cache_control: marker }] },
			],
		});
		expect(body.tools.map((tool: JsonObject) => tool["cache_control"])).toEqual([marker, marker]);
		expect(body.system[0].cache_control).toEqual(marker);
		const marked = body.messages.map((turn: { content: JsonObject[] }) => turn.content[0]?.["cache_control"]);
		expect(marked).toEqual([marker, marker, marker]);
		expect(body.messages[2].content[0].content).toEqual([{ type: "text", text: "r" }]);
	});
});

describe("strict tools", () => {
	const tools = (count: number, extra: object = {}) =>
		Array.from({ length: count }, (_, i) => ({
			type: "function",
			function: { name: `t${i}`, strict: true, parameters: { type: "object", additionalProperties: false }, ...extra },
		}));
	const strictOf = (list: readonly object[], traits = MODERN) =>
		translated({ tools: list }, traits).body.tools.map((tool: { strict?: boolean }) => tool.strict);

	test("stay strict where every model has structured outputs, and as many as it admits", () => {
		expect(strictOf(tools(2))).toEqual([true, true]);
		expect(strictOf(tools(2, { strict: false }))).toEqual([undefined, undefined]);
		expect(strictOf(tools(2), OLD)).toEqual([undefined, undefined]);
		expect(strictOf(tools(20)).every(Boolean)).toBe(true);
		expect(strictOf(tools(21)).some(Boolean)).toBe(false);
	});
});

describe("options", () => {
	test.each([
		["none", { type: "none" }],
		["auto", { type: "auto" }],
		["required", { type: "any" }],
		[
			{ type: "function", function: { name: "a" } },
			{ type: "tool", name: "a" },
		],
	])("tool_choice %j", (choice, expected) => {
		const tools = [{ type: "function", function: { name: "a", description: "d", parameters: { properties: {} } } }];
		const { body } = translated({ tools, tool_choice: choice });
		expect(body.tool_choice).toEqual(expected);
		expect(body.tools).toEqual([{ name: "a", description: "d", input_schema: { type: "object", properties: {} } }]);
	});

	test("parallel_tool_calls: false forbids parallel calls", () => {
		const tools = [{ type: "function", function: { name: "a" } }];
		const { body } = translated({ tools, parallel_tool_calls: false });
		expect(body.tool_choice).toEqual({ type: "auto", disable_parallel_tool_use: true });
	});

	test("limits, sampling, stops and the user", () => {
		const { body, stream, includeUsage } = translated({
			max_completion_tokens: 50,
			temperature: 1.7,
			top_p: 0.5,
			stop: ["END", "\n"],
			user: "u1",
			stream: true,
			stream_options: { include_usage: true },
		});
		expect(body).toMatchObject({ max_tokens: 50, temperature: 1, stop_sequences: ["END"], stream: true });
		expect(body.top_p).toBeUndefined();
		expect(body.metadata).toEqual({ user_id: "u1" });
		expect([stream, includeUsage]).toEqual([true, true]);
		expect(translated({}).body.max_tokens).toBe(MODERN.maxTokens);
	});

	test("reasoning_effort is adaptive thinking for models that know it, a budget below max_tokens for others", () => {
		const adaptive = translated({ reasoning_effort: "high", temperature: 0 }).body;
		expect(adaptive).toMatchObject({ thinking: { type: "adaptive" }, output_config: { effort: "high" } });
		expect(adaptive.temperature).toBeUndefined();
		const budget = translated({ reasoning_effort: "high", max_tokens: 4096 }, OLD).body;
		expect(budget.thinking).toEqual({ type: "enabled", budget_tokens: 3072 });
		expect(translated({ reasoning_effort: "high", max_tokens: 1500 }, OLD).body.thinking).toBeUndefined();
		expect(translated({ reasoning_effort: "none" }).body.thinking).toBeUndefined();
	});

	test("an open tool call without its thinking turns a budget off, which such models would refuse", () => {
		const messages = [
			{ role: "user", content: "go" },
			{ role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }] },
			{ role: "tool", tool_call_id: "c", content: "r" },
		];
		expect(translated({ messages, reasoning_effort: "low" }, OLD).body.thinking).toBeUndefined();
		expect(translated({ messages, reasoning_effort: "low" }).body.thinking).toEqual({ type: "adaptive" });
	});

	test("a JSON schema is output_config.format where it is understood, else a tool that must be called", () => {
		const schema = { type: "object", properties: { a: { type: "string" } } };
		const response_format = { type: "json_schema", json_schema: { name: "n", schema } };
		const native = translated({ response_format });
		expect(native.body.output_config).toEqual({
			format: { type: "json_schema", schema: { ...schema, additionalProperties: false } },
		});
		expect(native.answerTool).toBe(false);
		const tool = translated({ response_format }, OLD);
		expect(tool.answerTool).toBe(true);
		expect(tool.body.tools).toMatchObject([{ name: "json_answer", input_schema: schema }]);
		expect(tool.body.tool_choice).toEqual({ type: "tool", name: "json_answer" });
		const withTools = translated({ response_format, tools: [{ type: "function", function: { name: "f" } }] }, OLD);
		expect(withTools.body.tool_choice).toEqual({ type: "any" });
		const thinking = translated({ response_format, reasoning_effort: "low" }, OLD);
		expect(thinking.body.tool_choice).toEqual({ type: "auto" });
	});

	test("json_object is a tool with a free object", () => {
		const { body, answerTool } = translated({ response_format: { type: "json_object" } });
		expect(answerTool).toBe(true);
		expect(body.tools[0].input_schema).toEqual({ type: "object", additionalProperties: true });
	});

	test("what has no form is refused by name, or left out where the translation only serves routing", () => {
		const audio = { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] };
		expect(() => translated({ n: 2 })).toThrow("n: only one choice");
		expect(() => translated(audio)).toThrow("messages.0.content.0");
		expect(translated({ ...audio, n: 2 }, { ...MODERN, refuses: false }).body.messages).toEqual([
			{ role: "user", content: [{ type: "text", text: "Begin." }] },
		]);
		expect(() => translated({ messages: "no" })).toThrow("messages");
	});
});

test("arguments nested beyond all measure are translated as others are: how deep a body may be is decided elsewhere", () => {
	const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
	const call = { id: "c", type: "function", function: { name: "f", arguments: deep } };
	const { body } = messagesRequest({ model: "m", messages: [{ role: "assistant", tool_calls: [call] }] }, MODERN);
	expect(body.toString().includes(deep)).toBe(true);
});

describe("prefix stability", () => {
	const text = fc.string({ maxLength: 8 });
	const part = fc.oneof(
		text.map((value) => ({ type: "text", text: value })),
		fc.constant({ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }),
	);
	const content = fc.oneof(text, fc.array(part, { maxLength: 3 }));
	const call = fc.record({ id: fc.string({ minLength: 1, maxLength: 6 }), args: fc.json() });
	const message = fc.oneof(
		content.map((value) => ({ role: "user", content: value })),
		content.map((value) => ({ role: "developer", content: value })),
		fc.record({ said: text, calls: fc.array(call, { maxLength: 3 }) }).map(({ said, calls }) => ({
			role: "assistant",
			content: said,
			tool_calls: calls.map(({ id, args }) => ({ id, type: "function", function: { name: "f", arguments: args } })),
		})),
		fc
			.record({ id: text, value: content })
			.map(({ id, value }) => ({ role: "tool", tool_call_id: id, content: value })),
	);
	/** Rounds as agents make them: what the user or the tools say, then the assistant. */
	const round = fc.tuple(fc.array(message, { minLength: 1, maxLength: 4 }), text).map(([before, said]) => {
		return [...before, { role: "assistant", content: `a${said}` }];
	});

	test("as a conversation grows, every message it had keeps its bytes", () => {
		fc.assert(
			fc.property(fc.array(round, { minLength: 2, maxLength: 5 }), fc.constantFrom(MODERN, OLD), (rounds, traits) => {
				let before: string[] = [];
				let system = "";
				for (let turn = 1; turn <= rounds.length; turn += 1) {
					const messages = [
						{ role: "system", content: "s" },
						{ role: "user", content: "first" },
						...rounds.slice(0, turn).flat(),
					];
					const { body } = translated({ messages }, traits);
					const now = body.messages.map((each: unknown) => JSON.stringify(each));
					// The last one may grow by blocks: without its closing brackets it still is what the next begins with.
					for (const [at, bytes] of before.entries()) {
						const isLast = at === before.length - 1;
						expect(now[at]?.startsWith(isLast ? bytes.slice(0, -2) : bytes)).toBe(true);
						if (!isLast) expect(now[at]).toBe(bytes);
					}
					if (system !== "") expect(JSON.stringify(body.system)).toBe(system);
					system = JSON.stringify(body.system);
					before = now;
				}
			}),
			{ numRuns: 200 },
		);
	});

	test("the same request gives the same bytes", () => {
		fc.assert(
			fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
				const once = messagesRequest({ model: "m", messages }, MODERN).body;
				expect(messagesRequest({ model: "m", messages: structuredClone(messages) }, MODERN).body.equals(once)).toBe(
					true,
				);
			}),
			{ numRuns: 100 },
		);
	});
});
