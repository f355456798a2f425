// What the index finds of a prompt. Positions and lifetimes follow prompt-caching §2, the vectors prompt-caching §6.
import { expect, test } from "vitest";
import { type Block, marked, messages, promptOf } from "./__fixtures__/prompt.ts";
import { NONE } from "./entry-table.ts";
import { PrefixIndex } from "./index.ts";
import type { Place } from "./place.ts";
import { LOOK_BACK_POSITIONS, type Ttl } from "./semantics.ts";

const HERE: Place = { domain: 0, variant: 1, collapseRuns: true };
const PLAIN: Place = { ...HERE, collapseRuns: false };
const THERE: Place = { ...HERE, domain: 1 };

function createIndex(maxEntries = 1_000): PrefixIndex {
	return new PrefixIndex({ maxEntries, root: (domain) => domain });
}

/** A request with `blocks` was answered at `place` from `now` on. */
function write(
	index: PrefixIndex,
	blocks: readonly Block[],
	options: { place?: Place; now?: number; ttl?: Ttl } = {},
): void {
	const { place = HERE, now = 0, ttl = "5m" } = options;
	const { prefixes, breakpoints } = promptOf(blocks);
	for (const { block } of breakpoints) {
		const spot = { high: prefixes.high[block] ?? 0, low: prefixes.low[block] ?? 0, place };
		const tokens = (prefixes.bytes[block] ?? 0) / 4;
		index.confirm(spot, { ttl, tokens, exact: true, requestedAt: now }, now);
	}
}

function look(index: PrefixIndex, blocks: readonly Block[], options: { places?: Place[]; now?: number } = {}) {
	return index.longest({ ...promptOf(blocks), places: options.places ?? [HERE], now: options.now ?? 1_000 });
}

test("a conversation that grew is found at the end of its last turn", () => {
	const index = createIndex();
	const turns = messages("m", 15);
	write(index, marked(turns.slice(0, 10), [-1]));
	expect(look(index, marked(turns, [-1]))).toEqual([
		{ home: 9, pending: false, read: 9, readTokens: 2_000, coming: NONE, related: NONE },
	]);
});

test("an edited earlier block, or the same text in another role, finds nothing", () => {
	const index = createIndex();
	const turns = messages("m", 10);
	write(index, marked(turns, [-1]));
	const edited = turns.map((block, at) => (at === 3 ? { ...block, text: "edited" } : block));
	expect(look(index, marked(edited, [-1]))[0]).toMatchObject({ home: NONE, read: NONE, readTokens: 0 });
});

test.each([
	["the twentieth position back is read", LOOK_BACK_POSITIONS - 1, true],
	["the twenty-first is home, but not read", LOOK_BACK_POSITIONS, false],
])("%s", (_name, behind, read) => {
	const index = createIndex();
	const blocks = messages("m", 15 + behind);
	write(index, marked(blocks.slice(0, 15), [-1]));
	const [match] = look(index, marked(blocks, [-1]));
	expect(match).toMatchObject({ home: 14, read: read ? 14 : NONE });
});

test("a second breakpoint near the old end brings it back into reach", () => {
	const index = createIndex();
	const blocks = messages("m", 40);
	write(index, marked(blocks.slice(0, 15), [-1]));
	expect(look(index, marked(blocks, [20, -1]))[0]).toMatchObject({ read: 14 });
});

test("a breakpoint that moved back finds the longest entry before it", () => {
	const index = createIndex();
	const blocks = messages("m", 12);
	write(index, marked(blocks.slice(0, 10), [4, 9]));
	expect(look(index, marked(blocks, [11]))[0]).toMatchObject({ read: 9 });
	expect(look(index, marked(blocks, [7]))[0]).toMatchObject({ read: 4 });
});

const RUN = LOOK_BACK_POSITIONS + 5;
const parallelTools = (kinds: { use: 0 | 1; result: 0 | 2 }): Block[] => [
	...messages("m", 6),
	...messages("use", RUN).map((block): Block => ({ ...block, kind: kinds.use })),
	...messages("result", RUN).map((block): Block => ({ ...block, kind: kinds.result })),
];

test("a run of tool calls, or of tool results, counts as one position where the platform does so", () => {
	const index = createIndex();
	write(index, marked(messages("m", 6), [-1]));
	const tools = marked(parallelTools({ use: 1, result: 2 }), [-1]);
	expect(look(index, tools)[0]).toMatchObject({ home: 5, read: 5 });
	expect(look(index, tools, { places: [PLAIN] })[0]).toMatchObject({ home: 5, read: NONE });
});

test("the same run as text counts block by block", () => {
	const index = createIndex();
	write(index, marked(messages("m", 6), [-1]));
	expect(look(index, marked(parallelTools({ use: 0, result: 0 }), [-1]))[0]).toMatchObject({ home: 5, read: NONE });
});

test("each place has its own longest prefix", () => {
	const index = createIndex();
	const blocks = messages("m", 12);
	write(index, marked(blocks.slice(0, 5), [-1]));
	write(index, marked(blocks.slice(0, 9), [-1]), { place: THERE });
	const elsewhere = { ...HERE, variant: 2 };
	const matches = look(index, marked(blocks, [-1]), { places: [HERE, elsewhere, THERE] });
	expect(matches.map((match) => match.home)).toEqual([4, NONE, 8]);
});

