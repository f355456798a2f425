import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { bodyOf, marked, words } from "./__fixtures__/bodies.ts";
import { ManualClock } from "./clock.ts";
import type { Fault } from "./faults.ts";
import { type Simulator, startSimulator } from "./server.ts";

const start = (clock?: ManualClock) =>
	startSimulator({ deployments: [{ name: "a" }], ...(clock === undefined ? {} : { clock }) });
const BODY = bodyOf("hello", { system: [marked(words("system", 2_000))] });

function send(sim: Simulator, stream = true, signal: AbortSignal | null = null): Promise<Response> {
	return fetch(`${sim.url}/v1/messages`, {
		method: "POST",
		headers: { "x-api-key": "sk-sim-a", "anthropic-version": "2023-06-01" },
		body: JSON.stringify({ ...BODY, stream }),
		signal,
	});
}

/** The names of the events that arrive before the stream ends, and whether it ends in good order. */
async function eventsOf(response: Response): Promise<{ names: string[]; broken: boolean }> {
	let text = "";
	let broken = false;
	const decoder = new TextDecoder();
	try {
		for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
	} catch {
		broken = true;
	}
	return { names: [...text.matchAll(/^event: (.*)$/gm)].map(([, name = ""]) => name), broken };
}

const deltas = (names: string[]) => names.filter((name) => name === "content_block_delta").length;
const live = (sim: Simulator, nowMs = Date.now()) => sim.domains[0]?.cache.live(nowMs);

describe("a status fault", () => {
	it.each([
		[400, "invalid_request_error"],
		[401, "authentication_error"],
		[402, "billing_error"],
		[403, "permission_error"],
		[404, "not_found_error"],
		[429, "rate_limit_error"],
		[500, "api_error"],
		[503, "overloaded_error"],
		[529, "overloaded_error"],
	])("%i comes with its error type and leaves no cache entry", async (status, type) => {
		await using sim = await start();
		sim.faults.add({ kind: "status", status });
		const response = await send(sim);
		expect(response.status).toBe(status);
		expect(response.headers.get("retry-after")).toBeNull();
		expect(await response.json()).toMatchObject({
			type: "error",
			error: { type },
			request_id: response.headers.get("request-id"),
		});
		expect(live(sim)).toBe(0);
		expect((await send(sim)).status).toBe(200);
	});

	it("may carry retry-after, other headers, a code and its own words", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "status", status: 429, retryAfter: 7, headers: { "x-should-retry": "false" } });
		sim.faults.add({ kind: "status", status: 429, message: "spent", errorCode: "enforced_spend_limit_reached" });
		const limited = await send(sim);
		expect([limited.headers.get("retry-after"), limited.headers.get("x-should-retry")]).toEqual(["7", "false"]);
		const spent = await send(sim);
		expect(spent.headers.get("retry-after")).toBeNull();
		expect(await spent.json()).toMatchObject({
			error: { message: "spent", details: { error_code: "enforced_spend_limit_reached" } },
		});
	});

	it("may be an HTML page as from a proxy in front", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "status", status: 502, html: true });
		const response = await send(sim);
		expect([response.status, response.headers.get("content-type")]).toEqual([502, "text/html"]);
		expect(await response.text()).toContain("<h1>502</h1>");
	});

	it("is what the official client understands it to be", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "status", status: 429, retryAfter: 0 });
		const client = new Anthropic({ baseURL: sim.url, apiKey: "sk-sim-a", maxRetries: 0 });
		const answer = client.messages.create({ ...BODY } as unknown as Anthropic.MessageCreateParamsNonStreaming);
		await expect(answer).rejects.toBeInstanceOf(Anthropic.RateLimitError);
	});
});

describe("a broken connection", () => {
	it("reset before any header", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "reset" });
		await expect(send(sim)).rejects.toThrow();
		expect(sim.recorded()[0]).toMatchObject({ status: null, fault: "reset", aborted: false });
		expect(live(sim)).toBe(0);
	});

	it.each([0, 1, 2])(
		"cut after %i content deltas, all of which arrive; the prefix stays cached",
		async (afterDeltas) => {
			await using sim = await start();
			sim.faults.add({ kind: "cut", afterDeltas });
			const { names, broken } = await eventsOf(await send(sim));
			expect([deltas(names), broken]).toEqual([afterDeltas, true]);
			expect(names).not.toContain("message_stop");
			expect(live(sim)).toBe(1);
			expect(sim.report().total).toMatchObject({ faults: 1, aborted: 0, statuses: { 200: 1 } });
		},
	);

	it("cut in the middle of a body that is not streamed", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "cut", afterDeltas: 1 });
		const response = await send(sim, false);
		await expect(response.text()).rejects.toThrow();
	});

	it("ended in good order but too early", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "end-early", afterDeltas: 1 });
		const { names, broken } = await eventsOf(await send(sim));
		expect([deltas(names), broken, names.at(-1)]).toEqual([1, false, "content_block_delta"]);
	});
});

