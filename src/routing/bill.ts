// What a deployment's answer cost: its model, its platform's surcharges, the operator's prices. Leaves the table to pricing/prices and
// sums to pricing/cost.
import { canonicalModel } from "../cache/semantics.ts";
import type { DeploymentConfig } from "../config/schema.ts";
import { type Cost, costOf, type Usage } from "../pricing/cost.ts";
import { overridesOf, type Price, type PriceConditions, priceOf, reachOf } from "../pricing/prices.ts";

/** What a deployment's price depends on. */
export interface Billed {
	/** What the group's `*` matched, or null. */
	readonly wildcard: string | null;
	/** `Outline.variant`: geography and speed as asked for. */
	readonly variant: string;
	/** When the request is made, ms since epoch: prices change by date. */
	readonly now: number;
}

/** Null where the price is unknown, which is not free. */
export function billOf(usage: Usage, deployment: DeploymentConfig, billed: Billed): Cost | null {
	const price = priceOfDeployment(deployment, billed);
	return price === null ? null : costOf(usage, price);
}

/** The model a deployment serves, as prices know it. `model_info.base_model` wins over the upstream's id. */
export function billedModel({ upstreamModel, modelInfo }: DeploymentConfig, wildcard: string | null): string {
	const named = modelInfo["base_model"];
	if (typeof named === "string") return canonicalModel(named);
	return canonicalModel(upstreamOf(upstreamModel, wildcard));
}

/** The price asked for last, by deployment and wildcard: it changes by day and by what a request asks for. */
const known = new WeakMap<DeploymentConfig, Map<string | null, KnownPrice>>();
/** A wildcard matches what clients send. */
const MOST_KNOWN = 64;
const DAY_MS = 86_400_000;

interface KnownPrice {
	readonly day: number;
	readonly variant: string;
	readonly price: Price | null;
}

/** What the deployment charges; null where its price is unknown. Cheap where the last request for this model was one like this. */
export function priceOfDeployment(deployment: DeploymentConfig, { wildcard, variant, now }: Billed): Price | null {
	const day = Math.floor(now / DAY_MS);
	const prices = known.get(deployment) ?? new Map<string | null, KnownPrice>();
	const last = prices.get(wildcard);
	if (last !== undefined && last.day === day && last.variant === variant) return last.price;
	const upstream = upstreamOf(deployment.upstreamModel, wildcard);
	const price = priceOf(
		billedModel(deployment, wildcard),
		conditionsOf(deployment, { upstream, variant, now }),
		overridesOf(deployment.modelInfo),
	);
	if (prices.size >= MOST_KNOWN) prices.clear();
	prices.set(wildcard, { day, variant, price });
	known.set(deployment, prices);
	return price;
}

/** The conditions that a deployment and a request's variant set. */
export function conditionsOf(
	{ provider, credentials }: DeploymentConfig,
	{ upstream, variant, now }: { readonly upstream: string; readonly variant: string; readonly now: number },
): PriceConditions {
	const location = credentials.extra["vertex_location"];
	return {
		at: now,
		speed: /(?:^|;)speed=fast(?:;|$)/.test(variant) ? "fast" : "standard",
		service: "standard",
		inferenceGeo: /(?:^|;)geo=([^;]*)/.exec(variant)?.[1] ?? null,
		reach: reachOf(provider, upstream, typeof location === "string" ? location : null),
	};
}

function upstreamOf(upstreamModel: string, wildcard: string | null): string {
	return wildcard === null ? upstreamModel : upstreamModel.replace("*", () => wildcard);
}
