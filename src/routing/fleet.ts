// The configured deployments at run time, kept across reloads, and where each of them caches. Leaves health rules to routing/deployment.
import { createDomainRegistry, type DomainRegistry } from "../cache/domain.ts";
import { type Place, requestPart, variantOf } from "../cache/place.ts";
import type { DeploymentConfig, ModelGroup, RoutingConfig } from "../config/schema.ts";
import type { Exclusion, RouteRequest } from "./decision.ts";
import { createDeployment, type Deployment, type MutableDeployment, targetOf } from "./deployment.ts";

/** What routing reads of a configuration. A `Config` is one. */
export interface RouterConfig {
	readonly deployments: readonly DeploymentConfig[];
	readonly routing: RoutingConfig;
}

export interface Fleet {
	readonly domains: DomainRegistry;
	/** Settings in force. */
	readonly routing: RoutingConfig;
	/** In the configuration's order. */
	all(): readonly MutableDeployment[];
	/** Undefined when the configuration in force has no such deployment. */
	get(id: string): MutableDeployment | undefined;
	/** The group's deployments that the configuration in force still has. */
	members(group: ModelGroup): readonly MutableDeployment[];
	/** Those of them that must not be used at `now`, soonest usable first. */
	excluded(group: ModelGroup, now: number): readonly Exclusion[];
	/** The state behind what a plan names, also when the configuration in force has it no more. */
	stateOf(deployment: Deployment): MutableDeployment;
	/** Where a deployment caches this request. */
	placesFor(request: RouteRequest): (deployment: MutableDeployment) => Place;
	/** Takes a new configuration: a deployment of a known id keeps its state. */
	update(config: RouterConfig): void;
}

/** The deployments of `config`, healthy and idle. */
export function createFleet(config: RouterConfig): Fleet {
	const domains = createDomainRegistry();
	let deployments = new Map<string, MutableDeployment>();
	let membersOf = new WeakMap<ModelGroup, readonly MutableDeployment[]>();
	const states = new WeakMap<Deployment, MutableDeployment>();
	let routing = config.routing;

	function members(group: ModelGroup): readonly MutableDeployment[] {
		const known = membersOf.get(group);
		if (known !== undefined) return known;
		const found = group.deployments.flatMap(({ id }) => deployments.get(id) ?? []);
		membersOf.set(group, found);
		return found;
	}

	function update(next: RouterConfig): void {
		const updated = new Map<string, MutableDeployment>();
		for (const each of next.deployments) {
			const deployment = deployments.get(each.id) ?? createDeployment(each);
			deployment.config = each;
			deployment.member = domains.register(each);
			deployment.targets.clear();
			updated.set(each.id, deployment);
			states.set(deployment, deployment);
		}
		deployments = updated;
		membersOf = new WeakMap();
		routing = next.routing;
	}

	update(config);
	return {
		domains,
		get routing() {
			return routing;
		},
		all: () => [...deployments.values()],
		get: (id) => deployments.get(id),
		members,
		excluded(group, now) {
			const excluded: Exclusion[] = [];
			for (const deployment of members(group)) {
				const { cooldownUntil, quarantineUntil } = deployment;
				const until = Math.max(cooldownUntil, quarantineUntil);
				if (until <= now) continue;
				const why = quarantineUntil > now ? "quarantine" : deployment.limited ? "limit" : "cooldown";
				excluded.push({ deployment, why, until });
			}
			return excluded.sort((a, b) => (a.until ?? 0) - (b.until ?? 0));
		},
		stateOf(deployment) {
			const state = states.get(deployment);
			if (state === undefined) throw new Error(`deployment '${deployment.id}' is not this router's`);
			return state;
		},
		placesFor({ wildcard, betas, outline }) {
			const part = requestPart(betas, outline.variant);
			return (deployment) => {
				const { modelPart, collapseRuns } = targetOf(deployment, wildcard);
				return { domain: domains.domainOf(deployment.member), variant: variantOf(modelPart, part), collapseRuns };
			};
		},
		update,
	};
}
