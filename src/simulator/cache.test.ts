import { describe, expect, it } from "vitest";
import { bodyOf, marked, messageOf, promptOf, words } from "./__fixtures__/bodies.ts";
import { type InputUsage, PromptCache } from "./cache.ts";
import type { Prompt } from "./prompt.ts";

const SECOND = 1_000;
const NOTHING: InputUsage = { read: 0, write5m: 0, write1h: 0, uncached: 0 };

/** A request whose first byte comes at once. */
function answered(cache: PromptCache, prompt: Prompt, nowMs = 0): InputUsage {
	const pending = cache.begin(prompt, nowMs);
	pending.firstByte(nowMs);
	return pending.usage;
}

/** One user message of `count` blocks of 1,000 tokens, marked at these blocks (counted from 1). */
function turn(count: number, marks: readonly number[] = [count]): Prompt {
	const blocks = Array.from({ length: count }, (_, index) => {
		const block = words(`block ${index}`, 1_000);
		return marks.includes(index + 1) ? marked(block) : block;
	});
	return promptOf(bodyOf(blocks));
}

describe("the look-back of a breakpoint", () => {
	it("V1: reads an entry 19 blocks back and misses one 20 blocks back", () => {
		const cache = new PromptCache();
		answered(cache, turn(10));
		expect(answered(cache, turn(15)).read).toBe(10_000);
		expect(cache.preview(turn(35), 0).read).toBe(0);
		expect(cache.preview(turn(34), 0).read).toBe(15_000);
	});

	it("V1: starts again at every marker, so an old marker kept in place still reads its entry", () => {
		const cache = new PromptCache();
		answered(cache, turn(10));
		answered(cache, turn(15));
		expect(answered(cache, turn(35, [15, 35]))).toEqual({ ...NOTHING, read: 15_000, write5m: 20_000 });
	});

	it("V6: counts a run of parallel tool calls, and one of their results, as one position each", () => {
		const calls = Array.from({ length: 25 }, (_, index) => ({
			type: "tool_use",
			id: `t${index}`,
			name: "Bash",
			input: {},
		}));
		const results = calls.map((call, index) => {
			const result = { type: "tool_result", tool_use_id: call.id, content: `result ${index}` };
			return index === 24 ? marked(result) : result;
		});
		const first = { role: "user", content: [marked(words("start", 2_000))] };
		const before = promptOf({ ...bodyOf([]), messages: [first] });
		const after = promptOf({
			...bodyOf([]),
			messages: [
				{ role: "user", content: [words("start", 2_000)] },
				{ role: "assistant", content: calls },
				{ role: "user", content: results },
			],
		});
		const collapsing = new PromptCache();
		answered(collapsing, before);
		expect(collapsing.preview(after, 0).read).toBe(2_000);
		const counting = new PromptCache({ collapseRuns: false });
		answered(counting, before);
		expect(counting.preview(after, 0).read).toBe(0);
	});

	it("V7: finds an earlier write although no marker stands there any more", () => {
		const cache = new PromptCache();
		answered(cache, turn(10, [5, 10]));
		expect(answered(cache, turn(12, [12])).read).toBe(10_000);
	});
});

