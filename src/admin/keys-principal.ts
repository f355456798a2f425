// From a key to who that is for the control plane, at log-in and at every later request of a session. Leaves checking the key to whoever
// authenticated it.
import { createHash, randomBytes } from "node:crypto";
import type { Secret } from "../config/secret.ts";
import type { Directory } from "../db/keys-directory.ts";
import type { AccessRecord } from "../db/keys-fields.ts";
import { GatewayError } from "../errors.ts";
import type { Principal, Role } from "./roles.ts";

/** What authentication found: the virtual key, or null for the master key and where no key is asked for. */
export interface Authenticated {
	readonly id: string;
	readonly key: AccessRecord<"key"> | null;
}

const KEY = "key-";

/** Throws key_type_refused for keys that are for models only. */
export function principalOf({ id, key }: Authenticated, directory: Directory): Principal {
	if (key === null) return adminPrincipal(id === "master" ? "master" : "local");
	const principal = principalOfKey(key, directory);
	if (principal !== null) return principal;
	throw new GatewayError("key_type_refused", { name: key.fields.key_alias ?? key.id, type: key.fields.key_type });
}

/** What a session's principal is by now; null when its key is gone, blocked or expired, or its team or user is blocked. */
export function sessionPrincipal(
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

/** Of the process where there is no master key: then nobody needs to log in. */
const PROCESS_SECRET = randomBytes(32);

/** What signs sessions: equal on all replicas, and another one when the master key changes. */
export function sessionSecretOf(masterKey: Secret | null): Buffer {
	if (masterKey === null) return PROCESS_SECRET;
	return createHash("sha256").update("warmpath sessions 1\0").update(masterKey.reveal()).digest();
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
