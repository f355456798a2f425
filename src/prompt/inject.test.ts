import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { membersAt } from "../protocol/walk.ts";
import { automaticPoints, injectMarkers, isMarked, type MarkingPoint } from "./inject.ts";
import { createHasher, outline, type PromptHasher } from "./outline.ts";

const EPHEMERAL = { type: "ephemeral" };
const HOUR = { type: "ephemeral", ttl: "1h" };
let hasher: PromptHasher;
beforeAll(async () => {
	hasher = await createHasher({ first: 1n, second: 2n });
});

const point = (about: Partial<MarkingPoint>): MarkingPoint => ({
	location: "message",
	role: null,
	index: null,
	ttl: null,
	...about,
});
const TOOLS = point({ location: "tools" });

function allOf(body: Buffer) {
	return { all: membersAt(body, 0).flatMap(({ keyStart, start, end }) => [keyStart, start, end]) };
}

function injected(value: unknown, points: readonly MarkingPoint[]) {
	const body = Buffer.from(JSON.stringify(value));
	return JSON.parse(injectMarkers(body, allOf(body), points).toString());
}

const conversation = (count: number) =>
	Array.from({ length: count }, (_, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content: `m${i}` }));

describe("points", () => {
	test("a role marks the last block of its messages, string content becomes one block", () => {
		const body = injected({ messages: conversation(3) }, [point({ role: "user" })]);
		expect(body.messages.map((message: { content: unknown }) => message.content)).toEqual([
			[{ type: "text", text: "m0", cache_control: EPHEMERAL }],
			"m1",
			[{ type: "text", text: "m2", cache_control: EPHEMERAL }],
		]);
	});

	test("the role system marks the last block of the top-level system, string or list", () => {
		const system = [
			{ type: "text", text: "a" },
			{ type: "text", text: "b" },
		];
		expect(injected({ system }, [point({ role: "system" })]).system[1].cache_control).toEqual(EPHEMERAL);
		expect(injected({ system: 'say "x"' }, [point({ role: "system" })]).system).toEqual([
			{ type: "text", text: 'say "x"', cache_control: EPHEMERAL },
		]);
	});

	test.each([
		[0, 0],
		[-1, 4],
		[-2, 3],
	])("index %i marks message %i", (index, at) => {
		const { messages } = injected({ messages: conversation(5) }, [point({ index, ttl: "1h" })]);
		expect(messages[at].content[0].cache_control).toEqual(HOUR);
		expect(JSON.stringify(messages).match(/cache_control/g)?.length).toBe(1);
	});

	test("an index out of range marks nothing, and the very same buffer comes back", () => {
		const body = Buffer.from(JSON.stringify({ messages: conversation(2) }));
		expect(injectMarkers(body, allOf(body), [point({ index: 9 }), point({ index: -9 }), TOOLS])).toBe(body);
	});

	test("tool_config marks the last tool that is part of the prompt", () => {
		const tools = [{ name: "a" }, { name: "b" }, { name: "c", defer_loading: true }];
		expect(injected({ tools }, [TOOLS]).tools).toEqual([
			{ name: "a" },
			{ name: "b", cache_control: EPHEMERAL },
			{ name: "c", defer_loading: true },
		]);
	});

	test("a point for tools has its marker kept, wherever it stands in the list", () => {
		const tools = [{ name: "a", input_schema: {} }];
		const body = injected({ tools, messages: conversation(9) }, [point({ role: "user" }), TOOLS]);
		expect(body.tools[0].cache_control).toEqual(EPHEMERAL);
		expect(JSON.stringify(body).match(/"cache_control"/g)).toHaveLength(4);
		const bare = injected({ messages: conversation(9) }, [point({ role: "user" }), TOOLS]);
		expect(JSON.stringify(bare).match(/"cache_control"/g)).toHaveLength(4);
	});

	test("of a role with more messages than markers the last are marked: the next turn reads those", () => {
		const { messages } = injected({ messages: conversation(12) }, [point({ role: "user" })]);
		const marked = messages.flatMap(({ content }: { content: unknown }, at: number) =>
			typeof content === "string" ? [] : [at],
		);
		expect(marked).toEqual([4, 6, 8, 10]);
	});

	test("messages of the role that cannot be marked use up no marker", () => {
		const messages = conversation(12);
		messages[8] = { role: "user", content: "" };
		const marked = injected({ messages }, [point({ role: "user" })]).messages.flatMap(
			({ content }: { content: unknown }, at: number) => (typeof content === "string" ? [] : [at]),
		);
		expect(marked).toEqual([2, 4, 6, 10]);
	});

	test("thinking and empty text cannot carry a marker, so the block before does", () => {
		const content = [
			{ type: "text", text: "a" },
			{ type: "thinking", thinking: "b", signature: "s" },
			{ type: "text", text: "" },
		];
		const { messages } = injected({ messages: [{ role: "assistant", content }] }, [point({ index: 0 })]);
		expect(messages[0].content[0].cache_control).toEqual(EPHEMERAL);
	});
});

