import { describe, expect, test } from "vitest";
import { claudeCodeTurn, encode, type Generation, type Json, type JsonObject } from "./__fixtures__/claude-code.ts";
import { fingerprints, options, read } from "./__fixtures__/reading.ts";
import { createHasher, Level, type Outline, outline } from "./outline.ts";

const cc: JsonObject = { type: "ephemeral" };
const user = (content: Json, more: JsonObject = {}): JsonObject => ({ role: "user", content, ...more });
const text = (value: string, more: JsonObject = {}): JsonObject => ({ type: "text", text: value, ...more });
const of = (messages: Json, more: JsonObject = {}): Outline => read({ model: "m", messages, ...more });

/** How many fingerprints two outlines have in common from the start on. */
function common(a: Outline, b: Outline): number {
	const [left, right] = [fingerprints(a), fingerprints(b)];
	const at = left.findIndex((fingerprint, i) => fingerprint !== right[i]);
	return at < 0 ? left.length : at;
}

/** How many blocks of an outline are at a level or before it. */
function upTo(level: number, { chain }: Outline): number {
	return chain.level.filter((each) => each <= level).length;
}

describe("a Claude Code session keeps its prefixes", () => {
	test.each<Generation>(["2.1.330", "2.1.177", "2.0.62"])("of %s over 12 turns", (generation) => {
		const session = { generation, deferredFromTurn: 4, parallel: 2 };
		let last = read(claudeCodeTurn(1, session));
		for (let turn = 2; turn <= 12; turn++) {
			const next = read(claudeCodeTurn(turn, session));
			expect(common(last, next), `turn ${turn}`).toBe(last.chain.count);
			expect(next.chain.count).toBeGreaterThan(last.chain.count);
			expect(next.openingKey).toBe(last.openingKey);
			expect([...next.chain.bytes.slice(0, last.chain.count)]).toEqual([...last.chain.bytes]);
			last = next;
		}
	});

	test("and marks what the client marks", () => {
		const { chain, breakpoints } = read(claudeCodeTurn(3));
		const [s1, s2] = [12, 13];
		expect(chain.level[s1]).toBe(Level.system);
		expect(breakpoints).toEqual([s1, s2, chain.count - 1].map((block) => ({ block, ttl: "5m" })));
		expect(read(claudeCodeTurn(3, { generation: "2.0.62", ttl: "1h" })).breakpoints).toHaveLength(4);
		expect(read(claudeCodeTurn(2, { ttl: "1h" })).breakpoints.map(({ ttl }) => ttl)).toEqual(["1h", "1h", "1h"]);
	});

	test("sessions with another prompt share it up to the prompt", () => {
		const [a, b] = [read(claudeCodeTurn(1)), read(claudeCodeTurn(1, { prompt: "something else" }))];
		expect(common(a, b)).toBe(12 + 2 + 3);
		expect(a.openingKey).not.toBe(b.openingKey);
	});

	test("pretty-printed as well", () => {
		const pretty = (turn: number): Outline => read(Buffer.from(JSON.stringify(claudeCodeTurn(turn), null, 2)));
		expect(common(pretty(2), pretty(3))).toBe(pretty(2).chain.count);
	});
});

