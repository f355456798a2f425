// What other replicas tell, taken into this one's state: notes → index, homes, health, load and limits. Leaves telling to routing/telling.
// What makes no sense here, such as a deployment that this configuration lacks, is left out without a word.
import type { Belief, PrefixIndex, Spot } from "../cache/index.ts";
import { TTL_MS } from "../cache/semantics.ts";
import type { Note, SharedBelief, SharedHome, SharedLimits, SharedSpot } from "../state/notes.ts";
import { addLoad, type MutableDeployment, type Target, targetOf } from "./deployment.ts";
import { LONGEST_REST_MS, recordSuccess } from "./failures.ts";
import type { Fleet } from "./fleet.ts";
import type { Charge, Headroom } from "./headroom.ts";
import { layToRest } from "./rests.ts";
import type { Conversations, Diversion, Home } from "./session.ts";
import type { SharedDomains } from "./shared-domains.ts";
import { recordUse } from "./strategy.ts";

export interface HearingOptions {
	readonly fleet: Fleet;
	readonly domains: SharedDomains;
	readonly index: PrefixIndex;
	readonly conversations: Conversations;
	readonly headroom: Headroom;
	/** What was being written at `spot` is written, or will not be: who waits for it may go on. */
	readonly released: (spot: Spot) => void;
	/** There is more room at a deployment than there was. */
	readonly roomAt: (deployment: MutableDeployment) => void;
}

/** Another replica's attempt. */
interface Foreign {
	readonly deployment: MutableDeployment;
	readonly target: Target;
	readonly charge: Charge;
	readonly heardAt: number;
}

/** Attempts of others that are remembered; older ones than this are over, and their end was lost. */
const MOST_ATTEMPTS = 50_000;
const LONGEST_ATTEMPT_MS = 20 * 60_000;

