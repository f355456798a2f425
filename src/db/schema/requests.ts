// The columns of `requests`, the table that users query with SQL (docs/sql.md): name, type and meaning, spelled once. Leaves filling
// them to proxy/record and reading them to requestlog/.

/** `?` = may be null. time: a timestamp; flag: yes or no; list: a JSON array of texts. */
export type ColumnType = "text" | "text?" | "time" | "count" | "count?" | "dollars?" | "flag" | "list";

export const REQUEST_COLUMNS = {
	/** `x-litellm-call-id` of the answer. */
	id: "text",
	started_at: "time",
	/** messages · count_tokens. */
	operation: "text",
	/** The client's format: anthropic · bedrock · vertex · openai-chat · openai-responses. */
	client_format: "text",
	/** served · failed (no deployment could serve) · broke (after content had begun) · aborted (by the client) · rejected (by us). */
	outcome: "text",
	/** What the client got; 499 where it did not wait for it. */
	status: "count",
	/** `error.type` or our error code; null where nothing went wrong. */
	error: "text?",
	key_id: "text?",
	key_alias: "text?",
	team_id: "text?",
	user_id: "text?",
	end_user: "text?",
	/** As the client sent it: unique only together with `key_id`. */
	session_id: "text?",
	/** Null for the main conversation. */
	agent_id: "text?",
	/** Name and version of the program, from its user agent. */
	client: "text?",
	client_version: "text?",
	tags: "list",
	/** As asked for. */
	model: "text?",
	/** `model_name` of the group that served or was last tried. */
	model_group: "text?",
	/** Deployment. */
	model_id: "text?",
	upstream_model: "text?",
	provider: "text?",
	cache_domain: "text?",
	region: "text?",
	stream: "flag",
	/** Some of its counts are the gateway's own estimate, because its answer was cut off. */
	estimated: "flag",
	/** Neither read from nor written to a cache. Token counts are null where the provider reported none. */
	input_tokens: "count?",
	output_tokens: "count?",
	cache_read_tokens: "count?",
	cache_write_5m_tokens: "count?",
	cache_write_1h_tokens: "count?",
	/** Dollars. Null where the price or the usage is unknown; the parts add up to it. */
	cost: "dollars?",
	cost_input: "dollars?",
	cost_cache_read: "dollars?",
	cost_cache_write_5m: "dollars?",
	cost_cache_write_1h: "dollars?",
	cost_output: "dollars?",
	/** Tools that the provider ran, such as web search. */
	cost_server_tools: "dollars?",
	/** The same tokens had nothing been cached. */
	cost_without_caching: "dollars?",
	/** Expected under random routing over the same deployments. */
	cost_random_routing: "dollars?",
	/** hit · new · miss · none · off; null where nothing was planned. */
	affinity: "text?",
	/** Why it went where it went. */
	reason: "text?",
	/** Tokens that were expected to be read from the cache. */
	predicted_read: "count?",
	/** Held back before it was sent. */
	waited_ms: "count",
	/** From the start to the first byte of the answer; null where there was none. */
	ttft_ms: "count?",
	duration_ms: "count",
	/** Deployment at which the conversation was warm. */
	diverted_from: "text?",
	/** Deployment that was second. */
	runner_up: "text?",
	attempts: "count",
	/** Why less was read than the conversation had cached; null where nothing was missed. */
	miss_cause: "text?",
} as const satisfies Readonly<Record<string, ColumnType>>;

/** Columns that the database computes. */
export const COMPUTED_COLUMNS = {
	/** Against the same tokens without a cache. */
	saved_by_caching: "cost_without_caching - cost",
	/** The part of it that random routing would not have saved. */
	saved_by_routing: "cost_random_routing - cost",
} as const;

type Columns = typeof REQUEST_COLUMNS;
export type RequestColumn = keyof Columns;

/** Names in the order in which a row's values are written. */
export const REQUEST_COLUMN_NAMES = Object.keys(REQUEST_COLUMNS) as readonly RequestColumn[];

/** Where the columns of a type stand among them. */
function placesOf(type: ColumnType): readonly number[] {
	return REQUEST_COLUMN_NAMES.flatMap((name, at) => (REQUEST_COLUMNS[name] === type ? [at] : []));
}

const TIMES = placesOf("time");
const FLAGS = placesOf("flag");
const LISTS = placesOf("list");

type TextColumn = { [Name in RequestColumn]: Columns[Name] extends "text" | "text?" ? Name : never }[RequestColumn];

/** Columns that hold text. */
export const TEXT_COLUMNS = REQUEST_COLUMN_NAMES.filter((name): name is TextColumn =>
	REQUEST_COLUMNS[name].startsWith("text"),
);

type Value<Type extends ColumnType> = Type extends "text"
	? string
	: Type extends "text?"
		? string | null
		: Type extends "flag"
			? boolean
			: Type extends "list"
				? readonly string[]
				: Type extends "time" | "count"
					? number
					: number | null;

/** One request to the data plane, whatever became of it. Times are ms since epoch. */
export type RequestRow = { -readonly [Name in RequestColumn]: Value<Columns[Name]> };

/** As the database gives and takes it: times as text, flags as numbers, lists as JSON. */
type Stored<Type extends ColumnType> = Type extends "time" | "list"
	? string
	: Type extends "flag"
		? number
		: Value<Type>;

export type StoredRow = { [Name in RequestColumn]: Stored<Columns[Name]> };

/** Years 1 to 9999: what both databases can hold, and SQLite can put in order as text. */
const FIRST_TIME = Date.parse("0001-01-01T00:00:00.000Z");
const LAST_TIME = Date.parse("9999-12-31T23:59:59.999Z");

/** A time as columns of type `time` take it, in both databases. */
export function storedTime(ms: number): string {
	return new Date(Math.min(LAST_TIME, Math.max(FIRST_TIME, ms))).toISOString();
}

/** A row's values in the order of the columns, as both databases take them. Every request pays for this one: plain values are only copied. */
export function valuesOf(row: RequestRow): unknown[] {
	const values: unknown[] = REQUEST_COLUMN_NAMES.map((name) => row[name]);
	for (const at of TIMES) values[at] = storedTime(values[at] as number);
	for (const at of FLAGS) values[at] = values[at] === true ? 1 : 0;
	for (const at of LISTS) values[at] = JSON.stringify(values[at]);
	return values;
}

/** A row as it was given. Drivers give times as text or ms, flags as numbers or booleans, lists as JSON or parsed. */
export function rowOf(stored: Readonly<Record<RequestColumn, unknown>>): RequestRow {
	const row: Partial<Record<RequestColumn, unknown>> = {};
	for (const name of REQUEST_COLUMN_NAMES) {
		const value = stored[name];
		switch (REQUEST_COLUMNS[name]) {
			case "time":
				row[name] = typeof value === "string" ? Date.parse(value) : value;
				break;
			case "flag":
				row[name] = value === 1 || value === true;
				break;
			case "list":
				row[name] = typeof value === "string" ? JSON.parse(value) : value;
				break;
			default:
				row[name] = value;
		}
	}
	return row as RequestRow;
}
