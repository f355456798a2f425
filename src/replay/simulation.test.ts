// Whole replays of a made-up workload: repeatable, bounded by the ceiling, and what each policy is known for.
import { expect, test } from "vitest";
import { syntheticTrace } from "./__fixtures__/synthetic-trace.ts";
import { POLICY_NAMES, type PolicyName } from "./policies/index.ts";
import { type SimulationOptions, simulate } from "./simulation.ts";
import { collectTrace } from "./trace.ts";
import { createWorkload, type Workload, type WorkloadOptions } from "./workload.ts";

const OPTIONS: SimulationOptions = {
	deployments: 4,
	limits: { inputTokens: null, requests: null },
	gateways: 1,
	table: "separate",
	tableDelayMs: 5,
	seed: 1,
};

async function workload(options: Partial<WorkloadOptions> = {}): Promise<Workload> {
	const trace = await collectTrace("synthetic", syntheticTrace({ sessions: 30, turns: 20, gapSeconds: 40, seed: 7 }));
	return createWorkload(trace, { density: 1, head: "own", sessionsPerHour: 60, model: null, seed: 1, ...options });
}

const plain = await workload();
const limited: SimulationOptions = { ...OPTIONS, limits: { inputTokens: 60_000, requests: null } };

test.each(POLICY_NAMES)("%s: the same seed gives the same result, also under limits", (policy) => {
	expect(simulate(plain, policy, OPTIONS)).toEqual(simulate(plain, policy, OPTIONS));
	expect(simulate(plain, policy, limited)).toEqual(simulate(plain, policy, limited));
});

test.each(POLICY_NAMES)("%s: nothing is read more often than on one deployment without limits", (policy) => {
	const ceiling = simulate(plain, "single", OPTIONS);
	const result = simulate(plain, policy, OPTIONS);
	expect(result.hitRatio).toBeLessThanOrEqual(ceiling.hitRatio);
	expect(result.costRatio).toBeGreaterThanOrEqual(ceiling.costRatio ?? Number.NaN);
});

test.each(POLICY_NAMES)("%s: every request is served or shed, once", (policy) => {
	for (const options of [OPTIONS, limited]) {
		const result = simulate(plain, policy, options);
		const served = result.deployments.reduce((sum, { requests }) => sum + requests, 0);
		expect(served + result.shed).toBe(plain.requests.length);
		expect(result.requests).toBe(plain.requests.length);
	}
});

test("the router keeps conversations together where the released check scatters them", () => {
	const ceiling = simulate(plain, "single", OPTIONS).hitRatio;
	const ours = simulate(plain, "warmpath", OPTIONS);
	const exact = simulate(plain, "litellm-exact", OPTIONS);
	expect(ours.hitRatio).toBeGreaterThan(ceiling - 0.02);
	expect(exact.hitRatio).toBeLessThan(ceiling - 0.2);
	expect(ours.imbalance).toBeLessThan(1.4);
});

test("walking back finds what the exact key does not", () => {
	const walkback = simulate(plain, "litellm-walkback", OPTIONS);
	expect(walkback.hitRatio).toBeGreaterThan(simulate(plain, "litellm-exact", OPTIONS).hitRatio + 0.2);
});

test("policies by session never move one that is healthy", () => {
	expect(simulate(plain, "session-hash", OPTIONS).moves).toBe(0);
	expect(simulate(plain, "session-affinity", OPTIONS).moves).toBe(0);
});

test("round-robin gives every deployment its share", () => {
	const { deployments } = simulate(plain, "round-robin", OPTIONS);
	expect(deployments.map(({ requests }) => requests)).toEqual([150, 150, 150, 150]);
});

test("without limits nothing is refused and nothing waits", () => {
	for (const policy of POLICY_NAMES) {
		expect(simulate(plain, policy, OPTIONS)).toMatchObject({ rateLimited: 0, shed: 0, waits: 0 });
	}
});

test("limits are felt by every policy but the ceiling", () => {
	expect(simulate(plain, "single", limited)).toMatchObject({ rateLimited: 0, shed: 0 });
	const random = simulate(plain, "random", limited);
	expect(random.rateLimited).toBeGreaterThan(0);
	expect(random.waits).toBeGreaterThan(0);
	expect(random.waitedMs).toBeGreaterThan(0);
	expect(random.dollars).toBeGreaterThan(0);
});