describe("the client's own markers", () => {
	test("count towards four, stay, and their messages are left alone", () => {
		const content = [
			{ type: "text", text: "a", cache_control: HOUR },
			{ type: "text", text: "b" },
		];
		const messages = [{ role: "user", content }, ...conversation(9).slice(1)];
		const body = injected({ messages, tools: [{ name: "t" }], system: "s" }, [
			point({ index: 0 }),
			TOOLS,
			point({ role: "system" }),
			point({ role: "user" }),
		]);
		expect(body.messages[0].content).toEqual(content);
		expect(JSON.stringify(body).match(/"cache_control"/g)?.length).toBe(4);
		// Of the users' messages, only the last had room.
		expect(body.messages[8].content[0].cache_control).toEqual(EPHEMERAL);
		expect(body.messages[6].content).toBe("m6");
	});

	test("order lifetimes: ours before an hour's lasts an hour, ours behind five minutes lasts five", () => {
		const marked = (ttl: object) => [{ role: "user", content: [{ type: "text", text: "a", cache_control: ttl }] }];
		// The body's order of members is not the provider's.
		const before = injected({ messages: marked(HOUR), system: "s" }, [point({ role: "system" })]);
		expect(before.system[0].cache_control).toEqual(HOUR);
		const messages = [...marked(EPHEMERAL), { role: "assistant", content: "b" }];
		const behind = injected({ messages }, [point({ index: 1, ttl: "1h" })]);
		expect(behind.messages[1].content[0].cache_control).toEqual(EPHEMERAL);
	});

	test.each([
		[{ tools: [{ name: "a", cache_control: EPHEMERAL }] }, true],
		[{ cache_control: EPHEMERAL, messages: [] }, true],
		[{ messages: [{ role: "user", content: 'the text "cache_control"' }] }, false],
		[{ cache_control: null, messages: [] }, false],
	])("%j is marked: %s", (value, expected) => {
		const body = Buffer.from(JSON.stringify(value));
		expect(isMarked(body, allOf(body))).toBe(expected);
	});
});

describe("properties", () => {
	const block = fc.oneof(
		fc.string().map((text) => ({ type: "text", text })),
		fc.string().map((text) => ({ type: "text", text, cache_control: EPHEMERAL })),
		fc.constant({ type: "thinking", thinking: "x", signature: "s" }),
		fc.constant({ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "r" }] }),
	);
	const content = fc.oneof(fc.string(), fc.array(block, { maxLength: 4 }));
	const prompt = fc.record(
		{
			model: fc.constant("m"),
			messages: fc.array(fc.record({ role: fc.constantFrom("user", "assistant"), content }), { maxLength: 6 }),
			system: content,
			tools: fc.array(fc.record({ name: fc.string() }), { maxLength: 3 }),
		},
		{ requiredKeys: ["model", "messages"] },
	);
	const points = fc.array(
		fc.oneof(
			fc.constant(TOOLS),
			fc.constantFrom("system", "user", "assistant").map((role) => point({ role: role as "system" })),
			fc.integer({ min: -7, max: 7 }).map((index) => point({ index, ttl: "1h" })),
		),
		{ maxLength: 4 },
	);

	test("without its markers the body says what it said, and its fingerprints are the same", () => {
		fc.assert(
			fc.property(prompt, points, fc.constantFrom(undefined, 1), (value, at, space) => {
				const body = Buffer.from(JSON.stringify(value, null, space));
				const marked = injectMarkers(body, allOf(body), at);
				const before = outline(body, { hasher });
				const after = outline(marked, { hasher });
				expect([...after.chain.high]).toEqual([...before.chain.high]);
				expect(after.breakpoints.length).toBeLessThanOrEqual(Math.max(4, before.breakpoints.length));
				expect(after.breakpoints.length).toBeGreaterThanOrEqual(before.breakpoints.length);
				// Twice is once.
				expect(injectMarkers(marked, allOf(marked), at).length).toBeGreaterThanOrEqual(marked.length);
			}),
			{ numRuns: 300 },
		);
	});

	test("automatic marks are tools, system and the last message", () => {
		const value = { tools: [{ name: "a" }], system: "s", messages: conversation(3) };
		const body = injected(value, automaticPoints(null));
		expect(body.tools[0].cache_control).toEqual(EPHEMERAL);
		expect(body.system[0].cache_control).toEqual(EPHEMERAL);
		expect(body.messages[2].content[0].cache_control).toEqual(EPHEMERAL);
	});
});
