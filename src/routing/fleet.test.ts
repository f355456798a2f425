// Deployments that share caches, fail, carry weight or change by reload.
import { expect, test } from "vitest";
import { DEFAULTS } from "../config/__fixtures__/defaults.ts";
import { createWorld, deployment, groupOf, outlineOf, turnOf, UNKNOWN, type World } from "./__fixtures__/world.ts";
import type { Plan, ResponseIdentity, RouteRequest } from "./decision.ts";
import type { AttemptFailure } from "./deployment.ts";
import { createRouter } from "./router.ts";

const SECOND = 1_000;
const MINUTE = 60_000;

const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id);

function status(code: number, retryAfterMs: number | null = null): AttemptFailure {
	return { kind: "status", status: code, retryAfterMs };
}

test("a failure before the first event undoes what the attempt announced", () => {
	const world = createWorld({ deployments: ["a", "b", "c"] });
	const request = world.request(turnOf("s", 1), { session: "s" });
	const lost = world.send(request, 0);
	world.router.failed(lost.ticket, { kind: "connect", status: null, retryAfterMs: null }, 10);
	expect(world.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
	const plan = world.router.plan(request, 20);
	expect(idsOf(plan)).not.toContain(lost.deployment);
	expect(world.router.deployments().find((each) => each.id === lost.deployment)).toMatchObject({
		inFlight: 0,
		loadTokens: 0,
	});
});

test("one failure does not rebind: the conversation comes home when home is back", () => {
	const world = createWorld({ deployments: ["a", "b", "c"], failures: { cooldownMs: 5 * SECOND } });
	const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const request = world.request(turnOf("s", 2), { session: "s" });
	const lost = world.send(request, 10 * SECOND);
	world.router.failed(lost.ticket, status(529), 11 * SECOND);
	const meanwhile = world.router.plan(request, 12 * SECOND);
	expect(meanwhile.outcome).toBe("miss");
	expect(meanwhile.excluded).toMatchObject([
		{ deployment: { id: first.deployment }, why: "cooldown", until: 16 * SECOND },
	]);
	const back = world.router.plan(request, 16 * SECOND);
	expect(back.outcome).toBe("hit");
	expect(back.candidates[0]?.deployment.id).toBe(first.deployment);
});

test("a session served elsewhere for a turn returns to its warm home, where its thinking is bound", () => {
	const world = createWorld({ deployments: ["a", "b", "c"] });
	const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const lost = world.send(world.request(turnOf("s", 2), { session: "s" }), 10 * SECOND);
	world.router.failed(lost.ticket, status(500), 10 * SECOND);
	const diverted = world.serve(world.request(turnOf("s", 2), { session: "s" }), 10 * SECOND);
	expect(diverted.plan).toMatchObject({
		divertedFrom: { deployment: { id: first.deployment }, why: "cooldown" },
		candidates: [{ reason: "diverted", thinkingAtRisk: true }, { thinkingAtRisk: true }],
	});
	const next = world.router.plan(world.request(turnOf("s", 3), { session: "s" }), MINUTE);
	expect(idsOf(next).slice(0, 2)).toEqual([first.deployment, diverted.deployment]);
	expect(next.candidates.map((each) => each.reason)).toEqual(["returned", "spare", "spare"]);
	expect(next.divertedFrom).toBeNull();
});

test("a session that has built more elsewhere than its old home is worth stays there", () => {
	const world = createWorld({ deployments: ["a", "b", "c"], failures: { cooldownMs: 200 * SECOND } });
	const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const lost = world.send(world.request(turnOf("s", 2), { session: "s" }), 10 * SECOND);
	world.router.failed(lost.ticket, status(500), 10 * SECOND);
	const away = Array.from({ length: 6 }, (_, at) => {
		return world.serve(world.request(turnOf("s", 2 + at * 12), { session: "s" }), (20 + at * 30) * SECOND);
	});
	expect(new Set(away.map((sent) => sent.deployment)).size).toBe(1);
	const back = world.serve(world.request(turnOf("s", 70), { session: "s" }), 250 * SECOND);
	expect(back.deployment).toBe(away[0]?.deployment);
	expect(back.deployment).not.toBe(first.deployment);
	expect(back.plan.divertedFrom).toBeNull();
	const settled = world.router.plan(world.request(turnOf("s", 71), { session: "s" }), 260 * SECOND);
	expect(settled.candidates[0]).toMatchObject({ reason: "prefix", thinkingAtRisk: false });
});

test("when all are rate-limited there is no candidate, and it is known until when", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const request = world.request(turnOf("s", 1), { session: "s" });
	const first = world.send(request, 0);
	world.router.failed(first.ticket, status(429, 30 * SECOND), 0);
	const second = world.send(request, 0);
	world.router.failed(second.ticket, status(429, 7 * SECOND), 0);
	const plan = world.router.plan(request, SECOND);
	expect(plan.candidates).toEqual([]);
	expect(plan.excluded.map(({ why, until }) => [why, until])).toEqual([
		["limit", 7 * SECOND],
		["limit", 30 * SECOND],
	]);
});

