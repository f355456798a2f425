// Reading the request log: pages by filters, one request with all that is known of it, every row for an export. Leaves conditions to
// requestlog/filter, searching by text to requestlog/search and sums to requestlog/ledger.
import { type Miss, type Turn, whyMissed } from "../cache/miss.ts";
import { mostAlike } from "../cache/turns.ts";
import type { Database } from "../db/database.ts";
import { COMPUTED_COLUMNS, REQUEST_COLUMN_NAMES, type RequestRow, rowOf } from "../db/schema/requests.ts";
import type { Bodies } from "./batch.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import { type Details, readDetails } from "./details.ts";
import { beyond, conditionsOf, type RequestFilter, type Where } from "./filter.ts";
import { search } from "./search.ts";

export type { RequestFilter };

/** A row of a page: everything but the details. */
export type RequestSummary = RequestRow & { readonly [Name in keyof typeof COMPUTED_COLUMNS]: number | null };

export interface RequestPage {
	/** Latest first. */
	readonly requests: readonly RequestSummary[];
	/** For the page after this one; null = this is the last. */
	readonly next: string | null;
}

/** A request with all that is kept of it. */
export interface RequestRecord {
	readonly request: RequestSummary;
	readonly details: Details;
	/** From its own and its predecessor's summaries; null = nothing was missed, or it is not known. */
	readonly miss: Miss | null;
	/** Ids of the turns before and after it in its conversation. */
	readonly previous: string | null;
	readonly following: string | null;
	readonly bodies: Bodies | null;
}

type Computed = keyof typeof COMPUTED_COLUMNS;
const COMPUTED = Object.keys(COMPUTED_COLUMNS) as readonly Computed[];

/** What pages select. */
export const SUMMARY = [...REQUEST_COLUMN_NAMES, ...COMPUTED] as const;

/** Turns that are looked through for the one that a request continues. */
const TURNS_LOOKED_AT = 8;
const EXPORTED_AT_ONCE = 500;

type Query = Database["query"];

/** A selected row as callers see it. */
export function summaryOf(stored: Readonly<Record<(typeof SUMMARY)[number], unknown>>): RequestSummary {
	const computed = Object.fromEntries(COMPUTED.map((name) => [name, stored[name]])) as Record<Computed, number | null>;
	return { ...rowOf(stored), ...computed };
}

/** A page of the log, latest first. `limit` rows at most. A cursor that is not ours begins anew. */
export async function listRequests(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RequestPage> {
	const after = readCursor(page.cursor);
	const most = page.limit + 1;
	const text = filter.text?.trim() ?? "";
	const stored =
		text === ""
			? await latest(query, filter, { after, most }).execute()
			: await search(query, text, (condition) => latest(query, filter, { after, most }).where(condition), most);
	const shown = stored.slice(0, page.limit).map(summaryOf);
	const last = shown.at(-1);
	const next = stored.length <= page.limit || last === undefined ? null : { at: last.started_at, id: last.id };
	return { requests: shown, next: next === null ? null : writeCursor(next) };
}

/** Rows of a filter, latest first. */
function latest(query: Query, filter: RequestFilter, { after, most }: { after: Cursor | null; most: number }) {
	return query
		.selectFrom("requests")
		.select(SUMMARY)
		.where((where) => where.and(conditionsOf(where, filter)))
		.$if(after !== null, (builder) => builder.where((where) => beyond(where, after as Cursor, "earlier")))
		.orderBy("started_at", "desc")
		.orderBy("id", "desc")
		.limit(most);
}

/** One request, or null. */
export async function findRequest({ query }: Pick<Database, "query">, id: string): Promise<RequestRecord | null> {
	const stored = await query
		.selectFrom("requests")
		.select([...SUMMARY, "details"])
		.where("id", "=", id)
		.executeTakeFirst();
	if (stored === undefined) return null;
	const request = summaryOf(stored);
	const details = readDetails(stored.details);
	const [neighbours, bodies] = await Promise.all([
		neighboursOf(query, request),
		query.selectFrom("request_bodies").select(["request", "response"]).where("id", "=", id).executeTakeFirst(),
	]);
	const { earlier, following } = neighbours;
	return {
		request,
		details,
		miss: missOf(request, details) ?? whyMissedNow(details, earlier),
		previous: earlier[0]?.id ?? null,
		following,
		bodies: bodies ?? null,
	};
}

/** Whether a request of this id stands in the log. */
export async function isLogged({ query }: Pick<Database, "query">, id: string): Promise<boolean> {
	const found = await query.selectFrom("requests").select("id").where("id", "=", id).executeTakeFirst();
	return found !== undefined;
}

/** A row with its details where they were asked for. */
export type ExportedRequest = RequestSummary & { readonly details?: Readonly<Details> };

/** Every row of a filter, oldest first, a page in memory at a time: for the export. */
export async function* eachRequest(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	wanted: { readonly details: boolean },
): AsyncGenerator<ExportedRequest> {
	let after: Cursor | null = null;
	while (true) {
		const from: Cursor | null = after;
		const rows = await query
			.selectFrom("requests")
			.select(SUMMARY)
			.$if(wanted.details, (builder) => builder.select("details"))
			.where((where) => where.and(conditionsOf(where, filter)))
			.$if(from !== null, (builder) => builder.where((where) => beyond(where, from as Cursor, "later")))
			.orderBy("started_at", "asc")
			.orderBy("id", "asc")
			.limit(EXPORTED_AT_ONCE)
			.execute();
		let last: RequestSummary | null = null;
		for (const { details, ...stored } of rows) {
			last = summaryOf(stored);
			yield details === undefined ? last : { ...last, details: readDetails(details) };
		}
		if (rows.length < EXPORTED_AT_ONCE || last === null) return;
		after = { at: last.started_at, id: last.id };
	}
}

interface Neighbours {
	/** Latest first. */
	readonly earlier: readonly { readonly id: string; readonly details: Details }[];
	readonly following: string | null;
}

async function neighboursOf(query: Query, request: RequestSummary): Promise<Neighbours> {
	const { session_id: session, agent_id: agent, operation, key_id: key } = request;
	if (session === null) return { earlier: [], following: null };
	const filter: RequestFilter = { session, agent: agent ?? "", operation, keyId: key ?? "" };
	const cursor: Cursor = { at: request.started_at, id: request.id };
	const turns = (direction: "earlier" | "later") =>
		query
			.selectFrom("requests")
			.where((where) => where.and([...conditionsOf(where, filter), beyond(where as Where, cursor, direction)]))
			.orderBy("started_at", direction === "earlier" ? "desc" : "asc")
			.orderBy("id", direction === "earlier" ? "desc" : "asc");
	const [earlier, following] = await Promise.all([
		turns("earlier").select(["id", "details"]).limit(TURNS_LOOKED_AT).execute(),
		turns("later").select("id").limit(1).executeTakeFirst(),
	]);
	return {
		earlier: earlier.map(({ id, details }) => ({ id, details: readDetails(details) })),
		following: following?.id ?? null,
	};
}

/** As it was found when it was logged. */
function missOf({ miss_cause }: RequestSummary, { miss }: Details): Miss | null {
	return miss_cause === null || miss === null ? null : { ...miss, reason: miss_cause as Miss["reason"] };
}

/** For turns of which another replica had the one before. */
function whyMissedNow({ turn }: Details, earlier: Neighbours["earlier"]): Miss | null {
	if (turn === null) return null;
	const turns = earlier.flatMap(({ details }): Turn[] => (details.turn === null ? [] : [details.turn]));
	return whyMissed(turn, mostAlike(turns.reverse(), turn));
}