test("a place far behind the best one is known by its tools and system only", () => {
	const index = createIndex();
	const system: Block[] = [{ text: "system", level: 1, tokens: 2_000 }];
	const blocks = [...system, ...messages("m", 100)];
	write(index, marked(blocks.slice(0, 90), [0, -1]));
	write(index, marked(blocks.slice(0, 10), [0, -1]), { place: THERE });
	const [best, other] = look(index, marked(blocks, [0, -1]), { places: [HERE, THERE] });
	expect(best).toMatchObject({ home: 89, read: 89 });
	expect(other).toMatchObject({ home: NONE, read: 0, readTokens: 2_000 });
});

test("tools and system are read, but they are no home", () => {
	const index = createIndex();
	const system: Block[] = [
		{ text: "tool", level: 0, tokens: 1_000 },
		{ text: "system", level: 1, tokens: 1_000 },
	];
	write(index, [...marked(system, [-1]), ...marked(messages("a", 3), [-1])]);
	const other = [...marked(system, [-1]), ...marked(messages("b", 50), [-1])];
	expect(look(index, other)).toEqual([
		{ home: NONE, pending: false, read: 1, readTokens: 2_000, coming: NONE, related: NONE },
	]);
});

test.each([
	["5m", 299_999, 300_000],
	["1h", 3_599_999, 3_600_000],
] as const)("an entry of %s lives from the request's start, however long the answer took", (ttl, last, gone) => {
	const index = createIndex();
	const blocks = marked(messages("m", 3), [-1]);
	const { prefixes } = promptOf(blocks);
	const spot = { high: prefixes.high[2] ?? 0, low: prefixes.low[2] ?? 0, place: HERE };
	index.confirm(spot, { ttl, tokens: 600, exact: true, requestedAt: 0 }, 240_000);
	expect(look(index, blocks, { now: last })[0]?.read).toBe(2);
	expect(look(index, blocks, { now: gone })[0]).toMatchObject({ home: NONE, read: NONE });
});

test("reading prolongs an entry by its own lifetime, not by the reader's", () => {
	const index = createIndex();
	const blocks = marked(messages("m", 3), [-1]);
	write(index, blocks, { ttl: "5m" });
	write(index, blocks, { now: 299_000, ttl: "1h" });
	expect(look(index, blocks, { now: 598_000 })[0]?.read).toBe(2);
	expect(look(index, blocks, { now: 599_000 })[0]?.read).toBe(NONE);
});

test("in a prompt of mixed lifetimes the short part goes and the long part stays", () => {
	const index = createIndex();
	const system: Block[] = [{ text: "system", level: 1, tokens: 10_000 }];
	const blocks = [...marked(system, [-1], "1h"), ...marked(messages("m", 3), [-1], "5m")];
	write(index, marked(system, [-1]), { ttl: "1h" });
	write(index, [...system, ...marked(messages("m", 3), [-1])]);
	expect(look(index, blocks, { now: 600_000 })[0]).toMatchObject({ home: NONE, read: 0, readTokens: 10_000 });
});

test("a pending entry shows the way and promises nothing", () => {
	const index = createIndex();
	const blocks = marked(messages("m", 3), [-1]);
	const { prefixes } = promptOf(blocks);
	const spot = { high: prefixes.high[2] ?? 0, low: prefixes.low[2] ?? 0, place: HERE };
	const belief = { ttl: "5m", tokens: 600, exact: false, requestedAt: 0 } as const;
	expect(index.announce(spot, belief, 0)).toBe(true);
	expect(look(index, blocks)).toEqual([
		{ home: 2, pending: true, read: NONE, readTokens: 0, coming: 2, related: NONE },
	]);
	index.confirm(spot, belief, 2_000);
	expect(look(index, blocks, { now: 1_999 })[0]).toMatchObject({ pending: true, read: NONE });
	expect(look(index, blocks, { now: 2_000 })[0]).toMatchObject({ pending: false, read: 2 });
	expect(index.announce(spot, belief, 3_000)).toBe(false);
});

test("a pending entry stays while any of its writers may still begin", () => {
	const index = createIndex();
	const blocks = marked(messages("m", 3), [-1]);
	const { prefixes } = promptOf(blocks);
	const spot = { high: prefixes.high[2] ?? 0, low: prefixes.low[2] ?? 0, place: HERE };
	const belief = { ttl: "5m", tokens: 600, exact: false, requestedAt: 0 } as const;
	index.announce(spot, belief, 0);
	index.announce(spot, belief, 10);
	index.withdraw(spot);
	expect(look(index, blocks)[0]?.home).toBe(2);
	index.withdraw(spot);
	expect(look(index, blocks)[0]?.home).toBe(NONE);
});

test("no request can make it hold more than its bound", () => {
	const index = createIndex(50);
	for (let at = 0; at < 200; at += 1) write(index, marked(messages(`m${at}`, 3), [0, 1, 2]), { now: at });
	expect(index.size).toBe(50);
	expect(look(index, marked(messages("m199", 3), [-1]))[0]?.home).toBe(2);
	expect(look(index, marked(messages("m0", 3), [-1]))[0]?.home).toBe(NONE);
});
