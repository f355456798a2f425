// From a key to who that is for the control plane, at log-in and at every later request of a session. Leaves checking the key to whoever
// authenticated it.
import { createHmac, randomBytes } from "node:crypto";
import type { Access } from "../../access/access.ts";
import type { Directory } from "../../access/directory.ts";
import type { AccessRecord } from "../../access/fields.ts";
import { generationOf } from "../../access/generation.ts";
import type { Secret } from "../../config/secret.ts";
import { derivedSecret } from "../../config/stretched-key.ts";
import { GatewayError } from "../../errors.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Role } from "../contract/endpoint.ts";
import type { AuthDeps } from "./auth.ts";
import type { Principal } from "./roles.ts";

/** What authentication found: the virtual key, or null for the master key and where no key is asked for. */
export interface Authenticated {
	readonly id: string;
	readonly key: AccessRecord<"key"> | null;
}

const KEY = "key-";

/** What log-in asks about sessions, answered out of keys, users and teams as they are at that moment. */
export function sessionsOf(about: {
	readonly access: Access;
	/** Of the master key (config/stretched-key); null where there is none. */
	readonly stretched: () => Buffer | null;
	/** ms since epoch, by the wall clock. */
	readonly now: () => number;
}): Pick<AuthDeps, "principal" | "generation" | "sessionSecret" | "isLoggedOut" | "logOut"> {
	const { access, stretched, now } = about;
	const { directory } = access;
	return {
		principal: (id) => sessionPrincipal(id, { directory, hasMaster: stretched() !== null, now: now() }),
		generation: (id) => sessionGeneration(id, directory),
		sessionSecret: () => sessionSecretOf(stretched(), access.sessionSecret),
		isLoggedOut: (id) => access.isLoggedOut(id),
		logOut: (session) => access.logOut(session),
	};
}

/** Throws key_type_refused for keys that are for models only. */
export function principalOf({ id, key }: Authenticated, directory: Directory): Principal {
	if (key === null) return adminPrincipal(id === "master" ? "master" : "local");
	const principal = principalOfKey(key, directory);
	if (principal !== null) return principal;
	throw new GatewayError("key_type_refused", { name: key.fields.key_alias ?? key.id, type: key.fields.key_type });
}

/** What a session's principal is by now; null when its key is gone, blocked or expired, or its team or user is blocked. */
function sessionPrincipal(
	id: string,
	about: { readonly directory: Directory; readonly hasMaster: boolean; readonly now: number },
): Principal | null {
	const { directory, hasMaster, now } = about;
	if (id === "master") return hasMaster ? adminPrincipal("master") : null;
	const key = id.startsWith(KEY) ? directory.get("key", id.slice(KEY.length)) : undefined;
	if (key === undefined) return null;
	const { blocked, expires, team_id: team, user_id: user } = key.fields;
	if (blocked || (expires !== null && Date.parse(expires) <= now)) return null;
	if (team !== null && directory.get("team", team)?.fields.blocked === true) return null;
	if (user !== null && directory.get("user", user)?.fields.blocked === true) return null;
	return principalOfKey(key, directory);
}

/** The mark of a principal's sessions, see `AuthDeps.generation`. The master key's end with the secret that signs them. */
function sessionGeneration(id: string, directory: Directory): string | null {
	if (!id.startsWith(KEY)) return "";
	const key = directory.get("key", id.slice(KEY.length));
	return key === undefined ? null : generationOf(key, directory);
}

/** Of the process where there is no master key: then nobody needs to log in. */
const PROCESS_SECRET = randomBytes(32);

/**
 * What signs sessions: equal on replicas that share a database and a master key, and another one when the master key changes. Whoever has
 * read the database cannot sign without the master key, and whoever has a session cannot try master keys without the database's secret.
 * Without a database it is the stretched master key alone (null = there is no master key).
 */
function sessionSecretOf(stretched: Buffer | null, ofDatabase: Buffer | null): Buffer {
	if (stretched === null) return PROCESS_SECRET;
	const own = derivedSecret(stretched, "sessions");
	return ofDatabase === null ? own : createHmac("sha256", ofDatabase).update(own).digest();
}

/** A key whose secret has become the master key: its owner is the master since the configuration says so. */
export function warnOfMasterAmongKeys(masterKey: Secret | null, access: Access, log: Logger): void {
	const key = masterKey === null ? undefined : access.directory.keyByHash(access.hash(masterKey.reveal()));
	if (key === undefined) return;
	const name = key.fields.key_alias ?? key.id;
	log.warn(`general_settings.master_key is the secret of the key '${name}': whoever has that key may do everything`);
}

function adminPrincipal(id: "master" | "local"): Principal {
	return { role: "admin", readOnly: false, id, keyHash: null, keyAlias: null, userId: null, teamIds: [] };
}

/** Its user's role decides; a key for models only sees nothing (null). */
function principalOfKey(key: AccessRecord<"key">, directory: Directory): Principal | null {
	const { fields } = key;
	if (fields.key_type === "llm_api") return null;
	const user = fields.user_id === null ? undefined : directory.get("user", fields.user_id);
	return {
		role: roleOf(user),
		readOnly: fields.key_type === "read_only" || user?.fields.user_role === "internal_user_viewer",
		id: `${KEY}${key.id}`,
		keyHash: key.hash,
		keyAlias: fields.key_alias,
		userId: fields.user_id,
		teamIds: [...new Set([...(fields.team_id === null ? [] : [fields.team_id]), ...(user?.fields.teams ?? [])])],
	};
}

function roleOf(user: AccessRecord<"user"> | undefined): Role {
	switch (user?.fields.user_role) {
		case "proxy_admin":
			return "admin";
		case "proxy_admin_viewer":
			return "viewer";
		case "internal_user":
		case "internal_user_viewer":
		case undefined:
			return "owner";
	}
}
