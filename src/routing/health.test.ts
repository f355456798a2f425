// Failures, recovery and slowness: what takes a deployment out, for how long, and how it comes back.
import { expect, test } from "vitest";
import { DEFAULTS } from "../config/__fixtures__/defaults.ts";
import type { ErrorClass } from "../config/schema.ts";
import { createWorld, deployment, turnOf, UNKNOWN, type World } from "./__fixtures__/world.ts";
import type { Plan } from "./decision.ts";
import type { AttemptFailure } from "./deployment.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id);
const at = (id: string) => (plan: Plan) => plan.candidates.find((each) => each.deployment.id === id);

function status(code: number, more: Partial<AttemptFailure> = {}): AttemptFailure {
	return { kind: "status", status: code, retryAfterMs: null, ...more };
}

/** Fails once at `a`. */
function fail(world: World, failure: AttemptFailure, now: number): void {
	const sent = world.send(world.request(turnOf("any", 1)), now, at("a"));
	world.router.failed(sent.ticket, failure, now);
}

function cooledDown(world: World, now: number): boolean {
	return (world.router.deployments()[0]?.cooldownUntil ?? 0) > now;
}

test("allowed failures within a minute have no consequence, and one more cools down", () => {
	const world = createWorld({ deployments: ["a", "b"], failures: { allowedFails: 2 } });
	for (const now of [0, 20 * SECOND]) fail(world, status(500), now);
	expect(cooledDown(world, 20 * SECOND)).toBe(false);
	for (const now of [70, 71, 72]) fail(world, status(503), now * SECOND);
	expect(cooledDown(world, 72 * SECOND)).toBe(true);
});

test.each([
	["timeout", { kind: "timeout", status: null, retryAfterMs: null }, 3],
	["internalServer", status(500), 1],
	["rateLimit", status(429, { retryAfterMs: SECOND }), 2],
	["authentication", status(401), 1],
] as const)(
	"the policy for %s wins over the common number",
	(name: ErrorClass, failure: AttemptFailure, allowed: number) => {
		const allowedFailsPolicy = { ...DEFAULTS.failures.allowedFailsPolicy, [name]: allowed };
		const world = createWorld({ deployments: ["a", "b"], failures: { allowedFails: 0, allowedFailsPolicy } });
		const isOut = () => world.router.plan(world.request(turnOf("any", 1)), 0).excluded.length > 0;
		for (let nth = 0; nth < allowed; nth += 1) fail(world, failure, 0);
		expect(isOut()).toBe(false);
		fail(world, failure, 0);
		expect(isOut()).toBe(true);
	},
);

test("allowed failures do not overrule an upstream that names its own wait", () => {
	const world = createWorld({ deployments: ["a", "b"], failures: { allowedFails: 100 } });
	fail(world, status(429, { retryAfterMs: 7 * SECOND }), 0);
	expect(cooledDown(world, 6 * SECOND)).toBe(true);
});

test("with cool-downs disabled nothing is taken out", () => {
	const world = createWorld({ deployments: ["a", "b"], failures: { disableCooldowns: true } });
	for (const code of [500, 429, 401, 529]) fail(world, status(code), 0);
	expect(world.router.plan(world.request(turnOf("s", 1)), 0).excluded).toEqual([]);
});

test("a spent budget takes out all of its organisation for long, and nobody else", () => {
	const world = createWorld({
		deployments: ["a", "b", "c"],
		identityOf: (id) => (id === "c" ? UNKNOWN : { organization: "org", workspace: id }),
	});
	for (const id of ["a", "b", "c"]) world.send(world.request(turnOf(id, 1)), 0, at(id)).start(10);
	fail(world, status(429, { lasting: true }), SECOND);
	const plan = world.router.plan(world.request(turnOf("s", 1)), 10 * MINUTE);
	expect(idsOf(plan)).toEqual(["c"]);
	expect(plan.excluded.map(({ why }) => why)).toEqual(["account", "account"]);
});

