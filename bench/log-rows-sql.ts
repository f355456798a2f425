// Millions of rows for the request log on Postgres, made by the server itself: many times faster than writing them one by one. Their
// sums are those of whole columns. Leaves what a row is like to log-rows.
import pg from "pg";
import { REQUEST_COLUMN_NAMES, type RequestColumn, valuesOf } from "../src/db/schema/requests.ts";
import { MEASURES } from "../src/db/schema/sums.ts";
import { seededRandom } from "../src/simulator/random.ts";
import { DAY_MS, DEPLOYMENTS, KEYS, type LogSize, MODELS, REASONS, rowOf, sessionsOf } from "./log-rows.ts";

const HOUR_MS = 3_600_000;
const MINUTES_KEPT_MS = 7 * DAY_MS;

/** The database at `url` has its tables and partitions. Indexes are made when all rows are in. */
export async function fillBySql(url: string, size: LogSize): Promise<void> {
	// Of its own: the gateway's give a statement no more than half a minute.
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		const { rows: indexes } = await client.query<{ name: string; definition: string }>(`
			select indexname as name, replace(indexdef, ' ON ONLY ', ' ON ') as definition from pg_indexes
			where tablename = 'requests' and indexname <> 'requests_pkey'`);
		await client.query("select setseed(0.5)");
		for (const { name } of indexes) await client.query(`drop index ${name}`);
		const step = Math.ceil(size.rows / (size.days * 4));
		for (let from = 0; from < size.rows; from += step) {
			await client.query(rowsOf(from, Math.min(size.rows, from + step), size));
			console.log(`postgres  ${Math.min(size.rows, from + step)} rows`);
		}
		for (const { name, definition } of indexes) {
			await client.query(definition);
			console.log(`postgres  ${name}`);
		}
		for (const statement of sums(size.end)) await client.query(statement);
		await client.query("vacuum analyze");
	} finally {
		await client.end();
	}
}

/** What differs from row to row, out of `n`, the row's number, `ms`, its time, and some random numbers. */
function columns(): Partial<Record<RequestColumn, string>> {
	const pick = (list: readonly (string | number)[], random: string) =>
		`(array[${list.map((each) => (typeof each === "string" ? `'${each}'` : each)).join(", ")}])[1 + floor(${random} * ${random} * ${list.length})::int]`;
	const failed = "status >= 400";
	return {
		id: "substr(h, 1, 8) || '-' || substr(h, 9) || '-7000-8000-' || lpad(to_hex(n), 12, '0')",
		started_at: "to_timestamp(ms / 1000.0)",
		outcome: `case when status = 499 then 'aborted' when status = 401 then 'rejected' when ${failed} then 'failed' else 'served' end`,
		status: "status",
		error: `case when ${failed} then 'http_' || status end`,
		key_id: "lpad(to_hex(key), 4, '0') || repeat('f', 60)",
		key_alias: "'key-' || key",
		team_id: "'team-' || key % 20",
		user_id: "'user-' || key",
		session_id: "lpad(to_hex(session), 8, '0') || '-aaaa-4bbb-8ccc-dddddddddddd'",
		model: `(array[${MODELS.map((name) => `'${name}'`).join(", ")}])[model]`,
		model_id: `(array[${DEPLOYMENTS.map((name) => `'${name}'`).join(", ")}])[model * 2 - (r2 < 0.7)::int]`,
		cache_read_tokens: `case when not ${failed} then floor(r3 * 150000) end`,
		cost: `case when not ${failed} then r3 * 0.03 end`,
		cost_without_caching: `case when not ${failed} then r3 * 0.18 end`,
		cost_random_routing: `case when not ${failed} then r3 * 0.09 end`,
		reason: pick(REASONS, "r4"),
		miss_cause: `case when not ${failed} and r5 < 0.03 then ${pick(["expired", "moved", "history_edited", "tools_changed", "lost"], "r4")} end`,
	};
}

function rowsOf(from: number, to: number, size: LogSize): string {
	const { rows, end, days } = size;
	const typical = valuesOf(rowOf(0, size, seededRandom(1)));
	const differing = columns();
	const values = REQUEST_COLUMN_NAMES.map((name, at) => differing[name] ?? literal(typical[at]));
	return `
		insert into requests (${REQUEST_COLUMN_NAMES.join(", ")}, details)
		select ${values.join(", ")}, jsonb_build_object('prompt_tokens', n, 'route', repeat(substr(md5(n::text), 1, 8), 20))
		from (
			select *, lpad(to_hex(ms), 12, '0') as h, session % ${KEYS} as key,
				case when r1 < 0.03 then (array[429, 529, 500, 400, 401, 499])[1 + floor(r2 * r2 * 6)::int] else 200 end as status,
				1 + floor(r4 * r5 * ${MODELS.length})::int as model
			from (
				select n, ${end} - floor((${rows} - n) / ${rows}::float8 * ${days * DAY_MS})::bigint as ms,
					floor(n / ${rows}::float8 * ${sessionsOf(size) - 200})::int + floor(random() * 200)::int as session,
					random() as r1, random() as r2, random() as r3, random() as r4, random() as r5
				from generate_series(${from}, ${to - 1}) as n
			) as drawn
		) as made`;
}

function literal(value: unknown): string {
	return value === null ? "null" : `'${String(value)}'`;
}

function sums(end: number): readonly string[] {
	const known: ReadonlySet<string> = new Set(REQUEST_COLUMN_NAMES);
	const summed = MEASURES.map((name) =>
		name === "requests" ? "count(*)" : known.has(name) ? `coalesce(sum(${name}), 0)` : "0",
	);
	const ms = "(extract(epoch from started_at) * 1000)::bigint";
	const begin = (unit: number) => `${ms} - ${ms} % ${unit}`;
	const into = (table: string, keys: string) => `insert into ${table} (${keys}, ${MEASURES.join(", ")})`;
	const again = MEASURES.map((name) => `sum(${name})`).join(", ");
	const facts = `team_id, first_at, last_at, model, model_id, key_alias`;
	return [
		`${into("ledger_hours", "hour, key_id, team_id, model, model_id")}
			select ${begin(HOUR_MS)}, key_id, team_id, model, model_id, ${summed} from requests group by 1, 2, 3, 4, 5`,
		`${into("ledger_places", "hour, model, model_id")} select hour, model, model_id, ${again} from ledger_hours group by 1, 2, 3`,
		`${into("ledger_keys", "hour, key_id, team_id")} select hour, key_id, team_id, ${again} from ledger_hours group by 1, 2, 3`,
		`${into("ledger_minutes", "minute, model, model_id")} select ${begin(60_000)}, model, model_id, ${summed} from requests
			where started_at >= to_timestamp(${(end - MINUTES_KEPT_MS) / 1000}) group by 1, 2, 3`,
		`${into("sessions", `key_id, session_id, ${facts}`)}
			select key_id, session_id, min(team_id), min(${ms}), max(${ms}), min(model), min(model_id), min(key_alias), ${summed}
			from requests group by 1, 2`,
	];
}
