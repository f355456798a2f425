// Reading the request log: pages by filters, one request with all that is known of it. Leaves writing to db/writer, sums to db/ledger.
import { type Expression, type ExpressionBuilder, type Selectable, type SqlBool, sql } from "kysely";
import { type Miss, type Turn, whyMissed } from "../cache/miss.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import type { Database } from "./database.ts";
import { type Details, readDetails, readTurn } from "./details.ts";
import type { RequestRow, Tables } from "./tables.ts";
import { mostAlike } from "./turns.ts";

/** All given conditions hold together. Times are ms since epoch; `from` is included, `to` is not. */
export interface RequestFilter {
	readonly from?: number | undefined;
	readonly to?: number | undefined;
	/** As asked for. */
	readonly model?: string | undefined;
	/** Deployment. */
	readonly modelId?: string | undefined;
	/** "" = of no virtual key, as the ledger has it. */
	readonly keyId?: string | undefined;
	readonly teamId?: string | undefined;
	readonly userId?: string | undefined;
	readonly endUser?: string | undefined;
	readonly session?: string | undefined;
	readonly agent?: string | undefined;
	/** A number, `4xx`, `5xx`, `error` (400 and above), `success`, `aborted` or `rejected`. */
	readonly status?: string | undefined;
	readonly reason?: string | undefined;
	readonly affinity?: string | undefined;
	/** Why it missed; `any` = it missed at all. */
	readonly miss?: string | undefined;
	/** Beginning of a request's, session's, deployment's, key's or team's id. */
	readonly text?: string | undefined;
	/** Rows of this key or of this user: what its owner may see. */
	readonly scope?: { readonly keyHash: string | null; readonly userId: string | null } | undefined;
}

/** A row of a page: everything but the details. */
export type RequestSummary = Omit<StoredRequest, "details">;

/** A whole row. */
export type StoredRequest = Selectable<RequestRow>;

export interface RequestPage {
	/** Latest first. */
	readonly requests: readonly RequestSummary[];
	/** For the page after this one; null = this is the last. */
	readonly next: string | null;
}

/** A request with all that is kept of it. */
export interface RequestRecord {
	readonly request: RequestSummary;
	readonly details: Details | null;
	/** From its own and its predecessor's summaries; null = nothing was missed, or it cannot be told. */
	readonly miss: Miss | null;
	/** Ids of the turns before and after it in its conversation. */
	readonly previous: string | null;
	readonly following: string | null;
	readonly bodies: { readonly request: string | null; readonly response: string | null } | null;
}

export const SUMMARY = [
	"seq",
	"id",
	"started_at",
	"first_byte_at",
	"ended_at",
	"operation",
	"dialect",
	"outcome",
	"status",
	"error",
	"key_id",
	"key_alias",
	"team_id",
	"user_id",
	"end_user",
	"session",
	"agent",
	"client",
	"model",
	"model_group",
	"model_id",
	"upstream_model",
	"provider",
	"domain",
	"region",
	"stream",
	"input_tokens",
	"output_tokens",
	"read_tokens",
	"write_5m_tokens",
	"write_1h_tokens",
	"cost",
	"cost_input",
	"cost_read",
	"cost_write_5m",
	"cost_write_1h",
	"cost_output",
	"cost_uncached",
	"cost_random",
	"affinity",
	"reason",
	"predicted_read_tokens",
	"waited_ms",
	"diverted_from",
	"runner_up",
	"attempts",
	"miss",
] as const satisfies readonly (keyof RequestRow)[];

/** Turns that are looked through for the one that a request continues. */
const TURNS_LOOKED_AT = 8;
/** Deployments, keys or teams that a text may begin; more of them would match almost everything. */
const MOST_IDS = 20;

type Query = Database["query"];
export type Where = ExpressionBuilder<Tables, "requests">;

