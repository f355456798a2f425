// Conversations through a router over fake providers: who stays where, and what is believed afterwards.
import { expect, test } from "vitest";
import { marked, messages } from "../cache/__fixtures__/prompt.ts";
import { MESSAGES_LEVEL, OTHER_KIND } from "../cache/index.ts";
import { Kind, Level } from "../prompt/outline.ts";
import { createWorld, deployment, type Sent, turnOf } from "./__fixtures__/world.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const SIX = ["a", "b", "c", "d", "e", "f"];

test("the levels and kinds that cache/ assumes are those of an outline", () => {
	expect([MESSAGES_LEVEL, OTHER_KIND]).toEqual([Level.messages, Kind.other]);
});

test("a nine-turn session over six deployments stays on the first one and reads its whole past", () => {
	const world = createWorld({ deployments: SIX });
	const served: Sent[] = [];
	for (let turn = 1; turn <= 9; turn += 1) {
		served.push(world.serve(world.request(turnOf("s", turn), { session: "s" }), turn * 20 * SECOND));
	}
	expect(new Set(served.map((sent) => sent.deployment)).size).toBe(1);
	expect(served.map((sent) => sent.plan.outcome)).toEqual(["new", ...Array<string>(8).fill("hit")]);
	for (const sent of served) expect(sent.ticket.predictedReadTokens).toBe(sent.usage.cacheReadTokens);
});

test("sixteen interleaved conversations each stay on one deployment, and spread", () => {
	const run = (deployments: string[]) => {
		const world = createWorld({ deployments });
		const served: { name: string; sent: Sent }[] = [];
		for (let turn = 1; turn <= 12; turn += 1) {
			for (let who = 0; who < 16; who += 1) {
				const name = `conversation ${who}`;
				const now = turn * 30 * SECOND + who * 1_700;
				served.push({ name, sent: world.serve(world.request(turnOf(name, turn), { session: name }), now) });
			}
		}
		return served;
	};
	const four = run(["a", "b", "c", "d"]);
	const one = run(["a"]);
	const reads = (served: typeof four) => served.reduce((sum, { sent }) => sum + sent.usage.cacheReadTokens, 0);
	const homes = Map.groupBy(four, ({ name }) => name);
	for (const own of homes.values()) expect(new Set(own.map(({ sent }) => sent.deployment)).size).toBe(1);
	expect(reads(four)).toBeGreaterThanOrEqual(0.97 * reads(one));
	const counts = [...Map.groupBy(four, ({ sent }) => sent.deployment).values()].map((own) => own.length);
	expect(Math.max(...counts)).toBeLessThanOrEqual((1.5 * four.length) / 4);
	console.log(counts, reads(four) / reads(one));
});
