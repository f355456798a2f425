import { describe, expect, test } from "vitest";
import { conversationOf } from "./session.ts";

const UUID = "5f0e6f5c-3c1e-4c57-9a55-0f1d1c6f0f4e";
const NEW_USER_ID = JSON.stringify({ device_id: "ab", account_uuid: "", session_id: UUID });
const OLD_USER_ID = `user_${"a".repeat(64)}_account__session_${UUID}`;

const sessionOf = (headers: Record<string, string>, userId: string | null = null): string | null =>
	conversationOf(headers, userId, "key").session;

describe("session", () => {
	test.each<[string, Record<string, string>, string | null, string | null]>([
		["Claude Code's header", { "x-claude-code-session-id": UUID }, null, UUID],
		["its user id", {}, NEW_USER_ID, UUID],
		["its old user id", {}, OLD_USER_ID, UUID],
		["the old user id of a signed-in user", {}, `user_ab_account_${UUID}_session_one`, "one"],
		["LiteLLM's session header", { "x-litellm-session-id": "s" }, null, "s"],
		["LiteLLM's trace header", { "x-litellm-trace-id": "t" }, null, "t"],
		["the header before the user id", { "x-claude-code-session-id": "h" }, NEW_USER_ID, "h"],
		["the user id before LiteLLM's headers", { "x-litellm-session-id": "s" }, NEW_USER_ID, UUID],
		["an empty header is none", { "x-claude-code-session-id": " " }, null, null],
		["nothing", {}, null, null],
		["a user id that names a user", {}, "alice@example.com", null],
		["a user id that only looks like JSON", {}, "{session_id", null],
		["JSON without a session", {}, '{"session_id":5}', null],
	])("from %s", (_, headers, userId, expected) => {
		expect(sessionOf(headers, userId)).toBe(expected === null ? null : `key:${expected}`);
	});

	test("two callers with the same id are two conversations", () => {
		const headers = { "x-claude-code-session-id": UUID };
		expect(conversationOf(headers, null, "a").session).not.toBe(conversationOf(headers, null, "b").session);
	});

	test("ids are bounded", () => {
		expect(sessionOf({ "x-claude-code-session-id": "s".repeat(9000) })).toHaveLength(256);
		expect(sessionOf({}, `{"session_id":"${"s".repeat(9000)}"}`)).toBeNull();
	});
});

test("agent and hints are read when sent", () => {
	const headers = {
		"x-claude-code-agent-id": "agent-1",
		"x-claude-code-request-class": "compaction",
		"x-claude-code-compaction": "auto",
		"x-claude-code-context-compacted": "manual",
	};
	const hints = { requestClass: "compaction", isCompaction: true, contextCompacted: true };
	expect(conversationOf(headers, null, "key")).toEqual({ session: null, agent: "key:agent-1", hints });
	const none = { requestClass: null, isCompaction: false, contextCompacted: false };
	expect(conversationOf({}, null, "key")).toEqual({ session: null, agent: null, hints: none });
});
