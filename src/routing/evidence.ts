// What speaks for each place of a request: what it holds, what the prompt costs there, what would be lost. Changes nothing; leaves who of
// it has room to routing/room, the order to routing/placement and the decision to routing/planner.
import { estimateTokens } from "../cache/attempt.ts";
import { NONE } from "../cache/entry-table.ts";
import { implicitBreakpoints } from "../cache/implicit.ts";
import { type Match, MESSAGES_LEVEL, NO_MATCH, type PrefixIndex } from "../cache/index.ts";
import { type Place, requestPart, variantOf } from "../cache/place.ts";
import type { Ttl } from "../cache/semantics.ts";
import type { TokenScale } from "../cache/tokens.ts";
import type { Rates } from "../pricing/prices.ts";
import type { PrefixChain } from "../prompt/outline.ts";
import type { BeliefLedger } from "./beliefs.ts";
import { type ExpectedInput, inputDollars, PLAIN_RATES, ratesOf } from "./cost.ts";
import type { Exclusion, RouteRequest } from "./decision.ts";
import { recentLoad, targetOf } from "./deployment.ts";
import { domainRule } from "./eligible.ts";
import type { Fleet, Site } from "./fleet.ts";
import type { Headroom } from "./headroom.ts";
import type { Standing } from "./placement.ts";
import { type Counted, type Loader, type Outs, roomAt } from "./room.ts";
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
	/** Some of it may be cached. */
	readonly marked: boolean;
	/** An earlier turn of this conversation is known. */
	readonly known: boolean;
	readonly home: Home | null;
	/** What a ms of waiting is worth, in the unit of `cost`. */
	readonly waitCost: number;
}

interface Asked {
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

/** What is known of a prompt's past. */
interface Traces {
	/** In the order of the places; empty where nothing is marked. */
	readonly matches: readonly Match[];
	readonly home: Home | null;
	readonly homeDomain: number;
	readonly promptTokens: number;
	readonly marked: boolean;
	readonly known: boolean;
}

const NO_OUTS: Outs = new Map();

/** What a place is weighed by, before prices. */
interface Weighed extends Counted {
	readonly gathered: Gathered;
	readonly match: Match;
	readonly rates: Rates | null;
	/** Share of the conversation's thinking that would be dropped there. */
	readonly lost: number;
}

/** Estimated tokens of a whole prompt of which `match` is known. */
export function promptTokensOf(options: Pick<EvidenceOptions, "fleet" | "scale">, request: RouteRequest, match: Match) {
	const { chain } = request.outline;
	const [any] = options.fleet.members(request.group);
	const model = any === undefined ? "" : targetOf(any, request.wildcard).model;
	const bytesPerToken = options.scale.bytesPerToken(model);
	return estimateTokens(chain, chain.count - 1, { match, bytesPerToken });
}

export class EvidenceCollector {
	readonly #options: EvidenceOptions;
	/** The places of sites, for the last request that asked for them. */
	readonly #gatheredAt = new WeakMap<readonly Site[], { readonly part: number; readonly all: readonly Gathered[] }>();

	constructor(options: EvidenceOptions) {
		this.#options = options;
	}

	collect(asked: Asked, now: number): Evidence {
		const { fleet } = this.#options;
		const { request } = asked;
		const gathered = this.#places(request);
		const found = this.#traces(request, gathered, now);
		const weighed = this.#weigh(asked, gathered, { found, now });
		const unit = cheapestInput(weighed);
		const dollarsPerToken = unit ?? ASSUMED_INPUT_DOLLARS;
		const waitCost = fleet.routing.waitDollarsPerHour / MS_PER_HOUR / dollarsPerToken;
		const loadedOf = this.#loader(request, gathered, { waitCost, now });
		const { promptTokens, marked, known, home } = found;
		return {
			witnesses: this.#witnesses(asked, weighed, { found, unit, loadedOf, now }),
			promptTokens,
			ownTokens: promptTokens * ownShare(request.outline.chain),
			marked,
			known,
			home,
			waitCost,
		};
	}

