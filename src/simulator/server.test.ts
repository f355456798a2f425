import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { MODEL, marked, words } from "./__fixtures__/bodies.ts";
import { ManualClock } from "./clock.ts";
import type { DeploymentOptions, SimulatorOptions } from "./options.ts";
import { type Simulator, startSimulator } from "./server.ts";

const A: DeploymentOptions = { name: "a", organization: "org-1", workspace: "w-1" };
const B: DeploymentOptions = { name: "b", organization: "org-1", workspace: "w-1" };
const C: DeploymentOptions = { name: "c", organization: "org-1", workspace: "w-2" };
const TOOLS = [{ name: "Bash", input_schema: { type: "object" as const } }];

const start = (options: Partial<SimulatorOptions> = {}) => startSimulator({ deployments: [A, B, C], ...options });

function client(sim: Simulator, name = "a"): Anthropic {
	const deployment = sim.deployments.find((candidate) => candidate.name === name);
	if (deployment === undefined) throw new Error(`no deployment ${name}`);
	return new Anthropic({ baseURL: deployment.url, apiKey: deployment.apiKey, maxRetries: 0 });
}

/** A body with a marked prefix of 2,000 tokens. */
function cacheable(text = "hello") {
	return {
		model: MODEL,
		max_tokens: 1_000,
		system: [marked(words("system", 2_000))] as unknown as Anthropic.TextBlockParam[],
		messages: [{ role: "user" as const, content: text }],
	};
}

/** What the provider answers to a raw POST of `body`. */
async function post(sim: Simulator, body: unknown, more: { path?: string; headers?: Record<string, string> } = {}) {
	const response = await fetch(`${sim.url}${more.path ?? "/v1/messages"}`, {
		method: "POST",
		headers: { "x-api-key": "sk-sim-a", "anthropic-version": "2023-06-01", ...more.headers },
		body: typeof body === "string" ? body : JSON.stringify(body),
	});
	return {
		status: response.status,
		headers: response.headers,
		json: (await response.json()) as Record<string, unknown>,
	};
}

