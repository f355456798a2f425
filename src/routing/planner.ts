// The decision for one request, as data: who may serve, where home is, wait or divert, in what order. Changes nothing; leaves evidence to
// routing/evidence and learning to routing/attempts.
import { NONE } from "../cache/entry-table.ts";
import { NO_MATCH, type Spot } from "../cache/index.ts";
import type { CandidatePlace } from "./candidate-place.ts";
import { ratesOf } from "./cost.ts";
import type {
	AffinityOutcome,
	Candidate,
	DivertedFrom,
	Exclusion,
	Hold,
	Plan,
	Reason,
	RouteRequest,
} from "./decision.ts";
import { type Deployment, type MutableDeployment, targetOf } from "./deployment.ts";
import { bySoonest, exclusionsOf } from "./eligible.ts";
import { type Evidence, EvidenceCollector, type EvidenceOptions, promptTokensOf, scaled } from "./evidence.ts";
import { rank } from "./placement.ts";
import { lastResort, type Probes } from "./probes.ts";
import { seedOf } from "./rendezvous.ts";
import { arrange, orderOf } from "./strategy.ts";

export interface PlannerOptions extends EvidenceOptions {
	readonly probes: Probes;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** Holds for capacity end up to so much later than they might: see routing/router. */
	readonly staggerMs: number;
}

/** A plan, and for a hold on a leader what the leader is writing. */
interface Planned {
	readonly plan: Plan;
	readonly leads: Spot | null;
}

/** A prefix that is being written is waited for from this size on, tokens; what is smaller costs less than the wait. */
const FOLLOWED_TOKENS = 2_048;
/** A warm home is waited for if it holds more than this share of the prompt (routing-model §5.2). */
const WAIT_SHARE = 0.5;

const NOBODY: readonly Exclusion[] = [];

/** Times of one plan. */
interface Bounds {
	readonly now: number;
	/** Until when the request may wait for capacity, and for a leader. */
	readonly capacityBy: number;
	readonly leaderBy: number;
	/** How much later than there is capacity it goes on, ms. */
	readonly stagger: number;
}

/** What follows from the home's state. */
interface Choice {
	readonly hold: Hold | null;
	readonly divertedFrom: DivertedFrom | null;
	/** To be ranked. */
	readonly places: readonly CandidatePlace[];
}

/** Plans over state that others change. */
export class Planner {
	readonly #options: PlannerOptions;
	readonly #evidence: EvidenceCollector;

	constructor(options: PlannerOptions) {
		this.#options = options;
		this.#evidence = new EvidenceCollector(options);
	}

	plan(request: RouteRequest, now: number): Planned {
		const { fleet, probes } = this.#options;
		const bounds = this.#boundsOf(request, now);
		const promptTokens = () => promptTokensOf(this.#options, request, NO_MATCH);
		const excluded = exclusionsOf(fleet, request, { now, promptTokens });
		if (!fleet.routing.affinity) return this.#balance(request, excluded, bounds);
		const evidence = this.#evidence.collect({ request, excluded, mayFollow: bounds.leaderBy > now }, now);
		const choice = choose(evidence, bounds);
		const ranked = this.#ranked(request, evidence, { places: choice.places, now });
		const [first] = ranked;
		const candidates = candidatesOf(ranked, { choice, evidence });
		const leader =
			choice.hold === null && first !== undefined ? leaderHold(first, { request, evidence, bounds }) : null;
		const hold = choice.hold ?? leader?.hold ?? null;
		const full = evidence.places.every((each) => each.full.length === 0)
			? NOBODY
			: evidence.places.flatMap((each) => each.full);
		const plan: Plan = {
			request,
			outcome: outcomeOf(first, evidence),
			...inOrder(candidates, hold, { excluded: full.length === 0 ? excluded : [...full, ...excluded], probes }),
			excluded: full.length === 0 ? excluded : [...excluded, ...full].sort(bySoonest),
			promptTokens: evidence.promptTokens,
			plannedAt: now,
			hold,
			divertedFrom: choice.divertedFrom,
		};
		return { plan, leads: leader?.spot ?? null };
	}

	/** What prompt and an answer of usual length cost there, nothing cached. */
	#dollarsFor(request: RouteRequest, promptTokens: number, now: number) {
		const { headroom } = this.#options;
		return (deployment: MutableDeployment): number | null => {
			const target = targetOf(deployment, request.wildcard);
			const rates = ratesOf({ deployment, target, variant: request.outline.variant, promptTokens }, now);
			if (rates === null) return null;
			return (rates.input * promptTokens + rates.output * headroom.expectedOutput(deployment)) / 1e6;
		};
	}

