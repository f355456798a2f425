// How an answer was served, in its own words → the conditions of its price. Tables; leaves what is not said in the answer to routing/bill.
import type { Billing } from "../protocol/billing.ts";
import type { PriceConditions } from "./prices.ts";

/** What an answer says of it; undefined = it does not say. */
export interface Answered {
	readonly speed: PriceConditions["speed"] | undefined;
	readonly service: PriceConditions["service"] | undefined;
	readonly inferenceGeo: PriceConditions["inferenceGeo"] | undefined;
}

/** `usage.speed` (docs: fast mode). */
const SPEEDS: ReadonlyMap<string, Answered["speed"]> = new Map([
	["standard", "standard"],
	["fast", "fast"],
]);

/**
 * `usage.service_tier` (docs: service tiers; the usage report also knows flex, flex_discount and priority_on_demand). Capacity that was
 * committed to (`priority`, Bedrock's `reserved`) has no price by the token, and of the others none is published: those are not here.
 */
const TIERS: ReadonlyMap<string, Answered["service"]> = new Map([
	["standard", "standard"],
	["batch", "batch"],
	// Bedrock's and OpenAI's name for it.
	["default", "standard"],
]);

/** `usage.inference_geo` (docs: data residency). Models without the choice say not_available. */
const GEOS: ReadonlyMap<string, Answered["inferenceGeo"]> = new Map([
	["us", "us"],
	["global", null],
	["not_available", null],
]);

/** A word that is in no table is unknown, and so is the price. */
export function answeredOf({ speed, serviceTier, inferenceGeo }: Billing): Answered {
	return {
		speed: speed === null ? undefined : (SPEEDS.get(speed) ?? "unknown"),
		service: serviceTier === null ? undefined : (TIERS.get(serviceTier) ?? "unknown"),
		inferenceGeo: inferenceGeo === null ? undefined : GEOS.has(inferenceGeo) ? GEOS.get(inferenceGeo) : "unknown",
	};
}
