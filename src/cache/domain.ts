// Who shares a cache: domains, assumed from credential and address, then learned from answers. Leaves what is in a cache to cache/index.
import { createHmac, randomBytes } from "node:crypto";
import type { DeploymentConfig } from "../config/schema.ts";

/** What distinguishes callers of an upstream. A DeploymentConfig is one. */
export type UpstreamCaller = Pick<DeploymentConfig, "provider" | "credentials" | "cacheDomain" | "extraHeaders"> &
	Partial<Pick<DeploymentConfig, "upstreamModel">>;

/** What a response's head says about who answered. */
interface Identity {
	readonly organization: string | null;
	readonly workspace: string | null;
}

/**
 * Domains are small integers and members are credentials at an address; both are never reused. A domain number stays valid when
 * its domain turns out to be another one's: compare `root(a)` with `root(b)`.
 */
export interface DomainRegistry {
	/** Rises whenever a member's domain may have changed. */
	readonly version: number;
	/** The member a deployment is: equal for equal provider, address and credential, or equal `cache_domain`. */
	register(caller: UpstreamCaller): number;
	/** The domain a member is in now. */
	domainOf(member: number): number;
	/** The number that stands for a domain and all that were found to be the same. */
	root(domain: number): number;
	/** Configured or learned name; null while only assumed. */
	nameOf(member: number): string | null;
	/** The domain of that configured or learned name; null = nobody bears it. */
	named(name: string): number | null;
	/**
	 * Takes in what an answer reported. A first name joins what was assumed with what bears that name; another name moves the member, and
	 * `domainOf` gives another root from then on.
	 */
	learn(member: number, identity: Identity): void;
}

interface Member {
	readonly provider: string;
	/** The operator named its domain: answers teach nothing. */
	readonly fixed: boolean;
	domain: number;
	organization: string | null;
	workspace: string | null;
	name: string | null;
}

/** The numbers: which of them stand for the same domain. */
function createDomains() {
	const parents: number[] = [];

	function root(domain: number): number {
		let at = domain;
		for (let parent = parents[at] ?? at; parent !== at; parent = parents[at] ?? at) at = parent;
		return at;
	}

	return {
		root,
		/** A new one. */
		found: () => parents.push(parents.length) - 1,
		/** They were found to be the same; `into` goes on. */
		join(domain: number, into: number): void {
			parents[domain] = root(into);
		},
	};
}

/** A registry that knows nobody yet. */
export function createDomainRegistry(): DomainRegistry {
	const salt = randomBytes(32);
	const { found, root, join } = createDomains();
	const members: Member[] = [];
	const memberByKey = new Map<string, number>();
	const domainByName = new Map<string, number>();
	let version = 0;

	function domainNamed(name: string): number {
		const domain = domainByName.get(name) ?? found();
		domainByName.set(name, domain);
		return domain;
	}

	function member(id: number): Member {
		const known = members[id];
		if (known === undefined) throw new RangeError(`no cache-domain member ${id}`);
		return known;
	}

	return {
		get version() {
			return version;
		},
		root,
		domainOf: (id) => root(member(id).domain),
		nameOf: (id) => member(id).name,
		named(name) {
			const domain = domainByName.get(name);
			return domain === undefined ? null : root(domain);
		},
		register(config) {
			const key = memberKey(config, salt);
			const known = memberByKey.get(key);
			if (known !== undefined) return known;
			version += 1;
			const name = config.cacheDomain === null ? null : `configured/${config.cacheDomain}`;
			members.push({
				provider: config.provider,
				fixed: name !== null,
				domain: name === null ? found() : domainNamed(name),
				organization: null,
				workspace: null,
				name,
			});
			memberByKey.set(key, members.length - 1);
			return members.length - 1;
		},
		learn(id, identity) {
			const who = member(id);
			if (who.fixed || identity.organization === null) return;
			const sameOrganization = who.organization === identity.organization;
			if (sameOrganization && (identity.workspace === null || identity.workspace === who.workspace)) return;
			const name = [who.provider, identity.organization, identity.workspace].filter((part) => part !== null).join("/");
			if (who.name !== null) {
				// It was elsewhere until now: what was recorded there stays with those who are still there.
				who.domain = domainNamed(name);
			} else {
				const named = domainByName.get(name);
				if (named === undefined) domainByName.set(name, who.domain);
				else join(who.domain, named);
			}
			version += 1;
			who.organization = identity.organization;
			who.workspace = identity.workspace;
			who.name = name;
		},
	};
}

const AZURE = /^https:\/\/[^/]+\.azure\.(com|us|cn)(\/|$)/;

/**
 * Where the configuration itself says who shares a cache, whatever the credential (prompt-caching §1): a Google project with a location,
 * or with a workspace of the Anthropic organisation that is its own; a Foundry resource. null = only answers say; so for addresses that are
 * not Azure's own, behind which there may be several resources.
 */
function placeOf({ provider, credentials: { apiBase, extra } }: UpstreamCaller): string | null {
	if (provider === "foundry") return apiBase !== null && AZURE.test(apiBase) ? `foundry/${apiBase}` : null;
	const project = extra["vertex_project"];
	const within =
		provider === "anthropic_google_cloud"
			? extra["anthropic_workspace_id"]
			: provider === "vertex"
				? (extra["vertex_location"] ?? extra["region_name"])
				: undefined;
	if (typeof project !== "string" || typeof within !== "string") return null;
	return `${provider}/${apiBase ?? ""}/${project}/${within}`;
}

/** A cross-region profile: whatever region it is called in, the same regions serve it (prompt-caching §1). */
const BEDROCK_PROFILE = /(?:^|\/)([a-z]{2,6}(?:-[a-z]+)?)\.anthropic\./;
const REGION_OPTIONS: ReadonlySet<string | undefined> = new Set(["aws_region_name", "region_name"]);

/** Digest of what makes two deployments share a cache from the start. Keyed and one-way: a credential is never kept. */
function memberKey(config: UpstreamCaller, salt: Buffer): string {
	return config.cacheDomain === null ? callerKey(config, salt) : `configured/${config.cacheDomain}`;
}

/** Digest of credential and address, whatever domain the operator named. */
export function callerKey(config: UpstreamCaller, salt: Buffer): string {
	const place = placeOf(config);
	if (place !== null) return `place/${place}`;
	const { apiKey, apiBase, extra } = config.credentials;
	const fields = Object.entries(extra)
		.map(([name, value]) => [name, typeof value === "string" ? value : value.reveal()])
		.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
	const workspaces = Object.entries(config.extraHeaders).filter(([name]) => /^anthropic-workspace-id$/i.test(name));
	const profile = config.provider === "bedrock" ? BEDROCK_PROFILE.exec(config.upstreamModel ?? "")?.[1] : undefined;
	const own =
		profile === undefined ? fields : [...fields.filter(([name]) => !REGION_OPTIONS.has(name)), ["profile", profile]];
	const caller = JSON.stringify([config.provider, apiBase, apiKey?.reveal() ?? null, own, workspaces]);
	return createHmac("sha256", salt).update(caller).digest("base64");
}
