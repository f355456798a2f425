// What keys, teams, users, customers and budgets do alike: make, show, list, change, block and delete. What differs between them is data
// (RecordKind). Leaves what else a kind can do to its file, and storing to records/stored.
import { randomUUID } from "node:crypto";
import type { AccessRecord, FieldsOf, Kind } from "../../access/fields.ts";
import type { BodyOf, QueryOf } from "../contract/endpoint.ts";
import type { AnswerOf, CONTRACT, EndpointName } from "../contract/index.ts";
import type { Handlers } from "../http/routes.ts";
import type { Principal } from "../session/roles.ts";
import {
	type Body,
	existing,
	insert,
	notFound,
	type RecordDeps,
	readFields,
	refuseFixed,
	requireRecords,
	resetSpend,
	stored,
	update,
} from "./stored.ts";
import { pageOf } from "./views.ts";

type Contract = typeof CONTRACT;
type Path = "/key" | "/team" | "/user" | "/customer" | "/end_user" | "/budget";
type Facts = Omit<ReturnType<typeof pageOf>, "items">;

type ListQuery<P extends Path> = QueryOf<Contract[`GET ${P}/list`]>;
type Blocking<P extends Path> = Extract<EndpointName, `POST ${P}/block`>;

/** What is a kind's own. */
export interface RecordKind<K extends Kind, P extends Path, Shown> {
	readonly kind: K;
	readonly path: P;
	/** What bodies call the id. */
	readonly id: "key" | "team_id" | "user_id" | "budget_id";
	readonly view: (record: AccessRecord<K>) => Shown;
	/** The record of a name; default: of an id. Throws record_not_found. */
	readonly find?: (named: string) => AccessRecord<K>;
	/** Default: whoever the endpoint lets in sees all. What may not be seen is not there. */
	readonly isVisible?: (record: AccessRecord<K>, principal: Principal) => boolean;
	/** What a change says, by the kind's own rules. */
	readonly changes?: (body: Body) => Body;
	/** Which one `info` asks for. */
	readonly asked: (query: QueryOf<Contract[`GET ${P}/info`]>, principal: Principal) => string | null | undefined;
	readonly info: (record: AccessRecord<K>, principal: Principal) => AnswerOf<`GET ${P}/info`>;
	/** Whether a list has it; default: it has all. */
	readonly matches?: (record: AccessRecord<K>, query: ListQuery<P>) => boolean;
	readonly list: (shown: readonly Shown[], facts: Facts, query: ListQuery<P>) => AnswerOf<`GET ${P}/list`>;
	/** What a change answers; default: the record. */
	readonly changed?: (shown: Shown) => AnswerOf<`POST ${P}/update`>;
	/** Where it can be blocked: names out of the body, and the answer. */
	readonly blocking?: {
		readonly named: (body: BodyOf<Contract[Blocking<P>]>) => readonly string[];
		readonly answer: (shown: readonly [Shown, ...Shown[]]) => AnswerOf<Blocking<P>>;
	};
	/** Names of those that are to be deleted. */
	readonly toDelete: (body: BodyOf<Contract[`POST ${P}/delete`]>) => readonly string[];
	/** Throws where it must stay. */
	readonly refuseDelete?: (record: AccessRecord<K>) => void;
	/** Whose a key is, where keys are deleted along with their owners. */
	readonly ownerOf?: (key: FieldsOf["key"]) => string | null;
	readonly deleted: (records: readonly AccessRecord<K>[], keys: readonly string[]) => AnswerOf<`POST ${P}/delete`>;
}

type CommonNames<P extends Path> = Extract<
	EndpointName,
	`POST ${P}/${"new" | "update" | "delete" | "block" | "unblock"}` | `GET ${P}/${"info" | "list"}`
>;

