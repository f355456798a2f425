// AWS accounts: their keys and sessions, who a signature or API key belongs to, and the Region that serves a cross-Region profile. Leaves bodies to dialects/bedrock.ts.
import { hash as digest } from "node:crypto";
import { ApiError } from "../api-error.ts";
import type { Deployment, Domain, RateLimits } from "../deployment.ts";
import type { ModelTarget, ProfileNames } from "./inference-profiles.ts";
import type { BedrockQuotas } from "./quota.ts";
import { isSigned, readClaim, refusal, type SignedRequest, verifySignature } from "./signature.ts";

const DEFAULT_REGION = "us-east-1";
const INVALID_TOKEN = "The security token included in the request is invalid.";

/** One AWS account, with Bedrock and the Claude Platform on AWS. */
export interface AwsAccountOptions {
	readonly name: string;
	/** 12 digits. Default: made from the name. Two entries with one account id share caches and quotas. */
	readonly accountId?: string;
	/** Default `AKIASIM<NAME>`, letters and digits only. */
	readonly accessKeyId?: string;
	/** Default `aws-secret-<name>`. */
	readonly secretAccessKey?: string;
	/** Bedrock API key, sent as a bearer token. Default `bedrock-key-<name>`. */
	readonly apiKey?: string;
	/** Region of callers that name none. Default us-east-1. */
	readonly region?: string;
	/** Regions behind profiles in place of the platform's, by prefix: `{ us: ["us-east-1", "us-west-2"] }`. */
	readonly profileRegions?: Readonly<Record<string, readonly string[]>>;
	/**
	 * Chance that a profile's request is served in the Region that served the one before it; otherwise any of its Regions is drawn.
	 * Default 1: always the first one, so that hits are certain.
	 */
	readonly regionStickiness?: number;
	/** Application inference profiles: id → model or profile id. */
	readonly inferenceProfiles?: Readonly<Record<string, string>>;
	/** Parts of model ids that this account has no access to. */
	readonly deniedModels?: readonly string[];
	/** Quotas of the account. */
	readonly quotas?: BedrockQuotas;
	/** Roles that other credentials may assume, by name. Default: every name. */
	readonly roles?: readonly string[];
	/** What the roles' trust policies ask those who assume them to know. Default: nothing. */
	readonly externalId?: string;
	/** Workspaces of the Claude Platform on AWS. Default `wrkspc-<name>`. */
	readonly workspaces?: readonly string[];
	/** API key of the Claude Platform on AWS. Default `sk-aws-<name>`. */
	readonly platformApiKey?: string;
	/** Also listen on a port of its own (0: a free one). */
	readonly port?: number;
}

/** An account with its defaults filled in. */
export interface AwsAccount extends Deployment, ProfileNames {
	readonly accountId: string;
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly apiKey: string;
	readonly platformApiKey: string;
	readonly region: string;
	readonly deniedModels: readonly string[];
	readonly roles: readonly string[] | null;
	readonly externalId: string | null;
	readonly workspaces: readonly string[];
	readonly stickiness: number;
}

/** Temporary credentials that STS gave out. */
export interface AwsSession {
	readonly account: AwsAccount;
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken: string;
	readonly expiresAtMs: number;
	/** `arn:aws:sts::<account>:assumed-role/<role>/<session>`. */
	readonly arn: string;
}

/** How a role is to be assumed. */
export interface RoleRequest {
	readonly sessionName: string;
	readonly durationS: number;
	/** Empty: none was sent. Left out: a web identity, which is asked for none. */
	readonly externalId?: string;
}

/** A verified caller. */
export interface AwsIdentity {
	readonly account: AwsAccount;
	/** Region of the credential scope, of the path, or the account's own. */
	readonly region: string;
	readonly arn: string;
}

/** What a service demands of a signature. */
export interface AwsDoor {
	/** Services that the scope may name; the first one is named in refusals. */
	readonly services: readonly string[];
	/** Region that the scope must name; null: any. */
	readonly region: string | null;
	readonly only: Deployment | null;
}

/** The accounts of one simulator. */
export class AwsAccounts {
	readonly all: readonly AwsAccount[];
	readonly #random: () => number;
	readonly #nowMs: () => number;
	readonly #sessions = new Map<string, AwsSession>();
	readonly #lastRegion = new Map<string, string>();

	/** `nowMs` is real time: signatures and sessions are dated with it. */
	constructor(accounts: readonly AwsAccount[], random: () => number, nowMs: () => number) {
		this.all = accounts;
		this.#random = random;
		this.#nowMs = nowMs;
	}

	/** Whether a bearer token or API key is one of an account's. */
	accountOfKey(key: string): AwsAccount | null {
		return this.all.find((account) => account.apiKey === key || account.platformApiKey === key) ?? null;
	}

