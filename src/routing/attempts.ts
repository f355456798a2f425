// What becomes of each attempt, and what the router learns from it: dispatched → started → settled, or failed. Leaves whom to ask to
// routing/planner, beliefs about caches to cache/attempt, sockets to the proxy.
import type { Attempt, AttemptLedger, CacheUsage } from "../cache/attempt.ts";
import { implicitBreakpoints, implicitUsage } from "../cache/implicit.ts";
import { MESSAGES_LEVEL } from "../cache/index.ts";
import type { BeliefLedger } from "./beliefs.ts";
import type {
	Candidate,
	Plan,
	ReportedUsage,
	RequestRouter,
	ResponseIdentity,
	RouteRequest,
	Ticket,
} from "./decision.ts";
import { type AttemptFailure, addLoad, type MutableDeployment, type Target, targetOf } from "./deployment.ts";
import { ownShare } from "./evidence.ts";
import { endRests, recordFailure, recordSuccess } from "./failures.ts";
import type { Fleet } from "./fleet.ts";
import { type Charge, type Headroom, learnOutput } from "./headroom.ts";
import type { Probe, Probes } from "./probes.ts";
import type { Releases } from "./releases.ts";
import type { NotePublisher } from "./replicas/publish.ts";
import { partOf, type RequestAtDeployment } from "./rests.ts";
import type { Conversations } from "./session.ts";
import { learnSpeed } from "./speed.ts";
import { recordUse } from "./strategy.ts";

/** The router's state, as far as attempts change it. */
interface RouterState {
	readonly fleet: Fleet;
	readonly ledger: AttemptLedger;
	readonly conversations: Conversations;
	readonly headroom: Headroom;
	readonly beliefs: BeliefLedger;
	readonly probes: Probes;
	readonly releases: Releases;
	/** Null = there are no other replicas. */
	readonly publisher: NotePublisher | null;
}

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

/** What happens to attempts, and what each step teaches fleet, index, limits, homes and other replicas. */
export class Attempts implements Pick<RequestRouter, "dispatched" | "started" | "failed" | "settled"> {
	readonly #state: RouterState;

	constructor(state: RouterState) {
		this.#state = state;
	}