test("after a cool-down one request at a time tries the deployment, until one succeeds", () => {
	const world = createWorld({ deployments: [deployment("a", { order: 1 }), deployment("b", { order: 2 })] });
	const request = world.request(turnOf("s", 1));
	fail(world, status(500), 0);
	expect(idsOf(world.router.plan(request, SECOND))).toEqual(["b"]);
	const trial = world.send(request, 6 * SECOND);
	const meanwhile = world.router.plan(request, 7 * SECOND);
	expect(trial.deployment).toBe("a");
	expect(idsOf(meanwhile)).toEqual(["b"]);
	expect(meanwhile.excluded).toMatchObject([{ deployment: { id: "a" }, why: "cooldown", until: null }]);
	world.router.failed(trial.ticket, { kind: "abort", status: null, retryAfterMs: null }, 8 * SECOND);
	const second = world.send(request, 9 * SECOND);
	expect(second.deployment).toBe("a");
	second.start(10 * SECOND);
	expect(idsOf(world.router.plan(request, 11 * SECOND))).toEqual(["a", "b"]);
});

test("a deployment that is alone is asked though it is on trial", () => {
	const world = createWorld({ deployments: ["a"] });
	fail(world, status(500), 0);
	world.send(world.request(turnOf("s", 1)), 6 * SECOND);
	const plan = world.router.plan(world.request(turnOf("t", 1)), 7 * SECOND);
	expect(plan.candidates).toMatchObject([{ deployment: { id: "a" }, reason: "last_resort" }]);
});

/** Some answers of each of a to d; those of `slow` begin late. */
function answers(world: World, slow: string, when: { from: number; slowMs: number }): void {
	for (let nth = 0; nth < 5; nth += 1) {
		for (const id of ["a", "b", "c", "d"]) {
			const now = when.from + nth * SECOND;
			const sent = world.send(world.request(turnOf(`${id} ${nth}`, 1)), now, at(id));
			sent.start(now + (id === slow ? when.slowMs : 800));
			sent.settle(now + (id === slow ? when.slowMs : 800));
		}
	}
}

test("a deployment that answers late gets no new conversations until the memory of it fades", () => {
	const world = createWorld({ deployments: ["a", "b", "c", "d"] });
	answers(world, "a", { from: 0, slowMs: 20 * SECOND });
	const place = (nth: number, now: number) =>
		world.serve(world.request(turnOf(`new ${nth}`, 1, { project: `${nth}` }), { session: `${nth}` }), now).deployment;
	const soon = Array.from({ length: 12 }, (_, nth) => place(nth, 30 * SECOND + nth));
	expect(soon).not.toContain("a");
	const later = Array.from({ length: 12 }, (_, nth) => place(100 + nth, 4 * MINUTE + nth));
	expect(later).toContain("a");
});

test("a warm home is left for a while only if its slowness costs more than moving", () => {
	for (const [slowMs, why] of [
		[4 * SECOND, undefined],
		[90 * SECOND, "slow"],
	] as const) {
		const world = createWorld({ deployments: ["a", "b", "c", "d"] });
		const home = world.send(world.request(turnOf("s", 1), { session: "s" }), 100 * SECOND, at("a"));
		home.start(100 * SECOND + 300);
		answers(world, "a", { from: 101 * SECOND, slowMs });
		const plan = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 200 * SECOND);
		expect(plan.divertedFrom?.why).toBe(why);
		expect(idsOf(plan)).toHaveLength(4);
		expect(plan.candidates[0]?.deployment.id === "a").toBe(why === undefined);
	}
});

test("no factor, no slowness", () => {
	const world = createWorld({ deployments: ["a", "b", "c", "d"], failures: { slowFactor: null } });
	answers(world, "a", { from: 0, slowMs: 90 * SECOND });
	const placed = Array.from({ length: 12 }, (_, nth) => {
		return world.serve(world.request(turnOf(`${nth}`, 1, { project: `${nth}` }), { session: `${nth}` }), MINUTE + nth);
	});
	expect(placed.map((sent) => sent.deployment)).toContain("a");
});

test("an answer that still runs since before a failure does not keep the deployment on trial", () => {
	const world = createWorld({ deployments: [deployment("a", { order: 1 }), deployment("b", { order: 2 })] });
	fail(world, status(500), 0);
	const long = world.send(world.request(turnOf("long", 1)), 6 * SECOND);
	long.start(7 * SECOND);
	fail(world, status(500), 8 * SECOND);
	expect(idsOf(world.router.plan(world.request(turnOf("s", 1)), 14 * SECOND))).toEqual(["a", "b"]);
});
