// An agent's conversation through the gateway onto every simulated cloud.
import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { MASTER_KEY, startWorld, type WorldOptions } from "../harness.ts";

const CLOUDS: readonly [string, WorldOptions][] = [
	["Bedrock", { aws: ["account-1"] }],
	["Vertex", { google: ["project-1"] }],
	["Foundry", { foundry: ["resource-1"] }],
];

test.each(CLOUDS)("an agent's turns on %s are signed, answered and read from the cache", async (_name, clouds) => {
	await using world = await startWorld(clouds);
	const client = new Anthropic({ baseURL: world.gateway.url, apiKey: MASTER_KEY, maxRetries: 0 });
	const agent = new SimulatedAgent({ model: "claude-code", seed: 1 });
	const reads: number[] = [];
	for (let turn = 0; turn < 5; turn += 1) {
		const { body, headers } = agent.request();
		const params = JSON.parse(body.toString()) as Anthropic.MessageStreamParams;
		const message = await client.messages.stream(params, { headers: { ...headers } }).finalMessage();
		reads.push(message.usage.cache_read_input_tokens ?? 0);
		agent.answered(message.content.map((block) => ({ ...block })));
	}
	expect(reads[0]).toBe(0);
	for (const [turn, read] of reads.entries()) if (turn > 0) expect(read).toBeGreaterThan(reads[turn - 1] ?? 0);
	expect(world.generations().map((request) => request.status)).toEqual([200, 200, 200, 200, 200]);
});
