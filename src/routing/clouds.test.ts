// What is different where a cloud serves: caches behind one name, limits that reserve the output. Leaves signatures and bodies to providers.
import { expect, test } from "vitest";
import { marked, messages } from "../cache/__fixtures__/prompt.ts";
import { createWorld, deployment, turnOf } from "./__fixtures__/world.ts";
import type { ResponseIdentity } from "./decision.ts";

const PROFILE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/** Turn 2 of a conversation reads nothing of what turn 1 wrote; what a fork of turn 1 is then expected to read. */
function readOfFork(identity: ResponseIdentity): number {
	const world = createWorld({ deployments: ["a"], identityOf: () => identity });
	world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const second = world.send(world.request(turnOf("s", 2), { session: "s" }), 10_000);
	second.start(10_500);
	const written = second.usage.cacheReadTokens + second.usage.cacheWriteTokens;
	world.router.settled(second.ticket, { ...second.usage, cacheReadTokens: 0, cacheWriteTokens: written }, 11_000);
	const fork = world.router.plan(world.request(turnOf("s", 1), { session: "fork" }), 12_000);
	return fork.candidates[0]?.predictedReadTokens ?? 0;
}

test("behind a cross-region profile a read that did not happen disproves nothing", () => {
	const account = { organization: "aws/1", workspace: "runtime/us" };
	const certain = readOfFork(account);
	const chance = readOfFork({ ...account, probabilistic: true });
	expect(certain).toBeLessThan(9_500);
	expect(chance).toBeGreaterThan(11_000);
});

test("Bedrock admits a request with the output it may have, and what was not used comes back", () => {
	const bedrock = deployment("a", { provider: "bedrock", upstreamModel: PROFILE, tpm: 24_000 });
	const world = createWorld({ deployments: [bedrock] });
	const asked = (name: string, maxTokens: number) => {
		const request = world.request(marked(messages(name, 4, 1_000), [-1]), { session: name });
		return { ...request, outline: { ...request.outline, maxTokens } };
	};
	const first = world.send(asked("s", 12_000), 0);
	const full = world.router.plan(asked("t", 12_000), 1);
	expect(full.candidates).toEqual([]);
	expect(full.excluded.map(({ why }) => why)).toEqual(["limit"]);
	expect(world.router.plan(asked("t", 1_000), 1).candidates).toHaveLength(1);
	first.start(2);
	world.router.settled(first.ticket, { ...first.usage, outputTokens: 10 }, 3);
	expect(world.router.plan(asked("t", 12_000), 4).candidates).toHaveLength(1);
});

test("elsewhere it is admitted with the output that is to be expected", () => {
	const world = createWorld({ deployments: [deployment("a", { tpm: 20_000 })] });
	const request = world.request(marked(messages("s", 4, 1_000), [-1]), { session: "s" });
	const greedy = { ...request, outline: { ...request.outline, maxTokens: 64_000 } };
	world.send(greedy, 0);
	expect(world.router.plan(greedy, 1).candidates).toHaveLength(1);
});
