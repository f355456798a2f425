import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { messagesRequest } from "./chat-request.ts";
import { chatOfResponses } from "./responses-request.ts";
import { traitsOfModel } from "./traits.ts";

const TRAITS = traitsOfModel("claude-sonnet-5-5", true);
const body = (messages: readonly unknown[]) =>
	JSON.parse(messagesRequest({ model: "m", messages }, TRAITS).body.toString());

describe("text of white space alone is not sent", () => {
	const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
	const cases: Record<string, readonly unknown[]> = {
		"a blank between words": [
			{ role: "user", content: "x" },
			{ role: "assistant", content: "\n\n" },
			{ role: "user", content: "y" },
		],
		"a blank beside calls": [
			{ role: "user", content: "x" },
			{ role: "assistant", content: [{ type: "text", text: "\t " }], tool_calls: [call] },
			{ role: "tool", tool_call_id: "c", content: "\r\n" },
		],
		"a blank refusal": [
			{ role: "user", content: ["x", " "] },
			{ role: "assistant", content: null, refusal: " " },
			{ role: "user", content: [{ type: "input_text", text: "\u00a0" }] },
		],
		"blank instructions": [
			{ role: "system", content: "  " },
			{ role: "developer", content: [{ type: "text", text: "\n" }] },
			{ role: "user", content: "x" },
			{ role: "system", content: " " },
		],
	};
	test.each(Object.entries(cases))("%s", (_what, messages) => {
		const sent = body(messages);
		const texts: string[] = [];
		JSON.stringify(sent, (key, value) => {
			if (key === "text") texts.push(value);
			return value;
		});
		expect(texts.length).toBeGreaterThan(0);
		expect(texts.filter((text) => text.trim() === "")).toEqual([]);
		expect(sent.system).toBeUndefined();
		for (const message of sent.messages) expect(message.content).not.toEqual([]);
	});

	test("the marker of a blank part stands on the part before it", () => {
		const marker = { type: "ephemeral" };
		const content = [
			{ type: "text", text: "x" },
			{ type: "text", text: " ", cache_control: marker },
		];
		expect(body([{ role: "user", content }]).messages[0].content).toEqual([
			{ type: "text", text: "x", cache_control: marker },
		]);
	});
});

describe("images", () => {
	const sent = (part: object) => body([{ role: "user", content: [part] }]).messages[0].content[0];
	const url = (value: string) => ({ type: "image_url", image_url: { url: value } });

	test.each([
		["a name that Claude does not know", url("data:image/jpg;base64,AAAA"), "image/jpeg", "AAAA"],
		["capitals", url("data:image/PNG;base64,AAAA"), "image/png", "AAAA"],
		["a wrong name", url("data:image/png;base64,/9j/4AAQ"), "image/jpeg", "/9j/4AAQ"],
		["broken lines", url("data:image/gif;base64,R0lG\r\nODlh"), "image/gif", "R0lGODlh"],
		[
			"the Responses API's form",
			{ type: "input_image", image_url: "data:image/jpg;base64,AAAA" },
			"image/jpeg",
			"AAAA",
		],
		[
			"the Messages API's form",
			{ type: "image", source: { type: "base64", media_type: "image/jpg", data: "AAAA" } },
			"image/jpeg",
			"AAAA",
		],
	])("%s: the type is one that Claude takes", (_what, part, media_type, data) => {
		expect(sent(part)).toEqual({ type: "image", source: { type: "base64", media_type, data } });
	});

	test("a PDF that is sent as an image is a document", () => {
		expect(sent(url("data:application/pdf;base64,AAAA"))).toMatchObject({ type: "document" });
	});
});

test.each([
	[
		{ top_k: 5, temperature: 1.5 },
		{ top_k: 5, temperature: 1 },
	],
	[{ top_k: -1, temperature: -1 }, { temperature: 0 }],
	[{ top_k: 0, top_p: 0.5 }, { top_p: 0.5 }],
	[
		{ top_k: 2.5, top_p: 0.5, temperature: 0.5 },
		{ top_k: 2, temperature: 0.5 },
	],
	[{ top_k: 5, top_p: 0.5, reasoning_effort: "low" }, {}],
	[{ top_k: 5, temperature: 0.5, thinking: { type: "adaptive" } }, {}],
])("of the sampling parameters %j those are sent that the Messages API takes: %j", (given, wanted) => {
	const chat = { model: "m", messages: [{ role: "user", content: "hi" }], ...given };
	const { temperature, top_p, top_k } = JSON.parse(messagesRequest(chat, TRAITS).body.toString());
	expect({ temperature, top_p, top_k }).toEqual({
		temperature: undefined,
		top_p: undefined,
		top_k: undefined,
		...wanted,
	});
});

test("calls of the Responses API with the same id in several turns become distinct", () => {
	const turn = (output: string) => [
		{ type: "function_call", call_id: "call:0", name: "f", arguments: "{}" },
		{ type: "function_call_output", call_id: "call:0", output },
	];
	const chat = chatOfResponses({ model: "m", input: [{ role: "user", content: "x" }, ...turn("1"), ...turn("2")] });
	const blocks = body(chat["messages"] as unknown[]).messages.flatMap((each: { content: object[] }) => each.content);
	const ids = blocks.flatMap((block: { id?: string; tool_use_id?: string }) => block.id ?? block.tool_use_id ?? []);
	expect(ids).toEqual(["call_0", "call_0", "call_0_2", "call_0_2"]);
});

