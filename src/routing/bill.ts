// What a deployment's answer cost: every call it was made of at its own model's price, its platform's surcharges, the tools that were run,
// the operator's prices. Leaves the tables to pricing and what was used to protocol/usage.
import { canonicalModel } from "../cache/semantics.ts";
import type { DeploymentConfig } from "../config/schema.ts";
import { type Answered, answeredOf } from "../pricing/answered.ts";
import { type BilledCall, type Cost, costOf, NO_COST, sumOf, type Usage, withTools } from "../pricing/cost.ts";
import {
	overridesOf,
	type Price,
	type PriceConditions,
	priceOf,
	reachOf,
	supposedConditions,
} from "../pricing/prices.ts";
import { toolBillOf } from "../pricing/server-tools.ts";

/** What a deployment's price depends on. */
export interface Billed {
	/** What the group's `*` matched, or null. */
	readonly wildcard: string | null;
	/** `Outline.variant`: geography and speed as asked for. */
	readonly variant: string;
	/** When the request is made, ms since epoch: prices change by date. */
	readonly now: number;
	/** What its answer says of how it was served; it wins over what was asked for. */
	readonly answered?: Answered | undefined;
}

/** What one answer cost. */
export interface Bill {
	/** Null = a part of it is unknown, which is not free. */
	readonly cost: Cost | null;
	/** The parts that are known, at ordinary prices where the conditions are not: it costs about this much or more. Null = nothing is known. */
	readonly least: number | null;
	/** Of the cost, what the answer's own counts do not make: other calls, tools. Routing changes nothing of it. 0 where the cost is unknown. */
	readonly beside: number;
	/** Why the cost is unknown, for people; null = it is known. */
	readonly unknown: string | null;
}

/** Null where the cost is unknown, which is not free. */
export function billOf(usage: Usage, deployment: DeploymentConfig, billed: Billed): Cost | null {
	return billFor(usage, deployment, billed).cost;
}

/** What the answer with this usage cost. `billed.answered` is read from the usage where it is not given. */
export function billFor(usage: Usage, deployment: DeploymentConfig, billed: Billed): Bill {
	const { billing } = usage;
	const answered = billed.answered ?? (billing === undefined ? undefined : answeredOf(billing));
	const served: Billed = { wildcard: billed.wildcard, variant: billed.variant, now: billed.now, answered };
	let cost: Cost | null = NO_COST;
	let least: number | null = null;
	const unknown: string[] = [];
	const calls = callsOf(usage);
	if (!calls.some(hasPrompt))
		return { cost: null, least: null, beside: 0, unknown: "the prompt's tokens were not reported" };
	for (const call of calls) {
		if (!isCharged(call, usage, deployment)) continue;
		const { price, supposed, model } = priceOfCall(call, deployment, served);
		if (price === null) {
			cost = null;
			unknown.push(
				supposed === null ? `no price is known of ${model}` : `no price is known of how ${model} was served`,
			);
		} else if (cost !== null) cost = sumOf(cost, costOf(call.usage, price));
		if (supposed !== null) least = (least ?? 0) + costOf(call.usage, supposed).total;
	}
	if (billing === undefined) return { cost, least, beside: 0, unknown: unknown[0] ?? null };
	const tools = toolBillOf(billing.tools);
	for (const name of tools.unknown) unknown.push(`no price is known of ${name}`);
	const whole = cost === null || tools.unknown.length > 0 ? null : withTools(cost, tools.dollars);
	return {
		cost: whole,
		least: least === null && tools.dollars === 0 ? null : (least ?? 0) + tools.dollars,
		beside: whole === null ? 0 : whole.total - ownTotal(usage, deployment, served),
		unknown: unknown.length === 0 ? null : [...new Set(unknown)].join("; "),
	};
}

function ownTotal(usage: Usage, deployment: DeploymentConfig, served: Billed): number {
	if (isDeclined(usage, deployment)) return 0;
	const price = priceOfDeployment(deployment, served);
	return price === null ? 0 : costOf(usage, price).total;
}

/** A call whose tokens are known. */
interface CountedCall extends BilledCall {
	readonly usage: Usage;
}

/** Billed beside what the answer's own counts say (docs: compaction, advisor tool); other kinds are within them. */
const BESIDE: ReadonlySet<string> = new Set(["compaction", "advisor_message"]);
/** Made by the model of the request unless they name another. */
const BY_THE_SAME: ReadonlySet<string> = new Set(["message", "compaction"]);

/** The calls an answer is billed by. Where the answer's own counts are of none of them, those counts are one. */
function callsOf(usage: Usage): readonly CountedCall[] {
	const own: CountedCall = { kind: "message", model: null, usage };
	const { billing } = usage;
	if (billing === undefined || billing.iterations.length === 0) return [own];
	const calls = billing.iterations.filter((each): each is CountedCall => each.usage !== null);
	return calls.some(({ kind }) => !BESIDE.has(kind)) ? calls : [own, ...calls];
}

/** A prompt is never empty: where all its counts are zero, the server does not count. */
function hasPrompt({ usage }: CountedCall): boolean {
	return usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens > 0;
}

/** Attempts of models at the answer itself. */
const ATTEMPTS: ReadonlySet<string> = new Set(["message", "fallback_message"]);

/** An attempt that was refused before it had written anything is not charged, though its tokens are reported (docs: refusals and fallback). */
function isCharged({ kind, usage }: CountedCall, answer: Usage, deployment: DeploymentConfig): boolean {
	if (!ATTEMPTS.has(kind)) return true;
	if (isDeclined(answer, deployment)) return false;
	return usage.outputTokens > 0 || !answer.billing?.iterations.some((other) => other.kind === "fallback_message");
}

