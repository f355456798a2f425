// The writer's statements, for both databases: append requests and bodies, add to the tables of sums. Built once from the schema. Leaves
// batching to requestlog/writer.
import type { DatabaseKind } from "../db/database.ts";
import { REQUEST_COLUMNS } from "../db/schema/requests.ts";
import { insertInto } from "../db/schema/sql-types.ts";
import { MEASURES, SUM_TABLES, type SumTable, type SumTableName } from "../db/schema/sums.ts";

export interface Statements {
	/** Values: the columns of `requests` in their order; texts: the details. */
	readonly requests: string;
	/** Values: id, started_at, request, response. */
	readonly bodies: string;
	/** Values: the table's keys, its facts, then the sums in the order of MEASURES. */
	readonly sums: Readonly<Record<SumTableName, string>>;
}

export function statementsFor(kind: DatabaseKind): Statements {
	const names = Object.keys(SUM_TABLES) as SumTableName[];
	const sums = names.map((name) => [name, addTo(kind, name, SUM_TABLES[name])] as const);
	return {
		requests: insertInto(kind, "requests", REQUEST_COLUMNS, "details"),
		bodies: insertInto(kind, "request_bodies", {
			id: "text",
			started_at: "time",
			request: "text?",
			response: "text?",
		}),
		sums: Object.fromEntries(sums) as Record<SumTableName, string>,
	};
}

function addTo(kind: DatabaseKind, table: string, { keys, facts, sums }: SumTable): string {
	const insert = insertInto(kind, table, { ...keys, ...facts, ...sums });
	const updates = [
		...Object.keys(facts).map((column) => factUpdate(table, column)),
		...MEASURES.map((name) => `${name} = ${table}.${name} + excluded.${name}`),
	];
	return `${insert} on conflict (${Object.keys(keys).join(", ")}) do update set ${updates.join(", ")}`;
}

/** The earliest beginning; of everything else what the latest request says. */
function factUpdate(table: string, column: string): string {
	const [taken, kept] = [`excluded.${column}`, `${table}.${column}`];
	const isTaken = column === "first_at" ? `${taken} < ${kept}` : `excluded.last_at >= ${table}.last_at`;
	return `${column} = case when ${isTaken} then ${taken} else ${kept} end`;
}
