// The state of a simulated provider: deployments, their domains' caches, limits, faults and journal. Leaves HTTP to service.ts.
import { PromptCache } from "./cache.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Faults } from "./faults.ts";
import { Journal, type RecordedRequest, type Tally } from "./journal.ts";
import { type Limits, OrganizationLimits } from "./limits.ts";
import { DEFAULT_LATENCY, type DeploymentOptions, type Latency, type SimulatorOptions } from "./options.ts";
import { seededRandom } from "./random.ts";

/** Deployments that read each other's cache entries. */
export interface Domain {
	/** `<organization>/<workspace>`. */
	readonly name: string;
	readonly organization: string;
	readonly workspace: string;
	readonly cache: PromptCache;
}

/** One credential and what belongs to it. */
export interface Deployment {
	readonly name: string;
	readonly apiKey: string;
	readonly domain: Domain;
	readonly limits: OrganizationLimits;
	/** Wish for a port of its own. */
	readonly port: number | null;
}

/** What a domain saw. */
export interface DomainReport extends Tally {
	readonly deployments: readonly string[];
	/** Cache entries that can be read now. */
	readonly entriesLive: number;
}

/** What the whole simulator saw. */
export interface Report {
	readonly startedAt: number;
	readonly now: number;
	readonly total: Tally;
	readonly domains: Readonly<Record<string, DomainReport>>;
	readonly deployments: Readonly<Record<string, Tally & { readonly domain: string }>>;
	readonly requests: readonly RecordedRequest[];
}

/** A simulated provider without its listeners. Building it opens nothing. */
export class World {
	readonly options: SimulatorOptions;
	readonly clock: Clock;
	readonly latency: Latency;
	readonly speed: number;
	readonly faults: Faults;
	readonly journal: Journal;
	readonly deployments: readonly Deployment[];
	readonly domains: readonly Domain[];
	readonly #byKey: ReadonlyMap<string, Deployment>;
	#startedAt: number;
	#requests = 0;

	/** Throws a TypeError for options that contradict each other. */
	constructor(options: SimulatorOptions) {
		this.options = options;
		this.clock = options.clock ?? systemClock;
		this.latency = { ...DEFAULT_LATENCY, ...options.latency };
		this.speed = options.speed ?? 0;
		this.faults = new Faults(this.clock, seededRandom(options.seed ?? 1));
		this.journal = new Journal(options.recordLimit ?? 2_000);
		this.deployments = buildDeployments(options);
		this.domains = [...new Set(this.deployments.map((deployment) => deployment.domain))];
		this.#byKey = new Map(this.deployments.map((deployment) => [deployment.apiKey, deployment]));
		this.#startedAt = this.clock.now();
	}

	/** The deployment of an API key, or null. */
	deploymentOf(apiKey: string): Deployment | null {
		return this.#byKey.get(apiKey) ?? null;
	}

	/** A request id that no other request of this simulator has. */
	nextRequestId(): string {
		this.#requests += 1;
		return `req_sim${this.#requests.toString(36).padStart(21, "0")}`;
	}

	/** Everything seen since the start or the last reset, with the last `requestLimit` requests. */
	report(requestLimit = Number.POSITIVE_INFINITY): Report {
		const now = this.clock.now();
		const requests = this.journal.requests();
		const domains = this.domains.map((domain): [string, DomainReport] => [
			domain.name,
			{
				...this.journal.tally({ domain: domain.name }),
				deployments: this.deployments.filter((item) => item.domain === domain).map((item) => item.name),
				entriesLive: domain.cache.live(now),
			},
		]);
		return {
			startedAt: this.#startedAt,
			now,
			total: this.journal.tally(),
			domains: Object.fromEntries(domains),
			deployments: Object.fromEntries(
				this.deployments.map(({ name, domain }) => [
					name,
					{ ...this.journal.tally({ deployment: name }), domain: domain.name },
				]),
			),
			requests: requests.slice(Math.max(0, requests.length - requestLimit)),
		};
	}

	/** Empties caches, limits, faults and journal. Requests in flight go on. */
	reset(): void {
		for (const domain of this.domains) domain.cache.clear();
		for (const deployment of this.deployments) deployment.limits.reset();
		this.faults.clear();
		this.journal.reset();
		this.#startedAt = this.clock.now();
	}
}

function buildDeployments(options: SimulatorOptions): Deployment[] {
	if (options.deployments.length === 0) throw new TypeError("A simulator needs at least one deployment");
	const domains = new Map<string, Domain>();
	const limits = new Map<string, OrganizationLimits>();
	const names = new Set<string>();
	const keys = new Set<string>();
	return options.deployments.map((wanted, index) => {
		const { name, apiKey = `sk-sim-${name}`, organization = `org-${name}`, port = null } = wanted;
		const { workspace = `wrkspc-${organization}` } = wanted;
		if (names.has(name)) throw new TypeError(`Two deployments are named ${name}`);
		if (keys.has(apiKey)) throw new TypeError(`Deployment ${name} has the API key of another one`);
		names.add(name);
		keys.add(apiKey);
		const domainName = `${organization}/${workspace}`;
		let domain = domains.get(domainName);
		if (domain === undefined) {
			const random = seededRandom((options.seed ?? 1) + 1 + index);
			const cache = new PromptCache({ random, ...options.cache });
			domain = { name: domainName, organization, workspace, cache };
			domains.set(domainName, domain);
		}
		let shared = limits.get(organization);
		if (shared === undefined) {
			shared = new OrganizationLimits(organization, limitsOf(organization, options.deployments));
			limits.set(organization, shared);
		}
		return { name, apiKey, domain, limits: shared, port };
	});
}

function limitsOf(organization: string, deployments: readonly DeploymentOptions[]): Limits {
	let found: Limits | null = null;
	for (const deployment of deployments) {
		if ((deployment.organization ?? `org-${deployment.name}`) !== organization || deployment.limits === undefined)
			continue;
		if (found !== null && JSON.stringify(found) !== JSON.stringify(deployment.limits)) {
			throw new TypeError(`Deployments of organization ${organization} have different limits`);
		}
		found = deployment.limits;
	}
	return found ?? {};
}
