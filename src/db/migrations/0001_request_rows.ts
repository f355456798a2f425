// The request log, the ledger's sums and the sessions. On Postgres the log is partitioned by day; the days themselves are made by
// requestlog/partitions.
import { sql } from "kysely";
import { COMPUTED_COLUMNS, REQUEST_COLUMNS } from "../schema/requests.ts";
import { columnDefinitions } from "../schema/sql-types.ts";
import { SUM_TABLES, type SumTable } from "../schema/sums.ts";
import type { Migration } from "./migration.ts";

type Kind = "sqlite" | "postgres";

/** What the pages filter by. None of the indexes holds the id, that decides among equal times: one that did would be preferred for its order alone. */
const FILTERED = ["model", "model_id", "key_id", "team_id", "user_id", "session_id", "reason"] as const;

function requestTables(kind: Kind): readonly string[] {
	const json = kind === "sqlite" ? "text" : "jsonb";
	const stored = kind === "sqlite" ? "virtual" : "stored";
	const money = kind === "sqlite" ? "real" : "double precision";
	const computed = Object.entries(COMPUTED_COLUMNS).map(
		([name, sum]) => `${name} ${money} generated always as (${sum}) ${stored}`,
	);
	const columns = [columnDefinitions(kind, REQUEST_COLUMNS), ...computed, `details ${json} not null`].join(", ");
	const table =
		kind === "sqlite"
			? [`create table requests (${columns}, primary key (id))`]
			: [
					`create table requests (${columns}, primary key (id, started_at)) partition by range (started_at)`,
					"create table requests_other partition of requests default",
				];
	return [
		...table,
		"create index requests_started_at on requests (started_at)",
		...FILTERED.map((column) => `create index requests_${column} on requests (${column}, started_at)`),
		"create index requests_end_user on requests (end_user, started_at) where end_user is not null",
		"create index requests_agent_id on requests (agent_id, started_at) where agent_id is not null",
		// Most of a busy log are hits.
		"create index requests_affinity on requests (affinity, started_at) where affinity <> 'hit'",
		"create index requests_errors on requests (started_at, status) where status >= 400",
		"create index requests_missed on requests (started_at, miss_cause) where miss_cause is not null",
		"create index requests_miss_cause on requests (miss_cause, started_at) where miss_cause is not null",
		`create table request_bodies (${columnDefinitions(kind, {
			id: "text",
			started_at: "time",
			request: "text?",
			response: "text?",
		})}, primary key (id))`,
		"create index request_bodies_started_at on request_bodies (started_at)",
	];
}

function sumTable(kind: Kind, name: string, { keys, facts, sums }: SumTable): string {
	const columns = columnDefinitions(kind, { ...keys, ...facts, ...sums });
	// Sums are read in stretches of time.
	const clustered = kind === "sqlite" && name !== "sessions" ? " without rowid" : "";
	return `create table ${name} (${columns}, primary key (${Object.keys(keys).join(", ")}))${clustered}`;
}

function statements(kind: Kind): readonly string[] {
	return [
		...requestTables(kind),
		...Object.entries(SUM_TABLES).map(([name, table]) => sumTable(kind, name, table)),
		"create index ledger_hours_key_id on ledger_hours (key_id, hour)",
		"create index sessions_last_at on sessions (last_at, session_id)",
		"create index sessions_key_id on sessions (key_id, last_at, session_id)",
		"create index sessions_session_id on sessions (session_id)",
	];
}

export const requests: Migration = {
	name: "0001_request_rows",
	async up(query, kind) {
		for (const statement of statements(kind)) await sql.raw(statement).execute(query);
	},
};
