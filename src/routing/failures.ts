// What follows from an answer for a deployment's health: cool-down, quarantine, rest of a part, trial. Leaves limits to routing/headroom and
// choosing to routing/planner.
import type { ErrorClass, FailureConfig, FailureScope } from "../config/schema.ts";
import type { AttemptFailure, MutableDeployment, Part } from "./deployment.ts";
import { layToRest, partsOf, type RequestAtDeployment } from "./rests.ts";

const FIRST_QUARANTINE_MS = 60_000;
const LONGEST_QUARANTINE_MS = 15 * 60_000;
/** A longer `retry-after` speaks of a quota; ask again every hour all the same. */
const LONGEST_COOLDOWN_MS = 60 * 60_000;
/** A spent budget or a daily quota says nothing of when it ends; one request asks again after this. */
const LASTING_COOLDOWN_MS = 15 * 60_000;
/** A model that a credential may not use, where nothing says for how long. */
const BARRED_MS = 60_000;
/** A spent budget whose end was named lasts till then. */
export const LONGEST_REST_MS = 32 * 86_400_000;
/** `allowed_fails` counts failures within one of these. */
const WINDOW_MS = 60_000;

/**
 * A first event came: the deployment works, and its credentials and account are accepted. A cool-down for other reasons still stands. True
 * if something is over by that.
 */
export function recordSuccess(deployment: MutableDeployment): boolean {
	const healed = deployment.onTrial || deployment.quarantineUntil > 0 || deployment.barred;
	deployment.consecutiveFailures = 0;
	deployment.refusals = 0;
	deployment.quarantineUntil = 0;
	deployment.onTrial = false;
	if (deployment.barred) deployment.cooldownUntil = 0;
	deployment.barred = false;
	return healed;
}

/** A request was served: none of the parts that it belongs to rests any more. Gives those that did. */
export function endRests(deployment: MutableDeployment, subject: RequestAtDeployment): readonly string[] {
	if (deployment.rests.size === 0) return [];
	return partsOf(deployment, subject).flatMap(({ name }) => (deployment.rests.delete(name) ? [name] : []));
}

/** What to judge a failure by. */
export interface FailureRules {
	readonly now: number;
	readonly failures: FailureConfig;
	/** All that the failure is about, the one that failed included: see `Fleet.inScopeOf`. */
	readonly affected: readonly MutableDeployment[];
	/** What of them it is about; null = all. */
	readonly part: Part | null;
}

/**
 * Draws the consequence of a failed attempt (routing-model §6), by its scope alone and for nothing wider: refused credentials are quarantined,
 * longer each time; what an account is out of rests with all of the account's credentials; a class of requests or one model of several
 * rests as a part; limits and faults of the upstream cool down, as long as it asked for or else as configured, once there are more of them
 * within a minute than allowed; what is about one request has no consequence. True if something rests now.
 */
export function recordFailure(deployment: MutableDeployment, failure: AttemptFailure, rules: FailureRules): boolean {
	const scope = scopeOf(failure);
	if (scope === "request") return false;
	const { failures, now, part } = rules;
	if (part === null) deployment.consecutiveFailures += 1;
	if (failures.disableCooldowns || isAllowed(deployment, failure, rules)) return false;
	for (const each of rules.affected) {
		if (scope === "credential" && isRefusal(failure)) quarantine(each, failure, now);
		else {
			const cooled = coolDownFor(each, failure, rules);
			if (part === null) coolDown(each, cooled);
			else layToRest(each, { ...part, ...cooled }, now);
		}
	}
	return true;
}

/** A failure's scope; where none was given, as its status says. */
export function scopeOf(failure: AttemptFailure): FailureScope {
	const { kind, status, scope } = failure;
	if (kind === "abort") return "request";
	if (scope !== undefined) return scope;
	if (status === null) return kind === "status" ? "request" : "endpoint";
	if (failure.lasting === true || status === 402) return "account";
	if (status === 401 || status === 403) return "credential";
	if (status === 429) return "model";
	return status === 408 || status >= 500 ? "endpoint" : "request";
}

