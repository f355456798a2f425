// Request headers → caller: the master key, a virtual key, and the client's own provider credential where it is to be passed through.
// Leaves limits and allowed models to proxy/admission/admission.
import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Secret } from "../../config/secret.ts";
import type { Directory } from "../../db/keys-directory.ts";
import type { AccessRecord } from "../../db/keys-fields.ts";
import { GatewayError } from "../../errors.ts";
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
export interface KeyLookup {
	readonly directory: Directory;
	hash(secret: string): string;
}

export interface AuthenticateOptions {
	readonly masterKey: Secret | null;
	readonly keys: KeyLookup | null;
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

const OAUTH_TOKEN = /^sk-ant-oat/;
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
 * Checks a request's key: the master key in constant time, then one keyed hash and one look-up in memory. Without a master key every
 * caller is let in (the listener then stands on loopback only), by the name of its virtual key if it sends one that is known.
 * Throws missing_credentials, invalid_credentials, key_blocked or key_expired.
 */
export function createAuthenticate({ masterKey, keys, passThrough, now }: AuthenticateOptions): Authenticate {
	const expected = masterKey === null ? null : digest(masterKey.reveal());
	const known = keys === null ? null : createCallers(keys, now);
	const mayForward = passThrough.providerAuth || passThrough.clientHeaders;

	function callerOf(secret: string | null): Caller {
		if (secret === null) {
			if (expected === null) return LOCAL;
			throw new GatewayError("missing_credentials");
		}
		if (expected !== null && timingSafeEqual(digest(secret), expected)) return MASTER;
		const caller = known?.(secret) ?? (expected === null ? LOCAL : null);
		if (caller === null) throw new GatewayError("invalid_credentials");
		return caller;
	}

	return (headers) => {
		const presented = presentedKey(headers);
		const caller = callerOf(presented?.secret ?? null);
		if (!mayForward) return caller;
		const own = expected === null && caller === LOCAL ? null : presented;
		const credential = clientCredential(headers, own, passThrough);
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

interface Presented {
	readonly header: (typeof KEY_HEADERS)[number];
	readonly secret: string;
}

const BEARER_LENGTH = "Bearer ".length;

function presentedKey(headers: IncomingHttpHeaders): Presented | null {
	for (const header of KEY_HEADERS) {
		const value = headerValue(headers, header);
		if (value === null || value === "") continue;
		// Other schemes are not ours: an AWS signature, say, beside an x-api-key.
		const secret = header === "authorization" ? bearer(value) : value.replace(/^Bearer\s+/i, "").trim();
		if (secret !== null && secret !== "") return { header, secret };
	}
	return null;
}

function bearer(value: string): string | null {
	// As nearly everybody writes it.
	if (value.startsWith("Bearer ") && !value.includes(" ", BEARER_LENGTH) && value.length > BEARER_LENGTH)
		return value.slice(BEARER_LENGTH).trim();
	return /^Bearer\s+(\S.*)$/i.exec(value)?.[1]?.trim() ?? null;
}

/** What the client brought besides the gateway's key. Where no key is asked for only what is a provider's by its form. */
function clientCredential(
	headers: IncomingHttpHeaders,
	gatewayKey: Presented | null,
	options: PassThroughOptions,
): ClientCredential | null {
	for (const header of ["authorization", "x-api-key"] as const) {
		const value = headerValue(headers, header);
		if (value === null || value === "" || header === gatewayKey?.header) continue;
		const secret = header === "authorization" ? bearer(value) : value.trim();
		if (secret === null || secret === gatewayKey?.secret) continue;
		if (gatewayKey === null && !ANTHROPIC_CREDENTIAL.test(secret)) continue;
		if (options.providerAuth || (options.clientHeaders && OAUTH_TOKEN.test(secret))) return { header, value };
	}
	return null;
}

function digest(key: string): Buffer {
	return hash("sha256", key, "buffer");
}
