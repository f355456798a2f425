// The configured deployments at run time, kept across reloads, and where each of them caches. Leaves health rules to routing/deployment.
import { randomBytes } from "node:crypto";
import { callerKey, createDomainRegistry } from "../cache/domain.ts";
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

interface Sites {
	/** Of the domain registry. */
	readonly version: number;
	readonly sites: readonly Site[];
}

/** Fewer than the targets a deployment keeps: a site and its deployments must name the same target. */
const MOST_WILDCARDS = 32;

/** The deployments of `config`, healthy and idle. */
export class Fleet {
	readonly domains = createDomainRegistry();
	#deployments = new Map<string, MutableDeployment>();
	#membersOf = new WeakMap<ModelGroup, readonly MutableDeployment[]>();
	#sitesOf = new WeakMap<ModelGroup, Map<string | null, Sites>>();
	readonly #salt = randomBytes(32);
	readonly #states = new WeakMap<Deployment, MutableDeployment>();
	/** As it is and was configured; kept as long as a request holds on to such a configuration. */
	readonly #configured = new WeakMap<DeploymentConfig, MutableDeployment>();
	#config: Pick<RouterConfig, "routing" | "failures">;
	#revision = 0;

	constructor(config: RouterConfig) {
		this.#config = config;
		this.update(config);
	}

	/** Rises with every configuration. */
	get revision(): number {
		return this.#revision;
	}

	/** Settings in force. */
	get routing(): RoutingConfig {
		return this.#config.routing;
	}

	get failures(): FailureConfig {
		return this.#config.failures;
	}

	/** In the configuration's order. */
	all(): readonly MutableDeployment[] {
		return [...this.#deployments.values()];
	}

	/** Undefined when the configuration in force has no such deployment. */
	get(id: string): MutableDeployment | undefined {
		return this.#deployments.get(id);
	}

	/**
	 * The group's deployments that the configuration in force still has. Where it has none of them, all of them: a request that waits
	 * while a reload takes its group away is served by what it began with.
	 */
	members(group: ModelGroup): readonly MutableDeployment[] {
		const known = this.#membersOf.get(group);
		if (known !== undefined) return known;
		const current = group.deployments.flatMap(({ id }) => this.#deployments.get(id) ?? []);
		const found = current.length > 0 ? current : group.deployments.flatMap((each) => this.#configured.get(each) ?? []);
		this.#membersOf.set(group, found);
		return found;
	}

	/** The group's deployments by where they cache. Remembered until a domain or the configuration changes. */
	sites(group: ModelGroup, wildcard: string | null): readonly Site[] {
		const ofGroup = this.#sitesOf.get(group) ?? new Map<string | null, Sites>();
		const known = ofGroup.get(wildcard);
		if (known !== undefined && known.version === this.domains.version) return known.sites;
		const found: (Site & { readonly members: SiteMember[] })[] = [];
		for (const deployment of this.members(group)) {
			const target = targetOf(deployment, wildcard);
			const { modelPart, collapseRuns } = target;
			const domain = this.domains.domainOf(deployment.member);
			const same = found.find((each) => each.domain === domain && each.modelPart === modelPart);
			if (same !== undefined) same.members.push({ deployment, target });
			else found.push({ domain, modelPart, collapseRuns, members: [{ deployment, target }] });
		}
		if (ofGroup.size >= MOST_WILDCARDS) ofGroup.clear();
		ofGroup.set(wildcard, { version: this.domains.version, sites: found });
		this.#sitesOf.set(group, ofGroup);
		return found;
	}

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
	): readonly MutableDeployment[] {
		const scope = scopeOf(failure);
		if (scope === "request" || scope === "endpoint") return [deployment];
		const { organization, credential } = deployment;
		const target = targetOf(deployment, wildcard);
		const isInScope = (each: MutableDeployment): boolean => {
			const sameCredential = each.credential === credential;
			const sameOrganization = organization !== null && each.organization === organization;
			if (scope === "credential") return sameCredential;
			if (scope === "account") {
				const sameDomain = this.domains.domainOf(each.member) === this.domains.domainOf(deployment.member);
				return sameCredential || sameOrganization || sameDomain;
			}
			const other = targetOf(each, wildcard);
			if (failure.status !== 429 && scope === "model")
				return sameCredential && other.upstreamModel === target.upstreamModel;
			return (sameCredential || sameOrganization) && limitClass(other.model) === limitClass(target.model);
		};
		return [...this.#deployments.values()].filter((each) => each === deployment || isInScope(each));
	}

	/** The state behind what a plan names, also when the configuration in force has it no more. */
	stateOf(deployment: Deployment): MutableDeployment {
		const state = this.#states.get(deployment);
		if (state === undefined) throw new Error(`deployment '${deployment.id}' is not this router's`);
		return state;
	}

	/** Where a deployment caches this request. */
	placesFor({ wildcard, betas, outline }: RouteRequest): (deployment: MutableDeployment) => Place {
		const part = requestPart(betas, outline.variant);
		return (deployment) => {
			const { modelPart, collapseRuns } = targetOf(deployment, wildcard);
			return { domain: this.domains.domainOf(deployment.member), variant: variantOf(modelPart, part), collapseRuns };
		};
	}

	/** Takes a new configuration: a deployment of a known id keeps its state. */
	update(next: RouterConfig): void {
		const updated = new Map<string, MutableDeployment>();
		for (const each of next.deployments) {
			const deployment = this.#deployments.get(each.id) ?? createDeployment(each);
			deployment.config = each;
			deployment.member = this.domains.register(each);
			deployment.credential = callerKey(each, this.#salt);
			deployment.targets.clear();
			updated.set(each.id, deployment);
			this.#states.set(deployment, deployment);
			this.#configured.set(each, deployment);
		}
		this.#deployments = updated;
		this.#membersOf = new WeakMap();
		this.#sitesOf = new WeakMap();
		this.#config = next;
		this.#revision += 1;
	}
}
