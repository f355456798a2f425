// Expected dollars of a prompt at a deployment: what is read, written and neither, each at its price. Leaves prices to pricing/ and
// whether dollars decide to routing/planner.
import type { Ttl } from "../cache/semantics.ts";
import { overridesOf, type Price, priceOf, type Rates, ratesFor } from "../pricing/prices.ts";
import { conditionsOf } from "./bill.ts";
import type { MutableDeployment, Target } from "./deployment.ts";

/** A prompt as it is expected to be counted; the three parts make the whole. */
export interface ExpectedInput {
	readonly readTokens: number;
	readonly writeTokens: number;
	readonly uncachedTokens: number;
	/** Lifetime that the writes ask for. */
	readonly ttl: Ttl;
}

/** Ratios where no price is known, with an input token as the unit (routing-model §3). */
export const PLAIN_RATES: Rates = { input: 1, write5m: 1.25, write1h: 2, read: 0.1, output: 5 };

const DAY_MS = 86_400_000;
const PER_MILLION = 1e-6;

export interface Priced {
	readonly deployment: MutableDeployment;
	readonly target: Target;
	/** `Outline.variant`: what of geo and speed the request asks for. */
	readonly variant: string;
	readonly promptTokens: number;
}

/** Rates for a prompt of that length; null = the price is unknown. Looked up once a day, for prices change by date. */
export function ratesOf({ deployment, target, variant, promptTokens }: Priced, now: number): Rates | null {
	const day = Math.floor(now / DAY_MS);
	const known = target.price;
	const fits = known !== null && known.day === day && known.variant === variant;
	const price = fits ? known.price : lookUp(deployment, target, { variant, now });
	if (!fits) target.price = { variant, day, price };
	if (price === null) return null;
	return price.tiers.length === 1 ? price.tiers[0].rates : ratesFor(price, promptTokens);
}

function lookUp(deployment: MutableDeployment, target: Target, asked: { variant: string; now: number }): Price | null {
	const { variant, now } = asked;
	const conditions = conditionsOf(deployment.config, { upstream: target.upstreamModel, variant, now });
	return priceOf(target.model, conditions, overridesOf(deployment.config.modelInfo));
}

/** Dollars if `rates` are dollars per million tokens. */
export function inputDollars(rates: Rates, { readTokens, writeTokens, uncachedTokens, ttl }: ExpectedInput): number {
	const write = ttl === "1h" ? rates.write1h : rates.write5m;
	return (readTokens * rates.read + writeTokens * write + uncachedTokens * rates.input) * PER_MILLION;
}
