// Spend in the database: sums of all processes. Leaves deciding by it to access/budgets.
import { sql } from "kysely";
import type { SpendRow } from "./budgets.ts";
import { type AccessQuery, tick } from "./keys.ts";

/** Parameters of one statement are bounded: SQLite takes 32,766. */
const ROWS_PER_STATEMENT = 1000;

/**
 * Adds to the windows' sums, all or nothing. A row of a later window takes the place of an earlier one; one of an earlier window comes
 * too late to matter and changes nothing.
 */
export async function addSpend(query: AccessQuery, rows: readonly SpendRow[]): Promise<void> {
	const sums = new Map<string, SpendRow>();
	for (const row of [...rows].sort((a, b) => a.startedAt - b.startedAt)) {
		// One statement must not touch a row twice.
		const key = `${row.subject}\n${row.label}`;
		const known = sums.get(key);
		const same = known?.startedAt === row.startedAt ? known : { dollars: 0, unpriced: 0 };
		sums.set(key, { ...row, dollars: row.dollars + same.dollars, unpriced: row.unpriced + same.unpriced });
	}
	const values = [...sums.values()];
	await query.transaction().execute(async (transaction) => {
		const version = await tick(transaction);
		for (let at = 0; at < values.length; at += ROWS_PER_STATEMENT) {
			await transaction
				.insertInto("access_spend")
				.values(
					values.slice(at, at + ROWS_PER_STATEMENT).map(({ subject, label, startedAt, dollars, unpriced }) => {
						return { subject, label, started_at: startedAt, dollars, unpriced, version };
					}),
				)
				.onConflict((conflict) =>
					conflict.columns(["subject", "label"]).doUpdateSet({
						dollars: sumOr(sql.ref("dollars")),
						unpriced: sumOr(sql.ref("unpriced")),
						started_at: sql`case when excluded.started_at > access_spend.started_at then excluded.started_at else access_spend.started_at end`,
						version: sql`excluded.version`,
					}),
				)
				.execute();
		}
	});
}

function sumOr(column: ReturnType<typeof sql.ref>) {
	return sql<number>`case
		when excluded.started_at > access_spend.started_at then excluded.${column}
		when excluded.started_at = access_spend.started_at then access_spend.${column} + excluded.${column}
		else access_spend.${column} end`;
}

/** Sums that changed after a version. */
export async function spendSince(query: AccessQuery, since: number): Promise<readonly SpendRow[]> {
	const rows = await query.selectFrom("access_spend").selectAll().where("version", ">", since).execute();
	return rows.map((row) => ({
		subject: row.subject,
		label: row.label,
		startedAt: Number(row.started_at),
		dollars: Number(row.dollars),
		unpriced: Number(row.unpriced),
	}));
}
