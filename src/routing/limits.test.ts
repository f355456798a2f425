// Deployments with rate limits: who waits, who is diverted, who comes home.
import { expect, test } from "vitest";
import { type Block, marked, messages } from "../cache/__fixtures__/prompt.ts";
import type { DeploymentConfig } from "../config/schema.ts";
import { arrive, createClock } from "./__fixtures__/clock.ts";
import { createWorld, deployment, type Sent, turnOf, UNKNOWN, type World } from "./__fixtures__/world.ts";
import type { Plan } from "./decision.ts";
import type { RateLimits } from "./meter.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id);

function limited(ids: readonly string[], limits: Partial<DeploymentConfig>): DeploymentConfig[] {
	return ids.map((id) => deployment(id, limits));
}

function refuse(world: World, sent: Sent, when: { retryAfterMs: number | null; now: number }): void {
	world.router.failed(sent.ticket, { kind: "status", status: 429, retryAfterMs: when.retryAfterMs }, when.now);
}

/** 12,000 tokens that no other prompt begins with. */
function own(name: string): Block[] {
	return marked(messages(name, 12, 1_000), [-1]);
}

const at = (id: string) => (plan: Plan) => plan.candidates.find((each) => each.deployment.id === id);

test("new conversations go only where their whole prompt still fits, and all are named", () => {
	const world = createWorld({ deployments: limited(["a", "b"], { itpm: 20_000 }) });
	const first = world.send(world.request(own("s"), { session: "s" }), 0);
	const second = world.send(world.request(own("t"), { session: "t" }), 1);
	expect(second.deployment).not.toBe(first.deployment);
	const third = world.router.plan(world.request(own("u"), { session: "u" }), 2);
	expect(third.candidates).toEqual([]);
	expect(third.excluded.map(({ why }) => why)).toEqual(["limit", "limit"]);
	const until = third.excluded[0]?.until ?? 0;
	expect(until).toBeGreaterThan(10 * SECOND);
	expect(idsOf(world.router.plan(third.request, until)).length).toBeGreaterThan(0);
});

test("where nobody has capacity the request waits for the first that will, if that is soon", () => {
	const world = createWorld({ deployments: limited(["a"], { rpm: 60 }) });
	for (let nth = 0; nth < 60; nth += 1) world.send(world.request(own(`${nth}`)), 0);
	const plan = world.router.plan(world.request(own("s")), 0);
	expect(plan).toMatchObject({ candidates: [], hold: { reason: "limit", deployment: { id: "a" } } });
	expect(plan.hold?.until).toBeGreaterThan(900);
	expect(plan.hold?.until).toBeLessThan(2 * SECOND);
	expect(world.router.plan(plan.request, plan.hold?.until ?? 0).hold).toBeNull();
});

test("cache reads are free: a warm turn has capacity where a cold one has none", () => {
	const world = createWorld({ deployments: limited(["a", "b"], { itpm: 16_000 }) });
	const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const warm = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 2 * SECOND);
	expect(warm.candidates[0]).toMatchObject({ reason: "prefix", deployment: { id: first.deployment } });
	const cold = world.router.plan(world.request(own("t"), { session: "t" }), 2 * SECOND);
	expect(idsOf(cold)).not.toContain(first.deployment);
});

test("a warm home without capacity is waited for while that is soon, and no longer than the bound in all", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const request = world.request(turnOf("s", 2), { session: "s" });
	refuse(world, world.send(request, 10 * SECOND), { retryAfterMs: 3 * SECOND, now: 10 * SECOND });
	const held = world.router.plan(request, 10 * SECOND);
	expect(held).toMatchObject({
		hold: { reason: "limit", deployment: { id: first.deployment }, until: 13 * SECOND },
		divertedFrom: null,
	});
	expect(held.candidates).toHaveLength(1);
	const late = world.router.plan({ ...request, heldSince: 7 * SECOND }, 10 * SECOND);
	expect(late).toMatchObject({ hold: null, divertedFrom: { deployment: { id: first.deployment }, why: "limit" } });
	expect(late.candidates[0]).toMatchObject({ reason: "diverted", thinkingAtRisk: true });
	const home = world.router.plan({ ...request, heldSince: 10 * SECOND }, 13 * SECOND);
	expect(home).toMatchObject({ hold: null, candidates: [{ reason: "prefix" }, {}] });
});