describe("the life of an entry", () => {
	it("V3: two identical requests both write when the second starts before the first one's first byte", () => {
		const cache = new PromptCache();
		const first = cache.begin(turn(3), 0);
		const second = cache.begin(turn(3), 1 * SECOND);
		expect(first.usage).toEqual({ ...NOTHING, write5m: 3_000 });
		expect(second.usage).toEqual({ ...NOTHING, write5m: 3_000 });
		first.firstByte(2 * SECOND);
		expect(cache.preview(turn(3), 2 * SECOND - 1).read).toBe(0);
		expect(cache.begin(turn(3), 2 * SECOND).usage).toEqual({ ...NOTHING, read: 3_000 });
	});

	it("V4: lives five minutes from the start of the last request that used it", () => {
		const cache = new PromptCache();
		cache.begin(turn(3), 0).firstByte(240 * SECOND);
		expect(answered(cache, turn(3), 299 * SECOND).read).toBe(3_000);
		expect(answered(cache, turn(3), 598 * SECOND).read).toBe(3_000);
		expect(cache.preview(turn(3), 898 * SECOND).read).toBe(0);
		expect(answered(cache, turn(3), 899 * SECOND).read).toBe(0);
	});

	it("is never readable when it expired before its first byte", () => {
		const cache = new PromptCache();
		cache.begin(turn(3), 0).firstByte(301 * SECOND);
		expect(cache.preview(turn(3), 301 * SECOND).read).toBe(0);
	});

	it("is refreshed when a longer prefix is read, as long as a marker still stands there", () => {
		const prompt = turn(6, [2, 6]);
		const refreshing = new PromptCache();
		answered(refreshing, prompt, 0);
		answered(refreshing, prompt, 200 * SECOND);
		expect(refreshing.preview(turn(2), 400 * SECOND).read).toBe(2_000);
		const strict = new PromptCache({ refreshAncestors: false });
		answered(strict, prompt, 0);
		answered(strict, prompt, 200 * SECOND);
		expect(strict.preview(turn(2), 400 * SECOND).read).toBe(0);
		expect(strict.preview(prompt, 400 * SECOND).read).toBe(6_000);
	});

	it("stays when the client leaves after the first byte", () => {
		const cache = new PromptCache();
		const pending = cache.begin(turn(3), 0);
		pending.firstByte(1 * SECOND);
		pending.fail();
		expect(cache.preview(turn(3), 2 * SECOND).read).toBe(3_000);
	});

	it("is never made when the request fails before its first byte", () => {
		const cache = new PromptCache();
		const pending = cache.begin(turn(3), 0);
		pending.fail();
		pending.firstByte(1 * SECOND);
		expect(cache.preview(turn(3), 2 * SECOND).read).toBe(0);
		expect(cache.live(2 * SECOND)).toBe(0);
	});

	it("keeps its own lifetime when it is read through a marker with a longer one", () => {
		const cache = new PromptCache();
		answered(cache, turn(3), 0);
		const long = promptOf(
			bodyOf([words("block 0", 1_000), words("block 1", 1_000), marked(words("block 2", 1_000), "1h")]),
		);
		expect(answered(cache, long, 10 * SECOND).read).toBe(3_000);
		expect(cache.preview(long, 311 * SECOND).read).toBe(0);
	});

	it("is found only sometimes when propagation is uncertain", () => {
		const draws = [0.9, 0.1];
		const cache = new PromptCache({ propagation: () => 0.5, random: () => draws.shift() ?? 0 });
		answered(cache, turn(3));
		expect(cache.preview(turn(3), 0).read).toBe(0);
		expect(cache.preview(turn(3), 0).read).toBe(3_000);
	});

	it("is swept away after it expired, so the cache does not grow without bound", () => {
		const cache = new PromptCache();
		for (let index = 0; index < 2_000; index += 1) {
			answered(cache, promptOf(bodyOf([marked(words(`session ${index}`, 600))])), index * 10 * SECOND);
		}
		expect(cache.live(2_000 * 10 * SECOND)).toBeLessThan(31);
	});
});

describe("what a request is billed", () => {
	it("V2: nothing is cached below the model's minimum", () => {
		const prompt = promptOf(bodyOf([marked(words("short", 2_000))], { model: "claude-haiku-4-5" }));
		const cache = new PromptCache();
		expect(answered(cache, prompt)).toEqual({ ...NOTHING, uncached: 2_000 });
		expect(answered(cache, prompt)).toEqual({ ...NOTHING, uncached: 2_000 });
	});

	it("V5: one hour up to the last 1h marker, five minutes up to the last marker, the rest uncached", () => {
		const prompt = promptOf(
			bodyOf([marked(words("history", 2_000)), words("tail", 100)], {
				system: [marked(words("system", 10_000), "1h")],
			}),
		);
		const cache = new PromptCache();
		expect(answered(cache, prompt)).toEqual({ read: 0, write1h: 10_000, write5m: 2_000, uncached: 100 });
		expect(answered(cache, prompt, 600 * SECOND)).toEqual({ read: 10_000, write1h: 0, write5m: 2_000, uncached: 100 });
	});

	it("sums to the whole prompt", () => {
		const cache = new PromptCache();
		for (const prompt of [turn(4), turn(9, [4, 7]), turn(12, []), turn(30, [1, 12, 30])]) {
			const { read, write5m, write1h, uncached } = answered(cache, prompt);
			expect(read + write5m + write1h + uncached).toBe(prompt.totalTokens);
		}
	});
});

