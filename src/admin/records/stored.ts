// What the endpoints of keys, teams, users, customers and budgets share: reading bodies, storing, showing, paging. Leaves each kind's own
// names and rules to its file.
import { randomUUID } from "node:crypto";
import type { ZodError } from "zod";
import type { Access } from "../../access/access.ts";
import { type AccessRecord, FIELDS, type FieldsOf, type Kind } from "../../access/fields.ts";
import { mainLabel } from "../../access/limits.ts";
import type { GeneratedKeys } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
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

const NO_RULES: GeneratedKeys = { defaults: {}, upperbounds: {} };

/** What holds for keys that are made or changed now. */
export function rulesOf({ generated }: RecordDeps): GeneratedKeys {
	return generated?.() ?? NO_RULES;
}

/** A text that must be there. */
export function textOf(body: Readonly<Record<string, unknown>>, field: string): string {
	const value = body[field];
	if (typeof value !== "string" || value === "")
		throw new GatewayError("invalid_field", { field, reason: "expected text" });
	return value;
}

/** A list of texts; one text alone is a list of one. */
export function textsOf(body: Readonly<Record<string, unknown>>, field: string): readonly string[] {
	const value = [body[field] ?? []].flat();
	const texts = value.filter((each): each is string => typeof each === "string" && each !== "");
	if (texts.length === 0 || texts.length < value.length) {
		throw new GatewayError("invalid_field", { field, reason: "expected a list of texts" });
	}
	return texts;
}

/** Fields of LiteLLM's that change nothing here. */
const HARMLESS = new Set(["send_invite_email", "auto_create_key", "spend"]);

/**
 * Fields out of a request's body, those of `before` where it names none. null takes a field back to its default. A field that is not
 * supported is refused unless it is empty: to ignore a restriction would open what it closes.
 */
export function readFields<K extends Kind>(
	kind: K,
	body: Readonly<Record<string, unknown>>,
	before: FieldsOf[K] | null = null,
): FieldsOf[K] {
	const merged: Record<string, unknown> = { ...before };
	for (const [name, value] of Object.entries(body)) {
		if (Object.hasOwn(FIELDS[kind].shape, name)) {
			if (value === null || value === undefined) delete merged[name];
			else merged[name] = value;
		} else if (!HARMLESS.has(name) && !isEmpty(value)) {
			throw new GatewayError("invalid_field", { field: name, reason: `is not supported for a ${kind}; leave it out` });
		}
	}
	const parsed = FIELDS[kind].safeParse(merged);
	if (!parsed.success) throw invalid(parsed.error);
	return parsed.data as FieldsOf[K];
}

function isEmpty(value: unknown): boolean {
	if (value === null || value === undefined || value === "" || value === false) return true;
	return typeof value === "object" && Object.keys(value).length === 0;
}

function invalid(error: ZodError): GatewayError {
	const [issue] = error.issues;
	return new GatewayError("invalid_field", {
		field: issue?.path.join(".") || "body",
		reason: issue?.message ?? "is not valid",
	});
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
	if (record === undefined) throw new GatewayError("record_not_found", { kind, id });
	return record;
}

/** Teams and budgets that a record names must be there: a limit that is nowhere limits nothing. */
export function requireRecords(
	{ access }: RecordDeps,
	fields: { readonly team_id?: string | null; readonly budget_id?: string | null },
): void {
	const { directory } = access;
	if (fields.team_id != null && directory.get("team", fields.team_id) === undefined) {
		throw new GatewayError("record_not_found", { kind: "team", id: fields.team_id });
	}
	if (fields.budget_id != null && directory.get("budget", fields.budget_id) === undefined) {
		throw new GatewayError("record_not_found", { kind: "budget", id: fields.budget_id });
	}
}

/** LiteLLM's updates may set `spend`, mostly to 0. */
export function resetSpend({ access, now }: RecordDeps, record: AccessRecord, dollars: number): void {
	const subject = access.directory.subject(record);
	for (const budget of subject.budgets) {
		if (budget.model === null) access.spend.set(access.spend.account(subject, budget, now()), dollars);
	}
	void access.sync();
}

/** Kinds whose id is the operator's choice. */
export type NamedKind = Exclude<Kind, "key" | "deployment">;

/** Makes a record out of a request's body without its id. Throws what readFields, requireRecords and insert throw. */
export async function create<K extends NamedKind>(
	deps: RecordDeps,
	{ kind, id }: { readonly kind: K; readonly id: string },
	body: Readonly<Record<string, unknown>>,
): Promise<AccessRecord<K>> {
	const fields = readFields(kind, body);
	requireRecords(deps, fields as Partial<FieldsOf["customer"]>);
	return insert(deps, { kind, id, hash: null, fields });
}

/** Changes the record that `body` names by `idField`, and its spend where the body says one. Throws also record_not_found. */
export async function change<K extends NamedKind>(
	deps: RecordDeps,
	{ kind, idField }: { readonly kind: K; readonly idField: string },
	body: Readonly<Record<string, unknown>>,
): Promise<AccessRecord<K>> {
	const { [idField]: _, ...rest } = body;
	const changed = await update(deps, existing(deps, kind, textOf(body, idField)), (before) => {
		const fields = readFields(kind, rest, before.fields);
		requireRecords(deps, fields as Partial<FieldsOf["customer"]>);
		return { fields };
	});
	if (kind !== "budget" && typeof rest["spend"] === "number") resetSpend(deps, changed, rest["spend"]);
	return changed;
}

