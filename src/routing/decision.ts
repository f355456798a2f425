// The router's vocabulary: what it is asked, what it answers, and what it learns afterwards. Pure data; leaves choosing to routing/router.
import type { ModelGroup } from "../config/schema.ts";
import type { Outline } from "../prompt/outline.ts";
import type { AttemptFailure, Deployment } from "./deployment.ts";
import type { RateLimits } from "./meter.ts";

/** Who is talking: second evidence beside prefixes. All ids are already namespaced by the caller's key. */
export interface Conversation {
	/** Session id, or null when the client sent none. */
	readonly session: string | null;
	/** Agent id of a subagent; null for the main loop. */
	readonly agent: string | null;
	/** What the client says of this request, where it says anything (claude-code §2). */
	readonly hints?: ConversationHints;
}

/** Claude Code's hint headers. */
export interface ConversationHints {
	/** `main`, `subagent`, `auxiliary`, `compaction`, `workflow`, or what later clients send; null = not sent. */
	readonly requestClass: string | null;
	/** This request compacts the conversation. */
	readonly isCompaction: boolean;
	/** The conversation has just been compacted: what was cached of its messages is dead. */
	readonly contextCompacted: boolean;
}

export interface RouteRequest {
	readonly outline: Outline;
	readonly group: ModelGroup;
	/** What the group's `*` matched, or null. */
	readonly wildcard: string | null;
	readonly conversation: Conversation;
	/** Sorted, comma-joined `anthropic-beta` values: a change of betas loses the provider's cache (prompt-caching §4). */
	readonly betas: string;
	/** LiteLLM's request tags, for `routing.tagFiltering`. */
	readonly tags?: readonly string[];
	/** Cache domains the caller is confined to: configured or learned names; absent or empty = any. */
	readonly allowedDomains?: readonly string[];
	/** It only counts tokens, which has limits of its own. Absent = false. */
	readonly counts?: boolean;
	/** When this request was first held, ms since epoch; absent = never. Bounds all its waits together. */
	readonly heldSince?: number;
}

/**
 * What affinity said. hit: a live message-level prefix chose the deployment · new: no earlier turn of this conversation is known ·
 * miss: it is known but no live prefix of it is where it could go · none: the request marks nothing for caching · off: affinity is switched off.
 */
export type AffinityOutcome = "hit" | "new" | "miss" | "none" | "off";

/**
 * Why a candidate stands where it stands. prefix: its domain holds a live message-level prefix, and to go there is cheapest ·
 * returned: the same, at the home it had been diverted from · diverted: its home is warm but cannot take it now; home stays ·
 * session: this conversation's last home, nothing live elsewhere · head: placed by load, its domain holds tools or system · cold:
 * placed by load, nothing warm · unmarked: nothing to cache, placed by load · load: plain load balancing (affinity off) · spare: behind
 * the first choice · last_resort: it has just failed, or is draining, but nothing else is left.
 */
export type Reason =
	| "prefix"
	| "returned"
	| "diverted"
	| "session"
	| "head"
	| "cold"
	| "unmarked"
	| "load"
	| "spare"
	| "last_resort";

/** In the order to try; the second one is the runner-up. */
export interface Candidate {
	readonly deployment: Deployment;
	readonly reason: Reason;
	/** Tokens we expect the upstream to read from its cache there. */
	readonly predictedReadTokens: number;
	/** What the prompt is expected to cost there: reads, writes and the rest, without output. null = a price is unknown. */
	readonly expectedDollars: number | null;
	/** It is another account than where this live conversation is at home: its signed thinking would be dropped (prompt-caching §5). */
	readonly thinkingAtRisk: boolean;
}

/**
 * Why a deployment of the group is not a candidate. limit: it answered that it is rate-limited, or has no capacity for this request ·
 * busy: `max_parallel_requests` are in flight · cooldown: it failed, or is being tried by one request after it did · quarantine: it
 * refused its credentials · account: its account is out of credit, disabled or not allowed · barred: its credential may not use this model
 * or this class of requests · context: the prompt is longer than its `max_input_tokens` · tags: it does not serve these tags · domain: the
 * caller is confined to other cache domains, or this one's name is not known yet · draining: the operator lets it run empty, and this
 * request has nothing warm there, or another deployment reads the same cache.
 */
