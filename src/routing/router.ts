// The router's state and its life: plan, then what became of each attempt. Leaves deciding to planner, beliefs to cache/, sockets to the proxy.
import { type Attempt, createAttemptLedger } from "../cache/attempt.ts";
import { MESSAGES_LEVEL, PrefixIndex, type Spot } from "../cache/index.ts";
import { createTokenScale } from "../cache/tokens.ts";
import type { RoutingConfig } from "../config/schema.ts";
import { type Beliefs, createBeliefs } from "./beliefs.ts";
import type {
	Candidate,
	Hold,
	Plan,
	ReportedUsage,
	ResponseIdentity,
	RouteRequest,
	Router,
	Ticket,
} from "./decision.ts";
import {
	type AttemptFailure,
	addLoad,
	type Deployment,
	type MutableDeployment,
	type Target,
	targetOf,
} from "./deployment.ts";
import { ownShare } from "./evidence.ts";
import { recordFailure, recordSuccess } from "./failures.ts";
import { createFleet, type RouterConfig } from "./fleet.ts";
import { type Charge, createHeadroom, learnOutput } from "./headroom.ts";
import { createPlanner } from "./planner.ts";
import { createReleases } from "./releases.ts";
import { createConversations } from "./session.ts";
import { learnSpeed } from "./speed.ts";
import { recordUse } from "./strategy.ts";

export interface RouterOptions extends RouterConfig {
	/** Uniform in [0, 1). Decides where there is nothing to agree on, and when affinity is off. Default `Math.random`. */
	readonly random?: () => number;
}

/** A router with its state, which outlives configurations. */
export interface LiveRouter extends Router {
	/**
	 * Takes a new configuration. Deployments of the same id keep health, load and cache; attempts at removed ones may still end. Call it
	 * before requests are planned with the new configuration's groups.
	 */
	update(config: RouterConfig): void;
	/** Every configured deployment, in the configuration's order. */
	deployments(): readonly Deployment[];
	/** Name of the cache domain a deployment is in, configured or learned; null while unknown. */
	cacheDomainOf(deployment: Deployment): string | null;
	/** How much is remembered. */
	memory(): { readonly entries: number; readonly entryBytes: number; readonly conversations: number };
	/** How true its predictions of cache reads have been. */
	beliefs(): Beliefs;
}

/** Prefix entries to each conversation remembered: even a short one has a few. */
const ENTRIES_PER_CONVERSATION = 10;

interface OpenAttempt {
	readonly deployment: MutableDeployment;
	readonly target: Target;
	readonly request: RouteRequest;
	readonly dispatchedAt: number;
	/** Uncached tokens it was expected to need. */
	readonly uncached: number;
	readonly charge: Charge;
	/** Null when affinity was off: nothing is learned. */
	readonly cache: Attempt | null;
	/** The domain that the plan put first, which is where the conversation is meant to be; null = the plan diverted it. */
	readonly meant: number | null;
	/** It tries a deployment that has failed, and has not begun to be answered. */
	trial: boolean;
}

/**
 * Share of a newly written head that counts as no load. It is written once for all that will share it, so it says little of what is to
 * come: counted whole, it would drive a burst of its followers away from it; not counted at all, it would hold small conversations that
 * share it in one place.
 */
const SHARED_HEAD = 0.5;

