import { describe, expect, test } from "vitest";
import { editMembers } from "../protocol/edit.ts";
import { callOf } from "./__fixtures__/call.ts";
import { BILLING_BLOCK, fitToPlatform, type Platform } from "./platform-rules.ts";

const CLOUDS: readonly Platform[] = ["bedrock", "bedrock-mantle", "vertex", "foundry"];
const ON = { removeBillingBlock: true };
const OFF = { removeBillingBlock: false };

function fitted(platform: Platform, body: unknown, betas: readonly string[] = [], options = ON) {
	const call = callOf(JSON.stringify(body), { betas });
	const fit = fitToPlatform(platform, call, options);
	const left: unknown = JSON.parse(editMembers(call.body, { remove: fit.remove }).toString());
	return { left, betas: fit.betas, removed: fit.removed };
}

describe("beta values", () => {
	test("what no rule names is passed on, on every platform", () => {
		for (const platform of [...CLOUDS, "anthropic"] as const)
			expect(fitted(platform, { messages: [] }, ["interleaved-thinking-2025-05-14", "new-2027-01-01"])).toEqual({
				left: { messages: [] },
				betas: ["interleaved-thinking-2025-05-14", "new-2027-01-01"],
				removed: [],
			});
	});

	test("a value goes together with its field", () => {
		for (const platform of CLOUDS)
			expect(fitted(platform, { speed: "fast", messages: [] }, ["fast-mode-2026-02-01"])).toEqual({
				left: { messages: [] },
				betas: [],
				removed: ["beta:fast-mode-2026-02-01", "field:speed"],
			});
	});

	test("a value whose field the client depends on stays with it, for the platform to refuse", () => {
		const betas = ["mcp-client-2025-11-20"];
		expect(fitted("vertex", { mcp_servers: [{}] }, betas)).toEqual({ left: { mcp_servers: [{}] }, betas, removed: [] });
		expect(fitted("vertex", {}, betas).betas).toEqual([]);
	});

	test("a platform's own name for a feature is used, once", () => {
		const both = ["advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19"];
		for (const platform of ["bedrock", "vertex"] as const)
			expect(fitted(platform, {}, both)).toEqual({ left: {}, betas: ["tool-search-tool-2025-10-19"], removed: [] });
		for (const platform of ["anthropic", "foundry"] as const)
			expect(fitted(platform, {}, both)).toEqual({ left: {}, betas: ["advanced-tool-use-2025-11-20"], removed: [] });
	});

	test("the cache scope leaves system and tools with its beta; Foundry takes both", () => {
		const marked = { cache_control: { type: "ephemeral", scope: "global" } };
		const body = {
			system: [{ type: "text", text: "a", ...marked }],
			tools: [{ name: "scope", ...marked }],
			messages: [],
		};
		const betas = ["prompt-caching-scope-2026-01-05"];
		const plain = { cache_control: { type: "ephemeral" } };
		expect(fitted("vertex", body, betas)).toEqual({
			left: { system: [{ type: "text", text: "a", ...plain }], tools: [{ name: "scope", ...plain }], messages: [] },
			betas: [],
			removed: ["beta:prompt-caching-scope-2026-01-05", "field:cache_control.scope"],
		});
		expect(fitted("foundry", body, betas)).toEqual({ left: body, betas, removed: [] });
	});

	test("counting on Vertex refuses a value that messages take", () => {
		const call = callOf("{}", { betas: ["web-search-2025-03-05"] });
		expect(fitToPlatform("vertex", call, ON).betas).toEqual(["web-search-2025-03-05"]);
		expect(fitToPlatform("vertex", { ...call, operation: "count_tokens" }, ON).betas).toEqual([]);
	});

	test("Anthropic's diagnostics do not leave for a cloud", () => {
		for (const platform of CLOUDS)
			expect(fitted(platform, { diagnostics: { previous_message_id: "m" } }).removed).toEqual(["field:diagnostics"]);
		expect(fitted("anthropic", { diagnostics: {} }).left).toEqual({ diagnostics: {} });
	});

	test("a field of a rule is found under an escaped key too", () => {
		const call = callOf('{"spee\\u0064":"fast","x":1}', { betas: ["fast-mode-2026-02-01"] });
		const { remove } = fitToPlatform("bedrock", call, ON);
		expect(editMembers(call.body, { remove }).toString()).toBe('{"x":1}');
	});
});

describe("the billing block", () => {
	const billing = { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.fa0; cch=1;" };
	const text = { type: "text", text: "You are", cache_control: { type: "ephemeral" } };

	test("is taken off where it would be prompt, and nowhere else", () => {
		for (const platform of CLOUDS)
			expect(fitted(platform, { system: [billing, text], messages: [] })).toEqual({
				left: { system: [text], messages: [] },
				betas: [],
				removed: [BILLING_BLOCK],
			});
		expect(fitted("anthropic", { system: [billing, text] }).left).toEqual({ system: [billing, text] });
	});

	test("two turns that differ only in it become the same bytes", () => {
		const body = (cch: string) => {
			const call = callOf(
				`{"system": [ {"type":"text","text":"x-anthropic-billing-header: cch=${cch};"} , {"text":"s"} ]}`,
			);
			return editMembers(call.body, { remove: fitToPlatform("bedrock", call, ON).remove }).toString();
		};
		expect(body("a1")).toBe(body("b2f9"));
	});

	test("stays with the option off, under a breakpoint, or in a text of another kind", () => {
		expect(fitted("vertex", { system: [billing, text] }, [], OFF).removed).toEqual([]);
		for (const system of [
			[{ ...billing, cache_control: { type: "ephemeral" } }, text],
			[{ type: "text", text: "about x-anthropic-billing-header:" }],
			"x-anthropic-billing-header: cc_version=1;",
			[{ type: "text", text: 'say "x-anthropic-billing-header: a"' }],
		])
			expect(fitted("vertex", { system }).left).toEqual({ system });
	});

	test("takes system with it where it is all there is", () => {
		expect(fitted("vertex", { a: 1, system: [billing] }).left).toEqual({ a: 1 });
	});

	test("does not collide with what is taken out of its neighbours", () => {
		const scoped = { ...text, cache_control: { type: "ephemeral", scope: "global" } };
		const { left } = fitted("bedrock", { system: [billing, scoped] }, ["prompt-caching-scope-2026-01-05"]);
		expect(left).toEqual({ system: [text] });
	});
});
