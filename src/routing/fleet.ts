// The configured deployments at run time, kept across reloads, and where each of them caches. Leaves health rules to routing/deployment.
import { randomBytes } from "node:crypto";
import { callerKey, createDomainRegistry, type DomainRegistry } from "../cache/domain.ts";
import { type Place, requestPart, variantOf } from "../cache/place.ts";
import type { DeploymentConfig, FailureConfig, ModelGroup, RoutingConfig } from "../config/schema.ts";
import type { RouteRequest } from "./decision.ts";
import {
	type AttemptFailure,
	createDeployment,
	type Deployment,
	type MutableDeployment,
	type Target,
	targetOf,
} from "./deployment.ts";
import { scopeOf } from "./failures.ts";
import { limitClass } from "./headroom.ts";

/** What routing reads of a configuration. A `Config` is one. */
export interface RouterConfig {
	readonly deployments: readonly DeploymentConfig[];
	readonly routing: RoutingConfig;
	readonly failures: FailureConfig;
}

/** Deployments of a group that share a cache for every request of one wildcard; what the request fixes of the place is still open. */
export interface Site {
	readonly domain: number;
	readonly modelPart: number;
	readonly collapseRuns: boolean;
	/** At least one. */
	readonly members: readonly SiteMember[];
}

export interface SiteMember {
	readonly deployment: MutableDeployment;
	readonly target: Target;
}

export interface Fleet {
	readonly domains: DomainRegistry;
	/** Rises with every configuration. */
	readonly revision: number;
	/** Settings in force. */
	readonly routing: RoutingConfig;
	readonly failures: FailureConfig;
	/** In the configuration's order. */
	all(): readonly MutableDeployment[];
	/** Undefined when the configuration in force has no such deployment. */
	get(id: string): MutableDeployment | undefined;
	/**
	 * The group's deployments that the configuration in force still has. Where it has none of them, all of them: a request that waits
	 * while a reload takes its group away is served by what it began with.
	 */
	members(group: ModelGroup): readonly MutableDeployment[];
	/** The group's deployments by where they cache. Remembered until a domain or the configuration changes. */
	sites(group: ModelGroup, wildcard: string | null): readonly Site[];
	/**
	 * All deployments that a failure of this one is about, itself included, by its scope. Account: those of its organisation, its domain
	 * and its credential. Credential: those with the same. Model and class: for a limit those of its organisation or credential that ask
	 * for a model of the same class (providers §1), else those that ask for the same model with the same credential. Anything
	 * else: it alone.
	 */
	inScopeOf(
		deployment: MutableDeployment,
		failure: AttemptFailure,
		wildcard: string | null,
	): readonly MutableDeployment[];
	/** The state behind what a plan names, also when the configuration in force has it no more. */
	stateOf(deployment: Deployment): MutableDeployment;
	/** Where a deployment caches this request. */
	placesFor(request: RouteRequest): (deployment: MutableDeployment) => Place;
	/** Takes a new configuration: a deployment of a known id keeps its state. */
	update(config: RouterConfig): void;
}

interface Sites {
	/** Of the domain registry. */
	readonly version: number;
	readonly sites: readonly Site[];
}

/** Fewer than the targets a deployment keeps: a site and its deployments must name the same target. */
const MOST_WILDCARDS = 32;

/** The deployments of `config`, healthy and idle. */
export function createFleet(config: RouterConfig): Fleet {
	const domains = createDomainRegistry();
	let deployments = new Map<string, MutableDeployment>();
	let membersOf = new WeakMap<ModelGroup, readonly MutableDeployment[]>();
	let sitesOf = new WeakMap<ModelGroup, Map<string | null, Sites>>();
	const salt = randomBytes(32);
	const states = new WeakMap<Deployment, MutableDeployment>();
	/** As it is and was configured; kept as long as a request holds on to such a configuration. */
	const configured = new WeakMap<DeploymentConfig, MutableDeployment>();
	let routing = config.routing;
	let failures = config.failures;
	let revision = 0;

	function members(group: ModelGroup): readonly MutableDeployment[] {
		const known = membersOf.get(group);
		if (known !== undefined) return known;
		const current = group.deployments.flatMap(({ id }) => deployments.get(id) ?? []);
		const found = current.length > 0 ? current : group.deployments.flatMap((each) => configured.get(each) ?? []);
		membersOf.set(group, found);
		return found;
	}

	function sites(group: ModelGroup, wildcard: string | null): readonly Site[] {
		const ofGroup = sitesOf.get(group) ?? new Map<string | null, Sites>();
		const known = ofGroup.get(wildcard);
		if (known !== undefined && known.version === domains.version) return known.sites;
		const found: (Site & { readonly members: SiteMember[] })[] = [];
		for (const deployment of members(group)) {
			const target = targetOf(deployment, wildcard);
			const { modelPart, collapseRuns } = target;
			const domain = domains.domainOf(deployment.member);
			const same = found.find((each) => each.domain === domain && each.modelPart === modelPart);
			if (same !== undefined) same.members.push({ deployment, target });
			else found.push({ domain, modelPart, collapseRuns, members: [{ deployment, target }] });
		}
		if (ofGroup.size >= MOST_WILDCARDS) ofGroup.clear();
		ofGroup.set(wildcard, { version: domains.version, sites: found });
		sitesOf.set(group, ofGroup);
		return found;
	}

	function update(next: RouterConfig): void {
		const updated = new Map<string, MutableDeployment>();
		for (const each of next.deployments) {
			const deployment = deployments.get(each.id) ?? createDeployment(each);
			deployment.config = each;
			deployment.member = domains.register(each);
			deployment.credential = callerKey(each, salt);
			deployment.targets.clear();
			updated.set(each.id, deployment);
			states.set(deployment, deployment);
			configured.set(each, deployment);
		}
		deployments = updated;
		membersOf = new WeakMap();
		sitesOf = new WeakMap();
		routing = next.routing;
		failures = next.failures;
		revision += 1;
	}

	update(config);
	return {
		domains,
		get revision() {
			return revision;
		},
		get routing() {
			return routing;
		},
		get failures() {
			return failures;
		},
		all: () => [...deployments.values()],
		get: (id) => deployments.get(id),
		members,
		sites,
		inScopeOf(deployment, failure, wildcard) {
			const scope = scopeOf(failure);
			if (scope === "request" || scope === "endpoint") return [deployment];
			const { organization, credential } = deployment;
			const target = targetOf(deployment, wildcard);
			const isInScope = (each: MutableDeployment): boolean => {
				const sameCredential = each.credential === credential;
				const sameOrganization = organization !== null && each.organization === organization;
				if (scope === "credential") return sameCredential;
				if (scope === "account") {
					const sameDomain = domains.domainOf(each.member) === domains.domainOf(deployment.member);
					return sameCredential || sameOrganization || sameDomain;
				}
				const other = targetOf(each, wildcard);
				if (failure.status !== 429 && scope === "model")
					return sameCredential && other.upstreamModel === target.upstreamModel;
				return (sameCredential || sameOrganization) && limitClass(other.model) === limitClass(target.model);
			};
			return [...deployments.values()].filter((each) => each === deployment || isInScope(each));
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
