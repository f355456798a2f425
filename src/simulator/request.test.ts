import { describe, expect, it } from "vitest";
import { bodyOf, messageOf, requestOf } from "./__fixtures__/bodies.ts";
import { readRequest } from "./request.ts";

const ask = (content: unknown) => ({ role: "user", content });
const use = (...ids: string[]) => ({
	role: "assistant",
	content: ids.map((id) => ({ type: "tool_use", id, name: "Bash", input: {} })),
});
const results = (...ids: string[]) => ask(ids.map((id) => ({ type: "tool_result", tool_use_id: id, content: "ok" })));

describe("a body that the provider refuses", () => {
	it.each([
		["no messages", { model: "claude-opus-5", max_tokens: 1 }, "messages: Field required"],
		["no max_tokens", { model: "claude-opus-5", messages: [ask("a")] }, "max_tokens: Field required"],
		["no model", { max_tokens: 1, messages: [ask("a")] }, "model: Field required"],
		["an empty conversation", bodyOf("a", { messages: [] }), "messages: at least one message is required"],
		["no object at all", [], "Input should be a valid dictionary"],
		[
			"an unknown role",
			bodyOf("a", { messages: [{ role: "tool", content: "a" }] }),
			"messages.0.role: Input should be 'user' or 'assistant'",
		],
		["an empty text block", bodyOf([{ type: "text", text: "" }]), "messages: text content blocks must be non-empty"],
		[
			"an empty message",
			bodyOf([]),
			"messages.0: all messages must have non-empty content except for the optional final assistant message",
		],
		[
			"too many output tokens",
			bodyOf("a", { max_tokens: 200_000 }),
			"max_tokens: 200000 > 128000, which is the maximum allowed number of output tokens for claude-sonnet-5-5",
		],
		[
			"a thinking budget beyond max_tokens",
			bodyOf("a", { thinking: { type: "enabled", budget_tokens: 2_000 } }),
			"`max_tokens` must be greater than `thinking.budget_tokens`.",
		],
		[
			"a field without its beta",
			bodyOf("a", { context_management: {} }),
			"context_management: Extra inputs are not permitted",
		],
		["a tool without a schema", bodyOf("a", { tools: [{ name: "T" }] }), "tools.0.custom.input_schema: Field required"],
		[
			"a system message first",
			bodyOf("a", { messages: [{ role: "system", content: "s" }] }),
			"messages.0.role: the first message must use the role 'user'",
		],
	])("with %s", (_name, body, message) => {
		expect(messageOf(() => requestOf(body))).toBe(message);
	});

	it("with a system message on a model that takes none, in the words that Claude Code looks for", () => {
		const body = bodyOf("a", { model: "claude-sonnet-4-5", messages: [ask("a"), { role: "system", content: "s" }] });
		expect(messageOf(() => requestOf(body))).toContain("role 'system' is not supported on this model");
	});

	it.each([
		["stream", { stream: true }],
		["thinking", { thinking: { type: "enabled", budget_tokens: 2_000 } }],
		["a format", { output_config: { format: { type: "json_schema", schema: {} } } }],
		["a forced tool", { tool_choice: { type: "any" } }],
	])("with max_tokens 0 and %s", (_name, more) => {
		expect(messageOf(() => requestOf(bodyOf("a", { max_tokens: 0, ...more })))).toContain("max_tokens: 0");
	});
});

describe("tool calls and results", () => {
	it("must pair up", () => {
		const unanswered = bodyOf("a", { messages: [ask("a"), use("t1", "t2"), results("t1")] });
		expect(messageOf(() => requestOf(unanswered))).toMatch(
			/^messages\.1: `tool_use` ids were found without .* after: t2\./,
		);
		const unasked = bodyOf("a", { messages: [ask("a"), use("t1"), results("t1", "t9")] });
		expect(messageOf(() => requestOf(unasked))).toMatch(/^messages\.2\.content\.1: unexpected `tool_use_id` .*: t9\./);
	});

	it("pair up across system messages and several user messages in a row", () => {
		const note = { role: "system", content: "note" };
		const body = bodyOf("a", {
			messages: [ask("a"), note, use("t1", "t2"), results("t1"), results("t2"), note, ask("b")],
		});
		expect(requestOf(body).messages).toHaveLength(7);
	});
});

describe("a body that the provider takes", () => {
	it("may have system messages with empty content that only change settings", () => {
		const effort = { role: "system", content: [], output_config: { effort: "low" } };
		expect(requestOf(bodyOf("a", { messages: [ask("a"), effort] })).messages[1]?.content).toEqual([]);
	});

	it("needs no max_tokens to count tokens", () => {
		const body = { model: "claude-opus-5", messages: [ask("a")] };
		expect(readRequest(body, { betas: new Set(), kind: "count_tokens" }).maxTokens).toBe(0);
	});

	it("may have fields that nobody knows", () => {
		expect(requestOf(bodyOf("a", { something_new: true })).model).toBe("claude-sonnet-5-5");
	});
});
