import { describe, expect, it } from "vitest";
import { bodyOf, marked, messageOf, promptOf, words } from "./__fixtures__/bodies.ts";
import { signThinking } from "./thinking.ts";

const ask = (content: unknown) => ({ role: "user", content });
const say = (content: unknown) => ({ role: "assistant", content });
const conversation = (...messages: unknown[]) => ({ ...bodyOf([]), messages });
const lastHash = (body: unknown) => promptOf(body).hashes.at(-1);
const BILLING = { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=cli;" };

describe("two forms of one prompt have one hash", () => {
	it("a string and a single text block", () => {
		expect(lastHash(bodyOf("hello"))).toBe(lastHash(bodyOf([{ type: "text", text: "hello" }])));
		expect(lastHash(bodyOf("hi", { system: "be brief" }))).toBe(
			lastHash(bodyOf("hi", { system: [{ type: "text", text: "be brief" }] })),
		);
	});

	it("marked and unmarked, also inside a tool_result", () => {
		expect(lastHash(bodyOf([marked({ type: "text", text: "hello" })]))).toBe(lastHash(bodyOf("hello")));
		const use = say([{ type: "tool_use", id: "t1", name: "Bash", input: {} }]);
		const result = (part: unknown) => ask([{ type: "tool_result", tool_use_id: "t1", content: [part] }]);
		const plain = { type: "text", text: "out" };
		expect(lastHash(conversation(ask("go"), use, result(marked(plain))))).toBe(
			lastHash(conversation(ask("go"), use, result(plain))),
		);
	});

	it("the type first or last, but not a tool input with other key order", () => {
		expect(lastHash(bodyOf([{ text: "hello", type: "text" }]))).toBe(lastHash(bodyOf("hello")));
		const use = (input: unknown) => conversation(ask("go"), say([{ type: "tool_use", id: "t", name: "B", input }]));
		expect(lastHash(use({ a: 1, b: 2 }))).not.toBe(lastHash(use({ b: 2, a: 1 })));
	});

	it("with and without deferred tools, wherever they stand", () => {
		const tool = (name: string) => ({ name, input_schema: { type: "object" } });
		const deferred = { ...tool("WebFetch"), defer_loading: true };
		const plain = bodyOf("hi", { tools: [tool("Bash"), tool("Read")] });
		const found = bodyOf("hi", { tools: [tool("Bash"), deferred, tool("Read")] });
		expect(promptOf(found).hashes).toEqual(promptOf(plain).hashes);
		expect(promptOf(found).totalTokens).toBe(promptOf(plain).totalTokens);
	});

	it("a dated and an undated model name", () => {
		const dated = { ...bodyOf("hi"), model: "claude-sonnet-4-5-20250929" };
		expect(lastHash(dated)).toBe(lastHash({ ...bodyOf("hi"), model: "claude-sonnet-4-5" }));
	});
});

describe("what the hash holds", () => {
	it("the role and other fields of a message, empty ones included", () => {
		const effort = { role: "system", content: [], output_config: { effort: "low" } };
		const plain = conversation(ask("a"), say("b"), ask("c"));
		expect(lastHash(conversation(ask("a"), effort, say("b"), ask("c")))).not.toBe(lastHash(plain));
		expect(promptOf(conversation(ask("a"), effort, say("b"), ask("c"))).hashes).toHaveLength(3);
		expect(lastHash(conversation(ask("a"), ask("b")))).not.toBe(lastHash(conversation(ask("a"), say("b"))));
	});

	it("the attribution block only where it is not the first entry of the system array", () => {
		const rest = { type: "text", text: "be brief" };
		const without = lastHash(bodyOf("hi", { system: [rest] }));
		expect(lastHash(bodyOf("hi", { system: [BILLING, rest] }))).toBe(without);
		expect(lastHash(bodyOf("hi", { system: [rest, BILLING] }))).not.toBe(without);
		expect(lastHash(bodyOf("hi", { system: BILLING.text }))).not.toBe(lastHash(bodyOf("hi")));
		const kept = promptOf(bodyOf("hi", { system: [BILLING, rest] }), { rules: { stripBillingBlock: false } });
		expect(kept.hashes.at(-1)).not.toBe(without);
		expect(kept.hashes).toHaveLength(3);
	});
});

describe("thinking blocks", () => {
	const thinking = (organization: string) => ({
		type: "thinking",
		thinking: "x".repeat(400),
		signature: signThinking(organization, "claude-sonnet-5-5", "salt"),
	});
	const talk = (model: string, organization = "here") => ({
		...conversation(ask("a"), say([thinking(organization), { type: "text", text: "b" }]), ask("c")),
		model,
	});

	it("of earlier turns stay on current models and are dropped on old ones", () => {
		expect(promptOf(talk("claude-sonnet-5-5")).hashes).toHaveLength(4);
		expect(promptOf(talk("claude-haiku-4-5")).hashes).toHaveLength(3);
	});

	it("of the running tool loop stay on old models too", () => {
		const loop = conversation(
			ask("a"),
			say([thinking("here"), { type: "tool_use", id: "t", name: "B", input: {} }]),
			ask([{ type: "tool_result", tool_use_id: "t", content: "ok" }]),
		);
		expect(promptOf({ ...loop, model: "claude-haiku-4-5" }).hashes).toHaveLength(4);
	});

	it("of another organization are dropped and counted, which changes the prefix from there on", () => {
		const rules = { organization: "here" };
		const own = promptOf(talk("claude-sonnet-5-5"), { rules });
		const foreign = promptOf(talk("claude-sonnet-5-5", "elsewhere"), { rules });
		expect(own.droppedThinking).toBe(0);
		expect(foreign.droppedThinking).toBe(1);
		expect(foreign.hashes[0]).toBe(own.hashes[0]);
		expect(foreign.hashes.at(-1)).not.toBe(own.hashes.at(-1));
		expect(promptOf(talk("claude-opus-4-8", "elsewhere"), { rules }).droppedThinking).toBe(0);
	});
});

describe("tokens", () => {
	it("are a quarter of the text's bytes, whatever JSON adds to it", () => {
		expect(promptOf(bodyOf([words("w", 250)])).totalTokens).toBe(250);
		expect(promptOf(bodyOf("ééé")).totalTokens).toBe(2);
		expect(promptOf(bodyOf("x".repeat(90)), { rules: { charsPerToken: 3 } }).totalTokens).toBe(30);
	});

	it("of an image are fixed", () => {
		const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(9_000) } };
		expect(promptOf(bodyOf([image])).totalTokens).toBe(1_600);
	});
});

