// The state of a simulated provider: deployments of all vendors, caches, limits, faults and journal. Leaves HTTP to service.ts.
import { AwsAccounts } from "./aws/accounts.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Deployment, Domain } from "./deployment.ts";
import { Diagnostics } from "./diagnostics.ts";
import { Faults } from "./faults.ts";
import type { FoundryResource } from "./foundry.ts";
import { GoogleProjects } from "./google/projects.ts";
import { type ApiKey, Inventory } from "./inventory.ts";
import { Journal, type RecordedRequest, type RequestSums } from "./journal.ts";
import type { OpenAiServer } from "./openai/servers.ts";
import { DEFAULT_LATENCY, type Latency, type SimulatorOptions } from "./options.ts";
import { seededRandom } from "./random.ts";

/** What a domain saw. */
interface DomainReport extends RequestSums {
	readonly deployments: readonly string[];
	/** Cache entries that can be read now. */
	readonly entriesLive: number;
}

/** What the whole simulator saw. */
export interface Report {
	readonly startedAt: number;
	readonly now: number;
	readonly total: RequestSums;
	readonly domains: Readonly<Record<string, DomainReport>>;
	/** `domain` is where a deployment is at home; empty where that depends on the request. */
	readonly deployments: Readonly<Record<string, RequestSums & { readonly domain: string }>>;
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
	readonly diagnostics = new Diagnostics();
	/** Of all vendors. */
	readonly deployments: readonly Deployment[];
	readonly apiKeys: readonly ApiKey[];
	readonly aws: AwsAccounts;
	readonly google: GoogleProjects;
	readonly foundry: readonly FoundryResource[];
	readonly openai: readonly OpenAiServer[];
	readonly #inventory: Inventory;
	#startedAt: number;
	#requests = 0;

	/** Throws a TypeError for options that contradict each other. */
	constructor(options: SimulatorOptions) {
		this.options = options;
		this.clock = options.clock ?? systemClock;
		this.latency = { ...DEFAULT_LATENCY, ...options.latency };
		this.speed = options.speed ?? 0;
		const seed = options.seed ?? 1;
		this.faults = new Faults(this.clock, seededRandom(seed));
		this.journal = new Journal(options.recordLimit ?? 2_000);
		const wallClock = options.wallClock ?? Date.now;
		this.#inventory = new Inventory(options);
		this.apiKeys = this.#inventory.apiKeys;
		this.aws = new AwsAccounts(this.#inventory.accounts, seededRandom(seed + 1_000), wallClock);
		this.google = new GoogleProjects(this.#inventory.projects, wallClock);
		this.foundry = this.#inventory.resources;
		this.openai = this.#inventory.servers;
		this.deployments = [...this.apiKeys, ...this.aws.all, ...this.google.all, ...this.foundry, ...this.openai];
		this.#startedAt = this.clock.now();
	}

	/** Every cache that exists so far; those of Regions and locations come into being when they are first used. */
	get domains(): readonly Domain[] {
		return this.#inventory.domains;
	}

	/** The cache of a vendor's organization and workspace, Region or location. Made when it is not there yet. */
	domain(
		vendor: "aws" | "google" | "aws-platform" | "google-platform",
		organization: string,
		workspace: string,
	): Domain {
		return this.#inventory.domain(vendor, organization, workspace);
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
				...this.journal.sums({ domain: domain.name }),
				deployments: this.#inventory.usersOf(domain),
				entriesLive: domain.cache.live(now),
			},
		]);
		return {
			startedAt: this.#startedAt,
			now,
			total: this.journal.sums(),
			domains: Object.fromEntries(domains),
			deployments: Object.fromEntries(
				this.deployments.map(({ name }) => [
					name,
					{ ...this.journal.sums({ deployment: name }), domain: this.#inventory.homeOf(name) },
				]),
			),
			requests: requests.slice(Math.max(0, requests.length - requestLimit)),
		};
	}

	/** Empties caches, limits, faults and journal. Requests in flight go on. */
	reset(): void {
		for (const domain of this.domains) domain.cache.clear();
		for (const deployment of this.deployments) deployment.limits.reset();
		for (const server of this.openai) server.traffic.clear();
		this.aws.reset();
		this.diagnostics.reset();
		this.faults.clear();
		this.journal.reset();
		this.#startedAt = this.clock.now();
	}
}
