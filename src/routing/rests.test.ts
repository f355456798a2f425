// What rests of a deployment while the rest of it goes on, on the router that met the failure and on one that received the note. Leaves whole
// deployments to health.test.ts, and which error is about what to the providers.
import { describe, expect, test } from "vitest";
import { marked, messages } from "../cache/__fixtures__/prompt.ts";
import { DELAY_MS, replicas, START } from "./__fixtures__/replicas.ts";
import { deployment, turnOf, type World } from "./__fixtures__/world.ts";
import type { Plan, RouteRequest } from "./decision.ts";
import type { AttemptFailure } from "./deployment.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const LONG_BETA = "context-1m-2025-08-07";

type Ask = (world: World) => RouteRequest;
const at = (id: string) => (plan: Plan) =>
	[...plan.candidates, ...plan.lastResort].find((each) => each.deployment.id === id);

/** A request for one model of the wildcard. */
const plain =
	(model: string): Ask =>
	(world) =>
		world.request(turnOf("any", 1), { wildcard: model, model });
const counting: Ask = (world) => ({ ...plain("sonnet-4-5")(world), counts: true });
const fast: Ask = (world) => {
	const request = plain("opus-5")(world);
	return { ...request, outline: { ...request.outline, variant: "speed=fast" } };
};
const long: Ask = (world) => {
	const blocks = marked(messages("long", 260, 1_000), [-1]);
	return world.request(blocks, { wildcard: "sonnet-4-5", model: "sonnet-4-5" });
};
const withBeta: Ask = (world) => ({ ...plain("sonnet-4-5")(world), betas: LONG_BETA });

function status(code: number, more: Partial<AttemptFailure>): AttemptFailure {
	return { kind: "status", status: code, retryAfterMs: null, reason: "in plain words", ...more };
}

const WAIT = { retryAfterMs: 40 * SECOND };
const wildcards = () => ["a", "b"].map((id, nth) => deployment(id, { upstreamModel: "claude-*", order: nth + 1 }));

interface Kind {
	readonly failure: AttemptFailure;
	readonly rests: Ask;
	readonly why: "limit" | "barred";
	readonly goesOn: readonly Ask[];
	readonly ms: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
	"a model that the key may not use": {
		failure: status(403, { scope: "model" }),
		rests: plain("opus-5"),
		why: "barred",
		goesOn: [plain("sonnet-4-5"), plain("haiku-4-5")],
		ms: MINUTE,
	},
	"a model that is not there": {
		failure: status(404, { scope: "model", errorClass: "notFound", lasting: true }),
		rests: plain("opus-5"),
		why: "barred",
		goesOn: [plain("sonnet-4-5"), plain("opus-4-8")],
		ms: 15 * MINUTE,
	},
	"a limit of a model": {
		failure: status(429, { scope: "model", ...WAIT }),
		rests: plain("opus-5"),
		why: "limit",
		goesOn: [plain("sonnet-4-5"), counting],
		ms: 40 * SECOND,
	},
	"a limit of counting tokens": {
		failure: status(429, { scope: "model", ...WAIT }),
		rests: counting,
		why: "limit",
		goesOn: [plain("sonnet-4-5"), long],
		ms: 40 * SECOND,
	},
	"a limit of fast mode": {
		failure: status(429, { scope: "class", requestClass: "fast", ...WAIT }),
		rests: fast,
		why: "limit",
		goesOn: [plain("opus-5"), long],
		ms: 40 * SECOND,
	},
	"a limit of long prompts": {
		failure: status(429, { scope: "class", requestClass: "long_context", ...WAIT }),
		rests: long,
		why: "limit",
		goesOn: [plain("sonnet-4-5"), plain("opus-5"), withBeta],
		ms: 40 * SECOND,
	},
	"the beta for long prompts, which is not included": {
		failure: status(400, { scope: "class", requestClass: "long_context", lasting: true }),
		rests: withBeta,
		why: "barred",
		goesOn: [plain("sonnet-4-5"), plain("opus-5")],
		ms: 15 * MINUTE,
	},
};

