// Every reason for a miss, from two turns' summaries as the log stores them.
import { describe, expect, test } from "vitest";
import { type Block, promptOf } from "./__fixtures__/prompt.ts";
import { type Turn, whyMissed } from "./miss.ts";
import { commonBlocks, MOST_KEPT, type PrefixSummary, readSummary, summarise } from "./summary.ts";

const TOOLS: Block[] = [0, 1, 2].map((at) => ({ level: 0, text: `tool ${at}`, tokens: 500 }));
const SYSTEM: Block[] = [
	{ level: 1, text: "you are", tokens: 100 },
	{ level: 1, text: "rules", tokens: 3_000, mark: "5m" },
];

function messages(count: number, change: Partial<Record<number, string>> = {}): Block[] {
	return Array.from({ length: count }, (_, at) => ({ level: 2, text: change[at] ?? `message ${at}`, tokens: 200 }));
}

function marked(blocks: readonly Block[], ttl: "5m" | "1h" = "5m"): Block[] {
	return blocks.map((block, at) => (at === blocks.length - 1 ? { ...block, mark: ttl } : block));
}

const SETTINGS = { toolChoice: 0, thinking: 1, effort: 0, format: 0, images: 0 };

function throughStore(summary: PrefixSummary): PrefixSummary {
	return readSummary(JSON.parse(JSON.stringify(summary)));
}

/** A served turn over these blocks; what it read and wrote is all up to its last mark. It went through the store. */
function turn(blocks: readonly Block[], about: Partial<Turn> = {}): Turn {
	const { prefixes, breakpoints } = promptOf(blocks);
	// Every block of the messages is a message of its own.
	let message = 0;
	const numbers = Int32Array.from(blocks, ({ level }) => (level === 2 ? message++ : -1));
	const summary = summarise({ ...prefixes, message: numbers }, breakpoints);
	const last = breakpoints.at(-1)?.block ?? -1;
	const cached = blocks.slice(0, last + 1).reduce((sum, { tokens }) => sum + tokens, 0);
	const rest = blocks.slice(last + 1).reduce((sum, { tokens }) => sum + tokens, 0);
	return {
		startedAt: 0,
		firstByteAt: 500,
		model: "claude-sonnet-5-5",
		place: "anthropic/org/a",
		modelId: "a",
		betas: "",
		variant: "",
		settings: SETTINGS,
		summary: throughStore(summary),
		inputTokens: rest,
		readTokens: 0,
		writeTokens: cached,
		minimumTokens: 1024,
		collapseRuns: true,
		route: "prefix",
		diagnosis: null,
		...about,
	};
}

const FIRST = turn(marked([...TOOLS, ...SYSTEM, ...messages(4)]));
/** Tokens of tools and system, of tools alone, of everything in FIRST. */
const HEAD = 4_600;
const ALL = 5_400;

/** A second turn a minute later that reads nothing. */
function next(blocks: readonly Block[], about: Partial<Turn> = {}): Turn {
	return turn(marked(blocks), { startedAt: 60_000, firstByteAt: 60_500, ...about });
}

const GROWN = [...TOOLS, ...SYSTEM, ...messages(6)];

test("a turn that reads all that was cached missed nothing", () => {
	expect(whyMissed(next(GROWN, { readTokens: ALL }), FIRST)).toBeNull();
	expect(whyMissed(next(GROWN, { readTokens: ALL - 20 }), FIRST)).toBeNull();
	expect(whyMissed(FIRST, null)).toBeNull();
});

describe("the prompt changed", () => {
	test.each([
		["a tool that differs", [{ ...TOOLS[0], text: "x" }, TOOLS[1], TOOLS[2]], 0, "tools_changed", "tools[0] differs"],
		["a tool that is gone", [TOOLS[0], TOOLS[1]], 0, "tools_changed", "tools[2] is gone (3 tools before, 2 now)"],
		[
			"a tool that was added",
			[...TOOLS, { level: 0, text: "new", tokens: 10 }],
			0,
			"tools_changed",
			"tools[3] was added (3 tools before, 4 now)",
		],
	] as const)("%s", (_, tools, readTokens, reason, detail) => {
		const now = next([...(tools as readonly Block[]), ...SYSTEM, ...messages(6)], { readTokens });
		expect(whyMissed(now, FIRST)).toEqual({ reason, detail, tokens: ALL - readTokens });
	});

	test("a system block that differs", () => {
		const system = [SYSTEM[0] as Block, { ...(SYSTEM[1] as Block), text: "other rules" }];
		const miss = whyMissed(next([...TOOLS, ...system, ...messages(6)]), FIRST);
		expect(miss).toMatchObject({ reason: "system_changed", detail: "system[1] differs" });
	});

	test("an edited message, when the head was still read", () => {
		const now = next([...TOOLS, ...SYSTEM, ...messages(6, { 2: "edited" })], { readTokens: HEAD });
		expect(whyMissed(now, FIRST)).toEqual({
			reason: "history_edited",
			detail: "messages[2] differs",
			tokens: ALL - HEAD,
		});
	});

	test("a history that became shorter", () => {
		const now = next([...TOOLS, ...SYSTEM, ...messages(2)], { readTokens: HEAD });
		expect(whyMissed(now, FIRST)).toMatchObject({
			reason: "history_edited",
			detail: "the history ends before message 2",
		});
	});

	test("settings that are rendered with the messages", () => {
		// They are hashed before the first message, so that every message differs.
		const changed = messages(6).map((block) => ({ ...block, text: `${block.text} under another tool_choice` }));
		const settings = { ...SETTINGS, toolChoice: 7, thinking: 0 };
		const miss = whyMissed(next([...TOOLS, ...SYSTEM, ...changed], { settings, readTokens: HEAD }), FIRST);
		expect(miss).toMatchObject({
			reason: "settings_changed",
			detail: "tool_choice, thinking changed: all messages are read anew",
		});
	});

	test("an edit does not hide that even the head was gone", () => {
		const now = next([...TOOLS, ...SYSTEM, ...messages(6, { 2: "edited" })], { startedAt: 400_000 });
		expect(whyMissed(now, FIRST)).toMatchObject({ reason: "expired" });
	});
});