describe("V8: markers that the provider refuses", () => {
	const long = (name: string) => words(name, 600);
	const four = [1, 2, 3, 4].map((index) => marked(long(`b${index}`)));

	it("a fifth marker", () => {
		expect(messageOf(() => promptOf(bodyOf([...four, marked(long("b5"))])))).toBe(
			"A maximum of 4 blocks with cache_control may be provided. Found 5.",
		);
	});

	it("the automatic marker when four are taken", () => {
		const body = bodyOf([...four, long("tail")], { cache_control: { type: "ephemeral" } });
		expect(messageOf(() => promptOf(body))).toContain("Found 5.");
	});

	it("one hour after five minutes, in the order tools, system, messages", () => {
		const body = bodyOf([marked(long("message"), "1h")], { system: [marked(long("system"))] });
		expect(messageOf(() => promptOf(body))).toMatch(/^messages\.0\.content\.0\.cache_control\.ttl: a ttl='1h'/);
	});

	it("an automatic marker with another lifetime than the last block's own", () => {
		const body = bodyOf([marked(long("last"))], { cache_control: { type: "ephemeral", ttl: "1h" } });
		expect(messageOf(() => promptOf(body))).toContain("different ttl");
	});

	it("but not an automatic marker that repeats the last block's own, even as the fifth", () => {
		const prompt = promptOf(bodyOf(four, { cache_control: { type: "ephemeral" } }));
		expect(prompt.breakpoints).toHaveLength(4);
	});
});

describe("V9: what a change leaves readable", () => {
	const tool = marked({ name: "Bash", description: "d".repeat(4_000), input_schema: { type: "object" } });
	const system = [marked(words("system", 1_000))];
	const messages = [marked(words("question", 1_000))];
	const base = bodyOf(messages, { tools: [tool], system });
	const warm = () => {
		const cache = new PromptCache();
		answered(cache, promptOf(base, { betas: ["one"] }));
		return cache;
	};
	const toolTokens = promptOf(base).tokens[0] ?? 0;
	const read = (body: unknown, betas = ["one"]) => warm().preview(promptOf(body, { betas }), 0).read;

	it("all of it when nothing but limits and metadata change", () => {
		const same = {
			...base,
			max_tokens: 5,
			stream: true,
			metadata: { user_id: "x" },
			temperature: 1,
			stop_sequences: ["x"],
		};
		expect(read(same)).toBe(toolTokens + 2_000);
	});

	it.each([
		["tool_choice", { tool_choice: { type: "any" } }],
		["parallel tool use", { tool_choice: { type: "auto", disable_parallel_tool_use: true } }],
		["effort", { output_config: { effort: "low" } }],
		["thinking", { thinking: { type: "adaptive" } }],
		["the answer's format", { output_config: { format: { type: "json_schema", schema: {} } } }],
	])("tools and system when %s changes", (_name, change) => {
		expect(read({ ...base, ...change })).toBe(toolTokens + 1_000);
	});

	it("tools and system when an image is added", () => {
		const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
		expect(read({ ...base, messages: [{ role: "user", content: [...messages, image] }] })).toBe(toolTokens + 1_000);
	});

	it.each([
		["web search", { tools: [tool, { type: "web_search_20250305", name: "web_search" }] }],
		["the system prompt", { system: [marked(words("other", 1_000))] }],
		["speed", { speed: "fast" }],
	])("the tools when %s changes", (_name, change) => {
		expect(read({ ...base, ...change })).toBe(toolTokens);
	});

	it.each([
		["a tool", { tools: [{ ...tool, description: "e".repeat(4_000) }] }],
		["the model", { model: "claude-opus-5-5" }],
		["the geography", { inference_geo: "us" }],
	])("nothing when %s changes", (_name, change) => {
		expect(read({ ...base, ...change })).toBe(0);
	});

	it("nothing when the set of betas changes, but everything when only their order does", () => {
		expect(read(base, ["two"])).toBe(0);
		expect(read(base, [])).toBe(0);
		const cache = new PromptCache();
		answered(cache, promptOf(base, { betas: ["one", "two"] }));
		expect(cache.preview(promptOf(base, { betas: ["two", "one"] }), 0).read).toBe(toolTokens + 2_000);
	});

	it("nothing when effort changes on a model that renders it first", () => {
		const rules = { renderConfigEarly: () => true };
		const cache = new PromptCache();
		answered(cache, promptOf(base, { rules }));
		expect(cache.preview(promptOf({ ...base, output_config: { effort: "low" } }, { rules }), 0).read).toBe(0);
		expect(cache.preview(promptOf({ ...base, output_config: { effort: "high" } }, { rules }), 0).read).toBe(
			toolTokens + 2_000,
		);
	});
});
