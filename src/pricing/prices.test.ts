// The table against figures copied out by hand from its source, and the rules around it.
import { expect, test } from "vitest";
import { overridesOf, plainConditions, priceOf, type Rates, ratesFor, reachOf } from "./prices.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const NOWHERE_SPECIAL = plainConditions(NOW);

function rates(model: string, conditions = NOWHERE_SPECIAL, promptTokens = 1): Rates | null {
	const price = priceOf(model, conditions);
	return price === null ? null : ratesFor(price, promptTokens);
}

// model, input, 5m write, 1h write, read, output: dollars per million tokens (prices-and-minimums §1)
const TABLE: readonly (readonly [string, number, number, number, number, number])[] = [
	["claude-fable-5-2", 8, 10, 16, 0.2, 40],
	["claude-mythos-5-2", 8, 10, 16, 0.2, 40],
	["claude-fable-5-1", 10, 12.5, 20, 0.25, 50],
	["claude-mythos-5-1", 10, 12.5, 20, 0.25, 50],
	["claude-fable-5", 10, 12.5, 20, 1, 50],
	["claude-opus-5-5", 4, 5, 8, 0.2, 20],
	["claude-opus-5", 5, 6.25, 10, 0.5, 25],
	["claude-opus-4-8", 5, 6.25, 10, 0.5, 25],
	["claude-opus-4-7", 5, 6.25, 10, 0.5, 25],
	["claude-opus-4-6", 5, 6.25, 10, 0.5, 25],
	["claude-opus-4-5", 5, 6.25, 10, 0.5, 25],
	["claude-opus-4-1", 15, 18.75, 30, 1.5, 75],
	["claude-opus-4", 15, 18.75, 30, 1.5, 75],
	["claude-sonnet-5-5", 2, 2.5, 4, 0.1, 10],
	["claude-sonnet-5", 2, 2.5, 4, 0.2, 10],
	["claude-sonnet-4-6", 3, 3.75, 6, 0.3, 15],
	["claude-sonnet-4-5", 3, 3.75, 6, 0.3, 15],
	["claude-sonnet-4", 3, 3.75, 6, 0.3, 15],
	["claude-haiku-5-5", 0.1, 0.125, 0.2, 0.01, 0.5],
	["claude-haiku-4-5", 1, 1.25, 2, 0.1, 5],
	["claude-haiku-3-5", 0.8, 1, 1.6, 0.08, 4],
	["claude-3-5-haiku", 0.8, 1, 1.6, 0.08, 4],
	["claude-3-opus", 15, 18.75, 30, 1.5, 75],
	["claude-3-sonnet", 3, 3.75, 6, 0.3, 15],
	["claude-3-haiku", 0.25, 0.3, 0.5, 0.03, 1.25],
];

test.each(TABLE)("%s costs what its provider lists", (model, input, write5m, write1h, read, output) => {
	const found = rates(model);
	expect(found?.input).toBeCloseTo(input, 9);
	expect(found?.write5m).toBeCloseTo(write5m, 9);
	expect(found?.write1h).toBeCloseTo(write1h, 9);
	expect(found?.read).toBeCloseTo(read, 9);
	expect(found?.output).toBeCloseTo(output, 9);
});

test("an unknown model has no price, not a price of zero", () => {
	expect(priceOf("gpt-oss", NOWHERE_SPECIAL)).toBeNull();
	expect(priceOf("claude-opus-9", NOWHERE_SPECIAL)).toBeNull();
});

test("the read price of Sonnet 5.5 halves on 2026-10-07 UTC, and dates before its launch take the first price", () => {
	expect(rates("claude-sonnet-5-5", plainConditions(Date.parse("2026-10-06T23:59:59.999Z")))?.read).toBeCloseTo(0.2, 9);
	expect(rates("claude-sonnet-5-5", plainConditions(Date.parse("2026-10-07T00:00:00Z")))?.read).toBeCloseTo(0.1, 9);
	expect(rates("claude-sonnet-5-5", plainConditions(0))?.read).toBeCloseTo(0.2, 9);
});

test("a Haiku 5.5 prompt of more than 100,000 tokens costs five times as much, output included", () => {
	expect(rates("claude-haiku-5-5", NOWHERE_SPECIAL, 100_000)?.input).toBeCloseTo(0.1, 9);
	const above = rates("claude-haiku-5-5", NOWHERE_SPECIAL, 100_001);
	expect([above?.input, above?.write5m, above?.write1h, above?.read, above?.output]).toEqual([
		0.5, 0.625, 1, 0.05, 2.5,
	]);
});

test.each([
	["claude-opus-5-5", 8, 0.4, 40],
	["claude-opus-5", 10, 1, 50],
	["claude-opus-4-8", 10, 1, 50],
])("fast mode of %s has its own prices", (model, input, read, output) => {
	const found = rates(model, { ...NOWHERE_SPECIAL, speed: "fast" });
	expect([found?.input, found?.read, found?.output]).toEqual([input, read, output]);
});

test.each(["claude-sonnet-5", "claude-opus-4-7", "claude-haiku-4-5"])("fast mode of %s has no price", (model) => {
	expect(rates(model, { ...NOWHERE_SPECIAL, speed: "fast" })).toBeNull();
});

test("Opus 4.6 takes the word for fast mode, and runs and bills as standard", () => {
	const fast = { ...NOWHERE_SPECIAL, speed: "fast" } as const;
	expect(rates("claude-opus-4-6", fast)).toEqual(rates("claude-opus-4-6"));
	expect(rates("claude-opus-4-6", { ...fast, reach: "regional" })?.output).toBeCloseTo(27.5, 9);
});

