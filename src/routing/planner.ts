// The decision for one request, as data: evidence gathered, places ranked, reasons given. Changes nothing; leaves learning to routing/router.
import { estimateTokens } from "../cache/attempt.ts";
import { NONE } from "../cache/entry-table.ts";
import { type Match, MESSAGES_LEVEL, NO_MATCH, type PrefixIndex } from "../cache/index.ts";
import type { Place } from "../cache/place.ts";
import type { TokenScale } from "../cache/tokens.ts";
import type { PrefixChain } from "../prompt/outline.ts";
import type { AffinityOutcome, Candidate, Exclusion, Plan, Reason, RouteRequest } from "./decision.ts";
import { type Deployment, recentLoad, targetOf } from "./deployment.ts";
import type { Fleet } from "./fleet.ts";
import { type Loaded, rank, type Standing, shuffle } from "./placement.ts";
import { seedOf } from "./rendezvous.ts";
import type { Conversations } from "./session.ts";

export interface PlannerOptions {
	readonly fleet: Fleet;
	readonly index: PrefixIndex;
	readonly scale: TokenScale;
	readonly conversations: Conversations;
	/** Uniform in [0, 1). */
	readonly random: () => number;
}

/** `Router.plan`. */
export type Planner = (request: RouteRequest, now: number) => Plan;

/** Deployments that share a cache for one request; the excluded among them are not members. */
interface Gathered {
	readonly place: Place;
	readonly members: Loaded[];
}

/** A planner over the given state, which others change. */
export function createPlanner(options: PlannerOptions): Planner {
	const { fleet, index, scale, conversations, random } = options;

	/** Excluded deployments' places stay in, empty: what is warm there tells that a conversation is not new. */
	function gather(request: RouteRequest, excluded: ReadonlySet<Deployment>, now: number): Gathered[] {
		const gathered: Gathered[] = [];
		const placeOf = fleet.placesFor(request);
		for (const deployment of fleet.members(request.group)) {
			const place = placeOf(deployment);
			let at = gathered.find((each) => each.place.domain === place.domain && each.place.variant === place.variant);
			if (at === undefined) {
				at = { place, members: [] };
				gathered.push(at);
			}
			if (excluded.has(deployment)) continue;
			at.members.push({ deployment, load: recentLoad(deployment, now, fleet.routing.loadHalfLifeMs) });
		}
		return gathered;
	}

	function promptTokens(request: RouteRequest, match: Match): number {
		const { chain } = request.outline;
		const [any] = fleet.members(request.group);
		const model = any === undefined ? "" : targetOf(any, request.wildcard).model;
		return estimateTokens(chain, chain.count - 1, { match, bytesPerToken: scale.bytesPerToken(model) });
	}

	function balance(request: RouteRequest, excluded: readonly Exclusion[], now: number): Plan {
		const out = deploymentsOf(excluded);
		const usable = fleet.members(request.group).filter((deployment) => !out.has(deployment));
		const tokens = promptTokens(request, NO_MATCH);
		const candidates = shuffle(usable, random);
		return {
			request,
			outcome: "off",
			candidates:
				candidates.length === 0
					? lastResort(excluded)
					: candidates.map((deployment, at) => candidate(deployment, at === 0 ? "load" : "spare", 0)),
			excluded,
			promptTokens: tokens,
			plannedAt: now,
			hold: null,
		};
	}

	function evidence(request: RouteRequest, gathered: readonly Gathered[], now: number) {
		const { outline, conversation } = request;
		const home = conversations.homeOf(conversation, outline.model);
		const homeDomain = home === null ? NONE : fleet.domains.root(home.domain);
		const places = gathered.map((each) => each.place);
		const matches = index.longest({ prefixes: outline.chain, breakpoints: outline.breakpoints, places, now });
		const standings = gathered.map(({ place, members }, at): Standing => {
			return { members, match: matches[at] ?? NO_MATCH, home: place.domain === homeDomain };
		});
		return { standings, known: home !== null || matches.some((match) => match.home !== NONE) };
	}

	return (request, now) => {
		const excluded = fleet.excluded(request.group, now);
		if (!fleet.routing.affinity) return balance(request, excluded, now);
		const marked = request.outline.breakpoints.length > 0;
		const gathered = gather(request, deploymentsOf(excluded), now);
		const { standings, known } = marked
			? evidence(request, gathered, now)
			: { standings: gathered.map(({ members }) => ({ members, match: NO_MATCH, home: false })), known: false };
		const best = standings.reduce((longest, { match }) => (match.read > longest.read ? match : longest), NO_MATCH);
		const tokens = promptTokens(request, best);
		const seed = seedOf(request.conversation, request.outline.openingKey) ?? Math.floor(random() * 2 ** 32);
		const ranked = rank(standings, { promptTokens: tokens, ownTokens: tokens * ownShare(request.outline.chain), seed });
		const first = ranked[0];
		const outcome = outcomeOf({ first, marked, known });
		const candidates: Candidate[] = [];
		for (const standing of ranked) {
			for (const { deployment } of standing.members) {
				const reason = candidates.length === 0 ? reasonOf(standing, marked) : "spare";
				candidates.push(candidate(deployment, reason, standing.match.readTokens));
			}
		}
		if (candidates.length === 0) candidates.push(...lastResort(excluded));
		return { request, outcome, candidates, excluded, promptTokens: tokens, plannedAt: now, hold: null };
	};
}

/** Where nothing else is left, what has failed may have recovered: asking costs less than refusing. A rate limit has not. */
function lastResort(excluded: readonly Exclusion[]): Candidate[] {
	return excluded.flatMap(({ deployment, why }) =>
		why === "cooldown" ? [candidate(deployment, "last_resort", 0)] : [],
	);
}

/** Share of a prompt that is neither tools nor system. */
function ownShare({ count, level, bytes }: PrefixChain): number {
	let head = 0;
	while (head < count && level[head] !== MESSAGES_LEVEL) head += 1;
	const all = bytes[count - 1] ?? 0;
	return all === 0 ? 1 : 1 - (bytes[head - 1] ?? 0) / all;
}

function candidate(deployment: Deployment, reason: Reason, predictedReadTokens: number): Candidate {
	return { deployment, reason, predictedReadTokens };
}

function deploymentsOf(excluded: readonly Exclusion[]): ReadonlySet<Deployment> {
	return new Set(excluded.map((each) => each.deployment));
}

function outcomeOf(seen: { first: Standing | undefined; marked: boolean; known: boolean }): AffinityOutcome {
	if (!seen.marked) return "none";
	if (seen.first !== undefined && seen.first.match.home !== NONE) return "hit";
	return seen.known ? "miss" : "new";
}

function reasonOf(standing: Standing, marked: boolean): Reason {
	const { match, home } = standing;
	if (!marked) return "unmarked";
	if (match.home !== NONE) return "prefix";
	if (home) return "session";
	return match.read === NONE ? "cold" : "head";
}
