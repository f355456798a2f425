// The provider model against the published rules, in numbers worked out by hand.
import { expect, test } from "vitest";
import { createProvider, type ReplayProvider } from "./provider.ts";
import type { ReplayRequest } from "./workload.ts";

/** A prompt whose prefixes have these ids and tokens; marked at `marks`, or at its end. */
function request(prefixes: readonly (readonly [number, number])[], change: Partial<ReplayRequest> = {}): ReplayRequest {
	const tokens = prefixes.map(([, each]) => each);
	return {
		at: 0,
		session: "1",
		agent: null,
		model: "claude-sonnet-5",
		cuts: {
			ids: Float64Array.from(prefixes, ([id]) => id),
			tokens: Float64Array.from(tokens),
			level: new Uint8Array(prefixes.length).fill(2),
			marks: [prefixes.length - 1],
		},
		copy: 0,
		promptTokens: tokens.at(-1) ?? 0,
		outputTokens: 10,
		firstEventMs: 2_000,
		durationMs: 10_000,
		...change,
	};
}

function provider(limits: { inputTokens?: number; requests?: number } = {}): ReplayProvider {
	return createProvider({
		deployments: 2,
		limits: { inputTokens: limits.inputTokens ?? null, requests: limits.requests ?? null },
	});
}

/** Tokens read, written and neither. */
function counts(upstream: ReplayProvider, sent: ReplayRequest, now: number, deployment = 0) {
	const answer = upstream.send(deployment, sent, now);
	if (answer.kind === "limited") return `429 after ${answer.retryAfterMs}`;
	return [answer.usage.cacheReadTokens, answer.usage.cacheWriteTokens, answer.usage.inputTokens];
}

const TURN_1 = request([[1, 5_000]], { promptTokens: 5_030 });
const TURN_2 = request([
	[1, 5_000],
	[2, 8_000],
]);

test("a turn writes its prefix and the next one reads it and writes what is new", () => {
	const upstream = provider();
	expect(counts(upstream, TURN_1, 0)).toEqual([0, 5_000, 30]);
	expect(counts(upstream, TURN_2, 10_000)).toEqual([5_000, 3_000, 0]);
	expect(counts(upstream, TURN_2, 20_000)).toEqual([8_000, 0, 0]);
});

test("an entry can be read from the first event of the answer that writes it", () => {
	const upstream = provider();
	counts(upstream, TURN_1, 0);
	expect(counts(upstream, TURN_1, 1_999)).toEqual([0, 5_000, 30]);
	expect(counts(upstream, TURN_1, 2_000)).toEqual([5_000, 0, 30]);
});

test("an entry lives five minutes from the start of the request that wrote or last read it", () => {
	const upstream = provider();
	counts(upstream, TURN_1, 0);
	expect(counts(upstream, TURN_1, 299_999)).toEqual([5_000, 0, 30]);
	expect(counts(upstream, TURN_1, 599_998)).toEqual([5_000, 0, 30]);
	expect(counts(upstream, TURN_1, 899_998)).toEqual([0, 5_000, 30]);
});

test("a longer prefix that was read keeps a shorter one alive only if the request marks it", () => {
	const marked = { ...TURN_2, cuts: { ...TURN_2.cuts, marks: [0, 1] } };
	const refreshing = provider();
	counts(refreshing, marked, 0);
	counts(refreshing, marked, 200_000);
	expect(counts(refreshing, TURN_1, 400_000)).toEqual([5_000, 0, 30]);
	const forgetting = provider();
	counts(forgetting, marked, 0);
	counts(forgetting, TURN_2, 200_000);
	expect(counts(forgetting, TURN_1, 400_000)).toEqual([0, 5_000, 30]);
});

test("a prefix below 1,024 tokens is not cached and no counter says otherwise", () => {
	const upstream = provider();
	const short = request([[9, 1_023]]);
	expect(counts(upstream, short, 0)).toEqual([0, 0, 1_023]);
	expect(counts(upstream, short, 10_000)).toEqual([0, 0, 1_023]);
	const enough = request([[9, 1_024]]);
	expect(counts(upstream, enough, 20_000)).toEqual([0, 1_024, 0]);
});

test("what is marked below a read prefix and has no entry is not written", () => {
	const upstream = provider();
	counts(upstream, TURN_2, 0);
	counts(upstream, { ...TURN_2, cuts: { ...TURN_2.cuts, marks: [0, 1] } }, 10_000);
	expect(counts(upstream, TURN_1, 20_000)).toEqual([0, 5_000, 30]);
});

test("deployments, models and copies do not share entries", () => {
	const upstream = provider();
	counts(upstream, TURN_1, 0);
	expect(counts(upstream, TURN_1, 10_000, 1)).toEqual([0, 5_000, 30]);
	expect(counts(upstream, { ...TURN_1, model: "claude-opus-5" }, 10_000)).toEqual([0, 5_000, 30]);
	expect(counts(upstream, { ...TURN_1, copy: 1 }, 10_000)).toEqual([0, 5_000, 30]);
});

test("only uncached tokens count against the limit, which refills evenly", () => {
	const upstream = provider({ inputTokens: 6_000 });
	expect(counts(upstream, TURN_1, 0)).toEqual([0, 5_000, 30]);
	// 970 of 6,000 are left, 3,000 are needed: 2,030 at 100 a second.
	expect(counts(upstream, request([[7, 3_000]]), 0)).toBe("429 after 21000");
	// Five seconds later 1,470 are there. A warm turn of 5,030 tokens needs 30 of them.
	expect(counts(upstream, TURN_1, 5_000)).toEqual([5_000, 0, 30]);
	expect(counts(upstream, request([[7, 3_000]]), 20_000)).toBe("429 after 1000");
	expect(counts(upstream, request([[7, 3_000]]), 21_000)).toEqual([0, 3_000, 0]);
});

test("a 429 caches nothing and takes nothing", () => {
	const upstream = provider({ inputTokens: 6_000 });
	counts(upstream, TURN_1, 0);
	for (let at = 0; at < 5; at += 1) counts(upstream, request([[7, 3_000]]), 0);
	expect(counts(upstream, request([[7, 3_000]]), 20_300)).toEqual([0, 3_000, 0]);
});

test("a prompt larger than the limit waits for a full bucket and leaves a debt", () => {
	const upstream = provider({ inputTokens: 6_000 });
	const large = request([[5, 9_000]]);
	counts(upstream, request([[6, 2_000]]), 0);
	expect(counts(upstream, large, 0)).toBe("429 after 20000");
	expect(counts(upstream, large, 20_000)).toEqual([0, 9_000, 0]);
	expect(counts(upstream, request([[4, 1_100]]), 20_000)).toBe("429 after 41000");
});

test("requests a minute are a limit of their own", () => {
	const upstream = provider({ requests: 2 });
	counts(upstream, TURN_1, 0);
	counts(upstream, TURN_1, 0);
	expect(counts(upstream, TURN_1, 0)).toBe("429 after 30000");
	expect(counts(upstream, TURN_1, 30_000)).toEqual([5_000, 0, 30]);
});
