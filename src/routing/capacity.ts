// Who of a place's deployments can take a request now, and who could later. Leaves limits to routing/headroom and what else excludes a
// deployment to routing/eligible.
import type { CandidatePlace, UsableDeployment } from "./candidate-place.ts";
import type { Exclusion } from "./decision.ts";
import type { Deployment } from "./deployment.ts";
import { bySoonest } from "./eligible.ts";
import type { SiteMember } from "./fleet.ts";
import type { Headroom } from "./headroom.ts";

/** What is the same of a request at every place. */
export interface CapacityOptions {
	readonly headroom: Headroom;
	/** Who is excluded already. */
	readonly excluded: ReadonlyMap<Deployment, Exclusion>;
	/** A member with its load and its share of cold work. */
	readonly usable: (member: SiteMember) => UsableDeployment;
	/** Answer tokens that the request allows; null = it does not say. */
	readonly maxTokens: number | null;
	readonly now: number;
}

/** Fills in who has capacity for the prompt. Those that drain take it if the place binds and nobody else there can. */
export function fillCapacity(
	candidate: CandidatePlace,
	{ headroom, excluded, usable, maxTokens, now }: CapacityOptions,
): void {
	const { input, site } = candidate;
	const members: UsableDeployment[] = [];
	const draining: UsableDeployment[] = [];
	const full: Exclusion[] = [];
	const out: Exclusion[] = [];
	for (const member of site.members) {
		const { deployment, target } = member;
		const exclusion = excluded.size === 0 ? undefined : excluded.get(deployment);
		if (exclusion !== undefined) {
			out.push(exclusion);
			continue;
		}
		const inputTokens = input.writeTokens + input.uncachedTokens + (target.countsReads ? input.readTokens : 0);
		const need = { inputTokens, outputTokens: headroom.outputNeed(deployment, target, maxTokens) };
		const until = headroom.admitsAt(deployment, { target, need }, now);
		if (until > now) full.push({ deployment, why: "limit", until });
		else (deployment.draining ? draining : members).push(usable(member));
	}
	const drainsOnly = candidate.binds && members.length === 0;
	if (!drainsOnly) for (const { deployment } of draining) full.push({ deployment, why: "draining", until: null });
	candidate.members = drainsOnly ? draining : members;
	candidate.full = full.length < 2 ? full : full.sort(bySoonest);
	candidate.out = out;
}