	/** The places with who has room there, and what the prompt costs in the unit that all compare by. */
	#witnesses(
		{ request, excluded }: Asked,
		weighed: readonly Weighed[],
		{ found, unit, loadedOf, now }: { found: Traces; unit: number | null; loadedOf: Loader; now: number },
	): Witness[] {
		const { headroom, fleet } = this.#options;
		const { routing } = fleet;
		const dollarsPerToken = unit ?? ASSUMED_INPUT_DOLLARS;
		const out: Outs = excluded.length === 0 ? NO_OUTS : new Map(excluded.map((each) => [each.deployment, each]));
		const about = { headroom, out, loadedOf, maxTokens: request.outline.maxTokens, now };
		const compacts = isCompaction(request);
		return weighed.map((each): Witness => {
			const { place } = each.gathered;
			const { input, match, lost } = each;
			const home = place.domain === found.homeDomain;
			const binds = match.home !== NONE || (home && compacts);
			const { members, full, others } = roomAt(each, binds, about);
			const dollars = each.rates === null ? null : inputDollars(each.rates, input);
			const tokens = unit === null || dollars === null ? inputDollars(PLAIN_RATES, input) * 1e6 : dollars / unit;
			const scarce = ((input.writeTokens + input.uncachedTokens) * routing.uncachedTokenPrice) / 1e6;
			return {
				place,
				members,
				full,
				out: others,
				match,
				home,
				binds,
				cost: tokens + (scarce + routing.thinkingLossDollars * lost) / dollarsPerToken,
				dollars,
				thinkingAtRisk: lost > 0 && !home,
			};
		});
	}

	/**
	 * Excluded deployments' places stay in, empty: what is warm there tells that a conversation is not new. Not so those that the caller
	 * is kept out of: what others have warm there is none of its affair.
	 */
	#places({ group, wildcard, betas, outline, allowedDomains }: RouteRequest): readonly Gathered[] {
		const { fleet } = this.#options;
		const part = requestPart(betas, outline.variant);
		const confined = domainRule(fleet, allowedDomains);
		const sites = fleet.sites(group, wildcard);
		const known = this.#gatheredAt.get(sites);
		const all = known !== undefined && known.part === part ? known.all : this.#placesOf(sites, part);
		if (confined === null) return all;
		return all.filter(({ site }) => site.members.some((each) => confined(each.deployment)));
	}

	#placesOf(sites: readonly Site[], part: number): readonly Gathered[] {
		const all = sites.map((site): Gathered => {
			const { domain, modelPart, collapseRuns } = site;
			return { place: { domain, variant: variantOf(modelPart, part), collapseRuns }, site };
		});
		this.#gatheredAt.set(sites, { part, all });
		return all;
	}

	/** What is expected to be read, written and neither; tokens count from the start, so each place's read ends the same prompt. */
	#inputAt(prompt: Prompt, at: Gathered, match: Match): ExpectedInput {
		const { beliefs } = this.#options;
		const { chain, promptTokens, markedTokens, ttl } = prompt;
		const following = prompt.mayFollow || match.home === match.coming ? match.coming : NONE;
		const coming = following === NONE ? 0 : scaled(chain, following, promptTokens);
		const rate = beliefs.rateOf(at.place.domain);
		const readTokens = Math.min(promptTokens, Math.max(match.readTokens, coming) * rate);
		const minimum = at.site.members[0]?.target.minimumTokens ?? 0;
		// Without markers nothing extra is charged for what is written.
		const writes = markedTokens >= minimum && !cachesUnmarked(at);
		const writeTokens = writes ? Math.max(0, markedTokens - readTokens) : 0;
		return { readTokens, writeTokens, uncachedTokens: promptTokens - readTokens - writeTokens, ttl };
	}

	/** Input tokens a minute that the group's deployments have on average, of those of which it is known. */
	#meanCapacity(sites: readonly Gathered[]): number | null {
		const { headroom } = this.#options;
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

	/** What each place holds, in the order of the places. Those that cache without markers are asked for every block. */
	#matchesAt({ outline }: RouteRequest, gathered: readonly Gathered[], now: number): Match[] {
		const { index } = this.#options;
		const { breakpoints, chain } = outline;
		if (!gathered.some(cachesUnmarked)) {
			return index.longest({ prefixes: chain, breakpoints, places: gathered.map((each) => each.place), now });
		}
		return gathered.flatMap((each) => {
			const ttl = each.site.members[0]?.target.implicit ?? null;
			const marks = ttl === null ? breakpoints : implicitBreakpoints(chain, ttl);
			return index.longest({ prefixes: chain, breakpoints: marks, places: [each.place], now });
		});
	}

	/** What the index and the conversation's memory know of the prompt. */
	#traces(request: RouteRequest, gathered: readonly Gathered[], now: number): Traces {
		const { fleet, conversations } = this.#options;
		const { outline, conversation } = request;
		const marked = isCacheable(request, gathered);
		const remembered = marked || isCompaction(request) ? conversations.homeOf(conversation, outline.model) : null;
		const home = conversation.hints?.contextCompacted === true ? null : remembered;
		const matches = marked ? this.#matchesAt(request, gathered, now) : [];
		let best = NO_MATCH;
		for (const match of matches) if (match.read > best.read) best = match;
		return {
			matches,
			home,
			homeDomain: home === null ? NONE : fleet.domains.root(home.domain),
			promptTokens: promptTokensOf(this.#options, request, best),
			marked,
			known: marked && (remembered !== null || matches.some((match) => match.home !== NONE)),
		};
	}

	/** Each place with what it holds, what it charges and what would be lost there. */
	#weigh(asked: Asked, gathered: readonly Gathered[], about: { found: Traces; now: number }): Weighed[] {
		const { chain, breakpoints, variant } = asked.request.outline;
		const { promptTokens, matches } = about.found;
		const last = breakpoints.at(-1);
		const prompt: Prompt = {
			chain,
			promptTokens,
			markedTokens: last === undefined ? 0 : scaled(chain, last.block, promptTokens),
			ttl: last?.ttl ?? "5m",
			mayFollow: asked.mayFollow,
		};
		const riskAt = thinkingRisk(gathered, about.found);
		const when = { tokens: promptTokens, now: about.now };
		return gathered.map((each, at): Weighed => {
			const match = matches[at] ?? NO_MATCH;
			const rates = ratesAt(each, variant, when);
			return {
				gathered: each,
				match,
				rates,
				input: this.#inputAt(prompt, each, match),
				lost: cachesUnmarked(each) ? 0 : riskAt(each),
			};
		});
	}

	/** How deployments stand among those of their group: their share of cold work, and what their slowness costs. */
	#loader(request: RouteRequest, gathered: readonly Gathered[], about: { waitCost: number; now: number }): Loader {
		const { fleet, headroom } = this.#options;
		const { now, waitCost } = about;
		const mean = this.#meanCapacity(gathered);
		const slow = slowOnes(fleet.members(request.group), fleet.failures.slowFactor, now);
		return ({ deployment, target }) => {
			const { weight } = deployment.config;
			const capacity = mean === null ? null : headroom.capacityOf(deployment, target);
			return {
				deployment,
				load: recentLoad(deployment, now, fleet.routing.loadHalfLifeMs),
				share: capacity === null || mean === null ? weight : (weight * capacity) / mean,
				slow: slow.size === 0 ? 0 : (slow.get(deployment) ?? 0) * waitCost,
			};
		};
	}
}