	/** Plain load balancing: nothing is looked up. */
	#balance(request: RouteRequest, excluded: readonly Exclusion[], bounds: Bounds): Planned {
		const { fleet, headroom, random, probes } = this.#options;
		const { now } = bounds;
		const out = new Set<Deployment>(excluded.map((each) => each.deployment));
		const promptTokens = promptTokensOf(this.#options, request, NO_MATCH);
		const usable: MutableDeployment[] = [];
		const full: Exclusion[] = [];
		for (const deployment of fleet.members(request.group)) {
			if (out.has(deployment)) continue;
			const target = targetOf(deployment, request.wildcard);
			const need = { inputTokens: promptTokens, outputTokens: headroom.expectedOutput(deployment) };
			const until = headroom.admitsAt(deployment, { target, need }, now);
			if (until > now) full.push({ deployment, why: "limit", until });
			else if (deployment.draining) full.push({ deployment, why: "draining", until: null });
			else usable.push(deployment);
		}
		const dollarsOf = this.#dollarsFor(request, promptTokens, now);
		const arranged = arrange(usable, fleet.routing.strategy, { now, random, dollarsOf });
		const hold = arranged.length > 0 ? null : capacityHold([...full, ...busyOnes(excluded)].sort(bySoonest), bounds);
		const candidates = arranged.map((deployment, at): Candidate => {
			const reason = at === 0 ? "load" : "spare";
			return { deployment, reason, predictedReadTokens: 0, expectedDollars: null, thinkingAtRisk: false };
		});
		const plan: Plan = {
			request,
			outcome: "off",
			...inOrder(candidates, hold, { excluded: [...full, ...excluded], probes }),
			excluded: [...excluded, ...full].sort(bySoonest),
			promptTokens,
			plannedAt: now,
			hold,
			divertedFrom: null,
		};
		return { plan, leads: null };
	}

	#boundsOf({ heldSince }: RouteRequest, now: number): Bounds {
		const { fleet, random, staggerMs } = this.#options;
		const { maxAffinityWaitMs, burstGate } = fleet.routing;
		const since = heldSince ?? now;
		const leaderBy = burstGate.enabled ? since + burstGate.maxWaitMs : 0;
		const stagger = staggerMs === 0 ? 0 : random() * staggerMs;
		return { now, capacityBy: since + maxAffinityWaitMs, leaderBy, stagger };
	}

	#ranked(request: RouteRequest, evidence: Evidence, about: { places: readonly CandidatePlace[]; now: number }) {
		const { fleet, random } = this.#options;
		const { promptTokens, ownTokens } = evidence;
		const seed = seedOf(request.conversation, request.outline.openingKey) ?? Math.floor(random() * 2 ** 32);
		const { strategy } = fleet.routing;
		if (strategy === null) return rank(about.places, { promptTokens, ownTokens, seed, arranged: null });
		const usable = about.places.flatMap(({ members }) => members.map(({ deployment }) => deployment));
		const dollarsOf = this.#dollarsFor(request, promptTokens, about.now);
		const arranged = arrange(usable, strategy, { now: about.now, random, dollarsOf });
		return rank(about.places, { promptTokens, ownTokens, seed, arranged });
	}
}

/**
 * Where a live prefix binds, its cheapest place is home. Without capacity there the request waits, if some comes in time, there is much to
 * lose and the wait costs less than going elsewhere; otherwise it is diverted and home stays (routing-model §5.2, §5.7, §5.8). Where no place
 * at all has capacity it waits for the first that will.
 */
function choose({ places, promptTokens, waitCost }: Evidence, bounds: Bounds): Choice {
	const home = homeOf(places);
	if (home !== null && home.members.length === 0) {
		const worthWaiting = home.match.readTokens > promptTokens * WAIT_SHARE;
		const holdAtHome = worthWaiting ? capacityHold(withLimits(home), bounds) : null;
		const elsewhere = Math.min(...places.map((each) => (each.members.length > 0 ? each.cost : Number.MAX_VALUE)));
		const waits = holdAtHome !== null && home.cost + (holdAtHome.until - bounds.now) * waitCost <= elsewhere;
		const hold = waits ? holdAtHome : holdAnywhere(places, bounds);
		const [shut] = [...home.full, ...home.out];
		const divertedFrom = !waits && shut !== undefined ? { deployment: shut.deployment, why: shut.why } : null;
		return { hold, divertedFrom, places };
	}
	const slow = home === null ? 0 : Math.min(...home.members.map((member) => member.slow));
	if (home !== null && slow > 0) {
		const others = places.filter((each) => each !== home && each.members.some((member) => member.slow === 0));
		const [member] = home.members;
		if (member !== undefined && others.some((each) => each.cost < home.cost + slow)) {
			const left = places.map((each) => (each === home ? { ...each, binds: false, home: false } : each));
			return { hold: null, divertedFrom: { deployment: member.deployment, why: "slow" }, places: left };
		}
	}
	return { hold: home === null ? holdAnywhere(places, bounds) : null, divertedFrom: null, places };
}