test("as a conversation grows, what was sent of it stays the same bytes", () => {
	const id = fc.constantFrom("", "call_0", "functions.Bash:0", "x".repeat(80), "a.b", "a:b");
	const content = fc.constantFrom("", " ", "\n\n", "words", null);
	const message = fc.oneof(
		fc.record({ role: fc.constantFrom("user", "system", "developer"), content: fc.constantFrom("", " \n", "words") }),
		fc.record({
			role: fc.constant("assistant"),
			content,
			tool_calls: fc.array(
				id.map((each) => ({ id: each, type: "function", function: { name: "f", arguments: "{}" } })),
				{ maxLength: 3 },
			),
		}),
		fc.record({ role: fc.constant("tool"), tool_call_id: id, content: fc.constantFrom("", "\n", "ok") }),
	);
	fc.assert(
		fc.property(fc.array(message, { maxLength: 12 }), fc.array(message, { maxLength: 4 }), (before, added) => {
			// A tool message goes before what its turn already says: turns must follow each other.
			fc.pre(before.at(-1)?.role !== "assistant");
			const answer = { role: "assistant", content: "words" };
			const lists = [before, [...before, answer, ...added]].map((messages) => {
				const sent = body(messages);
				return [JSON.stringify(sent.system ?? []), JSON.stringify(sent.messages)] as const;
			});
			const [[system, short], [later, long]] = lists as [readonly [string, string], readonly [string, string]];
			if (short === "[]") return;
			expect(later).toBe(system);
			// Without the brackets that close the last turn's content, the turn and the list.
			expect(long.startsWith(short.slice(0, -3))).toBe(true);
		}),
	);
});

describe("what OpenAI takes and the Messages API does not", () => {
	const whole = (chat: object) =>
		JSON.parse(messagesRequest({ model: "m", messages: [user], ...chat }, TRAITS).body.toString());
	const user = { role: "user", content: "x" };
	const text = (words: string) => [{ type: "text", text: words }];
	const called = (args: unknown) => [
		user,
		{ role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: args } }] },
	];
	const tool = (name: string, description: string) => ({ type: "function", function: { name, description } });

	test.each([
		["instructions alone", [{ role: "system", content: "be brief" }], 1],
		[
			"instructions and an empty message",
			[
				{ role: "developer", content: "be brief" },
				{ role: "user", content: " " },
			],
			1,
		],
		["a message without words", [{ role: "user", content: " \n" }], 1],
		["a message without parts", [{ role: "user", content: [] }], 1],
		[
			"a greeting of the assistant first",
			[{ role: "system", content: "s" }, { role: "assistant", content: "Hello!" }, user],
			3,
		],
		["the same without instructions", [{ role: "assistant", content: "Hello!" }, user], 3],
	])("%s: the user opens the conversation", (_what, messages, count) => {
		const sent = body(messages).messages;
		expect(sent).toHaveLength(count);
		expect(sent[0]).toEqual({ role: "user", content: text("Begin.") });
	});

	test("an opening stays as the conversation grows, and nothing opens one without words", () => {
		const greeted = [
			{ role: "system", content: "s" },
			{ role: "assistant", content: "Hello!" },
		];
		expect(body([...greeted, user]).messages.slice(0, 2)).toEqual(body(greeted).messages);
		expect(body([]).messages).toEqual([]);
	});

	test.each([
		[{ p: 1 }, { p: 1 }],
		['{"p":1}', { p: 1 }],
		[null, {}],
		[" ", {}],
		[[1], { arguments: [1] }],
		["nonsense", { arguments: "nonsense" }],
	])("arguments %j of a call are its input", (args, input) => {
		expect(body(called(args)).messages[1].content[0].input).toEqual(input);
	});

	test("an object as a tool's result is its text", () => {
		const sent = body([...called("{}"), { role: "tool", tool_call_id: "c", content: { rows: [1] } }]).messages;
		expect(sent[2].content[0].content).toEqual(text('{"rows":[1]}'));
	});

	test("of tools with one name the first is sent", () => {
		const { tools } = whole({ tools: [tool("a", "1"), tool("b", "2"), tool("a", "3")] });
		expect(tools.map(({ name, description }: Record<string, unknown>) => [name, description])).toEqual([
			["a", "1"],
			["b", "2"],
		]);
	});

	test.each([
		[{ type: "allowed_tools", allowed_tools: { mode: "required", tools: [] } }, "any"],
		[{ type: "allowed_tools", mode: "auto", tools: [] }, "auto"],
	])("tool_choice %j leaves the tools as they are", (tool_choice, type) => {
		const sent = whole({ tools: [tool("a", "1")], tool_choice });
		expect(sent.tool_choice).toEqual({ type });
		expect(sent.tools).toHaveLength(1);
	});

	const base64 = (words: string) => Buffer.from(words).toString("base64");
	const file = (type: string, words: string) => ({
		type: "file",
		file: { file_data: `data:${type};base64,${base64(words)}` },
	});
	test.each([
		["a JSON file", file("application/json", "{}"), "{}"],
		["a CSV file", file("text/csv", "a,b"), "a,b"],
		["an Atom feed", file("application/atom+xml", "<a/>"), "<a/>"],
		[
			"a drawing as an image",
			{ type: "image_url", image_url: { url: `data:image/svg+xml;base64,${base64("<svg/>")}` } },
			"<svg/>",
		],
		[
			"a drawing that is not encoded",
			{ type: "image_url", image_url: { url: "data:image/svg+xml;utf8,%3Csvg/%3E" } },
			"<svg/>",
		],
	])("%s is sent as text", (_what, part, data) => {
		const [block] = body([{ role: "user", content: [part] }]).messages[0].content;
		expect(block).toMatchObject({ type: "document", source: { type: "text", media_type: "text/plain", data } });
	});
});
