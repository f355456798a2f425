// Request headers → caller: the master key, a virtual key, and the client's own provider credential where it is to be passed through.
// Leaves limits and allowed models to proxy/admission/admission.
import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Directory } from "../../access/directory.ts";
import type { AccessRecord } from "../../access/fields.ts";
import type { Secret } from "../../config/secret.ts";
import { GatewayError } from "../../errors.ts";
import { isOAuthToken } from "../../protocol/anthropic-oauth.ts";
import { headerValue } from "../headers.ts";

/** Who sent the request. */
export interface Caller {
	/** Namespaces session ids, so that tenants cannot meet in one session. Survives the replacement of a key's secret. */
	readonly id: string;
	/** The virtual key; null for the master key and where none is asked for. */
	readonly key: AccessRecord<"key"> | null;
	/** As the request log has it: the key's keyed hash. */
	readonly keyHash: string | null;
	readonly keyAlias: string | null;
	readonly teamId: string | null;
	readonly teamAlias: string | null;
	readonly userId: string | null;
	/** The operator's data about the key. */
	readonly metadata: Readonly<Record<string, unknown>>;
	/** The key's and its team's. */
	readonly tags: readonly string[];
	/** The client's own provider credential, to be sent upstream in the place of ours; null = none, or not switched on. */
	readonly credential: ClientCredential | null;
}

/** A provider credential that the client brought. Never logged, never kept longer than the request. */
export interface ClientCredential {
	readonly header: "authorization" | "x-api-key";
	/** The header's value. */
	readonly value: string;
}

export type Authenticate = (headers: IncomingHttpHeaders) => Caller;

/** Where keys are looked up; null = there are none but the master key. */
interface KeyLookup {
	readonly directory: Directory;
	hash(secret: string): string;
}

export interface AuthenticateOptions {
	readonly masterKey: Secret | null;
	readonly keys: KeyLookup | null;
	/** `Config.keyHeader`: looked at first. */
	readonly keyHeader?: string | null;
	readonly passThrough: PassThroughOptions;
	/** ms since epoch. */
	readonly now: () => number;
}

/** Which of the client's own credentials go upstream (LiteLLM's two options of general_settings). */
export interface PassThroughOptions {
	/** `forward_llm_provider_auth_headers`: any `x-api-key` or `authorization` that is not the gateway's key. */
	readonly providerAuth: boolean;
	/** `forward_client_headers_to_llm_api`: the OAuth token of a Claude subscription. */
	readonly clientHeaders: boolean;
}

/** LiteLLM's order [litellm §4]. */
const KEY_HEADERS = [
	"x-litellm-api-key",
	"authorization",
	"api-key",
	"x-api-key",
	"x-goog-api-key",
	"ocp-apim-subscription-key",
] as const;

/** A header that was sent several times comes as one value, `a, b`; more than these are not tried. */
const MOST_IN_ONE_HEADER = 4;

const ANTHROPIC_CREDENTIAL = /^sk-ant-/;

const NOBODY = {
	key: null,
	keyHash: null,
	keyAlias: null,
	teamId: null,
	teamAlias: null,
	userId: null,
	metadata: {},
	tags: [],
	credential: null,
} as const satisfies Omit<Caller, "id">;

const LOCAL: Caller = { id: "local", ...NOBODY };
/** Whoever has the master key. */
export const MASTER: Caller = { id: "master", ...NOBODY };
/** The program that the gateway is a library of. */
export const LIBRARY: Caller = { id: "library", ...NOBODY };

