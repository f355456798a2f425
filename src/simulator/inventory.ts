// Builds what a simulator's options name: deployments of every vendor, the limits and caches they share. Leaves using them to world.ts.
import { type AwsAccount, accountIdOf, buildAccount } from "./aws/accounts.ts";
import { AccountQuotas } from "./aws/quota.ts";
import { type CacheRules, PromptCache } from "./cache.ts";
import type { Deployment, Domain, RateLimits } from "./deployment.ts";
import { buildResource, type FoundryResource, subscriptionOf } from "./foundry.ts";
import { buildProject, type GoogleProject } from "./google/projects.ts";
import { type LimitVoice, OrganizationLimits } from "./limits.ts";
import { buildServer, lifetimeOf, type OpenAiServer } from "./openai/servers.ts";
import type { DeploymentOptions, SimulatorOptions } from "./options.ts";
import { seededRandom } from "./random.ts";

/** A key of the first-party API. */
export interface ApiKey extends Deployment {
	readonly apiKey: string;
	readonly domain: Domain;
}

/** What an entry says of the limits of an organization that several entries share. */
interface LimitClaim<T> {
	readonly organization: string;
	readonly limits: T | undefined;
}

type DomainVendor = "anthropic" | "aws" | "aws-platform" | "google" | "google-platform" | "foundry" | "openai";

/** Google's words for a used-up quota; no headers. */
const GOOGLE_VOICE: LimitVoice = {
	headers: "none",
	refusal: (demand, kind) =>
		`Quota exceeded for aiplatform.googleapis.com/online_prediction_${kind.replace("-", "_")}_per_minute_per_base_model with base model: anthropic-${demand.modelClass}. Please submit a quota increase request.`,
};

/** Everything that the options of one simulator name. Building it opens nothing. */
export class Inventory {
	readonly apiKeys: readonly ApiKey[];
	readonly accounts: readonly AwsAccount[];
	readonly projects: readonly GoogleProject[];
	readonly resources: readonly FoundryResource[];
	readonly servers: readonly OpenAiServer[];
	readonly #options: SimulatorOptions;
	readonly #domains = new Map<string, Domain>();
	readonly #users = new Map<Domain, string[]>();
	readonly #limits = new Map<string, RateLimits>();

