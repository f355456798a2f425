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

test("calls of the Responses API with the same id in several turns are told apart", () => {
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