/**
 * Checks a request's keys: the master key in constant time, then one keyed hash and one look-up in memory. Clients send several
 * credentials in one request, such as the token of a subscription beside the gateway's key: the first one that the gateway knows counts,
 * in whatever header it stands. Without a master key every caller is let in (the listener then stands on loopback only), by the name of
 * its virtual key if it sends one that is known. Throws missing_credentials, invalid_credentials, key_blocked or key_expired.
 */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
	const { masterKey, keys, passThrough, now } = options;
	const expected = masterKey === null ? null : digest(masterKey.reveal());
	const known = keys === null ? null : createCallers(keys, now);
	const mayForward = passThrough.providerAuth || passThrough.clientHeaders;
	const named = options.keyHeader ?? null;
	const keyHeaders = named === null ? KEY_HEADERS : [named, ...KEY_HEADERS.filter((header) => header !== named)];

	/** Whose key it is; null = nobody's. Throws where it may not be used. */
	function ownerOf(secret: string): Caller | null {
		if (expected !== null && timingSafeEqual(digest(secret), expected)) return MASTER;
		return known?.(secret) ?? null;
	}

	function isKey(secret: string): boolean {
		try {
			return ownerOf(secret) !== null;
		} catch {
			return true;
		}
	}

	function identify(headers: IncomingHttpHeaders): { readonly caller: Caller; readonly header: string | null } {
		let isAnySent = false;
		// What is wrong with a key of ours says more than that something else is none.
		let refusal: GatewayError | null = null;
		for (const header of keyHeaders) {
			for (const secret of secretsIn(headers, header)) {
				isAnySent = true;
				try {
					const caller = ownerOf(secret);
					if (caller !== null) return { caller, header };
				} catch (error) {
					if (!(error instanceof GatewayError)) throw error;
					refusal ??= error;
				}
			}
		}
		if (refusal !== null) throw refusal;
		if (expected === null) return { caller: LOCAL, header: null };
		throw new GatewayError(isAnySent ? "invalid_credentials" : "missing_credentials");
	}

	return (headers) => {
		const { caller, header } = identify(headers);
		if (!mayForward) return caller;
		const credential = clientCredential(headers, { keyHeader: header, isKey }, passThrough);
		return credential === null ? caller : { ...caller, credential };
	};
}

const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Without a key the address is all that protects, and any page that somebody looks at can have their browser send here. Browsers say
 * whose page it was, also where its name was made to point here (DNS rebinding). cross_site for such a request, null for others.
 */
export function foreignPage(headers: IncomingHttpHeaders): GatewayError | null {
	const origin = headerValue(headers, "origin");
	if (origin === null || LOOPBACK_ORIGIN.test(origin)) return null;
	return new GatewayError("cross_site", { reason: "origin is another host" });
}

interface Known {
	readonly key: AccessRecord<"key">;
	readonly caller: Caller;
	/** ms since epoch. */
	readonly expires: number;
}

/**
 * Secret → caller, null where nobody has it. A key is hashed and its caller made once, and both are kept until anything in the directory
 * changes; what nobody has is not kept, so that guesses fill nothing.
 */
function createCallers(keys: KeyLookup, now: () => number): (secret: string) => Caller | null {
	const { directory } = keys;
	let { revision } = directory;
	const callers = new Map<string, Known>();

	function look(secret: string): Known | null {
		if (directory.list("key").length === 0) return null;
		const key = directory.keyByHash(keys.hash(secret));
		if (key === undefined) return null;
		const { expires } = key.fields;
		const found = {
			key,
			caller: describe(key, directory),
			expires: expires === null ? Infinity : Date.parse(expires),
		};
		callers.set(secret, found);
		return found;
	}

	return (secret) => {
		if (directory.revision !== revision) {
			revision = directory.revision;
			callers.clear();
		}
		const known = callers.get(secret) ?? look(secret);
		if (known === null) return null;
		refuseUnusable(known.key, { directory, now: now(), expires: known.expires });
		return known.caller;
	};
}

/** Session ids stand behind it and both are cut together (prompt/session): it must be short. */
const LONGEST_ID = 100;

/** Ids of keys in the file hold aliases of any form: none may run into the session id behind it, nor be cut into another one. */
function callerId(id: string): string {
	const plain = id.replaceAll("%", "%25").replaceAll(":", "%3A");
	return `key-${plain.length <= LONGEST_ID ? plain : hash("sha256", id, "hex")}`;
}

