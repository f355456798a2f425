// What speaks for each place of a request: what it holds, what the prompt costs there, who of it has room. Changes nothing; leaves the
// order to routing/placement and the decision to routing/planner.
import { estimateTokens } from "../cache/attempt.ts";
import { NONE } from "../cache/entry-table.ts";
import { type Match, MESSAGES_LEVEL, NO_MATCH, type PrefixIndex } from "../cache/index.ts";
import { type Place, requestPart, variantOf } from "../cache/place.ts";
import type { Ttl } from "../cache/semantics.ts";
import type { TokenScale } from "../cache/tokens.ts";
import type { Rates } from "../pricing/prices.ts";
import type { PrefixChain } from "../prompt/outline.ts";
import type { BeliefLedger } from "./beliefs.ts";
import { type ExpectedInput, inputDollars, PLAIN_RATES, ratesOf } from "./cost.ts";
import type { Exclusion, RouteRequest } from "./decision.ts";
import { type Deployment, recentLoad, targetOf } from "./deployment.ts";
import { bySoonest } from "./eligible.ts";
import type { Fleet, Site, SiteMember } from "./fleet.ts";
import type { Headroom } from "./headroom.ts";
import type { Loaded, Standing } from "./placement.ts";
import type { Conversations, Home } from "./session.ts";
import { slowOnes } from "./speed.ts";

export interface EvidenceOptions {
	readonly fleet: Fleet;
	readonly index: PrefixIndex;
	readonly scale: TokenScale;
	readonly conversations: Conversations;
	readonly headroom: Headroom;
	readonly beliefs: BeliefLedger;
}

/** A place with all that speaks for it. */
export interface Witness extends Standing {
	readonly place: Place;
	/** Those of its deployments that are well but have no room for this request, soonest first. */
	readonly full: readonly Exclusion[];
	/** Those that are excluded for other reasons. */
	readonly out: readonly Exclusion[];
	/** Null = a price is unknown. */
	readonly dollars: number | null;
	readonly thinkingAtRisk: boolean;
}

export interface Evidence {
	readonly witnesses: readonly Witness[];
	/** Estimated tokens of the whole prompt. */
	readonly promptTokens: number;
	/** Those of them behind tools and system. */
	readonly ownTokens: number;
	/** An earlier turn of this conversation is known. */
	readonly known: boolean;
	readonly home: Home | null;
	/** What a ms of waiting is worth, in the unit of `cost`. */
	readonly waitCost: number;
}

export interface Asked {
	readonly request: RouteRequest;
	readonly excluded: readonly Exclusion[];
	/** The request may still wait for what another is writing. */
	readonly mayFollow: boolean;
}

/** Dollars an input token costs where no price is known: only what is priced in dollars is weighed by it. */
const ASSUMED_INPUT_DOLLARS = 3e-6;
const MS_PER_HOUR = 3_600_000;

interface Gathered {
	readonly place: Place;
	readonly site: Site;
}

/** What is the same of a prompt at every place. */
interface Prompt {
	readonly chain: PrefixChain;
	readonly promptTokens: number;
	/** Up to the last breakpoint. */
	readonly markedTokens: number;
	readonly ttl: Ttl;
	readonly mayFollow: boolean;
}

interface Room {
	readonly usable: readonly SiteMember[];
	/** Soonest first. */
	readonly full: readonly Exclusion[];
	readonly others: readonly Exclusion[];
}

const NOBODY: readonly Exclusion[] = [];

/** `ExpectedInput` and what else a place is weighed by, before prices. */
interface Weighed {
	readonly gathered: Gathered;
	readonly match: Match;
	readonly rates: Rates | null;
	readonly input: ExpectedInput;
	/** Share of the conversation's thinking that would be dropped there. */
	readonly lost: number;
}

export type Gather = (asked: Asked, now: number) => Evidence;

/** Estimated tokens of a whole prompt of which `match` is known. */
export function promptTokensOf(options: Pick<EvidenceOptions, "fleet" | "scale">, request: RouteRequest, match: Match) {
	const { chain } = request.outline;
	const [any] = options.fleet.members(request.group);
	const model = any === undefined ? "" : targetOf(any, request.wildcard).model;
	const bytesPerToken = options.scale.bytesPerToken(model);
	return estimateTokens(chain, chain.count - 1, { match, bytesPerToken });
}

