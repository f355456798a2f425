// Conversations through a router over fake providers: who stays where, and what is believed afterwards.
import { expect, test } from "vitest";
import { type Block, marked, messages } from "../cache/__fixtures__/prompt.ts";
import { createWorld, deployment, head, type Sent, turnOf, type World } from "./__fixtures__/world.ts";
import type { RouteRequest } from "./decision.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const SIX = ["a", "b", "c", "d", "e", "f"];

function spread(served: readonly Sent[]): number {
	return new Set(served.map((sent) => sent.deployment)).size;
}

/** Turns of one session, `everyMs` apart from `from` on. */
function converse(world: World, session: string, options: { turns: number; from?: number; everyMs?: number }): Sent[] {
	const { turns, from = 0, everyMs = 20 * SECOND } = options;
	return Array.from({ length: turns }, (_, at) => {
		return world.serve(world.request(turnOf(session, at + 1), { session }), from + at * everyMs);
	});
}

test("a nine-turn session over six deployments stays on the first one and reads its whole past", () => {
	const served = converse(createWorld({ deployments: SIX }), "s", { turns: 9 });
	expect(spread(served)).toBe(1);
	expect(served.map((sent) => sent.plan.outcome)).toEqual(["new", ...Array<string>(8).fill("hit")]);
	expect(served.map((sent) => sent.plan.candidates[0]?.reason)).toEqual(["cold", ...Array<string>(8).fill("prefix")]);
	for (const sent of served) expect(sent.ticket.predictedReadTokens).toBe(sent.usage.cacheReadTokens);
});

test("without session ids prefixes alone keep a conversation together", () => {
	const world = createWorld({ deployments: SIX });
	const turns = Array.from({ length: 9 }, (_, at) => world.serve(world.request(turnOf("s", at + 1)), at * 20 * SECOND));
	expect(spread(turns)).toBe(1);
});

test("a fork under a new session id goes where its past is cached", () => {
	const world = createWorld({ deployments: SIX });
	const past = converse(world, "original", { turns: 5 });
	const fork = world.serve(world.request(turnOf("original", 6), { session: "fork" }), 2 * MINUTE);
	expect(fork.deployment).toBe(past[0]?.deployment);
	expect(fork.plan.outcome).toBe("hit");
});

interface Turn {
	readonly name: string;
	readonly sent: Sent;
}

function interleave(world: World, options: { conversations: number; turns: number; everyMs: number }): Turn[] {
	const served: Turn[] = [];
	for (let turn = 1; turn <= options.turns; turn += 1) {
		for (let who = 0; who < options.conversations; who += 1) {
			const name = `conversation ${who}`;
			const now = turn * options.everyMs + (who * options.everyMs) / options.conversations;
			served.push({ name, sent: world.serve(world.request(turnOf(name, turn), { session: name }), now) });
		}
	}
	return served;
}

function countBy(values: readonly string[]): Map<string, number> {
	const counts = new Map<string, number>();
	for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
	return counts;
}

test.each([[1 * SECOND], [10 * SECOND], [30 * SECOND], [120 * SECOND]])(
	"sixteen conversations with one head, a turn every %i ms, each stay in one place, spread, and read as if there were one",
	(everyMs) => {
		const shape = { conversations: 16, turns: 12, everyMs };
		const four = interleave(createWorld({ deployments: ["a", "b", "c", "d"] }), shape);
		const one = interleave(createWorld({ deployments: ["a"] }), shape);
		const reads = (served: readonly Turn[]) => served.reduce((sum, { sent }) => sum + sent.usage.cacheReadTokens, 0);
		expect(countBy(four.map(({ name, sent }) => `${name} at ${sent.deployment}`)).size).toBe(16);
		expect(reads(four)).toBeGreaterThanOrEqual(0.97 * reads(one));
		const counts = [...countBy(four.map(({ sent }) => sent.deployment)).values()];
		expect(Math.max(...counts)).toBeLessThanOrEqual((1.5 * four.length) / 4);
	},
);

test("a burst of first requests with one prefix follows its leader, and none is promised a read", () => {
	const world = createWorld({ deployments: SIX });
	const burst = Array.from({ length: 8 }, (_, at) =>
		world.send(world.request(turnOf("s", 1), { session: `${at}` }), at),
	);
	expect(spread(burst)).toBe(1);
	for (const { ticket } of burst) expect(ticket.predictedReadTokens).toBe(0);
	burst[0]?.start(800);
	const later = world.send(world.request(turnOf("s", 1), { session: "later" }), 900);
	expect(later.deployment).toBe(burst[0]?.deployment);
	expect(later.ticket.predictedReadTokens).toBeGreaterThan(10_000);
});