/** A page of the log, latest first. `limit` rows at most. A cursor that is not ours begins anew. */
export async function listRequests(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RequestPage> {
	const before = readCursor(page.cursor);
	const most = page.limit + 1;
	const text = filter.text?.trim() ?? "";
	const rows =
		text === ""
			? await select(query, { filter, before, most }).execute()
			: await search(query, { filter, before, most, text });
	const shown = rows.slice(0, page.limit);
	const last = shown.at(-1);
	const next = rows.length > page.limit && last !== undefined ? writeCursor(last.started_at, last.seq) : null;
	return { requests: shown, next };
}

/** One request, or null. */
export async function findRequest({ query }: Pick<Database, "query">, id: string): Promise<RequestRecord | null> {
	const row = await query.selectFrom("requests").selectAll().where("id", "=", id).executeTakeFirst();
	if (row === undefined) return null;
	const { details: text, ...request } = row;
	const details = readDetails(text);
	const [neighbours, bodies] = await Promise.all([
		neighboursOf(query, row),
		query.selectFrom("request_bodies").select(["request", "response"]).where("id", "=", id).executeTakeFirst(),
	]);
	const { earlier, following } = neighbours;
	return {
		request,
		details,
		miss: tellMiss(request, details, earlier),
		previous: earlier[0]?.id ?? null,
		following,
		bodies: bodies ?? null,
	};
}

/** Every row of a filter, oldest first, in pages: for the export. */
export async function* eachRequest(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	pageSize = 1_000,
): AsyncGenerator<StoredRequest> {
	let after: Cursor | null = null;
	while (true) {
		const from: Cursor | null = after;
		const rows = await query
			.selectFrom("requests")
			.selectAll()
			.where((where) => where.and(conditions(where, filter)))
			.$if(from !== null, (builder) => builder.where((where) => afterCursor(where, from as Cursor)))
			.orderBy("started_at", "asc")
			.orderBy("seq", "asc")
			.limit(pageSize)
			.execute();
		yield* rows;
		const last = rows.at(-1);
		if (rows.length < pageSize || last === undefined) return;
		after = { at: last.started_at, seq: last.seq };
	}
}

interface Selection {
	readonly filter: RequestFilter;
	readonly before: Cursor | null;
	readonly most: number;
}

function select(query: Query, { filter, before, most }: Selection) {
	return query
		.selectFrom("requests")
		.select(SUMMARY)
		.where((where) => where.and(conditions(where, filter)))
		.$if(before !== null, (builder) => builder.where((where) => beforeCursor(where, before as Cursor)))
		.orderBy("started_at", "desc")
		.orderBy("seq", "desc")
		.limit(most);
}

/**
 * Each kind of id on its own index, then the latest of all: one condition with "or" would read every row. Deployments, keys and teams
 * are few, so those that begin with the text are found first.
 */
async function search(query: Query, selection: Selection & { readonly text: string }): Promise<RequestSummary[]> {
	const { text } = selection;
	const end = `${text}\u{10ffff}`;
	const found = await Promise.all(
		(["model_id", "key_id", "team_id", "model"] as const).map(async (column) => {
			const values = await idsBeginning(query, column, text);
			return values.map((value) => select(query, selection).where(column, "=", value).execute());
		}),
	);
	const ranges = (["id", "session"] as const).map((column) =>
		beginning(query, selection, { column, text, end }).execute(),
	);
	const rows = (await Promise.all([...ranges, ...found.flat()])).flat();
	const distinct = new Map(rows.map((row) => [row.seq, row]));
	return [...distinct.values()]
		.sort((left, right) => right.started_at - left.started_at || right.seq - left.seq)
		.slice(0, selection.most);
}

/**
 * Rows whose id begins with a text. They are found first and put in order then: a planner that hopes to meet them on the way back
 * through time reads the whole log when it does not.
 */
function beginning(
	query: Query,
	{ filter, before, most }: Selection,
	range: { readonly column: "id" | "session"; readonly text: string; readonly end: string },
) {
	const { column, text, end } = range;
	return query
		.with(
			(cte) => cte("found").materialized(),
			(inner) =>
				inner
					.selectFrom("requests")
					.select(["seq as at", "started_at as since"])
					.where(column, ">=", text)
					.where(column, "<", end)
					.where((where) => where.and(conditions(where, filter)))
					.$if(before !== null, (builder) => builder.where((where) => beforeCursor(where, before as Cursor))),
		)
		.selectFrom("requests")
		.select(SUMMARY)
		.where("seq", "in", (inner) =>
			inner.selectFrom("found").select("at").orderBy("since", "desc").orderBy("at", "desc").limit(most),
		)
		.orderBy("started_at", "desc")
		.orderBy("seq", "desc");
}

/** Jumps from value to value on the column's index. */
async function idsBeginning(
	query: Query,
	column: "model_id" | "key_id" | "team_id" | "model",
	text: string,
): Promise<string[]> {
	const found: string[] = [];
	const end = `${text}\u{10ffff}`;
	while (found.length < MOST_IDS) {
		const last = found.at(-1);
		const next = await query
			.selectFrom("requests")
			.select(column)
			.where(column, last === undefined ? ">=" : ">", last ?? text)
			.where(column, "<", end)
			.orderBy(column, "asc")
			.limit(1)
			.executeTakeFirst();
		const value = next?.[column];
		if (value === undefined || value === null) break;
		found.push(value);
	}
	return found;
}

/** `literal` conditions are written out, for an index with a condition is only used where the query says the same. */
export function conditions(where: Where, filter: RequestFilter): Expression<SqlBool>[] {
	const all: Expression<SqlBool>[] = [];
	const equal = [
		["model", filter.model],
		["model_id", filter.modelId],
		["key_id", filter.keyId],
		["team_id", filter.teamId],
		["user_id", filter.userId],
		["end_user", filter.endUser],
		["session", filter.session],
		["agent", filter.agent],
		["reason", filter.reason],
		["affinity", filter.affinity],
	] as const;
	for (const [column, value] of equal) {
		if (value === undefined) continue;
		all.push(column === "key_id" && value === "" ? where(column, "is", null) : where(column, "=", value));
	}
	if (filter.from !== undefined) all.push(where("started_at", ">=", filter.from));
	if (filter.to !== undefined) all.push(where("started_at", "<", filter.to));
	if (filter.status !== undefined) all.push(...statusConditions(where, filter.status));
	if (filter.miss !== undefined) {
		all.push(sql<SqlBool>`miss is not null`);
		if (filter.miss !== "any") all.push(where("miss", "=", filter.miss));
	}
	if (filter.scope !== undefined) {
		const { keyHash, userId } = filter.scope;
		const own = [
			...(keyHash === null ? [] : [where("key_id", "=", keyHash)]),
			...(userId === null ? [] : [where("user_id", "=", userId)]),
		];
		all.push(own.length === 0 ? sql<SqlBool>`1 = 0` : where.or(own));
	}
	return all;
}

function statusConditions(where: Where, status: string): Expression<SqlBool>[] {
	const errors = sql<SqlBool>`status >= 400`;
	switch (status) {
		case "success":
			return [where("status", "<", 400), where("outcome", "=", "served")];
		case "error":
			return [errors];
		case "aborted":
			return [errors, where("status", "=", 499)];
		case "rejected":
			return [errors, where("outcome", "=", "rejected")];
		case "4xx":
			return [errors, where("status", "<", 500)];
		case "5xx":
			return [errors, where("status", ">=", 500)];
		default:
			return [...(Number(status) >= 400 ? [errors] : []), where("status", "=", Number(status))];
	}
}

/** The first condition is what an index can use, the second what is meant. */
function beforeCursor(where: Where, { at, seq }: Cursor): Expression<SqlBool> {
	const same = where.and([where("started_at", "=", at), where("seq", "<", seq)]);
	return where.and([where("started_at", "<=", at), where.or([where("started_at", "<", at), same])]);
}

function afterCursor(where: Where, { at, seq }: Cursor): Expression<SqlBool> {
	const same = where.and([where("started_at", "=", at), where("seq", ">", seq)]);
	return where.and([where("started_at", ">=", at), where.or([where("started_at", ">", at), same])]);
}

interface Neighbours {
	/** Latest first. */
	readonly earlier: readonly Pick<RequestRow, "id" | "details">[];
	readonly following: string | null;
}

async function neighboursOf(query: Query, row: StoredRequest): Promise<Neighbours> {
	if (row.session === null) return { earlier: [], following: null };
	const conversation = query
		.selectFrom("requests")
		.where("session", "=", row.session)
		.where("key_id", row.key_id === null ? "is" : "=", row.key_id)
		.where("agent", row.agent === null ? "is" : "=", row.agent)
		.where("operation", "=", row.operation);
	const [earlier, following] = await Promise.all([
		conversation
			.select(["id", "details"])
			.where((where) => beforeCursor(where as Where, { at: row.started_at, seq: row.seq }))
			.orderBy("started_at", "desc")
			.orderBy("seq", "desc")
			.limit(TURNS_LOOKED_AT)
			.execute(),
		conversation
			.select("id")
			.where((where) => afterCursor(where as Where, { at: row.started_at, seq: row.seq }))
			.orderBy("started_at", "asc")
			.orderBy("seq", "asc")
			.limit(1)
			.executeTakeFirst(),
	]);
	return { earlier, following: following?.id ?? null };
}

/** What was told when it was logged; where nothing was (another replica's turn), told now. */
function tellMiss(row: RequestSummary, details: Details | null, earlier: Neighbours["earlier"]): Miss | null {
	const stored = details?.miss ?? null;
	if (row.miss !== null && stored !== null) return { ...stored, reason: row.miss as Miss["reason"] };
	if (details?.turn == null) return null;
	const turn = readTurn(details.turn);
	const turns = earlier.flatMap(({ details: text }): Turn[] => {
		const found = readDetails(text)?.turn ?? null;
		return found === null ? [] : [readTurn(found)];
	});
	return whyMissed(turn, mostAlike(turns.reverse(), turn));
}
