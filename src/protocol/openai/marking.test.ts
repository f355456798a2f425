import { describe, expect, test } from "vitest";
import { type ChatPoint, markChat, pointsOf } from "./marking.ts";
import { readOpenaiRateLimits } from "./ratelimits.ts";

const EPHEMERAL = { type: "ephemeral" };
const point = (about: Partial<ChatPoint>): ChatPoint => ({
	location: "message",
	role: null,
	index: null,
	ttl: null,
	...about,
});
const MESSAGES = [
	{ role: "system", content: "s" },
	...Array.from({ length: 6 }, (_, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content: `m${i}` })),
];

/** Positions of the marked messages. */
function markedAt(points: readonly ChatPoint[], messages: readonly object[] = MESSAGES) {
	const chat = markChat({ messages }, points);
	return (chat["messages"] as object[]).flatMap((message, at) => ("cache_control" in message ? [at] : []));
}

describe("points on a chat request", () => {
	test("count the client's own list, from both ends, and by role", () => {
		expect(markedAt([point({ index: 0 })])).toEqual([0]);
		expect(markedAt([point({ index: -1 })])).toEqual([6]);
		expect(markedAt([point({ index: 9 })])).toEqual([]);
		expect(markedAt([point({ role: "user" })])).toEqual([1, 3, 5]);
	});

	test("use up to four markers, the client's included", () => {
		const own = [{ role: "user", content: [{ type: "text", text: "x", cache_control: EPHEMERAL }] }, ...MESSAGES];
		expect(markedAt([point({ role: "user" }), point({ role: "assistant" })], own).length).toBe(3);
		expect(markedAt([point({ index: 0 })], own)).toEqual([]);
	});

	test("keep a marker for the tools, and of a role with too many messages mark the last", () => {
		const messages = Array.from({ length: 6 }, (_, i) => ({ role: "user", content: `m${i}` }));
		expect(markedAt([point({ role: "user" })], messages)).toEqual([2, 3, 4, 5]);
		const points = [point({ role: "user" }), point({ location: "tools" })];
		const chat = markChat({ messages, tools: [{ function: { name: "a" } }] }, points);
		expect(chat["tools"]).toEqual([{ function: { name: "a" }, cache_control: EPHEMERAL }]);
		expect(JSON.stringify(chat).match(/"cache_control"/g)).toHaveLength(4);
	});

	test("pass over messages that cannot be marked, and use up no marker for them", () => {
		const messages = Array.from({ length: 6 }, (_, i) => ({ role: "user", content: i === 4 ? "" : `m${i}` }));
		expect(markedAt([point({ role: "user" })], messages)).toEqual([1, 2, 3, 5]);
	});

	test("mark the last tool, unless one is marked", () => {
		const tools = [{ function: { name: "a" } }, { function: { name: "b" } }];
		const tool = point({ location: "tools", ttl: "1h" });
		const marked = markChat({ messages: [], tools }, [tool])["tools"];
		expect(marked).toEqual([tools[0], { ...tools[1], cache_control: { type: "ephemeral", ttl: "1h" } }]);
		const own = { messages: [], tools: [{ ...tools[0], cache_control: EPHEMERAL }, tools[1]] };
		expect(markChat(own, [tool])).toBe(own);
	});

	test("come with a request as LiteLLM's clients write them", () => {
		const given = [
			{ location: "message", role: "system", control: { type: "ephemeral", ttl: "1h" } },
			{ location: "message", role: "user", index: "-1" },
			{ location: "tool_config" },
			{ location: "elsewhere" },
			"nonsense",
		];
		expect(pointsOf({ cache_control_injection_points: given })).toEqual([
			point({ role: "system", ttl: "1h" }),
			point({ index: -1 }),
			point({ location: "tools" }),
		]);
	});
});

test("rate limits are read with the time until they are full again", () => {
	const headers = {
		"x-ratelimit-limit-requests": "60",
		"x-ratelimit-remaining-requests": "59",
		"x-ratelimit-reset-requests": "1m2.5s",
		"x-ratelimit-limit-tokens": "1000",
		"x-ratelimit-remaining-tokens": "10",
		"x-ratelimit-reset-tokens": "20ms",
	};
	expect(readOpenaiRateLimits(headers, 1000)).toMatchObject({
		requests: { limit: 60, remaining: 59, resetAt: 63_500 },
		tokens: { limit: 1000, remaining: 10, resetAt: 1020 },
	});
	expect(readOpenaiRateLimits({ ...headers, "x-ratelimit-reset-tokens": "soon" }, 0)?.tokens).toBeNull();
	expect(readOpenaiRateLimits({}, 0)).toBeNull();
});
