// What this replica did and learned, told to the others: changes → notes. Leaves carrying them to state/, and what others tell to
// routing/hearing.
import type { IndexObserver, Spot } from "../cache/index.ts";
import type { Note, SharedAttempt, SharedHome, SharedSpot } from "../state/notes.ts";
import type { SharedState } from "../state/state.ts";
import type { MutableDeployment } from "./deployment.ts";
import type { RateLimits } from "./meter.ts";
import type { Home } from "./session.ts";
import type { SharedDomains } from "./shared-domains.ts";

/** Observer of the index and of conversations' homes, and told of attempts by the router. Never throws, waits for nothing. */
export interface Teller extends IndexObserver {
	home(key: number, home: Home | null): void;
	/** An answer came from this deployment, which named its organisation. */
	identity(deployment: MutableDeployment, workspace: string | null, now: number): void;
	/** A failure took it out, or the named part of it. */
	unwell(deployment: MutableDeployment, part: string | null): void;
	/** The named part of it serves again. */
	rested(deployment: MutableDeployment, part: string): void;
	/** It serves again. */
	recovered(deployment: MutableDeployment): void;
	/** Gives the number by which `answered` and `ended` name the attempt. */
	sent(sent: SharedAttempt): number;
	answered(attempt: number, limits: RateLimits | null): void;
	ended(attempt: number, outcome: Outcome): void;
	/** Runs what takes over from others: nothing of it is told. */
	quietly(run: () => void): void;
}

/** What became of an attempt, as in state/notes. */
type Outcome = Omit<Extract<Note, { readonly kind: "ended" }>, "kind" | "attempt">;

/** Who a deployment is, is told anew after this, for replicas that have come since. */
const IDENTITY_AGAIN_MS = 5 * 60_000;

export function createTeller(shared: SharedState, domains: SharedDomains): Teller {
	const toldOf = new WeakMap<MutableDeployment, { readonly text: string; readonly at: number }>();
	let attempts = 0;
	let quiet = false;

	function tell(note: Note): void {
		if (!quiet) shared.publish(note);
	}

	function spotOf({ high, low, place }: Spot): SharedSpot | null {
		const domain = domains.refOf(place.domain);
		return domain === null ? null : { domain, variant: place.variant, high, low };
	}

	function homeOf({ domain, at, promptTokens, organization, diversion }: Home): SharedHome | null {
		const ref = domains.refOf(domain);
		if (ref === null) return null;
		const away = diversion === null ? null : domains.refOf(diversion.domain);
		const diverted = diversion === null || away === null ? null : { ...diversion, domain: away };
		return { domain: ref, at, promptTokens, organization, diversion: diverted };
	}

	return {
		coming(spot, belief) {
			const at = quiet ? null : spotOf(spot);
			if (at !== null) tell({ kind: "coming", spot: at, belief });
		},
		withdrawn(spot) {
			const at = quiet ? null : spotOf(spot);
			if (at !== null) tell({ kind: "withdrawn", spot: at });
		},
		held(spot, belief) {
			const at = quiet ? null : spotOf(spot);
			if (at !== null) tell({ kind: "held", spot: at, belief });
		},
		lost(spot) {
			const at = quiet ? null : spotOf(spot);
			if (at !== null) tell({ kind: "lost", spot: at });
		},
		home(conversation, home) {
			const told = home === null ? null : homeOf(home);
			if (home === null || told !== null) tell({ kind: "home", conversation, home: told });
		},
		identity(deployment, workspace, now) {
			const { id, organization } = deployment;
			if (organization === null) return;
			const text = `${organization}\n${workspace ?? ""}`;
			const told = toldOf.get(deployment);
			if (told !== undefined && told.text === text && now - told.at < IDENTITY_AGAIN_MS) return;
			toldOf.set(deployment, { text, at: now });
			tell({ kind: "identity", deployment: id, organization, workspace });
		},
		unwell(deployment, part) {
			const { id, cooldownUntil, limited, onTrial, quarantineUntil, refusals, barred, cause } = deployment;
			if (part === null) {
				const times = { cooldownUntil, limited, onTrial, quarantineUntil, refusals };
				tell({ kind: "health", deployment: id, ...times, barred, cause });
				return;
			}
			const rest = deployment.rests.get(part);
			if (rest === undefined) return;
			const { until, reason, tokens } = rest;
			tell({ kind: "rest", deployment: id, part, until, tokens, limited: rest.limited, reason });
		},
		rested({ id }, part) {
			tell({ kind: "rest", deployment: id, part, until: 0, tokens: 0, limited: false, reason: "" });
		},
		recovered({ id }) {
			tell({ kind: "recovered", deployment: id });
		},
		sent(sent) {
			attempts += 1;
			tell({ kind: "sent", attempt: attempts, sent });
			return attempts;
		},
		answered(attempt, limits) {
			tell({ kind: "answered", attempt, limits });
		},
		ended(attempt, outcome) {
			tell({ kind: "ended", attempt, ...outcome });
		},
		quietly(run) {
			quiet = true;
			try {
				run();
			} finally {
				quiet = false;
			}
		},
	};
}