test.each([
	["an abort", { kind: "abort", status: null, retryAfterMs: null }, 0],
	["the client's own bad request", status(400), 0],
	["a request too large", status(413), 0],
	["a model that is not there", status(404), 0],
	["a rate limit with a wait", status(429, 42_000), 42_000],
	["a rate limit without one", status(429), 5_000],
	["an overload", status(529), 5_000],
	["a server error", status(500), 5_000],
	["a refused connection", { kind: "connect", status: null, retryAfterMs: null }, 5_000],
	["a timeout", { kind: "timeout", status: null, retryAfterMs: null }, 5_000],
	["an error event at the start of a stream", { kind: "stream", status: null, retryAfterMs: null }, 5_000],
] as const)("%s cools down for the time that fits it", (_name, failure, cooldownMs) => {
	const world = createWorld({ deployments: ["a"], failures: { cooldownMs: 5_000 } });
	const sent = world.send(world.request(turnOf("s", 1)), 0);
	world.router.failed(sent.ticket, failure, 1_000);
	expect(world.router.deployments()[0]?.cooldownUntil).toBe(cooldownMs === 0 ? 0 : 1_000 + cooldownMs);
});

test("a deployment's own cool-down goes before the common one", () => {
	const world = createWorld({ deployments: [deployment("a", { cooldownMs: 90_000 })] });
	world.router.failed(world.send(world.request(turnOf("s", 1)), 0).ticket, status(503), 0);
	expect(world.router.deployments()[0]?.cooldownUntil).toBe(90_000);
});

test("refused credentials are set aside longer each time, until they are accepted", () => {
	const world = createWorld({ deployments: ["a"] });
	const request = world.request(turnOf("s", 1));
	const untils: number[] = [];
	let now = 0;
	for (const code of [401, 403, 401]) {
		world.router.failed(world.send(request, now).ticket, status(code), now);
		const until = world.router.deployments()[0]?.quarantineUntil ?? 0;
		untils.push(until - now);
		now = until;
	}
	expect(untils).toEqual([60_000, 120_000, 240_000]);
	world.serve(request, now);
	world.router.failed(world.send(request, now + MINUTE).ticket, status(401), now + MINUTE);
	expect(world.router.plan(request, now + MINUTE).excluded).toMatchObject([
		{ why: "quarantine", until: now + 2 * MINUTE },
	]);
});

const WORKSPACE: ResponseIdentity = { organization: "org", workspace: "one" };

test("once answers show that two keys share a workspace, a conversation may use either", () => {
	const world = createWorld({
		deployments: ["a", "b", "c"],
		identityOf: (id) => (id === "c" ? UNKNOWN : WORKSPACE),
		domainOf: (id) => (id === "c" ? "c" : "w"),
	});
	const at = (id: string) => (plan: Plan) => plan.candidates.find((each) => each.deployment.id === id);
	const first = world.send(world.request(turnOf("s", 1), { session: "s" }), 0, at("a"));
	first.start(500);
	first.settle(900);
	const other = world.send(world.request(turnOf("t", 1), { session: "t" }), SECOND, at("b"));
	other.start(1_500);
	other.settle(1_900);
	const plan = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 2 * SECOND);
	expect(idsOf(plan).slice(0, 2).sort()).toEqual(["a", "b"]);
	expect(plan.candidates[0]?.predictedReadTokens).toBe(plan.candidates[1]?.predictedReadTokens);
	expect(plan.candidates[0]?.predictedReadTokens).toBeGreaterThan(10_000);
	expect(plan.candidates[2]?.predictedReadTokens).toBe(0);
	expect(world.router.deployments().map((each) => world.router.cacheDomainOf(each))).toEqual([
		"anthropic/org/one",
		"anthropic/org/one",
		null,
	]);
});

const SHARED = { cacheDomain: "shared" };

function twoOfOneDomain(): World {
	return createWorld({
		deployments: [deployment("a", SHARED), deployment("b", SHARED)],
		domainOf: () => "shared",
	});
}

