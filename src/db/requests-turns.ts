// Turns as they were logged, for those who compare later ones with them. Leaves comparing to cache/miss and remembering to db/turns.
import type { Turn } from "../cache/miss.ts";
import type { Database } from "./database.ts";
import { detailsOf, scan } from "./scan.ts";
import type { Conversation } from "./turns.ts";

interface LoggedTurn extends Conversation {
	readonly turn: Turn;
}

/** Turns of conversations that started since then, the oldest first; of more than `limit` the latest. */
export async function turnsSince(
	{ query }: Pick<Database, "query">,
	{ since, limit }: { readonly since: number; readonly limit: number },
): Promise<readonly LoggedTurn[]> {
	const turns: LoggedTurn[] = [];
	for await (const matches of scan(query, { from: since }, { order: "latest first", after: null })) {
		const details = await detailsOf(query, matches);
		for (const [at, { chunk, row }] of matches.entries()) {
			const { key_id, session, agent } = chunk.summary(row);
			const turn = details[at]?.turn ?? null;
			if (session !== null && turn !== null) turns.push({ key_id, session, agent, turn });
			if (turns.length >= limit) return turns.reverse();
		}
	}
	return turns.reverse();
}
