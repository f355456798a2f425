// Callers confined to cache domains: where they may go, and that what others have warm elsewhere means nothing to them.
import { expect, test } from "vitest";
import { createWorld, deployment, turnOf } from "./__fixtures__/world.ts";
import type { Plan } from "./decision.ts";

const idsOf = (plan: Plan) => plan.candidates.map((each) => each.deployment.id).sort();

test("only deployments whose domain has one of the names are candidates; the others say why they are none", () => {
	const deployments = [
		deployment("a", { cacheDomain: "team-a" }),
		deployment("b", { cacheDomain: "team-b" }),
		deployment("c"),
	];
	const world = createWorld({ deployments });
	const request = world.request(turnOf("s", 1), { session: "s" });
	const plan = world.router.plan({ ...request, allowedDomains: ["team-a"] }, 0);
	expect(idsOf(plan)).toEqual(["a"]);
	expect(plan.excluded.map(({ deployment: { id }, why }) => [id, why]).sort()).toEqual([
		["b", "domain"],
		["c", "domain"],
	]);
	expect(idsOf(world.router.plan({ ...request, allowedDomains: [] }, 0))).toEqual(["a", "b", "c"]);
	expect(idsOf(world.router.plan({ ...request, allowedDomains: ["nobody"] }, 0))).toEqual([]);
});

test("a domain whose name is learned from answers counts once it is known", () => {
	const world = createWorld({ deployments: [deployment("a")] });
	const request = { ...world.request(turnOf("s", 1)), allowedDomains: ["anthropic/org-1/ws-1"] };
	expect(idsOf(world.router.plan(request, 0))).toEqual([]);
	const open = world.router.plan(world.request(turnOf("t", 1)), 0);
	const [candidate] = open.candidates;
	if (candidate === undefined) throw new Error("no candidate");
	const ticket = world.router.dispatched(open, candidate, 0);
	world.router.started(ticket, { organization: "org-1", workspace: "ws-1" }, 1);
	expect(idsOf(world.router.plan(request, 2))).toEqual(["a"]);
});

test("what another caller has warm in a forbidden domain neither binds nor diverts", () => {
	const world = createWorld({
		deployments: [deployment("a", { cacheDomain: "team-a" }), deployment("b", { cacheDomain: "team-b" })],
	});
	const others = world.request(turnOf("same", 1), { session: "other" });
	world.serve({ ...others, allowedDomains: ["team-b"] }, 0);
	const mine = { ...world.request(turnOf("same", 2), { session: "mine" }), allowedDomains: ["team-a"] };
	const plan = world.router.plan(mine, 1_000);
	expect(plan).toMatchObject({ outcome: "new", divertedFrom: null, hold: null });
	expect(plan.candidates[0]?.predictedReadTokens).toBe(0);
});
