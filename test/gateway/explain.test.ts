import { expect, test } from "vitest";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway, startWorld } from "../harness.ts";

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

/** A long prompt that marks nothing. */
const UNMARKED = {
	model: "claude-code",
	max_tokens: 20,
	stream: true,
	system: "You know the whole of this text. ".repeat(1_000),
	messages: [{ role: "user", content: "hello" }],
};

test.each([
	["automatic markers", "", {}],
	["points of the configuration", "system", {}],
	["points of the request", "none", { cache_control_injection_points: [{ location: "message", role: "system" }] }],
])("a decision is explained for the request as it would be sent: %s", async (_, kind, more) => {
	const point = "cache_control_injection_points: [{ location: message, role: system }]";
	const auto = "litellm_settings: { enable_anthropic_prompt_caching: true }\n";
	await using simulator = await startSimulator({
		deployments: [
			{ name: "a", apiKey: "sk-a" },
			{ name: "b", apiKey: "sk-b" },
		],
	});
	const entries = ["a", "b"].map(
		(id) =>
			`  - { model_name: claude-code, litellm_params: { model: anthropic/claude-sonnet-5-5, api_base: "${simulator.url}", api_key: sk-${id}${kind === "system" ? `, ${point}` : ""} }, model_info: { id: ${id} } }`,
	);
	const config = configFrom(
		`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n${kind === "" ? auto : ""}`,
	);
	await using gateway = await startTestGateway(config);
	const body = JSON.stringify({ ...UNMARKED, ...more });
	const real = await readAnswer(await gateway.post("/v1/messages", body));
	const again = JSON.stringify({
		...UNMARKED,
		...more,
		messages: [...UNMARKED.messages, { role: "assistant", content: "hi" }, { role: "user", content: "more" }],
	});
	const asked = await (await gateway.post("/route/explain", again)).json();
	const inUi = await (await gateway.post("/api/explain", JSON.stringify({ body: again }))).json();
	for (const decision of [asked, inUi]) {
		expect(decision).toMatchObject({ chosen: { model_id: real.deployment } });
		expect((decision as { breakpoints: number }).breakpoints).toBeGreaterThan(0);
		expect((decision as { chosen: { predicted_read_tokens: number } }).chosen.predicted_read_tokens).toBeGreaterThan(
			1_000,
		);
	}
	const next = await readAnswer(await gateway.post("/v1/messages", again));
	expect(next.deployment).toBe(real.deployment);
	expect(next.usage.read).toBe((asked as { chosen: { predicted_read_tokens: number } }).chosen.predicted_read_tokens);
});

test.each([
	["a beta that no header can hold", { anthropic_beta: ["a\nb"] }, 400],
	["a version that no header can hold", { anthropic_version: "\u2026" }, 400],
	["half of a character in the model's name", { model: "\ud800" }, 400],
	["a model that nobody serves", { model: "nope" }, 404],
	["messages that are no list", { messages: "hello" }, 400],
])("a question is refused with what the request would be refused with: %s", async (_, wrong, status) => {
	await using world = await startWorld({ deployments: ["a"] });
	const body = JSON.stringify({ ...UNMARKED, ...wrong });
	const errorOf = async (path: string, sent: string) => {
		const answer = await world.gateway.post(path, sent);
		const { error } = (await answer.json()) as { error: { message: string } };
		return { status: answer.status, message: error.message };
	};
	const refused = await errorOf("/v1/messages", body);
	expect(refused.status).toBe(status);
	expect(await errorOf("/route/explain", body)).toEqual(refused);
	expect((await errorOf("/api/explain", JSON.stringify({ body }))).message).toBe(refused.message);
	expect(world.messages().length).toBe(0);
});
