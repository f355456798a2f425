// Numbered pages of the request log, for clients that know no cursors. Leaves filters, and pages of any depth, to db/requests.
import type { RequestSummary } from "./chunk.ts";
import type { Database } from "./database.ts";
import type { RequestFilter } from "./filter.ts";
import { type Match, scan } from "./scan.ts";

export interface NumberedPage {
	/** Latest first. */
	readonly requests: readonly RequestSummary[];
	/** How many there are, up to MOST_COUNTED. */
	readonly total: number;
}

/** Rows that are counted, and may be reached by a number: each page goes through all before it. */
export const MOST_COUNTED = 100_000;

/** Page `page` (from 1) of `size` rows; past MOST_COUNTED rows there are none. */
export async function numberedRequests(
	{ query }: Pick<Database, "query">,
	filter: RequestFilter,
	{ page, size }: { readonly page: number; readonly size: number },
): Promise<NumberedPage> {
	const skipped = (page - 1) * size;
	const end = Math.min(skipped + size, MOST_COUNTED);
	const shown: Match[] = [];
	let total = 0;
	for await (const matches of scan(query, filter, { order: "latest first", after: null })) {
		shown.push(...matches.slice(Math.max(0, skipped - total), Math.max(0, end - total)));
		total = Math.min(total + matches.length, MOST_COUNTED);
		if (total === MOST_COUNTED) break;
	}
	return { requests: shown.map(({ chunk, row }) => chunk.summary(row)), total };
}
