// What operators do beside looking, over real sockets: who may, what it costs, and that nothing is sent by asking.
import { expect, test, vi } from "vitest";
import { onEachDatabase } from "../databases.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";
import { startUiWorld } from "../ui-world.ts";

async function start() {
	const world = await startUiWorld({ deployments: ["left", "right"] });
	const ask = async (
		path: string,
		options: { body?: unknown; key?: string; headers?: Record<string, string> } = {},
	) => {
		const { body, key = MASTER_KEY, headers = {} } = options;
		const response = await fetch(`${world.gateway.url}${path}`, {
			method: body === undefined ? "GET" : "POST",
			headers: { "content-type": "application/json", "x-api-key": key, ...headers },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		return { status: response.status, body: (await response.json()) as Record<string, unknown> };
	};
	return { ...world, ask };
}

test("only admins drain, test and explain; readers see how to connect", async () => {
	await using world = await start();
	await world.call("/user/new", { user_id: "viewer", user_role: "proxy_admin_viewer", auto_create_key: false });
	const viewer = await world.key({ key_alias: "viewer", user_id: "viewer" });
	const owner = await world.key({ key_alias: "owner" });
	for (const key of [viewer, owner]) {
		expect((await world.ask("/api/deployments/left/drain", { body: {}, key })).status).toBe(403);
		expect((await world.ask("/api/deployments/left/test", { body: {}, key })).status).toBe(403);
		expect((await world.ask("/api/explain", { body: { body: "{}" }, key })).status).toBe(403);
		expect((await world.ask("/api/connect", { key })).body).toMatchObject({
			key_required: true,
			models: [{ name: "claude-code", model_ids: ["left", "right"], providers: ["anthropic"] }],
		});
	}
	expect((await world.ask("/api/connect", { key: "sk-nobody-at-all-1234" })).status).toBe(401);
	expect((await world.ask("/api/deployments/gone/drain", { body: {} })).status).toBe(404);
});

test("draining shows in the list of deployments until it is taken back", async () => {
	await using world = await start();
	const draining = async () =>
		(await world.call<{ deployments: { draining: boolean }[] }>("/api/deployments")).deployments.map(
			(each) => each.draining,
		);
	expect((await world.ask("/api/deployments/right/drain", { body: {} })).body).toEqual({
		model_id: "right",
		draining: true,
		kept: true,
	});
	expect(await draining()).toEqual([false, true]);
	expect((await world.ask("/api/deployments/right/resume", { body: {} })).body).toEqual({
		model_id: "right",
		draining: false,
		kept: true,
	});
	expect(await draining()).toEqual([false, false]);
});

test("a test costs at most what it was said to cost, and shows what the upstream refused", async () => {
	await using world = await start();
	const estimate = (await world.ask("/api/deployments/left/test")).body;
	expect(world.simulator.recorded()).toEqual([]);
	const done = (await world.ask("/api/deployments/left/test", { body: {} })).body;
	expect(done).toMatchObject({ ok: true, status: 200, error: "" });
	expect(Number(done["dollars"])).toBeGreaterThan(0);
	expect(Number(done["dollars"])).toBeLessThanOrEqual(Number(estimate["dollars"]));
	expect(world.simulator.recorded().map((request) => request.deployment)).toEqual(["left"]);
	world.simulator.faults.add({ kind: "status", status: 401, message: "invalid x-api-key", deployment: "left" });
	expect((await world.ask("/api/deployments/left/test", { body: {} })).body).toMatchObject({
		ok: false,
		status: 401,
		error: expect.stringContaining("invalid x-api-key"),
	});
	world.simulator.faults.add({ kind: "reset", deployment: "left" });
	expect((await world.ask("/api/deployments/left/test", { body: {} })).body).toMatchObject({ ok: false, status: null });
});

test("a decision is explained in the name of the key whose conversation it is", async () => {
	await using world = await start();
	const key = await world.key({ key_alias: "fay" });
	const { key: token } = await world.call<{ readonly key: string }>(`/key/info?key=${key}`);
	const agent = world.agent(3);
	const { deployment } = await world.turn(agent, key);
	const { body, headers } = agent.request();
	const sent = world.simulator.recorded().length;
	const question = { body: body.toString(), headers, key: token };
	expect((await world.ask("/api/explain", { body: question })).body).toMatchObject({
		affinity: "hit",
		chosen: { model_id: deployment },
	});
	expect(world.simulator.recorded().length).toBe(sent);
	expect((await world.ask("/api/explain", { body: { ...question, key: "unknown" } })).status).toBe(404);
	expect((await world.ask("/api/explain", { body: { body: "{" } })).status).toBe(400);
});

onEachDatabase(({ open }) => {
	test("with a database other gateways drain the same within a second, and so does the next start", async () => {
		await using database = await open();
		// Only repeating timers stand still: changes are looked for in the seconds that the test lets pass.
		vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
		try {
			await using here = await startWorld({ deployments: ["left", "right"], gateway: { database } });
			const draining = (world: typeof here) => world.gateway.router.deployments().map((each) => each.draining);
			const aSecondLater = async (world: typeof here, expected: readonly boolean[]) => {
				vi.advanceTimersByTime(1_000);
				await expect.poll(() => draining(world), { timeout: 10_000 }).toEqual(expected);
			};
			{
				await using there = await startWorld({ deployments: ["left", "right"], gateway: { database } });
				const drained = await here.gateway.post("/api/deployments/right/drain", "{}");
				expect(await drained.json()).toEqual({ model_id: "right", draining: true, kept: true });
				await aSecondLater(there, [false, true]);
			}
			await using later = await startWorld({ deployments: ["left", "right"], gateway: { database } });
			expect(draining(later)).toEqual([false, true]);
			await later.gateway.reload(later.config);
			expect(draining(later)).toEqual([false, true]);
			await later.gateway.post("/api/deployments/right/resume", "{}");
			await aSecondLater(here, [false, false]);
		} finally {
			vi.useRealTimers();
		}
	});
});

test("without a database draining is this process's, and says so", async () => {
	await using world = await startWorld({ deployments: ["left", "right"] });
	const drained = await world.gateway.post("/api/deployments/right/drain", "{}");
	expect(await drained.json()).toEqual({ model_id: "right", draining: true, kept: false });
	const listed = await fetch(`${world.gateway.url}/api/deployments`, { headers: { "x-api-key": MASTER_KEY } });
	expect(await listed.json()).toMatchObject({
		drains_kept: false,
		deployments: [{ draining: false }, { draining: true }],
	});
});
