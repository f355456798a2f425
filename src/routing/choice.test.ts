// What an operator or a client says of the choice: strategies, tags, lengths, prices, hints; and what is believed of caches.
import { expect, test } from "vitest";
import { marked, messages } from "../cache/__fixtures__/prompt.ts";
import type { RoutingStrategy } from "../config/schema.ts";
import { createWorld, deployment, type Sent, turnOf } from "./__fixtures__/world.ts";
import type { Plan } from "./decision.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id);
const at = (id: string) => (plan: Plan) => plan.candidates.find((each) => each.deployment.id === id);

function chance(): () => number {
	let state = 7;
	return () => {
		state = (state * 48_271) % 2_147_483_647;
		return state / 2_147_483_647;
	};
}

test.each([
	["rpm", { rpm: 3_000 }, { rpm: 1_000 }],
	["tpm", { tpm: 30_000_000 }, { tpm: 10_000_000 }],
	["weight", { weight: 3, rpm: 1_000 }, { weight: 1, rpm: 90_000 }],
])("simple-shuffle shares by %s", (_name, more, less) => {
	const world = createWorld({
		deployments: [deployment("more", more), deployment("less", less)],
		routing: { affinity: false, strategy: "simple-shuffle" },
		random: chance(),
	});
	const served = Array.from({ length: 400 }, (_, nth) => world.serve(world.request(turnOf("s", 1)), nth * SECOND));
	expect(served.filter((sent) => sent.deployment === "more").length / 400).toBeCloseTo(0.75, 1);
});

test("least-busy takes the one with fewest in flight", () => {
	const world = createWorld({ deployments: ["a", "b", "c"], routing: { affinity: false, strategy: "least-busy" } });
	const ids = Array.from({ length: 6 }, () => world.send(world.request(turnOf("s", 1)), 0).deployment);
	expect(ids.slice(0, 3).sort()).toEqual(["a", "b", "c"]);
	expect(ids.slice(3).sort()).toEqual(["a", "b", "c"]);
});

test("latency-based-routing takes the one that answers soonest", () => {
	const routing = { affinity: false, strategy: "latency-based-routing" as const };
	const world = createWorld({ deployments: ["a", "b"], routing });
	world.send(world.request(turnOf("s", 1)), 0, at("a")).start(2 * SECOND);
	world.send(world.request(turnOf("s", 1)), 0, at("b")).start(SECOND);
	expect(idsOf(world.router.plan(world.request(turnOf("s", 1)), 3 * SECOND))).toEqual(["b", "a"]);
});

test("usage-based-routing-v2 takes the one with the least of its minute used", () => {
	const routing = { affinity: false, strategy: "usage-based-routing-v2" as const };
	const deployments = [deployment("a", { tpm: 1_000_000 }), deployment("b", { tpm: 100_000 })];
	const world = createWorld({ deployments, routing });
	world.send(world.request(turnOf("s", 1)), 0, at("a"));
	world.send(world.request(turnOf("s", 1)), 0, at("b"));
	expect(idsOf(world.router.plan(world.request(turnOf("s", 1)), SECOND))).toEqual(["a", "b"]);
});

test("cost-based-routing takes the cheapest, and one of unknown price last", () => {
	const deployments = [
		deployment("unknown", { upstreamModel: "our-model" }),
		deployment("dear", { upstreamModel: "claude-opus-4-1" }),
		deployment("cheap", { upstreamModel: "claude-haiku-4-5" }),
	];
	const world = createWorld({ deployments, routing: { affinity: false, strategy: "cost-based-routing" } });
	expect(idsOf(world.router.plan(world.request(turnOf("s", 1)), 0))).toEqual(["cheap", "dear", "unknown"]);
});

test.each<[RoutingStrategy]>([["least-busy"], ["simple-shuffle"], ["latency-based-routing"], ["cost-based-routing"]])(
	"with affinity, %s decides only what no warm prefix does",
	(strategy) => {
		const world = createWorld({ deployments: ["a", "b", "c", "d"], routing: { strategy }, random: chance() });
		const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
		for (let nth = 0; nth < 3; nth += 1) world.send(world.request(turnOf("t", 1)), SECOND, at(first.deployment));
		const later = Array.from({ length: 5 }, (_, nth) => {
			return world.serve(world.request(turnOf("s", 2 + nth), { session: "s" }), (2 + nth) * SECOND).deployment;
		});
		expect(new Set(later)).toEqual(new Set([first.deployment]));
		const fresh = world.router.plan(world.request(turnOf("new", 1, { project: "p" }), { session: "new" }), 9 * SECOND);
		if (strategy === "least-busy") expect(fresh.candidates.at(-1)?.deployment.id).toBe(first.deployment);
		expect(fresh.candidates).toHaveLength(4);
	},
);

test("tags choose deployments, any or all of them, and default serves the rest", () => {
	const deployments = [
		deployment("both", { tags: ["eu", "paid"] }),
		deployment("eu", { tags: ["eu"] }),
		deployment("rest", { tags: ["default"] }),
		deployment("plain"),
	];
	const idsFor = (tags: readonly string[], matchAny: boolean) => {
		const world = createWorld({ deployments, routing: { tagFiltering: { enabled: true, matchAny } } });
		const plan = world.router.plan(world.request(turnOf("s", 1), { tags }), 0);
		expect(plan.candidates.length + plan.excluded.length).toBe(4);
		expect(plan.excluded.every(({ why }) => why === "tags")).toBe(true);
		return idsOf(plan).sort();
	};
	expect(idsFor(["eu", "paid"], true)).toEqual(["both", "eu"]);
	expect(idsFor(["eu", "paid"], false)).toEqual(["both"]);
	expect(idsFor(["us"], true)).toEqual(["rest"]);
	expect(idsFor([], true)).toEqual(["rest"]);
	const off = createWorld({ deployments });
	expect(off.router.plan(off.request(turnOf("s", 1), { tags: ["eu"] }), 0).candidates).toHaveLength(4);
});

