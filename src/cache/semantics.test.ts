// Facts per model and platform, and learned bytes per token.
import { expect, test } from "vitest";
import { cacheModel, canonicalModel, collapsesRuns, minimumTokens } from "./semantics.ts";
import { createTokenScale } from "./tokens.ts";

test.each([
	["claude-sonnet-4-5", "claude-sonnet-4-5"],
	["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
	["anthropic/claude-opus-4-6", "claude-opus-4-6"],
	["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"],
	["global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"],
	["us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"],
	["anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"],
	["bedrock/converse/eu.anthropic.claude-opus-4-7", "claude-opus-4-7"],
	["arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5-5", "claude-opus-5-5"],
	["claude-sonnet-4-5@20250929", "claude-sonnet-4-5"],
	["claude-opus-4-20250514", "claude-opus-4"],
	["claude-opus-5-5[1m]", "claude-opus-5-5"],
	["claude-3-5-haiku-latest", "claude-3-5-haiku"],
	["gpt-5.6-mini", "gpt-5.6-mini"],
])("%s is %s", (upstream, canonical) => {
	expect(canonicalModel(upstream)).toBe(canonical);
});

test.each([
	["anthropic", "claude-opus-4-6", 4096],
	["anthropic", "claude-haiku-4-5", 4096],
	["anthropic", "claude-sonnet-4-5", 1024],
	["anthropic", "claude-opus-4-8", 1024],
	["anthropic", "claude-opus-5-5", 512],
	["anthropic", "claude-opus-4-7", 2048],
	["bedrock", "claude-opus-4-7", 4096],
	["bedrock", "claude-sonnet-4-6", 2048],
	["anthropic", "claude-sonnet-4-6", 1024],
	["vertex", "claude-sonnet-4-6", 1024],
	["openai", "something-new", 1024],
] as const)("on %s %s caches from %i tokens", (provider, model, tokens) => {
	expect(minimumTokens(provider, model)).toBe(tokens);
});

test("runs of tool blocks collapse on the Claude API only", () => {
	expect(collapsesRuns("anthropic")).toBe(true);
	expect(collapsesRuns("bedrock")).toBe(false);
	expect(collapsesRuns("vertex")).toBe(false);
});

test("a dated id shares caches with its undated one, but a Region profile has caches of its own", () => {
	expect(cacheModel("anthropic", "claude-sonnet-4-5-20250929")).toBe(cacheModel("anthropic", "claude-sonnet-4-5"));
	expect(cacheModel("bedrock", "us.anthropic.claude-opus-4-6-v1")).not.toBe(
		cacheModel("bedrock", "global.anthropic.claude-opus-4-6-v1"),
	);
});

test("bytes per token start from the tokenizer's figure and follow what is reported", () => {
	const scale = createTokenScale();
	expect(scale.bytesPerToken("claude-sonnet-4-5")).toBe(4);
	expect(scale.bytesPerToken("claude-opus-5-5")).toBeCloseTo(4 / 1.3);
	scale.observe("claude-sonnet-4-5", 300_000, 100_000);
	expect(scale.bytesPerToken("claude-sonnet-4-5")).toBeCloseTo(3, 1);
	expect(scale.bytesPerToken("claude-opus-4-6")).toBe(4);
});

test("a report that no text could give is not believed", () => {
	const scale = createTokenScale();
	scale.observe("claude-sonnet-4-5", 1_000, 100_000);
	scale.observe("claude-sonnet-4-5", 1_000_000, 10);
	scale.observe("claude-sonnet-4-5", 0, 0);
	expect(scale.bytesPerToken("claude-sonnet-4-5")).toBe(4);
});
