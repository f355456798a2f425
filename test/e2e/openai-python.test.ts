// The official Python SDK of OpenAI as a client of the gateway, onto Claude and onto an OpenAI-compatible server.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, inject, test } from "vitest";
import { MASTER_KEY, startWorld, type WorldOptions } from "../harness.ts";

const python = inject("pythonOpenai");
const SCRIPT = join(import.meta.dirname, "openai-client.py");

const UPSTREAMS: readonly [string, WorldOptions][] = [
	["Anthropic", { deployments: ["a", "b"] }],
	["Bedrock", { aws: ["a", "b"] }],
	["an OpenAI-compatible server", { openai: [{ name: "a", engine: "vllm" }] }],
];

/** Runs one scenario of the script to its end; gives what it printed. */
async function scenario(name: string, options: WorldOptions): Promise<unknown> {
	await using world = await startWorld(options);
	const args = [SCRIPT, `${world.gateway.url}/v1`, MASTER_KEY, "claude-code", name];
	const env = { PATH: process.env["PATH"] ?? "", LANG: "C.UTF-8", NO_PROXY: "127.0.0.1" };
	const { stdout } = await promisify(execFile)(python ?? "", args, { env, timeout: 120_000 });
	return JSON.parse(stdout);
}

describe.skipIf(python === null).each(UPSTREAMS)("Python's openai onto %s", (_name, options) => {
	test("chats, and reads the cache with its second question", async () => {
		const [first, second] = (await scenario("chat", options)) as Record<string, unknown>[];
		expect(first).toMatchObject({ content: expect.stringContaining("What is it?"), finish: "stop", cached: 0 });
		expect(second).toMatchObject({ content: expect.stringContaining("And now?"), finish: "stop" });
		expect(second?.["cached"]).toBeGreaterThan(1024);
		expect(second?.["prompt"]).toBeGreaterThan(Number(second?.["cached"]));
		expect(second?.["completion"]).toBeGreaterThan(0);
	});

	test("streams text and usage", async () => {
		const answer = (await scenario("stream", options)) as Record<string, unknown>;
		expect(answer).toMatchObject({ content: expect.stringContaining("Tell me."), finish: "stop" });
		expect(answer["pieces"]).toBeGreaterThan(1);
		expect(answer["prompt"]).toBeGreaterThan(0);
		expect(answer["completion"]).toBeGreaterThan(0);
	});

	test("calls tools side by side and sends their results back", async () => {
		expect(await scenario("tools", options)).toEqual({
			calls: [
				{ name: "weather", args: { city: "step-1" } },
				{ name: "weather", args: { city: "step-2" } },
			],
			finish: "tool_calls",
			last: expect.stringContaining("weather in two cities"),
			last_finish: "stop",
		});
	});

	test("raises its own exceptions", async () => {
		expect(await scenario("errors", options)).toEqual({
			unknown_model: { type: "NotFoundError", status: 404, code: "model_not_found" },
			bad: { type: "BadRequestError", status: 400, code: null },
			stranger: { type: "AuthenticationError", status: 401, code: "invalid_api_key" },
		});
	});
});