/** The caller that a key makes, whether or not it may be used now. */
export function describe(key: AccessRecord<"key">, directory: Directory): Caller {
	const { fields } = key;
	const team = fields.team_id === null ? undefined : directory.get("team", fields.team_id);
	return {
		id: callerId(key.id),
		key,
		keyHash: key.hash,
		keyAlias: fields.key_alias,
		teamId: fields.team_id,
		teamAlias: team?.fields.team_alias ?? null,
		userId: fields.user_id,
		metadata: fields.metadata,
		tags: [...new Set([...fields.tags, ...(team?.fields.tags ?? [])])],
		credential: null,
	};
}

/** Throws where the key, its team or its user is blocked, or its time is over. */
function refuseUnusable(
	{ id, fields }: AccessRecord<"key">,
	about: { readonly directory: Directory; readonly now: number; readonly expires: number },
): void {
	const name = fields.key_alias ?? id;
	if (fields.blocked) throw new GatewayError("key_blocked", { kind: "key", name });
	if (about.expires <= about.now) throw new GatewayError("key_expired", { name, at: fields.expires ?? "" });
	const { directory } = about;
	if (fields.team_id !== null && directory.get("team", fields.team_id)?.fields.blocked === true) {
		throw new GatewayError("key_blocked", { kind: "team", name: fields.team_id });
	}
	if (fields.user_id !== null && directory.get("user", fields.user_id)?.fields.blocked === true) {
		throw new GatewayError("key_blocked", { kind: "user", name: fields.user_id });
	}
}

/** Also twice: who puts the scheme into a variable for a token has the client add another. */
const BEARER = /^\s*(?:Bearer\s+)+/i;
const BEARER_LENGTH = "Bearer ".length;

/** What a header holds that may be a key: its value, and its parts where it was sent several times. */
function secretsIn(headers: IncomingHttpHeaders, header: string): readonly string[] {
	const value = headerValue(headers, header);
	if (value === null || value === "") return [];
	const secret = header === "authorization" ? authorized(value) : value.replace(BEARER, "").trim();
	if (secret === null || secret === "") return [];
	if (!secret.includes(",") || (header === "authorization" && !BEARER.test(value))) return [secret];
	const parts = secret.split(",", MOST_IN_ONE_HEADER).map((part) => part.trim().replace(BEARER, "").trim());
	return [secret, ...parts.filter((part) => part !== "")];
}

/** A bearer token, or a key without a scheme. Other schemes are not ours: an AWS signature, say, beside an x-api-key. */
function authorized(value: string): string | null {
	return bearer(value) ?? (/\s/.test(value.trim()) ? null : value.trim());
}

function bearer(value: string): string | null {
	// As nearly everybody writes it.
	if (value.startsWith("Bearer ") && !value.includes(" ", BEARER_LENGTH) && value.length > BEARER_LENGTH)
		return value.slice(BEARER_LENGTH).trim();
	const token = value.replace(BEARER, "").trim();
	return token === "" || token === value.trim() ? null : token;
}

/**
 * What the client brought besides the gateway's key; no key of the gateway is such, in whatever header it comes again. Where no key is asked
 * for (`keyHeader` null) only what is a provider's by its form.
 */
function clientCredential(
	headers: IncomingHttpHeaders,
	own: { readonly keyHeader: string | null; readonly isKey: (secret: string) => boolean },
	options: PassThroughOptions,
): ClientCredential | null {
	for (const header of ["authorization", "x-api-key"] as const) {
		const value = headerValue(headers, header);
		if (value === null || value === "" || header === own.keyHeader) continue;
		const secret = header === "authorization" ? bearer(value) : value.trim();
		if (secret === null || secretsIn(headers, header).some(own.isKey)) continue;
		if (own.keyHeader === null && !ANTHROPIC_CREDENTIAL.test(secret)) continue;
		const isToken = isOAuthToken(secret);
		if (!options.providerAuth && !(options.clientHeaders && isToken)) continue;
		return isToken ? { header: "authorization", value: `Bearer ${secret}` } : { header, value };
	}
	return null;
}

function digest(key: string): Buffer {
	return hash("sha256", key, "buffer");
}
