// The fault matrix: each way a deployment can fail before content, seen by the real Claude Code and the official SDK.
import { randomUUID } from "node:crypto";
import Anthropic from "@anthropic-ai/sdk";
import { expect, inject, test } from "vitest";
import type { FaultKind } from "../../src/simulator/faults.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway, startWorld } from "../harness.ts";

const DEPLOYMENTS = ["sim-1", "sim-2", "sim-3"];
const ready = inject("claudeCode");

const FAULTS: Readonly<Record<string, FaultKind>> = {
	"a reset before headers": { kind: "reset" },
	"429 with retry-after": { kind: "status", status: 429, retryAfter: 30 },
	"429 without retry-after": { kind: "status", status: 429, retryAfter: null },
	"500": { kind: "status", status: 500 },
	"503": { kind: "status", status: 503 },
	"529": { kind: "status", status: 529 },
	"401": { kind: "status", status: 401 },
	"403": { kind: "status", status: 403 },
	"404": { kind: "status", status: 404 },
	"an SSE error first": { kind: "sse-error", at: "start" },
	"an SSE error after message_start": { kind: "sse-error", at: "after-message-start" },
	"a stall before the first byte": { kind: "stall", at: "before-headers", ms: "forever" },
	"a stall after the head": { kind: "stall", at: "after-headers", ms: "forever" },
	"an HTML error page": { kind: "status", status: 502, html: true },
};

/** A world whose streams must begin within a second. */
function impatientWorld() {
	return startWorld({ deployments: DEPLOYMENTS, extra: "router_settings: { stream_timeout: 1, num_retries: 3 }\n" });
}

type World = Awaited<ReturnType<typeof startWorld>>;

function breakDeployments(world: World, fault: FaultKind, names: readonly string[]): void {
	for (const deployment of names) world.simulator.faults.add({ ...fault, deployment, times: "always" });
}

test.skipIf(!ready.includes("current")).for(Object.keys(FAULTS))(
	"Claude Code sees a normal answer when two of three deployments fail with %s",
	async (name) => {
		await using world = await impatientWorld();
		await using home = await claudeCodeHome({
			form: "current",
			gatewayUrl: world.gateway.url,
			key: MASTER_KEY,
			model: "claude-code",
		});
		breakDeployments(world, FAULTS[name] as FaultKind, ["sim-1", "sim-2"]);
		const run = await home.run({ prompt: "@@tools1@@ go", session: randomUUID() });
		expect(run).toMatchObject({ exitCode: 0, is_error: false, num_turns: 2 });
		// The client never had to try again: the answers it got are all there were, one a turn.
		const answered = world.messages().filter((request) => request.fault === null);
		expect(answered.length).toBe(2);
	},
);

test.for(Object.keys(FAULTS))(
	"the SDK streams a normal answer when two of three deployments fail with %s",
	async (name) => {
		await using world = await impatientWorld();
		const client = new Anthropic({ baseURL: world.gateway.url, apiKey: MASTER_KEY, maxRetries: 0 });
		breakDeployments(world, FAULTS[name] as FaultKind, ["sim-1", "sim-2"]);
		for (let i = 0; i < 3; i += 1) {
			const message = await client.messages
				.stream({ model: "claude-code", max_tokens: 100, messages: [{ role: "user", content: `hello ${i}` }] })
				.finalMessage();
			expect(message.stop_reason).toBe("end_turn");
			expect(message.content.length).toBe(1);
		}
	},
);

test.for(Object.keys(FAULTS))(
	"when all deployments fail with %s the SDK sees one honest error of its own types",
	async (name) => {
		await using world = await impatientWorld();
		const client = new Anthropic({ baseURL: world.gateway.url, apiKey: MASTER_KEY, maxRetries: 0 });
		breakDeployments(world, FAULTS[name] as FaultKind, DEPLOYMENTS);
		const failed = client.messages
			.stream({ model: "claude-code", max_tokens: 100, messages: [{ role: "user", content: "hello" }] })
			.finalMessage();
		const error: unknown = await failed.catch((reason: unknown) => reason);
		expect(error).toBeInstanceOf(Anthropic.APIError);
		const { status, error: body } = error as {
			status: number;
			error: { type: string; error: { type: string; message: string } };
		};
		// Our own credentials' trouble is never shown as the client's; a 403 is about the model that was asked for.
		expect([...(name === "403" ? [403] : []), 404, 429, 500, 502, 503, 504, 529]).toContain(status);
		expect(body.type).toBe("error");
		expect(body.error.message).not.toBe("");
		// Refused credentials are named by deployment, so that the operator finds them; nothing else of the upstream is.
		expect(body.error.message).not.toMatch(/sk-|127\.0\.0\.1/);
		expect(/sim-\d/.test(body.error.message)).toBe(name === "401");
	},
);

