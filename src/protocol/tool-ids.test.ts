import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolIds } from "./tool-ids.ts";

/** What the Messages API, Bedrock and OpenAI all take. */
const LEGAL = /^[a-zA-Z0-9_-]{1,64}$/;

test("a legal id stays as it is, in call and result", () => {
	const ids = new ToolIds();
	expect([ids.call("toolu_01Ab-9", "x"), ids.result("toolu_01Ab-9")]).toEqual(["toolu_01Ab-9", "toolu_01Ab-9"]);
});

test.each([
	["functions.Bash:0", "functions_Bash_0"],
	["call|a/b c", "call_a_b_c"],
	["chatcmpl-tool-ü", "chatcmpl-tool-_"],
])("%s becomes %s, alike in call and result", (given, wanted) => {
	const ids = new ToolIds();
	expect([ids.call(given, "x"), ids.result(given)]).toEqual([wanted, wanted]);
});

test("an id that is too long is cut, and differs from another with the same beginning", () => {
	const long = "call_".padEnd(200, "x");
	const ids = new ToolIds();
	const [one, other] = [ids.call(`${long}1`, "x"), ids.call(`${long}2`, "x")];
	expect(one).not.toBe(other);
	expect([ids.result(`${long}2`), ids.result(`${long}1`)]).toEqual([other, one]);
	expect([one, other].every((id) => LEGAL.test(id))).toBe(true);
});

test("ids that only differ in what is not admitted stay different", () => {
	const ids = new ToolIds();
	const [one, other] = [ids.call("a.b", "x"), ids.call("a:b", "x")];
	expect(one).not.toBe(other);
	expect([ids.result("a:b"), ids.result("a.b")]).toEqual([other, one]);
});

test("calls without ids get some, and results without ids are theirs in order", () => {
	const ids = new ToolIds();
	const calls = [ids.call("", "call_1_0"), ids.call("", "call_1_1")];
	expect([ids.result(""), ids.result("")]).toEqual(calls);
	expect(new Set(calls).size).toBe(2);
	expect(ids.result("")).toBeNull();
});

test("a server that numbers its calls anew in every answer gets distinct ids, and results go to the last one", () => {
	const ids = new ToolIds();
	const first = ids.call("call_0", "x");
	expect(ids.result("call_0")).toBe(first);
	const second = ids.call("call_0", "x");
	expect(second).not.toBe(first);
	expect(ids.result("call_0")).toBe(second);
});

test("a call that was never answered does not take a later one's result", () => {
	const ids = new ToolIds();
	ids.call("call_0", "x");
	ids.turn();
	const second = ids.call("call_0", "x");
	expect(ids.result("call_0")).toBe(second);
});

test("every call of any conversation gets a legal id of its own, and its result the same", () => {
	const given = fc.oneof(
		fc.string(),
		fc.constantFrom("", "call_0", "a.b", "a_b", "a_b_2"),
		fc.string({ minLength: 60, maxLength: 90 }),
	);
	fc.assert(
		fc.property(fc.array(fc.array(given, { minLength: 1, maxLength: 4 }), { maxLength: 6 }), (answers) => {
			const ids = new ToolIds();
			const seen = new Set<string>();
			for (const [at, answer] of answers.entries()) {
				const calls = answer.map((id, of) => ids.call(id, `call_${at}_${of}`));
				for (const id of calls) {
					expect(id).toMatch(LEGAL);
					expect(seen.has(id)).toBe(false);
					seen.add(id);
				}
				expect(answer.map((id) => ids.result(id)).sort()).toEqual([...calls].sort());
			}
		}),
	);
});
