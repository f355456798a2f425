// Usages priced by arithmetic written out by hand, so that a mistake in the code is not repeated here.
import { expect, test } from "vitest";
import type { Usage } from "../protocol/usage.ts";
import { costOf, totalOf } from "./cost.ts";
import { plainConditions, priceOf } from "./prices.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

function usage(tokens: Partial<Usage>): Usage {
	return {
		inputTokens: 0,
		outputTokens: 0,
		cacheReadTokens: 0,
		cacheWriteTokens: 0,
		cacheWrite5mTokens: 0,
		cacheWrite1hTokens: 0,
		...tokens,
	};
}

function cost(model: string, tokens: Partial<Usage>) {
	const price = priceOf(model, plainConditions(NOW));
	return price === null ? null : costOf(usage(tokens), price);
}

// The warm and cold columns of routing-model §3: a prefix of 150,000 tokens read, and written for five minutes.
test.each([
	["claude-fable-5-2", 0.03, 1.5],
	["claude-opus-5-5", 0.03, 0.75],
	["claude-sonnet-5-5", 0.015, 0.375],
	["claude-opus-5", 0.075, 0.9375],
	["claude-sonnet-4-6", 0.045, 0.5625],
	["claude-haiku-4-5", 0.015, 0.1875],
])("a prefix of 150,000 tokens of %s, warm and cold", (model, warm, cold) => {
	expect(cost(model, { cacheReadTokens: 150_000 })?.total).toBeCloseTo(warm, 9);
	expect(cost(model, { cacheWriteTokens: 150_000, cacheWrite5mTokens: 150_000 })?.total).toBeCloseTo(cold, 9);
});

/** LiteLLM's guide to prompt-cache routing reckons with ten questions a day over 5,000 cacheable tokens, and 81 % saved. The README cites this. */
test.each([
	["claude-3-5-sonnet", 0.15, 0.03225, 0.785],
	["claude-sonnet-5-5", 0.1, 0.017, 0.83],
])(
	"ten queries of 5,000 cacheable tokens to %s: a write costs more than a plain read",
	(model, without, cached, saved) => {
		const write = cost(model, { cacheWriteTokens: 5_000, cacheWrite5mTokens: 5_000 })?.prompt ?? 0;
		const read = cost(model, { cacheReadTokens: 5_000 })?.prompt ?? 0;
		const uncached = cost(model, { inputTokens: 50_000 })?.prompt ?? 0;
		expect(uncached).toBeCloseTo(without, 9);
		expect(write + 9 * read).toBeCloseTo(cached, 9);
		expect(1 - (write + 9 * read) / uncached).toBeCloseTo(saved, 9);
		// More than five minutes apart nothing is left to read, and every write is paid for nothing.
		expect((10 * write) / uncached).toBeCloseTo(1.25, 9);
	},
);

test("every part is priced on its own and the parts add up", () => {
	const parts = cost("claude-opus-5", {
		inputTokens: 1_000,
		outputTokens: 2_000,
		cacheReadTokens: 100_000,
		cacheWriteTokens: 30_000,
		cacheWrite5mTokens: 20_000,
		cacheWrite1hTokens: 10_000,
	});
	expect(parts?.input).toBeCloseTo(0.005, 12);
	expect(parts?.read).toBeCloseTo(0.05, 12);
	expect(parts?.write5m).toBeCloseTo(0.125, 12);
	expect(parts?.write1h).toBeCloseTo(0.1, 12);
	expect(parts?.output).toBeCloseTo(0.05, 12);
	expect(parts?.prompt).toBeCloseTo(0.28, 12);
	expect(parts?.total).toBeCloseTo(0.33, 12);
	// 131,000 tokens at $5 and 2,000 at $25.
	expect(parts?.promptWithoutCaching).toBeCloseTo(0.655, 12);
	expect(parts?.withoutCaching).toBeCloseTo(0.705, 12);
});

test("reads and writes count towards the prompt that chooses the tier", () => {
	const below = cost("claude-haiku-5-5", { inputTokens: 10_000, cacheReadTokens: 90_000, outputTokens: 1_000 });
	expect(below?.total).toBeCloseTo(0.001 + 0.0009 + 0.0005, 12);
	const above = cost("claude-haiku-5-5", { inputTokens: 10_001, cacheReadTokens: 90_000, outputTokens: 1_000 });
	expect(above?.total).toBeCloseTo(0.0050005 + 0.0045 + 0.0025, 12);
});

test("writes that were not split by lifetime are 5-minute writes", () => {
	const whole = cost("claude-opus-5", { cacheWriteTokens: 10_000 });
	expect(whole?.write5m).toBeCloseTo(0.0625, 12);
	const rest = cost("claude-opus-5", { cacheWriteTokens: 10_000, cacheWrite1hTokens: 4_000 });
	expect(rest?.write5m).toBeCloseTo(0.0375, 12);
	expect(rest?.write1h).toBeCloseTo(0.04, 12);
});

test("the same tokens read and written otherwise cost what a usage that says so costs", () => {
	const price = priceOf("claude-sonnet-4-5", plainConditions(NOW));
	if (price === null) return expect.unreachable("the table knows the model");
	const reported = usage({ inputTokens: 7, outputTokens: 50, cacheReadTokens: 90_000, cacheWriteTokens: 160_000 });
	for (const [read, write1h] of [
		[0, 0],
		[0, 250_000],
		[250_000, 0],
		[90_000, 40_000],
		[12.5, 0.25],
	] as const) {
		const written = 250_000 - read;
		const otherwise = usage({
			...reported,
			cacheReadTokens: read,
			cacheWriteTokens: written,
			cacheWrite1hTokens: write1h,
			cacheWrite5mTokens: written - write1h,
		});
		expect(totalOf(reported, price, read, write1h)).toBeCloseTo(costOf(otherwise, price).total, 12);
	}
});

test("nothing used costs nothing", () => {
	expect(cost("claude-opus-5", {})).toMatchObject({ total: 0, withoutCaching: 0 });
});