/** Handlers of a kind's endpoints that are like the others'. */
export function recordRoutes<K extends Kind, P extends Path, Shown>(
	deps: RecordDeps,
	about: RecordKind<K, P, Shown>,
): Pick<Handlers<Contract>, CommonNames<P>> {
	const { kind, path, id, view } = about;
	const find = about.find ?? ((named: string) => existing(deps, kind, named));
	const isVisible = about.isVisible ?? (() => true);
	interface Given {
		readonly query: never;
		readonly body: never;
		readonly principal: Principal;
	}

	async function block(body: never, blocked: boolean) {
		const shown: Shown[] = [];
		for (const record of about.blocking?.named(body).map(find) ?? []) {
			shown.push(view(await setBlocked(deps, record, blocked)));
		}
		return about.blocking?.answer(shown as [Shown, ...Shown[]]);
	}

	const handlers = {
		[`POST ${path}/new`]: async ({ body }: Given) => view(await create(deps, about, body)),
		[`GET ${path}/info`]: ({ query, principal }: Given) => {
			const wanted = about.asked(query, principal) ?? "";
			const record = find(wanted);
			if (!isVisible(record, principal)) throw notFound(kind, wanted);
			return about.info(record, principal);
		},
		[`GET ${path}/list`]: ({ query, principal }: Given) => {
			const found = deps.access.directory.list(kind).filter((record) => {
				return isVisible(record, principal) && about.matches?.(record, query) !== false;
			});
			const { items, ...facts } = pageOf(found, query);
			return about.list(items.map(view), facts, query);
		},
		[`POST ${path}/update`]: async ({ body }: Given) => {
			const { [id]: name, ...rest } = about.changes?.(body) ?? (body as Body);
			const shown = view(await change(deps, find(String(name)), rest));
			return about.changed?.(shown) ?? shown;
		},
		[`POST ${path}/block`]: ({ body }: Given) => block(body, true),
		[`POST ${path}/unblock`]: ({ body }: Given) => block(body, false),
		[`POST ${path}/delete`]: async ({ body }: Given) => {
			const records = about.toDelete(body).map(find);
			for (const record of records) about.refuseDelete?.(record);
			const { ownerOf } = about;
			const ids = records.map((record) => record.id);
			const isOwned = (key: AccessRecord<"key">) => ids.includes(ownerOf?.(key.fields) ?? "");
			const keys = ownerOf === undefined ? [] : deps.access.directory.list("key").filter(isOwned);
			const removable = keys.filter((key) => key.version !== 0);
			await removeRecords(deps, removable);
			await removeRecords(deps, records);
			return about.deleted(records, removable.map(tokenOf));
		},
	};
	return handlers as unknown as Pick<Handlers<Contract>, CommonNames<P>>;
}

/** Makes a record out of a body that may name its id. Throws record_exists, and record_not_found for what it names. */
export async function create<K extends Kind>(
	deps: RecordDeps,
	{ kind, id: idField }: { readonly kind: K; readonly id: string },
	{ [idField]: given, ...rest }: Body,
): Promise<AccessRecord<K>> {
	const fields = readFields(kind, rest);
	requireRecords(deps, fields as Partial<FieldsOf["customer"]>);
	return insert(deps, { kind, id: typeof given === "string" ? given : randomUUID(), hash: null, fields });
}

/** Changes the fields that a body names, and the spend where it says one. */
async function change<K extends Kind>(deps: RecordDeps, record: AccessRecord<K>, body: Body): Promise<AccessRecord<K>> {
	const changed = await update(deps, record, (before) => {
		const fields = readFields(record.kind as K, body, before.fields);
		requireRecords(deps, fields as Partial<FieldsOf["customer"]>);
		return { fields };
	});
	if (record.kind !== "budget" && typeof body["spend"] === "number") resetSpend(deps, changed, body["spend"]);
	return changed;
}

/** Blocks or unblocks. */
export function setBlocked<K extends Kind>(
	deps: RecordDeps,
	record: AccessRecord<K>,
	blocked: boolean,
): Promise<AccessRecord<K>> {
	return update(deps, record, ({ fields }) => ({ fields: { ...fields, blocked } }));
}

/** For good. Throws record_fixed before any is removed. */
export async function removeRecords(deps: RecordDeps, records: readonly AccessRecord[]): Promise<void> {
	for (const record of records) refuseFixed(record);
	const [first] = records;
	if (first === undefined) return;
	const ids = records.map(({ id }) => id);
	await stored(deps, () => deps.access.remove(first.kind, ids));
}

/** What LiteLLM calls a key's `token`: its hash. */
export function tokenOf(key: AccessRecord<"key">): string {
	return key.hash ?? key.id;
}
