// What models cost: a dated table, conditions that multiply it, overrides from `model_info`. Leaves adding up a usage to pricing/cost,
// and which canonical model an upstream id stands for to the caller.
import type { ProviderKind } from "../config/schema.ts";

/** Dollars per million tokens. */
export interface Rates {
	readonly input: number;
	readonly write5m: number;
	readonly write1h: number;
	readonly read: number;
	readonly output: number;
}

/** Rates for prompts of more than `abovePromptTokens` (input + reads + writes). They hold for the whole request. */
interface Tier {
	readonly abovePromptTokens: number;
	readonly rates: Rates;
}

/** What a model costs under given conditions, multipliers and overrides applied. */
export interface Price {
	/** At least one, by rising `abovePromptTokens`; the first starts at 0. */
	readonly tiers: readonly [Tier, ...Tier[]];
}

/** What a price depends on beside the model. */
export interface PriceConditions {
	/** When the request was made, ms since epoch. */
	readonly at: number;
	/** As the answer says (pricing/answered), else as asked for; unknown = in a way that no price is known of. */
	readonly speed: "standard" | "fast" | "unknown";
	/** unknown = a tier without a list price: capacity that was committed to, or one that nobody has published the price of. */
	readonly service: "standard" | "batch" | "unknown";
	/** Where inference was confined to for a surcharge. */
	readonly inferenceGeo: "us" | "unknown" | null;
	/** See `reachOf`. */
	readonly reach: Reach;
}

/** Where a platform may serve a request: anywhere, or only in a Region or a group of them, which costs more. */
export type Reach = "global" | "regional";

/** Prices an operator wrote down, dollars per million tokens; what is absent comes from the table. */
export type PriceOverrides = Partial<Rates>;

/** A request with nothing special about it, at `at` (ms since epoch). */
export function plainConditions(at: number): PriceConditions {
	return { at, speed: "standard", service: "standard", inferenceGeo: null, reach: "global" };
}

/** From 00:00 UTC of a day on. */
interface Period {
	readonly effectiveFrom: string;
	readonly tiers: Tiers;
	/** The same in fast mode; null = the model has none. */
	readonly fast: Tiers | null;
}

type Tiers = readonly [Tier, ...Tier[]];

/** A model's base figures, dollars per million tokens. `read` and `write5m` are shares of `input`. */
interface Figures {
	readonly input: number;
	readonly output: number;
	readonly read: number;
	readonly write5m?: number;
	/** standard = `speed: fast` is taken, and runs and bills as standard. */
	readonly fast?: { readonly input: number; readonly output: number } | "standard";
	/** The step of prompts that are longer than so many tokens. */
	readonly above?: { readonly promptTokens: number; readonly input: number; readonly output: number };
}

/** Cache writes as multiples of the input price, for every model but Haiku 3 (prices-and-minimums §1). */
const WRITE_5M = 1.25;
const WRITE_1H = 2;
const BATCH = 0.5;
const INFERENCE_GEO_US = 1.1;
const REGIONAL = 1.1;

/** In force since before this gateway existed. */
const ALWAYS = "2024-01-01";

function ratesOf({ input, output }: Pick<Figures, "input" | "output">, { read, write5m = WRITE_5M }: Figures): Rates {
	return { input, write5m: input * write5m, write1h: input * WRITE_1H, read: input * read, output };
}

function since(effectiveFrom: string, figures: Figures): Period {
	const { fast, above } = figures;
	const base: Tier = { abovePromptTokens: 0, rates: ratesOf(figures, figures) };
	const tiers: Tiers =
		above === undefined ? [base] : [base, { abovePromptTokens: above.promptTokens, rates: ratesOf(above, figures) }];
	if (fast === undefined) return { effectiveFrom, tiers, fast: null };
	if (fast === "standard") return { effectiveFrom, tiers, fast: tiers };
	return { effectiveFrom, tiers, fast: [{ abovePromptTokens: 0, rates: ratesOf(fast, figures) }] };
}

const FABLE_5_2 = [since("2026-11-09", { input: 8, output: 40, read: 0.025 })];
const FABLE_5_1 = [since("2026-09-01", { input: 10, output: 50, read: 0.025 })];
const FABLE_5 = [since(ALWAYS, { input: 10, output: 50, read: 0.1 })];
const OPUS_4_5 = [since(ALWAYS, { input: 5, output: 25, read: 0.1 })];
const OPUS_WITH_FAST = [since(ALWAYS, { input: 5, output: 25, read: 0.1, fast: { input: 10, output: 50 } })];
const OPUS_4 = [since(ALWAYS, { input: 15, output: 75, read: 0.1 })];
const SONNET_4 = [since(ALWAYS, { input: 3, output: 15, read: 0.1 })];
/** Longer prompts need the beta of a million tokens, which has its own price (docs: pricing, long context; genai-prices has the same step). */
const SONNET_4_LONG = [
	since(ALWAYS, { input: 3, output: 15, read: 0.1, above: { promptTokens: 200_000, input: 6, output: 22.5 } }),
];
const HAIKU_3_5 = [since(ALWAYS, { input: 0.8, output: 4, read: 0.1 })];

