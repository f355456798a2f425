// Conversations that the Messages API has compacted, towards other servers: the summary and what follows it.
import { expect, test } from "vitest";
import { asList } from "./json.ts";
import { dialectOf } from "./upstream-dialect.ts";
import { chatRequest } from "./upstream-request.ts";

const DIALECT = dialectOf({ host: "gpu-1", model: "qwen3", maxOutputTokens: null, overrides: {} });
const summary = (content: string | null) => ({ type: "compaction", content });
const text = (said: string) => ({ type: "text", text: said });
const user = (content: unknown) => ({ role: "user", content });
const assistant = (...content: readonly object[]) => ({ role: "assistant", content });

function sent(messages: readonly object[], system = "be brief") {
	const body = Buffer.from(JSON.stringify({ max_tokens: 100, system, messages }));
	return asList(chatRequest(body, { model: "qwen3", stream: false }, DIALECT).chat["messages"]);
}

const SUMMARY = "This conversation goes on from an earlier one. Its summary:\n\nthey greeted";
const SYSTEM = { role: "system", content: "be brief" };

test.each<[string, readonly object[], readonly object[]]>([
	[
		"what is before it is left out",
		[user("long ago"), assistant(text("old"), summary("they greeted"), text("hello")), user("go on")],
		[user(SUMMARY), { role: "assistant", content: "hello" }, user("go on")],
	],
	[
		"a client that takes out what is before it loses nothing",
		[assistant(summary("they greeted")), user("go on")],
		[user(SUMMARY), user("go on")],
	],
	[
		"the last of two counts",
		[assistant(summary("first")), user("x"), assistant(summary("they greeted"), text("hello")), user("go on")],
		[user(SUMMARY), { role: "assistant", content: "hello" }, user("go on")],
	],
	[
		"one that failed is passed over",
		[user("hi"), assistant(summary(null), text("hello")), user("go on")],
		[user("hi"), { role: "assistant", content: "hello" }, user("go on")],
	],
])("%s", (_, messages, expected) => {
	expect(sent(messages)).toEqual([SYSTEM, ...expected]);
});

test("a compacted conversation keeps what it has become as it grows", () => {
	const messages = [user("long ago"), assistant(summary("they greeted"), text("hello")), user("go on")];
	const grown = [...messages, assistant(text("yes")), user("and on")];
	expect(sent(grown).slice(0, sent(messages).length)).toEqual(sent(messages));
});
