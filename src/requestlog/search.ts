// Searching the request log by the beginning of an id: each kind of id on its own index, then the latest of all, because one condition with
// "or" would read every row. Leaves filters and pages to requestlog/requests.
import { type Expression, type SqlBool, sql } from "kysely";
import type { Database } from "../db/database.ts";

type Query = Database["query"];
type Condition = Expression<SqlBool>;
interface Found {
	readonly id: string;
	readonly started_at: unknown;
}

/** Few values each: those that begin with the text are found first. */
const NAMES = ["model_id", "key_id", "team_id", "model"] as const;
/** More of them would match almost everything. */
const MOST_NAMES = 20;
/** Many values each: their rows are found first and put in order then. */
const IDS = ["id", "session_id"] as const;

/** `latest` gives the latest rows with one more condition, at most `most`. */
export async function search<Row extends Found>(
	query: Query,
	text: string,
	latest: (condition: Condition) => { execute(): Promise<Row[]> },
	most: number,
): Promise<Row[]> {
	const names = NAMES.map(async (column) => {
		const values = await namesBeginning(query, column, text);
		return values.map((value) => latest(sql<SqlBool>`${sql.ref(column)} = ${value}`).execute());
	});
	const byName = (await Promise.all(names)).flat();
	// Found before they are put in order: a planner that walks back through time reads the whole log where nothing matches.
	const byId = IDS.map((column) =>
		latest(
			sql<SqlBool>`id in (select id from requests where ${sql.ref(column)} >= ${text} and ${sql.ref(column)} < ${endOf(text)}
				order by started_at desc limit ${sql.lit(MOST_SEARCHED)})`,
		).execute(),
	);
	const rows = (await Promise.all([...byId, ...byName])).flat();
	const distinct = [...new Map(rows.map((row) => [row.id, row])).values()];
	return distinct.sort(isLater).slice(0, most);
}

/** Rows of a prefix that are looked at, the latest of them. */
const MOST_SEARCHED = 10_000;

function endOf(text: string): string {
	return `${text}\u{10ffff}`;
}

function isLater(left: Found, right: Found): number {
	const [one, other] = [timeOf(left), timeOf(right)];
	return other - one || (left.id < right.id ? 1 : -1);
}

function timeOf({ started_at: at }: Found): number {
	return typeof at === "number" ? at : Date.parse(String(at));
}

/** Jumps from value to value on the column's index. */
async function namesBeginning(query: Query, column: (typeof NAMES)[number], text: string): Promise<string[]> {
	const found: string[] = [];
	while (found.length < MOST_NAMES) {
		const last = found.at(-1);
		const next = await query
			.selectFrom("requests")
			.select(column)
			.where(column, last === undefined ? ">=" : ">", last ?? text)
			.where(column, "<", endOf(text))
			.orderBy(column, "asc")
			.limit(1)
			.executeTakeFirst();
		const value = next?.[column];
		if (value === undefined || value === null) break;
		found.push(value);
	}
	return found;
}