describe("markers", () => {
	it("the automatic one falls on the last block that can carry it", () => {
		const body = { ...conversation(ask("question"), say([{ type: "thinking", thinking: "t", signature: "s" }])) };
		const prompt = promptOf({ ...body, cache_control: { type: "ephemeral", ttl: "1h" } });
		expect(prompt.breakpoints).toEqual([{ block: 0, ttl: "1h" }]);
	});

	it("on the last part of a tool_result count as the tool_result's, elsewhere they are refused", () => {
		const use = say([{ type: "tool_use", id: "t", name: "B", input: {} }]);
		const result = (...content: unknown[]) =>
			conversation(ask("go"), use, ask([{ type: "tool_result", tool_use_id: "t", content }]));
		const part = { type: "text", text: "out" };
		expect(promptOf(result(part, marked(part))).breakpoints).toEqual([{ block: 2, ttl: "5m" }]);
		expect(messageOf(() => promptOf(result(marked(part), part)))).toContain("cache_control");
	});

	it.each([
		[
			"an empty text block",
			bodyOf([marked({ type: "text", text: "" })]),
			"messages.0.content.0.text: cache_control cannot be set for empty text blocks",
		],
		[
			"a scope without its beta",
			bodyOf("hi", { system: [{ type: "text", text: "s", cache_control: { type: "ephemeral", scope: "global" } }] }),
			"system.0.cache_control.ephemeral.scope: Extra inputs are not permitted",
		],
		[
			"an unknown ttl",
			bodyOf([{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "2h" } }]),
			"messages.0.content.0.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
		],
		[
			"a thinking block",
			conversation(ask("a"), say([marked({ type: "thinking", thinking: "t", signature: "s" })])),
			"messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
		],
		[
			"a deferred tool",
			bodyOf("hi", { tools: [marked({ name: "T", input_schema: {}, defer_loading: true })] }),
			"Tool 'T' cannot have both defer_loading=true and cache_control set. Tools with defer_loading cannot use prompt caching.",
		],
	])("on %s are refused", (_name, body, message) => {
		expect(messageOf(() => promptOf(body))).toBe(message);
	});

	it("may have a scope together with its beta", () => {
		const control = { type: "ephemeral", scope: "global" };
		const body = bodyOf("hi", { system: [{ type: "text", text: "s", cache_control: control }] });
		expect(promptOf(body, { betas: ["prompt-caching-scope-2026-01-05"] }).breakpoints).toHaveLength(1);
	});
});
