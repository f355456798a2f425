// Keeps records of any kind: reads their fields out of a body, checks what they name, stores them. Leaves showing them to records/views, and
// each kind's own rules to its file.
import type { Access } from "../../access/access.ts";
import { type AccessRecord, FIELDS, type FieldsOf, type Kind } from "../../access/fields.ts";
import { maskedSecret } from "../../access/hash.ts";
import type { GeneratedKeys } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import { checked } from "../http/routes.ts";
import { databaseError } from "../log/source.ts";

/** What the endpoints work with. */
export interface RecordDeps {
	readonly access: Access;
	/** ms since epoch. */
	readonly now: () => number;
	/** What holds for keys that are made; absent = nothing. */
	readonly generated?: () => GeneratedKeys;
	/** Whether a text is the master key; absent = there is none. */
	readonly isMasterKey?: (text: string) => boolean;
}

/** What a request says, checked by the contract. */
export type Body = Readonly<Record<string, unknown>>;

const NO_RULES: GeneratedKeys = { defaults: {}, upperbounds: {} };

/** What holds for keys that are made or changed now. */
export function rulesOf({ generated }: RecordDeps): GeneratedKeys {
	return generated?.() ?? NO_RULES;
}

/** Fields of LiteLLM's that change nothing here. */
const HARMLESS = new Set(["send_invite_email", "auto_create_key", "spend"]);

/**
 * Fields out of a request's body, those of `before` where it names none. null takes a field back to its default. A field that is not
 * supported is refused unless it is empty: to ignore a restriction would open what it closes.
 */
export function readFields<K extends Kind>(kind: K, body: Body, before: FieldsOf[K] | null = null): FieldsOf[K] {
	const merged: Record<string, unknown> = { ...before };
	for (const [name, value] of Object.entries(body)) {
		if (Object.hasOwn(FIELDS[kind].shape, name)) {
			if (value === null || value === undefined) delete merged[name];
			else merged[name] = value;
		} else if (!HARMLESS.has(name) && !isEmpty(value)) {
			throw new GatewayError("invalid_field", { field: name, reason: `is not supported for a ${kind}; leave it out` });
		}
	}
	return checked(FIELDS[kind], merged, "body") as FieldsOf[K];
}

function isEmpty(value: unknown): boolean {
	if (value === null || value === undefined || value === "" || value === false) return true;
	return typeof value === "object" && Object.keys(value).length === 0;
}

/** Runs a change. Throws database_required without a database, and as `databaseError` where it fails. */
export async function stored<T>({ access }: RecordDeps, change: () => Promise<T>): Promise<T> {
	if (!access.durable) throw new GatewayError("database_required");
	try {
		return await change();
	} catch (cause) {
		throw databaseError(cause);
	}
}

/** The master key opens everything: its text becomes neither a key nor part of a record. Throws invalid_field. */
export function refuseMasterKey(deps: Pick<RecordDeps, "isMasterKey">, value: unknown, field: string): void {
	if (typeof value === "string") {
		if (deps.isMasterKey?.(value) === true)
			throw new GatewayError("invalid_field", { field, reason: "is the master key" });
	} else if (typeof value === "object" && value !== null) {
		for (const [name, member] of Object.entries(value)) {
			refuseMasterKey(deps, name, field === "" ? "body" : field);
			refuseMasterKey(deps, member, Array.isArray(value) || field !== "" ? field : name);
		}
	}
}

/** Throws record_exists. */
export async function insert<K extends Kind>(
	deps: RecordDeps,
	record: { readonly kind: K; readonly id: string; readonly hash: string | null; readonly fields: FieldsOf[K] },
	shownAs: string = record.id,
): Promise<AccessRecord<K>> {
	refuseMasterKey(deps, record.id, "id");
	refuseMasterKey(deps, record.fields, "");
	const inserted = await stored(deps, () => deps.access.insert(record));
	if (inserted === null) throw new GatewayError("record_exists", { kind: record.kind, id: shownAs });
	return inserted;
}

/** Throws record_not_found, record_fixed or record_exists. */
export async function update<K extends Kind>(
	deps: RecordDeps,
	record: AccessRecord<K>,
	change: (before: AccessRecord<K>) => { readonly fields: FieldsOf[K]; readonly hash?: string },
): Promise<AccessRecord<K>> {
	refuseFixed(record);
	const checked = (before: AccessRecord<K>) => {
		const changed = change(before);
		refuseMasterKey(deps, changed.fields, "");
		return changed;
	};
	const updated = await stored(deps, () => deps.access.update(record.kind as K, record.id, checked));
	if (updated === null) throw new GatewayError("record_not_found", { kind: record.kind, id: record.id });
	if (updated === "taken") throw new GatewayError("record_exists", { kind: record.kind, id: "of that alias" });
	return updated;
}

/** Throws record_fixed for what stands in the configuration file. */
export function refuseFixed(record: AccessRecord): void {
	if (record.version === 0) throw new GatewayError("record_fixed", { id: record.id });
}

/** Throws record_not_found. */
export function existing<K extends Kind>({ access }: RecordDeps, kind: K, id: string): AccessRecord<K> {
	const record = access.directory.get(kind, id);
	if (record === undefined) throw notFound(kind, id);
	return record;
}

/** Does not repeat a secret. */
export function notFound(kind: Kind, named: string): GatewayError {
	const id = named.startsWith("sk-") ? maskedSecret(named) : named;
	return new GatewayError("record_not_found", { kind, id });
}

/** Teams and budgets that a record names must be there: a limit that is nowhere limits nothing. */
export function requireRecords(
	deps: RecordDeps,
	fields: { readonly team_id?: string | null; readonly budget_id?: string | null },
): void {
	if (fields.team_id != null) existing(deps, "team", fields.team_id);
	if (fields.budget_id != null) existing(deps, "budget", fields.budget_id);
}

/** LiteLLM's updates may set `spend`, mostly to 0. */
export function resetSpend({ access, now }: RecordDeps, record: AccessRecord, dollars: number): void {
	const subject = access.directory.subject(record);
	for (const budget of subject.budgets) {
		if (budget.model === null) access.spend.set(access.spend.account(subject, budget, now()), dollars);
	}
	void access.sync();
}
