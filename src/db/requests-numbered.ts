// Numbered pages of the request log, for clients that know no cursors. Leaves filters, and pages of any depth, to db/requests.
import { type Expression, type SqlBool, sql } from "kysely";
import type { Database } from "./database.ts";
import { conditions, type RequestFilter, type RequestSummary, SUMMARY, type Where } from "./requests.ts";

/** What can be asked for besides. */
export interface NumberedFilter extends RequestFilter {
	readonly id?: string | undefined;
	/** true = answered; false = not. */
	readonly served?: boolean | undefined;
	/** Dollars, both included. A request of unknown price counts as 0. */
	readonly minCost?: number | undefined;
	readonly maxCost?: number | undefined;
}

export interface NumberedPage {
	/** Latest first. */
	readonly requests: readonly RequestSummary[];
	/** How many there are, up to MOST_COUNTED. */
	readonly total: number;
}

/** Rows that are counted, and may be reached by a number: each page skips all before it. */
export const MOST_COUNTED = 100_000;

/** Page `page` (from 1) of `size` rows; past MOST_COUNTED rows there are none. */
export async function numberedRequests(
	{ query }: Pick<Database, "query">,
	filter: NumberedFilter,
	{ page, size }: { readonly page: number; readonly size: number },
): Promise<NumberedPage> {
	const found = query.selectFrom("requests").where((where) => where.and(allConditions(where, filter)));
	const skipped = (page - 1) * size;
	const [counted, requests] = await Promise.all([
		query
			.selectFrom(found.select("seq").limit(MOST_COUNTED).as("counted"))
			.select((select) => select.fn.countAll<number>().as("total"))
			.executeTakeFirstOrThrow(),
		skipped >= MOST_COUNTED
			? []
			: found
					.select(SUMMARY)
					.orderBy("started_at", "desc")
					.orderBy("seq", "desc")
					.limit(Math.min(size, MOST_COUNTED - skipped))
					.offset(skipped)
					.execute(),
	]);
	return { requests, total: Number(counted.total) };
}

function allConditions(
	where: Where,
	{ id, served, minCost, maxCost, ...filter }: NumberedFilter,
): Expression<SqlBool>[] {
	const all = conditions(where, filter);
	if (id !== undefined) all.push(where("id", "=", id));
	if (served !== undefined) all.push(where("outcome", served ? "=" : "<>", "served"));
	if (minCost !== undefined) all.push(sql<SqlBool>`coalesce(cost, 0) >= ${minCost}`);
	if (maxCost !== undefined) all.push(sql<SqlBool>`coalesce(cost, 0) <= ${maxCost}`);
	return all;
}
