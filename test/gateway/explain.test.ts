import { expect, test } from "vitest";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";

test("a decision can be asked for without sending anything, with every candidate, its price and what it would read", async () => {
	await using world = await startWorld({ deployments: ["a", "b", "c"] });
	const agent = new SimulatedAgent({ model: "claude-code", seed: 3 });
	const first = agent.request();
	const headers = { ...first.headers, "x-api-key": MASTER_KEY };
	const answer = await readAnswer(await world.gateway.post("/v1/messages", first.body, headers));
	agent.answered(answer.content);
	const sent = world.messages().length;

	const next = agent.request();
	const explained = await world.gateway.post("/route/explain", next.body, headers);
	expect(explained.status).toBe(200);
	const decision = (await explained.json()) as {
		chosen: { model_id: string; predicted_read_tokens: number; expected_dollars: number };
		runner_up: { expected_dollars: number };
		candidates: unknown[];
	};
	expect(decision).toMatchObject({
		model: "claude-code",
		affinity: "hit",
		reason: "prefix",
		excluded: [],
		hold: null,
		diverted_from: null,
	});
	expect(decision.chosen.model_id).toBe(answer.deployment);
	expect(decision.chosen.predicted_read_tokens).toBeGreaterThan(8_000);
	expect(decision.candidates.length).toBe(3);
	expect(decision.chosen.expected_dollars).toBeLessThan(decision.runner_up.expected_dollars);
	expect(world.messages().length).toBe(sent);

	// Asking twice changes nothing, and the real request gets what was foretold.
	expect(await (await world.gateway.post("/route/explain", next.body, headers)).json()).toMatchObject({
		affinity: "hit",
	});
	const real = await readAnswer(await world.gateway.post("/v1/messages", next.body, headers));
	expect(real.deployment).toBe(decision.chosen.model_id);
	expect(real.usage.read).toBe(decision.chosen.predicted_read_tokens);
});

test("explaining needs a key and a valid body like any request", async () => {
	await using world = await startWorld({ deployments: ["a"] });
	expect((await fetch(`${world.gateway.url}/route/explain`, { method: "POST", body: "{}" })).status).toBe(401);
	expect((await world.gateway.post("/route/explain", "{")).status).toBe(400);
	expect((await world.gateway.post("/route/explain", '{"model":"nope","messages":[]}')).status).toBe(404);
});
