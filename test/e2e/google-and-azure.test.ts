// The real Claude Code, in its Messages format, onto simulated Google projects and Foundry resources.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { claudeCodeHome } from "../claude-code.ts";
import { MASTER_KEY, startWorld, type WorldOptions } from "../harness.ts";

const ready = inject("claudeCode");

test.skipIf(!ready.includes("current")).each<[string, WorldOptions]>([
	["Vertex", { google: ["p1", "p2"] }],
	["Foundry", { foundry: ["r1", "r2"] }],
])(
	"a tool-using conversation on %s stays on one deployment, reads its cache, and so does a second session",
	async (_name, options) => {
		await using world = await startWorld(options);
		await using home = await claudeCodeHome({
			form: "current",
			gatewayUrl: world.gateway.url,
			key: MASTER_KEY,
			model: "claude-code",
		});
		const session = randomUUID();
		const run = await home.run({ prompt: "@@tools6@@ look around", session });
		expect(run).toMatchObject({ exitCode: 0, is_error: false, num_turns: 7 });
		expect(run.usage.cache_read_input_tokens).toBeGreaterThan(run.usage.cache_creation_input_tokens);

		const turns = world.simulator.recorded().filter((request) => request.session === session && request.usage !== null);
		expect(turns.every(({ status }) => status === 200)).toBe(true);
		const cached = turns.filter(({ usage }) => (usage?.read ?? 0) + (usage?.write5m ?? 0) > 0);
		expect(new Set(cached.map(({ deployment }) => deployment)).size).toBe(1);
		expect(cached.length).toBeGreaterThanOrEqual(7);
		for (const turn of cached.slice(1)) expect(turn.usage?.read ?? 0).toBeGreaterThan(8_000);

		// Without its billing block, which is another one in each session, the head of the prompt is shared on these platforms.
		const other = randomUUID();
		await home.run({ prompt: "@@tools1@@ something else", session: other });
		const [opening] = world.simulator
			.recorded()
			.filter((request) => request.session === other && (request.usage?.read ?? 0) + (request.usage?.write5m ?? 0) > 0);
		expect(opening?.usage?.read ?? 0).toBeGreaterThan(8_000);
	},
);