describe("messages", () => {
	it("answers a whole message with the usage of its cache", async () => {
		await using sim = await start();
		const first = await client(sim).messages.create(cacheable());
		expect(first.content).toEqual([{ type: "text", text: "Simulated answer to: hello" }]);
		expect(first.usage).toMatchObject({
			cache_creation_input_tokens: 2_000,
			cache_creation: { ephemeral_5m_input_tokens: 2_000, ephemeral_1h_input_tokens: 0 },
			cache_read_input_tokens: 0,
			input_tokens: 2,
			output_tokens: 7,
		});
		const second = await client(sim).messages.create(cacheable("hello again"));
		expect(second.usage).toMatchObject({ cache_creation_input_tokens: 0, cache_read_input_tokens: 2_000 });
	});

	it("shares a cache between keys of one workspace and with nobody else", async () => {
		await using sim = await start();
		await client(sim, "a").messages.create(cacheable());
		expect((await client(sim, "b").messages.create(cacheable())).usage.cache_read_input_tokens).toBe(2_000);
		expect((await client(sim, "c").messages.create(cacheable())).usage.cache_read_input_tokens).toBe(0);
		expect(sim.domains.map((domain) => domain.name)).toEqual(["org-1/w-1", "org-1/w-2"]);
	});

	it("streams the events in the API's order, and they add up to the whole message", async () => {
		await using sim = await start();
		const body = { ...cacheable("@@think@@ @@tools1@@ go"), tools: TOOLS };
		const names: string[] = [];
		const stream = client(sim).messages.stream(body);
		stream.on("streamEvent", (event) => names.push(event.type));
		const streamed = await stream.finalMessage();
		expect(names.filter((name, index) => name !== names[index - 1])).toEqual([
			"message_start",
			"content_block_start",
			"content_block_delta",
			"content_block_stop",
			"content_block_start",
			"content_block_delta",
			"content_block_stop",
			"message_delta",
			"message_stop",
		]);
		const whole = await client(sim).messages.create(body);
		expect(streamed.content).toMatchObject(whole.content);
		expect(streamed.stop_reason).toBe("tool_use");
		expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
	});

	it("writes SSE that names its events, with pings, and the cache in message_start", async () => {
		await using sim = await start();
		const response = await fetch(`${sim.url}/team/v1/messages?beta=true`, {
			method: "POST",
			headers: { authorization: "Bearer sk-sim-a", "anthropic-version": "2023-06-01" },
			body: JSON.stringify({ ...cacheable(), stream: true }),
		});
		expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
		const text = await response.text();
		expect(text.startsWith('event: message_start\ndata: {"type":"message_start"')).toBe(true);
		expect(text).toContain('event: ping\ndata: {"type":"ping"}\n\n');
		expect(text).toMatch(/message_start.*"cache_creation_input_tokens":2000.*"output_tokens":1,/);
		expect(text.endsWith('event: message_stop\ndata: {"type":"message_stop"}\n\n')).toBe(true);
	});

	it("makes a prefix readable when the answer begins, and keeps it when the client then leaves", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await start({ clock, speed: 1 });
		const leaving = client(sim).messages.stream(cacheable());
		const left = expect(leaving.done()).rejects.toThrow();
		await clock.whenWaiting(1);
		expect(sim.domains[0]?.cache.live(clock.now())).toBe(0);
		const begun = new Promise<void>((resolve) => leaving.once("connect", resolve));
		clock.advance(10_000);
		await begun;
		await clock.whenWaiting(1);
		expect(sim.domains[0]?.cache.live(clock.now())).toBe(1);
		expect(sim.report().total.openStreams).toBe(1);
		leaving.abort();
		await left;
		await expect.poll(() => sim.report().total).toMatchObject({ aborted: 1, openStreams: 0 });
		expect(clock.waiting).toBe(0);
		expect(sim.domains[0]?.cache.live(clock.now())).toBe(1);
		expect(sim.recorded()[0]).toMatchObject({ status: 200, aborted: true, usage: { write5m: 2_000 } });
	});

	it("leaves no entry when the client leaves before the first byte", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await start({ clock, speed: 1 });
		const abort = new AbortController();
		const answer = client(sim).messages.create(cacheable(), { signal: abort.signal });
		await clock.whenWaiting(1);
		abort.abort();
		await expect(answer).rejects.toThrow();
		await expect.poll(() => sim.report().total.aborted).toBe(1);
		clock.advance(60_000);
		expect(sim.domains[0]?.cache.live(clock.now())).toBe(0);
		expect(sim.recorded()[0]).toMatchObject({ status: null, aborted: true });
	});

	it("answers safeguards and context management where the client looks for them", async () => {
		await using sim = await start();
		const headers = { "anthropic-beta": "dangerous-tool-use-2026-09-03,context-management-2025-06-27" };
		const safeguards = [{ type: "dangerous_tool_use" }];
		const body = { ...cacheable("@@tools1@@"), tools: TOOLS, safeguards, context_management: { edits: [] } };
		const { json } = await post(sim, body, { headers });
		const [call] = json["content"] as { id: string }[];
		const tool_uses = { [call?.id ?? ""]: { type: "evaluated", outcome: "not_flagged" } };
		expect(json).toMatchObject({
			safeguard_results: [{ type: "dangerous_tool_use", status: { type: "available", tool_uses } }],
			context_management: { applied_edits: [] },
		});
	});

	it("drops thinking of another organization and says so", async () => {
		await using sim = await startSimulator({ deployments: [{ name: "a" }, { name: "b" }] });
		const first = await client(sim, "a").messages.create(cacheable("@@think@@"));
		const messages = [
			{ role: "user" as const, content: "@@think@@" },
			{ role: "assistant" as const, content: first.content as Anthropic.ContentBlockParam[] },
			{ role: "user" as const, content: "and?" },
		];
		const next = await client(sim, "b").messages.create({ ...cacheable(), messages });
		expect(next).toMatchObject({ input_transformations: [{ type: "thinking_dropped" }] });
		expect(await client(sim, "a").messages.create({ ...cacheable(), messages })).not.toHaveProperty(
			"input_transformations",
		);
	});

	it("only warms the cache with max_tokens 0", async () => {
		await using sim = await start();
		const warm = await client(sim).messages.create({ ...cacheable(), max_tokens: 0 });
		expect(warm).toMatchObject({ content: [], stop_reason: "max_tokens", usage: { output_tokens: 0 } });
		expect((await client(sim).messages.create(cacheable())).usage.cache_read_input_tokens).toBe(2_000);
	});
});

describe("the other endpoints", () => {
	it("count tokens for free, markers or not", async () => {
		await using sim = await start();
		const { max_tokens: _unused, ...body } = cacheable();
		expect((await client(sim).messages.countTokens(body)).input_tokens).toBe(2_002);
		expect(sim.domains[0]?.cache.live(Date.now())).toBe(0);
	});

	it("list models in pages, both ways", async () => {
		await using sim = await start();
		const ids: string[] = [];
		for await (const model of client(sim).models.list({ limit: 5 })) ids.push(model.id);
		expect(ids).toContain("claude-opus-5-5");
		expect(new Set(ids).size).toBe(ids.length);
		const page = await client(sim).models.list({ limit: 3, before_id: ids[5] ?? "" });
		expect(page.data.map((model) => model.id)).toEqual(ids.slice(2, 5));
		expect(page).toMatchObject({ first_id: ids[2], last_id: ids[4], has_more: true });
		expect((await client(sim).models.retrieve("claude-opus-5")).display_name).toBe("Claude Opus 5");
	});

	it("answer probes without a key", async () => {
		await using sim = await start();
		for (const path of ["/", "/api/hello"]) {
			expect((await fetch(sim.url + path, { method: "HEAD" })).status).toBe(200);
		}
	});
});

