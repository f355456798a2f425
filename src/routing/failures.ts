// What follows from an answer for a deployment's health: cool-down, quarantine, trial. Leaves limits to routing/headroom and choosing to
// routing/planner.
import type { ErrorClass, FailureConfig } from "../config/schema.ts";
import type { AttemptFailure, MutableDeployment } from "./deployment.ts";

const FIRST_QUARANTINE_MS = 60_000;
const LONGEST_QUARANTINE_MS = 15 * 60_000;
/** A longer `retry-after` speaks of a quota; ask again every hour all the same. */
export const LONGEST_COOLDOWN_MS = 60 * 60_000;
/** A spent budget or a daily quota says nothing of when it ends; one request asks again after this. */
const LASTING_COOLDOWN_MS = 15 * 60_000;
/** `allowed_fails` counts failures within one of these. */
const WINDOW_MS = 60_000;

/** A first event came: the deployment works and its credentials are accepted. A running cool-down still stands. */
export function recordSuccess(deployment: MutableDeployment): void {
	deployment.consecutiveFailures = 0;
	deployment.refusals = 0;
	deployment.quarantineUntil = 0;
	deployment.onTrial = false;
}

/** What to judge a failure by. */
export interface FailureRules {
	readonly now: number;
	readonly failures: FailureConfig;
	/** All that the failure is about, the one that failed included: see `Fleet.kinOf`. */
	readonly kin: readonly MutableDeployment[];
}

/**
 * Draws the consequence of a failed attempt (design §8), for what the failure is about and nothing else: refused credentials are
 * quarantined, longer each time; a spent budget takes out all of its organisation; rate limits and faults of the upstream cool down,
 * as long as it asked for or else as configured, once there are more of them within a minute than allowed; what is the client's doing
 * has no consequence.
 */
export function recordFailure(deployment: MutableDeployment, failure: AttemptFailure, rules: FailureRules): void {
	const blame = blameFor(failure);
	if (blame === "none") return;
	deployment.consecutiveFailures += 1;
	const { failures, now } = rules;
	if (failures.disableCooldowns || isAllowed(deployment, failure, rules)) return;
	for (const each of rules.kin) {
		if (blame === "credentials") quarantine(each, now);
		else coolDown(each, coolDownFor(each, failure, rules));
	}
}

function quarantine(deployment: MutableDeployment, now: number): void {
	const quarantineMs = Math.min(LONGEST_QUARANTINE_MS, FIRST_QUARANTINE_MS * 2 ** deployment.refusals);
	deployment.refusals += 1;
	deployment.quarantineUntil = Math.max(deployment.quarantineUntil, now + quarantineMs);
}

interface CoolDown {
	readonly until: number;
	readonly limited: boolean;
	readonly onTrial: boolean;
}

/** Who named the time is believed; where the end is a guess, one request tries it first. */
function coolDownFor(
	{ config }: MutableDeployment,
	failure: AttemptFailure,
	{ failures, now }: FailureRules,
): CoolDown {
	const limited = failure.status === 429;
	const named = failure.retryAfterMs;
	if (failure.lasting === true) {
		return { until: now + Math.max(LASTING_COOLDOWN_MS, named ?? 0), limited, onTrial: true };
	}
	const cooldownMs = Math.min(LONGEST_COOLDOWN_MS, Math.max(0, named ?? config.cooldownMs ?? failures.cooldownMs));
	return { until: now + cooldownMs, limited, onTrial: !limited || named === null };
}

function coolDown(deployment: MutableDeployment, { until, limited, onTrial }: CoolDown): void {
	if (until < deployment.cooldownUntil) return;
	deployment.cooldownUntil = until;
	deployment.limited = limited;
	deployment.onTrial ||= onTrial;
}

/**
 * Whether this failure is still within `allowed_fails_policy`, or else `allowed_fails`. Only a policy that names it can overrule a
 * refusal that is not transient: credentials, a limit with its own `retry-after`, a spent budget.
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
	const certain = kind === "authentication" || failure.lasting === true || failure.retryAfterMs !== null;
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