describe.each(Object.entries(KINDS))("%s", (_name, { failure, rests, goesOn, why, ms }) => {
	/** Two replicas, of which the first has met the failure at `a`. */
	function met() {
		const two = replicas({ deployments: wildcards() });
		const failed = two.a.send(rests(two.a), two.now, at("a"));
		two.a.router.failed(failed.ticket, failure, two.now);
		two.pass(DELAY_MS);
		return two;
	}

	test("it rests for as long as was said, and on a replica that received the note just so", () => {
		const two = met();
		for (const world of two.worlds) {
			const plan = world.router.plan(rests(world), two.now);
			expect(plan.candidates.map((each) => each.deployment.id)).toEqual(["b"]);
			expect(plan.excluded).toMatchObject([
				{ deployment: { id: "a" }, why, until: START + ms, reason: "in plain words" },
			]);
		}
		two.pass(ms);
		for (const world of two.worlds)
			expect(world.router.plan(rests(world), two.now).candidates[0]?.deployment.id).toBe("a");
	});

	test("what it is not about goes on", () => {
		const two = met();
		for (const world of two.worlds) {
			for (const ask of goesOn) expect(world.router.plan(ask(world), two.now).candidates[0]?.deployment.id).toBe("a");
		}
	});

	test("an answer to such a request ends it, on both", () => {
		const two = replicas({ deployments: wildcards() });
		const early = two.b.send(rests(two.b), two.now, at("a"));
		const failed = two.a.send(rests(two.a), two.now, at("a"));
		two.a.router.failed(failed.ticket, failure, two.now);
		two.pass(DELAY_MS);
		expect(two.b.router.plan(rests(two.b), two.now).excluded).toHaveLength(1);
		early.start(two.now);
		two.pass(DELAY_MS);
		for (const world of two.worlds) expect(world.router.plan(rests(world), two.now).excluded).toEqual([]);
	});

	test("an answer to another request does not end it", () => {
		const two = met();
		const [other] = goesOn;
		if (other === undefined) throw new Error("something goes on");
		two.b.send(other(two.b), two.now, at("a")).start(two.now);
		two.pass(DELAY_MS);
		for (const world of two.worlds) expect(world.router.plan(rests(world), two.now).excluded).toMatchObject([{ why }]);
	});
});

test("a deployment of one model rests as a whole when it may not use it", () => {
	const two = replicas({ deployments: ["a", "b"] });
	const failed = two.a.send(two.a.request(turnOf("any", 1)), two.now, at("a"));
	two.a.router.failed(failed.ticket, status(403, { scope: "model" }), two.now);
	two.pass(DELAY_MS);
	for (const { router } of two.worlds)
		expect(router.deployments()[0]).toMatchObject({ cooldownUntil: START + MINUTE, barred: true });
});

test("what an account is out of rests with all of its keys, until the date that was named, and heals by one success", () => {
	const identityOf = (id: string) => ({ organization: id === "c" ? "other" : "org", workspace: id });
	const two = replicas({ deployments: ["a", "b", "c"], identityOf });
	const ask = (world: World) => world.request(turnOf("any", 1));
	for (const id of ["a", "b", "c"]) two.a.send(ask(two.a), two.now, at(id)).start(two.now);
	two.pass(DELAY_MS);
	const failed = two.a.send(ask(two.a), two.now, at("a"));
	const since = two.now;
	const spent = status(400, { scope: "account", lasting: true, retryAfterMs: 3 * DAY });
	two.a.router.failed(failed.ticket, spent, two.now);
	two.pass(2 * DAY);
	for (const world of two.worlds) {
		const plan = world.router.plan(ask(world), two.now);
		expect(plan.candidates.map((each) => each.deployment.id)).toEqual(["c"]);
		expect(plan.excluded).toMatchObject([
			{ why: "account", until: since + 3 * DAY },
			{ why: "account", until: since + 3 * DAY },
		]);
	}
	const plan = two.b.router.plan(ask(two.b), two.now);
	const [candidate] = plan.lastResort;
	if (candidate === undefined) throw new Error("the account is asked again as a last resort");
	const ticket = two.b.router.dispatched(plan, candidate, two.now);
	two.b.router.started(ticket, identityOf(candidate.deployment.id), two.now);
	two.pass(DELAY_MS);
	for (const { router } of two.worlds)
		expect(router.deployments().find(({ id }) => id === candidate.deployment.id)?.cooldownUntil).toBe(0);
});

test("a failure that is one request's own has no consequence on any replica", () => {
	const two = replicas({ deployments: wildcards() });
	for (const code of [400, 403, 404, 413, 429]) {
		const failed = two.a.send(fast(two.a), two.now, at("a"));
		two.a.router.failed(failed.ticket, status(code, { scope: "request" }), two.now);
	}
	two.pass(DELAY_MS);
	const whys = two.b.router.plan(fast(two.b), two.now).excluded.map((each) => each.why);
	expect(whys).toEqual([]);
});

test("a rest of a deployment that this configuration lacks, or that has passed, changes nothing", () => {
	const two = replicas({ deployments: wildcards() });
	const [sender] = two.joined;
	const note = { kind: "rest", part: "model claude-opus-5", tokens: 0, limited: false, reason: "" } as const;
	sender?.publish({ ...note, deployment: "z", until: two.now + MINUTE });
	sender?.publish({ ...note, deployment: "a", until: two.now - MINUTE });
	two.pass(DELAY_MS);
	expect(two.b.router.plan(plain("opus-5")(two.b), two.now).excluded).toEqual([]);
});