test("a home that is warm in less than half of the prompt is not waited for", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const grown = world.request(turnOf("s", 40), { session: "s" });
	refuse(world, world.send(grown, SECOND), { retryAfterMs: 2 * SECOND, now: SECOND });
	expect(world.router.plan(grown, SECOND)).toMatchObject({ hold: null, divertedFrom: { why: "limit" } });
});

test("with a wait of 0 nobody waits for capacity", () => {
	const world = createWorld({ deployments: ["a", "b"], routing: { maxAffinityWaitMs: 0 } });
	const request = world.request(turnOf("s", 1), { session: "s" });
	world.serve(request, 0);
	refuse(world, world.send(request, SECOND), { retryAfterMs: 1, now: SECOND });
	expect(world.router.plan(request, SECOND).hold).toBeNull();
});

test("conversations whose home answers 429 for 20 s are diverted, and nine of ten that are still warm return", () => {
	const world = createWorld({ deployments: ["a", "b", "c", "d"] });
	const names = Array.from({ length: 40 }, (_, nth) => `conversation ${nth}`);
	const turn = (name: string, nth: number, now: number) => {
		const request = world.request(turnOf(name, nth), { session: name });
		const plan = world.router.plan(request, now);
		const sent = world.send(request, now);
		if (sent.deployment === "a" && now >= 60 * SECOND && now < 80 * SECOND) {
			refuse(world, sent, { retryAfterMs: 80 * SECOND - now, now });
			return turn(name, nth, now);
		}
		sent.start(now + 300);
		sent.settle(now + 600);
		return { deployment: sent.deployment, plan };
	};
	const home = new Map<string, string>();
	for (const [nth, name] of names.entries()) home.set(name, turn(name, 1, nth * 100).deployment);
	const ofA = names.filter((name) => home.get(name) === "a");
	expect(ofA.length).toBeGreaterThan(4);
	for (const [nth, name] of ofA.entries()) expect(turn(name, 2, 60 * SECOND + nth * 100).deployment).not.toBe("a");
	for (const [nth, name] of ofA.entries()) expect(turn(name, 3, 70 * SECOND + nth * 100).deployment).not.toBe("a");
	const returned = ofA.filter((name, nth) => {
		const { plan } = turn(name, 4, 90 * SECOND + nth * 100);
		return plan.candidates[0]?.deployment.id === "a" && plan.candidates[0].reason === "returned";
	});
	expect(returned.length / ofA.length).toBeGreaterThanOrEqual(0.9);
});

const reported = (remaining: number, changes: Partial<RateLimits> = {}): RateLimits => ({
	requests: null,
	inputTokens: { limit: 60_000, remaining, resetAt: MINUTE },
	outputTokens: null,
	tokens: null,
	unified: null,
	...changes,
});

test("what answers report of their limits wins over the configuration and over our own count", () => {
	const world = createWorld({ deployments: limited(["a", "b"], { itpm: 1_000_000 }) });
	const sent = world.send(world.request(turnOf("s", 1), { session: "s" }), 0, at("a"));
	world.router.started(sent.ticket, { ...UNKNOWN, limits: reported(5_000) }, 500);
	const plan = world.router.plan(world.request(own("t"), { session: "t" }), SECOND);
	expect(idsOf(plan)).toEqual(["b"]);
	expect(plan.excluded).toMatchObject([{ deployment: { id: "a" }, why: "limit" }]);
	expect(plan.excluded[0]?.until).toBeGreaterThan(5 * SECOND);
	expect(plan.excluded[0]?.until).toBeLessThan(20 * SECOND);
});

