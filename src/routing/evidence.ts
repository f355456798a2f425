// What speaks for each place of a request: what it holds, what the prompt costs there, what would be lost. Changes no state; leaves who
// there has capacity to routing/capacity, the order to routing/placement and the decision to routing/planner.
import { estimateTokens } from "../cache/attempt.ts";
import { NONE } from "../cache/entry-table.ts";
import { implicitBreakpoints } from "../cache/implicit.ts";
import { type Match, NO_MATCH, type PrefixIndex } from "../cache/index.ts";
import { type Place, requestPart, variantOf } from "../cache/place.ts";
import type { Ttl } from "../cache/semantics.ts";
import type { TokenScale } from "../cache/tokens.ts";
import type { Rates } from "../pricing/prices.ts";
import type { PrefixChain } from "../prompt/outline.ts";
import type { BeliefLedger } from "./beliefs.ts";
import { fillBinding, headBlocks, isCompaction, isHomeLeft } from "./binding.ts";
import { type CandidatePlace, candidatePlace } from "./candidate-place.ts";
import { type CapacityOptions, fillCapacity } from "./capacity.ts";
import { type ExpectedInput, inputDollars, PLAIN_RATES, ratesOf } from "./cost.ts";
import type { Exclusion, RouteRequest } from "./decision.ts";
import { recentLoad, targetOf } from "./deployment.ts";
import { domainRule } from "./eligible.ts";
import type { Fleet, Site } from "./fleet.ts";
import type { Headroom } from "./headroom.ts";
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

export interface Evidence {
	readonly places: readonly CandidatePlace[];
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

interface EvidenceRequest {
	readonly request: RouteRequest;
	readonly excluded: readonly Exclusion[];
	/** The request may still wait for what another is writing. */
	readonly mayFollow: boolean;
}

/** Dollars an input token costs where no price is known: only what is priced in dollars is weighed by it. */
const ASSUMED_INPUT_DOLLARS = 3e-6;
const MS_PER_HOUR = 3_600_000;

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
type PromptPast = Pick<Evidence, "promptTokens" | "marked" | "known" | "home">;

const NOBODY_EXCLUDED: CapacityOptions["excluded"] = new Map();

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
	/** Where sites cache, for the last request that asked for them. */
	readonly #placesOf = new WeakMap<readonly Site[], { readonly part: number; readonly all: readonly Place[] }>();

	constructor(options: EvidenceOptions) {
		this.#options = options;
	}

	collect(asked: EvidenceRequest, now: number): Evidence {
		const { routing } = this.#options.fleet;
		const { request } = asked;
		const places = this.#candidates(request);
		const past = this.#match(request, places, now);
		this.#estimate(asked, places, { past, now });
		const unit = cheapestInput(places);
		const dollarsPerToken = unit ?? ASSUMED_INPUT_DOLLARS;
		for (const place of places) fillCost(place, { unit, dollarsPerToken, routing });
		const waitCost = routing.waitDollarsPerHour / MS_PER_HOUR / dollarsPerToken;
		this.#fillCapacities(asked, places, { waitCost, now });
		const { promptTokens, marked, known, home } = past;
		const ownTokens = promptTokens * ownShare(request.outline.chain);
		return { places, promptTokens, ownTokens, marked, known, home, waitCost };
	}