/**
 * Periods by canonical model, oldest first. Sources: prices-and-minimums §1, read 2026-11-21; the Fable 5.2 row is third-party; the models
 * of 2024 and Mythos Preview by Anthropic's pricing page and announcement.
 */
const PRICES: ReadonlyMap<string, readonly Period[]> = new Map([
	["claude-fable-5-2", FABLE_5_2],
	["claude-mythos-5-2", FABLE_5_2],
	["claude-fable-5-1", FABLE_5_1],
	["claude-mythos-5-1", FABLE_5_1],
	["claude-fable-5", FABLE_5],
	["claude-mythos-5", FABLE_5],
	["claude-opus-5-5", [since("2026-09-22", { input: 4, output: 20, read: 0.05, fast: { input: 8, output: 40 } })]],
	["claude-opus-5", OPUS_WITH_FAST],
	["claude-opus-4-8", OPUS_WITH_FAST],
	["claude-opus-4-7", OPUS_4_5],
	["claude-opus-4-6", [since(ALWAYS, { input: 5, output: 25, read: 0.1, fast: "standard" })]],
	["claude-opus-4-5", OPUS_4_5],
	["claude-opus-4-1", OPUS_4],
	["claude-opus-4", OPUS_4],
	[
		"claude-sonnet-5-5",
		[
			since("2026-09-28", { input: 2, output: 10, read: 0.1 }),
			since("2026-10-07", { input: 2, output: 10, read: 0.05 }),
		],
	],
	["claude-sonnet-5", [since(ALWAYS, { input: 2, output: 10, read: 0.1 })]],
	["claude-sonnet-4-6", SONNET_4],
	["claude-sonnet-4-5", SONNET_4_LONG],
	["claude-sonnet-4", SONNET_4_LONG],
	[
		"claude-haiku-5-5",
		[
			since("2026-10-07", {
				input: 0.1,
				output: 0.5,
				read: 0.1,
				above: { promptTokens: 100_000, input: 0.5, output: 2.5 },
			}),
		],
	],
	["claude-haiku-4-5", [since(ALWAYS, { input: 1, output: 5, read: 0.1 })]],
	["claude-haiku-3-5", HAIKU_3_5],
	["claude-3-5-haiku", HAIKU_3_5],
	// Retired, and still in LiteLLM's guides or on a cloud.
	["claude-3-7-sonnet", SONNET_4],
	["claude-3-5-sonnet", SONNET_4],
	["claude-3-sonnet", SONNET_4],
	["claude-3-opus", OPUS_4],
	["claude-3-haiku", [since(ALWAYS, { input: 0.25, output: 1.25, read: 0.12, write5m: 1.2 })]],
]);

const BEFORE_4 = [
	"claude-haiku-3-5",
	"claude-3-5-haiku",
	"claude-3-7-sonnet",
	"claude-3-5-sonnet",
	"claude-3-sonnet",
	"claude-3-opus",
	"claude-3-haiku",
];

/** Older than the `inference_geo` surcharge, which begins with 4.6. */
const NO_GEO_SURCHARGE: ReadonlySet<string> = new Set([
	"claude-opus-4-5",
	"claude-opus-4-1",
	"claude-opus-4",
	"claude-sonnet-4-5",
	"claude-sonnet-4",
	"claude-haiku-4-5",
	...BEFORE_4,
]);

/** Older than the surcharge of the clouds' Regions, which begins with 4.5. */
const NO_REGIONAL_SURCHARGE: ReadonlySet<string> = new Set([
	"claude-opus-4-1",
	"claude-opus-4",
	"claude-sonnet-4",
	...BEFORE_4,
]);

/**
 * What `model` (canonical id) costs. Null when the table does not know the model, or no price of it under these conditions, and the
 * overrides do not give both input and output: an unknown price is never zero. A date before the first known one takes the first.
 * Overrides replace the table's figure in every tier as they are, without platform and geo multipliers; batch still halves them. A
 * cache price that is not overridden keeps its ratio to the input price; of an unknown model, cached tokens cost what input costs.
 */
export function priceOf(model: string, conditions: PriceConditions, overrides: PriceOverrides = {}): Price | null {
	const batch = conditions.service === "batch" ? BATCH : 1;
	const complete = overrides.input !== undefined && overrides.output !== undefined;
	const met = complete ? supposedConditions(conditions) : conditions;
	const listed = listedTiers(model, met);
	const [first, ...rest] = listed ?? tiersOfOverrides(overrides) ?? [];
	if (first === undefined) return null;
	const multiplier = listed === null ? 1 : multiplierOf(model, met);
	const priced = ({ abovePromptTokens, rates }: Tier): Tier => {
		return { abovePromptTokens, rates: scaled(overridden(scaled(rates, multiplier), overrides), batch) };
	};
	return { tiers: [priced(first), ...rest.map(priced)] };
}