describe("errors", () => {
	it.each([
		["no such path", { path: "/v1/complete" }, {}, 404, "not_found_error", "Not found"],
		["an unknown key", { headers: { "x-api-key": "sk-other" } }, {}, 401, "authentication_error", "invalid x-api-key"],
		["no JSON", {}, "{", 400, "invalid_request_error", "The request body is not valid JSON"],
		["no messages", {}, { model: MODEL, max_tokens: 1 }, 400, "invalid_request_error", "messages: Field required"],
		["a foreign model", {}, { model: "gpt-5", max_tokens: 1, messages: [] }, 404, "not_found_error", "model: gpt-5"],
		[
			"an unknown beta",
			{ headers: { "anthropic-beta": "nope-1, x" } },
			{},
			400,
			"invalid_request_error",
			"Unexpected value(s) `nope-1` for the `anthropic-beta` header.",
		],
	] as const)("have the provider's shape: %s", async (_name, more, body, status, type, message) => {
		await using sim = await start({ unknownBetas: ["nope-1"] });
		const answer = await post(sim, body, more);
		expect(answer.status).toBe(status);
		expect(answer.json).toEqual({
			type: "error",
			error: { type, message },
			request_id: answer.headers.get("request-id"),
		});
	});

	it("tell a missing key and a missing version apart", async () => {
		await using sim = await start();
		const bare = await fetch(`${sim.url}/v1/messages`, { method: "POST", body: "{}" });
		expect(bare.status).toBe(401);
		const versionless = await fetch(`${sim.url}/v1/messages`, {
			method: "POST",
			body: "{}",
			headers: { "x-api-key": "sk-sim-a" },
		});
		expect(((await versionless.json()) as { error: { message: string } }).error.message).toContain("anthropic-version");
	});

	it("say how much too long a prompt is", async () => {
		await using sim = await start({ contextTokens: () => 1_000 });
		const { json } = await post(sim, cacheable());
		expect(json["error"]).toMatchObject({ message: "prompt is too long: 2002 tokens > 1000 maximum" });
	});

	it("refuse a body over 32 MB", async () => {
		await using sim = await start();
		const answer = await post(sim, "x".repeat(33 * 1024 * 1024));
		expect([answer.status, (answer.json["error"] as { type: string }).type]).toEqual([413, "request_too_large"]);
	});

	it("of the simulator's own become a 500 and reach onError", async () => {
		const seen: unknown[] = [];
		const broken = () => {
			throw new RangeError("broken script");
		};
		await using sim = await start({ answer: broken, onError: (error) => seen.push(error) });
		expect((await post(sim, cacheable())).status).toBe(500);
		expect(seen).toHaveLength(1);
		expect((await fetch(`${sim.url}/_sim/report`)).status).toBe(200);
	});
});