describe("an error event in a 200", () => {
	it.each([
		["start", ["error"], 0],
		["after-message-start", ["message_start", "error"], 1],
		["after-content", ["message_start", "content_block_start", "ping", "content_block_delta", "error"], 1],
	] as const)("at %s", async (at, expected, entries) => {
		await using sim = await start();
		sim.faults.add({ kind: "sse-error", at });
		const response = await send(sim);
		expect(response.status).toBe(200);
		expect(await eventsOf(response)).toEqual({ names: expected, broken: false });
		expect(live(sim)).toBe(entries);
	});

	it("spares requests that are not streamed", async () => {
		await using sim = await start();
		sim.faults.add({ kind: "sse-error", at: "start" });
		expect((await send(sim, false)).status).toBe(200);
		expect(sim.faults.list()).toHaveLength(1);
	});
});

describe("silence", () => {
	const stall = (at: "before-headers" | "after-headers" | "mid-content"): Fault => ({ kind: "stall", at, ms: 20_000 });

	it("before the headers ends after its time", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await start(clock);
		sim.faults.add(stall("before-headers"));
		const answer = send(sim);
		await clock.whenWaiting();
		expect(sim.recorded()[0]?.status).toBeNull();
		clock.advance(20_000);
		expect((await eventsOf(await answer)).names.at(-1)).toBe("message_stop");
	});

	it("after the headers lets the head through, but makes nothing readable yet", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await start(clock);
		sim.faults.add(stall("after-headers"));
		const response = await send(sim);
		expect(response.status).toBe(200);
		await clock.whenWaiting();
		expect(live(sim, clock.now())).toBe(0);
		clock.advance(20_000);
		expect((await eventsOf(response)).names.at(-1)).toBe("message_stop");
		expect(live(sim, clock.now())).toBe(1);
	});

	it("in the middle of the content, streamed or not", async () => {
		for (const stream of [true, false]) {
			const clock = new ManualClock(1_000_000);
			await using sim = await start(clock);
			sim.faults.add(stall("mid-content"));
			const response = await send(sim, stream);
			await clock.whenWaiting();
			expect(sim.recorded()[0]?.endedAt).toBeNull();
			clock.advance(20_000);
			expect(await response.text()).toContain(stream ? "message_stop" : '"stop_reason":"end_turn"');
		}
	});

	it("forever lasts until the client leaves, and sets no timer", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await start(clock);
		sim.faults.add({ kind: "stall", at: "mid-content", ms: "forever" });
		const abort = new AbortController();
		const response = await send(sim, true, abort.signal);
		const text = expect(response.text()).rejects.toThrow();
		expect(clock.waiting).toBe(0);
		abort.abort();
		await text;
		await expect.poll(() => sim.report().total.aborted).toBe(1);
	});

	it("of a slow first byte adds to the latency", async () => {
		const clock = new ManualClock(1_000_000);
		await using sim = await start(clock);
		sim.faults.add({ kind: "slow-first-byte", ms: 3_000 });
		const answer = send(sim);
		await clock.whenWaiting();
		clock.advance(3_000);
		await (await answer).text();
		expect(sim.recorded()[0]).toMatchObject({ at: 1_000_000, firstByteAt: 1_003_000, fault: "slow-first-byte" });
	});
});

describe("the control endpoint", () => {
	const control = (sim: Simulator, method: string, body?: unknown, headers: Record<string, string> = {}) =>
		fetch(`${sim.url}/_sim/faults`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

	it("arms, lists and removes faults", async () => {
		await using sim = await start();
		const armed = await control(sim, "POST", [{ kind: "reset" }, { kind: "status", status: 500, times: 2 }]);
		expect(await armed.json()).toEqual({ ids: ["fault-1", "fault-2"] });
		expect(await (await control(sim, "GET")).json()).toMatchObject({
			faults: [{ id: "fault-1" }, { id: "fault-2", struck: 0 }],
		});
		expect(await (await control(sim, "DELETE")).json()).toEqual({ faults: [] });
		expect((await send(sim)).status).toBe(200);
	});

	it("says what is wrong with a fault", async () => {
		await using sim = await start();
		const refused = await control(sim, "POST", { kind: "status", status: 20 });
		expect([refused.status, await refused.json()]).toEqual([
			400,
			{ error: "A status fault needs a status from 400 to 599" },
		]);
	});

	it("has a page beside it that shows the report", async () => {
		await using sim = await start();
		const page = await fetch(`${sim.url}/_sim`);
		expect(page.headers.get("content-type")).toContain("text/html");
		expect(await page.text()).toContain("/_sim/report");
	});

	it("refuses pages of other sites", async () => {
		await using sim = await start();
		expect((await control(sim, "POST", { kind: "reset" }, { origin: "http://elsewhere.example" })).status).toBe(403);
		expect(sim.faults.list()).toEqual([]);
	});
});
