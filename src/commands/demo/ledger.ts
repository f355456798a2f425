// The demo's account of every turn: what it cost, what it would have cost without caching and under random routing. The counterfactual is
// not a formula: every turn is also played against a second set of simulated caches, one deployment picked at random.

import { PromptCache } from "../../simulator/cache.ts";
import { flatten } from "../../simulator/prompt.ts";
import { readRequest } from "../../simulator/request.ts";

/** Dollars per million tokens of the demo's model, Sonnet 5.5 (prices-and-minimums §1): input, 5-minute write, read. */
const PRICE = { input: 2, write: 2.5, read: 0.1 } as const;

/** Input side of one answer, tokens. */
export interface TurnUsage {
	readonly read: number;
	readonly write: number;
	readonly uncached: number;
}

export interface Totals {
	turns: number;
	inputTokens: number;
	readTokens: number;
	dollars: number;
	uncachedDollars: number;
	randomReadTokens: number;
	randomDollars: number;
}

export interface DemoLedger {
	readonly totals: Totals;
	/** Plays one turn: `beganAt` is when its answer began, ms. */
	turn(body: Buffer, usage: TurnUsage, times: { readonly startedAt: number; readonly beganAt: number }): void;
}

/** A ledger over as many caches of the random-routing baseline as there are deployments. */
export function createLedger(deployments: number, random: () => number): DemoLedger {
	const baselineCaches = Array.from({ length: deployments }, () => new PromptCache());
	const totals: Totals = {
		turns: 0,
		inputTokens: 0,
		readTokens: 0,
		dollars: 0,
		uncachedDollars: 0,
		randomReadTokens: 0,
		randomDollars: 0,
	};
	return {
		totals,
		turn(body, usage, { startedAt, beganAt }) {
			const tokens = usage.read + usage.write + usage.uncached;
			totals.turns += 1;
			totals.inputTokens += tokens;
			totals.readTokens += usage.read;
			totals.dollars += dollars(usage);
			totals.uncachedDollars += dollars({ read: 0, write: 0, uncached: tokens });
			const baseline = baselineCaches[Math.floor(random() * baselineCaches.length)];
			if (baseline === undefined) return;
			const prompt = flatten(readRequest(JSON.parse(body.toString("utf8")), { betas: new Set(), kind: "messages" }));
			const pending = baseline.begin(prompt, startedAt);
			pending.firstByte(beganAt);
			const { read, write5m, write1h, uncached } = pending.usage;
			totals.randomReadTokens += read;
			totals.randomDollars += dollars({ read, write: write5m + write1h, uncached });
		},
	};
}

function dollars(usage: TurnUsage): number {
	return (usage.read * PRICE.read + usage.write * PRICE.write + usage.uncached * PRICE.input) / 1e6;
}
