// Google projects: service accounts, access tokens and the token endpoint that gives them out. Leaves Vertex bodies to dialects/vertex.ts.
import { createVerify, hash as digest, generateKeyPairSync } from "node:crypto";
import { ApiError } from "../api-error.ts";
import { fieldsOf } from "../body.ts";
import type { Deployment, RateLimits } from "../deployment.ts";
import type { Limits } from "../limits.ts";

/** One Google Cloud project with Vertex AI, and with Claude managed by Anthropic. */
export interface GoogleProjectOptions {
	readonly name: string;
	/** Project id. Default the name. */
	readonly project?: string;
	/** An access token that never expires. Default `ya29.sim-<name>`. */
	readonly accessToken?: string;
	/** Default `sim@<project>.iam.gserviceaccount.com`. */
	readonly clientEmail?: string;
	/** PEM of the key that signs the service account's assertions. Default: a key that the simulator makes when it is asked for. */
	readonly publicKey?: string;
	/** Refresh token of a user's application default credentials. Default `1//sim-<name>`. */
	readonly refreshToken?: string;
	/** Locations that the project has models in. Default: all. */
	readonly locations?: readonly string[];
	/** Workspaces of the project's own Anthropic organisation. Default one: `wrkspc_<project>`. */
	readonly workspaces?: readonly string[];
	/** Lifetime of tokens that the endpoint gives out. Default 3,600. */
	readonly tokenSeconds?: number;
	/** Per minute and model; cache reads are free of input tokens. */
	readonly limits?: Limits;
	/** Also listen on a port of its own (0: a free one). */
	readonly port?: number;
}

/** A project with its defaults filled in. */
export interface GoogleProject extends Deployment {
	readonly project: string;
	readonly accessToken: string;
	readonly clientEmail: string;
	readonly refreshToken: string;
	readonly locations: readonly string[] | null;
	readonly workspaces: readonly string[];
	readonly tokenSeconds: number;
	readonly publicKey: string | null;
}

/** A service account's key file, as Google's libraries read it. */
export interface ServiceAccountKey {
	readonly type: "service_account";
	readonly project_id: string;
	readonly private_key_id: string;
	readonly private_key: string;
	readonly client_email: string;
	readonly client_id: string;
	readonly token_uri: string;
	readonly universe_domain: "googleapis.com";
}

interface Issued {
	readonly project: GoogleProject;
	readonly expiresAtMs: number;
}

interface KeyPair {
	readonly privateKey: string;
	readonly publicKey: string;
}

/** The projects of one simulator and the tokens in circulation. */
export class GoogleProjects {
	readonly all: readonly GoogleProject[];
	readonly #nowMs: () => number;
	readonly #issued = new Map<string, Issued>();
	readonly #keys = new Map<string, KeyPair>();

	/** `nowMs` is real time: assertions and tokens are dated with it. */
	constructor(projects: readonly GoogleProject[], nowMs: () => number) {
		this.all = projects;
		this.#nowMs = nowMs;
	}

	/** Whose access token this is; null when it is unknown or has expired. */
	projectOfToken(token: string): GoogleProject | null {
		const lasting = this.all.find((project) => project.accessToken === token);
		if (lasting !== undefined) return lasting;
		const issued = this.#issued.get(token);
		return issued === undefined || this.#nowMs() >= issued.expiresAtMs ? null : issued.project;
	}

	/** The key file of a project's service account. Makes its key pair at the first call. */
	serviceAccount(project: GoogleProject, tokenUri: string): ServiceAccountKey {
		return {
			type: "service_account",
			project_id: project.project,
			private_key_id: digest("sha256", project.clientEmail, "hex").slice(0, 40),
			private_key: this.#keyPair(project).privateKey,
			client_email: project.clientEmail,
			client_id: "100000000000000000000",
			token_uri: tokenUri,
			universe_domain: "googleapis.com",
		};
	}

	/** Answers the token endpoint's form. Throws a 400 or 401 with an OAuth error code as its type. */
	exchange(form: URLSearchParams): unknown {
		const project = this.#grantee(form);
		const salt = digest("sha256", `${project.name} ${this.#issued.size}`, "hex").slice(0, 32);
		const token = `ya29.issued-${salt}`;
		this.#issued.set(token, { project, expiresAtMs: this.#nowMs() + project.tokenSeconds * 1000 });
		return { access_token: token, expires_in: project.tokenSeconds, token_type: "Bearer" };
	}

	#grantee(form: URLSearchParams): GoogleProject {
		switch (form.get("grant_type")) {
			case "urn:ietf:params:oauth:grant-type:jwt-bearer":
				return this.#checkAssertion(form.get("assertion") ?? "");
			case "refresh_token": {
				const project = this.all.find((candidate) => candidate.refreshToken === form.get("refresh_token"));
				if (project === undefined) throw oauthError("invalid_grant", "Bad Request");
				return project;
			}
			default:
				throw oauthError("unsupported_grant_type", `Invalid grant_type: ${form.get("grant_type") ?? ""}`);
		}
	}

	#checkAssertion(assertion: string): GoogleProject {
		const [head = "", claims = "", signature = ""] = assertion.split(".");
		const fields = fieldsOf(parseSegment(claims));
		if (fields === null || fieldsOf(parseSegment(head))?.["alg"] !== "RS256") {
			throw oauthError("invalid_grant", "Invalid JWT: it must be signed with RS256.");
		}
		const project = this.all.find((candidate) => candidate.clientEmail === fields["iss"]);
		if (project === undefined) throw oauthError("invalid_grant", "Invalid grant: account not found");
		const publicKey = project.publicKey ?? this.#keyPair(project).publicKey;
		const isRight = createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(publicKey, signature, "base64url");
		if (!isRight) throw oauthError("invalid_grant", "Invalid JWT Signature.");
		const now = this.#nowMs() / 1000;
		if (Number(fields["exp"]) < now || Number(fields["iat"]) > now + 300) {
			throw oauthError(
				"invalid_grant",
				"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
			);
		}
		return project;
	}

	#keyPair(project: GoogleProject): KeyPair {
		let pair = this.#keys.get(project.name);
		if (pair === undefined) {
			pair = generateKeyPairSync("rsa", {
				modulusLength: 2048,
				publicKeyEncoding: { type: "spki", format: "pem" },
				privateKeyEncoding: { type: "pkcs8", format: "pem" },
			});
			this.#keys.set(project.name, pair);
		}
		return pair;
	}
}

/** A project from its options. */
export function buildProject(options: GoogleProjectOptions, limits: (project: string) => RateLimits): GoogleProject {
	const { name, project = name } = options;
	return {
		name,
		vendor: "google",
		organization: project,
		limits: limits(project),
		port: options.port ?? null,
		project,
		accessToken: options.accessToken ?? `ya29.sim-${name}`,
		clientEmail: options.clientEmail ?? `sim@${project}.iam.gserviceaccount.com`,
		refreshToken: options.refreshToken ?? `1//sim-${name}`,
		locations: options.locations ?? null,
		workspaces: options.workspaces ?? [`wrkspc_${project}`],
		tokenSeconds: options.tokenSeconds ?? 3_600,
		publicKey: options.publicKey ?? null,
	};
}

function oauthError(code: string, message: string): ApiError {
	return new ApiError(400, message, { type: code });
}

function parseSegment(segment: string): unknown {
	try {
		return JSON.parse(Buffer.from(segment, "base64url").toString("utf8"));
	} catch {
		return null;
	}
}