test.each(["claude-sonnet-4-5", "claude-sonnet-4"])(
	"a prompt of %s of more than 200,000 tokens has its own step",
	(model) => {
		expect(rates(model, NOWHERE_SPECIAL, 200_000)?.input).toBeCloseTo(3, 9);
		const above = rates(model, NOWHERE_SPECIAL, 200_001);
		expect([above?.input, above?.write5m, above?.write1h, above?.read, above?.output]).toEqual([
			6,
			7.5,
			12,
			expect.closeTo(0.6, 9),
			22.5,
		]);
		expect(rates("claude-sonnet-4-6", NOWHERE_SPECIAL, 900_000)?.input).toBeCloseTo(3, 9);
	},
);

test.each([{ speed: "unknown" }, { service: "unknown" }, { inferenceGeo: "unknown" }] as const)(
	"served under conditions that no price is known of (%o), a model has none, unless the operator says it",
	(change) => {
		const conditions = { ...NOWHERE_SPECIAL, ...change };
		expect(priceOf("claude-opus-5", conditions)).toBeNull();
		expect(priceOf("claude-opus-5", conditions, { input: 1 })).toBeNull();
		const price = priceOf("claude-opus-5", conditions, { input: 1, output: 2 });
		expect(price?.tiers[0].rates).toMatchObject({ input: 1, output: 2, read: expect.closeTo(0.1, 9) });
	},
);

test.each([
	["claude-opus-5", { service: "batch" }, 2.5],
	["claude-opus-5", { inferenceGeo: "us" }, 5.5],
	["claude-opus-5", { inferenceGeo: null }, 5],
	// Confined is confined: it costs once.
	["claude-opus-5", { inferenceGeo: "us", reach: "regional" }, 5.5],
	["claude-3-opus", { inferenceGeo: "us", reach: "regional" }, 15],
	["claude-opus-4-5", { inferenceGeo: "us" }, 5],
	["claude-opus-5", { reach: "regional" }, 5.5],
	["claude-sonnet-4", { reach: "regional" }, 3],
	["claude-opus-5", { service: "batch", inferenceGeo: "us" }, 2.75],
] as const)("multipliers of %s under %o", (model, change, input) => {
	expect(rates(model, { ...NOWHERE_SPECIAL, ...change })?.input).toBeCloseTo(input, 9);
});

test.each([
	["bedrock", "us.anthropic.claude-sonnet-5", null, false, "regional"],
	["bedrock", "anthropic.claude-sonnet-5", null, false, "regional"],
	["bedrock", "global.anthropic.claude-sonnet-5", null, false, "global"],
	["vertex", "claude-sonnet-5", "global", false, "global"],
	["vertex", "claude-sonnet-5", "europe-west1", false, "regional"],
	["anthropic", "claude-sonnet-5", null, false, "global"],
	["foundry", "house-deployment", null, false, "global"],
	["foundry", "house-deployment", null, true, "regional"],
	["anthropic", "claude-sonnet-5", null, true, "global"],
] as const)("%s serves %s at %s, data zone %s: %s", (provider, upstreamModel, location, dataZone, reach) => {
	expect(reachOf({ provider, upstreamModel, location, dataZone })).toBe(reach);
});

test("overrides in LiteLLM's names win, as numbers or text, and nonsense is left out", () => {
	const overrides = overridesOf({
		input_cost_per_token: 2e-6,
		output_cost_per_token: "9e-6",
		cache_read_input_token_cost: -1,
		cache_creation_input_token_cost: "free",
		mode: "chat",
	});
	expect(Object.keys(overrides).sort()).toEqual(["input", "output"]);
	const price = priceOf("claude-sonnet-4-6", { ...NOWHERE_SPECIAL, reach: "regional" }, overrides);
	const found = price === null ? null : ratesFor(price, 1);
	// The operator's own figures are final; the cache keeps its ratio to the input price.
	expect(found?.input).toBeCloseTo(2, 9);
	expect(found?.output).toBeCloseTo(9, 9);
	expect(found?.read).toBeCloseTo(0.2, 9);
	expect(found?.write5m).toBeCloseTo(2.5, 9);
	expect(found?.write1h).toBeCloseTo(4, 9);
});

test("cache prices can be overridden alone", () => {
	const overrides = overridesOf({
		cache_read_input_token_cost: 1e-7,
		cache_creation_input_token_cost: 3e-6,
		cache_creation_input_token_cost_above_1hr: 5e-6,
	});
	const price = priceOf("claude-sonnet-4-6", NOWHERE_SPECIAL, overrides);
	const found = price === null ? null : ratesFor(price, 1);
	expect(found?.input).toBeCloseTo(3, 9);
	expect(found?.read).toBeCloseTo(0.1, 9);
	expect(found?.write5m).toBeCloseTo(3, 9);
	expect(found?.write1h).toBeCloseTo(5, 9);
});

test("an unknown model needs input and output; its cached tokens cost what input costs; zero is a price", () => {
	expect(priceOf("qwen", NOWHERE_SPECIAL, { input: 1 })).toBeNull();
	const price = priceOf("qwen", NOWHERE_SPECIAL, { input: 1, output: 2 });
	expect(price?.tiers[0].rates).toEqual({ input: 1, output: 2, read: 1, write5m: 1, write1h: 1 });
	const free = priceOf("qwen", NOWHERE_SPECIAL, overridesOf({ input_cost_per_token: 0, output_cost_per_token: 0 }));
	expect(free?.tiers[0].rates.input).toBe(0);
});