test("a prompt too long for a deployment goes elsewhere, and if it is for all it is sent all the same", () => {
	const deployments = [
		deployment("short", { maxInputTokens: 5_000, order: 1 }),
		deployment("long", { maxInputTokens: 20_000 }),
	];
	const world = createWorld({ deployments, routing: { preCallChecks: true } });
	const plan = world.router.plan(world.request(turnOf("s", 1)), 0);
	expect(idsOf(plan)).toEqual(["long"]);
	expect(plan.excluded).toMatchObject([{ deployment: { id: "short" }, why: "context", until: null }]);
	expect(idsOf(world.router.plan(world.request(turnOf("s", 40)), 0))).toEqual(["short", "long"]);
});

test("expected dollars count reads, writes and the rest at the deployment's own price", () => {
	const world = createWorld({ deployments: [deployment("a"), deployment("b", { upstreamModel: "our-model" })] });
	const cold = world.router.plan(world.request(turnOf("s", 1), { session: "s" }), 0);
	const dollars = (plan: Plan, id: string) => at(id)(plan)?.expectedDollars;
	expect(dollars(cold, "a")).toBeCloseTo((12_046 * 3.75) / 1e6, 5);
	expect(dollars(cold, "b")).toBeNull();
	world.send(world.request(turnOf("s", 1), { session: "s" }), 0, at("a")).start(100);
	const warm = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), SECOND);
	expect(dollars(warm, "a")).toBeCloseTo((12_046 * 0.3 + 1_020 * 3.75) / 1e6, 5);
});

test("new conversations go to the cheaper platform until it is the busier one", () => {
	const regional = { provider: "bedrock" as const, upstreamModel: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0" };
	const world = createWorld({ deployments: [deployment("dear", regional), deployment("cheap")] });
	const ids = Array.from({ length: 20 }, (_, nth) => {
		return world.serve(world.request(turnOf(`${nth}`, 1, { project: `${nth}` }), { session: `${nth}` }), nth)
			.deployment;
	});
	const cheap = ids.filter((id) => id === "cheap").length;
	expect(cheap).toBeGreaterThanOrEqual(10);
	expect(cheap).toBeLessThan(20);
});

test("a compaction goes home though nothing it marks is cached there", () => {
	const world = createWorld({ deployments: ["a", "b", "c", "d"] });
	const first = world.serve(world.request(turnOf("s", 3), { session: "s" }), 0);
	const unmarked = messages("compact", 20, 700);
	const plan = world.router.plan(world.request(unmarked, { session: "s", hints: { isCompaction: true } }), MINUTE);
	expect(plan.candidates[0]?.deployment.id).toBe(first.deployment);
	const late = world.request(marked(unmarked, [-2]), { session: "s", hints: { requestClass: "compaction" } });
	expect(world.router.plan(late, 20 * MINUTE).candidates[0]).toMatchObject({
		reason: "session",
		deployment: { id: first.deployment },
	});
});

test("a conversation that was compacted is free to move", () => {
	const world = createWorld({ deployments: ["a", "b", "c", "d"] });
	const first = world.serve(world.request(turnOf("s", 3), { session: "s" }), 0);
	const busy = world.request(turnOf("other", 8, { project: "p" }), { session: "other" });
	world.send(busy, SECOND, at(first.deployment));
	const hints = { contextCompacted: true };
	const moved: Sent = world.serve(
		world.request(turnOf("s compacted", 1, { project: "q" }), { session: "s", hints }),
		2 * SECOND,
	);
	expect(moved.plan.outcome).toBe("miss");
	expect(moved.deployment).not.toBe(first.deployment);
	const next = world.router.plan(world.request(turnOf("s compacted", 2, { project: "q" }), { session: "s" }), MINUTE);
	expect(next.candidates[0]).toMatchObject({ reason: "prefix", deployment: { id: moved.deployment } });
	expect(next.divertedFrom).toBeNull();
});

test("predictions are counted, and a domain that reads less than promised is promised less", () => {
	const world = createWorld({ deployments: ["a"] });
	const dollarsNow = (turn: number, now: number) =>
		world.router.plan(world.request(turnOf("s", turn), { session: "s" }), now).candidates[0]?.expectedDollars ?? 0;
	for (let turn = 1; turn <= 4; turn += 1)
		world.serve(world.request(turnOf("s", turn), { session: "s" }), turn * SECOND);
	expect(world.router.beliefs()).toMatchObject({ predictions: 3, confirmed: 3, disproved: 0 });
	expect(world.router.beliefs().drift).toBeLessThan(0.01);
	const trusted = dollarsNow(5, 5 * SECOND);
	for (let nth = 0; nth < 5; nth += 1) {
		world.provider.clear();
		world.serve(world.request(turnOf("s", 5), { session: "s" }), (10 + nth * 2) * SECOND);
	}
	expect(world.router.beliefs()).toMatchObject({ disproved: 5 });
	expect(world.router.beliefs().drift).toBeGreaterThan(0.1);
	expect(dollarsNow(5, 30 * SECOND)).toBeGreaterThan(trusted);
});
