// Turns as they were logged, for those who compare later ones with them. Leaves comparing to cache/miss and remembering to cache/turns.
import type { Turn } from "../cache/miss.ts";
import type { ConversationKey } from "../cache/turns.ts";
import type { Database } from "../db/database.ts";
import { storedTime } from "../db/schema/requests.ts";
import { readDetails } from "./details.ts";

interface LoggedTurn extends ConversationKey {
	readonly turn: Turn;
}

/** Turns of conversations that started since then, the oldest first; of more than `limit` the latest. */
export async function turnsSince(
	{ query }: Pick<Database, "query">,
	{ since, limit }: { readonly since: number; readonly limit: number },
): Promise<readonly LoggedTurn[]> {
	const rows = await query
		.selectFrom("requests")
		.select(["key_id", "session_id", "agent_id", "details"])
		.where("started_at", ">=", storedTime(since))
		.where("session_id", "is not", null)
		.orderBy("started_at", "desc")
		.limit(limit)
		.execute();
	return rows.reverse().flatMap(({ key_id, session_id: session, agent_id: agent, details }) => {
		const { turn } = readDetails(details);
		return turn === null || session === null ? [] : [{ key_id, session, agent, turn }];
	});
}
