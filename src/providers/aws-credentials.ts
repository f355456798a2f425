// Where a deployment's AWS credentials come from: LiteLLM's options → a source, and what several deployments share. Leaves keeping them
// to aws-account. The AWS packages are loaded on first use.
import { readFile } from "node:fs/promises";
import type { DeploymentConfig } from "../config/schema.ts";
import { AwsAccount, type AwsCredentials } from "./aws-account.ts";
import { hostOf, stsEndpoint, whoseAreThey } from "./aws-sts.ts";
import { CredentialError } from "./credential-error.ts";
import type { ProviderDeps } from "./provider.ts";

/** `litellm_params` that say whose credentials a deployment uses; null = not given. */
export interface AwsOptions {
	readonly accessKeyId: string | null;
	readonly secretAccessKey: string | null;
	readonly sessionToken: string | null;
	readonly profile: string | null;
	readonly role: string | null;
	readonly sessionName: string | null;
	readonly externalId: string | null;
	readonly webIdentityToken: string | null;
	readonly stsEndpoint: string | null;
	readonly region: string | null;
}

/** Reads them off a deployment; secrets are revealed. */
export function awsOptions({ credentials: { extra } }: Pick<DeploymentConfig, "credentials">): AwsOptions {
	const option = (name: string): string | null => {
		const value = extra[name];
		return value === undefined ? null : typeof value === "string" ? value : value.reveal();
	};
	return {
		accessKeyId: option("aws_access_key_id"),
		secretAccessKey: option("aws_secret_access_key"),
		sessionToken: option("aws_session_token"),
		profile: option("aws_profile_name"),
		role: option("aws_role_name"),
		sessionName: option("aws_session_name"),
		externalId: option("aws_external_id"),
		webIdentityToken: option("aws_web_identity_token"),
		stsEndpoint: option("aws_sts_endpoint"),
		region: option("aws_region_name") ?? option("region_name"),
	};
}

/** Name of a role session where none is configured. */
const SESSION_NAME = "warmpath";
/** STS answers for every region from here. */
const DEFAULT_REGION = "us-east-1";

/**
 * The account a deployment signs as. Deployments with the same options share one, so that credentials are loaded and renewed once for
 * all of them. `endpoint` is the deployment's own: only where it is AWS's, or STS's address is configured, is the account asked for.
 */
export function awsAccount(options: AwsOptions, deps: ProviderDeps, endpoint: string | null): AwsAccount {
	const asksWhose = options.stsEndpoint !== null || endpoint === null || isAws(endpoint);
	const key = JSON.stringify([options, asksWhose]);
	const known = deps.awsAccounts.get(key);
	if (known !== undefined) return known;
	const region = options.region ?? DEFAULT_REGION;
	const account = new AwsAccount({
		name: nameOf(options),
		load: () => load(options, region),
		whose: (credentials) =>
			asksWhose
				? whoseAreThey(credentials, { region, endpoint: options.stsEndpoint ?? stsEndpoint(region) })
				: Promise.resolve(null),
		now: deps.now,
	});
	deps.awsAccounts.set(key, account);
	return account;
}

function isAws(endpoint: string): boolean {
	return /\.(amazonaws\.com(\.cn)?|api\.aws)$/.test(hostOf(endpoint));
}

/** For messages: where credentials come from, without any of them. */
function nameOf(options: AwsOptions): string {
	const own =
		options.webIdentityToken !== null
			? "the web identity token"
			: options.accessKeyId !== null
				? "the configured access key"
				: options.profile !== null
					? `profile '${options.profile}'`
					: "the default chain (environment, ~/.aws, container or instance role)";
	return options.role === null ? own : `role ${options.role} through ${own}`;
}

async function load(options: AwsOptions, region: string): Promise<AwsCredentials> {
	const { role } = options;
	const own = ownKey(options);
	if (own !== null && role === null) return own;
	const providers = await import("@aws-sdk/credential-providers");
	const clientConfig = {
		region,
		...(options.stsEndpoint === null ? {} : { endpoint: options.stsEndpoint }),
	};
	const roleSessionName = options.sessionName ?? SESSION_NAME;
	if (options.webIdentityToken !== null) {
		if (role === null) throw new CredentialError("aws_web_identity_token needs aws_role_name, the role to assume.");
		const webIdentityToken = await readToken(options.webIdentityToken);
		return providers.fromWebToken({ roleArn: role, roleSessionName, webIdentityToken, clientConfig })();
	}
	// Files are read anew each time: an operator who corrects one need not restart.
	const ini = { ignoreCache: true, clientConfig: { region } };
	const base =
		own !== null
			? () => Promise.resolve(own)
			: options.profile !== null
				? providers.fromIni({ ...ini, profile: options.profile })
				: providers.createCredentialChain(providers.fromEnv(), providers.fromNodeProviderChain(ini));
	if (role === null) return base();
	return providers.fromTemporaryCredentials({
		masterCredentials: base,
		params: {
			RoleArn: role,
			RoleSessionName: roleSessionName,
			...(options.externalId === null ? {} : { ExternalId: options.externalId }),
		},
		clientConfig,
	})();
}

function ownKey({ accessKeyId, secretAccessKey, sessionToken }: AwsOptions): AwsCredentials | null {
	if (accessKeyId === null || secretAccessKey === null) return null;
	return { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
}

/** LiteLLM's ways to say where a token is: `oidc/file/PATH`, `oidc/env/NAME`, `oidc/env_path/NAME`, a path, or the token itself. */
async function readToken(reference: string): Promise<string> {
	const [, kind, place = ""] = /^oidc\/([\w-]+)\/(.+)$/s.exec(reference) ?? [];
	switch (kind) {
		case "file":
			return fileText(place);
		case "env":
			return variable(place);
		case "env_path":
			return fileText(variable(place));
		case undefined:
			return reference.startsWith("/") ? fileText(reference) : reference;
		default:
			throw new CredentialError(
				`aws_web_identity_token: oidc/${kind}/ is not supported; use oidc/file/PATH, oidc/env/NAME or the token itself.`,
			);
	}
}

function variable(name: string): string {
	const value = process.env[name];
	if (value === undefined || value === "") {
		throw new CredentialError(`aws_web_identity_token: the environment has no ${name}.`);
	}
	return value;
}

async function fileText(path: string): Promise<string> {
	try {
		return (await readFile(path, "utf8")).trim();
	} catch (cause) {
		throw new CredentialError(`aws_web_identity_token: ${path} cannot be read.`, { cause });
	}
}
