// The real Claude Code on OpenAI-compatible servers, translated by the gateway, each server with a prefix cache of its own.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const ready = inject("claudeCode");
const SERVERS = ["gpu1", "gpu2", "gpu3"];

async function startServers() {
	const simulator = await startSimulator({
		openai: SERVERS.map((name) => ({ name, engine: "vllm" as const })),
		recordBodies: true,
	});
	const entries = SERVERS.map(
		(id) => `  - model_name: local
    litellm_params: { model: openai/qwen-3-coder, api_base: "${simulator.url}/v1", api_key: sk-openai-${id} }
    model_info: { id: ${id} }`,
	);
	const gateway = await startTestGateway(
		configFrom(
			`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n`,
		),
	);
	const home = await claudeCodeHome({ form: "current", gatewayUrl: gateway.url, key: MASTER_KEY, model: "local" });
	return {
		simulator,
		home,
		async [Symbol.asyncDispose]() {
			await home[Symbol.asyncDispose]();
			await gateway.close(0);
			await simulator.close();
		},
	};
}

test.skipIf(!ready.includes("current"))(
	"a six-turn tool task works, stays on one server and reads its prefix cache",
	async () => {
		await using setup = await startServers();
		const run = await setup.home.run({ prompt: "@@tools5@@ look around", session: randomUUID() });
		expect(run).toMatchObject({ exitCode: 0, is_error: false, num_turns: 6 });
		expect(run.usage.cache_read_input_tokens).toBeGreaterThan(run.usage.input_tokens);
		const requests = setup.simulator.recorded();
		expect(requests.every(({ status }) => status === 200)).toBe(true);
		const turns = requests.filter(({ body }) => (JSON.parse(body ?? "{}").tools ?? []).length > 0);
		expect(turns.length).toBeGreaterThanOrEqual(6);
		expect(new Set(turns.map(({ deployment }) => deployment)).size).toBe(1);
		expect(requests.every(({ path }) => path === "/v1/chat/completions")).toBe(true);
		expect(requests.some(({ body }) => body?.includes("x-anthropic-billing-header"))).toBe(false);
	},
);

test.skipIf(!ready.includes("current"))("a conversation is resumed where its prefix is", async () => {
	await using setup = await startServers();
	const session = randomUUID();
	const first = await setup.home.run({ prompt: "@@tools2@@ look around", session });
	const again = await setup.home.run({ prompt: "@@tools2@@ go on", resume: session });
	expect([first.is_error, again.is_error]).toEqual([false, false]);
	const turns = setup.simulator
		.recorded()
		.filter(({ body }) => (JSON.parse(body ?? "{}").tools ?? []).length > 0)
		.map(({ deployment }) => deployment);
	expect(new Set(turns).size).toBe(1);
	expect(again.usage.cache_read_input_tokens).toBeGreaterThan(again.usage.input_tokens);
});
