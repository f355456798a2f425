// The order of places for one request: who is home, who is least loaded, who holds the head. Pure; leaves evidence and learning to routing/router.
import { NONE } from "../cache/entry-table.ts";
import type { Match } from "../cache/index.ts";
import type { Deployment } from "./deployment.ts";
import { distance } from "./rendezvous.ts";

/**
 * What a token of a shared head is worth against a token of recent load: writing it costs 1.25 of an input token, reading it 0.1
 * (caching-semantics §14), so the difference is saved by going where it is warm.
 */
const HEAD_WORTH = 1.15;
/**
 * What returning to its account is worth to a conversation whose prefix has expired everywhere, as a share of its prompt. All places
 * cost the same then, but signed thinking blocks are dropped in another account (caching-semantics §5).
 */
const HOME_WORTH = 0.5;
/**
 * Places whose scores differ by less than this share of the conversation's own part are equally good: rendezvous decides. Wide, so that
 * a replica which does not know a conversation sends it where the others did; below one, so that an idle place goes before one that
 * has just taken as much. On cc-team-dev with two replicas that share nothing the hit ratio is 0.883, with 0.02 it is 0.833; balance
 * is the same.
 */
const TIE_SHARE = 0.9;

/** One usable deployment with its load now. */
export interface Loaded {
	readonly deployment: Deployment;
	/** Recent uncached tokens. */
	readonly load: number;
}

/** Deployments that read each other's entries for this request, and what they hold of it. */
export interface Standing {
	readonly members: readonly Loaded[];
	readonly match: Match;
	/** The conversation was served here last. */
	readonly home: boolean;
}

export interface PlacementOptions {
	readonly promptTokens: number;
	/** Those of them behind tools and system: what only this conversation has. */
	readonly ownTokens: number;
	/** What equally good places are chosen by: `seedOf`, or chance. */
	readonly seed: number;
}

interface Ranked {
	readonly standing: Standing;
	readonly members: readonly Loaded[];
	readonly score: number;
	readonly distance: number;
}

/**
 * All standings, best first, each with its members in the order to try. Members of a lower `order` come strictly before others,
 * warm or not [litellm §2.2]; a standing may appear once for each order.
 */
export function rank(standings: readonly Standing[], options: PlacementOptions): Standing[] {
	const orders = new Set<number>();
	for (const { members } of standings) for (const { deployment } of members) orders.add(orderOf(deployment));
	if (orders.size === 1) return rankTier(standings.filter(isUsable), options);
	const ranked: Standing[] = [];
	for (const order of [...orders].sort((a, b) => a - b)) {
		const tier = standings.map((standing) => {
			return { ...standing, members: standing.members.filter(({ deployment }) => orderOf(deployment) === order) };
		});
		ranked.push(...rankTier(tier.filter(isUsable), options));
	}
	return ranked;
}

function isUsable(standing: Standing): boolean {
	return standing.members.length > 0;
}

/**
 * A live message-level prefix binds: the longest goes first
 * (design §7.2). The others follow by load per weight, less the head they hold: a head alone must not bind, or all conversations
 * that share a system prompt would end up in one place (design §7.3).
 */
function rankTier(standings: readonly Standing[], options: PlacementOptions): Standing[] {
	const ranked = standings.map((standing) => rankedOf(standing, options));
	ranked.sort(byAffinityThenScore);
	const first = ranked[0];
	if (first !== undefined && first.standing.match.home === NONE) {
		const slack = options.ownTokens * TIE_SHARE;
		const tied = ranked.filter((each) => each.score <= first.score + slack);
		const nearest = tied.reduce((best, each) => (each.distance < best.distance ? each : best), first);
		ranked.splice(ranked.indexOf(nearest), 1);
		ranked.unshift(nearest);
	}
	return ranked.map(({ standing: { match, home }, members }) => ({ members, match, home }));
}

function rankedOf(standing: Standing, options: PlacementOptions): Ranked {
	let load = 0;
	let weight = 0;
	let nearest = Number.POSITIVE_INFINITY;
	for (const { deployment, load: own } of standing.members) {
		load += own;
		weight += deployment.config.weight;
		nearest = Math.min(nearest, distance(options.seed, deployment));
	}
	const bonus = HEAD_WORTH * standing.match.readTokens + (standing.home ? HOME_WORTH * options.promptTokens : 0);
	return {
		standing,
		members: spread(standing.members, options.seed),
		score: perWeight(load, weight) - bonus,
		distance: nearest,
	};
}

function byAffinityThenScore(a: Ranked, b: Ranked): number {
	const [left, right] = [a.standing.match, b.standing.match];
	if (left.home !== right.home) return right.home - left.home;
	if (left.home !== NONE && left.pending !== right.pending) return left.pending ? 1 : -1;
	return a.score - b.score || a.distance - b.distance;
}

/** Inside a domain every deployment is as warm as the next: fewest in flight first, then least load (design §7.4). */
function spread(members: readonly Loaded[], seed: number): readonly Loaded[] {
	if (members.length < 2) return members;
	const keyed = members.map((member) => {
		const { weight } = member.deployment.config;
		return {
			member,
			inFlight: perWeight(member.deployment.inFlight, weight),
			load: perWeight(member.load, weight),
			distance: distance(seed, member.deployment),
		};
	});
	keyed.sort((a, b) => a.inFlight - b.inFlight || a.load - b.load || a.distance - b.distance);
	return keyed.map((each) => each.member);
}

function perWeight(amount: number, weight: number): number {
	return amount === 0 ? 0 : amount / Math.max(weight, Number.EPSILON);
}

/** A deployment without an order comes after all that have one. */
function orderOf(deployment: Deployment): number {
	return deployment.config.order ?? Number.POSITIVE_INFINITY;
}

/** Plain load balancing: random order, heavier deployments sooner, a lower `order` before all others. */
export function shuffle(deployments: readonly Deployment[], random: () => number): Deployment[] {
	return deployments
		.map((deployment) => ({
			deployment,
			order: orderOf(deployment),
			at: -Math.log(1 - random()) / Math.max(deployment.config.weight, Number.EPSILON),
		}))
		.sort((a, b) => (a.order === b.order ? a.at - b.at : a.order - b.order))
		.map((each) => each.deployment);
}
