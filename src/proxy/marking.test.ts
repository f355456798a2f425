import { describe, expect, test } from "vitest";
import { configFrom } from "../../test/harness.ts";
import { membersAt } from "../protocol/walk.ts";
import { bodyOfOwnPoints, createAutomaticMarking, markBody, markingFor } from "./marking.ts";

const READ = { cacheReadTokens: 10_000, cacheWriteTokens: 500 };
const WRITTEN = { cacheReadTokens: 0, cacheWriteTokens: 5_000 };

function allOf(body: Buffer) {
	return { all: membersAt(body, 0).flatMap(({ keyStart, start, end }) => [keyStart, start, end]) };
}

function marked(value: object, about: { readonly agent?: string; readonly pays?: boolean } = {}) {
	const body = Buffer.from(JSON.stringify(value));
	const marking = { auto: true, points: [], ttl: null };
	const automatic = { pays: () => about.pays ?? true, learn: () => {} };
	const client = { agent: about.agent ?? "python", client: "c", pointsApplied: false };
	return markBody(body, { members: allOf(body), marking, ...client }, automatic);
}

describe("automatic marking", () => {
	test("goes on for a client whose writes are read back", () => {
		const marking = createAutomaticMarking();
		for (let i = 0; i < 100; i += 1) marking.learn("c", READ);
		expect(marking.pays("c")).toBe(true);
	});

	test("stops for one whose writes are not, and is tried anew later; others are not touched", () => {
		const marking = createAutomaticMarking();
		for (let i = 0; i < 19; i += 1) marking.learn("c", WRITTEN);
		expect(marking.pays("c")).toBe(true);
		marking.learn("c", WRITTEN);
		expect(marking.pays("c")).toBe(false);
		expect(marking.pays("other")).toBe(true);
		for (let i = 0; i < 199; i += 1) marking.pays("c");
		expect(marking.pays("c")).toBe(true);
	});

	test("breaks even where a write's surcharge is what its reads save, at 22 percent", () => {
		const marking = createAutomaticMarking();
		const answers = (share: number) => ({ cacheReadTokens: share * 1000, cacheWriteTokens: (1 - share) * 1000 });
		for (let i = 0; i < 50; i += 1) {
			marking.learn("below", answers(0.2));
			marking.learn("above", answers(0.24));
		}
		expect([marking.pays("below"), marking.pays("above")]).toEqual([false, true]);
	});

	test("stands down for prompts with any marker, for Claude Code, and where it does not pay", () => {
		const plain = { system: "s", messages: [{ role: "user", content: "x" }] };
		expect(marked(plain).automatic).toBe(true);
		expect(marked({ ...plain, cache_control: { type: "ephemeral" } }).automatic).toBe(false);
		expect(marked({ ...plain, tools: [{ name: "t", cache_control: { type: "ephemeral" } }] }).automatic).toBe(false);
		expect(marked(plain, { agent: "claude-cli/2.1.330 (external, cli)" }).automatic).toBe(false);
		expect(marked(plain, { pays: false }).automatic).toBe(false);
	});
});

describe("configuration", () => {
	const config = configFrom(`
model_list:
  - model_name: points
    litellm_params:
      model: anthropic/claude-sonnet-5-5
      api_key: sk-1
      cache_control_injection_points:
        - { location: message, role: system, control: { type: ephemeral, ttl: 1h } }
        - { location: message, index: "-1" }
        - { location: tool_config }
  - { model_name: auto, litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-1, cache_control: auto } }
  - { model_name: none, litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-1 } }
general_settings: { master_key: sk-m }
`);

	test("LiteLLM's points are read in all their forms", () => {
		expect(markingFor(config, "points")?.points).toEqual([
			{ location: "message", role: "system", index: null, ttl: "1h" },
			{ location: "message", role: null, index: -1, ttl: null },
			{ location: "tools", role: null, index: null, ttl: null },
		]);
		expect(markingFor(config, "auto")).toEqual({ auto: true, points: [], ttl: null });
		expect(markingFor(config, "none")).toBeNull();
	});

	test("LiteLLM's global switch is automatic marking for all", () => {
		const all = configFrom(`
model_list: [{ model_name: a, litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-1 } }]
litellm_settings: { enable_anthropic_prompt_caching: true, anthropic_prompt_caching_ttl: 1h }
general_settings: { master_key: sk-m }
`);
		expect(markingFor(all, "a")).toEqual({ auto: true, points: [], ttl: "1h" });
	});
});

test("a request's own points are applied and taken out of it", () => {
	const points = [{ location: "message", index: 0 }];
	const body = Buffer.from(
		JSON.stringify({ model: "m", cache_control_injection_points: points, messages: [{ role: "user", content: "x" }] }),
	);
	expect(JSON.parse(bodyOfOwnPoints(body, allOf(body))?.toString() ?? "")).toEqual({
		model: "m",
		messages: [{ role: "user", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] }],
	});
	const plain = Buffer.from('{"model":"m"}');
	expect(bodyOfOwnPoints(plain, allOf(plain))).toBeNull();
});