/** Gives what takes in one note. `now` is ms since epoch by this replica's clock; times of a clock that is ahead are cut to it. */
export function createHearing(options: HearingOptions): (note: Note, from: string, now: number) => void {
	const { fleet, domains, index, conversations, headroom } = options;
	const attempts = new Map<string, Foreign>();

	function spotOf({ domain: ref, variant, high, low }: SharedSpot): Spot | null {
		const domain = domains.domainAt(ref);
		return domain === null ? null : { high, low, place: { domain, variant, collapseRuns: false } };
	}

	function homeOf({ domain: ref, at, promptTokens, organization, diversion }: SharedHome, now: number): Home | null {
		const domain = domains.domainAt(ref);
		if (domain === null) return null;
		const away = diversion === null ? null : domains.domainAt(diversion.domain);
		const diverted: Diversion | null =
			diversion === null || away === null
				? null
				: { ...diversion, domain: away, since: Math.min(diversion.since, now) };
		return {
			domain,
			deploymentId: ref.deployment,
			at: Math.min(at, now),
			promptTokens,
			organization,
			diversion: diverted,
		};
	}

	function prefix(note: Extract<Note, { readonly spot: SharedSpot }>, now: number): void {
		const spot = spotOf(note.spot);
		if (spot === null) return;
		switch (note.kind) {
			case "lost":
				index.forget(spot);
				return;
			case "withdrawn":
				index.withdraw(spot);
				options.released(spot);
				return;
			case "coming":
			case "held": {
				const belief = beliefOf(note.belief, now);
				if (belief === null) return;
				if (note.kind === "coming") index.announce(spot, belief, now);
				else {
					index.confirm(spot, belief, now);
					options.released(spot);
				}
			}
		}
	}

	function identity(id: string, told: { organization: string; workspace: string | null }): void {
		const deployment = fleet.get(id);
		if (deployment === undefined) return;
		fleet.domains.learn(deployment.member, told);
		if (deployment.organization === told.organization) return;
		deployment.organization = told.organization;
		headroom.moved();
	}

	function health(note: Extract<Note, { readonly kind: "health" }>, now: number): void {
		const deployment = fleet.get(note.deployment);
		if (deployment === undefined || fleet.failures.disableCooldowns) return;
		const latest = now + LONGEST_REST_MS;
		const cooldownUntil = Math.min(note.cooldownUntil, latest);
		if (cooldownUntil > Math.max(now, deployment.cooldownUntil)) {
			deployment.cooldownUntil = cooldownUntil;
			deployment.limited = note.limited;
			deployment.barred = note.barred;
			deployment.cause = note.cause;
		}
		const quarantineUntil = Math.min(note.quarantineUntil, latest);
		if (quarantineUntil > now) {
			deployment.quarantineUntil = Math.max(deployment.quarantineUntil, quarantineUntil);
			deployment.refusals = Math.max(deployment.refusals, note.refusals);
			deployment.cause = note.cause;
		}
		if (Math.max(cooldownUntil, quarantineUntil) > now) deployment.onTrial ||= note.onTrial;
	}

	function rest(note: Extract<Note, { readonly kind: "rest" }>, now: number): void {
		const deployment = fleet.get(note.deployment);
		if (deployment === undefined || fleet.failures.disableCooldowns) return;
		const { part: name, tokens, limited, reason } = note;
		const until = Math.min(note.until, now + LONGEST_REST_MS);
		if (until > now) layToRest(deployment, { name, tokens, limited, reason, until }, now);
		else if (note.until === 0) deployment.rests.delete(name);
	}

	function sent({ sent: told }: Extract<Note, { readonly kind: "sent" }>, key: string, now: number): void {
		const deployment = fleet.get(told.deployment);
		if (deployment === undefined) return;
		const target = targetOf(deployment, told.wildcard);
		const { inputTokens, outputTokens } = told;
		addLoad(deployment, told.load, { now, ageMs: 0, halfLifeMs: fleet.routing.loadHalfLifeMs });
		recordUse(deployment, { requests: 1, tokens: told.usedTokens }, now);
		const charge = headroom.charge(deployment, { target, need: { inputTokens, outputTokens } }, now);
		attempts.set(key, { deployment, target, charge, heardAt: now });
		dropOld(now);
	}

	function dropOld(now: number): void {
		for (const [key, { charge, heardAt }] of attempts) {
			if (attempts.size <= MOST_ATTEMPTS && now - heardAt < LONGEST_ATTEMPT_MS) return;
			attempts.delete(key);
			headroom.settle(charge, null, now);
		}
	}

	function answered(key: string, limits: SharedLimits | null, now: number): void {
		const attempt = attempts.get(key);
		if (attempt === undefined) return;
		const { deployment, target, charge } = attempt;
		headroom.report(charge, { deployment, target, limits }, now);
	}

	function ended(note: Extract<Note, { readonly kind: "ended" }>, key: string, now: number): void {
		const attempt = attempts.get(key);
		if (attempt === undefined) return;
		attempts.delete(key);
		const { deployment, target, charge, heardAt } = attempt;
		const halfLifeMs = fleet.routing.loadHalfLifeMs;
		addLoad(deployment, note.load, { now, ageMs: now - heardAt, halfLifeMs });
		const room = headroom.settle(charge, note.actual, now);
		if (note.refused !== null) headroom.refused(charge, note.refused.retryAfterMs, now);
		headroom.report(charge, { deployment, target, limits: note.limits }, now);
		if (room) options.roomAt(deployment);
	}

	return (note, from, now) => {
		switch (note.kind) {
			case "coming":
			case "held":
			case "withdrawn":
			case "lost":
				prefix(note, now);
				return;
			case "home": {
				const home = note.home === null ? null : homeOf(note.home, now);
				if (note.home === null || home !== null) conversations.take(note.conversation, home);
				return;
			}
			case "identity":
				identity(note.deployment, note);
				return;
			case "health":
				health(note, now);
				return;
			case "rest":
				rest(note, now);
				return;
			case "recovered": {
				const deployment = fleet.get(note.deployment);
				if (deployment !== undefined) recordSuccess(deployment);
				return;
			}
			case "sent":
				sent(note, `${from} ${note.attempt}`, now);
				return;
			case "answered":
				answered(`${from} ${note.attempt}`, note.limits, now);
				return;
			case "ended":
				ended(note, `${from} ${note.attempt}`, now);
		}
	};
}

/** Null = it has run out. */
function beliefOf(belief: SharedBelief, now: number): Belief | null {
	if (belief.requestedAt + TTL_MS[belief.ttl] <= now) return null;
	return { ...belief, requestedAt: Math.min(belief.requestedAt, now) };
}
