// The tables of the request log and the ledger, as rows. Keys, teams and budgets have their own beside their queries. Times are ms since
// epoch, costs dollars, flags 0 or 1; text that is part of a primary key is "" where there is none.
import type { Generated } from "kysely";

/** One request to the data plane, whatever became of it. Rows stand in chunks (db/chunk), not in a table of their own. */
export interface RequestRow {
	/** `x-litellm-call-id` of its answer. */
	id: string;
	started_at: number;
	first_byte_at: number | null;
	ended_at: number;
	/** messages · count_tokens. */
	operation: string;
	/** The client's format: anthropic · bedrock · vertex · openai-chat · openai-responses. */
	dialect: string;
	/** served · failed (no deployment could serve) · broke (after content had begun) · aborted (by the client) · rejected (by us). */
	outcome: string;
	/** What the client got; 499 where it did not wait for it. */
	status: number;
	/** `error.type` or our error code; null where nothing went wrong. */
	error: string | null;
	key_id: string | null;
	key_alias: string | null;
	team_id: string | null;
	user_id: string | null;
	end_user: string | null;
	/** As the client sent it: unique only together with `key_id`. */
	session: string | null;
	agent: string | null;
	client: string | null;
	/** As asked for. */
	model: string | null;
	/** `model_name` of the group that served or was last tried. */
	model_group: string | null;
	/** Deployment. */
	model_id: string | null;
	upstream_model: string | null;
	provider: string | null;
	/** Cache domain. */
	domain: string | null;
	region: string | null;
	stream: number;
	/** Neither read from nor written to a cache. Token counts are null where the provider reported none. */
	input_tokens: number | null;
	output_tokens: number | null;
	read_tokens: number | null;
	write_5m_tokens: number | null;
	write_1h_tokens: number | null;
	/** Null where the price or the usage is unknown; the parts add up to it. */
	cost: number | null;
	cost_input: number | null;
	cost_read: number | null;
	cost_write_5m: number | null;
	cost_write_1h: number | null;
	cost_output: number | null;
	/** The same tokens had nothing been cached. */
	cost_uncached: number | null;
	/** Expected under random routing over the same deployments. */
	cost_random: number | null;
	/** hit · new · miss · none · off; null where nothing was planned. */
	affinity: string | null;
	/** Why it went where it went. */
	reason: string | null;
	predicted_read_tokens: number | null;
	waited_ms: number;
	diverted_from: string | null;
	runner_up: string | null;
	attempts: number;
	/** Why less was read than the conversation had cached; null where nothing was missed. */
	miss: string | null;
}

/** Requests that were written together. */
export interface RequestChunkRow {
	/** Order of arrival in the log. */
	seq: Generated<number>;
	/** When the first and the last of its requests started. */
	first_at: number;
	last_at: number;
	/** Between the two. */
	span: number;
	rows: number;
	/** db/chunk. SQLite gives an ArrayBuffer. */
	data: Uint8Array | ArrayBuffer;
	details: Uint8Array | ArrayBuffer;
}

/** A chunk has a request with this value: db/listing. */
export interface RequestValueRow {
	kind: number;
	value: string;
	/** Of the chunk. */
	last_at: number;
	chunk: number;
}

/** Stored only with `general_settings.store_prompts_in_spend_logs`. */
export interface RequestBodyRow {
	id: string;
	started_at: number;
	request: string | null;
	response: string | null;
}

/** Sums over requests; db/measures has what each is. */
export interface MeasureColumns {
	requests: number;
	served: number;
	failed: number;
	aborted: number;
	rejected: number;
	input_tokens: number;
	output_tokens: number;
	read_tokens: number;
	write_5m_tokens: number;
	write_1h_tokens: number;
	cost: number;
	cost_uncached: number;
	cost_random: number;
	unpriced: number;
	predictions: number;
	predicted_tokens: number;
	confirmed_tokens: number;
	diverted: number;
	misses: number;
	waited_ms: number;
	duration_ms: number;
	warm_first_byte_ms: number;
	warm_first_bytes: number;
	cold_first_byte_ms: number;
	cold_first_bytes: number;
}

/** An hour's sums. Those told apart by place or by key alone are kept besides: there are far fewer of them. */
export interface LedgerHourRow extends MeasureColumns {
	/** Its beginning. */
	hour: number;
	key_id: string;
	team_id: string;
	model: string;
	model_id: string;
}

/** A minute's sums: for charts of short times. */
export interface LedgerMinuteRow extends MeasureColumns {
	minute: number;
	model: string;
	model_id: string;
}

/** A conversation's sums. */
export interface SessionRow extends MeasureColumns {
	key_id: string;
	session: string;
	team_id: string;
	first_at: number;
	last_at: number;
	/** Of its last request. */
	model: string;
	model_id: string;
	key_alias: string;
}

export interface Tables {
	request_chunks: RequestChunkRow;
	request_values: RequestValueRow;
	request_bodies: RequestBodyRow;
	ledger_hours: LedgerHourRow;
	ledger_places: Omit<LedgerHourRow, "key_id" | "team_id">;
	ledger_keys: Omit<LedgerHourRow, "model" | "model_id">;
	ledger_minutes: LedgerMinuteRow;
	sessions: SessionRow;
}
