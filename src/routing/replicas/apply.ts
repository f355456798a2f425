// Notes of other replicas, applied to this one's state: index, homes, health, load and limits. Leaves publishing to routing/replicas/publish.
// What makes no sense here, such as a deployment that this configuration lacks, is left out without a word.
import type { Belief, PrefixIndex, Spot } from "../../cache/index.ts";
import { TTL_MS } from "../../cache/semantics.ts";
import type { Note, SharedBelief, SharedHome, SharedSpot } from "../../state/notes.ts";
import { LONGEST_REST_MS, recordSuccess } from "../failures.ts";
import type { Fleet } from "../fleet.ts";
import type { Headroom } from "../headroom.ts";
import type { Releases } from "../releases.ts";
import { layToRest } from "../rests.ts";
import type { Conversations, Diversion, Home } from "../session.ts";
import type { SharedDomains } from "./domains.ts";
import { ForeignAttempts } from "./foreign-attempts.ts";

interface ApplierOptions {
	readonly fleet: Fleet;
	readonly domains: SharedDomains;
	readonly index: PrefixIndex;
	readonly conversations: Conversations;
	readonly headroom: Headroom;
	readonly releases: Releases;
}

type NoteOf<Kind extends Note["kind"]> = Extract<Note, { readonly kind: Kind }>;

export class NoteApplier {
	readonly #state: ApplierOptions;
	readonly #attempts: ForeignAttempts;

	constructor(state: ApplierOptions) {
		this.#state = state;
		this.#attempts = new ForeignAttempts(state.fleet, state.headroom, state.releases);
	}

	/** Takes in one note. `now` is ms since epoch by this replica's clock; times of a clock that is ahead are cut to it. */
	apply(note: Note, from: string, now: number): void {
		switch (note.kind) {
			case "coming":
			case "held":
			case "withdrawn":
			case "lost":
				this.#prefix(note, now);
				return;
			case "home": {
				const home = note.home === null ? null : this.#homeOf(note.home, now);
				if (note.home === null || home !== null) this.#state.conversations.take(note.conversation, home);
				return;
			}
			case "identity":
				this.#identity(note);
				return;
			case "health":
				this.#health(note, now);
				return;
			case "rest":
				this.#rest(note, now);
				return;
			case "recovered": {
				const deployment = this.#state.fleet.get(note.deployment);
				if (deployment !== undefined) recordSuccess(deployment);
				return;
			}
			case "sent":
				this.#attempts.sent(`${from} ${note.attempt}`, note.sent, now);
				return;
			case "answered":
				this.#attempts.answered(`${from} ${note.attempt}`, note.limits, now);
				return;
			case "ended":
				this.#attempts.ended(`${from} ${note.attempt}`, note, now);
		}
	}

	#prefix(note: NoteOf<"coming" | "held" | "withdrawn" | "lost">, now: number): void {
		const { index, releases } = this.#state;
		const spot = this.#spotOf(note.spot);
		if (spot === null) return;
		switch (note.kind) {
			case "lost":
				index.forget(spot);
				return;
			case "withdrawn":
				index.withdraw(spot);
				releases.prefixAt(spot);
				return;
			case "coming":
			case "held": {
				const belief = beliefOf(note.belief, now);
				if (belief === null) return;
				if (note.kind === "coming") index.announce(spot, belief, now);
				else {
					index.confirm(spot, belief, now);
					releases.prefixAt(spot);
				}
			}
		}
	}

	#identity({ deployment: id, organization, workspace }: NoteOf<"identity">): void {
		const { fleet, headroom } = this.#state;
		const deployment = fleet.get(id);
		if (deployment === undefined) return;
		fleet.domains.learn(deployment.member, { organization, workspace });
		if (deployment.organization === organization) return;
		deployment.organization = organization;
		headroom.moved();
	}

	#health(note: NoteOf<"health">, now: number): void {
		const { fleet } = this.#state;
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

	#rest(note: NoteOf<"rest">, now: number): void {
		const { fleet } = this.#state;
		const deployment = fleet.get(note.deployment);
		if (deployment === undefined || fleet.failures.disableCooldowns) return;
		const { part: name, tokens, limited, reason } = note;
		const until = Math.min(note.until, now + LONGEST_REST_MS);
		if (until > now) layToRest(deployment, { name, tokens, limited, reason, until }, now);
		else if (note.until === 0) deployment.rests.delete(name);
	}

	#spotOf({ domain: ref, variant, high, low }: SharedSpot): Spot | null {
		const domain = this.#state.domains.domainAt(ref);
		return domain === null ? null : { high, low, place: { domain, variant, collapseRuns: false } };
	}

	#homeOf({ domain: ref, at, promptTokens, organization, diversion }: SharedHome, now: number): Home | null {
		const domain = this.#state.domains.domainAt(ref);
		if (domain === null) return null;
		const away = diversion === null ? null : this.#state.domains.domainAt(diversion.domain);
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
}

/** Null = it has run out. */
function beliefOf(belief: SharedBelief, now: number): Belief | null {
	if (belief.requestedAt + TTL_MS[belief.ttl] <= now) return null;
	return { ...belief, requestedAt: Math.min(belief.requestedAt, now) };
}
