// Which changes end the sessions that a key has opened, and the mark by which a session is known to be older than such a change. Leaves
// signing and reading sessions to admin/session/auth.
import { hash } from "node:crypto";
import type { Directory } from "./directory.ts";
import type { AccessRecord, FieldsOf, Kind } from "./fields.ts";

/** What says who may log in, and as whom. */
const DECISIVE: { readonly [K in Kind]: readonly (keyof FieldsOf[K])[] } = {
	key: ["blocked", "key_type", "user_id", "team_id"],
	team: ["blocked"],
	user: ["blocked", "user_role"],
	customer: [],
	budget: [],
	deployment: [],
};

type Decisive<K extends Kind> = Pick<AccessRecord<K>, "kind" | "hash" | "fields">;

/** Whether sessions from before this change are over: a new secret, another role, blocked or unblocked. */
export function endsSessions<K extends Kind>(before: Decisive<K>, after: Decisive<K>): boolean {
	return before.hash !== after.hash || decisive(before) !== decisive(after);
}

function decisive<K extends Kind>({ kind, fields }: Decisive<K>): string {
	return JSON.stringify(DECISIVE[kind].map((name) => fields[name]));
}

/**
 * The mark that sessions of this key carry: another one after every change that ends them, of the key itself or of its user or team. Keys of
 * the configuration file are not counted up; theirs is made of what the file says.
 */
export function generationOf(key: AccessRecord<"key">, directory: Directory): string {
	const { user_id: user, team_id: team } = key.fields;
	const marks = [
		key.version === 0 ? hash("sha256", `${key.hash}\n${decisive(key)}`, "base64url") : key.generation,
		user === null ? "" : (directory.get("user", user)?.generation ?? "gone"),
		team === null ? "" : (directory.get("team", team)?.generation ?? "gone"),
	];
	return marks.join(".");
}
