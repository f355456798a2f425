// One upstream target at run time: in flight, recent load, what it asks its upstream for. Leaves health to routing/failures, limits to
// routing/headroom and choosing between targets to routing/planner.
import { implicitRules } from "../cache/implicit.ts";
import { hashText, modelPart } from "../cache/place.ts";
import {
	canonicalModel,
	collapsesRuns,
	countsReads,
	minimumTokens,
	reservesOutput,
	type Ttl,
} from "../cache/semantics.ts";
import type { DeploymentConfig, ErrorClass, FailureScope, RequestClass } from "../config/schema.ts";
import type { Price } from "../pricing/prices.ts";
import type { Meter, RateLimits } from "./meter.ts";

/** What a failed attempt reports to the router. */
export interface AttemptFailure {
	readonly kind: "connect" | "timeout" | "status" | "stream" | "abort";
	/** HTTP status where there was one. */
	readonly status: number | null;
	/** From `retry-after`, ms. */
	readonly retryAfterMs: number | null;
	/** LiteLLM's class of the error, for `allowed_fails_policy`; absent = as the status says. */
	readonly errorClass?: ErrorClass;
	/** A spend cap, a daily quota, a disabled account: it is out for long (providers §1). */
	readonly lasting?: boolean;
	/** Absent = as the status says. */
	readonly scope?: FailureScope;
	/** With scope `class`. */
	readonly requestClass?: RequestClass | null;
	/** In plain words, for the operator. */
	readonly reason?: string;
	/** What the refusal's head said of the limits. */
	readonly limits?: RateLimits | null;
}

/** A part of what a deployment serves. Equal names on every replica. */
export interface Part {
	readonly name: string;
	/** It is of prompts from so many tokens on; 0 = of any. */
	readonly tokens: number;
}

/** A part's rest. */
export interface Rest extends Part {
	/** ms since epoch. */
	readonly until: number;
	/** The upstream's own rate limit, so that asking again before its end is pointless; else it may have been mended. */
	readonly limited: boolean;
	/** In plain words. */
	readonly reason: string;
}

/** Run-time state of one deployment. Changed only by the router's dispatched/started/failed/settled. */
export interface Deployment {
	/** Replaced on reload; the id never changes. */
	readonly config: DeploymentConfig;
	readonly id: string;
	/** Hash of the id, for rendezvous. */
	readonly hash: number;
	/** Attempts dispatched and not yet failed or settled. */
	readonly inFlight: number;
	/** Not a candidate before this, ms since epoch; 0 = never cooled down. */
	readonly cooldownUntil: number;
	/** The cool-down is the upstream's own rate limit, so asking again before its end is pointless. */
	readonly limited: boolean;
	/** The cool-down is about what its account or credential may do: that may be mended any time. */
	readonly barred: boolean;
	/** The same for refused credentials. */
	readonly quarantineUntil: number;
	/** Why it cools down or is in quarantine, in plain words; null = it never was. */
	readonly cause: string | null;
	/** What of it rests while the rest goes on, by name. */
	readonly rests: ReadonlyMap<string, Rest>;
	/** Blamed failures since the last first event. */
	readonly consecutiveFailures: number;
	/** It has cooled down and has not served since: one request at a time tries it. */
	readonly onTrial: boolean;
	/** The operator lets it run empty: it serves what is at home there, until that has expired, and nothing new. */
	readonly draining: boolean;
	/** Digest of its credential and address: equal for those that are refused together. */
	readonly credential: string;
	/** Organisation that its answers named; null while unknown. */
	readonly organization: string | null;
	/** Time to first token of late, ms, as if all of the prompt had been cached; null while unknown. */
	readonly firstTokenMs: number | null;
	/** Uncached tokens sent there, halved every `loadHalfLifeMs`: the figure as it was at `loadAt`. Read it with `recentLoad`. */
	readonly loadTokens: number;
	readonly loadAt: number;
}

/** A price that was looked up, and for what. */
interface KnownPrice {
	readonly variant: string;
	readonly day: number;
	readonly price: Price | null;
}

/** The router's own view of a deployment. */
export interface MutableDeployment extends Deployment {
	config: DeploymentConfig;
	inFlight: number;
	cooldownUntil: number;
	limited: boolean;
	barred: boolean;
	quarantineUntil: number;
	cause: string | null;
	readonly rests: Map<string, Rest>;
	consecutiveFailures: number;
	onTrial: boolean;
	draining: boolean;
	organization: string | null;
	firstTokenMs: number | null;
	/** How many answers the figure is of, and when the last of them began. */
	firstTokenCount: number;
	firstTokenAt: number;
	loadTokens: number;
	loadAt: number;
	/** Attempts under way since it is on trial. */
	trials: number;
	/** Blamed failures in the minute that began at `failuresSince`, by class. */
	failuresByClass: Partial<Record<ErrorClass, number>>;
	failuresSince: number;
	/** Requests and tokens sent in the minute number `usedMinute`. */
	usedMinute: number;
	usedRequests: number;
	usedTokens: number;
	/** Mean output of late; null while unknown. */
	meanOutput: number | null;
	/** Mirror of the configured limits, and of which configuration. */
	meter: Meter | null;
	metered: DeploymentConfig | null;
	/** Member number in the domain registry. */
	member: number;
	credential: string;
	/** Refusals of its credentials since one was last accepted. */
	refusals: number;
	/** Its answers have reported a cache read: then one that reports none means that nothing was read. */
	reportsReads: boolean;
	/** What `targetOf` found, by what the wildcard matched. */
	readonly targets: Map<string | null, Target>;
}

