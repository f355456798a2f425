// The router's state and its life: plan, then what became of each attempt. Leaves deciding to planner, beliefs to cache/, sockets to the proxy.
import { type Attempt, type CacheUsage, createAttemptLedger } from "../cache/attempt.ts";
import { implicitBreakpoints, implicitUsage } from "../cache/implicit.ts";
import { MESSAGES_LEVEL, PrefixIndex, type Spot } from "../cache/index.ts";
import { createTokenScale } from "../cache/tokens.ts";
import type { RoutingConfig } from "../config/schema.ts";
import type { SharedState } from "../state/state.ts";
import { type Beliefs, createBeliefs } from "./beliefs.ts";
import type {
	Candidate,
	Hold,
	Plan,
	ReportedUsage,
	RequestRouter,
	ResponseIdentity,
	RouteRequest,
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
import { endRests, recordFailure, recordSuccess } from "./failures.ts";
import { createFleet, type RouterConfig } from "./fleet.ts";
import { type Charge, createHeadroom, type Levels, learnOutput } from "./headroom.ts";
import { createHearing } from "./hearing.ts";
import { createPlanner } from "./planner.ts";
import { createProbes, type Probe } from "./probes.ts";
import { createReleases } from "./releases.ts";
import { partOf, type RequestAtDeployment } from "./rests.ts";
import { createConversations } from "./session.ts";
import { createSharedDomains } from "./shared-domains.ts";
import { learnSpeed } from "./speed.ts";
import { recordUse } from "./strategy.ts";
import { createTeller } from "./telling.ts";

export interface RouterOptions extends RouterConfig {
	/** Uniform in [0, 1). Decides where there is nothing to agree on, and when affinity is off. Default `Math.random`. */
	readonly random?: () => number;
	/** What it tells other replicas through, and hears from them. Absent or null = it is alone. */
	readonly shared?: SharedState | null;
}

/** A router with its state, which outlives configurations. */
export interface LiveRouter extends RequestRouter {
	/**
	 * Takes a new configuration. Deployments of the same id keep health, load and cache; attempts at removed ones may still end. Call it
	 * before requests are planned with the new configuration's groups.
	 */
	update(config: RouterConfig): void;
	/** Every configured deployment, in the configuration's order. */
	deployments(): readonly Deployment[];
	/** Name of the cache domain a deployment is in, configured or learned; null while unknown. */
	cacheDomainOf(deployment: Deployment): string | null;
	/** Number of the cache domain of a deployment, equal for those that read each other's entries; null = no such deployment. */
	domainOf(deployment: Pick<Deployment, "id">): number | null;
	/** What is left of a deployment's limits now, for the model it serves where it serves one; null = no such deployment. */
	headroomOf(deployment: Pick<Deployment, "id">, now: number): Levels | null;
	/** Share of predicted reads that the deployment's cache domain has really read of late, up to 1. */
	readBackRateOf(deployment: Pick<Deployment, "id">): number;
	/**
	 * Lets a deployment run empty, or takes it back: while it drains it gets no new conversations, and those at home there move when what is
	 * cached of them has expired. Survives a reload, not a restart. False where there is no such deployment.
	 */
	setDraining(id: string, draining: boolean): boolean;
	/** How much is remembered. */
	memory(): { readonly entries: number; readonly entryBytes: number; readonly conversations: number };
	/** How true its predictions of cache reads have been. */
	beliefs(): Beliefs;
}

/** Prefix entries to each conversation remembered: even a short one has a few. */
const ENTRIES_PER_CONVERSATION = 10;

/** A ticket with what the router itself keeps of the attempt. */
interface OpenAttempt extends Ticket {
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
	/** It was a last resort. */
	readonly probe: Probe | null;
	/** By which other replicas know it; 0 = they do not. */
	readonly number: number;
	ended: boolean;
}

/**
 * Share of a newly written head that counts as no load. It is written once for all that will share it, so it says little of what is to
 * come: counted whole, it would drive a burst of its followers away from it; not counted at all, it would hold small conversations that
 * share it in one place.
 */
const SHARED_HEAD = 0.5;

/**
 * Several replicas wait for the same room until the same instant, and would all send before they hear of each other: each goes on up to so
 * much later. Several times what a note takes. cc-team-dev four times as dense, on 4 gateways: 67 429s, without it 231.
 */
const STAGGER_MS = 50;

/** Builds a router that knows nothing yet. Opens nothing, starts no timer. */
export function createRouter(options: RouterOptions): LiveRouter {
	const fleet = createFleet(options);
	const shared = options.shared ?? null;
	const domains = createSharedDomains(fleet);
	const teller = shared === null ? null : createTeller(shared, domains);
	const { maxEntries } = options.routing;
	const index = new PrefixIndex({ maxEntries, root: fleet.domains.root, observer: teller });
	const scale = createTokenScale();
	const ledger = createAttemptLedger(index, scale);
	const conversations = createConversations(mostConversations(options.routing), teller?.home);
	const headroom = createHeadroom();
	const beliefs = createBeliefs(fleet.domains.root);
	const random = options.random ?? Math.random;
	const staggerMs = shared === null ? 0 : STAGGER_MS;
	const probes = createProbes();
	const plan = createPlanner({ fleet, index, scale, conversations, headroom, beliefs, random, staggerMs, probes });
	const releases = createReleases();
	/** What the leader of a hold is writing. */
	const leads = new WeakMap<Hold, Spot>();
	if (shared !== null && teller !== null) {
		const hear = createHearing({
			fleet,
			domains,
			index,
			conversations,
			headroom,
			released: (spot) => releases.all(keyOf(spot)),
			roomAt: (deployment) => releases.one(roomKey(deployment)),
		});
		shared.subscribe((note, from, now) => teller.quietly(() => hear(note, from, now)));
	}

	function begin(deployment: MutableDeployment, request: RouteRequest, now: number): Attempt {
		const { model, minimumTokens, implicit } = targetOf(deployment, request.wildcard);
		const { chain } = request.outline;
		const breakpoints = implicit === null ? request.outline.breakpoints : implicitBreakpoints(chain, implicit);
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

	/** Ends a ticket: what was charged at dispatch becomes its `usage`; null = stays. `failure` is published to other replicas. */
	function end(ticket: Ticket, usage: ActualUsage | null, { now, failure }: Ending): OpenAttempt | undefined {
		const open = openOf(ticket);
		if (open === null) return undefined;
		open.ended = true;
		const { deployment, dispatchedAt, uncached, charge, target } = open;
		deployment.inFlight -= 1;
		endTrial(open);
		const when = { now, ageMs: now - dispatchedAt, halfLifeMs: fleet.routing.loadHalfLifeMs };
		if (usage !== null) addLoad(deployment, usage.uncached - uncached, when);
		const inputTokens = usage === null ? 0 : usage.uncached + (target.countsReads ? usage.read : 0);
		const actual = usage === null || usage === UNANSWERED ? null : { inputTokens, outputTokens: usage.output };
		const gaveBack = headroom.settle(charge, actual, now);
		if (gaveBack || deployment.config.maxParallelRequests !== null) releases.one(roomKey(deployment));
		if (teller !== null) {
			const refused = failure?.status === 429 ? { retryAfterMs: failure.retryAfterMs } : null;
			const load = usage === null ? 0 : usage.uncached - uncached;
			teller.ended(open.number, { load, actual, refused, limits: failure?.limits ?? null });
		}
		return open;
	}

	/** The answer has begun: where the conversation is at home follows, unless it was served elsewhere than meant (routing-model §5.7). */
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
			const need = {
				inputTokens: target.countsReads ? promptTokens : uncached,
				outputTokens: headroom.outputNeed(deployment, target, outline.maxTokens),
			};
			deployment.inFlight += 1;
			if (deployment.onTrial) deployment.trials += 1;
			const head = cache === null ? 0 : Math.max(0, promptTokens * (1 - ownShare(outline.chain)) - read);
			const load = uncached - head * SHARED_HEAD;
			const usedTokens = promptTokens + outputTokens;
			addLoad(deployment, load, { now, ageMs: 0, halfLifeMs: fleet.routing.loadHalfLifeMs });
			recordUse(deployment, { requests: 1, tokens: usedTokens }, now);
			const { id } = deployment;
			const open: OpenAttempt = {
				deployment,
				predictedReadTokens: read,
				target,
				request,
				dispatchedAt: now,
				uncached,
				charge: headroom.charge(deployment, { target, need }, now),
				cache,
				meant: meantDomain(plan),
				trial: deployment.onTrial,
				probe: plan.lastResort.includes(candidate) ? probes.begin(deployment, now) : null,
				number: teller?.sent({ deployment: id, wildcard: request.wildcard, load, ...need, usedTokens }) ?? 0,
				ended: false,
			};
			return open;
		},
		started(ticket: Ticket, identity: ResponseIdentity, now: number): void {
			const open = openOf(ticket);
			if (open === null) return;
			const { deployment, target, cache } = open;
			endTrial(open);
			if (recordSuccess(deployment)) teller?.recovered(deployment);
			for (const name of endRests(deployment, subjectOf(open))) teller?.rested(deployment, name);
			fleet.domains.learn(deployment.member, identity);
			if (identity.organization !== null && identity.organization !== deployment.organization) {
				deployment.organization = identity.organization;
				headroom.moved();
			}
			if (identity.organization !== null) teller?.identity(deployment, identity.workspace, now);
			teller?.answered(open.number, identity.limits ?? null);
			headroom.report(open.charge, { deployment, target, limits: identity.limits ?? null }, now);
			if (cache?.started === true) return;
			learnSpeed(deployment, { firstTokenMs: now - open.dispatchedAt, uncachedTokens: open.uncached }, now);
			if (cache === null) return;
			const domain = fleet.domains.domainOf(deployment.member);
			const moved = fleet.domains.root(cache.place.domain) !== domain;
			cache.probabilistic = identity.probabilistic === true;
			ledger.start(cache, moved ? { ...cache.place, domain } : cache.place, now);
			if (cachesMessages(cache)) settleHome(open, cache, now);
			releaseFollowers(cache);
		},
		failed(ticket: Ticket, failure: AttemptFailure, now: number): void {
			// Where the upstream answered nothing it may have counted the request all the same.
			const refused = failure.kind === "connect" || failure.status !== null;
			const open = end(ticket, refused ? REFUSED : UNANSWERED, { now, failure });
			if (open === undefined) return;
			const { deployment, target, cache, charge } = open;
			if (cache !== null && !cache.started) ledger.fail(cache);
			if (failure.status === 429) headroom.refused(charge, failure.retryAfterMs, now);
			headroom.report(charge, { deployment, target, limits: failure.limits ?? null }, now);
			const affected = fleet.inScopeOf(deployment, failure, open.request.wildcard);
			const part = partOf(deployment, failure, subjectOf(open));
			if (recordFailure(deployment, failure, { now, failures: fleet.failures, affected, part }))
				for (const each of affected) teller?.unwell(each, part?.name ?? null);
			if (cache !== null && !cache.started) releaseFollowers(cache);
		},
		settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void {
			const open = end(ticket, usage === null ? null : actualUsageOf(usage), { now, failure: null });
			if (open === undefined || usage === null) return;
			learnOutput(open.deployment, usage.outputTokens);
			if (open.cache === null) return;
			const { cache, request } = open;
			const domain = fleet.domains.root(cache.writesAt.domain);
			const told = toldOf(open, usage, ticket.predictedReadTokens);
			beliefs.learn(domain, ticket.predictedReadTokens, told.cacheReadTokens);
			if (ledger.settle(cache, told, now) !== "uncached") return;
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
		domainOf(deployment) {
			const known = fleet.get(deployment.id);
			return known === undefined ? null : fleet.domains.domainOf(known.member);
		},
		headroomOf(deployment, now) {
			const known = fleet.get(deployment.id);
			return known === undefined ? null : headroom.levels(known, targetOf(known, null), now);
		},
		readBackRateOf(deployment) {
			const known = fleet.get(deployment.id);
			return known === undefined ? 1 : beliefs.rateOf(fleet.domains.domainOf(known.member));
		},
		setDraining(id, draining) {
			const deployment = fleet.get(id);
			if (deployment !== undefined) deployment.draining = draining;
			return deployment !== undefined;
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

/** What usage says of the cache. Where caching needs no markers, usage has no figure for what was written. */
function toldOf({ deployment, target }: OpenAttempt, usage: ReportedUsage, predictedReadTokens: number): CacheUsage {
	if (target.implicit === null) return usage;
	if (usage.cacheReadTokens > 0) deployment.reportsReads = true;
	return implicitUsage(usage, { reports: deployment.reportsReads, predictedReadTokens });
}

function subjectOf({ request, target, uncached, predictedReadTokens }: OpenAttempt): RequestAtDeployment {
	return { request, target, promptTokens: uncached + predictedReadTokens };
}

function endTrial(open: OpenAttempt): void {
	if (open.trial) open.deployment.trials -= 1;
	open.trial = false;
	open.probe?.end();
}

/** When an attempt ended, and of what where it failed. */
interface Ending {
	readonly now: number;
	readonly failure: AttemptFailure | null;
}

/** Tickets are the router's own objects; null = its attempt has ended. */
function openOf(ticket: Ticket): OpenAttempt | null {
	const open = ticket as OpenAttempt;
	return open.ended ? null : open;
}

/** What an attempt really used. */
interface ActualUsage {
	readonly uncached: number;
	readonly read: number;
	readonly output: number;
}

const REFUSED: ActualUsage = { uncached: 0, read: 0, output: 0 };
const UNANSWERED: ActualUsage = { ...REFUSED };

function actualUsageOf(usage: ReportedUsage): ActualUsage {
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
