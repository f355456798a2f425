// Retries, allowed failures and cool-downs of the file's sections → what follows a failed attempt (routing-model §6). Leaves doing it to
// routing and proxy.
import { groupHint, type ModelNames } from "../model-name.ts";
import { firstGiven } from "../precedence.ts";
import type { Report } from "../report.ts";
import type { ErrorClassCounts } from "./error-policies.ts";
import { bothPlaces, type LitellmSections } from "./litellm-sections.ts";
import type { RouterSettings } from "./router-settings.ts";

export interface FailureConfig {
	/** Attempts after the first in one group. null, the default: every deployment once, at least three attempts. */
	readonly numRetries: number | null;
	/**
	 * Least wait before a retry on the deployment that failed; a longer one that the upstream names wins. Moving to another deployment
	 * waits for nothing.
	 */
	readonly retryAfterMs: number;
	/** By class; wins over `numRetries`. `DefaultRetries` is filled in. */
	readonly retryPolicy: ErrorClassCounts;
	/** By `model_name`; a group's replaces `retryPolicy` as a whole. */
	readonly groupRetryPolicy: ReadonlyMap<string, ErrorClassCounts>;
	/**
	 * Failures the deployment is to blame for that it may have within a minute; one more cools it down. null = the first one cools it
	 * down, the default (as 0 does).
	 */
	readonly allowedFails: number | null;
	/** By class; wins over `allowedFails`. */
	readonly allowedFailsPolicy: ErrorClassCounts;
	/** Cool-down where the upstream named none. */
	readonly cooldownMs: number;
	/** No failure takes a deployment out. */
	readonly disableCooldowns: boolean;
	/** A deployment counts as slow when its time to first token is this many times the median of its group. null = never. */
	readonly slowFactor: number | null;
}

/** What other sections have to say about it. */
interface FailureContext extends Pick<FailureConfig, "cooldownMs" | "slowFactor"> {
	readonly names: ModelNames;
}

/** Faults: a policy for a group that there is not. */
export function readFailures(
	theirs: LitellmSections,
	{ names, ...rest }: FailureContext,
	report: Report,
): FailureConfig {
	const { router } = theirs;
	return {
		...rest,
		numRetries: firstGiven(bothPlaces(theirs, "num_retries"), report)?.value ?? null,
		retryAfterMs: router.retry_after,
		retryPolicy: router.retry_policy,
		groupRetryPolicy: readGroupPolicies(router.model_group_retry_policy, names, report),
		allowedFails: firstGiven(bothPlaces(theirs, "allowed_fails"), report)?.value ?? null,
		allowedFailsPolicy: router.allowed_fails_policy,
		disableCooldowns: router.disable_cooldowns,
	};
}

/** By the group's own name, whether it was written or an alias of it. */
function readGroupPolicies(
	written: RouterSettings["model_group_retry_policy"],
	{ groups, aliases }: ModelNames,
	report: Report,
): Map<string, ErrorClassCounts> {
	const policies = new Map<string, ErrorClassCounts>();
	for (const [name, policy] of Object.entries(written)) {
		const path = ["router_settings", "model_group_retry_policy", name];
		const group = groups.has(name) ? name : aliases.get(name)?.model;
		if (group === undefined || !groups.has(group)) {
			const hint = groupHint(name, [...groups.keys(), ...aliases.keys()], { groups });
			// Without any valid group the cause has been reported.
			if (groups.size > 0) report.fault({ path, at: "key", message: `'${name}' is no model_name`, hint });
		} else if (policies.has(group)) {
			report.warn({ path, at: "key", message: `has no effect: the group '${group}' has a policy already` });
		} else policies.set(group, policy);
	}
	return policies;
}
