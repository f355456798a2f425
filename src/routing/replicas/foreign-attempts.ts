// The attempts of other replicas: what they take of limits and add to load here. Leaves this replica's own to routing/attempts.
import type { Note, SharedAttempt, SharedLimits } from "../../state/notes.ts";
import { addLoad, type MutableDeployment, type Target, targetOf } from "../deployment.ts";
import type { Fleet } from "../fleet.ts";
import type { Charge, Headroom } from "../headroom.ts";
import type { Releases } from "../releases.ts";
import { recordUse } from "../strategy.ts";

interface ForeignAttempt {
	readonly deployment: MutableDeployment;
	readonly target: Target;
	readonly charge: Charge;
	readonly sentAt: number;
}

/** Attempts of others that are remembered; older ones than this are over, and their end was lost. */
const MOST_ATTEMPTS = 50_000;
const LONGEST_ATTEMPT_MS = 20 * 60_000;

/** Attempts by replica and number, oldest first. */
export class ForeignAttempts {
	readonly #fleet: Fleet;
	readonly #headroom: Headroom;
	readonly #releases: Releases;
	readonly #attempts = new Map<string, ForeignAttempt>();

	constructor(fleet: Fleet, headroom: Headroom, releases: Releases) {
		this.#fleet = fleet;
		this.#headroom = headroom;
		this.#releases = releases;
	}

	sent(key: string, sent: SharedAttempt, now: number): void {
		const deployment = this.#fleet.get(sent.deployment);
		if (deployment === undefined) return;
		const target = targetOf(deployment, sent.wildcard);
		const { inputTokens, outputTokens } = sent;
		addLoad(deployment, sent.load, { now, ageMs: 0, halfLifeMs: this.#fleet.routing.loadHalfLifeMs });
		recordUse(deployment, { requests: 1, tokens: sent.usedTokens }, now);
		const charge = this.#headroom.charge(deployment, { target, need: { inputTokens, outputTokens } }, now);
		this.#attempts.set(key, { deployment, target, charge, sentAt: now });
		this.#dropOld(now);
	}

	answered(key: string, limits: SharedLimits | null, now: number): void {
		const attempt = this.#attempts.get(key);
		if (attempt === undefined) return;
		const { deployment, target, charge } = attempt;
		this.#headroom.report(charge, { deployment, target, limits }, now);
	}

	ended(key: string, note: Extract<Note, { readonly kind: "ended" }>, now: number): void {
		const attempt = this.#attempts.get(key);
		if (attempt === undefined) return;
		this.#attempts.delete(key);
		const { deployment, target, charge, sentAt } = attempt;
		const halfLifeMs = this.#fleet.routing.loadHalfLifeMs;
		addLoad(deployment, note.load, { now, ageMs: now - sentAt, halfLifeMs });
		const gaveBack = this.#headroom.settle(charge, note.actual, now);
		if (note.refused !== null) this.#headroom.refused(charge, note.refused.retryAfterMs, now);
		this.#headroom.report(charge, { deployment, target, limits: note.limits }, now);
		if (gaveBack) this.#releases.capacityAt(deployment);
	}

	#dropOld(now: number): void {
		for (const [key, { charge, sentAt }] of this.#attempts) {
			if (this.#attempts.size <= MOST_ATTEMPTS && now - sentAt < LONGEST_ATTEMPT_MS) return;
			this.#attempts.delete(key);
			this.#headroom.settle(charge, null, now);
		}
	}
}
