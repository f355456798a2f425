// Retries, allowed failures and cool-downs of the file's sections → what follows a failed attempt. Leaves doing it to routing and proxy.
import type { ModelNames } from "./model-name.ts";
import { firstGiven } from "./precedence.ts";
import type { Report } from "./report.ts";
import { DEFAULTS, type ErrorClassCounts, type FailureConfig, NO_COUNTS } from "./schema.ts";
import { bothPlaces, type Sections } from "./sections.ts";
import { didYouMean } from "./suggest.ts";

/** What other parts of the configuration have to say about it. */
export interface FailureContext {
	readonly names: ModelNames;
	readonly cooldownMs: number;
}

/** Faults: a policy for a group that there is not. */
export function readFailures(sections: Sections, { names, cooldownMs }: FailureContext, report: Report): FailureConfig {
	const { router, own } = sections;
	return {
		numRetries: firstGiven(bothPlaces(sections, "num_retries"), report)?.value ?? DEFAULTS.failures.numRetries,
		retryAfterMs: router.retry_after,
		retryPolicy: router.retry_policy ?? NO_COUNTS,
		groupRetryPolicy: readGroupPolicies(router.model_group_retry_policy, names, report),
		allowedFails: firstGiven(bothPlaces(sections, "allowed_fails"), report)?.value ?? DEFAULTS.failures.allowedFails,
		allowedFailsPolicy: router.allowed_fails_policy ?? NO_COUNTS,
		cooldownMs,
		disableCooldowns: router.disable_cooldowns,
		slowFactor: own.routing.slow_factor,
	};
}

/** By the group's own name, whether it was written or an alias of it. */
function readGroupPolicies(
	written: Readonly<Record<string, ErrorClassCounts>>,
	{ groups, aliases }: ModelNames,
	report: Report,
): Map<string, ErrorClassCounts> {
	const policies = new Map<string, ErrorClassCounts>();
	for (const [name, policy] of Object.entries(written)) {
		const path = ["router_settings", "model_group_retry_policy", name];
		const group = groups.has(name) ? name : aliases.get(name)?.model;
		if (group === undefined || !groups.has(group)) {
			const known = [...groups.keys(), ...aliases.keys()];
			const hint = didYouMean(name, known) || `Groups: ${[...groups.keys()].join(", ")}.`;
			// Without any valid group the cause has been reported.
			if (groups.size > 0) report.fault({ path, at: "key", message: `'${name}' is no model_name`, hint });
		} else if (policies.has(group)) {
			report.warn({ path, at: "key", message: `has no effect: the group '${group}' has a policy already` });
		} else policies.set(group, policy);
	}
	return policies;
}
