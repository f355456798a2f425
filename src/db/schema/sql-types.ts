// How the columns of db/schema/ are written in each database's SQL: types in `create table`, values in `insert`. Leaves the columns
// themselves to their tables.
import type { DatabaseKind } from "../database.ts";
import type { ColumnType } from "./requests.ts";

interface SqlType {
	readonly sqlite: string;
	readonly postgres: string;
	/** Postgres: a value of a row that came as JSON; `v` stands for its text. */
	readonly cast: string;
}

/** Prefixes are searched in the order of bytes, which is SQLite's own. */
const TEXT: SqlType = { sqlite: "text", postgres: 'text collate "C"', cast: "v" };

const TYPES: Readonly<Record<"text" | "time" | "count" | "dollars" | "flag" | "list", SqlType>> = {
	text: TEXT,
	time: { sqlite: "text", postgres: "timestamptz", cast: "(v)::timestamptz" },
	count: { sqlite: "integer", postgres: "bigint", cast: "(v)::bigint" },
	dollars: { sqlite: "real", postgres: "double precision", cast: "(v)::double precision" },
	flag: { sqlite: "integer", postgres: "boolean", cast: "(v) = '1'" },
	list: { sqlite: "text", postgres: "jsonb", cast: "(v)::jsonb" },
};

export type Columns = Readonly<Record<string, ColumnType>>;

function typeOf(column: ColumnType): SqlType {
	return TYPES[column.replace("?", "") as keyof typeof TYPES];
}

/** `name type not null, …` for `create table`. */
export function columnDefinitions(kind: DatabaseKind, columns: Columns): string {
	return Object.entries(columns)
		.map(([name, type]) => `${name} ${typeOf(type)[kind]}${type.endsWith("?") ? "" : " not null"}`)
		.join(", ");
}

/**
 * Rows of JSON into a table. SQLite: a parameter a column. Postgres: `$1` is a JSON array of rows, each an array of values in the order of
 * the columns. With a column of JSON texts, those come last, or as the array `$2`.
 */
export function insertInto(kind: DatabaseKind, table: string, columns: Columns, texts?: string): string {
	const names = [...Object.keys(columns), ...(texts === undefined ? [] : [texts])];
	const into = `insert into ${table} (${names.join(", ")})`;
	if (kind === "sqlite") return `${into} values (${names.map(() => "?").join(", ")})`;
	const values = Object.values(columns).map((type, at) => typeOf(type).cast.replace("v", `r->>${at}`));
	const rows = "jsonb_array_elements($1::jsonb) with ordinality as a(r, n)";
	if (texts === undefined) return `${into} select ${values.join(", ")} from ${rows}`;
	const both = `${rows} join unnest($2::text[]) with ordinality as b(t, n) using (n)`;
	return `${into} select ${values.join(", ")}, t::jsonb from ${both}`;
}