export function createEvidence(options: EvidenceOptions): Gather {
	const { fleet, index, conversations, headroom, beliefs } = options;

	/** Excluded deployments' places stay in, empty: what is warm there tells that a conversation is not new. */
	function places({ group, wildcard, betas, outline }: RouteRequest): Gathered[] {
		const part = requestPart(betas, outline.variant);
		return fleet.sites(group, wildcard).map((site) => {
			const { domain, modelPart, collapseRuns } = site;
			return { place: { domain, variant: variantOf(modelPart, part), collapseRuns }, site };
		});
	}

	/** What is expected to be read, written and neither; tokens count from the start, so each place's read ends the same prompt. */
	function inputAt(prompt: Prompt, at: Gathered, match: Match): ExpectedInput {
		const { chain, promptTokens, markedTokens, ttl } = prompt;
		const following = prompt.mayFollow || match.home === match.coming ? match.coming : NONE;
		const coming = following === NONE ? 0 : scaled(chain, following, promptTokens);
		const rate = beliefs.rateOf(at.place.domain);
		const readTokens = Math.min(promptTokens, Math.max(match.readTokens, coming) * rate);
		const minimum = at.site.members[0]?.target.minimumTokens ?? 0;
		const writeTokens = markedTokens < minimum ? 0 : Math.max(0, markedTokens - readTokens);
		return { readTokens, writeTokens, uncachedTokens: promptTokens - readTokens - writeTokens, ttl };
	}

	function ratesAt({ site }: Gathered, variant: string, about: { tokens: number; now: number }): Rates | null {
		const [member] = site.members;
		if (member === undefined) return null;
		const { deployment, target } = member;
		return ratesOf({ deployment, target, variant, promptTokens: about.tokens }, about.now);
	}

	/** Who of a place can take the request now, and who could later. */
	function roomAt(weighed: Weighed, out: ReadonlyMap<Deployment, Exclusion>, now: number): Room {
		const { readTokens, writeTokens, uncachedTokens } = weighed.input;
		const usable: SiteMember[] = [];
		let full = NOBODY;
		let others = NOBODY;
		for (const member of weighed.gathered.site.members) {
			const { deployment, target } = member;
			const excluded = out.size === 0 ? undefined : out.get(deployment);
			if (excluded !== undefined) {
				others = [...others, excluded];
				continue;
			}
			const inputTokens = writeTokens + uncachedTokens + (target.countsReads ? readTokens : 0);
			const need = { inputTokens, outputTokens: headroom.expectedOutput(deployment) };
			const until = headroom.admitsAt(deployment, { target, need }, now);
			if (until <= now) usable.push(member);
			else full = [...full, { deployment, why: "limit" as const, until }].sort(bySoonest);
		}
		return { usable, full, others };
	}

	/** Input tokens a minute that the group's deployments have on average, of those of which it is known. */
	function meanCapacity(sites: readonly Gathered[]): number | null {
		let sum = 0;
		let count = 0;
		for (const { site } of sites) {
			for (const { deployment, target } of site.members) {
				const capacity = headroom.capacityOf(deployment, target);
				if (capacity === null) continue;
				sum += capacity;
				count += 1;
			}
		}
		return count === 0 ? null : sum / count;
	}

	return (asked, now) => {
		const { request } = asked;
		const { outline, conversation } = request;
		const marked = outline.breakpoints.length > 0;
		const gathered = places(request);
		const compacted = conversation.hints?.contextCompacted === true;
		const seeks = marked || isCompaction(request);
		const known = seeks ? conversations.homeOf(conversation, outline.model) : null;
		const home = compacted ? null : known;
		const homeDomain = home === null ? NONE : fleet.domains.root(home.domain);
		const matches: readonly Match[] = marked
			? index.longest({
					prefixes: outline.chain,
					breakpoints: outline.breakpoints,
					places: gathered.map((each) => each.place),
					now,
				})
			: [];
		let best = NO_MATCH;
		for (const match of matches) if (match.read > best.read) best = match;
		const promptTokens = promptTokensOf(options, request, best);
		const riskAt = thinkingRisk({ gathered, matches, home, homeDomain, promptTokens });
		const last = outline.breakpoints.at(-1);
		const prompt: Prompt = {
			chain: outline.chain,
			promptTokens,
			markedTokens: last === undefined ? 0 : scaled(outline.chain, last.block, promptTokens),
			ttl: last?.ttl ?? "5m",
			mayFollow: asked.mayFollow,
		};
		const when = { tokens: promptTokens, now };
		const weighed = gathered.map((each, at): Weighed => {
			const match = matches[at] ?? NO_MATCH;
			const rates = ratesAt(each, outline.variant, when);
			return { gathered: each, match, rates, input: inputAt(prompt, each, match), lost: riskAt(each) };
		});
		const { routing, failures } = fleet;
		const inputDollarsPerToken = cheapestInput(weighed);
		const dollarsPerToken = inputDollarsPerToken ?? ASSUMED_INPUT_DOLLARS;
		const mean = meanCapacity(gathered);
		const waitCost = routing.waitDollarsPerHour / MS_PER_HOUR / dollarsPerToken;
		const slow = slowOnes(fleet.members(request.group), failures.slowFactor, now);
		const out = new Map(asked.excluded.map((each) => [each.deployment, each]));
		const loadedOf = ({ deployment, target }: SiteMember): Loaded => {
			const { weight } = deployment.config;
			const capacity = mean === null ? null : headroom.capacityOf(deployment, target);
			return {
				deployment,
				load: recentLoad(deployment, now, routing.loadHalfLifeMs),
				share: capacity === null || mean === null ? weight : (weight * capacity) / mean,
				slow: slow.size === 0 ? 0 : (slow.get(deployment) ?? 0) * waitCost,
			};
		};
		const witnesses = weighed.map((each): Witness => {
			const { usable, full, others } = roomAt(each, out, now);
			const dollars = each.rates === null ? null : inputDollars(each.rates, each.input);
			const tokens =
				inputDollarsPerToken === null || dollars === null
					? inputDollars(PLAIN_RATES, each.input) * 1e6
					: dollars / inputDollarsPerToken;
			const scarce = ((each.input.writeTokens + each.input.uncachedTokens) * routing.uncachedTokenPrice) / 1e6;
			const risk = routing.thinkingLossDollars * each.lost;
			const atHome = each.gathered.place.domain === homeDomain;
			return {
				place: each.gathered.place,
				members: usable.map(loadedOf),
				full,
				out: others,
				match: each.match,
				home: atHome,
				binds: each.match.home !== NONE || (atHome && isCompaction(request)),
				cost: tokens + (scarce + risk) / dollarsPerToken,
				dollars,
				thinkingAtRisk: each.lost > 0 && !atHome,
			};
		});
		return {
			witnesses,
			promptTokens,
			ownTokens: promptTokens * ownShare(outline.chain),
			known: marked && (known !== null || matches.some((match) => match.home !== NONE)),
			home,
			waitCost,
		};
	};
}

