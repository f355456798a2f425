// Two routers that receive each other's notes 5 ms late: what one learns, the other acts upon.
import { expect, test } from "vitest";
import { type Block, marked, messages } from "../../cache/__fixtures__/prompt.ts";
import { DELAY_MS, replicas, START } from "../__fixtures__/replicas.ts";
import { deployment, turnOf, UNKNOWN } from "../__fixtures__/world.ts";
import type { Plan } from "../decision.ts";

const SECOND = 1_000;
const MINUTE = 60_000;

const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id);
const at = (id: string) => (plan: Plan) => plan.candidates.find((each) => each.deployment.id === id);

/** 12,000 tokens that no other prompt begins with. */
function own(name: string): Block[] {
	return marked(messages(name, 12, 1_000), [-1]);
}

test("a conversation that began on one replica is bound on the other", () => {
	const two = replicas({ deployments: ["a", "b", "c", "d"] });
	for (const name of ["s", "t", "u", "v", "w", "x"]) {
		const first = two.a.serve(two.a.request(turnOf(name, 1), { session: name }), two.now, 1);
		two.pass(DELAY_MS);
		const second = two.b.send(two.b.request(turnOf(name, 2), { session: name }), two.now);
		expect(second.plan).toMatchObject({ outcome: "hit", candidates: [{ reason: "prefix" }, {}, {}, {}] });
		expect(second.deployment).toBe(first.deployment);
		expect(second.ticket.predictedReadTokens).toBeGreaterThan(9_000);
	}
});

