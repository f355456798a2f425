// The 12-turn fidelity test of conversations.test.ts on every cloud. Groups that mix clouds: mixed-clouds.test.ts.
import { describe, expect, test } from "vitest";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { MASTER_KEY, startWorld, type WorldOptions } from "../harness.ts";

const CONVERSATIONS = 4;
const TURNS = 12;

type World = Awaited<ReturnType<typeof startWorld>>;

/** Runs all conversations turn by turn, interleaved; `before` may do something to the world ahead of a turn. */
async function run(options: WorldOptions, before: (turn: number, world: World) => void = () => undefined) {
	await using world = await startWorld(options);
	const agents = Array.from(
		{ length: CONVERSATIONS },
		(_, i) => new SimulatedAgent({ model: "claude-code", seed: i + 1, project: i, session: `session-${i}` }),
	);
	const places = agents.map((): string[] => []);
	let readTokens = 0;
	for (let turn = 0; turn < TURNS; turn++) {
		before(turn, world);
		for (const [i, agent] of agents.entries()) {
			const { body, headers } = agent.request();
			const response = await world.gateway.post("/v1/messages?beta=true", body, {
				...headers,
				"x-api-key": MASTER_KEY,
			});
			expect(response.status).toBe(200);
			const answer = await readAnswer(response);
			agent.answered(answer.content);
			places[i]?.push(answer.deployment);
			readTokens += answer.usage.read;
		}
	}
	return { places, readTokens };
}

const homes = (places: readonly (readonly string[])[]) => places.map((place) => new Set(place).size);
const ACCOUNTS = ["a1", "a2", "a3"];

describe("12 turns", () => {
	test.each<[string, WorldOptions, WorldOptions]>([
		["Bedrock (InvokeModel)", { aws: ["a1"] }, { aws: ACCOUNTS }],
		["Bedrock (Messages)", { aws: ["a1"], bedrock: "messages" }, { aws: ACCOUNTS, bedrock: "messages" }],
		["Bedrock (mantle)", { aws: ["a1"], bedrock: "mantle" }, { aws: ACCOUNTS, bedrock: "mantle" }],
		[
			"Claude Platform on AWS",
			{ aws: ["a1"], bedrock: "none", awsPlatform: ["a1"] },
			{ aws: ACCOUNTS, bedrock: "none", awsPlatform: ACCOUNTS },
		],
		["Vertex", { google: ["p1"] }, { google: ["p1", "p2", "p3"] }],
		[
			"Claude on Google Cloud, managed by Anthropic",
			{ google: ["p1"], vertex: "none", googlePlatform: ["p1"] },
			{ google: ["p1", "p2", "p3"], vertex: "none", googlePlatform: ["p1", "p2", "p3"] },
		],
		["Foundry", { foundry: ["r1"] }, { foundry: ["r1", "r2", "r3"] }],
	])("on %s read what they read on one deployment, and stay where they began", async (_name, one, several) => {
		const ceiling = await run(one);
		const spread = await run(several);
		expect(homes(spread.places)).toEqual(spread.places.map(() => 1));
		expect(new Set(spread.places.flat()).size).toBeGreaterThan(1);
		expect(ceiling.readTokens).toBeGreaterThan(0);
		expect(spread.readTokens / ceiling.readTokens).toBeGreaterThanOrEqual(0.97);
	});

	test("a cloud that dies between two turns loses no request: its conversations go on elsewhere", async () => {
		const { places } = await run({ deployments: ["k1"], google: ["p1"] }, (turn, { simulator }) => {
			if (turn === TURNS / 2) simulator.faults.add({ kind: "status", status: 503, deployment: "p1", times: "always" });
		});
		expect(new Set(places.map((place) => place.at(-1)))).toEqual(new Set(["k1"]));
	});
});