	/** Throws a TypeError for options that contradict each other. */
	constructor(options: SimulatorOptions) {
		this.#options = options;
		const { deployments = [], aws = [], google = [], foundry = [], openai = [] } = options;
		checkNames([...deployments, ...aws, ...google, ...foundry, ...openai].map(({ name }) => name));
		this.apiKeys = this.#buildApiKeys(deployments);
		const awsClaims = aws.map((item) => ({ organization: accountIdOf(item), limits: item.quotas }));
		this.accounts = aws.map((item) =>
			buildAccount(item, (id) => this.#shared(id, () => new AccountQuotas(limitsOf(id, awsClaims)))),
		);
		const googleClaims = google.map((item) => ({ organization: item.project ?? item.name, limits: item.limits }));
		this.projects = google.map((item) =>
			buildProject(item, (id) =>
				this.#shared(id, () => new OrganizationLimits(id, limitsOf(id, googleClaims), GOOGLE_VOICE)),
			),
		);
		const foundryClaims = foundry.map((item) => ({ organization: subscriptionOf(item), limits: item.limits }));
		this.resources = foundry.map((item) => {
			const id = subscriptionOf(item);
			const limits = this.#shared(id, () => new OrganizationLimits(id, limitsOf(id, foundryClaims)));
			const domain = this.domain("foundry", item.name, "resource");
			this.#use(domain, item.name);
			return buildResource(item, { limits, domain });
		});
		this.servers = openai.map((item) =>
			buildServer(item, {
				limits: new OrganizationLimits(item.name, item.limits ?? {}, OPENAI_VOICE),
				machine: (workspace) => {
					const domain = this.domain("openai", item.name, workspace, { implicitTtlMs: lifetimeOf(item) });
					this.#use(domain, item.name);
					return domain;
				},
			}),
		);
		if (this.servers.filter((server) => server.apiKey === null).length > 1) {
			throw new TypeError("Only one OpenAI server may be without a key");
		}
		const credentials = [
			...this.apiKeys.map((key) => key.apiKey),
			...this.accounts.flatMap((account) => [account.apiKey, account.platformApiKey, account.accessKeyId]),
			...this.projects.map((project) => project.accessToken),
			...this.resources.flatMap((resource) => [resource.apiKey, resource.entraToken]),
			...this.servers.flatMap((server) => server.apiKey ?? []),
		];
		if (new Set(credentials).size < credentials.length)
			throw new TypeError("Two deployments have the same API key or token");
	}

	/** In the order in which they came into being. */
	get domains(): readonly Domain[] {
		return [...this.#domains.values()];
	}

	/** The cache of an organization and its workspace, Region or location. Made when it is not there yet. */
	domain(vendor: DomainVendor, organization: string, workspace: string, more: Partial<CacheRules> = {}): Domain {
		const name = `${organization}/${workspace}`;
		const known = this.#domains.get(name);
		if (known !== undefined) return known;
		const random = seededRandom((this.#options.seed ?? 1) + 1 + this.#domains.size);
		// Runs of tool blocks are one position only where that is documented (prompt-caching §7.3).
		const collapseRuns = vendor === "anthropic" || vendor === "aws-platform" || vendor === "google-platform";
		const cache = new PromptCache({ random, collapseRuns, ...this.#options.cache, ...more });
		const domain = { name, organization, workspace, cache };
		this.#domains.set(name, domain);
		return domain;
	}

	/** Names of the deployments that are at home in a domain, or of its account's. */
	usersOf(domain: Domain): readonly string[] {
		const atHome = this.#users.get(domain);
		if (atHome !== undefined) return atHome;
		const owners = [...this.accounts, ...this.projects].filter((item) => item.organization === domain.organization);
		return owners.map((item) => item.name);
	}

	/** Name of the only domain that a deployment uses, else "". */
	homeOf(deployment: string): string {
		const homes = [...this.#users].filter(([, names]) => names.includes(deployment));
		return homes.length === 1 ? (homes[0]?.[0].name ?? "") : "";
	}

	#buildApiKeys(wanted: readonly DeploymentOptions[]): ApiKey[] {
		const claims = wanted.map((item) => ({ organization: organizationOf(item), limits: item.limits }));
		return wanted.map((item) => {
			const { name, apiKey = `sk-sim-${name}`, port = null } = item;
			const organization = organizationOf(item);
			const domain = this.domain("anthropic", organization, item.workspace ?? `wrkspc-${organization}`);
			const limits = this.#shared(
				organization,
				() => new OrganizationLimits(organization, limitsOf(organization, claims)),
			);
			this.#use(domain, name);
			return { name, vendor: "anthropic", apiKey, organization, domain, limits, port };
		});
	}

	#shared(organization: string, build: () => RateLimits): RateLimits {
		const known = this.#limits.get(organization) ?? build();
		this.#limits.set(organization, known);
		return known;
	}

	#use(domain: Domain, name: string): void {
		const users = this.#users.get(domain) ?? [];
		if (!users.includes(name)) users.push(name);
		this.#users.set(domain, users);
	}
}

const OPENAI_VOICE: LimitVoice = {
	headers: "openai",
	refusal: (demand, kind, limit) =>
		`Rate limit reached for ${demand.model} on ${kind === "requests" ? "requests" : "tokens"} per min: Limit ${limit}. Please try again later.`,
};

function organizationOf(item: DeploymentOptions): string {
	return item.organization ?? `org-${item.name}`;
}

function checkNames(names: readonly string[]): void {
	if (names.length === 0) throw new TypeError("A simulator needs at least one deployment");
	const twice = names.find((name, index) => names.indexOf(name) !== index);
	if (twice !== undefined) throw new TypeError(`Two deployments are named ${twice}`);
}

function limitsOf<T extends object>(organization: string, claims: readonly LimitClaim<T>[]): T | Record<string, never> {
	let found: T | null = null;
	for (const claim of claims) {
		if (claim.organization !== organization || claim.limits === undefined) continue;
		if (found !== null && JSON.stringify(found) !== JSON.stringify(claim.limits)) {
			throw new TypeError(`Deployments of organization ${organization} have different limits`);
		}
		found = claim.limits;
	}
	return found ?? {};
}