/** The same conditions, what is unknown of them taken for the ordinary: for what is owed at least, and where the operator says the price. */
export function supposedConditions(conditions: PriceConditions): PriceConditions {
	const { speed, service, inferenceGeo } = conditions;
	if (speed !== "unknown" && service !== "unknown" && inferenceGeo !== "unknown") return conditions;
	return {
		at: conditions.at,
		speed: speed === "unknown" ? "standard" : speed,
		service: service === "unknown" ? "standard" : service,
		inferenceGeo: inferenceGeo === "unknown" ? null : inferenceGeo,
		reach: conditions.reach,
	};
}

/** Rates of the tier that a prompt of `promptTokens` (input + reads + writes) falls into. */
export function ratesFor(price: Price, promptTokens: number): Rates {
	const tier = price.tiers.findLast(({ abovePromptTokens }) => promptTokens > abovePromptTokens);
	return (tier ?? price.tiers[0]).rates;
}

/** What of a deployment tells where it is served. */
export interface Served {
	readonly provider: ProviderKind;
	readonly upstreamModel: string;
	/** Vertex's. */
	readonly location: string | null;
	/** `model_info.data_zone`: nothing in a Foundry deployment's name tells it. */
	readonly dataZone: boolean;
}

/**
 * Where a platform serves an upstream id. On Bedrock only a `global.` profile is global; on Vertex only the location `global`; on Foundry
 * a deployment of the type Data Zone Standard is not. The other platforms have one price.
 */
export function reachOf({ provider, upstreamModel, location, dataZone }: Served): Reach {
	if (provider === "bedrock") return /(?:^|\/)global\./.test(upstreamModel) ? "global" : "regional";
	if (provider === "vertex") return location === "global" ? "global" : "regional";
	return provider === "foundry" && dataZone ? "regional" : "global";
}

/** LiteLLM's names in `model_info`, dollars per token. */
const OVERRIDE_NAMES: Readonly<Record<keyof Rates, string>> = {
	input: "input_cost_per_token",
	output: "output_cost_per_token",
	read: "cache_read_input_token_cost",
	write5m: "cache_creation_input_token_cost",
	write1h: "cache_creation_input_token_cost_above_1hr",
};

/** The prices in a deployment's `model_info`. Numbers may be written as text; what is no number of 0 or more is left out. */
export function overridesOf(modelInfo: Readonly<Record<string, unknown>>): PriceOverrides {
	const found = Object.entries(OVERRIDE_NAMES).flatMap(([name, litellmName]) => {
		const perToken = numberOf(modelInfo[litellmName]);
		return perToken === null ? [] : [[name, perToken * 1e6] as const];
	});
	return Object.fromEntries(found);
}

function numberOf(value: unknown): number | null {
	const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
	return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : null;
}

function listedTiers(model: string, { at, speed, service, inferenceGeo }: PriceConditions): Tiers | null {
	const periods = PRICES.get(model) ?? [];
	const period = periods.findLast(({ effectiveFrom }) => Date.parse(effectiveFrom) <= at) ?? periods[0];
	if (period === undefined || speed === "unknown" || service === "unknown" || inferenceGeo === "unknown") return null;
	return speed === "standard" ? period.tiers : period.fast;
}

function tiersOfOverrides({ input, output }: PriceOverrides): readonly Tier[] | null {
	if (input === undefined || output === undefined) return null;
	return [{ abovePromptTokens: 0, rates: { input, output, write5m: input, write1h: input, read: input } }];
}

/** Being confined costs once, however it was said: no platform has both ways. */
function multiplierOf(model: string, { inferenceGeo, reach }: PriceConditions): number {
	const geo = inferenceGeo === "us" && !NO_GEO_SURCHARGE.has(model) ? INFERENCE_GEO_US : 1;
	const regional = reach === "regional" && !NO_REGIONAL_SURCHARGE.has(model) ? REGIONAL : 1;
	return Math.max(geo, regional);
}

function scaled(rates: Rates, factor: number): Rates {
	if (factor === 1) return rates;
	return {
		input: rates.input * factor,
		write5m: rates.write5m * factor,
		write1h: rates.write1h * factor,
		read: rates.read * factor,
		output: rates.output * factor,
	};
}

function overridden(rates: Rates, overrides: PriceOverrides): Rates {
	const ratio = overrides.input === undefined || rates.input === 0 ? 1 : overrides.input / rates.input;
	return {
		input: overrides.input ?? rates.input,
		write5m: overrides.write5m ?? rates.write5m * ratio,
		write1h: overrides.write1h ?? rates.write1h * ratio,
		read: overrides.read ?? rates.read * ratio,
		output: overrides.output ?? rates.output,
	};
}
