// LiteLLM's `/key/*`: virtual keys made, shown, changed, blocked and replaced. A key's secret is answered once and never stored.
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { addSpan, parseSpan } from "../../access/budgets-window.ts";
import type { AccessRecord } from "../../access/fields.ts";
import { maskedSecret, newSecret } from "../../access/hash.ts";
import { GatewayError } from "../../errors.ts";
import { bodyOf } from "../http/body.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import { type Principal, scopeOf } from "../session/roles.ts";
import { changedBody, generatedBody } from "./generated.ts";
import {
	blockRecord,
	datesOf,
	insert,
	pageOf,
	type RecordDeps,
	readFields,
	refuseFixed,
	refuseMasterKey,
	requireRecords,
	resetSpend,
	rulesOf,
	spendOf,
	stored,
	textOf,
	textsOf,
	update,
} from "./stored.ts";

type Key = AccessRecord<"key">;

/** A key as it is shown: never its secret. */
export function keyView(deps: RecordDeps, key: Key) {
	return {
		token: key.hash,
		token_id: key.hash,
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
	if (found !== undefined) return found;
	throw new GatewayError("record_not_found", {
		kind: "key",
		id: named.startsWith("sk-") ? maskedSecret(named) : named,
	});
}

/** What a new key was made from, and its secret: the only time it is seen. */
export async function createKey(deps: RecordDeps, body: Readonly<Record<string, unknown>>, createdBy: string) {
	const { access } = deps;
	const { duration, key: chosen, ...rest } = generatedBody(body, rulesOf(deps));
	const fields = readFields("key", withExpiry(rest, duration, deps.now()));
	requireRecords(deps, fields);
	const secret = chosen === undefined || chosen === null ? newSecret() : chosenSecret(deps, chosen, "key");
	const record = await insert(
		deps,
		{
			kind: "key",
			id: randomUUID(),
			hash: access.hash(secret),
			fields: { ...fields, key_name: maskedSecret(secret), created_by: createdBy },
		},
		fields.key_alias ?? maskedSecret(secret),
	);
	return { key: secret, ...keyView(deps, record) };
}

/** Puts a new secret in the place of the old one, which ends at once. Spend, limits and sessions stay. */
export async function regenerateKey(deps: RecordDeps, named: string, body: Readonly<Record<string, unknown>> = {}) {
	const { duration, new_key: chosen, key: _, ...rest } = changedBody(body, rulesOf(deps));
	const secret = chosen === undefined || chosen === null ? newSecret() : chosenSecret(deps, chosen, "new_key");
	const hash = deps.access.hash(secret);
	if (deps.access.directory.keyByHash(hash) !== undefined) {
		throw new GatewayError("record_exists", { kind: "key", id: maskedSecret(secret) });
	}
	const record = await update(deps, findKey(deps, named), (before) => ({
		fields: {
			...readFields("key", withExpiry(rest, duration, deps.now()), before.fields),
			key_name: maskedSecret(secret),
		},
		hash,
	}));
	return { key: secret, ...keyView(deps, record) };
}

/** Blocks or unblocks. */
export async function setBlocked(deps: RecordDeps, named: string, blocked: boolean) {
	return keyView(deps, await blockRecord(deps, findKey(deps, named), blocked));
}

/** Removes keys for good; gives their hashes. */
export async function deleteKeys(deps: RecordDeps, names: readonly string[]): Promise<readonly string[]> {
	const keys = names.map((named) => findKey(deps, named));
	for (const key of keys) refuseFixed(key);
	await stored(deps, () =>
		deps.access.remove(
			"key",
			keys.map((key) => key.id),
		),
	);
	return keys.map((key) => key.hash ?? key.id);
}

/** The endpoints. */
export function keyRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const admin = requireRole("admin");
	const anyone = requireRole("owner");
	const by = (c: Context<AdminEnv>) => c.get("principal").id;

	async function change(c: Context<AdminEnv>) {
		const { key, duration, ...rest } = changedBody(await bodyOf(c), rulesOf(deps));
		const named = textOf({ key }, "key");
		const record = await update(deps, findKey(deps, named), ({ fields }) => {
			const next = readFields("key", withExpiry(rest, duration, deps.now()), fields);
			requireRecords(deps, next);
			return { fields: { ...next, key_name: fields.key_name, created_by: fields.created_by } };
		});
		if (typeof rest["spend"] === "number") resetSpend(deps, record, rest["spend"]);
		return c.json({ key: record.hash, ...keyView(deps, record) });
	}

	return new Hono<AdminEnv>()
		.post("/key/generate", admin, async (c) => c.json(await createKey(deps, await bodyOf(c), by(c))))
		.post("/key/service-account/generate", admin, async (c) => {
			const body = await bodyOf(c);
			textOf(body, "team_id");
			const account = body["service_account_id"] ?? body["key_alias"];
			const service = { key_type: "llm_api", ...body, user_id: null, service_account_id: account ?? randomUUID() };
			return c.json(await createKey(deps, service, by(c)));
		})
		.get("/key/info", anyone, (c) => {
			const principal = c.get("principal");
			const own = principal.keyHash;
			const key = findVisible(deps, principal, c.req.query("key") ?? own ?? "");
			return c.json({ key: key.hash, info: keyView(deps, key) });
		})
		.get("/key/list", anyone, (c) => {
			const query = (name: string) => c.req.query(name);
			const { items, ...page } = pageOf(keysFor(deps, c.get("principal"), query), query);
			const full = c.req.query("return_full_object") !== "false";
			return c.json({ keys: items.map((key) => (full ? keyView(deps, key) : key.hash)), ...page });
		})
		.post("/key/update", admin, change)
		.post("/key/delete", admin, async (c) => {
			const body = await bodyOf(c);
			const names = textsOf(body, body["keys"] === undefined ? "key_aliases" : "keys");
			return c.json({ deleted_keys: await deleteKeys(deps, names) });
		})
		.post("/key/block", admin, async (c) => c.json(await setBlocked(deps, textOf(await bodyOf(c), "key"), true)))
		.post("/key/unblock", admin, async (c) => c.json(await setBlocked(deps, textOf(await bodyOf(c), "key"), false)))
		.post("/key/regenerate", admin, async (c) => {
			const body = await bodyOf(c);
			return c.json(await regenerateKey(deps, textOf(body, "key"), body));
		})
		.post("/key/:key/regenerate", admin, async (c) => {
			return c.json(await regenerateKey(deps, c.req.param("key"), await bodyOf(c)));
		});
}