/** A compaction reads the whole conversation where it is at home, whatever it marks (claude-code-client §3). */
function isCompaction({ conversation: { hints } }: RouteRequest): boolean {
	return hints !== undefined && (hints.isCompaction || hints.requestClass === "compaction");
}

/**
 * Share of the conversation's signed thinking that each place's account would drop (caching-semantics §5): all of it away from home,
 * what was thought elsewhere at home. Without a session the longest live prefix stands for home; with nothing live there is no risk.
 */
function thinkingRisk(about: {
	readonly gathered: readonly Gathered[];
	readonly matches: readonly Match[];
	readonly home: Home | null;
	readonly homeDomain: number;
	readonly promptTokens: number;
}): (at: Gathered) => number {
	const { gathered, matches, home, promptTokens } = about;
	let domain = about.homeDomain;
	let organization = home?.organization ?? null;
	let longest = NONE;
	for (const [at, match] of matches.entries()) {
		const place = gathered[at];
		if (place === undefined || match.home === NONE) continue;
		if (home !== null ? place.place.domain !== domain : match.home <= longest) continue;
		longest = match.home;
		domain = place.place.domain;
		if (home === null) organization = place.site.members[0]?.deployment.organization ?? null;
	}
	if (longest === NONE) return () => 0;
	const ofHome = home === null ? 1 : Math.min(1, home.promptTokens / Math.max(1, promptTokens));
	const diversion = home?.diversion ?? null;
	return ({ place, site }) => {
		if (place.domain === domain) return diversion === null ? 0 : 1 - ofHome;
		if (organization !== null && site.members[0]?.deployment.organization === organization) return 0;
		return diversion !== null && diversion.domain === place.domain ? ofHome : 1;
	};
}

/** The lowest input price; null when any price is unknown, for then dollars do not compare. */
function cheapestInput(weighed: readonly Weighed[]): number | null {
	let cheapest = Number.POSITIVE_INFINITY;
	for (const { rates } of weighed) {
		if (rates === null || rates.input <= 0) return null;
		cheapest = Math.min(cheapest, rates.input);
	}
	return cheapest === Number.POSITIVE_INFINITY ? null : cheapest / 1e6;
}

/** Tokens up to the end of `block`, as its part of the whole. */
export function scaled(chain: PrefixChain, block: number, promptTokens: number): number {
	const all = chain.bytes[chain.count - 1] ?? 0;
	return all === 0 ? 0 : (promptTokens * (chain.bytes[block] ?? 0)) / all;
}

/** Share of a prompt that is neither tools nor system. */
export function ownShare({ count, level, bytes }: PrefixChain): number {
	let head = 0;
	while (head < count && level[head] !== MESSAGES_LEVEL) head += 1;
	const all = bytes[count - 1] ?? 0;
	return all === 0 ? 1 : 1 - (bytes[head - 1] ?? 0) / all;
}
