// What this replica did and learned, published to the others: changes → notes. Leaves carrying them to state/, and the notes of others to
// routing/replicas/apply.
import type { Belief, IndexObserver, Spot } from "../../cache/index.ts";
import type { Note, SharedAttempt, SharedHome, SharedSpot } from "../../state/notes.ts";
import type { SharedState } from "../../state/state.ts";
import type { MutableDeployment } from "../deployment.ts";
import type { RateLimits } from "../meter.ts";
import type { Home, HomeObserver } from "../session.ts";
import type { SharedDomains } from "./domains.ts";

/** What became of an attempt, as in state/notes. */
type Outcome = Omit<Extract<Note, { readonly kind: "ended" }>, "kind" | "attempt">;

/** Who a deployment is, is published anew after this, for replicas that have come since. */
const IDENTITY_AGAIN_MS = 5 * 60_000;

/** Observer of the index and of conversations' homes, and through the router of attempts. Never throws, waits for nothing. */
export class NotePublisher implements IndexObserver, HomeObserver {
	readonly #shared: SharedState;
	readonly #domains: SharedDomains;
	/** The identities published last. */
	readonly #identities = new WeakMap<MutableDeployment, { readonly text: string; readonly at: number }>();
	#attempts = 0;
	#isApplying = false;

	constructor(shared: SharedState, domains: SharedDomains) {
		this.#shared = shared;
		this.#domains = domains;
	}

	coming(spot: Spot, belief: Belief): void {
		const at = this.#isApplying ? null : this.#spotOf(spot);
		if (at !== null) this.#publish({ kind: "coming", spot: at, belief });
	}

	withdrawn(spot: Spot): void {
		const at = this.#isApplying ? null : this.#spotOf(spot);
		if (at !== null) this.#publish({ kind: "withdrawn", spot: at });
	}

	held(spot: Spot, belief: Belief): void {
		const at = this.#isApplying ? null : this.#spotOf(spot);
		if (at !== null) this.#publish({ kind: "held", spot: at, belief });
	}

	lost(spot: Spot): void {
		const at = this.#isApplying ? null : this.#spotOf(spot);
		if (at !== null) this.#publish({ kind: "lost", spot: at });
	}

	home(key: number, home: Home | null): void {
		const shared = home === null ? null : this.#homeOf(home);
		if (home === null || shared !== null) this.#publish({ kind: "home", conversation: key, home: shared });
	}

	/** An answer came from this deployment, which named its organisation. */
	identity(deployment: MutableDeployment, workspace: string | null, now: number): void {
		const { id, organization } = deployment;
		if (organization === null) return;
		const text = `${organization}\n${workspace ?? ""}`;
		const last = this.#identities.get(deployment);
		if (last !== undefined && last.text === text && now - last.at < IDENTITY_AGAIN_MS) return;
		this.#identities.set(deployment, { text, at: now });
		this.#publish({ kind: "identity", deployment: id, organization, workspace });
	}

	/** A failure took it out, or the named part of it. */
	unwell(deployment: MutableDeployment, part: string | null): void {
		const { id, cooldownUntil, limited, onTrial, quarantineUntil, refusals, barred, cause } = deployment;
		if (part === null) {
			const times = { cooldownUntil, limited, onTrial, quarantineUntil, refusals };
			this.#publish({ kind: "health", deployment: id, ...times, barred, cause });
			return;
		}
		const rest = deployment.rests.get(part);
		if (rest === undefined) return;
		const { until, reason, tokens } = rest;
		this.#publish({ kind: "rest", deployment: id, part, until, tokens, limited: rest.limited, reason });
	}

	/** The named part of it serves again. */
	rested({ id }: MutableDeployment, part: string): void {
		this.#publish({ kind: "rest", deployment: id, part, until: 0, tokens: 0, limited: false, reason: "" });
	}

	/** It serves again. */
	recovered({ id }: MutableDeployment): void {
		this.#publish({ kind: "recovered", deployment: id });
	}

	/** Gives the number by which `answered` and `ended` name the attempt. */
	sent(sent: SharedAttempt): number {
		this.#attempts += 1;
		this.#publish({ kind: "sent", attempt: this.#attempts, sent });
		return this.#attempts;
	}

	answered(attempt: number, limits: RateLimits | null): void {
		this.#publish({ kind: "answered", attempt, limits });
	}

	ended(attempt: number, outcome: Outcome): void {
		this.#publish({ kind: "ended", attempt, ...outcome });
	}

	/** Runs what applies the notes of others: nothing of it is published again. */
	withoutPublishing(run: () => void): void {
		this.#isApplying = true;
		try {
			run();
		} finally {
			this.#isApplying = false;
		}
	}

	#spotOf({ high, low, place }: Spot): SharedSpot | null {
		const domain = this.#domains.refOf(place.domain);
		return domain === null ? null : { domain, variant: place.variant, high, low };
	}

	#homeOf({ domain, at, promptTokens, organization, diversion }: Home): SharedHome | null {
		const ref = this.#domains.refOf(domain);
		if (ref === null) return null;
		const away = diversion === null ? null : this.#domains.refOf(diversion.domain);
		const diverted = diversion === null || away === null ? null : { ...diversion, domain: away };
		return { domain: ref, at, promptTokens, organization, diversion: diverted };
	}

	#publish(note: Note): void {
		if (!this.#isApplying) this.#shared.publish(note);
	}
}
