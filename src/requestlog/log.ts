// The request log as those see it who fill it: a finished request goes in, and is kept. Leaves translating an exchange to proxy/record and
// writing to requestlog/writer.
import type { Miss } from "../cache/miss.ts";
import type { TurnMemory } from "../cache/turns.ts";
import { type RequestRow, TEXT_COLUMNS } from "../db/schema/requests.ts";
import type { Bodies } from "./batch.ts";
import type { Details } from "./details.ts";
import { storableText } from "./storable.ts";
import type { LogWriter } from "./writer.ts";

/** A request that has come to its end, in whatever way. */
export interface FinishedRequest {
	/** The log sets `miss_cause` and cuts what is too long. */
	readonly row: RequestRow;
	/** The log sets `miss`. */
	readonly details: Details;
	/** Where bodies are stored at all. */
	readonly bodies: Bodies | null;
}

export interface RequestLog {
	/** Records it, and why it missed. */
	record(request: FinishedRequest): Miss | null;
}

/** Longest text of a column; ids of clients are shorter. */
const MOST_TEXT = 512;

export function createRequestLog(writer: Pick<LogWriter, "push">, turns: TurnMemory): RequestLog {
	return {
		record(request) {
			const { row, details } = request;
			clean(row);
			const { session_id: session, agent_id: agent, key_id } = row;
			const { turn } = details;
			const miss = turn === null || session === null ? null : turns.next({ key_id, session, agent }, turn);
			row.miss_cause = miss?.reason ?? null;
			details.miss = miss === null ? null : { detail: miss.detail, tokens: miss.tokens };
			writer.push(request);
			return miss;
		},
	};
}

/** What clients and upstreams sent, as columns keep it. Ids are keys of sums, so two that are stored alike must be alike before. */
function clean(row: RequestRow): void {
	for (const name of TEXT_COLUMNS) {
		const value = row[name];
		if (value === null) continue;
		const text = columnText(value);
		if (text !== value) row[name] = text;
	}
	if (row.tags.length > 0) row.tags = row.tags.map(columnText);
}

function columnText(text: string): string {
	return storableText(text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text);
}