	/** The account and Region of a signed request. Throws AWS's 403s. */
	identifySigned(request: SignedRequest, door: AwsDoor): AwsIdentity {
		if (!isSigned(request.headers))
			throw refusal("MissingAuthenticationTokenException", "Missing Authentication Token");
		const claim = readClaim(request.headers);
		const token = request.headers["x-amz-security-token"];
		const { account, secretAccessKey, arn } = this.#secretOf(
			claim.accessKeyId,
			typeof token === "string" ? token : null,
		);
		if (door.only !== null && door.only !== account) throw refusal("UnrecognizedClientException", INVALID_TOKEN);
		verifySignature(request, claim, { ...door, secret: secretAccessKey, nowMs: this.#nowMs() });
		return { account, region: claim.region, arn };
	}

	/** Gives out temporary credentials for a role of an account. Throws AccessDenied when there is no such role, or it does not trust the caller. */
	assume(roleArn: string, { sessionName, durationS, externalId }: RoleRequest): AwsSession {
		const [, accountId, role = ""] = /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(roleArn) ?? [];
		const account = this.all.find((candidate) => candidate.accountId === accountId);
		const isThere = account !== undefined && (account.roles === null || account.roles.includes(role));
		const asks = externalId === undefined ? null : (account?.externalId ?? null);
		if (!isThere || (asks !== null && externalId !== asks)) {
			throw refusal("AccessDenied", `User is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`);
		}
		const number = this.#sessions.size + 1;
		const salt = digest("sha256", `${roleArn} ${sessionName} ${number}`, "hex");
		const session: AwsSession = {
			account,
			accessKeyId: `ASIASIM${salt.slice(0, 13).toUpperCase()}`,
			secretAccessKey: `sts-secret-${salt.slice(13, 40)}`,
			sessionToken: `sts-token-${salt.slice(40)}`,
			expiresAtMs: this.#nowMs() + durationS * 1000,
			arn: `arn:aws:sts::${account.accountId}:assumed-role/${role}/${sessionName}`,
		};
		this.#sessions.set(session.accessKeyId, session);
		return session;
	}

	/** Draws the Region that serves the next request of a target, by the account's stickiness. */
	servingRegion(account: AwsAccount, region: string, target: ModelTarget): string {
		if (target.profile === null) return region;
		const key = `${account.accountId} ${region} ${target.profile}`;
		const { regions } = target;
		const home = regions.includes(region) ? region : (regions[0] ?? region);
		const last = this.#lastRegion.get(key) ?? home;
		const stays = account.stickiness >= 1 || this.#random() < account.stickiness;
		const next = stays ? last : (regions[Math.floor(this.#random() * regions.length)] ?? last);
		this.#lastRegion.set(key, next);
		return next;
	}

	/** Forgets which Regions served last. Sessions stay valid. */
	reset(): void {
		this.#lastRegion.clear();
	}

	#secretOf(accessKeyId: string, token: string | null): { account: AwsAccount; secretAccessKey: string; arn: string } {
		const session = this.#sessions.get(accessKeyId);
		if (session !== undefined) {
			if (token !== session.sessionToken) throw refusal("UnrecognizedClientException", INVALID_TOKEN);
			if (this.#nowMs() >= session.expiresAtMs) {
				throw refusal("ExpiredTokenException", "The security token included in the request is expired");
			}
			return session;
		}
		const account = this.all.find((candidate) => candidate.accessKeyId === accessKeyId);
		if (account === undefined || token !== null) throw refusal("UnrecognizedClientException", INVALID_TOKEN);
		return {
			account,
			secretAccessKey: account.secretAccessKey,
			arn: `arn:aws:iam::${account.accountId}:user/${account.name}`,
		};
	}
}

/** Throws the platform's 403 for a model that the account was not given. */
export function checkModelAccess(account: AwsAccount, modelId: string): void {
	if (!account.deniedModels.some((part) => modelId.includes(part))) return;
	throw new ApiError(403, "You don't have access to the model with the specified model ID.", {
		type: "AccessDeniedException",
	});
}

/** An account from its options. `limits` is shared by entries of one account id. */
export function buildAccount(options: AwsAccountOptions, limits: (accountId: string) => RateLimits): AwsAccount {
	const { name } = options;
	const accountId = accountIdOf(options);
	const stickiness = options.regionStickiness ?? 1;
	if (!(stickiness >= 0 && stickiness <= 1))
		throw new TypeError(`AWS account ${name}: regionStickiness must be from 0 to 1`);
	return {
		name,
		vendor: "aws",
		organization: accountId,
		limits: limits(accountId),
		port: options.port ?? null,
		accountId,
		accessKeyId: options.accessKeyId ?? `AKIASIM${name.toUpperCase().replace(/[^A-Z0-9]/g, "")}`,
		secretAccessKey: options.secretAccessKey ?? `aws-secret-${name}`,
		apiKey: options.apiKey ?? `bedrock-key-${name}`,
		platformApiKey: options.platformApiKey ?? `sk-aws-${name}`,
		region: options.region ?? DEFAULT_REGION,
		application: options.inferenceProfiles ?? {},
		regions: options.profileRegions ?? {},
		deniedModels: options.deniedModels ?? [],
		roles: options.roles ?? null,
		externalId: options.externalId ?? null,
		workspaces: options.workspaces ?? [`wrkspc-${name}`],
		stickiness,
	};
}

/** The account id that options lead to. */
export function accountIdOf(options: AwsAccountOptions): string {
	const made = () => String(Number.parseInt(digest("sha256", options.name, "hex").slice(0, 10), 16)).padStart(12, "1");
	return options.accountId ?? made().slice(0, 12);
}

/** The domain that a Region's store of an account is; runtime and mantle do not share (prompt-caching §7.4). */
export function regionDomain(
	domains: (organization: string, workspace: string) => Domain,
	account: AwsAccount,
	place: { readonly region: string; readonly endpoint: "runtime" | "mantle" },
): Domain {
	return domains(account.accountId, place.endpoint === "mantle" ? `${place.region}/mantle` : place.region);
}
