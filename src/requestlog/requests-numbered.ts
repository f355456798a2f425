// Numbered pages of the request log, for clients that know no cursors. Leaves filters, and pages of any depth, to requestlog/requests.
import type { Database } from "../db/database.ts";
import { conditionsOf, type RequestFilter } from "./filter.ts";
import { type RequestSummary, SUMMARY, summaryOf } from "./requests.ts";

export interface NumberedPage {
	/** Latest first. */
	readonly requests: readonly RequestSummary[];
	/** How many there are, up to MOST_COUNTED. */
	readonly total: number;
}

/** Rows that are counted, and may be reached by a number: each page skips all before it. */
const MOST_COUNTED = 100_000;

/** Page `page` (from 1) of `size` rows; past MOST_COUNTED rows there are none. */
export async function numberedRequests(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	{ page, size }: { readonly page: number; readonly size: number },
): Promise<NumberedPage> {
	const found = query.selectFrom("requests").where((where) => where.and(conditionsOf(where, filter)));
	const skipped = (page - 1) * size;
	const [counted, stored] = await Promise.all([
		query
			.selectFrom(found.select("id").limit(MOST_COUNTED).as("counted"))
			.select((select) => select.fn.countAll<number>().as("total"))
			.executeTakeFirstOrThrow(),
		skipped >= MOST_COUNTED
			? []
			: found
					.select(SUMMARY)
					.orderBy("started_at", "desc")
					.orderBy("id", "desc")
					.limit(Math.min(size, MOST_COUNTED - skipped))
					.offset(skipped)
					.execute(),
	]);
	return { requests: stored.map(summaryOf), total: Number(counted.total) };
}