/** Blocks or unblocks. */
export async function blockRecord<K extends "key" | "team" | "customer">(
	deps: RecordDeps,
	record: AccessRecord<K>,
	blocked: boolean,
): Promise<AccessRecord<K>> {
	return update(deps, record, ({ fields }) => ({ fields: { ...fields, blocked } }));
}

/** Removes records that are all there. Throws record_not_found, before anything is removed. */
export async function removeAll(deps: RecordDeps, kind: NamedKind, ids: readonly string[]): Promise<void> {
	for (const id of ids) existing(deps, kind, id);
	await stored(deps, () => deps.access.remove(kind, ids));
}

/** Removes keys, but those of the configuration file; gives their hashes. */
export async function removeKeys(
	deps: RecordDeps,
	isGone: (key: AccessRecord<"key">) => boolean,
): Promise<readonly (string | null)[]> {
	const keys = deps.access.directory.list("key").filter((key) => key.version !== 0 && isGone(key));
	await stored(deps, () =>
		deps.access.remove(
			"key",
			keys.map((key) => key.id),
		),
	);
	return keys.map((key) => key.hash);
}

/** The id that a body gives, or a new one. */
export function idOf(body: Readonly<Record<string, unknown>>, field: string): string {
	return body[field] === undefined || body[field] === null ? randomUUID() : textOf(body, field);
}

/** A body without its id. */
export function withoutId(body: Readonly<Record<string, unknown>>, field: string): Record<string, unknown> {
	const { [field]: _, ...rest } = body;
	return rest;
}

/** Spend as LiteLLM shows it: of the running window of `max_budget`, and when that ends. */
export function spendOf({ access, now }: RecordDeps, record: AccessRecord) {
	const subject = access.directory.subject(record);
	const windows = subject.budgets.map((budget) => {
		const account = access.spend.account(subject, budget, now());
		const { end } = account.window;
		return {
			budget,
			spend: account.spent,
			reset_at: Number.isFinite(end) ? new Date(end).toISOString() : null,
			unpriced: account.unpriced,
		};
	});
	const { budget_duration: duration } = record.fields as FieldsOf["budget"];
	const main = windows.find(({ budget }) => budget.label === mainLabel(duration)) ?? windows[0];
	return {
		spend: main?.spend ?? 0,
		total_spend: windows[0]?.spend ?? 0,
		budget_reset_at: main?.reset_at ?? null,
		/** Requests whose price is not known: their spend is in none of these figures. */
		unpriced_requests: windows[0]?.unpriced ?? 0,
		budget_windows: windows
			.filter(({ budget }) => budget.max !== null)
			.map(({ budget, spend, reset_at }) => {
				const { max, model, label } = budget;
				return {
					budget_duration: label === "total" ? null : label.split(":").at(-1),
					model,
					max_budget: max,
					spend,
					reset_at,
				};
			}),
	};
}

/** When a record was made and last changed, ISO. */
export function datesOf({ createdAt, updatedAt }: AccessRecord) {
	return { created_at: new Date(createdAt).toISOString(), updated_at: new Date(updatedAt).toISOString() };
}

/** One page of a list, LiteLLM's `page` and `size` or our `cursor` and `limit`. */
export interface Page<T> {
	readonly items: readonly T[];
	readonly total_count: number;
	readonly current_page: number;
	readonly total_pages: number;
	/** Give it as `cursor` for what follows; null = this was the last page. Stable while records come and go. */
	readonly next_cursor: string | null;
}

const MOST_LISTED = 1000;
const LISTED = 100;

/** `records` newest first. Throws invalid_field for a cursor that is none. */
export function pageOf<T extends AccessRecord>(
	records: readonly T[],
	query: (name: string) => string | undefined,
): Page<T> {
	const size = Math.min(MOST_LISTED, positive(query("size") ?? query("limit") ?? query("page_size")) ?? LISTED);
	const cursor = query("cursor");
	const page = positive(query("page")) ?? 1;
	const from = cursor === undefined ? (page - 1) * size : indexAfter(records, cursor);
	const items = records.slice(from, from + size);
	const last = items.at(-1);
	return {
		items,
		total_count: records.length,
		current_page: Math.floor(from / size) + 1,
		total_pages: Math.ceil(records.length / size),
		next_cursor: last === undefined || from + size >= records.length ? null : cursorOf(last),
	};
}

function cursorOf({ createdAt, id }: AccessRecord): string {
	return Buffer.from(JSON.stringify([createdAt, id])).toString("base64url");
}

function indexAfter(records: readonly AccessRecord[], cursor: string): number {
	let place: unknown;
	try {
		place = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
	} catch {}
	const [at, id] = Array.isArray(place) ? place : [];
	if (typeof at !== "number" || typeof id !== "string") {
		throw new GatewayError("invalid_field", { field: "cursor", reason: "is not one that a list gave" });
	}
	const found = records.findIndex((record) => record.createdAt < at || (record.createdAt === at && record.id > id));
	return found === -1 ? records.length : found;
}

function positive(text: string | undefined): number | null {
	const value = Number(text);
	return text !== undefined && Number.isInteger(value) && value >= 1 ? value : null;
}