describe("a change is seen from its level on", () => {
	const turn = claudeCodeTurn(6);
	const base = read(turn);
	const with_ = (change: JsonObject): Outline => read({ ...turn, ...change });
	const tools = turn["tools"] as readonly JsonObject[];
	const messages = turn["messages"] as readonly JsonObject[];
	const system = turn["system"] as readonly JsonObject[];

	test.each<[string, JsonObject, number]>([
		["an edited tool", { tools: tools.map((tool, i) => (i === 4 ? { ...tool, description: "x" } : tool)) }, 4],
		["tools in another order", { tools: [...tools].reverse() }, 0],
		["a removed tool", { tools: tools.filter((_, i) => i !== 7) }, 7],
		["no tools", { tools: [] }, 0],
		["an edited system block", { system: system.map((block, i) => (i === 2 ? text("x") : block)) }, 13],
		["tool_choice", { tool_choice: { type: "any" } }, 14],
		["parallel tool use", { tool_choice: { type: "auto", disable_parallel_tool_use: true } }, 14],
		["thinking", { thinking: { type: "enabled", budget_tokens: 9 } }, 14],
		["effort", { output_config: { effort: "low" } }, 14],
		["an output format", { output_config: { effort: "high", format: { type: "json_schema" } } }, 14],
		["the first image", { messages: [...messages, user([{ type: "image", source: {} }])] }, 14],
		[
			"an image in a result",
			{ messages: [...messages, user([{ type: "tool_result", content: [{ type: "image" }] }])] },
			14,
		],
		["an edited message", { messages: messages.map((each, i) => (i === 0 ? user([text("x")]) : each)) }, 14],
		["a swapped role", { messages: messages.map((each, i) => (i === 0 ? { ...each, role: "assistant" } : each)) }, 14],
	])("%s", (_, change, kept) => {
		const changed = with_(change);
		expect(common(base, changed)).toBe(kept);
		const [left, right] = [fingerprints(base).slice(kept), new Set(fingerprints(changed).slice(kept))];
		expect(left.some((fingerprint) => right.has(fingerprint))).toBe(false);
	});

	test.each<[string, JsonObject]>([
		["metadata", { metadata: { user_id: "other" } }],
		["stream", { stream: false }],
		["anthropic_version", { anthropic_version: "bedrock-2023-05-31" }],
		["anthropic_beta", { anthropic_beta: ["interleaved-thinking-2025-05-14"] }],
		["max_tokens", { max_tokens: 1 }],
		["safeguards", { safeguards: [{ type: "dangerous_tool_use" }] }],
		["sampling", { temperature: 0, top_p: 1, top_k: 1, stop_sequences: ["x"] }],
		["context management", { context_management: null, service_tier: "auto" }],
		["another model: it is part of the place, not of the prompt", { model: "n" }],
		["settings that are null", { tool_choice: null }],
		["a deferred tool", { tools: [{ name: "Found", defer_loading: true }, ...tools] }],
		["an automatic marker", { cache_control: cc }],
	])("but not %s", (_, change) => {
		expect(fingerprints(with_(change))).toEqual(fingerprints(base));
	});

	test("levels do not run into each other", () => {
		const block = text("a");
		const asTool = read({ model: "m", tools: [block] });
		const asSystem = read({ model: "m", system: [block] });
		const asMessage = of([{ content: [block] }]);
		expect(new Set([asTool, asSystem, asMessage].flatMap(fingerprints)).size).toBe(3);
		expect(upTo(Level.system, asMessage)).toBe(0);
	});

	test("nor do blocks: their division counts", () => {
		const last = (outlined: Outline): string | undefined => fingerprints(outlined).at(-1);
		expect(last(of([user([text("ab")])]))).not.toBe(last(of([user([text("a"), text("b")])])));
		expect(last(of([user([text("a"), text("b")])]))).not.toBe(last(of([user("a"), user("b")])));
	});

	test("a message without content changes what follows it, and nothing before", () => {
		const effort = { role: "system", content: [], output_config: { effort: "low" } };
		const [plain, changed] = [of([user("a"), user("b")]), of([user("a"), effort, user("b")])];
		expect(changed.chain.count).toBe(2);
		expect(common(plain, changed)).toBe(1);
	});

	test("another seed gives other fingerprints", async () => {
		const hasher = await createHasher({ first: 1n, second: 0xfedc_ba98_7654_3210n });
		const other = outline(encode(turn), { ...options, hasher });
		expect(other.chain.high[0]).not.toBe(base.chain.high[0]);
		expect(other.chain.low[0]).toBe(base.chain.low[0]);
	});
});

describe("what one client writes in two ways is one prompt", () => {
	const a = fingerprints(of([user("hi")]));

	test.each<[string, Json]>([
		["a list with one text block", user([text("hi")])],
		["the same, marked", user([text("hi", { cache_control: cc })])],
		["marker first", user([{ cache_control: cc, type: "text", text: "hi" }])],
		["text before type", user([{ text: "hi", cache_control: cc, type: "text" }])],
		["a marker beside a string", user("hi", { cache_control: cc })],
		["content before role", { content: "hi", role: "user" }],
		["a marker before all", { cache_control: cc, content: "hi", role: "user" }],
		["a marker that is null", user([text("hi", { cache_control: null })])],
	])("%s", (_, message) => {
		expect(fingerprints(of([message]))).toEqual(a);
	});

	test("a system prompt as string or list", () => {
		expect(fingerprints(read({ model: "m", system: "s" }))).toEqual(
			fingerprints(read({ model: "m", system: [text("s", { cache_control: cc })] })),
		);
	});

	test("the billing block may come, change and go", () => {
		const systemWith = (...blocks: Json[]): string[] =>
			fingerprints(read({ model: "m", system: [...blocks, text("s")] }));
		const plain = systemWith();
		expect(systemWith(text("x-anthropic-billing-header: cc_version=2.1.330.fa0;"))).toEqual(plain);
		expect(
			systemWith(text("x-anthropic-billing-header: cc_version=2.1.177.1; cch=a1b2;", { cache_control: cc })),
		).toEqual(plain);
		expect(systemWith(text("about x-anthropic-billing-header:"))).not.toEqual(plain);
	});

	test("markers inside a tool result", () => {
		const result = (...content: Json[]): string[] => fingerprints(of([user([{ type: "tool_result", content }])]));
		expect(result(text("a"), { type: "image", cache_control: cc, id: 1 }, text("b", { cache_control: cc }))).toEqual(
			result(text("a"), { type: "image", id: 1 }, text("b")),
		);
	});

	test("but a text block with anything else is another block", () => {
		expect(fingerprints(of([user([text("hi", { citations: [] })])]))).not.toEqual(a);
	});
});