/** Refused before anything was written, which Claude's platforms do not charge; the filters of other servers come after the bill. */
export function isDeclined({ billing }: Usage, { provider }: DeploymentConfig): boolean {
	return billing?.isDeclined === true && provider !== "openai";
}

interface CallPrice {
	readonly price: Price | null;
	/** The same with what is unknown of its conditions taken for the ordinary. */
	readonly supposed: Price | null;
	readonly model: string;
}

function priceOfCall({ kind, model: named }: CountedCall, deployment: DeploymentConfig, billed: Billed): CallPrice {
	const own = billedModel(deployment, billed.wildcard);
	const model = named === null ? null : canonicalModel(named);
	const upstream = upstreamOf(deployment.upstreamModel, billed.wildcard);
	if (model === null && !BY_THE_SAME.has(kind)) return { price: null, supposed: null, model: `the model of ${kind}` };
	if (model === null || model === own || model === canonicalModel(upstream)) {
		const price = priceOfDeployment(deployment, billed);
		return { price, supposed: price ?? supposedPrice(deployment, { model: own, upstream, billed }), model: own };
	}
	const conditions = conditionsOf(deployment, { ...billed, upstream });
	// The operator's prices are the deployment's model's, and no other's.
	const price = priceOf(model, kind === "advisor_message" ? atStandardSpeed(conditions) : conditions);
	return { price, supposed: price ?? priceOf(model, supposedConditions(conditions)), model };
}

/** Fast mode is the executor's (docs: advisor tool). */
function atStandardSpeed(conditions: PriceConditions): PriceConditions {
	return { ...conditions, speed: "standard" };
}

function supposedPrice(
	deployment: DeploymentConfig,
	about: { readonly model: string; readonly upstream: string; readonly billed: Billed },
): Price | null {
	const conditions = conditionsOf(deployment, { ...about.billed, upstream: about.upstream });
	return priceOf(about.model, supposedConditions(conditions), overridesOf(deployment.modelInfo));
}

/** The model a deployment serves, as prices know it. `model_info.base_model` wins over the upstream's id. */
export function billedModel({ upstreamModel, modelInfo }: DeploymentConfig, wildcard: string | null): string {
	const named = modelInfo["base_model"];
	if (typeof named === "string") return canonicalModel(named);
	return canonicalModel(upstreamOf(upstreamModel, wildcard));
}

/** The price asked for last, by deployment and wildcard: it changes by day, by what a request asks for and by what its answer says. */
const known = new WeakMap<DeploymentConfig, Map<string | null, KnownPrice>>();
/** A wildcard matches what clients send. */
const MOST_KNOWN = 64;
const DAY_MS = 86_400_000;

interface KnownPrice {
	readonly day: number;
	readonly variant: string;
	readonly answered: Answered | undefined;
	readonly price: Price | null;
}

/** What the deployment charges; null where its price is unknown. Cheap where the last request for this model was one like this. */
export function priceOfDeployment(deployment: DeploymentConfig, billed: Billed): Price | null {
	const { wildcard, variant, now, answered } = billed;
	const day = Math.floor(now / DAY_MS);
	const prices = known.get(deployment) ?? new Map<string | null, KnownPrice>();
	const last = prices.get(wildcard);
	if (last !== undefined && last.day === day && last.variant === variant && isSame(last.answered, answered))
		return last.price;
	const upstream = upstreamOf(deployment.upstreamModel, wildcard);
	const price = priceOf(
		billedModel(deployment, wildcard),
		conditionsOf(deployment, { upstream, variant, now, answered }),
		overridesOf(deployment.modelInfo),
	);
	if (prices.size >= MOST_KNOWN) prices.clear();
	prices.set(wildcard, { day, variant, answered, price });
	known.set(deployment, prices);
	return price;
}

function isSame(one: Answered | undefined, other: Answered | undefined): boolean {
	return one?.speed === other?.speed && one?.service === other?.service && one?.inferenceGeo === other?.inferenceGeo;
}

/** Platforms that have fast mode: the others are not sent `speed`, or refuse it (docs: fast mode). */
const FAST_PLATFORMS: ReadonlySet<DeploymentConfig["provider"]> = new Set(["anthropic", "anthropic_aws", "foundry"]);
/** Platforms where the address says where inference runs, and is what is billed (docs: data residency). */
const PLACED_BY_ADDRESS: ReadonlySet<DeploymentConfig["provider"]> = new Set(["bedrock", "vertex"]);

/** The conditions that a deployment, a request's variant and its answer set. */
export function conditionsOf(
	{ provider, credentials, modelInfo }: DeploymentConfig,
	about: Pick<Billed, "variant" | "now" | "answered"> & { readonly upstream: string },
): PriceConditions {
	const { upstream, variant, now, answered } = about;
	const location = credentials.extra["vertex_location"];
	const asksForFast = FAST_PLATFORMS.has(provider) && /(?:^|;)speed=fast(?:;|$)/.test(variant);
	const asksForUs = /(?:^|;)geo=us(?:;|$)/.test(variant);
	const geo = answered?.inferenceGeo === undefined ? (asksForUs ? "us" : null) : answered.inferenceGeo;
	return {
		at: now,
		speed: answered?.speed ?? (asksForFast ? "fast" : "standard"),
		service: answered?.service ?? "standard",
		inferenceGeo: PLACED_BY_ADDRESS.has(provider) ? null : geo,
		reach: reachOf({
			provider,
			upstreamModel: upstream,
			location: typeof location === "string" ? location : null,
			dataZone: modelInfo["data_zone"] === true,
		}),
	};
}

function upstreamOf(upstreamModel: string, wildcard: string | null): string {
	return wildcard === null ? upstreamModel : upstreamModel.replace("*", () => wildcard);
}
