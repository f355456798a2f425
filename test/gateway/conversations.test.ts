// Agent-like conversations with Claude Code's prompt structure, through real sockets, against simulated prompt caches.
import { expect, test } from "vitest";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";

const CONVERSATIONS = 16;
const TURNS = 12;

/** Runs all conversations turn by turn, interleaved; gives what each turn read and where it went. */
async function runInterleaved(deployments: readonly string[]) {
	await using world = await startWorld({ deployments });
	const agents = Array.from(
		{ length: CONVERSATIONS },
		(_, i) =>
			new SimulatedAgent({ model: "claude-code", seed: i + 1, project: Math.floor(i / 2), session: `session-${i}` }),
	);
	const places = agents.map(() => new Set<string>());
	const perDeployment = new Map<string, number>(deployments.map((name) => [name, 0]));
	let readTokens = 0;
	let predictionError = 0;
	for (let turn = 0; turn < TURNS; turn += 1) {
		for (const [i, agent] of agents.entries()) {
			const { body, headers } = agent.request();
			const response = await world.gateway.post("/v1/messages?beta=true", body, {
				...headers,
				"x-api-key": MASTER_KEY,
			});
			const predicted = Number(response.headers.get("x-warmpath-predicted-cached-tokens"));
			const answer = await readAnswer(response);
			agent.answered(answer.content);
			places[i]?.add(answer.deployment);
			perDeployment.set(answer.deployment, (perDeployment.get(answer.deployment) ?? 0) + 1);
			readTokens += answer.usage.read;
			predictionError += Math.abs(predicted - answer.usage.read);
		}
	}
	return { places, perDeployment, readTokens, predictionError };
}

test("16 interleaved conversations of 12 turns stay where they are warm and share the load", async () => {
	const ceiling = await runInterleaved(["only"]);
	const spread = await runInterleaved(["a", "b", "c", "d"]);
	expect(spread.places.map((place) => place.size)).toEqual(spread.places.map(() => 1));
	expect(spread.readTokens / ceiling.readTokens).toBeGreaterThanOrEqual(0.97);
	const mean = (CONVERSATIONS * TURNS) / 4;
	expect(Math.max(...spread.perDeployment.values())).toBeLessThanOrEqual(1.5 * mean);
	// What was predicted is what the provider reported, to a few percent.
	expect(spread.predictionError / spread.readTokens).toBeLessThan(0.05);
});
