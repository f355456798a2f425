// Who of a place's deployments can take a request now, and who could later. Changes nothing; leaves limits to routing/headroom and what
// else excludes a deployment to routing/eligible.
import type { ExpectedInput } from "./cost.ts";
import type { Exclusion } from "./decision.ts";
import type { Deployment } from "./deployment.ts";
import { bySoonest } from "./eligible.ts";
import type { Site, SiteMember } from "./fleet.ts";
import type { Headroom } from "./headroom.ts";
import type { Loaded } from "./placement.ts";

export interface Room {
	/** Those that can take it now. */
	readonly members: readonly Loaded[];
	/** Those that are well but have no room, soonest first. */
	readonly full: readonly Exclusion[];
	/** Those that were excluded before. */
	readonly others: readonly Exclusion[];
}

/** Who is excluded already. */
export type Outs = ReadonlyMap<Deployment, Exclusion>;

/** How a deployment stands among those of its group. */
export type Loader = (member: SiteMember) => Loaded;

/** A place, and as what the prompt is expected to be counted there. */
export interface Counted {
	readonly gathered: { readonly site: Site };
	readonly input: ExpectedInput;
}

/** What is the same of a request at every place. */
export interface RoomOptions {
	readonly headroom: Headroom;
	readonly out: Outs;
	readonly loadedOf: Loader;
	/** Answer tokens that the request allows; null = it does not say. */
	readonly maxTokens: number | null;
	readonly now: number;
}

const NONE_LOADED: readonly Loaded[] = [];
const NOBODY: readonly Exclusion[] = [];

/** Room of one place for the prompt. Those that drain take it if it `binds` and nobody else there can. */
export function roomAt(
	{ gathered, input }: Counted,
	binds: boolean,
	{ headroom, out, loadedOf, maxTokens, now }: RoomOptions,
): Room {
	const members: Loaded[] = [];
	let draining = NONE_LOADED;
	let full = NOBODY;
	let others = NOBODY;
	for (const member of gathered.site.members) {
		const { deployment, target } = member;
		const excluded = out.size === 0 ? undefined : out.get(deployment);
		if (excluded !== undefined) {
			others = [...others, excluded];
			continue;
		}
		const inputTokens = input.writeTokens + input.uncachedTokens + (target.countsReads ? input.readTokens : 0);
		const need = { inputTokens, outputTokens: headroom.outputNeed(deployment, target, maxTokens) };
		const until = headroom.admitsAt(deployment, { target, need }, now);
		if (until > now) full = [...full, { deployment, why: "limit" as const, until }].sort(bySoonest);
		else if (deployment.draining) draining = [...draining, loadedOf(member)];
		else members.push(loadedOf(member));
	}
	if (draining.length === 0) return { members, full, others };
	if (binds && members.length === 0) return { members: draining, full, others };
	const shut = draining.map(({ deployment }): Exclusion => ({ deployment, why: "draining", until: null }));
	return { members, full: [...full, ...shut], others };
}
