// The official SDK as a client of the gateway.
import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { MASTER_KEY, startWorld } from "../harness.ts";

const LONG = "All that is known about the code base. ".repeat(300);

function ask(question: string): Anthropic.MessageCreateParamsNonStreaming {
	return {
		model: "claude-code",
		max_tokens: 200,
		messages: [
			{
				role: "user",
				content: [
					{ type: "text", text: LONG, cache_control: { type: "ephemeral" } },
					{ type: "text", text: question },
				],
			},
		],
	};
}

async function clientAndWorld() {
	const world = await startWorld({ deployments: ["a", "b", "c"] });
	const client = new Anthropic({ baseURL: world.gateway.url, apiKey: MASTER_KEY, maxRetries: 0 });
	return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

test("the guide's two requests: the first writes, the second reads on the same deployment", async () => {
	await using setup = await clientAndWorld();
	const first = await setup.client.messages.create(ask("Analyze the main.py file")).withResponse();
	const second = await setup.client.messages.create(ask("What are the key functions?")).withResponse();
	expect(first.data.usage.cache_creation_input_tokens).toBeGreaterThan(1024);
	expect(second.data.usage.cache_read_input_tokens).toBe(first.data.usage.cache_creation_input_tokens);
	expect(second.data.usage.cache_creation_input_tokens).toBe(0);
	expect(first.response.headers.get("x-warmpath-affinity")).toBe("new");
	expect(second.response.headers.get("x-warmpath-affinity")).toBe("hit");
	expect(second.response.headers.get("x-litellm-model-id")).toBe(first.response.headers.get("x-litellm-model-id"));
	expect(Number(second.response.headers.get("x-warmpath-predicted-cached-tokens"))).toBeGreaterThan(1024);
});

test("streaming and not give the same text and share one cache", async () => {
	await using setup = await clientAndWorld();
	const plain = await setup.client.messages.create(ask("Analyze the main.py file"));
	const stream = setup.client.messages.stream(ask("Analyze the main.py file"));
	const streamed = await stream.finalMessage();
	expect(streamed.content).toEqual(plain.content);
	expect(streamed.usage.cache_read_input_tokens).toBeGreaterThan(1024);
	expect(streamed.stop_reason).toBe("end_turn");
});

test("count_tokens, the model list and errors arrive as the SDK's own types", async () => {
	await using setup = await clientAndWorld();
	const { input_tokens } = await setup.client.messages.countTokens({
		model: "claude-code",
		messages: [{ role: "user", content: LONG }],
	});
	expect(input_tokens).toBeGreaterThan(1000);
	const ids: string[] = [];
	for await (const model of setup.client.models.list()) ids.push(model.id);
	expect(ids).toEqual(["claude-code"]);
	await expect(setup.client.messages.create({ ...ask("x"), model: "nope" })).rejects.toBeInstanceOf(
		Anthropic.NotFoundError,
	);
	await expect(setup.client.messages.create({ ...ask("x"), max_tokens: -1 })).rejects.toBeInstanceOf(
		Anthropic.BadRequestError,
	);
	const stranger = new Anthropic({ baseURL: setup.world.gateway.url, apiKey: "sk-wrong", maxRetries: 0 });
	await expect(stranger.messages.create(ask("x"))).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
});

test("an aborted stream keeps its place: the next turn reads what was written", async () => {
	await using setup = await clientAndWorld();
	const stream = setup.client.messages.stream(ask("@@long@@ tell me everything"));
	await new Promise<void>((resolve) => stream.once("text", () => resolve()));
	stream.abort();
	await stream.done().catch(() => {});
	const next = await setup.client.messages.create(ask("And now?")).withResponse();
	expect(next.response.headers.get("x-warmpath-affinity")).toBe("hit");
	expect(next.data.usage.cache_read_input_tokens).toBeGreaterThan(1024);
});