describe("the prompt is the same", () => {
	test.each([
		["expired", { startedAt: 301_000 }, "5.0 min since the last turn; entries live 5m"],
		["model_changed", { model: "claude-opus-5" }, "claude-sonnet-5-5 before, claude-opus-5 now"],
		["betas_changed", { betas: "context-1m" }, "+context-1m"],
		["variant_changed", { variant: "speed=fast" }, "default before, speed=fast now"],
		["not_ready", { startedAt: 400 }, "it was sent before the request that writes the entry had begun to answer"],
		[
			"moved",
			{ place: "anthropic/org/b", modelId: "b", route: "diverted from a: limit" },
			"from a to b (diverted from a: limit)",
		],
		["lost", {}, "nothing changed and it had not expired: the provider no longer had the entry"],
		["tools_changed", { diagnosis: "tools_changed" }, "as the provider diagnosed: tools_changed"],
	] as const)("%s", (reason, about, detail) => {
		expect(whyMissed(next(GROWN, about), FIRST)).toEqual({ reason, detail, tokens: ALL });
	});

	test("an entry of an hour outlives five minutes", () => {
		const first = turn(marked([...TOOLS, ...SYSTEM, ...messages(4)], "1h"));
		expect(whyMissed(next(GROWN, { startedAt: 1_800_000 }), first)).toMatchObject({ reason: "lost" });
		expect(whyMissed(next(GROWN, { startedAt: 3_600_000 }), first)).toMatchObject({ reason: "expired" });
	});

	test("more blocks were added than the provider looks back over", () => {
		const grown = next([...TOOLS, ...SYSTEM, ...messages(30)], { readTokens: HEAD });
		expect(whyMissed(grown, FIRST)).toMatchObject({
			reason: "look_back",
			detail: "27 positions before the next breakpoint; 20 are looked at",
		});
	});

	test("a run of tool results is one position, where the platform counts so", () => {
		const results: Block[] = Array.from({ length: 30 }, (_, at) => ({
			level: 2,
			text: `result ${at}`,
			tokens: 200,
			kind: 2,
		}));
		const blocks = [...TOOLS, ...SYSTEM, ...messages(4), ...results];
		expect(whyMissed(next(blocks), FIRST)).toMatchObject({ reason: "lost" });
		expect(whyMissed(next(blocks, { collapseRuns: false }), FIRST)).toMatchObject({ reason: "look_back" });
	});
});

test("a prompt below the model's minimum is recognised, also on the first turn", () => {
	const short = [{ level: 1, text: "short", tokens: 300, mark: "5m" } as Block];
	const now = turn(short, { inputTokens: 300, writeTokens: 0, minimumTokens: 1024 });
	const expected = {
		reason: "below_minimum",
		detail: "about 300 tokens are marked for caching; this model caches from 1024",
		tokens: 0,
	};
	expect(whyMissed(now, null)).toEqual(expected);
	expect(whyMissed({ ...now, startedAt: 1_000 }, now)).toEqual(expected);
});

test("a request without any marker missed nothing: it asked for nothing", () => {
	expect(whyMissed(turn(messages(3)), FIRST)).toBeNull();
});

test("the summary of a huge prompt is bounded, and still finds a change at either end", () => {
	const long = turn(marked([...TOOLS, ...SYSTEM, ...messages(5_000)])).summary;
	expect(Buffer.from(long.toJSON().words, "base64").length).toBe(MOST_KEPT * 4);
	const early = turn(marked([...TOOLS, ...SYSTEM, ...messages(5_000, { 10: "edited" })])).summary;
	expect(commonBlocks(long, early)).toBe(15);
	const late = turn(marked([...TOOLS, ...SYSTEM, ...messages(5_000, { 4990: "edited" })])).summary;
	expect(commonBlocks(long, late)).toBe(4_995);
	expect(throughStore(long).toJSON()).toEqual(long.toJSON());
});

test("two prompts have in common what goes before their first difference, wherever that is and however much longer one is", () => {
	for (let length = 0; length < 40; length += 3) {
		const one = turn(messages(length)).summary;
		for (const longer of [0, 1, 30]) {
			for (let change = 0; change <= length; change += 1) {
				const other = turn(messages(length + longer, { [change]: "another" })).summary;
				expect([commonBlocks(one, other), commonBlocks(other, one)]).toEqual([change, change]);
			}
		}
	}
});