test("parallel subagents of one session are conversations of their own: they share the head and do not all pile up", () => {
	const world = createWorld({ deployments: ["a", "b", "c", "d", "e", "f", "g", "h"] });
	const agents = Array.from({ length: 8 }, (_, at) => {
		return world.send(world.request(turnOf(`agent ${at}`, 1), { session: "s", agent: `${at}` }), at * 7);
	});
	const counts = countBy(agents.map((sent) => sent.deployment));
	expect(Math.max(...counts.values())).toBeLessThanOrEqual(4);
	// Each place used writes the head once: with eight places free, at most half as many writes as agents.
	expect(counts.size).toBeLessThanOrEqual(4);
});

test("a conversation aborted after its first event has left its entries", () => {
	const world = createWorld({ deployments: SIX });
	const first = world.send(world.request(turnOf("s", 1), { session: "s" }), 0);
	first.start(500);
	world.router.settled(first.ticket, null, 700);
	const second = world.send(world.request(turnOf("s", 2), { session: "s" }), 10 * SECOND);
	expect(second.deployment).toBe(first.deployment);
	expect(second.plan.outcome).toBe("hit");
	expect(second.usage.cacheReadTokens).toBeGreaterThan(0);
});

test("while a slow answer still runs, what it reads stays warm beyond its old expiry", () => {
	const world = createWorld({ deployments: SIX });
	world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const slow = world.send(world.request(turnOf("s", 2), { session: "s" }), 290 * SECOND);
	slow.start(295 * SECOND);
	const fork = world.send(world.request(turnOf("s", 1), { session: "other" }), 310 * SECOND);
	expect(fork.deployment).toBe(slow.deployment);
	expect(fork.ticket.predictedReadTokens).toBe(fork.usage.cacheReadTokens);
});

test("after expiry a conversation is a miss, and is said to be", () => {
	const world = createWorld({ deployments: SIX });
	converse(world, "s", { turns: 3 });
	const late = world.serve(world.request(turnOf("s", 4), { session: "s" }), 20 * MINUTE);
	expect(late.plan.outcome).toBe("miss");
	expect(late.ticket.predictedReadTokens).toBe(0);
});

test("after expiry an idle home is preferred, since thinking is bound to the account, but a loaded one is left", () => {
	const world = createWorld({ deployments: SIX });
	const [first] = converse(world, "s", { turns: 1 });
	const home = first?.deployment ?? "";
	const back = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 20 * MINUTE);
	expect(back.candidates[0]).toMatchObject({ reason: "session", deployment: { id: home } });
	const atHome = (plan: typeof back) => plan.candidates.find((each) => each.deployment.id === home);
	const other = world.request(turnOf("other", 40), { session: "other" });
	world.send(other, 20 * MINUTE, atHome);
	const away = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 20 * MINUTE);
	expect(away.outcome).toBe("miss");
	expect(away.candidates[0]?.deployment.id).not.toBe(home);
});

test("an hour-long entry brings a conversation home after half an hour", () => {
	const world = createWorld({ deployments: SIX });
	const first = world.serve(world.request(turnOf("s", 1, { ttl: "1h" }), { session: "s" }), 0);
	const later = world.serve(world.request(turnOf("s", 2, { ttl: "1h" }), { session: "s" }), 30 * MINUTE);
	expect(later.plan.outcome).toBe("hit");
	expect(later.deployment).toBe(first.deployment);
	expect(later.ticket.predictedReadTokens).toBe(later.usage.cacheReadTokens);
});

test("compaction keeps tools and system warm and starts a new past", () => {
	const world = createWorld({ deployments: SIX });
	const past = converse(world, "s", { turns: 6 });
	const compacted = world.serve(world.request(turnOf("s compacted", 1), { session: "s" }), 2 * MINUTE + SECOND);
	expect(compacted.plan.outcome).toBe("miss");
	expect(compacted.deployment).toBe(past[0]?.deployment);
	expect(compacted.ticket.predictedReadTokens).toBe(9_146);
	expect(compacted.usage.cacheReadTokens).toBe(9_146);
});

test("other betas are another cache", () => {
	const world = createWorld({ deployments: SIX });
	world.serve(world.request(turnOf("s", 1), { session: "s", betas: "one" }), 0);
	const plan = world.router.plan(world.request(turnOf("s", 2), { session: "s", betas: "one,two" }), MINUTE);
	expect(plan.candidates.every((each) => each.predictedReadTokens === 0)).toBe(true);
});

/** As a busy account at home looks to a conversation that is cold everywhere. */
function busy(world: World, deployment: string): void {
	for (let nth = 0; nth < 6; nth += 1) {
		const sent = world.send(world.request(turnOf(`busy ${nth}`, 8), { session: `busy ${nth}` }), SECOND, (plan) =>
			plan.candidates.find((each) => each.deployment.id === deployment),
		);
		sent.start(SECOND);
		sent.settle(SECOND);
	}
}