	dispatched(plan: Plan, candidate: Candidate, now: number): Ticket {
		const { fleet, conversations, headroom, probes, publisher } = this.#state;
		const { request } = plan;
		const deployment = fleet.stateOf(candidate.deployment);
		const target = targetOf(deployment, request.wildcard);
		const { conversation, outline } = request;
		if (conversation.hints?.contextCompacted === true) conversations.forget(conversation, outline.model);
		const cache = plan.outcome === "off" ? null : this.#begin(deployment, request, now);
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
			meant: this.#meantDomain(plan),
			trial: deployment.onTrial,
			probe: plan.lastResort.includes(candidate) ? probes.begin(deployment, now) : null,
			number: publisher?.sent({ deployment: id, wildcard: request.wildcard, load, ...need, usedTokens }) ?? 0,
			ended: false,
		};
		return open;
	}

	started(ticket: Ticket, identity: ResponseIdentity, now: number): void {
		const { fleet, ledger, headroom, releases, publisher } = this.#state;
		const open = openOf(ticket);
		if (open === null) return;
		const { deployment, target, cache } = open;
		endTrial(open);
		if (recordSuccess(deployment)) publisher?.recovered(deployment);
		for (const name of endRests(deployment, subjectOf(open))) publisher?.rested(deployment, name);
		fleet.domains.learn(deployment.member, identity);
		if (identity.organization !== null && identity.organization !== deployment.organization) {
			deployment.organization = identity.organization;
			headroom.moved();
		}
		if (identity.organization !== null) publisher?.identity(deployment, identity.workspace, now);
		publisher?.answered(open.number, identity.limits ?? null);
		headroom.report(open.charge, { deployment, target, limits: identity.limits ?? null }, now);
		if (cache?.started === true) return;
		learnSpeed(deployment, { firstTokenMs: now - open.dispatchedAt, uncachedTokens: open.uncached }, now);
		if (cache === null) return;
		const domain = fleet.domains.domainOf(deployment.member);
		const moved = fleet.domains.root(cache.place.domain) !== domain;
		cache.probabilistic = identity.probabilistic === true;
		ledger.start(cache, moved ? { ...cache.place, domain } : cache.place, now);
		if (cachesMessages(cache)) this.#settleHome(open, cache, now);
		releases.prefixesOf(cache);
	}

	failed(ticket: Ticket, failure: AttemptFailure, now: number): void {
		const { fleet, ledger, headroom, releases, publisher } = this.#state;
		// Where the upstream answered nothing it may have counted the request all the same.
		const refused = failure.kind === "connect" || failure.status !== null;
		const open = this.#end(ticket, refused ? REFUSED : UNANSWERED, { now, failure });
		if (open === undefined) return;
		const { deployment, target, cache, charge } = open;
		if (cache !== null && !cache.started) ledger.fail(cache);
		if (failure.status === 429) headroom.refused(charge, failure.retryAfterMs, now);
		headroom.report(charge, { deployment, target, limits: failure.limits ?? null }, now);
		const affected = fleet.inScopeOf(deployment, failure, open.request.wildcard);
		const part = partOf(deployment, failure, subjectOf(open));
		if (recordFailure(deployment, failure, { now, failures: fleet.failures, affected, part }))
			for (const each of affected) publisher?.unwell(each, part?.name ?? null);
		if (cache !== null && !cache.started) releases.prefixesOf(cache);
	}

	settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void {
		const { fleet, ledger, conversations, beliefs } = this.#state;
		const open = this.#end(ticket, usage === null ? null : actualUsageOf(usage), { now, failure: null });
		if (open === undefined || usage === null) return;
		learnOutput(open.deployment, usage.outputTokens);
		if (open.cache === null) return;
		const { cache, request } = open;
		const domain = fleet.domains.root(cache.writesAt.domain);
		const counts = cacheUsageOf(open, usage, ticket.predictedReadTokens);
		beliefs.learn(domain, ticket.predictedReadTokens, counts.cacheReadTokens);
		if (ledger.settle(cache, counts, now) !== "uncached") return;
		conversations.leave(request.conversation, request.outline.model, domain);
	}

	#begin(deployment: MutableDeployment, request: RouteRequest, now: number): Attempt {
		const { fleet, ledger } = this.#state;
		const { model, minimumTokens, implicit } = targetOf(deployment, request.wildcard);
		const { chain } = request.outline;
		const breakpoints = implicit === null ? request.outline.breakpoints : implicitBreakpoints(chain, implicit);
		const place = fleet.placesFor(request)(deployment);
		return ledger.begin({ prefixes: chain, breakpoints, place, model, minimumTokens, now });
	}

	/** Ends a ticket: what was charged at dispatch becomes its `usage`; null = stays. `failure` is published to other replicas. */
	#end(ticket: Ticket, usage: ActualUsage | null, { now, failure }: AttemptEnd): OpenAttempt | undefined {
		const { fleet, headroom, releases, publisher } = this.#state;
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
		if (gaveBack || deployment.config.maxParallelRequests !== null) releases.capacityAt(deployment);
		if (publisher !== null) {
			const refused = failure?.status === 429 ? { retryAfterMs: failure.retryAfterMs } : null;
			const load = usage === null ? 0 : usage.uncached - uncached;
			publisher.ended(open.number, { load, actual, refused, limits: failure?.limits ?? null });
		}
		return open;
	}

	/** The answer has begun: where the conversation is at home follows, unless it was served elsewhere than meant (routing-model §5.7). */
	#settleHome({ deployment, request, meant }: OpenAttempt, cache: Attempt, now: number): void {
		const { fleet, conversations } = this.#state;
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

	/** Where a plan means the conversation to be: the domain of its first candidate, unless home is only to be waited for. */
	#meantDomain({ candidates: [first], divertedFrom, hold }: Plan): number | null {
		const { fleet } = this.#state;
		if (first === undefined || divertedFrom !== null || first.reason === "last_resort") return null;
		if (hold?.reason === "limit") return null;
		return fleet.domains.domainOf(fleet.stateOf(first.deployment).member);
	}
}

/** What usage says of the cache. Where caching needs no markers, usage has no figure for what was written. */
function cacheUsageOf(
	{ deployment, target }: OpenAttempt,
	usage: ReportedUsage,
	predictedReadTokens: number,
): CacheUsage {
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
interface AttemptEnd {
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

/** Whether a message-level breakpoint was sent that is long enough to be cached: only that gives a conversation a home. */
function cachesMessages({ cacheable, prefixes }: Attempt): boolean {
	return cacheable.some((mark) => prefixes.level[mark.block] === MESSAGES_LEVEL);
}
