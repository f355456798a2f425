// What is remembered of conversations.
import { expect, test } from "vitest";
import { createConversations } from "./session.ts";

const HOME = { domain: 3, deploymentId: "a", at: 0, promptTokens: 1_000, organization: null };
const main = (session: string) => ({ session, agent: null });

test("a subagent and another model are conversations of their own", () => {
	const conversations = createConversations(10);
	conversations.settle(main("s"), "opus", HOME);
	expect(conversations.homeOf(main("s"), "opus")).toEqual({ ...HOME, diversion: null });
	expect(conversations.homeOf({ session: "s", agent: "1" }, "opus")).toBeNull();
	expect(conversations.homeOf(main("s"), "haiku")).toBeNull();
});

test("without a session nothing is remembered", () => {
	const conversations = createConversations(10);
	conversations.settle({ session: null, agent: null }, "opus", HOME);
	expect(conversations.size).toBe(0);
});

test("the conversation served longest ago goes first", () => {
	const conversations = createConversations(2);
	for (const session of ["s", "t", "s", "u"]) conversations.settle(main(session), "opus", HOME);
	expect(["s", "t", "u"].map((session) => conversations.homeOf(main(session), "opus") !== null)).toEqual([
		true,
		false,
		true,
	]);
	conversations.resize(1);
	expect(conversations.size).toBe(1);
});

test("a home is left only by what was served there", () => {
	const conversations = createConversations(10);
	conversations.settle(main("s"), "opus", HOME);
	conversations.leave(main("s"), "opus", 4);
	expect(conversations.size).toBe(1);
	conversations.leave(main("s"), "opus", 3);
	expect(conversations.size).toBe(0);
});
