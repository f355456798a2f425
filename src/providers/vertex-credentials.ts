// Google credentials of a deployment → bearer tokens: a service account by its own grant, every other kind and the machine's own
// credentials through google-auth-library, loaded when first needed. Leaves renewal to providers/bearer.
import { createPrivateKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { messageOf, type Token } from "./bearer.ts";
import { CredentialError } from "./credential-error.ts";
import { requestToken } from "./token-endpoint.ts";

const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
/** Longest life that Google grants a service account's assertion, s. */
const ASSERTION_LIFE_S = 3600;
/** A token needs no project. Where none is named the library looks for one: it runs gcloud, then asks Google (up to seconds for each token). */
const NO_PROJECT = "none";
/** Life of tokens whose issuer names none, ms. */
const DEFAULT_LIFE_MS = 50 * 60_000;

/** Where Google's tokens come from, and the project they name. */
export interface GoogleCredentials {
	token(): Promise<Token>;
	/** `project_id` of the credentials, else the machine's project; null where neither is known. */
	project(): Promise<string | null>;
}

export interface GoogleCredentialOptions {
	/** `vertex_credentials`: a file's path or JSON text; null = the machine's own (application default credentials). */
	readonly given: string | null;
	/** ms since epoch. */
	readonly now: () => number;
}

/** Reads nothing and asks nobody before it is used. Rejections are CredentialErrors without secrets. */
export function googleCredentials({ given, now }: GoogleCredentialOptions): GoogleCredentials {
	// A file may be replaced while we run, so it is read again for every token.
	const read = async (): Promise<CredentialFile | null> => (given === null ? null : parse(await textOf(given)));
	return {
		async token() {
			const file = await read();
			if (file !== null && file.type === "service_account") return serviceAccountToken(file, now);
			return libraryToken(file, now);
		},
		async project() {
			const file = await read();
			if (file !== null) return stringOr(file["project_id"], null) ?? stringOr(file["quota_project_id"], null);
			const { GoogleAuth } = await import("google-auth-library");
			return new GoogleAuth({ scopes: SCOPE }).getProjectId().catch(() => null);
		},
	};
}

/** One of Google's credential files, by its `type`. */
interface CredentialFile extends Readonly<Record<string, unknown>> {
	readonly type: string;
}

async function textOf(given: string): Promise<string> {
	if (isJson(given)) return given;
	try {
		return await readFile(given, "utf8");
	} catch (cause) {
		const code = (cause as NodeJS.ErrnoException).code ?? "unreadable";
		throw new CredentialError(
			`vertex_credentials: the file ${given} cannot be read (${code}). Give the path of a credentials file, its JSON, or leave the option out to use the machine's own credentials.`,
		);
	}
}

/** Whether `vertex_credentials` is the JSON itself, not a path. */
function isJson(given: string): boolean {
	return given.trimStart().startsWith("{");
}

function parse(text: string): CredentialFile {
	let value: unknown = null;
	try {
		value = JSON.parse(text);
	} catch {
		// Reported below. The parser's own message would quote the secret.
	}
	const type = typeof value === "object" && value !== null ? (value as Record<string, unknown>)["type"] : undefined;
	if (typeof type === "string") return value as CredentialFile;
	throw new CredentialError("vertex_credentials: not one of Google's credential files (JSON with a `type`).");
}

/** RFC 7523: an assertion signed with the account's key, for the account's `token_uri`. */
async function serviceAccountToken(file: CredentialFile, now: () => number): Promise<Token> {
	const subject = "vertex_credentials (service account)";
	const [email, key] = [stringOr(file["client_email"], null), stringOr(file["private_key"], null)];
	if (email === null || key === null)
		throw new CredentialError(`${subject}: client_email or private_key is missing. Create a new key of the account.`);
	const url = stringOr(file["token_uri"], TOKEN_URL) ?? TOKEN_URL;
	requireSafe(url, subject);
	const issuedAt = Math.floor(now() / 1000);
	const keyId = stringOr(file["private_key_id"], null);
	const header = { alg: "RS256", typ: "JWT", ...(keyId === null ? {} : { kid: keyId }) };
	const claims = { iss: email, scope: SCOPE, aud: url, iat: issuedAt, exp: issuedAt + ASSERTION_LIFE_S };
	const assertion = signed(`${base64(header)}.${base64(claims)}`, key, subject);
	const form = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion };
	return requestToken({ url, form, subject: `${subject} ${email}`, now });
}

function signed(text: string, key: string, subject: string): string {
	try {
		return `${text}.${sign("RSA-SHA256", Buffer.from(text), createPrivateKey(key)).toString("base64url")}`;
	} catch {
		throw new CredentialError(`${subject}: private_key is no usable RSA key. Create a new key of the account.`);
	}
}

function base64(value: unknown): string {
	return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** An assertion is worth a token: it goes over TLS or stays on this machine. */
function requireSafe(url: string, subject: string): void {
	const parsed = URL.canParse(url) ? new URL(url) : null;
	const isLocal = parsed !== null && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(parsed.hostname);
	if (parsed?.protocol === "https:" || (parsed?.protocol === "http:" && isLocal)) return;
	throw new CredentialError(`${subject}: token_uri is no https address.`);
}

/** User credentials, workload identity, impersonation, metadata server: a fresh client each time, so that its answer is fresh too. */
async function libraryToken(file: CredentialFile | null, now: () => number): Promise<Token> {
	const subject = file === null ? "application default credentials" : `vertex_credentials (${file.type})`;
	try {
		const { GoogleAuth } = await import("google-auth-library");
		const given = file === null ? {} : { credentials: file };
		const auth = new GoogleAuth({ scopes: SCOPE, projectId: NO_PROJECT, ...given });
		const client = await auth.getClient();
		const { token } = await client.getAccessToken();
		if (typeof token !== "string" || token === "") throw new Error("no token came back");
		const expiresAt = client.credentials.expiry_date;
		const lifeMs = typeof expiresAt === "number" ? expiresAt - Date.now() : DEFAULT_LIFE_MS;
		return { value: token, expiresAt: now() + lifeMs };
	} catch (cause) {
		const hint =
			file === null
				? " Set vertex_credentials, or give the machine credentials (gcloud auth application-default login, GOOGLE_APPLICATION_CREDENTIALS, or a service account of the instance)."
				: "";
		throw new CredentialError(`${subject}: no Google token could be had (${messageOf(cause).slice(0, 300)}).${hint}`);
	}
}

function stringOr(value: unknown, otherwise: string | null): string | null {
	return typeof value === "string" && value !== "" ? value : otherwise;
}
