// The request log as those see it who fill it: a finished request goes in, nothing comes back. Leaves translating an exchange to
// proxy/record and writing to db/writer.
import type { Miss, Turn } from "../cache/miss.ts";
import { type SummedChain, summarise } from "../cache/summary.ts";
import { type Details, storeTurn } from "./details.ts";
import type { TurnMemory } from "./turns.ts";
import type { LogWriter, NewRequestRow } from "./writer.ts";

/** A request that has come to its end, in whatever way. */
export interface FinishedRequest {
	readonly row: Omit<NewRequestRow, "miss" | "details">;
	readonly details: Omit<Details, "miss" | "turn">;
	/** Null where it marked nothing for caching, or no usage was reported. */
	readonly turn: ServedTurn | null;
	/** Whose next turn it may be; null = the client named no session. */
	readonly conversation: string | null;
	/** Where bodies are stored at all. */
	readonly bodies: { readonly request: string | null; readonly response: string | null } | null;
}

/** A turn with its prompt, not summed up yet. */
export interface ServedTurn extends Omit<Turn, "summary"> {
	readonly prompt: {
		readonly chain: SummedChain;
		readonly breakpoints: readonly { readonly block: number; readonly ttl: "5m" | "1h" }[];
	};
}

export interface RequestLog {
	/** Never throws, never waits. Gives why the request missed, for the process log. */
	record(finished: FinishedRequest): Miss | null;
}

/** Longest text of a column; ids of clients are shorter. */
const MOST_TEXT = 512;
const MOST_ENTRIES = 16;

export function createRequestLog(writer: Pick<LogWriter, "push">, turns: TurnMemory): RequestLog {
	return {
		record({ row, details, turn: served, conversation, bodies }) {
			const turn = served === null ? null : turnOf(served);
			const miss = turn === null || conversation === null ? null : turns.next(conversation, turn);
			const whole: Details = {
				...details,
				attempts: details.attempts.slice(0, MOST_ENTRIES),
				candidates: details.candidates.slice(0, MOST_ENTRIES),
				excluded: details.excluded.slice(0, MOST_ENTRIES),
				miss: miss === null ? null : { detail: miss.detail, tokens: miss.tokens },
				turn: turn === null ? null : storeTurn(turn),
			};
			const entry: NewRequestRow = {
				...bounded(row),
				miss: miss?.reason ?? null,
				details: whole,
			};
			writer.push({ row: entry, body: bodies });
			return miss;
		},
	};
}

function turnOf({ prompt, ...turn }: ServedTurn): Turn {
	return { ...turn, summary: summarise(prompt.chain, prompt.breakpoints) };
}

/** Columns that hold what clients and upstreams sent. */
const FOREIGN = ["error", "end_user", "session", "agent", "client", "model", "user_id", "key_alias"] as const;

function bounded(row: FinishedRequest["row"]): FinishedRequest["row"] {
	const changed: Partial<Record<(typeof FOREIGN)[number], string>> = {};
	for (const name of FOREIGN) {
		const value = row[name];
		if (value === null) continue;
		if (value.length > MOST_TEXT) changed[name] = value.slice(0, MOST_TEXT);
	}
	return { ...row, ...changed };
}
