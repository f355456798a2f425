// The Responses API: the stateless subset, with the official SDK.
import OpenAI from "openai";
import { expect, test } from "vitest";
import type { Answer } from "../../src/simulator/answer.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";

async function start(answer?: Answer) {
	const world = await startWorld({
		deployments: ["a", "b"],
		simulator: { recordBodies: true, ...(answer === undefined ? {} : { answer: () => answer }) },
	});
	const client = new OpenAI({ baseURL: `${world.gateway.url}/v1`, apiKey: MASTER_KEY, maxRetries: 0 });
	return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

const TOOL: OpenAI.Responses.Tool = {
	type: "function",
	name: "weather",
	description: "Tells the weather",
	parameters: { type: "object", properties: { city: { type: "string" } } },
	strict: false,
};
const ANSWER: Answer = {
	content: [
		{ type: "thinking", thinking: "Let me see.", signature: "sig-1" },
		{ type: "text", text: "I look." },
		{ type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo" } },
	],
	stopReason: "tool_use",
};

test("text comes whole and streamed, with usage", async () => {
	await using setup = await start();
	const ask = { model: "claude-code", instructions: "Be brief.", input: "What is it?" };
	const whole = await setup.client.responses.create(ask);
	expect(whole.status).toBe("completed");
	expect(whole.output_text.length).toBeGreaterThan(5);
	expect(whole.usage?.total_tokens).toBeGreaterThan(5);
	const stream = setup.client.responses.stream(ask);
	const streamed = await stream.finalResponse();
	expect(streamed.output_text).toBe(whole.output_text);
	const sent = JSON.parse(setup.world.messages().at(-1)?.body ?? "{}");
	expect(sent.system).toEqual([{ type: "text", text: "Be brief." }]);
});

test("an agent's turn goes out as items and comes back as input, its signed thinking too", async () => {
	await using setup = await start(ANSWER);
	const input: OpenAI.Responses.ResponseInputItem[] = [{ role: "user", content: "Weather?" }];
	const ask = { model: "claude-code", store: false, tools: [TOOL], reasoning: { effort: "low" as const } };
	const events: OpenAI.Responses.ResponseStreamEvent[] = [];
	for await (const event of await setup.client.responses.create({ ...ask, input, stream: true })) events.push(event);
	expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, at) => at));
	expect(events[0]?.type).toBe("response.created");
	const last = events.at(-1);
	if (last?.type !== "response.completed") throw new Error(`ended with ${last?.type}`);
	expect(last.response.output.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
	const whole = await setup.client.responses.create({ ...ask, input });
	expect(whole.output.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
	const call = last.response.output.find((item) => item.type === "function_call");
	expect(JSON.parse(call?.arguments ?? "")).toEqual({ city: "Oslo" });
	input.push(...(last.response.output as OpenAI.Responses.ResponseInputItem[]), {
		type: "function_call_output",
		call_id: "toolu_1",
		output: "12°",
	});
	await setup.client.responses.create({ ...ask, input }).catch(() => {});
	const sent = JSON.parse(setup.world.messages().at(-1)?.body ?? "{}");
	expect(sent.messages.slice(1)).toEqual([
		{
			role: "assistant",
			content: [
				{ type: "thinking", thinking: "Let me see.", signature: "sig-1" },
				{ type: "text", text: "I look." },
				{ type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo" } },
			],
		},
		{
			role: "user",
			content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "12°" }] }],
		},
	]);
});

test("what the gateway would have to remember is refused by name", async () => {
	await using setup = await start();
	const { responses } = setup.client;
	const ask = { model: "claude-code", input: "x" };
	await expect(responses.create({ ...ask, previous_response_id: "resp_1" })).rejects.toMatchObject({ status: 501 });
	await expect(responses.create({ ...ask, background: true })).rejects.toThrow(/background/);
	await expect(responses.create({ ...ask, tools: [{ type: "web_search" }] })).rejects.toThrow(/web_search/);
	const custom = { type: "custom", name: "apply_patch" } as const;
	await expect(responses.create({ ...ask, tools: [custom] })).rejects.toMatchObject({
		status: 501,
		message: expect.stringMatching(/'custom'.*Served are function tools/),
	});
	const called = { type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** Begin Patch" } as const;
	await expect(responses.create({ ...ask, input: [called] })).rejects.toMatchObject({
		status: 501,
		message: expect.stringContaining("custom_tool_call"),
	});
	await expect(responses.create({ ...ask, model: "nope" })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});
