// LiteLLM's `/key/*`: virtual keys made, shown, changed, blocked and replaced. A key's secret is answered once and never stored.
import { randomUUID } from "node:crypto";
import { addSpan, parseSpan } from "../../access/budgets-window.ts";
import type { AccessRecord } from "../../access/fields.ts";
import { maskedSecret, newSecret } from "../../access/hash.ts";
import { GatewayError } from "../../errors.ts";
import { KEYS, type KeyView, type NewKey } from "../contract/records.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import { type Principal, scopeOf } from "../session/roles.ts";
import { changedBody, generatedBody } from "./generated.ts";
import { recordRoutes, removeRecords, setBlocked, tokenOf } from "./record-routes.ts";
import {
	type Body,
	insert,
	notFound,
	type RecordDeps,
	readFields,
	refuseMasterKey,
	requireRecords,
	rulesOf,
	update,
} from "./stored.ts";
import { datesOf, spendOf } from "./views.ts";

type Key = AccessRecord<"key">;

/** A key as it is shown: never its secret. */
export function keyView(deps: RecordDeps, key: Key): KeyView {
	const token = tokenOf(key);
	return {
		token,
		token_id: token,
		key_id: key.id,
		...key.fields,
		...spendOf(deps, key),
		...datesOf(key),
		source: key.version === 0 ? "config" : "database",
	};
}

/** The key of this secret, hash, id or alias. Throws record_not_found, without repeating a secret. */
export function findKey({ access }: RecordDeps, named: string): Key {
	const { directory } = access;
	const found =
		directory.keyByHash(named) ??
		(named.startsWith("sk-") ? directory.keyByHash(access.hash(named)) : undefined) ??
		directory.find("key", named);
	if (found === undefined) throw notFound("key", named);
	return found;
}

/** What a new key was made from, and its secret: the only time it is seen. */
export async function createKey(deps: RecordDeps, body: Body, createdBy: string): Promise<NewKey> {
	const { key: chosen, ...rest } = withExpiry(generatedBody(body, rulesOf(deps)), deps);
	const fields = readFields("key", rest);
	requireRecords(deps, fields);
	const secret = secretOf(deps, chosen, "key");
	const record = await insert(
		deps,
		{
			kind: "key",
			id: randomUUID(),
			hash: deps.access.hash(secret),
			fields: { ...fields, key_name: maskedSecret(secret), created_by: createdBy },
		},
		fields.key_alias ?? maskedSecret(secret),
	);
	return { ...keyView(deps, record), key: secret };
}

/** Puts a new secret in the place of the old one, which ends at once. Spend, limits and sessions stay. */
export async function regenerateKey(deps: RecordDeps, named: string, body: Body = {}): Promise<NewKey> {
	const { new_key: chosen, key: _, ...rest } = changesOf(deps, body);
	const secret = secretOf(deps, chosen, "new_key");
	const hash = deps.access.hash(secret);
	if (deps.access.directory.keyByHash(hash) !== undefined) {
		throw new GatewayError("record_exists", { kind: "key", id: maskedSecret(secret) });
	}
	const record = await update(deps, findKey(deps, named), (before) => ({
		fields: { ...readFields("key", rest, before.fields), key_name: maskedSecret(secret) },
		hash,
	}));
	return { ...keyView(deps, record), key: secret };
}

/** Blocks or unblocks. */
export async function blockKey(deps: RecordDeps, named: string, blocked: boolean): Promise<KeyView> {
	return keyView(deps, await setBlocked(deps, findKey(deps, named), blocked));
}

/** Removes keys for good; gives their hashes. */
export async function deleteKeys(deps: RecordDeps, names: readonly string[]): Promise<readonly string[]> {
	const keys = names.map((named) => findKey(deps, named));
	await removeRecords(deps, keys);
	return keys.map(tokenOf);
}

/** The routes. */
export function keyRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const view = (key: Key) => keyView(deps, key);
	return routes(requireRole, KEYS, {
		...recordRoutes(deps, {
			kind: "key",
			path: "/key",
			id: "key",
			view,
			find: (named) => findKey(deps, named),
			isVisible,
			changes: (body) => changesOf(deps, body),
			changed: (key) => ({ key: key.token, ...key }),
			asked: ({ key }, { keyHash }) => key ?? keyHash,
			info: (key) => ({ key: tokenOf(key), info: view(key) }),
			matches: ({ fields, hash }, { user_id, team_id, key_alias: part, key_hash }) =>
				(user_id === undefined || fields.user_id === user_id) &&
				(team_id === undefined || fields.team_id === team_id) &&
				(part === undefined || fields.key_alias?.toLowerCase().includes(part.toLowerCase()) === true) &&
				(key_hash === undefined || hash === key_hash),
			list: (keys, facts, { return_full_object: full }) => ({
				keys: full === "false" ? keys.map(({ token }) => token) : keys,
				...facts,
			}),
			blocking: { named: ({ key }) => [key], answer: ([key]) => key },
			toDelete: ({ keys, key_aliases }) => {
				const named = keys ?? key_aliases;
				if (named !== undefined && named !== null) return named;
				throw new GatewayError("invalid_field", { field: "keys", reason: "expected a list of texts" });
			},
			deleted: (keys) => ({ deleted_keys: keys.map(tokenOf) }),
		}),
		"POST /key/generate": ({ body, principal }) => createKey(deps, body, principal.id),
		"POST /key/service-account/generate": ({ body, principal }) => {
			const account = body.service_account_id ?? body.key_alias ?? randomUUID();
			const service = { key_type: "llm_api", ...body, user_id: null, service_account_id: account };
			return createKey(deps, service, principal.id);
		},
		"POST /key/regenerate": ({ body }) => regenerateKey(deps, body.key, body),
		"POST /key/{key}/regenerate": ({ body, params }) => regenerateKey(deps, params.key, body),
	});
}

function isVisible(key: Key, principal: Principal): boolean {
	const scope = scopeOf(principal);
	if (scope === null || key.hash === scope.keyHash) return true;
	return scope.userId !== null && key.fields.user_id === scope.userId;
}

/** What a body changes, by the operator's rules; the gateway's own fields stay. */
function changesOf(deps: RecordDeps, body: Body): Body {
	const { key_name: _, created_by: __, ...changes } = withExpiry(changedBody(body, rulesOf(deps)), deps);
	return changes;
}

/** LiteLLM's `duration` is how long the key lives from now on. */
function withExpiry({ duration, ...body }: Body, { now }: RecordDeps): Body {
	if (duration === undefined || duration === null) return body;
	if (duration === "-1") return { ...body, expires: null };
	const span = typeof duration === "string" ? parseSpan(duration) : null;
	if (span === null) {
		throw new GatewayError("invalid_field", {
			field: "duration",
			reason: "expected 30m, 24h, 30d, 1mo, or -1 for never",
		});
	}
	return { ...body, expires: new Date(addSpan(now(), span)).toISOString() };
}

const SHORTEST_SECRET = 16;

/** The secret that a body chooses, or a new one. */
function secretOf(deps: RecordDeps, chosen: unknown, field: string): string {
	if (chosen === undefined || chosen === null) return newSecret();
	refuseMasterKey(deps, chosen, field);
	if (typeof chosen === "string" && /^sk-[\x21-\x7e]+$/.test(chosen) && chosen.length >= SHORTEST_SECRET) return chosen;
	throw new GatewayError("invalid_field", {
		field,
		reason: `expected at least ${SHORTEST_SECRET} characters beginning with sk-; leave it out to get one made`,
	});
}
