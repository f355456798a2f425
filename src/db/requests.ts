// Reading the request log: pages by filters, one request with all that is known of it. Leaves finding rows to db/scan, writing to db/writer,
// sums to db/ledger.
import { type Miss, type Turn, whyMissed } from "../cache/miss.ts";
import type { RequestSummary } from "./chunk.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import type { Database } from "./database.ts";
import type { Details } from "./details.ts";
import type { RequestFilter } from "./filter.ts";
import { detailsOf, type Match, scan } from "./scan.ts";
import { mostAlike } from "./turns.ts";

export type { RequestFilter, RequestSummary };

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
	/** From its own and its predecessor's summaries; null = nothing was missed, or it cannot be told. */
	readonly miss: Miss | null;
	/** Ids of the turns before and after it in its conversation. */
	readonly previous: string | null;
	readonly following: string | null;
	readonly bodies: { readonly request: string | null; readonly response: string | null } | null;
}

/** Turns that are looked through for the one that a request continues. */
const TURNS_LOOKED_AT = 8;
const DETAILS_AT_ONCE = 1_000;

type Query = Database["query"];

/** A page of the log, latest first. `limit` rows at most. A cursor that is not ours begins anew. */
export async function listRequests(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RequestPage> {
	const after = readCursor(page.cursor);
	const found = await firstOf(scan(query, filter, { order: "latest first", after }), page.limit + 1);
	const shown = found.slice(0, page.limit);
	const last = shown.at(-1);
	const next = found.length > page.limit && last !== undefined ? writeCursor(last.at, last.seq) : null;
	return { requests: shown.map(({ chunk, row }) => chunk.summary(row)), next };
}

/** One request, or null. */
export async function findRequest({ query }: Pick<Database, "query">, id: string): Promise<RequestRecord | null> {
	const found = await findMatch(query, id);
	if (found === null) return null;
	const request = found.chunk.summary(found.row);
	const [details = null] = await detailsOf(query, [found]);
	if (details === null) return null;
	const [neighbours, bodies] = await Promise.all([
		neighboursOf(query, request),
		query.selectFrom("request_bodies").select(["request", "response"]).where("id", "=", id).executeTakeFirst(),
	]);
	const { earlier, following } = neighbours;
	const told = toldMiss(request, details);
	return {
		request,
		details,
		miss: told ?? whyMissedNow(details, await detailsOf(query, earlier)),
		previous: earlier[0]?.chunk.summary(earlier[0].row).id ?? null,
		following,
		bodies: bodies ?? null,
	};
}

/** Whether a request of this id stands in the log. */
export async function isLogged({ query }: Pick<Database, "query">, id: string): Promise<boolean> {
	return (await findMatch(query, id)) !== null;
}

/** Every row of a filter, oldest first: for the export. */
export async function* eachRequest(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
): AsyncGenerator<RequestSummary & { readonly details: Details }> {
	for await (const matches of scan(query, filter, { order: "oldest first", after: null })) {
		for (let from = 0; from < matches.length; from += DETAILS_AT_ONCE) {
			const some = matches.slice(from, from + DETAILS_AT_ONCE);
			for (const [at, details] of (await detailsOf(query, some)).entries()) {
				const { chunk, row } = some[at] as Match;
				yield { ...chunk.summary(row), details };
			}
		}
	}
}

/** The first `most` of what a scan finds. */
export async function firstOf(found: AsyncIterable<readonly Match[]>, most: number): Promise<readonly Match[]> {
	const first: Match[] = [];
	for await (const matches of found) {
		first.push(...matches.slice(0, most - first.length));
		if (first.length >= most) break;
	}
	return first;
}

async function findMatch(query: Query, id: string): Promise<Match | null> {
	const [found] = await firstOf(scan(query, { id }, { order: "latest first", after: null }), 1);
	return found ?? null;
}

interface Neighbours {
	/** Latest first. */
	readonly earlier: readonly Match[];
	readonly following: string | null;
}

async function neighboursOf(query: Query, request: RequestSummary): Promise<Neighbours> {
	const { session, agent, operation, key_id } = request;
	if (session === null) return { earlier: [], following: null };
	const filter: RequestFilter = { session, agent: agent ?? "", operation, keyId: key_id ?? "" };
	const after: Cursor = { at: request.started_at, seq: request.seq };
	const [earlier, [following]] = await Promise.all([
		firstOf(scan(query, filter, { order: "latest first", after }), TURNS_LOOKED_AT),
		firstOf(scan(query, filter, { order: "oldest first", after }), 1),
	]);
	return { earlier, following: following === undefined ? null : following.chunk.summary(following.row).id };
}

/** What was told when it was logged. */
function toldMiss(request: RequestSummary, { miss }: Details): Miss | null {
	return request.miss === null || miss === null ? null : { ...miss, reason: request.miss as Miss["reason"] };
}

/** For turns of which another replica had the one before. */
function whyMissedNow({ turn }: Details, earlier: readonly Details[]): Miss | null {
	if (turn === null) return null;
	const turns = earlier.flatMap((details): Turn[] => (details.turn === null ? [] : [details.turn]));
	return whyMissed(turn, mostAlike(turns.reverse(), turn));
}
