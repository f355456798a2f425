// Turns as they were logged, for those who compare later ones with them. Leaves comparing to cache/miss and remembering to db/turns.
import type { Turn } from "../cache/miss.ts";
import type { Database } from "./database.ts";
import { readDetails, readTurn } from "./details.ts";
import type { StoredRequest } from "./requests.ts";

/** Turns of conversations that started since then, the oldest first; of more than `limit` the latest. */
export async function turnsSince(
	{ query }: Pick<Database, "query">,
	{ since, limit }: { readonly since: number; readonly limit: number },
): Promise<(Pick<StoredRequest, "key_id" | "session" | "agent"> & { readonly turn: Turn })[]> {
	const rows = await query
		.selectFrom("requests")
		.select(["key_id", "session", "agent", "details"])
		.where("started_at", ">=", since)
		.where("session", "is not", null)
		.orderBy("started_at", "desc")
		.limit(limit)
		.execute();
	return rows.reverse().flatMap(({ details, ...row }) => {
		const turn = readDetails(details)?.turn ?? null;
		return turn === null ? [] : [{ ...row, turn: readTurn(turn) }];
	});
}