/** The credential itself is bad, as opposed to what it may spend. */
function isRefusal(failure: AttemptFailure): boolean {
	return failure.lasting !== true && classOf(failure) === "authentication";
}

/** One that is refused once more while in quarantine has been asked as a last resort: it is no worse than before. */
function quarantine(deployment: MutableDeployment, { reason }: AttemptFailure, now: number): void {
	if (deployment.quarantineUntil > now) return;
	const quarantineMs = Math.min(LONGEST_QUARANTINE_MS, FIRST_QUARANTINE_MS * 2 ** deployment.refusals);
	deployment.refusals += 1;
	deployment.quarantineUntil = now + quarantineMs;
	deployment.cause = reason ?? "credentials refused";
}

interface CoolDown {
	readonly until: number;
	readonly limited: boolean;
	/** It is about what the account or credential may do: it may be mended any time. */
	readonly barred: boolean;
	readonly onTrial: boolean;
	readonly reason: string;
}

/** Who named the time is believed; where the end is a guess, one request tries it first. */
function coolDownFor(
	{ config }: MutableDeployment,
	failure: AttemptFailure,
	{ failures, now }: FailureRules,
): CoolDown {
	const scope = scopeOf(failure);
	const isSpent = scope === "account" || (scope === "class" && failure.lasting === true);
	const limited = failure.status === 429 && !isSpent;
	const barred = !limited && scope !== "endpoint";
	const named = failure.retryAfterMs;
	const reason = failure.reason ?? (limited ? "rate limit" : barred ? "refused" : "failed");
	if (failure.lasting === true) {
		const ms = Math.min(LONGEST_REST_MS, Math.max(LASTING_COOLDOWN_MS, named ?? 0));
		return { until: now + ms, limited, barred, onTrial: true, reason };
	}
	const usual = barred ? BARRED_MS : (config.cooldownMs ?? failures.cooldownMs);
	const cooldownMs = Math.min(LONGEST_COOLDOWN_MS, Math.max(0, named ?? usual));
	return { until: now + cooldownMs, limited, barred, onTrial: !limited || named === null, reason };
}

function coolDown(deployment: MutableDeployment, { until, limited, barred, onTrial, reason }: CoolDown): void {
	if (until < deployment.cooldownUntil) return;
	deployment.cooldownUntil = until;
	deployment.limited = limited;
	deployment.barred = barred;
	deployment.cause = reason;
	deployment.onTrial ||= onTrial;
}

/**
 * Whether this failure is still within `allowed_fails_policy`, or else `allowed_fails`. Only a policy that names it can overrule a
 * refusal that is not transient: credentials, accounts, a model or class that is not served, a limit with its own `retry-after`.
 */
function isAllowed(deployment: MutableDeployment, failure: AttemptFailure, { failures, now }: FailureRules): boolean {
	const kind = classOf(failure);
	if (now - deployment.failuresSince >= WINDOW_MS) {
		deployment.failuresSince = now;
		deployment.failuresByClass = {};
	}
	const counts = deployment.failuresByClass;
	counts[kind] = (counts[kind] ?? 0) + 1;
	const named = failures.allowedFailsPolicy[kind];
	if (named !== null) return counts[kind] <= named;
	const scope = scopeOf(failure);
	const isTransient = scope === "endpoint" || (scope === "model" && failure.status === 429);
	const certain = !isTransient || failure.lasting === true || failure.retryAfterMs !== null;
	if (certain || failures.allowedFails === null) return false;
	return Object.values(counts).reduce((sum, count) => sum + count, 0) <= failures.allowedFails;
}

function classOf({ errorClass, kind, status }: AttemptFailure): ErrorClass {
	if (errorClass !== undefined) return errorClass;
	if (kind === "timeout" || status === 408) return "timeout";
	if (status === 401 || status === 402 || status === 403) return "authentication";
	if (status === 429) return "rateLimit";
	return status === 503 || status === 529 ? "serviceUnavailable" : "internalServer";
}