/** What a deployment asks its upstream for, as far as caching is concerned. */
export interface Target {
	/** Canonical model whose minimum and tokenizer apply. */
	readonly model: string;
	readonly minimumTokens: number;
	/** Caches without markers, for so long; null = only what is marked is cached. */
	readonly implicit: Ttl | null;
	readonly modelPart: number;
	readonly collapseRuns: boolean;
	/** Model id the upstream understands, the wildcard filled in. */
	readonly upstreamModel: string;
	/** Cache reads count against its input limit. */
	readonly countsReads: boolean;
	/** The limits admit a request with its `max_tokens`. */
	readonly reservesOutput: boolean;
	/** Limits that answers reported, shared with whoever shares them; null = none known. Looked up by routing/headroom, as of a version. */
	limits: Meter | null;
	limitsVersion: number;
	/** What routing/cost looked up last; null = nothing yet. */
	price: KnownPrice | null;
}

/** Targets kept per deployment: a wildcard matches what clients send. */
const MOST_TARGETS = 64;

/** A healthy, idle deployment; the fleet makes it a member of the domain registry. */
export function createDeployment(config: DeploymentConfig): MutableDeployment {
	return {
		config,
		id: config.id,
		hash: hashText(config.id),
		member: -1,
		credential: "",
		inFlight: 0,
		cooldownUntil: 0,
		limited: false,
		barred: false,
		quarantineUntil: 0,
		cause: null,
		rests: new Map(),
		consecutiveFailures: 0,
		onTrial: false,
		draining: false,
		trials: 0,
		organization: null,
		firstTokenMs: null,
		firstTokenCount: 0,
		firstTokenAt: 0,
		failuresByClass: {},
		failuresSince: 0,
		usedMinute: 0,
		usedRequests: 0,
		usedTokens: 0,
		meanOutput: null,
		meter: null,
		metered: null,
		refusals: 0,
		reportsReads: false,
		loadTokens: 0,
		loadAt: 0,
		targets: new Map(),
	};
}

/** Recent uncached tokens at `now`, decayed (routing-model §5.3). */
export function recentLoad(deployment: Deployment, now: number, halfLifeMs: number): number {
	if (deployment.loadTokens === 0) return 0;
	return deployment.loadTokens * decay(now - deployment.loadAt, halfLifeMs);
}

/**
 * Adds uncached tokens that were sent `ageMs` ago, as if they had been added then; negative to take back an estimate. Never below 0.
 */
export function addLoad(
	deployment: MutableDeployment,
	tokens: number,
	when: { readonly now: number; readonly ageMs: number; readonly halfLifeMs: number },
): void {
	const load = recentLoad(deployment, when.now, when.halfLifeMs) + tokens * decay(when.ageMs, when.halfLifeMs);
	deployment.loadTokens = Math.max(0, load);
	deployment.loadAt = when.now;
}

function decay(ageMs: number, halfLifeMs: number): number {
	return ageMs <= 0 ? 1 : 2 ** (-ageMs / halfLifeMs);
}

/**
 * The target of a deployment for what the group's wildcard matched. `model_info.base_model` names the model where the upstream's id is
 * a name of the operator's.
 */
export function targetOf(deployment: MutableDeployment, wildcard: string | null): Target {
	const known = deployment.targets.get(wildcard);
	if (known !== undefined) return known;
	const { provider, upstreamModel, modelInfo, extraHeaders } = deployment.config;
	const upstream = wildcard === null ? upstreamModel : upstreamModel.replace("*", () => wildcard);
	const named = modelInfo["base_model"];
	const model = canonicalModel(typeof named === "string" ? named : upstream);
	const betas = Object.entries(extraHeaders).find(([name]) => name.toLowerCase() === "anthropic-beta");
	const implicit = provider === "openai" ? implicitRules(deployment.config.credentials.apiBase) : null;
	const target: Target = {
		model,
		implicit: implicit?.ttl ?? null,
		minimumTokens: implicit?.minimumTokens ?? minimumTokens(provider, model),
		modelPart: modelPart(provider, upstream, betas?.[1] ?? ""),
		collapseRuns: collapsesRuns(provider),
		upstreamModel: upstream,
		// OpenAI's limits count what was read from its cache (providers §6).
		countsReads: implicit !== null || countsReads(model),
		reservesOutput: reservesOutput(provider),
		limits: null,
		limitsVersion: -1,
		price: null,
	};
	if (deployment.targets.size >= MOST_TARGETS) deployment.targets.clear();
	deployment.targets.set(wildcard, target);
	return target;
}
