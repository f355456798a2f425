// What the router knows of a prompt.
import { expect, test } from "vitest";
import { syntheticTrace } from "./__fixtures__/synthetic-trace.ts";
import { outlineOf } from "./outline.ts";
import { collectTrace } from "./trace.ts";
import { createWorkload, type ReplayRequest } from "./workload.ts";

async function turns(): Promise<readonly ReplayRequest[]> {
	const trace = await collectTrace("t", syntheticTrace({ sessions: 1, turns: 3, gapSeconds: 20, seed: 1 }));
	return createWorkload(trace, { density: 2, head: "own", sessionsPerHour: 60, model: null, seed: 1 }).requests;
}

test("a turn's chain begins with the chain of the turn before it", async () => {
	const requests = (await turns()).filter(({ copy }) => copy === 0).map(outlineOf);
	const [first, second] = requests;
	if (first === undefined || second === undefined) throw new Error("no turns");
	expect(second.chain.count).toBe(first.chain.count + 1);
	expect(second.chain.high.subarray(0, first.chain.count)).toEqual(first.chain.high);
	expect(second.chain.low.subarray(0, first.chain.count)).toEqual(first.chain.low);
	expect(second.openingKey).toBe(first.openingKey);
});

test("fingerprints are 52-bit whole numbers, different for different prefixes and copies", async () => {
	const chains = (await turns()).map((request) => outlineOf(request).chain);
	const all = new Set(chains.flatMap(({ high, low }) => [...high].map((each, at) => `${each} ${low[at]}`)));
	// Tools and system once, then three messages in each of two copies.
	expect(all.size).toBe(2 + 2 * 3);
	for (const { high, low } of chains) {
		for (const each of [...high, ...low]) expect(Number.isSafeInteger(each) && each >= 0 && each < 2 ** 52).toBe(true);
	}
});

test("breakpoints stand at the end of the system part and of the prompt, for five minutes", async () => {
	for (const outline of (await turns()).map(outlineOf)) {
		expect(outline.breakpoints).toEqual([
			{ block: 1, ttl: "5m" },
			{ block: outline.chain.count - 1, ttl: "5m" },
		]);
	}
});
