// The real Claude Code through the gateway onto three simulated deployments, each with a prompt cache of its own.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { claudeCodeHome } from "../claude-code.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";

const ready = inject("claudeCode");
const DEPLOYMENTS = ["sim-1", "sim-2", "sim-3"];

type World = Awaited<ReturnType<typeof startWorld>>;

/** What the simulator saw of one session's main loop: model calls with tools, without subagents. */
function mainTurns(world: World, session: string) {
	return world
		.messages()
		.filter(
			(request) =>
				request.session === session &&
				request.agent === null &&
				(request.usage?.write5m ?? 0) + (request.usage?.read ?? 0) > 0,
		);
}

function deploymentsOf(requests: readonly { readonly deployment: string | null }[]): readonly (string | null)[] {
	return [...new Set(requests.map((request) => request.deployment))];
}

async function startHome(world: World, form: "current" | "old") {
	return claudeCodeHome({ form, gatewayUrl: world.gateway.url, key: MASTER_KEY, model: "claude-code" });
}

test.skipIf(!ready.includes("current"))(
	"a tool-using conversation and its resumption stay on one deployment and read its cache",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		await using home = await startHome(world, "current");
		const session = randomUUID();

		const first = await home.run({ prompt: "@@tools4@@ look around", session });
		expect(first).toMatchObject({ exitCode: 0, is_error: false, num_turns: 5 });
		const again = await home.run({ prompt: "@@tools2@@ go on", resume: session });
		expect(again).toMatchObject({ exitCode: 0, is_error: false });

		const turns = mainTurns(world, session);
		expect(turns.length).toBeGreaterThanOrEqual(8);
		expect(deploymentsOf(turns).length).toBe(1);
		// The client's own count: every turn but the first read what the turn before had written.
		for (const run of [first, again])
			expect(run.usage.cache_read_input_tokens).toBeGreaterThan(run.usage.cache_creation_input_tokens);
		const [, ...later] = turns;
		for (const turn of later) expect(turn.usage?.read ?? 0).toBeGreaterThan(8_000);
		expect(world.messages().every((request) => request.status === 200)).toBe(true);
	},
);

test.skipIf(!ready.includes("current"))(
	"sessions side by side each keep their deployment and no deployment holds them all",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		const sessions = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
		for (const pair of [sessions.slice(0, 2), sessions.slice(2)]) {
			await Promise.all(
				pair.map(async (session) => {
					await using home = await startHome(world, "current");
					const run = await home.run({ prompt: "@@tools3@@ work", session });
					expect(run).toMatchObject({ exitCode: 0, is_error: false });
					expect(run.usage.cache_read_input_tokens).toBeGreaterThan(0);
				}),
			);
		}
		for (const session of sessions) expect(deploymentsOf(mainTurns(world, session)).length).toBe(1);
		expect(deploymentsOf(world.messages()).length).toBeGreaterThan(1);
	},
);

test.skipIf(!ready.includes("current"))(
	"a subagent works while its parent's turns stay where they are warm",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		await using home = await startHome(world, "current");
		const session = randomUUID();
		const run = await home.run({ prompt: "@@agent@@ delegate this", session });
		expect(run).toMatchObject({ exitCode: 0, is_error: false });
		const agents = world.messages().filter((request) => request.session === session && request.agent !== null);
		expect(agents.length).toBeGreaterThanOrEqual(1);
		expect(deploymentsOf(mainTurns(world, session)).length).toBe(1);
	},
);

test.skipIf(!ready.includes("current"))(
	"a deployment that fails in mid-conversation costs the user nothing but its cache",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		await using home = await startHome(world, "current");
		const session = randomUUID();
		await home.run({ prompt: "@@text@@ hello", session });
		const [home1] = deploymentsOf(mainTurns(world, session));
		world.simulator.faults.add({ kind: "status", status: 529, deployment: home1 ?? "", times: "always" });
		const run = await home.run({ prompt: "@@tools2@@ go on", resume: session });
		expect(run).toMatchObject({ exitCode: 0, is_error: false });
		const after = mainTurns(world, session).filter((request) => request.status === 200 && request.deployment !== home1);
		expect(deploymentsOf(after).length).toBe(1);
	},
);

test.skipIf(!ready.includes("old"))(
	"an old Claude Code, with two moving breakpoints and no session header, sticks too",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		await using home = await startHome(world, "old");
		const run = await home.run({ prompt: "@@tools4@@ look around" });
		expect(run).toMatchObject({ exitCode: 0, is_error: false });
		// Its launch also sends a warm-up of its own, and each turn a quota check; neither shares the conversation's prefix.
		const turns = world
			.messages()
			.filter((request) => (request.usage?.write5m ?? 0) + (request.usage?.read ?? 0) > 5_000);
		expect(turns.length).toBeGreaterThanOrEqual(5);
		expect(deploymentsOf(turns).length).toBe(1);
		expect(run.usage.cache_read_input_tokens).toBeGreaterThan(run.usage.cache_creation_input_tokens);
	},
);

test.skipIf(!ready.includes("current"))(
	"the log shows the lines that LiteLLM's guide asks users to look for, and no prompt",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		await using home = await startHome(world, "current");
		const run = await home.run({ prompt: "@@tools2@@ a-very-secret-prompt", session: randomUUID() });
		expect(run.is_error).toBe(false);
		const lines = world.gateway.logLines.map((line) => (JSON.parse(line) as { msg: string }).msg);
		const checks = lines.filter((line) => line.includes("prompt_caching_deployment_check"));
		const [, id] = /^prompt_caching_deployment_check: Adding model_id to cache: (sim-\d)$/.exec(checks[0] ?? "") ?? [];
		expect(id).toBeDefined();
		expect(checks.slice(1)).toEqual(
			checks.slice(1).map(() => `prompt_caching_deployment_check: Found cached model_id: ${id}`),
		);
		expect(checks.length).toBe(3);
		expect(lines.filter((line) => line === `router: Routing to deployment: ${id}`).length).toBe(3);
		expect(world.gateway.logLines.join("\n")).not.toMatch(/a-very-secret-prompt|sk-/);
	},
);
