// One upstream target at run time: in flight, recent load, cool-down. Leaves choosing between targets to routing/router.
import { hashText, modelPart } from "../cache/place.ts";
import { canonicalModel, collapsesRuns, minimumTokens } from "../cache/semantics.ts";
import type { DeploymentConfig } from "../config/schema.ts";

/** What a failed attempt tells the router. */
export interface AttemptFailure {
	readonly kind: "connect" | "timeout" | "status" | "stream" | "abort";
	/** HTTP status where there was one. */
	readonly status: number | null;
	/** From `retry-after`, ms. */
	readonly retryAfterMs: number | null;
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
	/** The same for refused credentials. */
	readonly quarantineUntil: number;
	/** Blamed failures since the last first event. */
	readonly consecutiveFailures: number;
	/** Uncached tokens sent there, halved every `loadHalfLifeMs`: the figure as it was at `loadAt`. Read it with `recentLoad`. */
	readonly loadTokens: number;
	readonly loadAt: number;
}

/** The router's own view of a deployment. */
export interface MutableDeployment extends Deployment {
	config: DeploymentConfig;
	inFlight: number;
	cooldownUntil: number;
	limited: boolean;
	quarantineUntil: number;
	consecutiveFailures: number;
	loadTokens: number;
	loadAt: number;
	/** Member number in the domain registry. */
	member: number;
	/** Refusals of its credentials since one was last accepted. */
	refusals: number;
	/** What `targetOf` found, by what the wildcard matched. */
	readonly targets: Map<string | null, Target>;
}

/** What a deployment asks its upstream for, as far as caching is concerned. */
export interface Target {
	/** Canonical model whose minimum and tokenizer apply. */
	readonly model: string;
	readonly minimumTokens: number;
	readonly modelPart: number;
	readonly collapseRuns: boolean;
}

const FIRST_QUARANTINE_MS = 60_000;
const LONGEST_QUARANTINE_MS = 15 * 60_000;
/** A longer `retry-after` speaks of a quota; ask again every hour all the same. */
const LONGEST_COOLDOWN_MS = 60 * 60_000;
/** Targets kept per deployment: a wildcard matches what clients send. */
const MOST_TARGETS = 64;

/** A healthy, idle deployment; the fleet makes it a member of the domain registry. */
export function createDeployment(config: DeploymentConfig): MutableDeployment {
	return {
		config,
		id: config.id,
		hash: hashText(config.id),
		member: -1,
		inFlight: 0,
		cooldownUntil: 0,
		limited: false,
		quarantineUntil: 0,
		consecutiveFailures: 0,
		refusals: 0,
		loadTokens: 0,
		loadAt: 0,
		targets: new Map(),
	};
}

/** Recent uncached tokens at `now`, decayed (design §7.3). */
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

/** A first event came: the deployment works and its credentials are accepted. A running cool-down still stands. */
export function recordSuccess(deployment: MutableDeployment): void {
	deployment.consecutiveFailures = 0;
	deployment.refusals = 0;
	deployment.quarantineUntil = 0;
}

/**
 * Draws the consequence of a failed attempt (design §8): refused credentials are quarantined, longer each time; rate limits and
 * faults of the upstream cool down, as long as it asked for or else as configured; what is the client's doing has none.
 */
export function recordFailure(
	deployment: MutableDeployment,
	failure: AttemptFailure,
	when: { readonly now: number; readonly cooldownMs: number },
): void {
	const blame = blameFor(failure);
	if (blame === "none") return;
	deployment.consecutiveFailures += 1;
	if (blame === "credentials") {
		const quarantineMs = Math.min(LONGEST_QUARANTINE_MS, FIRST_QUARANTINE_MS * 2 ** deployment.refusals);
		deployment.refusals += 1;
		deployment.quarantineUntil = Math.max(deployment.quarantineUntil, when.now + quarantineMs);
		return;
	}
	const cooldownMs = failure.retryAfterMs ?? deployment.config.cooldownMs ?? when.cooldownMs;
	const until = when.now + Math.min(LONGEST_COOLDOWN_MS, Math.max(0, cooldownMs));
	if (until < deployment.cooldownUntil) return;
	deployment.cooldownUntil = until;
	deployment.limited = failure.status === 429;
}

function blameFor(failure: AttemptFailure): "none" | "credentials" | "upstream" {
	switch (failure.kind) {
		case "abort":
			return "none";
		case "connect":
		case "timeout":
			return "upstream";
		case "status":
		case "stream": {
			const { status } = failure;
			if (status === null) return failure.kind === "stream" ? "upstream" : "none";
			if (status === 401 || status === 402 || status === 403) return "credentials";
			return status === 408 || status === 429 || status >= 500 ? "upstream" : "none";
		}
	}
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
	const target: Target = {
		model,
		minimumTokens: minimumTokens(provider, model),
		modelPart: modelPart(provider, upstream, betas?.[1] ?? ""),
		collapseRuns: collapsesRuns(provider),
	};
	if (deployment.targets.size >= MOST_TARGETS) deployment.targets.clear();
	deployment.targets.set(wildcard, target);
	return target;
}