/** Builds a router that knows nothing yet. Opens nothing, starts no timer. */
export function createRouter(options: RouterOptions): LiveRouter {
	const fleet = createFleet(options);
	const index = new PrefixIndex({ maxEntries: options.routing.maxEntries, root: fleet.domains.root });
	const scale = createTokenScale();
	const ledger = createAttemptLedger(index, scale);
	const conversations = createConversations(mostConversations(options.routing));
	const headroom = createHeadroom();
	const beliefs = createBeliefs(fleet.domains.root);
	const random = options.random ?? Math.random;
	const plan = createPlanner({ fleet, index, scale, conversations, headroom, beliefs, random });
	const releases = createReleases();
	const attempts = new WeakMap<Ticket, OpenAttempt>();
	/** What the leader of a hold is writing. */
	const leads = new WeakMap<Hold, Spot>();

	function begin(deployment: MutableDeployment, request: RouteRequest, now: number): Attempt {
		const { model, minimumTokens } = targetOf(deployment, request.wildcard);
		const { chain, breakpoints } = request.outline;
		const place = fleet.placesFor(request)(deployment);
		return ledger.begin({ prefixes: chain, breakpoints, place, model, minimumTokens, now });
	}

	/** Those who waited for what this attempt was writing may go on. */
	function releaseFollowers({ announced, prefixes, place }: Attempt): void {
		if (releases.idle) return;
		for (const block of announced) {
			releases.all(keyOf({ high: prefixes.high[block] ?? 0, low: prefixes.low[block] ?? 0, place }));
		}
	}

	function keyOf({ high, low, place }: Spot): string {
		return `prefix ${fleet.domains.root(place.domain)} ${place.variant} ${high} ${low}`;
	}

	/** Ends a ticket: what was charged at dispatch becomes what it `took`; null = stays. */
	function end(ticket: Ticket, took: Took | null, now: number): OpenAttempt | undefined {
		const open = attempts.get(ticket);
		if (open === undefined) return undefined;
		attempts.delete(ticket);
		const { deployment, dispatchedAt, uncached, charge, target } = open;
		deployment.inFlight -= 1;
		endTrial(open);
		const when = { now, ageMs: now - dispatchedAt, halfLifeMs: fleet.routing.loadHalfLifeMs };
		if (took !== null) addLoad(deployment, took.uncached - uncached, when);
		const inputTokens = took === null ? 0 : took.uncached + (target.countsReads ? took.read : 0);
		const actual = took === null || took === UNANSWERED ? null : { inputTokens, outputTokens: took.output };
		if (headroom.settle(charge, actual, now)) releases.one(roomKey(deployment));
		return open;
	}

	/** The answer has begun: where the conversation is at home follows, unless it was served elsewhere than meant (design §7.7). */
	function settleHome({ deployment, request, meant }: OpenAttempt, cache: Attempt, now: number): void {
		const { conversation, outline } = request;
		const domain = fleet.domains.domainOf(deployment.member);
		const served = {
			domain,
			deploymentId: deployment.id,
			at: now,
			promptTokens: cache.promptTokens,
			organization: deployment.organization,
		};
		const home = conversations.homeOf(conversation, outline.model);
		const asMeant = meant !== null && fleet.domains.root(meant) === domain;
		const atHome = home === null || fleet.domains.root(home.domain) === domain;
		if (asMeant || atHome) conversations.settle(conversation, outline.model, served);
		else conversations.divert(conversation, outline.model, served);
	}

	return {
		plan(request, now) {
			const planned = plan(request, now);
			if (planned.plan.hold !== null && planned.leads !== null) leads.set(planned.plan.hold, planned.leads);
			return planned.plan;
		},
		onRelease(hold, listener) {
			if (hold.reason === "limit") return releases.wait(roomKey(hold.deployment), listener);
			const spot = leads.get(hold);
			if (spot !== undefined && index.isComing(spot)) return releases.wait(keyOf(spot), listener);
			let wanted = true;
			queueMicrotask(() => {
				if (wanted) listener();
			});
			return () => {
				wanted = false;
			};
		},
		dispatched(plan: Plan, candidate: Candidate, now: number): Ticket {
			const { request } = plan;
			const deployment = fleet.stateOf(candidate.deployment);
			const target = targetOf(deployment, request.wildcard);
			const { conversation, outline } = request;
			if (conversation.hints?.contextCompacted === true) conversations.forget(conversation, outline.model);
			const cache = plan.outcome === "off" ? null : begin(deployment, request, now);
			const read = cache?.match.readTokens ?? 0;
			const promptTokens = cache?.promptTokens ?? plan.promptTokens;
			const uncached = Math.max(0, promptTokens - read);
			const outputTokens = headroom.expectedOutput(deployment);
			const need = { inputTokens: target.countsReads ? promptTokens : uncached, outputTokens };
			deployment.inFlight += 1;
			if (deployment.onTrial) deployment.trials += 1;
			const head = cache === null ? 0 : Math.max(0, promptTokens * (1 - ownShare(outline.chain)) - read);
			addLoad(deployment, uncached - head * SHARED_HEAD, { now, ageMs: 0, halfLifeMs: fleet.routing.loadHalfLifeMs });
			recordUse(deployment, { requests: 1, tokens: promptTokens + outputTokens }, now);
			const ticket: Ticket = { deployment, predictedReadTokens: read };
			attempts.set(ticket, {
				deployment,
				target,
				request,
				dispatchedAt: now,
				uncached,
				charge: headroom.charge(deployment, { target, need }, now),
				cache,
				meant: meantDomain(plan),
				trial: deployment.onTrial,
			});
			return ticket;
		},
		started(ticket: Ticket, identity: ResponseIdentity, now: number): void {
			const open = attempts.get(ticket);
			if (open === undefined) return;
			const { deployment, target, cache } = open;
			endTrial(open);
			recordSuccess(deployment);
			fleet.domains.learn(deployment.member, identity);
			if (identity.organization !== null && identity.organization !== deployment.organization) {
				deployment.organization = identity.organization;
				headroom.moved();
			}
			headroom.report(open.charge, { deployment, target, limits: identity.limits ?? null }, now);
			if (cache?.started === true) return;
			learnSpeed(deployment, { firstTokenMs: now - open.dispatchedAt, uncachedTokens: open.uncached }, now);
			if (cache === null) return;
			const domain = fleet.domains.domainOf(deployment.member);
			const moved = fleet.domains.root(cache.place.domain) !== domain;
			ledger.start(cache, moved ? { ...cache.place, domain } : cache.place, now);
			if (cachesMessages(cache)) settleHome(open, cache, now);
			releaseFollowers(cache);
		},
		failed(ticket: Ticket, failure: AttemptFailure, now: number): void {
			// Where the upstream answered nothing it may have counted the request all the same.
			const refused = failure.kind === "connect" || failure.status !== null;
			const open = end(ticket, refused ? REFUSED : UNANSWERED, now);
			if (open === undefined) return;
			const { deployment, target, cache, charge } = open;
			if (cache !== null && !cache.started) ledger.fail(cache);
			if (failure.status === 429) headroom.refused(charge, failure.retryAfterMs, now);
			headroom.report(charge, { deployment, target, limits: failure.limits ?? null }, now);
			const kin = fleet.kinOf(deployment, failure, open.request.wildcard);
			recordFailure(deployment, failure, { now, failures: fleet.failures, kin });
			if (cache !== null && !cache.started) releaseFollowers(cache);
		},
		settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void {
			const open = end(ticket, usage === null ? null : tookOf(usage), now);
			if (open === undefined || usage === null) return;
			learnOutput(open.deployment, usage.outputTokens);
			if (open.cache === null) return;
			const { cache, request } = open;
			const domain = fleet.domains.root(cache.writesAt.domain);
			beliefs.learn(domain, ticket.predictedReadTokens, usage.cacheReadTokens);
			if (ledger.settle(cache, usage, now) !== "uncached") return;
			conversations.leave(request.conversation, request.outline.model, domain);
		},
		update(config) {
			fleet.update(config);
			index.resize(config.routing.maxEntries);
			conversations.resize(mostConversations(config.routing));
		},
		deployments: () => fleet.all(),
		cacheDomainOf(deployment) {
			const known = fleet.get(deployment.id);
			return known === undefined ? null : fleet.domains.nameOf(known.member);
		},
		memory: () => ({ entries: index.size, entryBytes: index.byteLength, conversations: conversations.size }),
		beliefs: () => beliefs.all,
	};

	/** Where a plan means the conversation to be: the domain of its first candidate, unless home is only to be waited for. */
	function meantDomain({ candidates: [first], divertedFrom, hold }: Plan): number | null {
		if (first === undefined || divertedFrom !== null || first.reason === "last_resort") return null;
		if (hold?.reason === "limit") return null;
		return fleet.domains.domainOf(fleet.stateOf(first.deployment).member);
	}
}

function endTrial(open: OpenAttempt): void {
	if (open.trial) open.deployment.trials -= 1;
	open.trial = false;
}

/** What an attempt really took. */
interface Took {
	readonly uncached: number;
	readonly read: number;
	readonly output: number;
}

const REFUSED: Took = { uncached: 0, read: 0, output: 0 };
const UNANSWERED: Took = { ...REFUSED };

function tookOf(usage: ReportedUsage): Took {
	const uncached = usage.inputTokens + usage.cacheWriteTokens;
	return { uncached, read: usage.cacheReadTokens, output: usage.outputTokens };
}

function roomKey({ id }: Deployment): string {
	return `room ${id}`;
}

function mostConversations(routing: RoutingConfig): number {
	return Math.max(1, Math.ceil(routing.maxEntries / ENTRIES_PER_CONVERSATION));
}

/** Whether a message-level breakpoint was sent that is long enough to be cached: only that gives a conversation a home. */
function cachesMessages({ cacheable, prefixes }: Attempt): boolean {
	return cacheable.some((mark) => prefixes.level[mark.block] === MESSAGES_LEVEL);
}
