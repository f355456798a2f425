import { expect, test } from "vitest";
import { retirementOf } from "./retired-models.ts";

const TODAY = Date.parse("2026-12-01T00:00:00Z");

test.each([
	["anthropic", "claude-sonnet-4-5", "2026-11-30"],
	["anthropic", "claude-sonnet-4-5-20250929", "2026-11-30"],
	["anthropic", "claude-sonnet-4-5[1m]", "2026-11-30"],
	["anthropic_aws", "claude-sonnet-4-5", "2026-11-30"],
	["foundry", "claude-sonnet-4-20250514", "2026-06-15"],
	["anthropic", "claude-opus-4-20250514", "2026-06-15"],
	["anthropic", "claude-3-7-sonnet-latest", "2026-02-19"],
	["anthropic", "claude-3-opus-20240229", "2026-01-05"],
	["anthropic", "claude-2.1", "2025-07-21"],
	["anthropic", "claude-3-haiku-20240307", "2026-04-20"],
	["anthropic", "claude-opus-4-1", "2026-08-05"],
	["foundry", "claude-opus-4-1-20250805", "2026-08-05"],
	["anthropic_google_cloud", "claude-mythos-preview", "2026-06-30"],
])("a deployment of %s that serves %s is told to be retired", (provider, upstreamModel, on) => {
	expect(retirementOf({ provider, upstreamModel }, TODAY)?.message).toContain(`was retired on ${on}`);
});

test.each([
	["anthropic", "claude-sonnet-5-5"],
	["anthropic", "claude-sonnet-4-6"],
	["anthropic", "claude-opus-4-8"],
	["anthropic", "claude-haiku-4-5-20251001"],
	["anthropic", "*"],
	["bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
	["bedrock", "claude-sonnet-4-5"],
	["vertex", "claude-sonnet-4-5"],
	["openai", "claude-sonnet-4-5"],
])("nothing is said of a deployment of %s that serves %s", (provider, upstreamModel) => {
	expect(retirementOf({ provider, upstreamModel }, TODAY)).toBe(null);
});

test("a retirement is told two months ahead, and not before", () => {
	const deployment = { provider: "anthropic", upstreamModel: "claude-sonnet-4-5" };
	expect(retirementOf(deployment, Date.parse("2026-09-01"))).toBe(null);
	expect(retirementOf(deployment, Date.parse("2026-10-15"))?.message).toContain("will be retired on 2026-11-30");
});

test("a retirement that is announced is told by its day", () => {
	const found = retirementOf({ provider: "anthropic", upstreamModel: "claude-opus-4-5-20251101" }, TODAY);
	expect(found?.message).toContain("will be retired on 2027-01-22");
	expect(found?.hint).toContain("claude-opus-5-5");
});