test("deployments of one organisation share its limits, and its 429s, as far as they ask for one class of models", () => {
	const organization = { organization: "org", workspace: null };
	const deployments = [
		deployment("a"),
		deployment("b"),
		deployment("other", { upstreamModel: "claude-opus-5" }),
		deployment("else"),
	];
	const world = createWorld({ deployments, identityOf: (id) => (id === "else" ? UNKNOWN : organization) });
	const sent = ["a", "b", "other", "else"].map((id) => {
		const one = world.send(world.request(own(id), { session: id }), 0, at(id));
		world.router.started(one.ticket, { ...organization, organization: id === "else" ? null : "org" }, 100);
		return one;
	});
	const [first] = sent;
	if (first === undefined) throw new Error("nothing sent");
	const more = world.send(world.request(own("x"), { session: "x" }), 200, at("a"));
	world.router.started(more.ticket, { ...organization, limits: reported(0) }, 300);
	const full = world.router.plan(world.request(own("t"), { session: "t" }), SECOND);
	expect(idsOf(full).sort()).toEqual(["else", "other"]);
	world.router.failed(first.ticket, { kind: "status", status: 429, retryAfterMs: 40 * SECOND }, SECOND);
	expect(world.router.deployments().map((each) => each.cooldownUntil > SECOND)).toEqual([true, true, false, false]);
});

test("a rejected subscription admits nothing until it resets", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const sent = world.send(world.request(turnOf("s", 1)), 0, at("a"));
	const unified = { status: "rejected", resetAt: 90 * SECOND };
	world.router.started(sent.ticket, { ...UNKNOWN, limits: reported(50_000, { unified }) }, 100);
	const plan = world.router.plan(world.request(turnOf("t", 1)), SECOND);
	expect(plan.excluded).toMatchObject([{ deployment: { id: "a" }, why: "limit", until: 90 * SECOND }]);
});

test("parallel requests beyond the deployment's bound go elsewhere", () => {
	const world = createWorld({ deployments: [deployment("a", { maxParallelRequests: 1, order: 1 }), deployment("b")] });
	const first = world.send(world.request(turnOf("s", 1)), 0);
	const plan = world.router.plan(world.request(turnOf("t", 1)), 1);
	expect([first.deployment, ...idsOf(plan)]).toEqual(["a", "b"]);
	expect(plan.excluded).toMatchObject([{ deployment: { id: "a" }, why: "busy", until: null }]);
	first.start(2);
	first.settle(3);
	expect(idsOf(world.router.plan(world.request(turnOf("t", 1)), 4))).toEqual(["a", "b"]);
});

test.each([true, false])(
	"where all have as many parallel requests as they may, one more waits until one ends, up to the bound (affinity: %s)",
	(affinity) => {
		const world = createWorld({ deployments: [deployment("a", { maxParallelRequests: 1 })], routing: { affinity } });
		const first = world.send(world.request(turnOf("s", 1)), 0);
		const next = world.request(turnOf("t", 1));
		const { hold, candidates } = world.router.plan({ ...next, heldSince: 1 }, 1);
		expect([hold, candidates]).toMatchObject([{ reason: "limit", deployment: { id: "a" }, until: 5_001 }, []]);
		let released = 0;
		if (hold !== null) world.router.onRelease(hold, () => (released += 1));
		first.start(2);
		expect(released).toBe(0);
		first.settle(3);
		expect(released).toBe(1);
		expect(idsOf(world.router.plan({ ...next, heldSince: 1 }, 4))).toEqual(["a"]);
		world.send(world.request(turnOf("u", 1)), 5);
		const given = world.router.plan({ ...next, heldSince: 1 }, 5_001);
		expect([given.hold, given.candidates]).toEqual([null, []]);
	},
);

test("cold work is shared in proportion to known limits", () => {
	const world = createWorld({
		deployments: [deployment("big", { itpm: 3_000_000 }), deployment("small", { itpm: 1_000_000 })],
	});
	const served = Array.from({ length: 40 }, (_, nth) => {
		return world.serve(world.request(turnOf(`${nth}`, 1, { project: `${nth}` }), { session: `${nth}` }), nth * SECOND);
	});
	const big = served.filter((sent) => sent.deployment === "big").length;
	expect(big).toBeGreaterThanOrEqual(26);
	expect(big).toBeLessThanOrEqual(34);
});

test("who waits for capacity goes on when an attempt gives some back", () => {
	const world = createWorld({ deployments: limited(["a"], { itpm: 100_000 }) });
	const sent = Array.from({ length: 8 }, (_, nth) => {
		return world.send(world.request(own(`${nth}`), { session: `${nth}` }), 0);
	});
	const request = world.request(own("last"), { session: "last" });
	const { hold } = world.router.plan(request, SECOND);
	let released = 0;
	if (hold !== null) world.router.onRelease(hold, () => (released += 1));
	const [first] = sent;
	if (first !== undefined)
		world.router.failed(first.ticket, { kind: "connect", status: null, retryAfterMs: null }, 2 * SECOND);
	expect([hold?.reason, released]).toEqual(["limit", 1]);
});