test("inside a domain a burst of one conversation is shared by all", () => {
	const world = twoOfOneDomain();
	world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const burst = Array.from({ length: 12 }, () =>
		world.send(world.request(turnOf("s", 2), { session: "s" }), 10 * SECOND),
	);
	const atA = burst.filter((sent) => sent.deployment === "a").length;
	expect(atA).toBeGreaterThanOrEqual(4);
	expect(atA).toBeLessThanOrEqual(8);
});

test("inside a domain the turns of a conversation keep to one deployment, and conversations are shared out", () => {
	const world = twoOfOneDomain();
	const turns = new Map<string, number>();
	for (let session = 0; session < 40; session++) {
		const id = `s${session}`;
		const served = new Set<string>();
		for (let turn = 1; turn <= 6; turn++) {
			const sent = world.serve(world.request(turnOf(id, turn), { session: id }), (session * 6 + turn) * 2 * SECOND);
			served.add(sent.deployment);
			turns.set(sent.deployment, (turns.get(sent.deployment) ?? 0) + 1);
		}
		expect(served.size, id).toBe(1);
	}
	expect(Math.max(...turns.values())).toBeLessThanOrEqual(40 * 6 * 0.65);
});

test("a deployment whose answers come from another workspace takes its new entries along", () => {
	let identity = WORKSPACE;
	const world = createWorld({ deployments: ["a", "b"], identityOf: (id) => (id === "a" ? identity : UNKNOWN) });
	const at = (plan: Plan) => plan.candidates.find((each) => each.deployment.id === "a");
	const first = world.send(world.request(turnOf("s", 1), { session: "s" }), 0, at);
	first.start(100);
	identity = { organization: "org", workspace: "two" };
	const second = world.send(world.request(turnOf("t", 1), { session: "t" }), SECOND, at);
	second.start(1_100);
	expect(world.router.plan(world.request(turnOf("t", 2), { session: "t" }), 2 * SECOND).outcome).toBe("hit");
	expect(world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 2 * SECOND).outcome).toBe("miss");
});

test("a lower order is tried first, warm or not, and a higher one when it cannot serve", () => {
	const deployments = [deployment("second", { order: 2 }), deployment("first", { order: 1 }), deployment("last")];
	const world = createWorld({ deployments });
	const request = world.request(turnOf("s", 1), { session: "s" });
	expect(idsOf(world.router.plan(request, 0))).toEqual(["first", "second", "last"]);
	world.router.failed(world.send(request, 0).ticket, status(500), 0);
	expect(world.serve(request, SECOND).deployment).toBe("second");
	const next = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), MINUTE);
	expect(idsOf(next)).toEqual(["first", "second", "last"]);
	expect(next.outcome).toBe("miss");
});

test("new conversations follow weight", () => {
	const world = createWorld({ deployments: [deployment("heavy", { weight: 3 }), deployment("light")] });
	const served = Array.from({ length: 40 }, (_, at) => {
		return world.serve(world.request(turnOf(`${at}`, 1, { project: `${at}` }), { session: `${at}` }), at * SECOND);
	});
	const heavy = served.filter((sent) => sent.deployment === "heavy").length;
	expect(heavy).toBeGreaterThanOrEqual(27);
	expect(heavy).toBeLessThanOrEqual(33);
});

test("replicas that never spoke choose alike, and not all the same", () => {
	const ids = ["a", "b", "c", "d"];
	const [one, two] = [createWorld({ deployments: ids }), createWorld({ deployments: [...ids].reverse() })];
	const choices = Array.from({ length: 40 }, (_, at) => {
		const blocks = turnOf(`${at}`, 1);
		const shape = at % 2 === 0 ? { session: `session ${at}` } : { openingKey: 1_234_567_890_123 * (at + 1) };
		const chosen = idsOf(one.router.plan(one.request(blocks, shape), 0))[0];
		expect(idsOf(two.router.plan(two.request(blocks, shape), 0))[0]).toBe(chosen);
		return chosen;
	});
	expect(new Set(choices).size).toBe(4);
});