test("a client gives up after ten tries", async () => {
	const one = { ...plain, requests: plain.requests.slice(0, 2) };
	const nothing = { ...OPTIONS, deployments: 1, limits: { inputTokens: null, requests: 1 / 60 } };
	const result = simulate(one, "random", nothing);
	expect(result).toMatchObject({ requests: 2, shed: 1, rateLimited: 10 });
});

test("a turn that had to wait delays the turns behind it, not other sessions", async () => {
	const lines = [
		'{"trace":"t","block":64}',
		'{"s":1,"t":0,"d":1,"i":6400,"o":1,"b":[[1,100]]}',
		'{"s":2,"t":1,"d":1,"i":6400,"o":1,"b":[[1001,100]]}',
		'{"s":2,"t":2,"d":1,"i":6400,"o":1,"b":[[2001,100]]}',
	];
	const options = { density: 1, head: "own", sessionsPerHour: 60, model: null, seed: 1 } as const;
	const crowded = createWorkload(await collectTrace("t", lines), options);
	const result = simulate(crowded, "random", {
		...OPTIONS,
		deployments: 1,
		limits: { inputTokens: 6_400, requests: null },
	});
	// The second request must wait 59 s; the third, which follows it by a second, then waits another minute.
	expect(result).toMatchObject({ shed: 0, waits: 2 });
	expect(result.waitedMs).toBeGreaterThan(110_000);
	expect(result.waitedMs).toBeLessThan(125_000);
});

test("gateways that share a table route as one does, separate ones lose warm prefixes", () => {
	const one = simulate(plain, "warmpath", OPTIONS).hitRatio;
	const shared = simulate(plain, "warmpath", { ...OPTIONS, gateways: 2, table: "shared" }).hitRatio;
	const separate = simulate(plain, "warmpath", { ...OPTIONS, gateways: 2, table: "separate" }).hitRatio;
	expect(Math.abs(one - shared)).toBeLessThan(0.005);
	expect(separate).toBeLessThanOrEqual(shared);
});

test("a shared table is as good as it is fresh: minutes late it is hardly better than separate ones", () => {
	const four: SimulationOptions = { ...OPTIONS, gateways: 4, table: "shared" };
	const fresh = simulate(plain, "warmpath", four);
	const stale = simulate(plain, "warmpath", { ...four, tableDelayMs: 600_000 });
	const separate = simulate(plain, "warmpath", { ...four, table: "separate" });
	expect(fresh.hitRatio).toBeGreaterThan(stale.hitRatio);
	expect(Math.abs(stale.hitRatio - separate.hitRatio)).toBeLessThan(0.02);
});

test("gateways that share a table mirror each other's use of the limits", () => {
	const limits = { inputTokens: 25_000, requests: null };
	const four: SimulationOptions = { ...OPTIONS, limits, deployments: 3, gateways: 4 };
	const one = simulate(plain, "warmpath", { ...four, gateways: 1 }).rateLimited;
	const shared = simulate(plain, "warmpath", { ...four, table: "shared" }).rateLimited;
	const separate = simulate(plain, "warmpath", { ...four, table: "separate" }).rateLimited;
	expect(separate).toBeGreaterThan(one + 100);
	expect(shared).toBeLessThan(one + (separate - one) / 10);
});

test("one shared head does not send all conversations to one deployment", async () => {
	const result = simulate(await workload({ head: "shared" }), "warmpath", OPTIONS);
	expect(result.imbalance).toBeLessThan(1.4);
	expect(result.deployments.every(({ requests }) => requests > 0)).toBe(true);
});

test("a model without a price has unknown dollars, not none", async () => {
	const result = simulate(await workload({ model: "my-own-model" }), "random", OPTIONS);
	expect(result).toMatchObject({ dollars: null, costRatio: null });
	expect(result.hitRatio).toBeGreaterThan(0);
});

test("progress goes from none to nearly all", () => {
	const seen: number[] = [];
	const long: Workload = { ...plain, requests: Array.from({ length: 9 }, () => plain.requests).flat() };
	simulate(
		{ ...long, requests: long.requests.map((each) => ({ ...each, session: null })) },
		"random" satisfies PolicyName,
		{
			...OPTIONS,
			onProgress: (share) => seen.push(share),
		},
	);
	expect(seen[0]).toBe(0);
	expect(seen.length).toBeGreaterThan(1);
	expect(Math.max(...seen)).toBeLessThan(1);
});
