// What replicas publish to each other, as data: the shape of every kind of note, from which its type comes. Leaves its text to state/wire,
// carrying it to state/state and state/redis, and what follows from it to routing/replicas.
import { isBoolean, nullable, number, object, oneOf, type Shape, type Shaped, text } from "./shape.ts";

const MOST_TOKENS = 1e9;

const name = text(1, 512);
const words = text(0, 512);
const tokens = number(0, MOST_TOKENS);
const load = number(-MOST_TOKENS, MOST_TOKENS);
/** ms since epoch. */
const time = number(0, 1e14);
const hash = number(0, Number.MAX_SAFE_INTEGER);
/** Its number at the replica that publishes. */
const attempt = number(0, Number.MAX_SAFE_INTEGER);
const variant = number(-(2 ** 31), 2 ** 32);
const count = number(0, 1e15);

/**
 * Names a cache domain equally on every replica: by its configured or learned name, else (null) by a deployment that is in it, which is
 * named in any case for those who do not know the name.
 */
const domainRef = object({ name: nullable(name), deployment: name });
export type DomainRef = Shaped<typeof domainRef>;

/** One prefix at one place. `variant` holds upstream model and betas, see cache/place. */
const spot = object({ domain: domainRef, variant, high: hash, low: hash });
export type SharedSpot = Shaped<typeof spot>;

/** Twin of cache/index's Belief. */
const belief = object({ ttl: oneOf("5m", "1h"), tokens, exact: isBoolean, requestedAt: time });
export type SharedBelief = Shaped<typeof belief>;

/** Twin of routing/session's Home; organization null = unknown, diversion null = at home. */
const home = object({
	domain: domainRef,
	at: time,
	promptTokens: tokens,
	organization: nullable(name),
	diversion: nullable(object({ domain: domainRef, since: time, turns: number(0, 1e9) })),
});
export type SharedHome = Shaped<typeof home>;

/** Twin of routing/meter's LimitFigures; what remains may be below zero. */
const figures = nullable(object({ limit: count, remaining: number(-1e15, 1e15), resetAt: time }));

/** Twin of routing/meter's RateLimits. */
const limits = object({
	requests: figures,
	inputTokens: figures,
	outputTokens: figures,
	tokens: figures,
	unified: nullable(object({ status: name, resetAt: nullable(time) })),
});
export type SharedLimits = Shaped<typeof limits>;

/** What is true of an attempt for as long as it is under way. `load` and the tokens as routing/attempts counts them. */
const sent = object({
	deployment: name,
	/** What the group's `*` matched, or null. */
	wildcard: nullable(name),
	load,
	inputTokens: tokens,
	outputTokens: tokens,
	/** Tokens of the whole request, for the strategies by usage. */
	usedTokens: tokens,
});
export type SharedAttempt = Shaped<typeof sent>;

/** By kind, what a note of it holds. */
const SHAPES = {
	/** Entries of caches: a request that writes it is under way. */
	coming: object({ spot, belief }),
	/** … and that failed. */
	withdrawn: object({ spot }),
	/** It is in the cache. */
	held: object({ spot, belief }),
	/** It is not. */
	lost: object({ spot }),
	/** `conversation` is a hash of session, agent and model; home null = it has none any more. */
	home: object({ conversation: hash, home: nullable(home) }),
	/** Whose a deployment is. */
	identity: object({ deployment: name, organization: name, workspace: nullable(name) }),
	/** A deployment after a failure. */
	health: object({
		deployment: name,
		cooldownUntil: time,
		limited: isBoolean,
		onTrial: isBoolean,
		quarantineUntil: time,
		refusals: number(0, 1_000),
		barred: isBoolean,
		/** In plain words; null = not given. */
		cause: nullable(words),
	}),
	/** Twin of routing/deployment's Rest; until 0 = the part serves again. */
	rest: object({ deployment: name, part: name, until: time, tokens, limited: isBoolean, reason: words }),
	/** A deployment serves again. */
	recovered: object({ deployment: name }),
	/** Limits and load, by attempts. */
	sent: object({ attempt, sent }),
	answered: object({ attempt, limits: nullable(limits) }),
	ended: object({
		attempt,
		/** What is added to the load that was published when it was sent. */
		load,
		/** What it took of the limits; null = what was published stands. */
		actual: nullable(object({ inputTokens: tokens, outputTokens: tokens })),
		/** It was refused by a rate limit; retryAfterMs null = for an unknown time. */
		refused: nullable(object({ retryAfterMs: nullable(time) })),
		limits: nullable(limits),
	}),
};

type Kind = keyof typeof SHAPES;

/** One thing that a replica did or learned. No prompt text, no credential: fingerprints, hashes, ids and counts. */
export type Note = { [K in Kind]: { readonly kind: K } & Shaped<(typeof SHAPES)[K]> }[Kind];

const shapeOf = new Map<unknown, Shape<unknown>>(Object.entries(SHAPES));

/** Whether it is a note of a kind that this build knows, with everything in its bounds. */
export function isNote(value: unknown): value is Note {
	const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : null;
	return shapeOf.get(kind)?.(value) ?? false;
}

/** Notes of one replica, in the order in which they were published. */
export interface NoteBatch {
	readonly from: string;
	readonly notes: readonly Note[];
}

/** Whether a note is of no use a minute later: what is under way, and limits, which refill within a minute. */
export function isPassing({ kind }: Note): boolean {
	return kind === "coming" || kind === "withdrawn" || kind === "sent" || kind === "answered" || kind === "ended";
}
