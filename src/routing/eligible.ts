// Who of a group may serve a request at all: health, tags, length of prompt, parallel requests. Leaves limits to routing/headroom and order
// to routing/placement.
import type { TagFilteringConfig } from "../config/schema.ts";
import type { Exclusion, RouteRequest } from "./decision.ts";
import { type Deployment, type MutableDeployment, targetOf } from "./deployment.ts";
import type { Fleet } from "./fleet.ts";
import { type RequestAtDeployment, restOf } from "./rests.ts";

/** LiteLLM's tag of deployments that serve requests without a matching one. */
const DEFAULT_TAG = "default";

/** The group's deployments that must not be asked at `now`, soonest usable first, unknown last. */
export function exclusionsOf(fleet: Fleet, request: RouteRequest, when: When): Exclusion[] {
	const members = fleet.members(request.group);
	const { tagFiltering, preCallChecks } = fleet.routing;
	const serves = tagFiltering.enabled ? tagRule(members, request.tags ?? [], tagFiltering) : null;
	const fits = preCallChecks ? lengthRule(members, when.promptTokens()) : null;
	const confined = domainRule(fleet, request.allowedDomains);
	const excluded: Exclusion[] = [];
	for (const deployment of members) {
		if (confined !== null && !confined(deployment)) excluded.push({ deployment, why: "domain", until: null });
		else if (serves !== null && !serves(deployment)) excluded.push({ deployment, why: "tags", until: null });
		else if (fits !== null && !fits(deployment)) excluded.push({ deployment, why: "context", until: null });
		else {
			const subject = (): RequestAtDeployment => {
				return { request, target: targetOf(deployment, request.wildcard), promptTokens: when.promptTokens() };
			};
			const unwell = unwellOf(deployment, subject, when.now);
			if (unwell !== null) excluded.push(unwell);
		}
	}
	return excluded.length < 2 ? excluded : excluded.sort(bySoonest);
}

export interface When {
	readonly now: number;
	/** Estimated tokens of the prompt, for who needs them. */
	readonly promptTokens: () => number;
}

/** Soonest usable first, unknown last. */
export function bySoonest(a: Exclusion, b: Exclusion): number {
	return (a.until ?? Number.MAX_VALUE) - (b.until ?? Number.MAX_VALUE);
}

function unwellOf(deployment: MutableDeployment, subject: () => RequestAtDeployment, now: number): Exclusion | null {
	const { cooldownUntil, quarantineUntil, config, cause } = deployment;
	const until = Math.max(cooldownUntil, quarantineUntil);
	if (until > now) return { deployment, why: whyOut(deployment, now), until, reason: cause };
	const rest = restOf(deployment, subject, now);
	if (rest !== null) {
		return { deployment, why: rest.limited ? "limit" : "barred", until: rest.until, reason: rest.reason };
	}
	if (deployment.onTrial && deployment.trials > 0) return { deployment, why: "cooldown", until: null };
	if (config.maxParallelRequests !== null && deployment.inFlight >= config.maxParallelRequests) {
		return { deployment, why: "busy", until: null };
	}
	return null;
}

/** Why a deployment is not used now, in plain words: what its upstream said, where it said anything. */
export function wordsOf({ cause, quarantineUntil, limited }: Deployment, now: number): string {
	if (cause !== null) return cause;
	if (quarantineUntil > now) return "credentials refused";
	return limited ? "rate limit" : "failed";
}

function whyOut({ quarantineUntil, limited, barred }: MutableDeployment, now: number): Exclusion["why"] {
	if (quarantineUntil > now) return "quarantine";
	if (limited) return "limit";
	return barred ? "account" : "cooldown";
}

/**
 * A request's tags must be among the deployment's, any or all of them. Where nobody serves them, and for requests without tags, it is
 * who bears `default`; without any such deployment untagged requests may go anywhere [litellm §2.2].
 */
function tagRule(
	members: readonly MutableDeployment[],
	asked: readonly string[],
	{ matchAny }: TagFilteringConfig,
): (deployment: MutableDeployment) => boolean {
	const isDefault = ({ config }: MutableDeployment) => config.tags.includes(DEFAULT_TAG);
	if (asked.length > 0) {
		const serves = ({ config }: MutableDeployment) =>
			matchAny ? asked.some((tag) => config.tags.includes(tag)) : asked.every((tag) => config.tags.includes(tag));
		if (members.some(serves)) return serves;
		return isDefault;
	}
	return members.some(isDefault) ? isDefault : () => true;
}

/** A tenant's own domains by configured or learned name. A deployment whose domain has no name yet may be anybody's: it is left out. */
export function domainRule(
	fleet: Fleet,
	allowed: readonly string[] = [],
): ((deployment: MutableDeployment) => boolean) | null {
	if (allowed.length === 0) return null;
	return ({ member, config }) => {
		const name = config.cacheDomain ?? fleet.domains.nameOf(member);
		return name !== null && allowed.includes(name);
	};
}

/** A prompt too long for all is sent all the same: the upstream counts it exactly, and its answer is the honest one. */
function lengthRule(
	members: readonly MutableDeployment[],
	promptTokens: number,
): (deployment: MutableDeployment) => boolean {
	const fits = ({ config }: MutableDeployment) =>
		config.maxInputTokens === null || promptTokens <= config.maxInputTokens;
	return members.some(fits) ? fits : () => true;
}