test("before the note has come the other replica knows nothing, and its own does not come back", () => {
	const two = replicas({ deployments: ["a", "b"] });
	two.a.serve(two.a.request(turnOf("s", 1), { session: "s" }), two.now, 1);
	two.pass(DELAY_MS - 1);
	expect(two.b.router.plan(two.b.request(turnOf("s", 2), { session: "s" }), two.now).outcome).toBe("new");
	expect(two.b.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
	two.pass(1);
	expect(two.b.router.memory().entries).toBe(two.a.router.memory().entries);
	expect(two.b.router.memory().conversations).toBe(1);
	two.pass(MINUTE);
	expect(two.a.router.memory().conversations).toBe(1);
});

test("a disproof on one replica removes what the other believed", () => {
	const two = replicas({ deployments: ["a"] });
	two.a.serve(two.a.request(turnOf("s", 3), { session: "s" }), two.now, 1);
	two.pass(DELAY_MS);
	two.a.provider.clear();
	const next = two.b.request(turnOf("s", 4), { session: "s" });
	const sent = two.b.send(next, two.now);
	expect(sent.ticket.predictedReadTokens).toBeGreaterThan(0);
	two.pass(DELAY_MS);
	two.b.router.started(sent.ticket, UNKNOWN, two.now);
	two.b.router.settled(
		sent.ticket,
		{ inputTokens: sent.usage.cacheWriteTokens, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 1 },
		two.now,
	);
	two.pass(DELAY_MS);
	const again = two.a.router.plan(two.a.request(turnOf("s", 4), { session: "s" }), two.now);
	expect(again.candidates[0]?.predictedReadTokens).toBe(0);
});

test("a burst over two replicas follows its leader, and is released by its first event", () => {
	const two = replicas({ deployments: ["a", "b", "c"] });
	const leader = two.a.send(two.a.request(own("shared"), { session: "one" }), two.now);
	two.pass(DELAY_MS);
	const { hold } = two.b.router.plan(two.b.request(own("shared"), { session: "two" }), two.now);
	expect(hold).toMatchObject({ reason: "leader", deployment: { id: leader.deployment } });
	let released = 0;
	if (hold !== null) {
		two.b.router.onRelease(hold, () => {
			released += 1;
		});
	}
	two.pass(SECOND);
	expect(released).toBe(0);
	leader.start(two.now);
	two.pass(DELAY_MS);
	expect(released).toBe(1);
	const follower = two.b.send(two.b.request(own("shared"), { session: "two" }), two.now);
	expect(follower.deployment).toBe(leader.deployment);
	expect(follower.usage.cacheReadTokens).toBeGreaterThan(10_000);
});

test("what a failed attempt was writing is no longer waited for", () => {
	const two = replicas({ deployments: ["a", "b"] });
	const leader = two.a.send(two.a.request(own("shared")), two.now);
	two.pass(DELAY_MS);
	expect(two.b.router.plan(two.b.request(own("shared")), two.now).hold?.reason).toBe("leader");
	two.a.router.failed(leader.ticket, { kind: "connect", status: null, retryAfterMs: null }, two.now);
	two.pass(DELAY_MS);
	expect(two.b.router.plan(two.b.request(own("shared")), two.now).hold).toBeNull();
	expect(two.b.router.memory().entries).toBe(0);
});

test("a cool-down and a quarantine on one replica hold on the other, until it serves again", () => {
	const two = replicas({ deployments: ["a", "b"] });
	const failed = two.a.send(two.a.request(own("s")), two.now, at("a"));
	two.a.router.failed(failed.ticket, { kind: "status", status: 529, retryAfterMs: 20 * SECOND }, two.now);
	const refused = two.a.send(two.a.request(own("t")), two.now, at("b"));
	two.a.router.failed(refused.ticket, { kind: "status", status: 401, retryAfterMs: null }, two.now);
	two.pass(DELAY_MS);
	const plan = two.b.router.plan(two.b.request(own("u")), two.now);
	expect(plan.excluded.map(({ deployment: { id }, why }) => [id, why])).toEqual([
		["a", "cooldown"],
		["b", "quarantine"],
	]);
	two.pass(MINUTE + SECOND);
	const trial = two.b.send(two.b.request(own("v")), two.now, at("b"));
	trial.start(two.now);
	two.pass(DELAY_MS);
	const [, b] = two.a.router.deployments();
	expect(b).toMatchObject({ quarantineUntil: 0, onTrial: false });
});

test("limits are mirrored: what one replica sent, the other counts", () => {
	const limited = ["a", "b"].map((id) => deployment(id, { itpm: 20_000 }));
	const two = replicas({ deployments: limited });
	const first = two.a.send(two.a.request(own("s")), two.now);
	expect(idsOf(two.b.router.plan(two.b.request(own("t")), two.now))).toContain(first.deployment);
	two.pass(DELAY_MS);
	expect(idsOf(two.b.router.plan(two.b.request(own("t")), two.now))).not.toContain(first.deployment);
	// It was refused before it was counted: all of it is there again.
	two.a.router.failed(first.ticket, { kind: "connect", status: 503, retryAfterMs: 1 }, two.now);
	two.pass(SECOND);
	expect(idsOf(two.b.router.plan(two.b.request(own("t")), two.now))).toContain(first.deployment);
});

test("a 429 on one replica empties the other's mirror as well", () => {
	const two = replicas({ deployments: [deployment("a", { itpm: 100_000 }), deployment("b", { itpm: 100_000 })] });
	const sent = two.a.send(two.a.request(own("s")), two.now, at("a"));
	two.a.router.failed(sent.ticket, { kind: "status", status: 429, retryAfterMs: 5 * SECOND }, two.now);
	two.pass(DELAY_MS);
	const excluded = (now: number) => two.b.router.plan(two.b.request(own("t")), now).excluded;
	expect(excluded(two.now)).toMatchObject([{ deployment: { id: "a" }, why: "limit" }]);
	expect(excluded(two.now)[0]?.until).toBe(two.now - DELAY_MS + 5 * SECOND);
});

test("limits that an answer reported hold on the other replica too", () => {
	const limits = {
		requests: null,
		inputTokens: { limit: 50_000, remaining: 1_000, resetAt: START + MINUTE },
		outputTokens: null,
		tokens: null,
		unified: null,
	};
	const identityOf = () => ({ organization: "org", workspace: "ws", limits });
	const two = replicas({ deployments: ["a"], identityOf });
	two.a.send(two.a.request(own("s")), two.now).start(two.now);
	two.pass(DELAY_MS);
	const plan = two.b.router.plan(two.b.request(own("t")), two.now);
	expect(plan.excluded).toMatchObject([{ deployment: { id: "a" }, why: "limit" }]);
});

test("recent load is seen: new conversations spread over both replicas' work", () => {
	const two = replicas({ deployments: ["a", "b", "c", "d"] });
	const used: string[] = [];
	for (let nth = 0; nth < 16; nth += 1) {
		const world = nth % 2 === 0 ? two.a : two.b;
		used.push(world.serve(world.request(own(`${nth}`), { session: `${nth}` }), two.now, 1).deployment);
		two.pass(DELAY_MS);
	}
	for (const id of ["a", "b", "c", "d"]) expect(used.filter((each) => each === id).length).toBe(4);
});

test("who a deployment belongs to is learned from the other's answers: two keys of one workspace share a cache", () => {
	const domainOf = () => "one workspace";
	const identityOf = () => ({ organization: "org", workspace: "ws" });
	const two = replicas({ deployments: ["a", "b"], domainOf, identityOf });
	for (const id of ["a", "b"]) two.a.send(two.a.request(own(id)), two.now, at(id)).start(two.now);
	two.pass(DELAY_MS);
	const [a, b] = two.b.router.deployments();
	expect(a?.organization).toBe("org");
	expect([a, b].map((each) => each && two.b.router.cacheDomainOf(each))).toEqual([
		"anthropic/org/ws",
		"anthropic/org/ws",
	]);
	const plan = two.b.router.plan(two.b.request(own("a")), two.now);
	expect(plan.candidates.map((each) => each.predictedReadTokens > 0)).toEqual([true, true]);
});

test("a diversion is known on the other replica, which brings the conversation home", () => {
	const two = replicas({ deployments: ["a", "b"] });
	const first = two.a.serve(two.a.request(turnOf("s", 1), { session: "s" }), two.now, 1);
	two.pass(DELAY_MS);
	const other = two.a.send(two.a.request(own("t")), two.now, at(first.deployment));
	two.a.router.failed(other.ticket, { kind: "status", status: 429, retryAfterMs: 20 * SECOND }, two.now);
	const away = two.a.serve(two.a.request(turnOf("s", 2), { session: "s" }), two.now, 1);
	expect(away.plan.divertedFrom?.deployment.id).toBe(first.deployment);
	two.pass(30 * SECOND);
	const home = two.b.send(two.b.request(turnOf("s", 3), { session: "s" }), two.now);
	expect(home).toMatchObject({ deployment: first.deployment, plan: { candidates: [{ reason: "returned" }, {}] } });
	expect(home.ticket.predictedReadTokens).toBeGreaterThan(9_000);
});

test("notes of deployments that this configuration lacks, and of times gone by, change nothing", () => {
	const two = replicas({ deployments: ["a"] });
	const [sender] = two.joined;
	const spot = { domain: { name: "anthropic/no/body", deployment: "z" }, variant: 1, high: 1, low: 1 };
	const belief = { ttl: "5m", tokens: 10, exact: true, requestedAt: two.now } as const;
	sender?.publish({ kind: "held", spot, belief });
	const here = { ...spot, domain: { name: null, deployment: "a" } };
	sender?.publish({ kind: "held", spot: here, belief: { ...belief, requestedAt: two.now - 6 * MINUTE } });
	sender?.publish({ kind: "recovered", deployment: "z" });
	sender?.publish({ kind: "ended", attempt: 99, load: 5, actual: null, refused: null, limits: null });
	two.pass(DELAY_MS);
	expect(two.b.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
});