describe("the opening key", () => {
	test("is 0 without a system prompt and a user message", () => {
		expect(of([{ role: "assistant", content: "hi" }]).openingKey).toBe(0);
		expect(read({ model: "m", tools: [{ name: "A" }] }).openingKey).toBe(0);
	});

	test("does not change when tools, settings or later messages do", () => {
		const { openingKey } = of([user("hi")], { system: "s" });
		expect(openingKey).toBeGreaterThan(0);
		const later = [user("hi"), { role: "assistant", content: "a" }, user([{ type: "image" }])];
		expect(of(later, { system: "s", tools: [{ name: "A" }], tool_choice: { type: "any" } }).openingKey).toBe(
			openingKey,
		);
		expect(of([user("ho")], { system: "s" }).openingKey).not.toBe(openingKey);
		expect(of([user("hi")], { system: "t" }).openingKey).not.toBe(openingKey);
	});
});

describe("prefixes as LiteLLM's tests want them (litellm §6)", () => {
	test("key order in a body does not matter, order in lists does (1)", () => {
		const first = read({ model: "m", system: "s", messages: [user("a"), user("b")] });
		const second = read({ messages: [user("a"), user("b")], system: "s", model: "m" });
		expect(fingerprints(first)).toEqual(fingerprints(second));
		expect(common(first, of([user("b"), user("a")], { system: "s" }))).toBe(1);
	});

	test("one marked system prompt is one prefix for three different users (2)", () => {
		const prefixes = ["a", "b", "c"].map((value) => {
			const outlined = of([user(value)], { system: [text("long", { cache_control: cc })] });
			return fingerprints(outlined)[outlined.breakpoints[0]?.block ?? -1];
		});
		expect(prefixes[0]).toBeDefined();
		expect(new Set(prefixes).size).toBe(1);
	});

	test("an unmarked block before a marked one is in the prefix, a later message is not (3)", () => {
		const at = (first: string, later: string): string | undefined => {
			const outlined = of([user([text(first), text("b", { cache_control: cc })]), user(later)]);
			return fingerprints(outlined)[outlined.breakpoints[0]?.block ?? -1];
		};
		expect(at("a", "x")).toBe(at("a", "y"));
		expect(at("a", "x")).not.toBe(at("z", "x"));
	});

	test("a marker beside a string counts, a string alone marks nothing (4)", () => {
		expect(of([user("a", { cache_control: cc }), user("b")]).breakpoints).toEqual([{ block: 0, ttl: "5m" }]);
		expect(of([user("a"), user("b")]).breakpoints).toEqual([]);
	});

	test("of markers beside a string and in a block the last decides where the prefix ends (5)", () => {
		const messages = [user("a", { cache_control: cc }), user([text("b", { cache_control: cc })]), user("c")];
		expect(of(messages).breakpoints.at(-1)).toEqual({ block: 1, ttl: "5m" });
	});

	test("tools that carry the only marker are a prefix of their own (18)", () => {
		const tools = [{ name: "A" }, { name: "B", cache_control: cc }];
		expect(of([user("a")], { tools }).breakpoints).toEqual([{ block: 1, ttl: "5m" }]);
		expect(common(of([user("a")], { tools }), of([user("a")]))).toBe(0);
	});

	test("a client's own markers stay where they are (19)", () => {
		const marked = of([user([text("a", { cache_control: cc }), text("b")]), user("c")]);
		expect(marked.breakpoints).toEqual([{ block: 0, ttl: "5m" }]);
	});

	test("the next turn holds the last one's marked prefix, also as a plain string (20, 21)", () => {
		const first = of([user([text("a", { cache_control: cc })])], { system: [text("s", { cache_control: cc })] });
		const second = of([user("a"), { role: "assistant", content: "b" }, user([text("c", { cache_control: cc })])], {
			system: "s",
		});
		expect(common(first, second)).toBe(2);
	});

	test("a run of 25 calls and their results is told from 25 texts (23)", () => {
		const run = (type: string): Json => [user(Array.from({ length: 25 }, (_, id) => ({ type, id })))];
		expect(new Set(of(run("tool_use")).chain.kind)).toEqual(new Set([1]));
		expect(new Set(of(run("tool_result")).chain.kind)).toEqual(new Set([2]));
		expect(new Set(of(run("text")).chain.kind)).toEqual(new Set([0]));
	});

	test("edited history or swapped roles share nothing from there on; odd bytes are hashed, not thrown at (24)", () => {
		const base = of([user("a"), { role: "assistant", content: "b" }, user("c")]);
		expect(common(base, of([user("a"), { role: "assistant", content: "x" }, user("c")]))).toBe(1);
		expect(common(base, of([{ role: "assistant", content: "a" }, user("b"), user("c")]))).toBe(0);
		expect(of([user([{ type: "text", text: 5 }, 7, null, [["x"]], "s"]), 3, null]).chain.count).toBe(5);
	});

	test("a replayed redacted thinking block is part of the prefix (28)", () => {
		const thought = { role: "assistant", content: [{ type: "redacted_thinking", data: "abc" }] };
		const first = of([user("a"), thought, user([text("b", { cache_control: cc })])]);
		expect(first.chain.count).toBe(3);
		expect(common(first, of([user("a"), thought, user("b"), user("c")]))).toBe(3);
		expect(common(first, of([user("a"), user("b")]))).toBe(1);
	});
});