test.each([
	["with a session", { session: "s" }],
	["known by its prompt alone", {}],
])("home binds across a change of betas, however busy it is: a conversation %s", (_, who) => {
	const world = createWorld({ deployments: SIX });
	const first = world.serve(world.request(turnOf("s", 4), { ...who, betas: "one" }), 0);
	busy(world, first.deployment);
	for (const betas of ["one,two", "one,three", "four"]) {
		const plan = world.router.plan(world.request(turnOf("s", 5), { ...who, betas }), MINUTE);
		expect(plan.candidates[0]).toMatchObject({ deployment: { id: first.deployment }, predictedReadTokens: 0 });
	}
});

test.each([
	["5m", 6, false],
	["1h", 6, true],
	["1h", 61, false],
] as const)(
	"an edited history stays at home while what it wrote for %s may live, %i minutes on: %s",
	(ttl, age, stays) => {
		const world = createWorld({ deployments: SIX });
		const first = world.serve(world.request(turnOf("s", 20, { ttl }), { session: "s" }), 0);
		for (let nth = 0; nth < 40; nth += 1) {
			const sent = world.send(
				world.request(turnOf(`busy ${nth}`, 20), { session: `busy ${nth}` }),
				age * MINUTE,
				(plan) => plan.candidates.find((each) => each.deployment.id === first.deployment),
			);
			sent.start(age * MINUTE);
			sent.settle(age * MINUTE);
		}
		const edited = world.router.plan(
			world.request(turnOf("edited", 20, { ttl, project: "q" }), { session: "s" }),
			age * MINUTE + SECOND,
		);
		expect(edited.candidates[0]?.deployment.id === first.deployment).toBe(stays);
	},
);

test("a side request of a session is not bound to its home", () => {
	const world = createWorld({ deployments: SIX });
	const first = world.serve(world.request(turnOf("s", 30), { session: "s" }), 0);
	busy(world, first.deployment);
	const aside = world.router.plan(world.request(turnOf("aside", 1, { project: "q" }), { session: "s" }), MINUTE);
	expect(aside.candidates[0]?.deployment.id).not.toBe(first.deployment);
});

const TITLE: Block[] = messages("title", 2, 500);

test("unmarked requests have no affinity and never move a home", () => {
	const world = createWorld({ deployments: SIX });
	const [first] = converse(world, "s", { turns: 1 });
	for (let at = 0; at < 12; at += 1) {
		const title = world.serve(world.request(TITLE, { session: "s" }), SECOND * (2 + at));
		expect(title.plan).toMatchObject({
			outcome: "none",
			candidates: [{ reason: "unmarked", predictedReadTokens: 0 }, {}, {}, {}, {}, {}],
		});
	}
	const expired = world.router.plan(world.request(turnOf("s", 2), { session: "s" }), 20 * MINUTE);
	expect(expired.candidates[0]).toMatchObject({ reason: "session", deployment: { id: first?.deployment } });
});

test("unmarked requests with nothing to distinguish them do not pile up", () => {
	const random = [0.1, 0.9, 0.4, 0.7, 0.2, 0.6, 0.3, 0.8];
	const world = createWorld({ deployments: ["a", "b", "c", "d"], random: () => random.shift() ?? 0 });
	const titles = Array.from({ length: 8 }, (_, at) => world.send(world.request(TITLE), at));
	expect(Math.max(...countBy(titles.map((sent) => sent.deployment)).values())).toBe(2);
});

/** The same small prompt several times: where it is sent, and what is remembered. */
function repeat(world: World, request: RouteRequest, times: number): Sent[] {
	return Array.from({ length: times }, (_, at) => world.serve(request, at * SECOND));
}

function small(tokens: number): Block[] {
	return marked(messages("small", 5, tokens / 5), [-1]);
}

