// The last resort: which refused keys are asked again, and not by everybody at once.
import { expect, test } from "vitest";
import { createWorld, deployment, turnOf, type World } from "./__fixtures__/world.ts";
import type { Plan } from "./decision.ts";
import type { AttemptFailure } from "./deployment.ts";

const SECOND = 1_000;
const REFUSED: AttemptFailure = { kind: "status", status: 401, retryAfterMs: null, scope: "credential" };
const SPENT: AttemptFailure = { kind: "status", status: 400, retryAfterMs: null, scope: "account", lasting: true };

const lastOf = (plan: Plan) => plan.lastResort.map((each) => each.deployment.id);
const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id);
const at = (id: string) => (plan: Plan) =>
	[...plan.candidates, ...plan.lastResort].find((each) => each.deployment.id === id);

function planAt(world: World, now: number): Plan {
	return world.router.plan(world.request(turnOf("any", 1)), now);
}

function fail(world: World, id: string, failure: AttemptFailure, now = 0): void {
	world.router.failed(world.send(world.request(turnOf("any", 1)), now, at(id)).ticket, failure, now);
}

test("a healthy key comes first, and refused ones after it", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	fail(world, "a", REFUSED);
	const plan = planAt(world, SECOND);
	expect([idsOf(plan), lastOf(plan)]).toEqual([["b"], ["a"]]);
});

test("while one request asks a refused key, another one with a healthy key does not", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	fail(world, "a", REFUSED);
	const probe = world.send(world.request(turnOf("s", 1)), SECOND, at("a"));
	expect(lastOf(planAt(world, SECOND))).toEqual([]);
	world.router.failed(probe.ticket, REFUSED, 2 * SECOND);
	expect(lastOf(planAt(world, 2 * SECOND))).toEqual(["a"]);
});

test("with nobody else left, others are asked before the one that is being asked, and that one rather than nobody", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	for (const id of ["a", "b"]) fail(world, id, REFUSED);
	world.send(world.request(turnOf("s", 1)), SECOND, at("a"));
	expect(lastOf(planAt(world, SECOND))).toEqual(["b"]);
	world.send(world.request(turnOf("t", 1)), 2 * SECOND, at("b"));
	expect(lastOf(planAt(world, 2 * SECOND))).toEqual(["a"]);
});

test("an aborted or answered request asks no longer", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	fail(world, "a", REFUSED);
	const aborted = world.send(world.request(turnOf("s", 1)), SECOND, at("a"));
	world.router.failed(aborted.ticket, { kind: "abort", status: null, retryAfterMs: null }, SECOND);
	expect(lastOf(planAt(world, SECOND))).toEqual(["a"]);
	world.send(world.request(turnOf("s", 1)), 2 * SECOND, at("a")).start(3 * SECOND);
	expect(idsOf(planAt(world, 3 * SECOND)).sort()).toEqual(["a", "b"]);
});

test("three at most are asked by one request, those that waited longest first", () => {
	const ids = ["a", "b", "c", "d", "e"];
	const world = createWorld({ deployments: ids });
	for (const id of ids) fail(world, id, REFUSED);
	const first = lastOf(planAt(world, SECOND));
	expect(first).toHaveLength(3);
	for (const [nth, id] of first.entries()) fail(world, id, REFUSED, (nth + 2) * SECOND);
	const second = lastOf(planAt(world, 6 * SECOND));
	expect(second.slice(0, 2).sort()).toEqual(ids.filter((id) => !first.includes(id)));
});

test("those that are asked within one millisecond take turns too", () => {
	const ids = ["a", "b", "c", "d", "e"];
	const world = createWorld({ deployments: ids });
	for (const id of ids) fail(world, id, REFUSED);
	const asked = new Map(ids.map((id) => [id, 0]));
	for (let round = 0; round < 5; round += 1) {
		for (const id of lastOf(planAt(world, SECOND))) {
			fail(world, id, REFUSED, SECOND);
			asked.set(id, (asked.get(id) ?? 0) + 1);
		}
		expect(Math.max(...asked.values()) - Math.min(...asked.values())).toBeLessThanOrEqual(1);
	}
});

test("deployments of one key are asked once, and so are the keys of one spent account", () => {
	const credentials = { apiKey: null, apiBase: "http://same.test", extra: {} };
	const keys = ["a", "b"].map((id) => deployment(id, { credentials }));
	const world = createWorld({ deployments: [...keys, deployment("c")] });
	fail(world, "a", REFUSED);
	expect(lastOf(planAt(world, SECOND))).toHaveLength(1);
	const identityOf = () => ({ organization: "org", workspace: null });
	const account = createWorld({ deployments: ["a", "b", "c"], identityOf });
	for (const id of ["a", "b", "c"]) account.send(account.request(turnOf(id, 1)), 0, at(id)).start(1);
	fail(account, "a", SPENT, 2);
	expect(idsOf(planAt(account, SECOND))).toEqual([]);
	expect(lastOf(planAt(account, SECOND))).toHaveLength(1);
});