test("without affinity requests spread by weight and nothing is remembered", () => {
	let state = 1;
	const random = () => {
		state = (state * 48_271) % 2_147_483_647;
		return state / 2_147_483_647;
	};
	const deployments = [deployment("heavy", { weight: 3 }), deployment("light"), deployment("later", { order: 5 })];
	const world = createWorld({
		deployments: deployments.map((each) => ({ ...each, order: each.order ?? 1 })),
		routing: { affinity: false },
		random,
	});
	const served = Array.from({ length: 400 }, (_, at) =>
		world.serve(world.request(turnOf("s", 1), { session: "s" }), at),
	);
	const heavy = served.filter((sent) => sent.deployment === "heavy").length;
	expect(heavy / 400).toBeCloseTo(0.75, 1);
	expect(served.some((sent) => sent.deployment === "later")).toBe(false);
	expect(served[0]?.plan).toMatchObject({
		outcome: "off",
		candidates: [{ reason: "load" }, { reason: "spare" }, { reason: "spare" }],
	});
	expect(world.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
});

test("a request that waited while a reload took its whole group away is served by what it began with", () => {
	const before = ["a", "b"].map((id) => deployment(id));
	const after = [deployment("c")];
	const router = createRouter({ deployments: before, routing: DEFAULTS.routing, failures: DEFAULTS.failures });
	const request = (configs: typeof before): RouteRequest => ({
		outline: outlineOf(turnOf("s", 1)),
		group: groupOf(configs),
		wildcard: null,
		conversation: { session: "s", agent: null },
		betas: "",
	});
	router.update({ deployments: after, routing: DEFAULTS.routing, failures: DEFAULTS.failures });
	expect(idsOf(router.plan(request(before), 1)).sort()).toEqual(["a", "b"]);
	expect(idsOf(router.plan(request(after), 1))).toEqual(["c"]);
	expect(router.deployments().map(({ id }) => id)).toEqual(["c"]);
});

test("a reload keeps memory by deployment id and drops what is gone", () => {
	const configs = ["a", "b", "c"].map((id) => deployment(id));
	const router = createRouter({ deployments: configs, routing: DEFAULTS.routing, failures: DEFAULTS.failures });
	const request = (turn: number, from = configs): RouteRequest => ({
		outline: outlineOf(turnOf("s", turn)),
		group: groupOf(from),
		wildcard: null,
		conversation: { session: "s", agent: null },
		betas: "",
	});
	const serve = (turn: number, now: number, from = configs) => {
		const plan = router.plan(request(turn, from), now);
		const [first] = plan.candidates;
		if (first === undefined) throw new Error("nothing can serve");
		const ticket = router.dispatched(plan, first, now);
		return { ticket, id: first.deployment.id, outcome: plan.outcome };
	};
	const before = serve(1, 0);
	router.started(before.ticket, UNKNOWN, 100);
	const running = serve(2, 10 * SECOND);
	const reloaded = [...configs].reverse().map((each) => ({ ...each, weight: 2 }));
	router.update({
		deployments: reloaded,
		routing: DEFAULTS.routing,
		failures: { ...DEFAULTS.failures, cooldownMs: 1_000 },
	});
	expect(serve(2, 20 * SECOND, reloaded)).toMatchObject({ id: before.id, outcome: "hit" });
	expect(router.deployments().find((each) => each.id === before.id)).toMatchObject({
		inFlight: 3,
		config: { weight: 2 },
	});
	const fewer = reloaded.filter((each) => each.id !== before.id);
	router.update({ deployments: fewer, routing: DEFAULTS.routing, failures: DEFAULTS.failures });
	router.started(running.ticket, UNKNOWN, 21 * SECOND);
	router.settled(running.ticket, null, 22 * SECOND);
	expect(idsOf(router.plan(request(3), 30 * SECOND))).toHaveLength(2);
	expect(router.plan(request(3, fewer), 30 * SECOND).outcome).toBe("miss");
});

test("a ticket ends once", () => {
	const world = createWorld({ deployments: ["a"] });
	const sent = world.send(world.request(turnOf("s", 1)), 0);
	sent.start(1);
	sent.settle(2);
	sent.settle(3);
	world.router.failed(sent.ticket, status(500), 4);
	expect(world.router.deployments()[0]).toMatchObject({ inFlight: 0, cooldownUntil: 0 });
});

test("load counts what was not read, of a head that others will read only half, and fades", () => {
	const world = createWorld({ deployments: ["a"], routing: { loadHalfLifeMs: MINUTE } });
	const sent = world.send(world.request(turnOf("s", 1), { session: "s" }), 0);
	sent.settle(MINUTE);
	const head = 9_146;
	const [only] = world.router.deployments();
	const own = sent.usage.inputTokens + sent.usage.cacheWriteTokens - head / 2;
	expect(only?.loadTokens).toBeCloseTo(own / 2, -1);
});
