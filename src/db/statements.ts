// The writer's statements, for both databases: append chunks of requests and bodies, add to hours, minutes and sessions; and those that
// take them away. Built once from the lists of columns. Leaves batching to db/writer and retention to db/retention.
import type { DatabaseKind } from "./database.ts";
import { MEASURES } from "./measures.ts";

type Type = "text" | "bigint" | "smallint" | "double precision";

const LISTED_COLUMNS = { kind: "smallint", value: "text", last_at: "bigint" } as const;
/** Of this connection. */
const LAST_CHUNK: Readonly<Record<DatabaseKind, string>> = {
	sqlite: "last_insert_rowid()",
	postgres: "currval(pg_get_serial_sequence('request_chunks', 'seq'))",
};

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
	/** Values: first_at, last_at, span, rows, data, details. */
	readonly chunk: string;
	/** What the chunk lists that was appended last. */
	readonly listed: string;
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
		chunk: `insert into request_chunks (first_at, last_at, span, rows, data, details) values (${kind === "sqlite" ? "?, ?, ?, ?, ?, ?" : "$1, $2, $3, $4, $5, $6"})`,
		listed: insert(kind, "request_values", LISTED_COLUMNS, { chunk: LAST_CHUNK[kind] }),
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

/** SQLite: one parameter a column. Postgres: `$1` is a JSON array of rows, each an array of values. `more` stands in every row. */
function insert(
	kind: DatabaseKind,
	table: string,
	columns: Readonly<Record<string, Type>>,
	more: Readonly<Record<string, string>> = {},
): string {
	const into = `insert into ${table} (${[...Object.keys(columns), ...Object.keys(more)].join(", ")})`;
	const rest = Object.values(more);
	if (kind === "sqlite") return `${into} values (${[...Object.keys(columns).map(() => "?"), ...rest].join(", ")})`;
	return `${into} select ${[...valuesOf(columns), ...rest].join(", ")} from ${JSON_ROWS}`;
}

const JSON_ROWS = "jsonb_array_elements($1::jsonb) as a(r)";

/** Of a row `r` that is a JSON array. */
function valuesOf(columns: Readonly<Record<string, Type>>): readonly string[] {
	return Object.values(columns).map((type, at) => (type === "text" ? `r->>${at}` : `(r->>${at})::${type}`));
}

/** Statements that take away what is too old; parameters as above. */
export interface Removals {
	/** Values: seq. */
	readonly chunks: string;
	/** Values: kind, value, last_at, chunk. */
	readonly listed: string;
	/** Values: id. */
	readonly bodies: string;
}

export function removalsFor(kind: DatabaseKind): Removals {
	return {
		chunks: remove(kind, "request_chunks", { seq: "bigint" }),
		listed: remove(kind, "request_values", { ...LISTED_COLUMNS, chunk: "bigint" }),
		bodies: remove(kind, "request_bodies", { id: "text" }),
	};
}

function remove(kind: DatabaseKind, table: string, columns: Readonly<Record<string, Type>>): string {
	const names = Object.keys(columns);
	if (kind === "sqlite") return `delete from ${table} where ${names.map((name) => `${name} = ?`).join(" and ")}`;
	return `delete from ${table} where (${names.join(", ")}) in (select ${valuesOf(columns).join(", ")} from ${JSON_ROWS})`;
}