test("a connection that is refused moves on, and with none left gives one honest error", async () => {
	await using world = await startWorld({ deployments: ["up"] });
	const line = (id: string) => ({ id, apiBase: "http://127.0.0.1:9", apiKey: `sk-${id}` });
	await using half = await startTestGateway(
		deploymentsConfig([
			line("down-1"),
			line("down-2"),
			{ id: "up", apiBase: world.simulator.url, apiKey: "sk-sim-up" },
		]),
	);
	const ask = (baseURL: string) =>
		new Anthropic({ baseURL, apiKey: MASTER_KEY, maxRetries: 0 }).messages.create({
			model: "claude-code",
			max_tokens: 100,
			messages: [{ role: "user", content: "hello" }],
		});
	for (let i = 0; i < 3; i += 1) expect((await ask(half.url)).stop_reason).toBe("end_turn");
	await using none = await startTestGateway(deploymentsConfig([line("down-1"), line("down-2")]));
	await expect(ask(none.url)).rejects.toMatchObject({ status: 503, error: { type: "error" } });
});

/** Two deployments that refuse connections, and a simulated one behind `up`; null = none. */
function refusing(up: string | null) {
	const line = (id: string) => ({ id, apiBase: "http://127.0.0.1:9", apiKey: `sk-${id}` });
	const alive = up === null ? [] : [{ id: "up", apiBase: up, apiKey: "sk-sim-up" }];
	return startTestGateway(deploymentsConfig([line("down-1"), line("down-2"), ...alive]));
}

test.skipIf(!ready.includes("current"))(
	"Claude Code sees a normal answer when two of three deployments refuse connections",
	async () => {
		await using world = await startWorld({ deployments: ["up"] });
		await using gateway = await refusing(world.simulator.url);
		await using home = await claudeCodeHome({
			form: "current",
			gatewayUrl: gateway.url,
			key: MASTER_KEY,
			model: "claude-code",
		});
		const run = await home.run({ prompt: "@@tools1@@ go", session: randomUUID() });
		expect(run).toMatchObject({ exitCode: 0, is_error: false, num_turns: 2 });
	},
);

test.skipIf(!ready.includes("current")).for(["529", "429 with retry-after", "401", "a stall before the first byte"])(
	"when all deployments fail with %s Claude Code ends with one honest error",
	async (name) => {
		await using world = await impatientWorld();
		await using home = await claudeCodeHome({
			form: "current",
			gatewayUrl: world.gateway.url,
			key: MASTER_KEY,
			model: "claude-code",
		});
		breakDeployments(world, FAULTS[name] as FaultKind, DEPLOYMENTS);
		const run = await home.run({ prompt: "hello", session: randomUUID(), env: { CLAUDE_CODE_MAX_RETRIES: "0" } });
		expect(run).toMatchObject({ exitCode: 1, is_error: true });
		expect(run.result).toMatch(/API Error: .*(429|502|504|529)/);
		expect(run.result).not.toMatch(/sk-|<html|UND_ERR/i);
		// It names the gateway it talked to, and nothing behind it.
		expect(run.result).not.toContain(new URL(world.simulator.url).host);
	},
);

test("an error after content reaches the client once, as an error event, with no text twice", async () => {
	await using world = await startWorld({ deployments: DEPLOYMENTS });
	for (const fault of [
		{ kind: "sse-error", at: "after-content", afterDeltas: 3 },
		{ kind: "cut", afterDeltas: 3 },
	] as const) {
		world.simulator.faults.add({ ...fault, times: 1 });
		const before = world.messages().length;
		const response = await world.gateway.post(
			"/v1/messages",
			JSON.stringify({
				model: "claude-code",
				max_tokens: 500,
				stream: true,
				messages: [{ role: "user", content: "@@long@@ talk" }],
			}),
			{ "anthropic-version": "2023-06-01" },
		);
		const events = (await response.text()).split("\n\n").filter(Boolean);
		expect(events.filter((event) => event.startsWith("event: message_start")).length).toBe(1);
		expect(events.filter((event) => event.startsWith("event: error")).length).toBe(1);
		expect(events.at(-1)).toMatch(/^event: error\ndata: \{"type":"error"/);
		expect(world.messages().length).toBe(before + 1);
	}
});