	/**
	 * Excluded deployments' places stay in, empty: what is warm there shows that a conversation is not new. Not so those that the caller
	 * is kept out of: what others have warm there is none of its affair.
	 */
	#candidates({ group, wildcard, betas, outline, allowedDomains }: RouteRequest): readonly CandidatePlace[] {
		const { fleet } = this.#options;
		const part = requestPart(betas, outline.variant);
		const confined = domainRule(fleet, allowedDomains);
		const sites = fleet.sites(group, wildcard);
		const known = this.#placesOf.get(sites);
		const all = known !== undefined && known.part === part ? known.all : this.#placesAt(sites, part);
		const candidates = sites.map((site, at) => candidatePlace(all[at] as Place, site));
		if (confined === null) return candidates;
		return candidates.filter(({ site }) => site.members.some((each) => confined(each.deployment)));
	}

	#placesAt(sites: readonly Site[], part: number): readonly Place[] {
		const all = sites.map(({ domain, modelPart, collapseRuns }): Place => {
			return { domain, variant: variantOf(modelPart, part), collapseRuns };
		});
		this.#placesOf.set(sites, { part, all });
		return all;
	}

	/** Fills in what each place holds. Gives what index and the conversation's memory know of the prompt. */
	#match(request: RouteRequest, places: readonly CandidatePlace[], now: number): PromptPast {
		const { fleet, conversations } = this.#options;
		const { outline, conversation } = request;
		const marked = isCacheable(request, places);
		const compacts = isCompaction(request);
		const remembered = marked || compacts ? conversations.homeOf(conversation, outline.model) : null;
		const homeDomain = remembered === null ? NONE : fleet.domains.root(remembered.domain);
		const matches = marked ? this.#matchesAt(request, places, now) : [];
		let best = NO_MATCH;
		let isLive = false;
		for (const [at, candidate] of places.entries()) {
			const match = matches[at] ?? NO_MATCH;
			candidate.match = match;
			candidate.home = candidate.place.domain === homeDomain;
			if (match.read > best.read) best = match;
			if (match.home !== NONE) isLive = true;
		}
		const promptTokens = promptTokensOf(this.#options, request, best);
		const home = isHomeLeft(request, places) ? null : remembered;
		if (home === null) for (const candidate of places) candidate.home = false;
		fillBinding(request, places, { home, promptTokens, now });
		return { promptTokens, marked, known: marked && (remembered !== null || isLive), home };
	}

	/** Fills in as what the prompt would be counted at each place, at what rates, and what would be lost there. */
	#estimate(
		{ request, mayFollow }: EvidenceRequest,
		places: readonly CandidatePlace[],
		{ past, now }: { past: PromptPast; now: number },
	): void {
		const { chain, breakpoints, variant } = request.outline;
		const { promptTokens } = past;
		const last = breakpoints.at(-1);
		const prompt: Prompt = {
			chain,
			promptTokens,
			markedTokens: last === undefined ? 0 : scaled(chain, last.block, promptTokens),
			ttl: last?.ttl ?? "5m",
			mayFollow,
		};
		const riskAt = thinkingRisk(places, past);
		const when = { tokens: promptTokens, now };
		for (const candidate of places) {
			candidate.rates = ratesAt(candidate, variant, when);
			candidate.input = this.#inputAt(prompt, candidate);
			candidate.lostThinking = cachesUnmarked(candidate) ? 0 : riskAt(candidate);
			candidate.thinkingAtRisk = candidate.lostThinking > 0 && !candidate.home;
		}
	}

	/** What is expected to be read, written and neither; tokens count from the start, so each place's read ends the same prompt. */
	#inputAt(prompt: Prompt, candidate: CandidatePlace): ExpectedInput {
		const { beliefs } = this.#options;
		const { match, place, site } = candidate;
		const { chain, promptTokens, markedTokens, ttl } = prompt;
		const following = prompt.mayFollow || match.home === match.coming ? match.coming : NONE;
		const coming = following === NONE ? 0 : scaled(chain, following, promptTokens);
		const rate = beliefs.rateOf(place.domain);
		const readTokens = Math.min(promptTokens, Math.max(match.readTokens, coming) * rate);
		const minimum = site.members[0]?.target.minimumTokens ?? 0;
		// Without markers nothing extra is charged for what is written.
		const writes = markedTokens >= minimum && !cachesUnmarked(candidate);
		const writeTokens = writes ? Math.max(0, markedTokens - readTokens) : 0;
		return { readTokens, writeTokens, uncachedTokens: promptTokens - readTokens - writeTokens, ttl };
	}

	/** Input tokens a minute that the group's deployments have on average, of those of which it is known. */
	#meanCapacity(places: readonly CandidatePlace[]): number | null {
		const { headroom } = this.#options;
		let sum = 0;
		let count = 0;
		for (const { site } of places) {
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
	#matchesAt({ outline }: RouteRequest, candidates: readonly CandidatePlace[], now: number): Match[] {
		const { index } = this.#options;
		const { breakpoints, chain } = outline;
		if (!candidates.some(cachesUnmarked)) {
			return index.longest({ prefixes: chain, breakpoints, places: candidates.map((each) => each.place), now });
		}
		return candidates.flatMap((each) => {
			const ttl = each.site.members[0]?.target.implicit ?? null;
			const marks = ttl === null ? breakpoints : implicitBreakpoints(chain, ttl);
			return index.longest({ prefixes: chain, breakpoints: marks, places: [each.place], now });
		});
	}

	/** Fills in who of each place can take the request, with their load, their share of cold work and what their slowness costs. */
	#fillCapacities(
		{ request, excluded }: EvidenceRequest,
		places: readonly CandidatePlace[],
		{ waitCost, now }: { waitCost: number; now: number },
	): void {
		const { fleet, headroom } = this.#options;
		const mean = this.#meanCapacity(places);
		const slow = slowOnes(fleet.members(request.group), fleet.failures.slowFactor, now);
		const options: CapacityOptions = {
			headroom,
			excluded: excluded.length === 0 ? NOBODY_EXCLUDED : new Map(excluded.map((each) => [each.deployment, each])),
			usable: ({ deployment, target }) => {
				const { weight } = deployment.config;
				const capacity = mean === null ? null : headroom.capacityOf(deployment, target);
				return {
					deployment,
					load: recentLoad(deployment, now, fleet.routing.loadHalfLifeMs),
					share: capacity === null || mean === null ? weight : (weight * capacity) / mean,
					slow: slow.size === 0 ? 0 : (slow.get(deployment) ?? 0) * waitCost,
				};
			},
			maxTokens: request.outline.maxTokens,
			now,
		};
		for (const place of places) fillCapacity(place, options);
	}
}

