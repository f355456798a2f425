// A request as AWS wants it: region, address, credentials, signature. Leaves path and body to the platforms' files.
import type { AwsAccount, AwsCredentials } from "./aws-account.ts";
import { type AwsOptions, awsAccount } from "./aws-credentials.ts";
import { regionOfProfile } from "./aws-profile.ts";
import { createSigner, type Signer } from "./aws-signature.ts";
import { CredentialError } from "./credential-error.ts";
import type { ProviderDeps, UpstreamRequest } from "./provider.ts";

export interface AwsServiceOptions {
	/** SigV4's name for the service. */
	readonly service: string;
	/** The configured address; null = the service's public one. */
	readonly endpoint: string | null;
	/** The service's public address in a region. */
	readonly publicEndpoint: (region: string) => string;
	/** Header that carries an API key, name and value; null = requests are signed. */
	readonly apiKey: readonly [string, string] | null;
	readonly aws: AwsOptions;
}

/** What is to be sent, still without credentials. Header names in lower case; `host` is added. */
interface AwsRequest {
	/** Below the address, percent-encoded. */
	readonly path: string;
	readonly query: string;
	/** name, value, name, value. */
	readonly headers: readonly string[];
	readonly body: Buffer;
	/** Which headers the signature covers; the others go along unsigned. */
	readonly isSigned: (name: string) => boolean;
}

type Sent = Pick<UpstreamRequest, "origin" | "path" | "headers" | "body">;

/** One deployment's way to an AWS service. */
export interface AwsService {
	/** Where requests go, once known: it may be a profile's to say. */
	readonly region: string | null;
	/** Twelve digits, once known. */
	readonly accountId: string | null;
	/** Signs for this very moment, so each attempt anew. Rejects with CredentialError. */
	prepare(request: AwsRequest): Promise<Sent>;
	/** The credentials of the last request were refused. */
	refused(): void;
}

export function createAwsService(options: AwsServiceOptions, deps: ProviderDeps): AwsService {
	const { aws, apiKey } = options;
	let account: AwsAccount | null = null;
	let last: AwsCredentials | null = null;
	let signer: { readonly region: string; readonly signer: Signer } | null = null;
	let region = aws.region ?? regionInHost(options.endpoint);

	/** Read once it is needed, and again until the profile has one. */
	async function findRegion(): Promise<string> {
		region ??= await regionOfProfile(aws.profile);
		if (region !== null) return region;
		const named = aws.profile === null ? "" : `, and profile '${aws.profile}' names none`;
		throw new CredentialError(`no region is configured${named}: set aws_region_name.`);
	}

	async function address(): Promise<URL> {
		return new URL(options.endpoint ?? options.publicEndpoint(region ?? (await findRegion())));
	}

	function signerFor(at: string): Signer {
		if (signer?.region !== at) signer = { region: at, signer: createSigner(options.service, at) };
		return signer.signer;
	}

	return {
		get region() {
			return region;
		},
		get accountId() {
			return account?.id ?? null;
		},
		async prepare(request) {
			const base = await address();
			const path = `${base.pathname.replace(/\/+$/, "")}${request.path}`;
			const to = { origin: base.origin, path: `${path}${request.query}`, body: request.body };
			if (apiKey !== null) return { ...to, headers: ["host", base.host, ...apiKey, ...request.headers] };
			const at = region ?? (await findRegion());
			account ??= awsAccount({ ...aws, region: at }, deps, options.endpoint);
			const credentials = await account.credentials();
			last = credentials;
			const { covered, others } = split(request);
			const unsigned = {
				method: "POST" as const,
				host: base.host,
				path,
				query: request.query,
				headers: { host: base.host, ...covered },
				body: request.body,
			};
			const signed = await signerFor(at).sign(unsigned, credentials, new Date(deps.now()));
			return { ...to, headers: [...Object.entries(signed).flat(), ...others] };
		},
		refused() {
			if (last !== null) account?.refused(last.accessKeyId);
		},
	};
}

function split({ headers, isSigned }: AwsRequest): { covered: Record<string, string>; others: string[] } {
	const covered: Record<string, string> = {};
	const others: string[] = [];
	for (let at = 0; at + 1 < headers.length; at += 2) {
		const name = (headers[at] as string).toLowerCase();
		const value = headers[at + 1] as string;
		if (isSigned(name)) covered[name] = value;
		else others.push(name, value);
	}
	return { covered, others };
}

/** `bedrock-runtime.us-west-2.amazonaws.com`, and the same behind a VPC endpoint's name, say their region. */
function regionInHost(endpoint: string | null): string | null {
	if (endpoint === null) return null;
	return /[.-]([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(`${new URL(endpoint).hostname}.`)?.[1] ?? null;
}
