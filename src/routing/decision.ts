// The router's vocabulary: what it is asked, what it answers, and what it is told afterwards. Pure data; leaves choosing to routing/router.
import type { ModelGroup } from "../config/schema.ts";
import type { Outline } from "../prompt/outline.ts";
import type { AttemptFailure, Deployment } from "./deployment.ts";

/** Who is talking: second evidence beside prefixes. All ids are already namespaced by the caller's key. */
export interface Conversation {
	/** Session id, or null when the client sent none. */
	readonly session: string | null;
	/** Agent id of a subagent; null for the main loop. */
	readonly agent: string | null;
}

export interface RouteRequest {
	readonly outline: Outline;
	readonly group: ModelGroup;
	/** What the group's `*` matched, or null. */
	readonly wildcard: string | null;
	readonly conversation: Conversation;
	/** Sorted, comma-joined `anthropic-beta` values: a change of betas loses the provider's cache (caching-semantics §4). */
	readonly betas: string;
}

/**
 * What affinity said. hit: a live message-level prefix chose the deployment · new: no earlier turn of this conversation is known ·
 * miss: it is known but no live prefix of it is where it could go · none: the request marks nothing for caching · off: affinity is switched off.
 */
export type AffinityOutcome = "hit" | "new" | "miss" | "none" | "off";

/**
 * Why a candidate stands where it stands. prefix: its domain holds the longest live message-level prefix · session: this
 * conversation's last home, nothing live elsewhere · head: placed by load, its domain holds tools or system · cold: placed by load,
 * nothing warm · unmarked: nothing to cache, placed by load · load: plain load balancing (affinity off) · spare: behind the first choice.
 */
export type Reason = "prefix" | "session" | "head" | "cold" | "unmarked" | "load" | "spare";

export interface Candidate {
	readonly deployment: Deployment;
	readonly reason: Reason;
	/** Tokens we expect the upstream to read from its cache there. */
	readonly predictedReadTokens: number;
}

/** Why a deployment of the group is not a candidate. */
export interface Exclusion {
	readonly deployment: Deployment;
	readonly why: "cooldown" | "quarantine" | "busy";
	/** When it may be used again, ms since epoch; null = unknown. */
	readonly until: number | null;
}

/** Every usable deployment in the order to try, each with its reason. Empty candidates = nothing can serve now. */
export interface Plan {
	readonly request: RouteRequest;
	readonly outcome: AffinityOutcome;
	readonly candidates: readonly Candidate[];
	readonly excluded: readonly Exclusion[];
	/** Estimated tokens of the whole prompt. */
	readonly promptTokens: number;
	readonly plannedAt: number;
}

/** Handle of one attempt, from dispatch to settlement. Opaque to the caller. */
export interface Ticket {
	readonly deployment: Deployment;
	readonly predictedReadTokens: number;
}

/** What the response's head tells about the cache domain (caching-semantics §1). */
export interface ResponseIdentity {
	readonly organization: string | null;
	readonly workspace: string | null;
}

/** What the provider reported. Token counts as in its `usage`: input excludes reads and writes (caching-semantics R10). */
export interface ReportedUsage {
	readonly inputTokens: number;
	readonly cacheReadTokens: number;
	readonly cacheWriteTokens: number;
	readonly outputTokens: number;
}

/** plan() never learns; the other four never plan. `now` is ms since epoch, given by the caller. */
export interface Router {
	/** Candidates in order. Opens no socket, changes nothing. */
	plan(request: RouteRequest, now: number): Plan;
	/** An attempt is being sent: counts it in flight and learns its prefixes provisionally, so that a burst follows its leader. */
	dispatched(plan: Plan, candidate: Candidate, now: number): Ticket;
	/** The first event has come: the entries are readable from now (R8). Called at most once a ticket. */
	started(ticket: Ticket, identity: ResponseIdentity, now: number): void;
	/** The attempt failed before its first event: provisional entries go, the deployment may cool down. Ends the ticket. */
	failed(ticket: Ticket, failure: AttemptFailure, now: number): void;
	/** The attempt ended after its first event, complete or not; usage is null where none was seen. Ends the ticket. */
	settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void;
}
