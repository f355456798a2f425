// What replicas tell each other, as data. Leaves its text to state/wire, carrying it to state/state and state/redis, and what follows from it
// to routing/apply-notes.

/**
 * Names a cache domain equally on every replica: by its configured or learned name, else (null) by a deployment that is in it, which is
 * named in any case for those who do not know the name.
 */
export interface DomainRef {
	readonly name: string | null;
	readonly deployment: string;
}

/** One prefix at one place. `variant` holds upstream model and betas, see cache/place. */
export interface SharedSpot {
	readonly domain: DomainRef;
	readonly variant: number;
	readonly high: number;
	readonly low: number;
}

/** Twin of cache/index's Belief. Times are ms since epoch. */
export interface SharedBelief {
	readonly ttl: "5m" | "1h";
	readonly tokens: number;
	readonly exact: boolean;
	readonly requestedAt: number;
}

/** Twin of routing/session's Home; organization null = unknown, diversion null = at home. */
export interface SharedHome {
	readonly domain: DomainRef;
	readonly at: number;
	readonly promptTokens: number;
	readonly organization: string | null;
	readonly diversion: { readonly domain: DomainRef; readonly since: number; readonly turns: number } | null;
}

/** Twin of routing/meter's LimitFigures. */
export interface SharedFigures {
	readonly limit: number;
	readonly remaining: number;
	readonly resetAt: number;
}

/** Twin of routing/meter's RateLimits. */
export interface SharedLimits {
	readonly requests: SharedFigures | null;
	readonly inputTokens: SharedFigures | null;
	readonly outputTokens: SharedFigures | null;
	readonly tokens: SharedFigures | null;
	readonly unified: { readonly status: string; readonly resetAt: number | null } | null;
}

/** What is true of an attempt for as long as it is under way. `load` and the tokens as routing/attempts counts them. */
export interface SharedAttempt {
	readonly deployment: string;
	/** What the group's `*` matched, or null. */
	readonly wildcard: string | null;
	readonly load: number;
	readonly inputTokens: number;
	readonly outputTokens: number;
	/** Tokens of the whole request, for the strategies by usage. */
	readonly usedTokens: number;
}

/**
 * One thing that a replica did or learned. Entries: coming = a request that writes it is under way · withdrawn = that failed · held = it
 * is in the cache · lost = it is not. Conversations: home. Deployments: identity, health, rest, recovered. Limits and load: sent, answered,
 * ended, with attempts numbered by the replica that tells. No prompt text, no credential: fingerprints, hashes, ids and counts.
 */
export type Note =
	| { readonly kind: "coming" | "held"; readonly spot: SharedSpot; readonly belief: SharedBelief }
	| { readonly kind: "withdrawn" | "lost"; readonly spot: SharedSpot }
	/** `conversation` is a hash of session, agent and model; home null = it has none any more. */
	| { readonly kind: "home"; readonly conversation: number; readonly home: SharedHome | null }
	| {
			readonly kind: "identity";
			readonly deployment: string;
			readonly organization: string;
			readonly workspace: string | null;
	  }
	| {
			readonly kind: "health";
			readonly deployment: string;
			readonly cooldownUntil: number;
			readonly limited: boolean;
			readonly onTrial: boolean;
			readonly quarantineUntil: number;
			readonly refusals: number;
			readonly barred: boolean;
			/** In plain words; null = not given. */
			readonly cause: string | null;
	  }
	/** Twin of routing/deployment's Rest; until 0 = the part serves again. */
	| {
			readonly kind: "rest";
			readonly deployment: string;
			readonly part: string;
			readonly until: number;
			readonly tokens: number;
			readonly limited: boolean;
			readonly reason: string;
	  }
	| { readonly kind: "recovered"; readonly deployment: string }
	| { readonly kind: "sent"; readonly attempt: number; readonly sent: SharedAttempt }
	| { readonly kind: "answered"; readonly attempt: number; readonly limits: SharedLimits | null }
	| {
			readonly kind: "ended";
			readonly attempt: number;
			/** What is added to the load that was published when it was sent. */
			readonly load: number;
			/** What it took of the limits; null = what was published stands. */
			readonly actual: { readonly inputTokens: number; readonly outputTokens: number } | null;
			/** It was refused by a rate limit; retryAfterMs null = for an unknown time. */
			readonly refused: { readonly retryAfterMs: number | null } | null;
			readonly limits: SharedLimits | null;
	  };

/** Notes of one replica, in the order in which they were published. */
export interface NoteBatch {
	readonly from: string;
	readonly notes: readonly Note[];
}

/** Whether a note is of no use a minute later: what is under way, and limits, which refill within a minute. */
export function isPassing({ kind }: Note): boolean {
	return kind === "coming" || kind === "withdrawn" || kind === "sent" || kind === "answered" || kind === "ended";
}
