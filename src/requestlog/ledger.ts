// Dollars and tokens summed: by hour, key, team, deployment, model, conversation. Reads the sums that requestlog/writer keeps, never the single
// requests, so that a day of a million requests takes no longer than a quiet one.
import { type SqlBool, sql } from "kysely";
import type { Database } from "../db/database.ts";
import { MEASURES, type MeasureColumns } from "../db/schema/sums.ts";
import type { SessionRow } from "../db/schema/tables.ts";
import {
	readSessionCursor,
	readSumCursor,
	type SessionCursor,
	type SumCursor,
	writeSessionCursor,
	writeSumCursor,
} from "./cursor.ts";
import { type Measures, namedMeasures } from "./measures.ts";

/** What sums are grouped by. */
export type LedgerGroup = "hour" | "minute" | "key_id" | "team_id" | "model" | "model_id";

/** Times are ms since epoch and taken to whole hours (minutes where they are grouped by minute): `from` down, `to` up. */
export interface LedgerFilter {
	readonly from: number;
	readonly to: number;
	readonly keyId?: string | undefined;
	readonly teamId?: string | undefined;
	readonly model?: string | undefined;
	readonly modelId?: string | undefined;
	/** Several hours or minutes as one: steps of so many ms, named by their beginning, counted from the epoch. */
	readonly stepMs?: number | undefined;
}

/** Sums of one group; what it was not grouped by is absent. "" = requests that had none. */
export interface LedgerSums {
	readonly hour?: number;
	readonly minute?: number;
	readonly key_id?: string;
	readonly team_id?: string;
	readonly model?: string;
	readonly model_id?: string;
	readonly measures: Measures;
}

export interface SessionSummary extends Omit<SessionRow, keyof MeasureColumns> {
	readonly measures: Measures;
}

