// Events in both forms: text as it came is kept, data is made and written once.
import { expect, test } from "vitest";
import { AnswerEvent, bytesOf, eventsOf } from "./answer-event.ts";

test.each([
	["spaces", '{ "type": "ping" }', '{ "type": "ping" }'],
	["a number that JavaScript cannot hold", '{"type":"ping","n":12345678901234567890}', undefined],
	["several lines", '{\n "type": "ping"\n}', '{"type":"ping"}'],
	["carriage returns", '{"type":"ping",\r"n":1}', '{"type":"ping","n":1}'],
	["no JSON", "[DONE]", "[DONE]"],
	["nothing", "", ""],
])("data with %s is written as it came, on one line", (_, text, line = text) => {
	expect(`${AnswerEvent.read("ping", text)}`).toBe(`event: ping\ndata: ${line}\n\n`);
});

test.each([
	["an object", '{"a":1}', { a: 1 }],
	["a list", "[1]", null],
	["a number", "1", null],
	["null", "null", null],
	["no JSON", "{", null],
	["nothing", "", null],
])("data that is %s reads so", (_, text, data) => {
	expect(AnswerEvent.read("x", text).data).toEqual(data);
});

test("an event that is made is written with its type first, and keeps its data", () => {
	const members = { index: 0, type: "other" };
	const event = AnswerEvent.of("content_block_stop", members);
	expect(event.text).toBe('{"type":"content_block_stop","index":0}');
	expect(event.data).toEqual({ type: "content_block_stop", index: 0 });
});

test("another name changes nothing else", () => {
	const event = AnswerEvent.read("", '{ "type":"ping"}');
	expect(`${event.named("ping")}`).toBe('event: ping\ndata: { "type":"ping"}\n\n');
	expect(event.named("")).toBe(event);
});

test("bytes pass as they are, and are no events", () => {
	const bytes = Buffer.from("x");
	expect(bytesOf(bytes)).toBe(bytes);
	expect(eventsOf(bytes)).toEqual([]);
	expect(bytesOf([AnswerEvent.of("ping", {}), AnswerEvent.of("ping", {})]).toString()).toBe(
		'event: ping\ndata: {"type":"ping"}\n\n'.repeat(2),
	);
});