/** What the prompt costs there, in the unit that all places compare by: dollars where all prices are known, else tokens. */
function fillCost(
	candidate: CandidatePlace,
	about: { readonly unit: number | null; readonly dollarsPerToken: number; readonly routing: Fleet["routing"] },
): void {
	const { unit, dollarsPerToken, routing } = about;
	const { rates, input, lostThinking } = candidate;
	const dollars = rates === null ? null : inputDollars(rates, input);
	const tokens = unit === null || dollars === null ? inputDollars(PLAIN_RATES, input) * 1e6 : dollars / unit;
	const scarce = ((input.writeTokens + input.uncachedTokens) * routing.uncachedTokenPrice) / 1e6;
	candidate.dollars = dollars;
	candidate.cost = tokens + (scarce + routing.thinkingLossDollars * lostThinking) / dollarsPerToken;
}

function ratesAt({ site }: CandidatePlace, variant: string, about: { tokens: number; now: number }): Rates | null {
	const [member] = site.members;
	if (member === undefined) return null;
	const { deployment, target } = member;
	return ratesOf({ deployment, target, variant, promptTokens: about.tokens }, about.now);
}

/** Caches without markers, whose thinking nobody signs either. */
function cachesUnmarked({ site }: CandidatePlace): boolean {
	return site.members[0] !== undefined && site.members[0].target.implicit !== null;
}

/** Whether any of it may be cached: the client marked something, or a place needs no markers. */
function isCacheable({ outline }: RouteRequest, places: readonly CandidatePlace[]): boolean {
	return outline.breakpoints.length > 0 || (outline.chain.count > 0 && places.some(cachesUnmarked));
}

/**
 * Share of the conversation's signed thinking that each place's account would drop (prompt-caching §5): all of it away from home,
 * what was thought elsewhere at home. Without a session the longest live prefix stands for home; with nothing live there is no risk.
 */
function thinkingRisk(
	places: readonly CandidatePlace[],
	{ home, promptTokens }: PromptPast,
): (at: CandidatePlace) => number {
	let domain = NONE;
	let organization = home?.organization ?? null;
	let longest = NONE;
	for (const { place, site, match, home: isHome } of places) {
		if (match.home === NONE) continue;
		if (home !== null ? !isHome : match.home <= longest) continue;
		longest = match.home;
		domain = place.domain;
		if (home === null) organization = site.members[0]?.deployment.organization ?? null;
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
function cheapestInput(places: readonly CandidatePlace[]): number | null {
	let cheapest = Number.POSITIVE_INFINITY;
	for (const { rates } of places) {
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
export function ownShare(chain: PrefixChain): number {
	const { count, bytes } = chain;
	const head = headBlocks(chain);
	const all = bytes[count - 1] ?? 0;
	return all === 0 ? 1 : 1 - (bytes[head - 1] ?? 0) / all;
}
