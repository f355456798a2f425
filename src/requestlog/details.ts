// What the log keeps of a request beside its columns: how it was decided and tried, and its prompt map. JSON in `requests.details`. Leaves
// the columns to db/schema/requests.
import type { Turn } from "../cache/miss.ts";
import { readSummary, type StoredSummary } from "../cache/summary.ts";
import type { BilledDetails } from "./billed.ts";
import { storableJson } from "./storable.ts";

/** Times are ms since epoch. */
export interface Details {
	/** What the caller got to read, where something went wrong. */
	readonly error_message: string | null;
	readonly attempts: readonly {
		readonly model_id: string;
		readonly outcome: string;
		readonly status: number | null;
		readonly error: string;
		readonly started_at: number;
		readonly ms: number;
	}[];
	readonly candidates: readonly {
		readonly model_id: string;
		readonly reason: string;
		readonly predicted_read_tokens: number;
		/** Input side; null = the price is unknown. */
		readonly expected_dollars: number | null;
		readonly thinking_at_risk: boolean;
	}[];
	readonly excluded: readonly { readonly model_id: string; readonly why: string; readonly until: number | null }[];
	readonly diverted: { readonly model_id: string; readonly why: string } | null;
	/** As estimated before it was sent. */
	readonly prompt_tokens: number | null;
	readonly max_tokens: number | null;
	readonly request_class: string | null;
	readonly team_alias: string | null;
	readonly user_agent: string | null;
	/** The caller's own data about the request (`x-litellm-spend-logs-metadata`). */
	readonly metadata: Readonly<Record<string, unknown>> | null;
	miss: { readonly detail: string; readonly tokens: number } | null;
	/** Null where the request marked nothing for caching, or no usage was reported. */
	readonly turn: Turn | null;
	/** Null where the request's own counts at ordinary prices are all there is to its bill. */
	readonly billed: BilledDetails | null;
}

/** Nothing is known. */
export const NO_DETAILS: Readonly<Details> = Object.freeze({
	error_message: null,
	attempts: [],
	candidates: [],
	excluded: [],
	diverted: null,
	prompt_tokens: null,
	max_tokens: null,
	request_class: null,
	team_alias: null,
	user_agent: null,
	metadata: null,
	miss: null,
	turn: null,
	billed: null,
});

const NAMES = Object.keys(NO_DETAILS) as readonly (keyof Details)[];

type StoredTurn = Omit<Turn, "summary"> & { readonly summary: StoredSummary };

/** As the column takes it: what is null or empty is left out. */
export function writeDetails(details: Readonly<Details>): string {
	const known: Partial<Record<keyof Details, unknown>> = {};
	for (const name of NAMES) {
		const value = details[name];
		if (value !== null && !(Array.isArray(value) && value.length === 0)) known[name] = value;
	}
	return storableJson(known);
}

/** What the column gave: text, or parsed already. What cannot be read is nothing: one damaged row must not hide the others. */
export function readDetails(stored: unknown): Readonly<Details> {
	try {
		const parsed: unknown = typeof stored === "string" ? JSON.parse(stored) : stored;
		if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return NO_DETAILS;
		const details = { ...NO_DETAILS, ...parsed };
		const turn = details.turn as StoredTurn | null;
		return { ...details, turn: turn === null ? null : { ...turn, summary: readSummary(turn.summary) } };
	} catch {
		return NO_DETAILS;
	}
}
