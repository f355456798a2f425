import { AnthropicFoundry } from "@anthropic-ai/foundry-sdk";
import { expect, it } from "vitest";
import { marked, words } from "../__fixtures__/bodies.ts";
import { type Simulator, startSimulator } from "../server.ts";

const client = (sim: Simulator, apiKey = "foundry-key-east") =>
	new AnthropicFoundry({ baseURL: `${sim.url}/anthropic`, apiKey, maxRetries: 0 });

const question = (model = "claude-sonnet-5-5") => ({
	model,
	max_tokens: 1_000,
	system: [marked(words("system", 2_000))] as never,
	messages: [{ role: "user" as const, content: "hello" }],
});

it("Anthropic's Foundry client gets messages and streams, in one cache per resource", async () => {
	await using sim = await startSimulator({ foundry: [{ name: "east" }, { name: "west" }] });
	expect((await client(sim).messages.create(question())).usage.cache_creation_input_tokens).toBe(2_000);
	expect((await client(sim).messages.stream(question()).finalMessage()).usage.cache_read_input_tokens).toBe(2_000);
	const west = await client(sim, "foundry-key-west").messages.create(question());
	expect(west.usage.cache_read_input_tokens).toBe(0);
	const entra = new AnthropicFoundry({
		baseURL: `${sim.url}/anthropic`,
		azureADTokenProvider: async () => "entra-east",
		maxRetries: 0,
	});
	expect((await entra.messages.create(question())).usage.cache_read_input_tokens).toBe(2_000);
});

it("a wrong key is refused in Azure's shape, a missing deployment too", async () => {
	await using sim = await startSimulator({ foundry: [{ name: "east", models: { "my-sonnet": "claude-sonnet-5-5" } }] });
	await expect(client(sim, "no").messages.create(question())).rejects.toMatchObject({ status: 401 });
	await expect(client(sim).messages.create(question())).rejects.toMatchObject({
		status: 404,
		error: { error: { code: "DeploymentNotFound" } },
	});
	expect((await client(sim).messages.create(question("my-sonnet"))).content).toHaveLength(1);
});

it("the api-key header works, and Azure's own infrastructure refuses server tools", async () => {
	await using sim = await startSimulator({ foundry: [{ name: "east", hosting: "azure" }] });
	const post = (body: unknown) =>
		fetch(`${sim.url}/anthropic/v1/messages`, {
			method: "POST",
			headers: { "api-key": "foundry-key-east", "anthropic-version": "2023-06-01" },
			body: JSON.stringify(body),
		});
	const answer = await post(question());
	expect([answer.status, answer.headers.get("apim-request-id")]).toEqual([200, answer.headers.get("request-id")]);
	expect((await post({ ...question(), tools: [{ type: "web_search_20250305", name: "web_search" }] })).status).toBe(
		400,
	);
});
