// A place that may serve a request, filled in step by step: what it holds and costs by routing/evidence, who can take the request there by
// routing/capacity. Leaves the order of places to routing/placement.
import { type Match, NO_MATCH } from "../cache/index.ts";
import type { Place } from "../cache/place.ts";
import type { Rates } from "../pricing/prices.ts";
import type { ExpectedInput } from "./cost.ts";
import type { Exclusion } from "./decision.ts";
import type { MutableDeployment } from "./deployment.ts";
import type { Site } from "./fleet.ts";

/** A deployment that can take the request now. */
export interface UsableDeployment {
	readonly deployment: MutableDeployment;
	/** Recent uncached tokens. */
	readonly load: number;
	/** What it should get of cold work against others: its weight, and its limits where they are known. */
	readonly share: number;
	/** What its being slow costs, in input tokens; 0 = it is not. */
	readonly slow: number;
}

/** Deployments that read each other's entries for this request, and what speaks for them. */
export interface CandidatePlace {
	readonly place: Place;
	readonly site: Site;
	match: Match;
	/** The conversation is at home here. */
	home: boolean;
	/** A live message-level prefix, or what stands for one, binds the conversation to places such as this. */
	binds: boolean;
	/** Share of the conversation's thinking that would be dropped here. */
	lostThinking: number;
	thinkingAtRisk: boolean;
	/** As what the prompt is expected to be counted. */
	input: ExpectedInput;
	/** Null = not known. */
	rates: Rates | null;
	/** What the prompt is expected to cost, in input tokens; with it what dropped thinking and scarce tokens are worth. */
	cost: number;
	/** Null = a price is unknown. */
	dollars: number | null;
	/** Its deployments that can take the request now. */
	members: readonly UsableDeployment[];
	/** Those that are well but have no capacity for it, soonest first. */
	full: readonly Exclusion[];
	/** Those that are excluded for other reasons. */
	out: readonly Exclusion[];
}

const NO_INPUT: ExpectedInput = { readTokens: 0, writeTokens: 0, uncachedTokens: 0, ttl: "5m" };
const NO_MEMBERS: readonly UsableDeployment[] = [];
const NOBODY: readonly Exclusion[] = [];

/** Nothing is known of it yet. Every member is there from the start, so that all candidates have one hidden class. */
export function candidatePlace(place: Place, site: Site): CandidatePlace {
	return {
		place,
		site,
		match: NO_MATCH,
		home: false,
		binds: false,
		lostThinking: 0,
		thinkingAtRisk: false,
		input: NO_INPUT,
		rates: null,
		cost: 0,
		dollars: null,
		members: NO_MEMBERS,
		full: NOBODY,
		out: NOBODY,
	};
}
