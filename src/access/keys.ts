// Keys, teams, users, customers and budgets in the database: changes in the order of one clock, and what has changed since. Leaves
// keeping them in memory to db/access.
import { randomBytes } from "node:crypto";
import { type Kysely, sql, type Transaction } from "kysely";
import { type AccessRecord, aliasOf, FIELDS, type FieldsOf, KINDS, type Kind } from "./fields.ts";
import { endsSessions } from "./generation.ts";
import type { AccessTables } from "./tables.ts";

export type AccessQuery = Kysely<AccessTables>;
export type AccessTransaction = Transaction<AccessTables>;

/** Everything that changed after a version. */
export interface Changes {
	/** Up to which version this is. */
	readonly version: number;
	readonly records: readonly AccessRecord[];
	readonly removed: readonly { readonly kind: Kind; readonly id: string }[];
	/** Rows that this version cannot read; passed over. */
	readonly unreadable: readonly string[];
}

/** The version of the last change. One short query. */
export async function clockOf(query: AccessQuery): Promise<number> {
	const row = await query.selectFrom("access_clock").select("version").executeTakeFirstOrThrow();
	return Number(row.version);
}

/** Takes the next version, and with it the lock under which changes are made. Call it first in a transaction. */
export async function tick(transaction: AccessTransaction): Promise<number> {
	const row = await transaction
		.updateTable("access_clock")
		.set({ version: sql<number>`version + 1` })
		.returning("version")
		.executeTakeFirstOrThrow();
	return Number(row.version);
}

/** Records changed after `since`. */
export async function changesSince(query: AccessQuery, since: number): Promise<Changes> {
	const version = await clockOf(query);
	if (version <= since) return { version: since, records: [], removed: [], unreadable: [] };
	const rows = await query.selectFrom("access_records").selectAll().where("version", ">", since).execute();
	const records: AccessRecord[] = [];
	const removed: { kind: Kind; id: string }[] = [];
	const unreadable: string[] = [];
	for (const row of rows) {
		const kind = KINDS.find((each) => each === row.kind);
		if (kind === undefined) unreadable.push(`${row.kind} ${row.id}`);
		else if (Number(row.deleted) !== 0) removed.push({ kind, id: row.id });
		else {
			const record = readRecord(kind, row);
			if (record !== null) records.push(record);
			else {
				// What cannot be read cannot be obeyed: nobody gets in by it.
				removed.push({ kind, id: row.id });
				unreadable.push(`${kind} ${row.id}`);
			}
		}
	}
	return { version, records, removed, unreadable };
}

type Row = AccessTables["access_records"];

function readRecord(kind: Kind, row: Row): AccessRecord | null {
	let data: unknown;
	try {
		data = JSON.parse(row.data);
	} catch {
		return null;
	}
	const fields = FIELDS[kind].safeParse(data);
	if (!fields.success) return null;
	return {
		kind,
		id: row.id,
		hash: row.hash,
		fields: fields.data,
		createdAt: Number(row.created_at),
		updatedAt: Number(row.updated_at),
		version: Number(row.version),
		generation: Number(row.generation),
	};
}

/** A record before it has a version. */
export type NewRecord<K extends Kind> = Pick<AccessRecord<K>, "kind" | "id" | "hash" | "fields">;

/** Adds a record. Null when there is one of this id, or a key of this alias or hash. */
export async function insertRecord<K extends Kind>(
	query: AccessQuery,
	{ kind, id, hash, fields }: NewRecord<K>,
	now: number,
): Promise<AccessRecord<K> | null> {
	return query.transaction().execute(async (transaction) => {
		const version = await tick(transaction);
		const record: AccessRecord<K> = {
			kind,
			id,
			hash,
			fields,
			createdAt: now,
			updatedAt: now,
			version,
			generation: version,
		};
		const alias = aliasOf(record);
		const same = await transaction
			.selectFrom("access_records")
			.select(["id", "deleted"])
			.where(({ and, eb, or }) =>
				or([
					and([eb("kind", "=", kind), eb("id", "=", id)]),
					...(hash === null ? [] : [eb("hash", "=", hash)]),
					...(kind !== "key" || alias === null
						? []
						: [and([eb("kind", "=", "key"), eb("alias", "=", alias), eb("deleted", "=", 0)])]),
				]),
			)
			.execute();
		if (same.some((row) => Number(row.deleted) === 0)) return null;
		// A removed record of the same id makes room; its spend does not count against the new one.
		await transaction.deleteFrom("access_records").where("kind", "=", kind).where("id", "=", id).execute();
		await transaction
			.insertInto("access_records")
			.values({
				kind,
				id,
				hash,
				alias,
				data: JSON.stringify(fields),
				created_at: now,
				updated_at: now,
				version,
				generation: version,
				deleted: 0,
			})
			.execute();
		return record;
	});
}

