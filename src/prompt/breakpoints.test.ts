import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "./__fixtures__/claude-code.ts";
import { read } from "./__fixtures__/reading.ts";

const cc: JsonObject = { type: "ephemeral" };
const hour: JsonObject = { type: "ephemeral", ttl: "1h" };
const text = (value: string, more: JsonObject = {}): JsonObject => ({ type: "text", text: value, ...more });

/** Breakpoints of a body as `block:ttl`. */
function marks(body: JsonObject): string[] {
	return read({ model: "m", ...body }).breakpoints.map(({ block, ttl }) => `${block}:${ttl}`);
}

function contents(...content: Json[]): JsonObject {
	return { messages: [{ role: "user", content }] };
}

describe("explicit markers", () => {
	test("on tools, system and messages, in the provider's order", () => {
		const body = { ...contents(text("c", { cache_control: cc })), system: [text("b", { cache_control: hour })] };
		expect(marks({ ...body, tools: [{ name: "a", cache_control: hour }] })).toEqual(["0:1h", "1:1h", "2:5m"]);
	});

	test.each<[Json, string[]]>([
		[cc, ["0:5m"]],
		[{ type: "ephemeral", ttl: "5m" }, ["0:5m"]],
		[{ ttl: "1h", type: "ephemeral" }, ["0:1h"]],
		[{ type: "ephemeral", ttl: "2h" }, ["0:5m"]],
		[{ type: "ephemeral", ttl: null, scope: "global" }, ["0:5m"]],
		[null, []],
		[{}, []],
		[{ type: "persistent" }, []],
		["ephemeral", []],
	])("%j", (marker, expected) => {
		expect(marks(contents(text("a", { cache_control: marker })))).toEqual(expected);
	});

	test("more than four are all kept: refusing them is the provider's", () => {
		expect(marks(contents(..."abcdef".split("").map((value) => text(value, { cache_control: cc }))))).toHaveLength(6);
	});

	test("on the last element of a tool result is lifted to the result, elsewhere it is nothing", () => {
		const result = (...content: Json[]): JsonObject => contents(text("q"), { type: "tool_result", content });
		expect(marks(result(text("a"), text("b", { cache_control: hour })))).toEqual(["1:1h"]);
		expect(marks(result(text("a", { cache_control: hour }), text("b")))).toEqual([]);
		const both = { type: "tool_result", cache_control: cc, content: [text("b", { cache_control: hour })] };
		expect(marks(contents(both))).toEqual(["0:5m"]);
	});

	test("on a block left out of the chain stands on the block before", () => {
		const deferred = { name: "b", defer_loading: true, cache_control: hour };
		expect(marks({ tools: [{ name: "a" }, deferred] })).toEqual(["0:1h"]);
		expect(marks({ tools: [{ name: "a", cache_control: cc }, deferred] })).toEqual(["0:5m"]);
		expect(marks({ tools: [deferred] })).toEqual([]);
		const billing = text("x-anthropic-billing-header: x", { cache_control: cc });
		expect(marks({ tools: [{ name: "a" }], system: [billing, text("s")] })).toEqual(["0:5m"]);
	});
});

describe("the automatic marker", () => {
	test("stands on the last block", () => {
		expect(marks({ ...contents(text("a"), text("b")), cache_control: hour })).toEqual(["1:1h"]);
		expect(marks({ messages: [{ role: "user", content: "a" }], cache_control: cc })).toEqual(["0:5m"]);
	});

	test("adds nothing where an explicit one stands", () => {
		expect(marks({ ...contents(text("a", { cache_control: hour })), cache_control: cc })).toEqual(["0:1h"]);
	});

	test("walks back over thinking and empty text", () => {
		const thinking = { type: "thinking", thinking: "t", signature: "s" };
		const redacted = { type: "redacted_thinking", data: "d" };
		expect(marks({ ...contents(text("a"), thinking, redacted, text("")), cache_control: cc })).toEqual(["0:5m"]);
		expect(marks({ ...contents(thinking), system: "s", cache_control: cc })).toEqual(["0:5m"]);
		expect(marks({ ...contents(thinking), cache_control: cc })).toEqual([]);
	});

	test("keeps the order of blocks when an explicit one comes later", () => {
		const later = { type: "thinking", thinking: "t", cache_control: cc };
		expect(marks({ ...contents(text("a"), later), cache_control: cc })).toEqual(["0:5m", "1:5m"]);
	});
});
