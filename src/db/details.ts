// What a log row keeps as JSON: how a request was decided and tried, and its prompt's summary. Leaves the flat columns to db/tables.
import type { Turn } from "../cache/miss.ts";
import { readSummary, type StoredSummary } from "../cache/summary.ts";

/** Times are ms since epoch. */
export interface Details {
	/** What the caller was told, where something went wrong. */
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
	readonly tags: readonly string[];
	/** The caller's own data about the request (`x-litellm-spend-logs-metadata`). */
	readonly metadata: Readonly<Record<string, unknown>> | null;
	readonly miss: { readonly detail: string; readonly tokens: number } | null;
	/** Null where the request marked nothing for caching, or no usage was reported. */
	readonly turn: StoredTurn | null;
}

/** The same before it is JSON. */
export type NewDetails = Omit<Details, "turn"> & { readonly turn: Turn | null };

/** A turn as JSON keeps it. */
export type StoredTurn = Omit<Turn, "summary"> & { readonly summary: StoredSummary };

export function readTurn({ summary, ...rest }: StoredTurn): Turn {
	return { ...rest, summary: readSummary(summary) };
}

/** A row's details. Text that is not theirs gives null: one damaged row must not hide a page. */
export function readDetails(text: string): Details | null {
	try {
		const parsed: unknown = JSON.parse(text);
		return typeof parsed === "object" && parsed !== null && "attempts" in parsed ? (parsed as Details) : null;
	} catch {
		return null;
	}
}
