// The real Claude Code on OpenAI-compatible servers, translated by the gateway, each server with a prefix cache of its own.
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { expect, inject, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type RecordedRequest, startRecordingUpstream } from "../recording-upstream.ts";

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

const SIGNATURE = "CsQBAXLI2nxSignatureOfTheThought==";

const PASS = "skip_thought_signature_validator";

/** As Gemini 3: calls `Bash` once, and refuses a conversation in which that call has no signature, or another's. */
function answerAsGemini({ body }: RecordedRequest, response: ServerResponse): void {
	const { messages, tools = [], model } = JSON.parse(body.toString());
	const steps = messages.filter((message: { tool_calls?: unknown }) => message.tool_calls !== undefined);
	const isSigned = (step: unknown) => [SIGNATURE, PASS].some((each) => JSON.stringify(step).includes(each));
	if (!steps.every(isSigned)) {
		response.writeHead(400, { "content-type": "application/json" });
		response.end(
			'[{"error":{"code":400,"message":"Function call is missing a thought_signature","status":"INVALID_ARGUMENT"}}]',
		);
		return;
	}
	const mayCall = steps.length === 0 && tools.length > 0;
	const call = {
		index: 0,
		id: "function-call-1",
		type: "function",
		function: { name: "Bash", arguments: '{"command":"echo hi","description":"Says hi"}' },
		extra_content: { google: { thought_signature: SIGNATURE } },
	};
	const delta = mayCall ? { role: "assistant", tool_calls: [call] } : { role: "assistant", content: "Done." };
	const finish_reason = mayCall ? "tool_calls" : "stop";
	const about = { id: `chatcmpl-${randomUUID()}`, object: "chat.completion.chunk", created: 1, model };
	const usage = { prompt_tokens: 900, completion_tokens: 5, total_tokens: 905 };
	response.writeHead(200, { "content-type": "text/event-stream" });
	for (const choice of [
		{ delta, finish_reason: null },
		{ delta: {}, finish_reason },
	])
		response.write(`data: ${JSON.stringify({ ...about, choices: [{ index: 0, ...choice }], usage })}\n\n`);
	response.end("data: [DONE]\n\n");
}

test.skipIf(!ready.includes("current"))(
	"the thought signature of a call comes back while its turn lasts, and a resumed conversation is not refused",
	async () => {
		await using upstream = await startRecordingUpstream(answerAsGemini);
		await using gateway = await startTestGateway(
			configFrom(`model_list:
  - model_name: local
    litellm_params: { model: openai/gemini-3-flash, api_base: "${upstream.url}/v1beta/openai", api_key: none }
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
		);
		await using home = await claudeCodeHome({
			form: "current",
			gatewayUrl: gateway.url,
			key: MASTER_KEY,
			model: "local",
		});
		const session = randomUUID();
		const first = await home.run({ prompt: "say hi", session });
		expect(first).toMatchObject({ exitCode: 0, is_error: false, num_turns: 2 });
		// Claude Code leaves the thinking of earlier turns out: only from here on the signature is stood for.
		expect(upstream.requests.at(-1)?.body.toString()).toContain(SIGNATURE);
		const again = await home.run({ prompt: "once more", resume: session });
		expect(again).toMatchObject({ exitCode: 0, is_error: false });
	},
);