describe("rate limits", () => {
	it("refuse with retry-after and headers, and cache reads are free", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await startSimulator({ clock, deployments: [{ ...A, limits: { inputTokens: 2_100 } }, B] });
		const { data, response } = await client(sim).messages.create(cacheable()).withResponse();
		expect(data.usage.cache_creation_input_tokens).toBe(2_000);
		expect(response.headers.get("anthropic-ratelimit-input-tokens-remaining")).toBe("0");
		expect(response.headers.get("anthropic-ratelimit-input-tokens-limit")).toBe("2100");
		// What is read costs nothing, on either key of the organization.
		await client(sim, "b").messages.create(cacheable("again"));
		const refused = await post(sim, { ...cacheable(), system: [marked(words("other", 2_000))] });
		expect(refused.status).toBe(429);
		expect(refused.headers.get("retry-after")).toBe("55");
		expect(refused.json["error"]).toMatchObject({ type: "rate_limit_error" });
		expect(sim.report().deployments["a"]).toMatchObject({ limited: 1 });
		clock.advance(55_000);
		expect((await post(sim, { ...cacheable(), system: [marked(words("other", 2_000))] })).status).toBe(200);
	});

	it("give no headers when there are none", async () => {
		await using sim = await start();
		const { response } = await client(sim).messages.create(cacheable()).withResponse();
		expect([...response.headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
		expect(response.headers.get("anthropic-organization-id")).toBe("org-1");
		expect(response.headers.get("anthropic-workspace-id")).toBe("w-1");
		expect(response.headers.get("request-id")).toMatch(/^req_/);
	});

	it("that contradict each other within one organization are refused at the start", async () => {
		const deployments = [
			{ ...A, limits: { requests: 1 } },
			{ ...B, limits: { requests: 2 } },
		];
		await expect(startSimulator({ deployments })).rejects.toThrow("different limits");
	});
});

describe("latency", () => {
	it("waits for the base time, uncached and cached input, then for the output", async () => {
		const clock = new ManualClock(1_000_000);
		const latency = { baseMs: 100, prefillRate: 1_000, restoreRate: 100_000, decodeRate: 1_000 };
		await using sim = await start({ clock, speed: 0.5, latency });
		const waits = async () => {
			const answer = client(sim).messages.create(cacheable());
			await clock.whenWaiting();
			const toFirstByte = clock.nextInMs;
			clock.advance(toFirstByte);
			await clock.whenWaiting();
			const output = clock.nextInMs;
			clock.advance(output);
			await answer;
			return { toFirstByte, output };
		};
		expect(await waits()).toEqual({ toFirstByte: 0.5 * (100 + 2_002), output: 3.5 });
		expect(await waits()).toEqual({ toFirstByte: 0.5 * (100 + 2 + 20), output: 3.5 });
	});
});

describe("records and reports", () => {
	it("keep what came in, without credentials and without bodies unless asked", async () => {
		await using sim = await start();
		await post(sim, cacheable(), { headers: { "x-claude-code-session-id": "s-1", authorization: "Bearer other" } });
		const [record] = sim.recorded();
		expect(record).toMatchObject({
			deployment: "a",
			domain: "org-1/w-1",
			session: "s-1",
			model: MODEL,
			status: 200,
			body: null,
		});
		expect(record?.bodySha256).toMatch(/^[0-9a-f]{64}$/);
		expect(JSON.stringify(record)).not.toContain("sk-sim-a");
		expect(record?.headers["authorization"]).toBe("***");
		await using keeping = await start({ recordBodies: true, recordLimit: 2 });
		for (const text of ["one", "two", "three"]) await post(keeping, cacheable(text));
		expect(keeping.recorded().map((kept) => JSON.parse(kept.body ?? "{}").messages[0].content)).toEqual([
			"two",
			"three",
		]);
	});

	it("sum up per deployment and per domain, also over HTTP, until a reset", async () => {
		await using sim = await start();
		await post(sim, cacheable());
		await post(sim, cacheable(), { headers: { "x-api-key": "sk-sim-b" } });
		await post(sim, { model: MODEL });
		const report = (await (await fetch(`${sim.url}/_sim/report?requests=1`)).json()) as ReturnType<Simulator["report"]>;
		expect(report.deployments["a"]).toMatchObject({ requests: 2, statuses: { 200: 1, 400: 1 } });
		expect(report.domains["org-1/w-1"]).toMatchObject({
			requests: 3,
			deployments: ["a", "b"],
			entriesLive: 1,
			tokens: { read: 2_000, write5m: 2_000, uncached: 4, output: 14 },
		});
		expect(report.requests).toHaveLength(1);
		expect((await fetch(`${sim.url}/_sim/reset`, { method: "POST" })).status).toBe(200);
		expect(sim.report()).toMatchObject({
			total: { requests: 0 },
			requests: [],
			domains: { "org-1/w-1": { entriesLive: 0 } },
		});
	});
});

describe("addresses", () => {
	it("a deployment with a port of its own is alone there, but keeps its domain", async () => {
		await using sim = await startSimulator({ deployments: [{ ...A, port: 0 }, B] });
		const [a] = sim.deployments;
		expect(a?.url).not.toBe(sim.url);
		await client(sim, "a").messages.create(cacheable());
		expect((await client(sim, "b").messages.create(cacheable())).usage.cache_read_input_tokens).toBe(2_000);
		const stranger = new Anthropic({ baseURL: a?.url ?? "", apiKey: "sk-sim-b", maxRetries: 0 });
		await expect(stranger.messages.create(cacheable())).rejects.toMatchObject({ status: 401 });
	});

	it("closing ends streams that still run, and may be repeated", async () => {
		const sim = await start();
		sim.faults.add({ kind: "stall", at: "mid-content", ms: "forever" });
		const stream = client(sim).messages.stream(cacheable());
		await new Promise((resolve) => stream.once("text", resolve));
		const failed = expect(stream.finalMessage()).rejects.toThrow();
		await sim.close();
		await sim.close();
		await failed;
	});
});
