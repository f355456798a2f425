// The tables of the request log and the ledger as kysely sees them. Leaves columns and sums to the files beside, and keys, teams and budgets
// to access/tables.
import type { Generated } from "kysely";
import type { COMPUTED_COLUMNS, StoredRow } from "./requests.ts";
import type { MeasureColumns } from "./sums.ts";

type Computed = { [Name in keyof typeof COMPUTED_COLUMNS]: Generated<number | null> };

/** `details` is JSON: requestlog/details. */
interface RequestsTable extends StoredRow, Computed {
	details: string;
}

/** Stored only with `general_settings.store_prompts_in_spend_logs`. */
interface RequestBodyRow {
	id: string;
	started_at: string;
	request: string | null;
	response: string | null;
}

interface LedgerHourRow extends MeasureColumns {
	/** Its beginning. */
	hour: number;
	key_id: string;
	team_id: string;
	model: string;
	model_id: string;
}

/** A minute's sums: for charts of short times. */
interface LedgerMinuteRow extends MeasureColumns {
	minute: number;
	model: string;
	model_id: string;
}

/** A conversation's sums. */
export interface SessionRow extends MeasureColumns {
	key_id: string;
	session_id: string;
	team_id: string;
	first_at: number;
	last_at: number;
	/** Of its last request. */
	model: string;
	model_id: string;
	key_alias: string;
}

export interface Tables {
	requests: RequestsTable;
	request_bodies: RequestBodyRow;
	ledger_hours: LedgerHourRow;
	ledger_places: Omit<LedgerHourRow, "key_id" | "team_id">;
	ledger_keys: Omit<LedgerHourRow, "model" | "model_id">;
	ledger_minutes: LedgerMinuteRow;
	sessions: SessionRow;
}
