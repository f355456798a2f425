import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ToolNames, toolCallId } from "./tool-names.ts";

const ADMITTED = /^[a-zA-Z0-9_-]{1,64}$/;

describe("names of tools", () => {
	test.each(["Read", "mcp__github__create_issue", "x".repeat(64), "a-b_c"])("%s goes as it is", (name) => {
		expect(new ToolNames().toUpstream(name)).toBe(name);
	});

	test.each([
		["65 characters", "x".repeat(65)],
		["128 characters", `mcp__${"long".repeat(30)}abc`],
		["a dot", "files.read"],
		["other letters", "lire_été"],
		["no letter at its beginning", "3d-print"],
		["nothing", ""],
		["a colon", "plugin:tool"],
	])("one with %s gets another, which the server takes and which leads back", (_what, name) => {
		const names = new ToolNames();
		const other = names.toUpstream(name);
		expect(other).toMatch(ADMITTED);
		expect(other).not.toBe(name);
		expect(names.toClient(other)).toBe(name);
		expect(new ToolNames().toUpstream(name)).toBe(other);
	});

	test("an own name that looks like another's new one never meets it", () => {
		const long = "x".repeat(80);
		const stolen = new ToolNames().toUpstream(long);
		for (const order of [
			[long, stolen],
			[stolen, long],
		]) {
			const names = new ToolNames();
			const sent = order.map((name) => names.toUpstream(name));
			expect(new Set(sent).size).toBe(2);
			expect(sent.map((name) => names.toClient(name))).toEqual(order);
		}
		// And it stays what it was, whoever is there too.
		expect(new ToolNames().toUpstream(long)).toBe(stolen);
	});

	test("any names keep apart and lead back", () => {
		const name = fc.oneof(fc.string({ maxLength: 140 }), fc.stringMatching(/^[a-z]{50,70}_[0-9a-f]{16}$/));
		fc.assert(
			fc.property(fc.uniqueArray(name, { maxLength: 40 }), (given) => {
				const names = new ToolNames();
				const sent = given.map((each) => names.toUpstream(each));
				expect(new Set(sent).size).toBe(given.length);
				expect(sent.every((each) => ADMITTED.test(each))).toBe(true);
				expect(sent.map((each) => names.toClient(each))).toEqual(given);
			}),
		);
	});

	test("what a model made up is given on as it said it", () => {
		expect(new ToolNames().toClient("no_such_tool")).toBe("no_such_tool");
	});
});

describe("ids of calls", () => {
	test.each([null, undefined, 7])("%s, which is no id, is left to the server", (id) => {
		expect(toolCallId(id, "nine")).toBe(id);
	});

	test("are different for different calls", () => {
		const ids = Array.from({ length: 5000 }, (_, at) => `toolu_${at}_${"x".repeat(40)}`);
		for (const form of ["nine", "forty"] as const) {
			expect(new Set(ids.map((id) => toolCallId(id, form))).size).toBe(ids.length);
		}
	});
});