export interface SessionPage {
	/** Latest first. */
	readonly sessions: readonly SessionSummary[];
	readonly next: string | null;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Minutes are kept this long, see requestlog/retention. */
export const MINUTES_KEPT_MS = 7 * 24 * HOUR_MS;

export interface LedgerPage {
	/** In the order of what they are grouped by. */
	readonly sums: readonly LedgerSums[];
	readonly next: string | null;
}

/** Sums of a time, grouped by `by`; an empty list gives one row. Minutes know deployments and models only. */
export function sumLedger(
	database: Pick<Database, "query">,
	filter: LedgerFilter,
	by: readonly LedgerGroup[],
): Promise<readonly LedgerSums[]> {
	return readSums(database, filter, { by, after: null, limit: null });
}

/** The same page by page: keys, models and hours make many sums. A cursor that no page of the same `by` gave counts as none. */
export async function pageLedger(
	database: Pick<Database, "query">,
	filter: LedgerFilter,
	{ by, limit, cursor }: { by: readonly LedgerGroup[]; limit: number; cursor?: string | undefined },
): Promise<LedgerPage> {
	const found = await readSums(database, filter, { by, after: readSumCursor(cursor, by), limit: limit + 1 });
	const sums = found.slice(0, limit);
	const last = sums.at(-1);
	return { sums, next: found.length <= limit || last === undefined ? null : writeSumCursor(last, by) };
}

async function readSums(
	{ query }: Pick<Database, "query">,
	filter: LedgerFilter,
	page: { readonly by: readonly LedgerGroup[]; readonly after: SumCursor | null; readonly limit: number | null },
): Promise<readonly LedgerSums[]> {
	const { by, after, limit } = page;
	const unit = by.includes("minute") ? "minute" : "hour";
	const table = unit === "minute" ? "ledger_minutes" : tableFor(filter, by);
	const step = unit === "minute" ? MINUTE_MS : HOUR_MS;
	const from = Math.floor(filter.from / step) * step;
	const to = Math.ceil(filter.to / step) * step;
	const equal = [
		["model", filter.model],
		["model_id", filter.modelId],
		["key_id", filter.keyId],
		["team_id", filter.teamId],
	] as const;
	const conditions = equal.flatMap(([column, value]) =>
		value === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} = ${value}`],
	);
	const width = filter.stepMs ?? step;
	const groups = by.map((column) => {
		const stepped = column === unit && width !== step;
		return stepped ? sql`${sql.ref(column)} - ${sql.ref(column)} % ${sql.lit(width)}` : sql.ref(column);
	});
	if (after !== null && groups.length > 0)
		conditions.push(sql<SqlBool>`(${sql.join(groups)}) > (${sql.join([...after])})`);
	const named = by.map((column, at) => sql`${groups[at]} as ${sql.ref(column)}`);
	const sums = MEASURES.map((name) => sql`sum(${sql.ref(name)}) as ${sql.ref(name)}`);
	const { rows } = await sql<LedgerSums & MeasureColumns>`
		select ${sql.join([...named, ...sums])} from ${sql.table(table)}
		where ${sql.join([sql`${sql.ref(unit)} >= ${from}`, sql`${sql.ref(unit)} < ${to}`, ...conditions], sql` and `)}
		${groups.length === 0 ? sql`` : sql`group by ${sql.join(groups)} order by ${sql.join(groups)}`}
		${limit === null ? sql`` : sql`limit ${sql.lit(limit)}`}
	`.execute(query);
	return rows.map((row) => {
		const keys = Object.fromEntries(by.map((column) => [column, row[column]]));
		return { ...keys, measures: namedMeasures(row) };
	});
}

/** The smallest table that knows all that is asked for. */
function tableFor(filter: LedgerFilter, by: readonly LedgerGroup[]): "ledger_hours" | "ledger_places" | "ledger_keys" {
	const ofKeys =
		filter.keyId !== undefined || filter.teamId !== undefined || by.some((name) => /^(key|team)_id$/.test(name));
	const ofPlaces = filter.model !== undefined || filter.modelId !== undefined || by.some((name) => /^model/.test(name));
	if (ofKeys && ofPlaces) return "ledger_hours";
	return ofKeys ? "ledger_keys" : "ledger_places";
}

/** Conversations that were last active in a time, latest first. */
export async function listSessions(
	{ query }: Pick<Database, "query">,
	filter: {
		readonly from?: number | undefined;
		readonly to?: number | undefined;
		readonly keyId?: string | undefined;
		readonly teamId?: string | undefined;
		/** Beginning of the session's id. */
		readonly text?: string | undefined;
	},
	page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<SessionPage> {
	const before = readSessionCursor(page.cursor);
	const { from, to, keyId, teamId, text } = filter;
	const rows = await query
		.selectFrom("sessions")
		.selectAll()
		.$if(from !== undefined, (builder) => builder.where("last_at", ">=", from as number))
		.$if(to !== undefined, (builder) => builder.where("first_at", "<", to as number))
		.$if(keyId !== undefined, (builder) => builder.where("key_id", "=", keyId as string))
		.$if(teamId !== undefined, (builder) => builder.where("team_id", "=", teamId as string))
		.$if(text !== undefined && text !== "", (builder) =>
			builder.where("session_id", ">=", text as string).where("session_id", "<", `${text}\u{10ffff}`),
		)
		.$if(before !== null, (builder) =>
			builder.where((where) => {
				const { at, session, keyId } = before as SessionCursor;
				const other = where.or([
					where("session_id", "<", session),
					where.and([where("session_id", "=", session), where("key_id", "<", keyId)]),
				]);
				const same = where.and([where("last_at", "=", at), other]);
				return where.and([where("last_at", "<=", at), where.or([where("last_at", "<", at), same])]);
			}),
		)
		.orderBy("last_at", "desc")
		.orderBy("session_id", "desc")
		.orderBy("key_id", "desc")
		.limit(page.limit + 1)
		.execute();
	const shown = rows.slice(0, page.limit);
	const last = shown.at(-1);
	if (rows.length <= page.limit || last === undefined) return { sessions: shown.map(summaryOf), next: null };
	const { last_at: at, session_id: session, key_id: lastKey } = last;
	return { sessions: shown.map(summaryOf), next: writeSessionCursor({ at, session, keyId: lastKey }) };
}

/** The conversations of that id, one for each key that used it; latest first. */
export async function findSessions({ query }: Pick<Database, "query">, session: string): Promise<SessionSummary[]> {
	const rows = await query
		.selectFrom("sessions")
		.selectAll()
		.where("session_id", "=", session)
		.orderBy("last_at", "desc")
		.execute();
	return rows.map(summaryOf);
}

function summaryOf(row: SessionRow): SessionSummary {
	const { key_id, session_id, team_id, first_at, last_at, model, model_id, key_alias } = row;
	return { key_id, session_id, team_id, first_at, last_at, model, model_id, key_alias, measures: namedMeasures(row) };
}
