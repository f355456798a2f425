import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editMembers } from "../protocol/edit.ts";
import { repairHistory } from "./claude-history.ts";

const SIGNED = { type: "thinking", thinking: "t", signature: "EqQBCkYICxgCKkDx" };
const UNSIGNED = { type: "thinking", thinking: "t", signature: "warmpath-unsigned" };
const text = (value: string) => ({ type: "text", text: value });
const user = (...content: unknown[]) => ({ role: "user", content });
const assistant = (...content: unknown[]) => ({ role: "assistant", content });
const call = (id: string) => ({ type: "tool_use", id, name: "f", input: { id: "a:b", tool_use_id: " " } });
const result = (id: string, content: unknown = "ok") => ({ type: "tool_result", tool_use_id: id, content });

function repaired(messages: readonly unknown[]) {
	const list = Buffer.from(JSON.stringify({ messages }));
	const found = repairHistory(list, list.indexOf("["));
	const { messages: left } = JSON.parse(editMembers(list, found).toString());
	return { left, removed: found.removed, lacksThinking: found.lacksThinking };
}

describe("thinking", () => {
	const asked = user(text("a"));
	test.each([
		["the gateway's mark", UNSIGNED],
		["what the gateway carries round for a server", { ...UNSIGNED, thinking: "", signature: "warmpath-unsigned.e30" }],
		["an empty signature", { ...UNSIGNED, signature: "" }],
		["no signature", { type: "thinking", thinking: "t" }],
		["a signature that is none", { ...UNSIGNED, signature: null }],
	])("with %s is dropped, what stands beside it stays", (_what, block) => {
		const { left, removed } = repaired([asked, assistant(block, text("b")), user(text("c"))]);
		expect(left).toEqual([asked, assistant(text("b")), user(text("c"))]);
		expect(removed).toEqual(["block:thinking"]);
	});

	test("that Claude signed stays, and so does what it redacted", () => {
		const messages = [asked, assistant(SIGNED, { type: "redacted_thinking", data: "x" }, text("b")), user(text("c"))];
		expect(repaired(messages)).toEqual({ left: messages, removed: [], lacksThinking: false });
	});

	test("an answer of nothing else goes as a whole", () => {
		expect(repaired([asked, assistant(UNSIGNED), user(text("c"))]).left).toEqual([asked, user(text("c"))]);
		expect(repaired([asked, assistant(UNSIGNED, text("\n"))]).left).toEqual([asked]);
	});

	test("is missed where calls have just been answered, and not once the user has spoken again", () => {
		const called = [asked, assistant(UNSIGNED, call("c")), user(result("c"))];
		expect(repaired(called).lacksThinking).toBe(true);
		expect(repaired([...called, assistant(text("b")), user(text("c"))]).lacksThinking).toBe(false);
		expect(repaired([asked, assistant(SIGNED, call("c")), user(result("c"))]).lacksThinking).toBe(false);
	});
});

describe("ids of tool calls", () => {
	test.each([
		["functions.Bash:0", "functions_Bash_0"],
		["call|1", "call_1"],
		["", "call_1_0"],
		["é", "_"],
	])("'%s' becomes '%s' in call and result, and nowhere else", (id, wanted) => {
		const { left } = repaired([user(text("a")), assistant(call(id)), user(result(id))]);
		expect(left).toEqual([user(text("a")), assistant(call(wanted)), user(result(wanted))]);
	});

	test("legal ones stay, also of server tools", () => {
		const server = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} };
		const messages = [
			user(text("a")),
			assistant(server, call("toolu_1"), call("call_2")),
			user(result("toolu_1"), result("call_2")),
		];
		expect(repaired(messages).left).toEqual(messages);
	});

	test("the same in several turns become distinct", () => {
		const turn = (id: string) => [assistant(call(id)), user(result(id))];
		const { left } = repaired([user(text("a")), ...turn("call_0"), ...turn("call_0"), ...turn("call_0")]);
		expect(left).toEqual([user(text("a")), ...turn("call_0"), ...turn("call_0_2"), ...turn("call_0_3")]);
	});
});

describe("text of white space alone", () => {
	test("goes, with its message where nothing else is in it", () => {
		const messages = [
			user(text("a"), text(" ")),
			assistant(text("\n\n"), text("b"), text("")),
			user(" "),
			assistant(text("\t")),
			user(text("c")),
		];
		expect(repaired(messages).left).toEqual([user(text("a")), assistant(text("b")), user(" "), user(text("c"))]);
	});

	test("goes as a plain string too", () => {
		const blank = { role: "assistant", content: " \n" };
		expect(repaired([user(text("a")), blank, user(text("b"))]).left).toEqual([user(text("a")), user(text("b"))]);
	});

	test("goes out of results, which may then be empty", () => {
		const { left } = repaired([
			user(text("a")),
			assistant(call("c")),
			user(result("c", [text("x"), text(" ")])),
			assistant(call("d")),
			user(result("d", [text("")])),
		]);
		expect(left[2]).toEqual(user(result("c", [text("x")])));
		expect(left[4]).toEqual(user(result("d", [])));
	});

	test("as all of the first message or the user's last one is the client's own fault", () => {
		const messages = [user(text(" ")), assistant(text("a")), user(text(""))];
		expect(repaired(messages).left).toEqual(messages);
	});
});

const block = fc.constantFrom<unknown>(
	SIGNED,
	UNSIGNED,
	text("a"),
	text(" "),
	call("a:b"),
	call("a.b"),
	call("toolu_1"),
	call(""),
);
const answers = fc.constantFrom<unknown>(
	result("a:b"),
	result("a.b"),
	result("toolu_1", [text(" "), text("x")]),
	text("b"),
	text("\n"),
);
const round = fc.tuple(fc.array(block, { maxLength: 4 }), fc.array(answers, { minLength: 1, maxLength: 4 }));

test("as a conversation grows, what was repaired of it stays the same bytes", () => {
	fc.assert(
		fc.property(fc.array(round, { minLength: 1, maxLength: 5 }), (rounds) => {
			let before = "";
			for (let turns = 1; turns <= rounds.length; turns += 1) {
				const said = rounds.slice(0, turns).flatMap(([a, u]) => [assistant(...a), user(...u, text("words"))]);
				// The user's last message is left as it is until the next turn: it is compared without its blanks.
				const { left } = repaired([user(text("go")), ...said, assistant(text("ok")), user(text("next"))]);
				const now = JSON.stringify(left.slice(0, -2)).slice(0, -1);
				expect(now.startsWith(before)).toBe(true);
				before = now;
			}
		}),
	);
});

test("what was repaired needs no repair", () => {
	fc.assert(
		fc.property(fc.array(round, { maxLength: 5 }), (rounds) => {
			const said = rounds.flatMap(([a, u]) => [assistant(...a), user(...u, text("words"))]);
			const { left } = repaired([user(text("go")), ...said, user(text("next"))]);
			expect(repaired(left).left).toEqual(left);
		}),
	);
});