test("a prompt below the model's minimum is not bound and leaves nothing", () => {
	const deployments = SIX.map((id) => deployment(id, { upstreamModel: "claude-opus-4-6" }));
	const world = createWorld({ deployments, minimumTokens: 4_096 });
	const served = repeat(world, world.request(small(1_400), { session: "s" }), 4);
	expect(served.map((sent) => sent.plan.outcome)).toEqual(["new", "new", "new", "new"]);
	expect(world.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
});

test.each([
	["claude-opus-4-6", 4_096, 5_000],
	["claude-sonnet-4-5", 1_024, 1_400],
	["claude-opus-4-8", 1_024, 1_400],
	["claude-sonnet-5-5", 512, 750],
	["us.anthropic.claude-sonnet-4-5-20250929-v1:0", 1_024, 1_400],
])("%s, which caches from %i tokens, keeps a prompt of %i in one place", (upstreamModel, minimumTokens, tokens) => {
	const world = createWorld({ deployments: SIX.map((id) => deployment(id, { upstreamModel })), minimumTokens });
	const served = repeat(world, world.request(small(tokens), { session: "s" }), 8);
	expect(spread(served)).toBe(1);
	expect(served.slice(1).every((sent) => sent.plan.outcome === "hit")).toBe(true);
});

test("a wildcard group goes by the model that was asked for", () => {
	const deployments = SIX.map((id) => deployment(id, { group: "anthropic/*", upstreamModel: "*" }));
	const world = createWorld({ deployments, minimumTokens: 4_096 });
	const opus = repeat(world, world.request(small(1_400), { session: "s", wildcard: "claude-opus-4-6" }), 2);
	expect(opus[1]?.plan.outcome).toBe("new");
	const sonnet = world.send(world.request(small(1_400), { session: "t", wildcard: "claude-sonnet-4-5" }), MINUTE);
	expect(world.router.plan(sonnet.plan.request, MINUTE).outcome).toBe("hit");
});

test("a base model stands in for an upstream id of the operator's making", () => {
	const modelInfo = { base_model: "claude-opus-4-6" };
	const world = createWorld({ deployments: SIX.map((id) => deployment(id, { upstreamModel: "our-opus", modelInfo })) });
	world.send(world.request(small(1_400), { session: "s" }), 0);
	expect(world.router.memory().entries).toBe(0);
});

test("an upstream that reports neither reads nor writes keeps no entries, even at first believed ones", () => {
	const world = createWorld({ deployments: SIX, minimumTokens: Number.POSITIVE_INFINITY });
	const [first] = converse(world, "s", { turns: 1 });
	expect(first?.usage).toMatchObject({ cacheReadTokens: 0, cacheWriteTokens: 0 });
	expect(world.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
});

test("a read that did not happen disproves what was believed, and only there", () => {
	const world = createWorld({ deployments: SIX });
	converse(world, "s", { turns: 5 });
	world.provider.clear();
	const surprised = world.serve(world.request(turnOf("s", 6), { session: "s" }), 2 * MINUTE);
	expect(surprised.ticket.predictedReadTokens).toBeGreaterThan(10_000);
	expect(surprised.usage.cacheReadTokens).toBe(0);
	const old = world.router.plan(world.request(turnOf("s", 5), { session: "s" }), 2 * MINUTE + 2 * SECOND);
	const known = old.candidates.find((each) => each.deployment.id === surprised.deployment);
	expect(known?.predictedReadTokens).toBe(9_146);
	const next = world.serve(world.request(turnOf("s", 7), { session: "s" }), 2 * MINUTE + 20 * SECOND);
	expect(next.deployment).toBe(surprised.deployment);
	expect(next.ticket.predictedReadTokens).toBe(next.usage.cacheReadTokens);
});

test("thirty parallel tool calls on a cloud keep the home, but promise only what is in reach", () => {
	const deployments = SIX.map((id) => deployment(id, { provider: "vertex" }));
	const world = createWorld({ deployments, collapseRuns: false });
	const first = world.serve(world.request(turnOf("s", 1), { session: "s" }), 0);
	const opening = turnOf("s", 1);
	const calls = messages("use", 30).map((block): Block => ({ ...block, kind: 1 }));
	const results = messages("result", 30).map((block): Block => ({ ...block, kind: 2 }));
	const blocks = marked([...opening, ...calls, ...results], [12, 13, -1]);
	const second = world.serve(world.request(blocks, { session: "s" }), 10 * SECOND);
	expect(second.deployment).toBe(first.deployment);
	expect(second.plan.outcome).toBe("hit");
	expect(second.ticket.predictedReadTokens).toBe(second.usage.cacheReadTokens);
	expect(second.usage.cacheReadTokens).toBe(9_146);
});

test("predictions follow the tokenizer that is seen at work", () => {
	const world = createWorld({ deployments: SIX.map((id) => deployment(id, { upstreamModel: "claude-opus-5-5" })) });
	const first = world.router.plan(world.request(turnOf("s", 1), { session: "s" }), 0);
	converse(world, "other", { turns: 3 });
	const second = world.router.plan(world.request(turnOf("s", 1), { session: "s" }), MINUTE);
	const real = head().reduce((sum, block) => sum + block.tokens, 0) + 2_900;
	expect(first.promptTokens).toBeGreaterThan(1.2 * real);
	expect(Math.abs(second.promptTokens / real - 1)).toBeLessThan(0.05);
});