/** The cheapest place that binds, among those whose `order` has its turn; null = nothing binds. */
function homeOf(places: readonly CandidatePlace[]): CandidatePlace | null {
	let lowest = Number.MAX_VALUE;
	for (const { members } of places)
		for (const { deployment } of members) lowest = Math.min(lowest, orderOf(deployment));
	let home: CandidatePlace | null = null;
	for (const each of places) {
		if (!each.binds || (home !== null && each.cost >= home.cost)) continue;
		const inTurn = ({ deployment }: { readonly deployment: Deployment }) => orderOf(deployment) <= lowest;
		if (each.members.some(inTurn) || each.full.some(inTurn) || each.out.some(inTurn)) home = each;
	}
	return home;
}

/** Those of a place that only a rate limit keeps from serving, soonest first. */
function withLimits({ full, out }: CandidatePlace): Exclusion[] {
	return [...full, ...out.filter(({ why }) => why === "limit")].sort(bySoonest);
}

function holdAnywhere(places: readonly CandidatePlace[], bounds: Bounds): Hold | null {
	if (places.some(({ members }) => members.length > 0)) return null;
	return capacityHold(places.flatMap((each) => [...withLimits(each), ...busyOnes(each.out)]).sort(bySoonest), bounds);
}

/** Those with as many requests in flight as they may have: whoever waits for one goes on when one of these ends. */
function busyOnes(excluded: readonly Exclusion[]): readonly Exclusion[] {
	return excluded.filter(({ why }) => why === "busy");
}

/** Soonest first. Nobody knows when a busy one ends a request: it is waited for as long as may be. */
function capacityHold(waitable: readonly Exclusion[], { now, capacityBy, stagger }: Bounds): Hold | null {
	for (const { deployment, why, until } of waitable) {
		if (why === "busy" && capacityBy > now) return { reason: "limit", deployment, until: capacityBy };
		if (until === null || until <= now || until > capacityBy) continue;
		return { reason: "limit", deployment, until: Math.min(until + stagger, capacityBy) };
	}
	return null;
}

/** The first place's prefix is only being written by another request: after that one's first event it can be read. */
function leaderHold(
	{ members: [member], match, place }: CandidatePlace,
	about: { readonly request: RouteRequest; readonly evidence: Evidence; readonly bounds: Bounds },
): { readonly hold: Hold; readonly spot: Spot } | null {
	const { now, leaderBy } = about.bounds;
	if (member === undefined || match.coming === NONE || leaderBy <= now) return null;
	const { chain } = about.request.outline;
	const gained = scaled(chain, match.coming, about.evidence.promptTokens) - match.readTokens;
	if (gained < FOLLOWED_TOKENS) return null;
	const spot = { high: chain.high[match.coming] ?? 0, low: chain.low[match.coming] ?? 0, place };
	return { hold: { reason: "leader", deployment: member.deployment, until: leaderBy }, spot };
}

/** What drains serves where nothing else is left, and what has failed may have recovered: asking costs less than refusing. */
const MAY_SERVE: ReadonlySet<Exclusion["why"]> = new Set(["cooldown", "draining"]);

/** The candidates, where there are none and nothing is waited for those that may serve all the same; and the last resort after them. */
function inOrder(
	candidates: readonly Candidate[],
	hold: Hold | null,
	{ excluded, probes }: { readonly excluded: readonly Exclusion[]; readonly probes: Probes },
): Pick<Plan, "candidates" | "lastResort"> {
	if (excluded.length === 0) return { candidates, lastResort: NO_CANDIDATES };
	const isAlone = candidates.length === 0 && hold === null;
	const may = excluded.filter(({ why }) => isAlone && MAY_SERVE.has(why));
	const asked = isAlone ? may.map(({ deployment }) => lastResort(deployment)) : candidates;
	return { candidates: asked, lastResort: probes.among(excluded, isAlone && asked.length === 0) };
}

const NO_CANDIDATES: readonly Candidate[] = [];

function outcomeOf(first: CandidatePlace | undefined, { marked, known }: Evidence): AffinityOutcome {
	if (!marked) return "none";
	if (first !== undefined && first.match.home !== NONE) return "hit";
	return known ? "miss" : "new";
}

interface Decided {
	readonly choice: Choice;
	readonly evidence: Evidence;
}

/** All members of the places, in their order. */
function candidatesOf(places: readonly CandidatePlace[], decided: Decided): Candidate[] {
	const candidates: Candidate[] = [];
	for (const place of places) {
		for (const { deployment } of place.members) {
			candidates.push({
				deployment,
				reason: candidates.length > 0 ? "spare" : reasonOf(place, decided),
				predictedReadTokens: place.match.readTokens,
				expectedDollars: place.dollars,
				thinkingAtRisk: place.thinkingAtRisk,
			});
		}
	}
	return candidates;
}

function reasonOf(first: CandidatePlace, about: Decided): Reason {
	const { match, home } = first;
	if (about.choice.divertedFrom !== null) return "diverted";
	if (match.home !== NONE) return home && about.evidence.home?.diversion ? "returned" : "prefix";
	if (home) return "session";
	if (!about.evidence.marked) return "unmarked";
	return match.read === NONE ? "cold" : "head";
}