/** What a change makes of a record. */
export interface Changed<K extends Kind> {
	readonly fields: FieldsOf[K];
	/** Keys: the hash of a new secret; absent = unchanged. */
	readonly hash?: string;
}

/** Changes a record as it is at that moment, under the lock; gives the new one. Null when there is none, "taken" when a key's alias is. */
export async function updateRecord<K extends Kind>(
	query: AccessQuery,
	about: { readonly kind: K; readonly id: string; readonly now: number },
	change: (before: AccessRecord<K>) => Changed<K>,
): Promise<AccessRecord<K> | "taken" | null> {
	const { kind, id, now } = about;
	return query.transaction().execute(async (transaction) => {
		const version = await tick(transaction);
		const row = await transaction
			.selectFrom("access_records")
			.selectAll()
			.where("kind", "=", kind)
			.where("id", "=", id)
			.where("deleted", "=", 0)
			.executeTakeFirst();
		const before = row === undefined ? null : (readRecord(kind, row) as AccessRecord<K> | null);
		if (before === null) return null;
		const { fields, hash } = change(before);
		const changed = { ...before, fields, hash: hash ?? before.hash };
		const generation = endsSessions(before, changed) ? version : before.generation;
		const record: AccessRecord<K> = { ...changed, updatedAt: now, version, generation };
		const alias = aliasOf(record);
		if (kind === "key" && alias !== null && alias !== aliasOf(before)) {
			const other = await transaction
				.selectFrom("access_records")
				.select("id")
				.where("kind", "=", "key")
				.where("alias", "=", alias)
				.where("deleted", "=", 0)
				.executeTakeFirst();
			if (other !== undefined) return "taken";
		}
		await transaction
			.updateTable("access_records")
			.set({ data: JSON.stringify(fields), alias, hash: record.hash, updated_at: now, version, generation })
			.where("kind", "=", kind)
			.where("id", "=", id)
			.execute();
		return record;
	});
}

/** Removes records; gives the ids that were there. What they spent stays, for the ledger. */
export async function removeRecords(
	query: AccessQuery,
	kind: Kind,
	about: { readonly ids: readonly string[]; readonly now: number },
): Promise<readonly string[]> {
	if (about.ids.length === 0) return [];
	return query.transaction().execute(async (transaction) => {
		const version = await tick(transaction);
		const rows = await transaction
			.updateTable("access_records")
			.set({ deleted: 1, hash: null, updated_at: about.now, version })
			.where("kind", "=", kind)
			.where("id", "in", [...about.ids])
			.where("deleted", "=", 0)
			.returning("id")
			.execute();
		return rows.map((row) => row.id);
	});
}

/** `key-hash`: under which keys are hashed · `sessions`: part of what signs sessions of the UI. */
export type SecretName = "key-hash" | "sessions";

/** A random secret of the database: made by whoever comes first, the same for all from then on. */
export async function loadSecret(query: AccessQuery, name: SecretName): Promise<Buffer> {
	await query
		.insertInto("access_secrets")
		.values({ name, value: randomBytes(32).toString("base64") })
		.onConflict((conflict) => conflict.column("name").doNothing())
		.execute();
	const row = await query
		.selectFrom("access_secrets")
		.select("value")
		.where("name", "=", name)
		.executeTakeFirstOrThrow();
	return Buffer.from(row.value, "base64");
}
