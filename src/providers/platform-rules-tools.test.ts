import { describe, expect, test } from "vitest";
import { editMembers } from "../protocol/edit.ts";
import { callOf } from "./__fixtures__/call.ts";
import { fitToPlatform, type Platform } from "./platform-rules.ts";

const FINE_GRAINED = "fine-grained-tool-streaming-2025-05-14";
const SEARCH = "tool-search-tool-2025-10-19";
const EXAMPLES = "tool-examples-2025-10-29";

function fitted(platform: Platform, tool: object, betas: readonly string[] = []) {
	const schema = { type: "object", properties: { strict: {}, eager_input_streaming: {}, defer_loading: {} } };
	const tools = [
		{ name: "plain", input_schema: schema },
		{ name: "f", ...tool, input_schema: schema },
	];
	const call = callOf(JSON.stringify({ tools, messages: [] }), { betas });
	const fit = fitToPlatform(platform, call, { removeBillingBlock: true });
	const left = JSON.parse(editMembers(call.body, { remove: fit.remove }).toString());
	expect(left.tools[0]).toEqual(tools[0]);
	const { name: _name, input_schema, ...members } = left.tools[1];
	expect(input_schema).toEqual(schema);
	return { members, betas: fit.betas, removed: fit.removed };
}

describe("members of tools", () => {
	test.each<[Platform, object, readonly string[], object, readonly string[], readonly string[]]>([
		["bedrock", { eager_input_streaming: true }, [], {}, [FINE_GRAINED], ["eager_input_streaming"]],
		["bedrock", { eager_input_streaming: false }, [], {}, [], ["eager_input_streaming"]],
		["bedrock", { eager_input_streaming: true }, [FINE_GRAINED], {}, [FINE_GRAINED], ["eager_input_streaming"]],
		["bedrock-mantle", { eager_input_streaming: true }, [], {}, [FINE_GRAINED], ["eager_input_streaming"]],
		["vertex", { eager_input_streaming: true }, [], {}, [], ["eager_input_streaming"]],
		["bedrock", { strict: true }, [], {}, [], ["strict"]],
		["vertex", { strict: true }, [], {}, [], ["strict"]],
		["bedrock-mantle", { strict: true }, [], { strict: true }, [], []],
		["bedrock", { defer_loading: true }, [], { defer_loading: true }, [SEARCH], []],
		["vertex", { defer_loading: true }, ["advanced-tool-use-2025-11-20"], { defer_loading: true }, [SEARCH], []],
		["bedrock", { defer_loading: false }, [], { defer_loading: false }, [], []],
		["bedrock", { input_examples: [{ a: 1 }] }, [], {}, [], ["input_examples"]],
		["bedrock", { input_examples: [{ a: 1 }] }, [EXAMPLES], { input_examples: [{ a: 1 }] }, [EXAMPLES], []],
		["vertex", { input_examples: [{ a: 1 }] }, [EXAMPLES], {}, [EXAMPLES], ["input_examples"]],
		["bedrock", { allowed_callers: ["direct"] }, [], {}, [], ["allowed_callers"]],
		["bedrock-mantle", { allowed_callers: ["direct"] }, [], {}, [], ["allowed_callers"]],
	])("%s, %j beside %j: %j is left, with %j", (platform, tool, betas, members, sent, removed) => {
		const names = removed.map((name) => `field:tools.${name}`);
		expect(fitted(platform, tool, betas)).toEqual({ members, betas: sent, removed: names });
	});

	test.each<Platform>(["anthropic", "foundry"])("%s takes them all", (platform) => {
		const tool = {
			eager_input_streaming: true,
			strict: true,
			defer_loading: true,
			input_examples: [{}],
			allowed_callers: ["direct"],
		};
		expect(fitted(platform, tool)).toEqual({ members: tool, betas: [], removed: [] });
	});

	test("several members of one tool go together", () => {
		const tool = { strict: true, eager_input_streaming: true, allowed_callers: ["direct"], description: "d" };
		expect(fitted("bedrock", tool).members).toEqual({ description: "d" });
	});

	test("the cache scope is refused by clouds also without its beta", () => {
		const marked = { cache_control: { type: "ephemeral", scope: "global" } };
		for (const platform of ["bedrock", "bedrock-mantle", "vertex"] as const)
			expect(fitted(platform, marked)).toEqual({
				members: { cache_control: { type: "ephemeral" } },
				betas: [],
				removed: ["field:cache_control.scope"],
			});
		expect(fitted("foundry", marked).removed).toEqual([]);
	});
});
