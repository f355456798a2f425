// The writer's statements, for both databases: append requests and bodies, add to hours, minutes and sessions. Built once from the
// lists of columns, so that there is one place where a column is named. Leaves batching to db/writer.
import type { DatabaseKind } from "./database.ts";
import { MEASURES } from "./measures.ts";
import type { Packer } from "./packing.ts";
import type { RequestRow } from "./tables.ts";

type Type = "text" | "bigint" | "integer" | "double precision";

/** All of a request's columns but `seq` and the details, which go beside the row; in the order in which a row's values are given. */
export const REQUEST_COLUMNS: Readonly<Record<Exclude<keyof RequestRow, "seq" | "details">, Type>> = {
	id: "text",
	started_at: "bigint",
	first_byte_at: "bigint",
	ended_at: "bigint",
	operation: "text",
	dialect: "text",
	outcome: "text",
	status: "integer",
	error: "text",
	key_id: "text",
	key_alias: "text",
	team_id: "text",
	user_id: "text",
	end_user: "text",
	session: "text",
	agent: "text",
	client: "text",
	model: "text",
	model_group: "text",
	model_id: "text",
	upstream_model: "text",
	provider: "text",
	domain: "text",
	region: "text",
	stream: "integer",
	input_tokens: "bigint",
	output_tokens: "bigint",
	read_tokens: "bigint",
	write_5m_tokens: "bigint",
	write_1h_tokens: "bigint",
	cost: "double precision",
	cost_input: "double precision",
	cost_read: "double precision",
	cost_write_5m: "double precision",
	cost_write_1h: "double precision",
	cost_output: "double precision",
	cost_uncached: "double precision",
	cost_random: "double precision",
	affinity: "text",
	reason: "text",
	predicted_read_tokens: "bigint",
	waited_ms: "bigint",
	diverted_from: "text",
	runner_up: "text",
	attempts: "integer",
	miss: "text",
};

/** A row's values in that order. */
export const REQUEST_COLUMN_NAMES = Object.keys(REQUEST_COLUMNS) as readonly (keyof typeof REQUEST_COLUMNS)[];

/** For each column how its value is packed: w = word, n = number. */
export const REQUEST_KINDS = Object.values(REQUEST_COLUMNS)
	.map((type) => (type === "text" ? "w" : "n"))
	.join("");

/** Appends a row's values in that order. One by one: to go through the names takes three times as long, and is done for every request. */
export function packRow(packer: Packer, row: Omit<RequestRow, "seq" | "details">): void {
	packer.text(row.id);
	packer.number(row.started_at);
	packer.number(row.first_byte_at);
	packer.number(row.ended_at);
	packer.word(row.operation);
	packer.word(row.dialect);
	packer.word(row.outcome);
	packer.number(row.status);
	packer.word(row.error);
	packer.word(row.key_id);
	packer.word(row.key_alias);
	packer.word(row.team_id);
	packer.word(row.user_id);
	packer.word(row.end_user);
	packer.word(row.session);
	packer.word(row.agent);
	packer.word(row.client);
	packer.word(row.model);
	packer.word(row.model_group);
	packer.word(row.model_id);
	packer.word(row.upstream_model);
	packer.word(row.provider);
	packer.word(row.domain);
	packer.word(row.region);
	packer.number(row.stream);
	packer.number(row.input_tokens);
	packer.number(row.output_tokens);
	packer.number(row.read_tokens);
	packer.number(row.write_5m_tokens);
	packer.number(row.write_1h_tokens);
	packer.number(row.cost);
	packer.number(row.cost_input);
	packer.number(row.cost_read);
	packer.number(row.cost_write_5m);
	packer.number(row.cost_write_1h);
	packer.number(row.cost_output);
	packer.number(row.cost_uncached);
	packer.number(row.cost_random);
	packer.word(row.affinity);
	packer.word(row.reason);
	packer.number(row.predicted_read_tokens);
	packer.number(row.waited_ms);
	packer.word(row.diverted_from);
	packer.word(row.runner_up);
	packer.number(row.attempts);
	packer.word(row.miss);
}

const BODY_COLUMNS = { id: "text", started_at: "bigint", request: "text", response: "text" } as const;

