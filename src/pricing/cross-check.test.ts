// Our price table beside the one of @pydantic/genai-prices, with the differences that are known and why. A new difference fails.
import { calcPrice } from "@pydantic/genai-prices";
import { expect, test } from "vitest";
import { seededRandom } from "../simulator/random.ts";
import { costOf } from "./cost.ts";
import { plainConditions, priceOf } from "./prices.ts";

/** Every model of the table. */
const MODELS = [
	"claude-fable-5-2",
	"claude-mythos-5-2",
	"claude-fable-5-1",
	"claude-mythos-5-1",
	"claude-fable-5",
	"claude-mythos-5",
	"claude-opus-5-5",
	"claude-opus-5",
	"claude-opus-4-8",
	"claude-opus-4-7",
	"claude-opus-4-6",
	"claude-opus-4-5",
	"claude-opus-4-1",
	"claude-opus-4",
	"claude-sonnet-5-5",
	"claude-sonnet-5",
	"claude-sonnet-4-6",
	"claude-sonnet-4-5",
	"claude-sonnet-4",
	"claude-haiku-5-5",
	"claude-haiku-4-5",
	"claude-haiku-3-5",
	"claude-3-5-haiku",
	"claude-3-7-sonnet",
	"claude-3-5-sonnet",
	"claude-3-sonnet",
	"claude-3-opus",
	"claude-3-haiku",
] as const;

const AT = new Date("2026-11-21T12:00:00Z");

/** The version of the other table that is installed ends in September 2026 (prices-and-minimums §4). */
const KNOWN: Readonly<Record<string, string>> = {
	// Newer than it.
	"claude-fable-5-2": "unknown there",
	"claude-mythos-5-2": "unknown there",
	"claude-haiku-5-5": "unknown there",
	// The reads' price was halved on 2026-10-07.
	"claude-sonnet-5-5": "read 0.1 not 0.2",
	// It has no Mythos, and this one only by its older name.
	"claude-mythos-5": "unknown there",
	"claude-mythos-5-1": "unknown there",
	"claude-haiku-3-5": "unknown there",
};

/** What each model costs by the other table, dollars for a million of each kind; null = it does not know the model. */
function theirs(model: string) {
	const of = (usage: object): number | null =>
		calcPrice({ ...usage }, model, { providerId: "anthropic", timestamp: AT })?.total_price ?? null;
	const input = of({ input_tokens: 1_000 });
	if (input === null) return null;
	return {
		input: input * 1_000,
		output: (of({ output_tokens: 1_000 }) ?? Number.NaN) * 1_000,
		read: (of({ input_tokens: 1_000, cache_read_tokens: 1_000 }) ?? Number.NaN) * 1_000,
		write5m: (of({ input_tokens: 1_000, cache_write_tokens: 1_000 }) ?? Number.NaN) * 1_000,
	};
}

function ours(model: string) {
	const price = priceOf(model, plainConditions(AT.getTime()));
	if (price === null) return null;
	const { input, output, read, write5m } = price.tiers[0].rates;
	return { input, output, read, write5m };
}

test("the two tables agree but for the differences that are known", () => {
	const differences: Record<string, string> = {};
	for (const model of MODELS) {
		const [own, other] = [ours(model), theirs(model)];
		expect(own, model).not.toBeNull();
		if (other === null) differences[model] = "unknown there";
		else if (own !== null) {
			const parts = (["input", "output", "read", "write5m"] as const).filter(
				(part) => Math.abs(own[part] - other[part]) > 1e-6,
			);
			if (parts.length > 0)
				differences[model] = parts.map((part) => `${part} ${own[part]} not ${other[part]}`).join(", ");
		}
	}
	expect(differences).toEqual(KNOWN);
});

/** The same figures once more, written down apart from the table: input, output, and reads and writes as shares of input. */
function independent(model: string, usage: Parameters<typeof costOf>[0]): number {
	const [, family = "", version = ""] = /^claude-(?:3-(?:[57]-)?)?([a-z]+)-?(.*)$/.exec(model) ?? [];
	const third = model.startsWith("claude-3-");
	const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
	const [input, output] = ((): [number, number] => {
		switch (family) {
			case "fable":
			case "mythos":
				if (version === "preview") return [25, 125];
				return version === "5-2" ? [8, 40] : [10, 50];
			case "opus":
				if (version === "5-5") return [4, 20];
				return third || version === "4" || version === "4-1" ? [15, 75] : [5, 25];
			case "sonnet":
				if ((version === "4" || version === "4-5") && prompt > 200_000) return [6, 22.5];
				return version.startsWith("5") ? [2, 10] : [3, 15];
			default:
				if (version === "5-5") return prompt > 100_000 ? [0.5, 2.5] : [0.1, 0.5];
				if (model === "claude-3-haiku") return [0.25, 1.25];
				return version === "4-5" ? [1, 5] : [0.8, 4];
		}
	})();
	const share =
		/-5-[12]$/.test(model) && family !== "opus" ? 0.025 : version === "5-5" && family !== "haiku" ? 0.05 : 0.1;
	const ownRead = model === "claude-3-haiku" ? 0.12 : share;
	const tokens =
		usage.inputTokens * input +
		usage.cacheReadTokens * input * ownRead +
		usage.cacheWrite5mTokens * input * (model === "claude-3-haiku" ? 1.2 : 1.25) +
		usage.cacheWrite1hTokens * input * 2 +
		usage.outputTokens * output;
	return tokens / 1_000_000;
}

test.each(MODELS)("200 generated usages of %s cost what independent arithmetic says", (model) => {
	const random = seededRandom(model.length * 7919 + 1);
	const upTo = (most: number) => Math.floor(random() ** 3 * most);
	const price = priceOf(model, plainConditions(AT.getTime()));
	if (price === null) throw new Error(`${model} has no price`);
	for (let at = 0; at < 200; at += 1) {
		const [cacheWrite5mTokens, cacheWrite1hTokens] = [upTo(120_000), upTo(80_000)];
		const usage = {
			inputTokens: upTo(200_000),
			outputTokens: upTo(64_000),
			cacheReadTokens: upTo(900_000),
			cacheWriteTokens: cacheWrite5mTokens + cacheWrite1hTokens,
			cacheWrite5mTokens,
			cacheWrite1hTokens,
		};
		const cost = costOf(usage, price);
		expect(Math.abs(cost.total - independent(model, usage))).toBeLessThan(1e-9);
		const parts = cost.input + cost.read + cost.write5m + cost.write1h + cost.output;
		expect(Math.abs(parts - cost.total)).toBeLessThan(1e-9);
	}
});