test("a hundred parallel requests with one cold prefix write it at most twice, and none waits beyond its bound", () => {
	for (const shared of ["head", "messages"] as const) {
		const world = createWorld({ deployments: ["a", "b", "c", "d", "e", "f", "g", "h"] });
		const clock = createClock();
		const prefix = Array.from({ length: 50 }, (_, nth) => {
			const block: Block = { text: `shared ${nth}`, level: shared === "head" ? 0 : 2, tokens: 1_000 };
			return nth === 49 ? { ...block, mark: "5m" as const } : block;
		});
		let cold = 0;
		let longest = 0;
		let count = 0;
		for (let nth = 0; nth < 100; nth += 1) {
			const question: Block = { text: `question ${nth}`, level: 2, tokens: 300, mark: "5m" };
			const request = world.request([...prefix, question], { session: `${nth}` });
			const sent = (one: { waitedMs: number; usage: { cacheReadTokens: number } }) => {
				count += 1;
				if (one.usage.cacheReadTokens === 0) cold += 1;
				longest = Math.max(longest, one.waitedMs);
			};
			arrive(world, clock, { request, time: nth, firstEventMs: 2 * SECOND, sent });
		}
		clock.run();
		expect(count).toBe(100);
		expect(cold).toBeLessThanOrEqual(2);
		expect(longest).toBeLessThanOrEqual(5 * SECOND);
	}
});

test("a caller that cannot wait for home does not move it", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const request = world.request(turnOf("s", 1), { session: "s" });
	const first = world.serve(request, 0);
	refuse(world, world.send(request, SECOND), { retryAfterMs: 3 * SECOND, now: SECOND });
	const impatient = world.serve(world.request(turnOf("s", 2), { session: "s" }), SECOND);
	expect(impatient.plan.hold?.reason).toBe("limit");
	expect(impatient.deployment).not.toBe(first.deployment);
	const next = world.router.plan(world.request(turnOf("s", 3), { session: "s" }), 10 * SECOND);
	expect(next.candidates[0]).toMatchObject({ reason: "returned", deployment: { id: first.deployment } });
});

test("followers of a burst go on when their leader fails, and the next of them leads", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const leader = world.send(world.request(own("s"), { session: "1" }), 0);
	const follower = world.request(own("s"), { session: "2" });
	const { hold } = world.router.plan(follower, 10);
	expect(hold).toMatchObject({ reason: "leader", deployment: { id: leader.deployment }, until: 5_010 });
	let released = 0;
	if (hold !== null) world.router.onRelease(hold, () => (released += 1));
	world.router.failed(leader.ticket, { kind: "connect", status: null, retryAfterMs: null }, 20);
	expect(released).toBe(1);
	expect(world.router.plan({ ...follower, heldSince: 10 }, 20).hold).toBeNull();
});

test("followers wait no longer than the bound, not for little, and not at all where the gate is off", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	world.send(world.request(own("s"), { session: "1" }), 0);
	const follower = world.request(own("s"), { session: "2" });
	expect(world.router.plan({ ...follower, heldSince: 10 }, 5_009).hold?.until).toBe(5_010);
	expect(world.router.plan({ ...follower, heldSince: 10 }, 5_010).hold).toBeNull();
	const little = world.request(marked(messages("little", 3, 500), [-1]), { session: "3" });
	world.send(little, 0);
	expect(world.router.plan(little, 1).hold).toBeNull();
	const off = createWorld({ deployments: ["a", "b"], routing: { burstGate: { enabled: false, maxWaitMs: 5_000 } } });
	off.send(off.request(own("s"), { session: "1" }), 0);
	expect(off.router.plan(off.request(own("s"), { session: "2" }), 10).hold).toBeNull();
});

test("a listener that is taken off is not called", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const leader = world.send(world.request(own("s"), { session: "1" }), 0);
	const { hold } = world.router.plan(world.request(own("s"), { session: "2" }), 10);
	let released = 0;
	if (hold !== null) world.router.onRelease(hold, () => (released += 1))();
	leader.start(500);
	expect(released).toBe(0);
});
