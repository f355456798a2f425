// Deployments that the operator lets run empty.
import { expect, test } from "vitest";
import { createWorld, deployment, turnOf } from "./__fixtures__/world.ts";

const MINUTE = 60_000;

test("a draining deployment keeps the conversations at home there and gets no new ones", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const home = world.serve(world.request(turnOf("old", 1), { session: "old" }), 0).deployment;
	expect(world.router.setDraining(home, true)).toBe(true);
	for (let at = 0; at < 10; at += 1) {
		const fresh = world.serve(world.request(turnOf(`new ${at}`, 1), { session: `new ${at}` }), 1_000 + at * 2_000);
		expect(fresh.deployment).not.toBe(home);
		expect(fresh.plan.excluded).toContainEqual(expect.objectContaining({ why: "draining", until: null }));
	}
	expect(world.serve(world.request(turnOf("old", 2), { session: "old" }), 30_000).deployment).toBe(home);
});

test("a home moves when what was cached there has expired, and does not come back after the deployment is taken back", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	const home = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0).deployment;
	world.router.setDraining(home, true);
	const moved = world.serve(world.request(turnOf("s", 2), { session: "s" }), 6 * MINUTE).deployment;
	expect(moved).not.toBe(home);
	world.router.setDraining(home, false);
	expect(world.serve(world.request(turnOf("s", 3), { session: "s" }), 7 * MINUTE).deployment).toBe(moved);
});

test("where another deployment reads the same cache, conversations go there at once", () => {
	const deployments = ["a", "b"].map((id) => deployment(id, { cacheDomain: "shared" }));
	const world = createWorld({ deployments });
	const home = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0).deployment;
	world.router.setDraining(home, true);
	const next = world.serve(world.request(turnOf("s", 2), { session: "s" }), 5_000);
	expect(next.deployment).not.toBe(home);
	expect(next.plan.outcome).toBe("hit");
});

test("where all drain a new conversation is served all the same", () => {
	const world = createWorld({ deployments: ["a", "b"] });
	for (const id of ["a", "b"]) world.router.setDraining(id, true);
	const sent = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	expect(sent.plan.candidates[0]?.reason).toBe("last_resort");
});

test("without affinity nothing goes to a draining deployment, a reload changes nothing of it, and an unknown one is refused", () => {
	const world = createWorld({ deployments: ["a", "b"], routing: { affinity: false } });
	world.router.setDraining("a", true);
	for (let at = 0; at < 5; at += 1) {
		expect(world.serve(world.request(turnOf("s", 1)), at * 1_000).deployment).toBe("b");
	}
	expect(world.router.deployments().map(({ draining }) => draining)).toEqual([true, false]);
	expect(world.router.setDraining("nobody", true)).toBe(false);
});
