// OpenAI's routes that are not translated: keys, limits, budgets and the request log hold for them as for everything else.
import { expect, test } from "vitest";
import type { RequestView } from "../../src/admin/contract/log.ts";
import { IN_MEMORY } from "../../src/db/location.ts";
import { openDatabase } from "../../src/db/open.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const CONFIG = (openai: string, anthropic: string) => `model_list:
  - model_name: embedder
    litellm_params: { model: openai/text-embedding-3, api_base: "${openai}/v1", api_key: sk-openai-gpu }
    model_info: { id: gpu, input_cost_per_token: 0.000001, output_cost_per_token: 0 }
  - model_name: claude-code
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_base: "${anthropic}", api_key: sk-sim-a }
general_settings: { master_key: ${MASTER_KEY} }
warmpath:
  listen: { port: 0 }
  keys:
    - { key_alias: two-a-minute, key: sk-two-a-minute, models: [embedder], rpm_limit: 2 }
    - { key_alias: few-tokens, key: sk-few-tokens, tpm_limit: 60 }
    - { key_alias: claude-only, key: sk-claude-only, models: [claude-*] }
    - { key_alias: spender, key: sk-spender, max_budget: 0.0001 }
`;

async function start() {
	const database = await openDatabase(IN_MEMORY);
	const simulator = await startSimulator({
		openai: [{ name: "gpu", engine: "vllm" }],
		deployments: [{ name: "a" }],
		recordBodies: true,
	});
	const gateway = await startTestGateway(configFrom(CONFIG(simulator.url, simulator.url)), { database });
	return {
		gateway,
		/** Embeds a text with a key. */
		async embed(key: string, input: unknown = "Hello", model = "embedder") {
			const body = JSON.stringify({ model, input });
			const response = await gateway.post("/v1/embeddings", body, { "x-api-key": key });
			const answer = (await response.json()) as {
				readonly error?: { readonly type: string; readonly code: string | null; readonly message: string };
				readonly data?: readonly unknown[];
			};
			return { status: response.status, headers: response.headers, ...answer };
		},
		seen: () => simulator.recorded().filter(({ path }) => path === "/v1/embeddings"),
		async rows(): Promise<readonly RequestView[]> {
			await gateway.requestLog?.flush();
			const headers = { authorization: `Bearer ${MASTER_KEY}` };
			const response = await fetch(`${gateway.url}/api/requests`, { headers });
			return ((await response.json()) as { readonly requests: readonly RequestView[] }).requests;
		},
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await simulator.close();
			await database[Symbol.asyncDispose]();
		},
	};
}

test("a key's models and requests a minute hold for embeddings", async () => {
	await using world = await start();
	expect((await world.embed("sk-wrong")).status).toBe(401);
	expect(await world.embed("sk-claude-only")).toMatchObject({ status: 403, error: { type: "permission_error" } });
	const answers = [];
	for (let i = 0; i < 3; i += 1) answers.push(await world.embed("sk-two-a-minute"));
	expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
	expect(answers[2]?.error).toMatchObject({ type: "rate_limit_error", code: "rate_limit_exceeded" });
	expect(Number(answers[2]?.headers.get("retry-after"))).toBeGreaterThan(0);
	expect(world.seen()).toHaveLength(2);
});

test("their tokens count: against a key's tokens a minute, and in dollars against its budget", async () => {
	await using world = await start();
	expect((await world.embed("sk-few-tokens", "word ".repeat(80))).status).toBe(200);
	expect((await world.embed("sk-few-tokens", "word ".repeat(80))).status).toBe(429);
	const answers = [];
	for (let i = 0; i < 4; i += 1) answers.push((await world.embed("sk-spender", "word ".repeat(60))).status);
	expect(answers[0]).toBe(200);
	expect(answers.at(-1)).toBe(429);
});

test("the request log has a row for each, with key, deployment, tokens and dollars", async () => {
	await using world = await start();
	const { data } = await world.embed("sk-two-a-minute", ["one", "two"]);
	expect(data).toHaveLength(2);
	const [row] = await world.rows();
	expect(row).toMatchObject({
		operation: "passthrough",
		client_format: "openai-chat",
		outcome: "served",
		status: 200,
		model: "embedder",
		model_id: "gpu",
		key_alias: "two-a-minute",
		output_tokens: 0,
	});
	expect(row?.input_tokens).toBeGreaterThan(0);
});

test("only an openai/ deployment serves them, by the client's own path and bytes", async () => {
	await using world = await start();
	const refused = await world.embed(MASTER_KEY, "Hello", "claude-code");
	expect(refused).toMatchObject({ status: 404, error: { message: expect.stringContaining("openai/ deployment") } });
	await using upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end('{"results":[ 1.0 ]}');
	});
	await using database = await openDatabase(IN_MEMORY);
	const gateway = await startTestGateway(configFrom(CONFIG(upstream.url, upstream.url)), { database });
	for (const path of ["/v1/moderations", "/rerank", "/v1/images/generations", "/v1/audio/speech", "/completions"]) {
		const answer = await gateway.post(path, '{ "model":"embedder", "input" : "\\u0061", "x":1.0 }');
		expect(await answer.text()).toBe('{"results":[ 1.0 ]}');
		const request = upstream.requests.at(-1);
		expect(request?.url).toBe(`/v1${path.replace(/^\/v1/, "")}`);
		expect(request?.body.toString()).toBe('{ "model":"text-embedding-3", "input" : "\\u0061", "x":1.0 }');
	}
	await gateway.close(0);
});
