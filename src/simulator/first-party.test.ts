// What only the first-party API has: cache diagnostics and server tools.
import Anthropic from "@anthropic-ai/sdk";
import { expect, it } from "vitest";
import { MODEL, marked, words } from "./__fixtures__/bodies.ts";
import { startSimulator } from "./server.ts";

type Json = Record<string, unknown>;

const SEARCH = { type: "web_search_20250305", name: "web_search" } as const;

async function world() {
	const simulator = await startSimulator({ deployments: [{ name: "a" }] });
	const client = new Anthropic({ baseURL: simulator.url, apiKey: "sk-sim-a", maxRetries: 0 });
	const create = (body: Json) => client.messages.create(body as unknown as Anthropic.MessageCreateParamsNonStreaming);
	return { simulator, client, create, [Symbol.asyncDispose]: () => simulator.close() };
}

const body = (more: Json = {}): Json => ({
	model: MODEL,
	max_tokens: 1_000,
	system: [marked(words("system", 2_000))],
	messages: [{ role: "user", content: "hello" }],
	...more,
});

it("diagnostics name the first thing that changed, with the tokens that were missed", async () => {
	await using at = await world();
	const tools = [{ name: "Bash", input_schema: { type: "object" } }];
	const first = await at.create(body({ diagnostics: { previous_message_id: null } }));
	expect(first.diagnostics).toBeNull();
	const diagnostics = { previous_message_id: first.id };
	const grown = [
		{ role: "user", content: "hello" },
		{ role: "assistant", content: "hi" },
		{ role: "user", content: "more" },
	];
	const reason = async (more: Json) => (await at.create(body({ diagnostics, ...more }))).diagnostics?.cache_miss_reason;
	expect((await at.create(body({ diagnostics, messages: grown }))).diagnostics).toBeNull();
	expect(await reason({ messages: [{ role: "user", content: "other" }] })).toEqual({
		type: "messages_changed",
		cache_missed_input_tokens: 2_000,
	});
	expect(await reason({ system: "short" })).toMatchObject({ type: "system_changed" });
	expect(await reason({ tools, system: "short" })).toMatchObject({ type: "tools_changed" });
	expect(await reason({ model: "claude-opus-5-5", tools })).toMatchObject({ type: "model_changed" });
	expect(await reason({ output_config: { effort: "low" } })).toEqual({ type: "unavailable" });
	expect(await reason({ diagnostics: { previous_message_id: "msg_other" } })).toEqual({
		type: "previous_message_not_found",
	});
	expect(await at.create(body())).not.toHaveProperty("diagnostics");
});

it("diagnostics stand in message_start of a stream", async () => {
	await using at = await world();
	const params = body({
		diagnostics: { previous_message_id: "msg_other" },
	}) as unknown as Anthropic.MessageStreamParams;
	const message = await at.client.messages.stream(params).finalMessage();
	expect(message.diagnostics?.cache_miss_reason).toEqual({ type: "previous_message_not_found" });
});

it("results of a web search are written behind a breakpoint of the provider's own, and read in the next turn", async () => {
	await using at = await world();
	const messages = [{ role: "user", content: "@@search2@@ look it up" }];
	const first = await at.create(body({ tools: [SEARCH], messages }));
	expect(first.content.map((block) => block.type)).toEqual([
		"server_tool_use",
		"web_search_tool_result",
		"server_tool_use",
		"web_search_tool_result",
		"text",
	]);
	expect(first.usage.server_tool_use?.web_search_requests).toBe(2);
	// Nobody asked for more than the system prompt to be written.
	const written = first.usage.cache_creation_input_tokens ?? 0;
	expect(written).toBeGreaterThan(4_000);
	expect(first.usage.cache_read_input_tokens).toBe(2_000);
	const next = [
		...messages,
		{ role: "assistant", content: first.content },
		{ role: "user", content: [marked(words("and", 10))] },
	];
	const second = await at.create(body({ tools: [SEARCH], messages: next }));
	expect(second.usage.cache_read_input_tokens).toBe(written);
});

it("a request without markers gets no breakpoint behind its results", async () => {
	await using at = await world();
	const messages = [{ role: "user", content: "@@search@@ look it up" }];
	const { usage } = await at.create(body({ tools: [SEARCH], system: "short", messages }));
	expect([usage.cache_creation_input_tokens, usage.cache_read_input_tokens]).toEqual([0, 0]);
});

it("a searching answer streams as what it says whole", async () => {
	await using at = await world();
	const params = body({ tools: [SEARCH], messages: [{ role: "user", content: "@@search@@ x" }] });
	const streamed = await at.client.messages.stream(params as unknown as Anthropic.MessageStreamParams).finalMessage();
	const whole = await at.create(params);
	expect(streamed.content).toEqual(whole.content);
	expect(streamed.usage.server_tool_use).toEqual(whole.usage.server_tool_use);
});