/** A key that this principal may see; what it may not see is not there. */
function findVisible(deps: RecordDeps, principal: Principal, named: string): Key {
	const key = findKey(deps, named);
	if (isVisible(key, principal)) return key;
	throw new GatewayError("record_not_found", {
		kind: "key",
		id: named.startsWith("sk-") ? maskedSecret(named) : named,
	});
}

function isVisible(key: Key, principal: Principal): boolean {
	const scope = scopeOf(principal);
	if (scope === null || key.hash === scope.keyHash) return true;
	return scope.userId !== null && key.fields.user_id === scope.userId;
}

function keysFor(
	{ access }: RecordDeps,
	principal: Principal,
	query: (name: string) => string | undefined,
): readonly Key[] {
	const user = query("user_id");
	const team = query("team_id");
	const alias = query("key_alias")?.toLowerCase();
	const hash = query("key_hash");
	return access.directory.list("key").filter((key) => {
		const { fields } = key;
		return (
			isVisible(key, principal) &&
			(user === undefined || fields.user_id === user) &&
			(team === undefined || fields.team_id === team) &&
			(alias === undefined || fields.key_alias?.toLowerCase().includes(alias) === true) &&
			(hash === undefined || key.hash === hash)
		);
	});
}

/** LiteLLM's `duration` is how long the key lives from now on. */
function withExpiry(body: Readonly<Record<string, unknown>>, duration: unknown, now: number): Record<string, unknown> {
	if (duration === undefined || duration === null) return { ...body };
	if (duration === "-1") return { ...body, expires: null };
	const span = typeof duration === "string" ? parseSpan(duration) : null;
	if (span === null) {
		throw new GatewayError("invalid_field", {
			field: "duration",
			reason: "expected 30m, 24h, 30d, 1mo, or -1 for never",
		});
	}
	return { ...body, expires: new Date(addSpan(now, span)).toISOString() };
}

const SHORTEST_SECRET = 16;

function chosenSecret(deps: RecordDeps, value: unknown, field: string): string {
	refuseMasterKey(deps, value, field);
	if (typeof value === "string" && /^sk-[\x21-\x7e]+$/.test(value) && value.length >= SHORTEST_SECRET) return value;
	throw new GatewayError("invalid_field", {
		field,
		reason: `expected at least ${SHORTEST_SECRET} characters beginning with sk-; leave it out to get one made`,
	});
}
