// Expected dollars of a prompt at a deployment: what is read, written and neither, each at its price. Leaves prices to pricing/ and
// whether dollars decide to routing/planner.
import type { Ttl } from "../cache/semantics.ts";
import { overridesOf, type Price, priceOf, type Rates, ratesFor, reachOf } from "../pricing/prices.ts";
import type { MutableDeployment, Target } from "./deployment.ts";

/** A prompt as it is expected to be counted; the three parts make the whole. */
export interface ExpectedInput {
	readonly readTokens: number;
	readonly writeTokens: number;
	readonly uncachedTokens: number;
	/** Lifetime that the writes ask for. */
	readonly ttl: Ttl;
}

/** Ratios where no price is known, with an input token as the unit (caching-semantics §14). */
export const PLAIN_RATES: Rates = { input: 1, write5m: 1.25, write1h: 2, read: 0.1, output: 5 };

const DAY_MS = 86_400_000;
const PER_MILLION = 1e-6;

interface Known {
	readonly variant: string;
	readonly day: number;
	readonly price: Price | null;
}

/** Prices by target, looked up once a day: they change by date. */
export interface PriceBook {
	/** Rates for a prompt of that length; null = the price is unknown. */
	ratesOf(asked: Priced, now: number): Rates | null;
}

export interface Priced {
	readonly deployment: MutableDeployment;
	readonly target: Target;
	/** `Outline.variant`: what of geo and speed the request asks for. */
	readonly variant: string;
	readonly promptTokens: number;
}

export function createPriceBook(): PriceBook {
	const known = new WeakMap<Target, Known>();

	function priceAt({ deployment, target, variant }: Priced, now: number): Price | null {
		const day = Math.floor(now / DAY_MS);
		const found = known.get(target);
		if (found !== undefined && found.day === day && found.variant === variant) return found.price;
		const { provider, credentials, modelInfo } = deployment.config;
		const location = credentials.extra["vertex_location"];
		const reach = reachOf(provider, target.upstreamModel, typeof location === "string" ? location : null);
		const price = priceOf(
			target.model,
			{
				at: now,
				speed: /(?:^|;)speed=fast(?:;|$)/.test(variant) ? "fast" : "standard",
				service: "standard",
				inferenceGeo: /(?:^|;)geo=([^;]*)/.exec(variant)?.[1] ?? null,
				reach,
			},
			overridesOf(modelInfo),
		);
		known.set(target, { variant, day, price });
		return price;
	}

	return {
		ratesOf(asked, now) {
			const price = priceAt(asked, now);
			return price === null ? null : ratesFor(price, asked.promptTokens);
		},
	};
}

/** Dollars if `rates` are dollars per million tokens. */
export function inputDollars(rates: Rates, { readTokens, writeTokens, uncachedTokens, ttl }: ExpectedInput): number {
	const write = ttl === "1h" ? rates.write1h : rates.write5m;
	return (readTokens * rates.read + writeTokens * write + uncachedTokens * rates.input) * PER_MILLION;
}