function ratesAt({ site }: Gathered, variant: string, about: { tokens: number; now: number }): Rates | null {
	const [member] = site.members;
	if (member === undefined) return null;
	const { deployment, target } = member;
	return ratesOf({ deployment, target, variant, promptTokens: about.tokens }, about.now);
}

/** Caches without markers, whose thinking nobody signs either. */
function cachesUnmarked({ site }: Gathered): boolean {
	return site.members[0] !== undefined && site.members[0].target.implicit !== null;
}

/** Whether any of it may be cached: the client marked something, or a place needs no markers. */
function isCacheable({ outline }: RouteRequest, gathered: readonly Gathered[]): boolean {
	return outline.breakpoints.length > 0 || (outline.chain.count > 0 && gathered.some(cachesUnmarked));
}

/** A compaction reads the whole conversation where it is at home, whatever it marks (claude-code §3). */
function isCompaction({ conversation: { hints } }: RouteRequest): boolean {
	return hints !== undefined && (hints.isCompaction || hints.requestClass === "compaction");
}

/**
 * Share of the conversation's signed thinking that each place's account would drop (prompt-caching §5): all of it away from home,
 * what was thought elsewhere at home. Without a session the longest live prefix stands for home; with nothing live there is no risk.
 */
function thinkingRisk(gathered: readonly Gathered[], about: Traces): (at: Gathered) => number {
	const { matches, home, promptTokens } = about;
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