export interface Exclusion {
	readonly deployment: Deployment;
	readonly why:
		| "limit"
		| "busy"
		| "cooldown"
		| "quarantine"
		| "account"
		| "barred"
		| "context"
		| "tags"
		| "domain"
		| "draining";
	/** When it may be used again, ms since epoch; null = unknown. */
	readonly until: number | null;
	/** What its upstream said, in plain words; null or absent = `why` says it all. */
	readonly reason?: string | null;
}

/** The warm home that this plan does not use, and why: it stays the conversation's home (routing-model §5.2). */
export interface DivertedFrom {
	readonly deployment: Deployment;
	/** As in Exclusion; slow: it answers so late that moving is cheaper. */
	readonly why: Exclusion["why"] | "slow";
}

/**
 * The caller should not dispatch yet but plan again, with `heldSince` set, at `until` or when the router says that what it waits for has
 * come, whichever is first. limit: the warm home has no headroom now but soon · leader: another request is writing the same cold
 * prefix, and after its first event this one can read it.
 */
export interface Hold {
	readonly reason: "limit" | "leader";
	readonly deployment: Deployment;
	/** ms since epoch; never later than the bound of `routing.maxAffinityWaitMs` or `routing.burstGate.maxWaitMs`. */
	readonly until: number;
}

/** Every usable deployment in the order to try, each with its reason. Empty candidates = nothing can serve now. */
export interface Plan {
	readonly request: RouteRequest;
	readonly outcome: AffinityOutcome;
	readonly candidates: readonly Candidate[];
	/** Whom to ask when all candidates have failed, before an error: credentials and accounts that may have been mended since. */
	readonly lastResort: readonly Candidate[];
	readonly excluded: readonly Exclusion[];
	/** Estimated tokens of the whole prompt. */
	readonly promptTokens: number;
	readonly plannedAt: number;
	/** null = dispatch now. The candidates are filled in either way, for a caller that cannot wait. */
	readonly hold: Hold | null;
	readonly divertedFrom: DivertedFrom | null;
}

/** Handle of one attempt, from dispatch to settlement. Opaque to the caller. */
export interface Ticket {
	readonly deployment: Deployment;
	readonly predictedReadTokens: number;
}

/** What the response's head says about the cache domain (prompt-caching §1) and its limits (providers §1). */
export interface ResponseIdentity {
	readonly organization: string | null;
	readonly workspace: string | null;
	/** It stands for several caches of which any may answer (a cross-region profile). Absent = false. */
	readonly probabilistic?: boolean;
	/** From its `anthropic-ratelimit-*` headers; absent or null = it said nothing. */
	readonly limits?: RateLimits | null;
}

/** What the provider reported. Token counts as in its `usage`: input excludes reads and writes (prompt-caching R10). */
export interface ReportedUsage {
	readonly inputTokens: number;
	readonly cacheReadTokens: number;
	readonly cacheWriteTokens: number;
	readonly outputTokens: number;
}

/** plan() never learns; the other four never plan. `now` is ms since epoch, given by the caller. */
export interface RequestRouter {
	/** Candidates in order. Opens no socket, changes nothing. */
	plan(request: RouteRequest, now: number): Plan;
	/**
	 * Calls `listener` once, when what a hold waits for has come or is no longer coming; in a microtask if that is so already.
	 * Gives a function that takes it off again.
	 */
	onRelease(hold: Hold, listener: () => void): () => void;
	/** An attempt is being sent: counts it in flight and learns its prefixes provisionally, so that a burst follows its leader. */
	dispatched(plan: Plan, candidate: Candidate, now: number): Ticket;
	/** The first event has come: the entries are readable from now (prompt-caching R8). Called at most once a ticket. */
	started(ticket: Ticket, identity: ResponseIdentity, now: number): void;
	/** The attempt failed before its first event: provisional entries go, the deployment may cool down. Ends the ticket. */
	failed(ticket: Ticket, failure: AttemptFailure, now: number): void;
	/** The attempt ended after its first event, complete or not; usage is null where none was seen. Ends the ticket. */
	settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void;
}
