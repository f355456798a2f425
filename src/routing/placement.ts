// The order of places for one request: who is home, who is cheapest, who is least loaded. Pure; leaves evidence to routing/evidence.
import type { CandidatePlace, UsableDeployment } from "./candidate-place.ts";
import type { MutableDeployment } from "./deployment.ts";
import { distance } from "./rendezvous.ts";
import { orderOf } from "./strategy.ts";

/**
 * What returning to its account is worth to a conversation whose prefix has expired everywhere, as a share of its prompt. All places
 * cost the same then, but signed thinking blocks are dropped in another account (prompt-caching §5).
 */
const HOME_WORTH = 0.5;
/**
 * Places whose scores differ by less than this share of the conversation's own part are equally good: rendezvous decides. Wide, so that
 * a replica which does not know a conversation sends it where the others did; below one, so that an idle place goes before one that
 * has just taken as much. On cc-team-dev with two replicas that share nothing the hit ratio is 0.883, with 0.02 it is 0.833; balance
 * is the same.
 */
const TIE_SHARE = 0.9;

/** A deployment of a domain has more than its part from so many times the mean on. */
const OWN_PART = 1.25;

export interface PlacementOptions {
	readonly promptTokens: number;
	/** Those of them behind tools and system: what only this conversation has. */
	readonly ownTokens: number;
	/** What equally good places are chosen by: `seedOf`, or chance. */
	readonly seed: number;
	/** Deployments by the configured strategy, best first, which then decides instead of load; null = load decides. */
	readonly arranged: readonly MutableDeployment[] | null;
}

interface RankedPlace {
	readonly place: CandidatePlace;
	readonly members: readonly UsableDeployment[];
	readonly score: number;
	readonly distance: number;
}

/**
 * All places, best first, each with its members in the order to try. Members of a lower `order` come strictly before others,
 * warm or not [litellm §2.2]; a place may appear once for each order.
 */
export function rank(places: readonly CandidatePlace[], options: PlacementOptions): CandidatePlace[] {
	const usable = places.filter(isUsable);
	const lowest = usable[0]?.members[0];
	if (lowest === undefined) return [];
	const first = orderOf(lowest.deployment);
	if (usable.every(({ members }) => members.every(({ deployment }) => orderOf(deployment) === first))) {
		return rankTier(usable, options);
	}
	const orders = new Set<number>();
	for (const { members } of usable) for (const { deployment } of members) orders.add(orderOf(deployment));
	const ranked: CandidatePlace[] = [];
	for (const order of [...orders].sort((a, b) => a - b)) {
		const tier = usable.map((place) => {
			return { ...place, members: place.members.filter(({ deployment }) => orderOf(deployment) === order) };
		});
		ranked.push(...rankTier(tier.filter(isUsable), options));
	}
	return ranked;
}

function isUsable(place: CandidatePlace): boolean {
	return place.members.length > 0;
}

/**
 * A live message-level prefix binds: of the places that hold one, the cheapest goes first (routing-model §5.2). The others follow by load for
 * their share, and by cost, in which a head they hold shows: a head alone must not bind, or all conversations that share a system prompt
 * would end up in one place (routing-model §5.3).
 */
function rankTier(places: readonly CandidatePlace[], options: PlacementOptions): CandidatePlace[] {
	if (options.arranged !== null) return byStrategy(places, options.arranged);
	const ranked = places.map((place) => rankedOf(place, options));
	ranked.sort(byAffinityThenScore);
	const first = ranked[0];
	if (first !== undefined && !first.place.binds) {
		const bound = first.score + options.ownTokens * TIE_SHARE;
		let nearest = first;
		for (const each of ranked) if (each.score <= bound && each.distance < nearest.distance) nearest = each;
		ranked.splice(ranked.indexOf(nearest), 1);
		ranked.unshift(nearest);
	}
	return ranked.map(({ place, members }) => (members === place.members ? place : { ...place, members }));
}

/** What binds still comes first; everything else, also inside a domain, is the strategy's. */
function byStrategy(places: readonly CandidatePlace[], arranged: readonly MutableDeployment[]): CandidatePlace[] {
	const position = new Map(arranged.map((deployment, at) => [deployment, at]));
	const at = ({ deployment }: UsableDeployment) => position.get(deployment) ?? Number.MAX_VALUE;
	const single = places.flatMap((place) => place.members.map((member) => ({ ...place, members: [member] })));
	return single.sort((a, b) => {
		if (a.binds !== b.binds) return a.binds ? -1 : 1;
		const cheaper = a.binds ? a.cost - b.cost : 0;
		return cheaper || Math.min(...a.members.map(at)) - Math.min(...b.members.map(at));
	});
}

function rankedOf(place: CandidatePlace, options: PlacementOptions): RankedPlace {
	let load = 0;
	let share = 0;
	let slow = Number.POSITIVE_INFINITY;
	let nearest = Number.POSITIVE_INFINITY;
	for (const member of place.members) {
		load += member.load;
		share += member.share;
		slow = Math.min(slow, member.slow);
		nearest = Math.min(nearest, distance(options.seed, member.deployment));
	}
	const bonus = place.home ? HOME_WORTH * options.promptTokens : 0;
	return {
		place,
		members: spread(place.members, options),
		score: perShare(load, share) + place.cost + slow - bonus,
		distance: nearest,
	};
}

function byAffinityThenScore(a: RankedPlace, b: RankedPlace): number {
	const [left, right] = [a.place, b.place];
	if (left.binds !== right.binds) return left.binds ? -1 : 1;
	if (left.binds && left.cost !== right.cost) return left.cost - right.cost;
	if (left.binds && left.match.pending !== right.match.pending) return left.match.pending ? 1 : -1;
	return a.score - b.score || a.distance - b.distance;
}

/**
 * Inside a domain every deployment is as warm as the next: none that is slow, then the conversation's own (by rendezvous, so that its turns
 * keep to one deployment, as the guides advise users to look for) unless that has more than its part; of those, fewest in flight, then
 * least load (routing-model §5.4). Rendezvous hashing with bounded loads: what goes elsewhere does so only while the excess lasts.
 */
function spread(
	members: readonly UsableDeployment[],
	{ seed, promptTokens }: PlacementOptions,
): readonly UsableDeployment[] {
	if (members.length < 2) return members;
	const keyed = members.map((member) => ({
		member,
		inFlight: perShare(member.deployment.inFlight, member.share),
		load: perShare(member.load, member.share),
		distance: distance(seed, member.deployment),
		isFull: false,
	}));
	const part = OWN_PART / keyed.length;
	const mostInFlight = keyed.reduce((sum, each) => sum + each.inFlight, 0) * part + 1;
	const mostLoad = keyed.reduce((sum, each) => sum + each.load, 0) * part + promptTokens;
	for (const each of keyed) each.isFull = each.inFlight > mostInFlight || each.load > mostLoad;
	keyed.sort((a, b) => {
		const slower = a.member.slow - b.member.slow || Number(a.isFull) - Number(b.isFull);
		if (slower !== 0) return slower;
		return a.isFull ? a.inFlight - b.inFlight || a.load - b.load || a.distance - b.distance : a.distance - b.distance;
	});
	return keyed.map((each) => each.member);
}

function perShare(amount: number, share: number): number {
	return amount === 0 ? 0 : amount / Math.max(share, Number.EPSILON);
}