const SUM_TYPES: ReadonlyMap<string, Type> = new Map([
	["cost", "double precision"],
	["cost_uncached", "double precision"],
	["cost_random", "double precision"],
]);

/** Parameters: the key columns' values, then the sums in the order of MEASURES. */
const SUMS: Readonly<Record<string, Type>> = Object.fromEntries(
	MEASURES.map((name) => [name, SUM_TYPES.get(name) ?? "bigint"]),
);

export interface Statements {
	readonly requests: string;
	readonly bodies: string;
	readonly hours: string;
	readonly places: string;
	readonly keys: string;
	readonly minutes: string;
	readonly sessions: string;
}

export function statementsFor(kind: DatabaseKind): Statements {
	const hourKeys = { hour: "bigint", key_id: "text", team_id: "text", model: "text", model_id: "text" } as const;
	const placeKeys = { hour: "bigint", model: "text", model_id: "text" } as const;
	const keyKeys = { hour: "bigint", key_id: "text", team_id: "text" } as const;
	const minuteKeys = { minute: "bigint", model: "text", model_id: "text" } as const;
	const sessionKeys = { key_id: "text", session: "text" } as const;
	const sessionFacts = {
		team_id: "text",
		first_at: "bigint",
		last_at: "bigint",
		model: "text",
		model_id: "text",
		key_alias: "text",
	} as const;
	const later = (column: string) =>
		`${column} = case when excluded.last_at >= sessions.last_at then excluded.${column} else sessions.${column} end`;
	return {
		requests: insert(kind, "requests", REQUEST_COLUMNS, "details"),
		bodies: insert(kind, "request_bodies", BODY_COLUMNS),
		hours: addTo(kind, "ledger_hours", { keys: hourKeys, facts: {}, updates: [] }),
		places: addTo(kind, "ledger_places", { keys: placeKeys, facts: {}, updates: [] }),
		keys: addTo(kind, "ledger_keys", { keys: keyKeys, facts: {}, updates: [] }),
		minutes: addTo(kind, "ledger_minutes", { keys: minuteKeys, facts: {}, updates: [] }),
		sessions: addTo(kind, "sessions", {
			keys: sessionKeys,
			facts: sessionFacts,
			updates: [
				"first_at = case when excluded.first_at < sessions.first_at then excluded.first_at else sessions.first_at end",
				...["team_id", "model", "model_id", "key_alias", "last_at"].map(later),
			],
		}),
	};
}

function addTo(
	kind: DatabaseKind,
	table: string,
	about: {
		readonly keys: Readonly<Record<string, Type>>;
		readonly facts: Readonly<Record<string, Type>>;
		readonly updates: readonly string[];
	},
): string {
	const { keys, facts, updates } = about;
	const sums = MEASURES.map((name) => `${name} = ${table}.${name} + excluded.${name}`);
	const sql = insert(kind, table, { ...keys, ...facts, ...SUMS });
	return `${sql} on conflict (${Object.keys(keys).join(", ")}) do update set ${[...updates, ...sums].join(", ")}`;
}

/**
 * SQLite: one parameter a column. Postgres: `$1` is a JSON array of rows, each an array of values. With a column for texts, those come
 * last, or as the lines of `$2`.
 */
function insert(kind: DatabaseKind, table: string, columns: Readonly<Record<string, Type>>, texts?: string): string {
	const names = [...Object.keys(columns), ...(texts === undefined ? [] : [texts])];
	const into = `insert into ${table} (${names.join(", ")})`;
	if (kind === "sqlite") return `${into} values (${names.map(() => "?").join(", ")})`;
	const values = Object.values(columns).map((type, at) => (type === "text" ? `r->>${at}` : `(r->>${at})::${type}`));
	const rows = "jsonb_array_elements($1::jsonb) with ordinality as a(r, n)";
	if (texts === undefined) return `${into} select ${values.join(", ")} from ${rows}`;
	const lines = "unnest(string_to_array($2::text, chr(10))) with ordinality as b(t, n)";
	return `${into} select ${values.join(", ")}, t from ${rows} join ${lines} using (n) order by n`;
}
