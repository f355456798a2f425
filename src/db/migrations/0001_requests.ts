// The request log, the ledger's sums and the sessions.
import { sql } from "kysely";
import type { Migration } from "./migration.ts";

const MEASURES = [
	"requests bigint",
	"served bigint",
	"failed bigint",
	"aborted bigint",
	"rejected bigint",
	"input_tokens bigint",
	"output_tokens bigint",
	"read_tokens bigint",
	"write_5m_tokens bigint",
	"write_1h_tokens bigint",
	"cost double precision",
	"cost_uncached double precision",
	"cost_random double precision",
	"unpriced bigint",
	"predictions bigint",
	"predicted_tokens bigint",
	"confirmed_tokens bigint",
	"diverted bigint",
	"misses bigint",
	"waited_ms bigint",
	"duration_ms bigint",
	"warm_first_byte_ms bigint",
	"warm_first_bytes bigint",
	"cold_first_byte_ms bigint",
	"cold_first_bytes bigint",
]
	.map((column) => `${column} not null default 0`)
	.join(", ");

function statements(kind: "sqlite" | "postgres"): readonly string[] {
	// SQLite's indexes end with the row's number anyway.
	const order = kind === "sqlite" ? "started_at" : "started_at, seq";
	const sequence = kind === "sqlite" ? "integer primary key" : "bigint generated always as identity primary key";
	// Prefix search needs the order of bytes, which is SQLite's own.
	const text = kind === "sqlite" ? "text" : 'text collate "C"';
	// Sums are read in stretches of time.
	const clustered = kind === "sqlite" ? " without rowid" : "";
	const filter = (column: string) => `create index requests_${column} on requests (${column}, ${order})`;
	return [
		`create table requests (
			seq ${sequence}, id ${text} not null, started_at bigint not null, first_byte_at bigint, ended_at bigint not null,
			operation ${text} not null, dialect ${text} not null, outcome ${text} not null, status integer not null, error ${text},
			key_id ${text}, key_alias ${text}, team_id ${text}, user_id ${text}, end_user ${text}, session ${text}, agent ${text}, client ${text},
			model ${text}, model_group ${text}, model_id ${text}, upstream_model ${text}, provider ${text}, domain ${text}, region ${text},
			stream integer not null, input_tokens bigint, output_tokens bigint, read_tokens bigint, write_5m_tokens bigint,
			write_1h_tokens bigint, cost double precision, cost_input double precision, cost_read double precision,
			cost_write_5m double precision, cost_write_1h double precision, cost_output double precision,
			cost_uncached double precision, cost_random double precision, affinity ${text}, reason ${text},
			predicted_read_tokens bigint, waited_ms bigint not null, diverted_from ${text}, runner_up ${text},
			attempts integer not null, miss ${text}, details ${text} not null)`,
		`create unique index requests_id on requests (id)`,
		`create index requests_started_at on requests (${order})`,
		...["model", "model_id", "key_id", "team_id", "session", "reason"].map(filter),
		`create index requests_errors on requests (${order}, status) where status >= 400`,
		`create index requests_miss on requests (miss, ${order}) where miss is not null`,
		`create index requests_missed on requests (${order}) where miss is not null`,
		`create table request_bodies (id ${text} primary key, started_at bigint not null, request ${text}, response ${text})`,
		`create index request_bodies_started_at on request_bodies (started_at)`,
		`create table ledger_hours (
			hour bigint not null, key_id ${text} not null, team_id ${text} not null, model ${text} not null, model_id ${text} not null,
			${MEASURES}, primary key (hour, key_id, team_id, model, model_id))${clustered}`,
		`create index ledger_hours_key_id on ledger_hours (key_id, hour)`,
		`create table ledger_places (
			hour bigint not null, model ${text} not null, model_id ${text} not null, ${MEASURES},
			primary key (hour, model, model_id))${clustered}`,
		`create table ledger_keys (
			hour bigint not null, key_id ${text} not null, team_id ${text} not null, ${MEASURES},
			primary key (hour, key_id, team_id))${clustered}`,
		`create table ledger_minutes (
			minute bigint not null, model ${text} not null, model_id ${text} not null, ${MEASURES},
			primary key (minute, model, model_id))${clustered}`,
		`create table sessions (
			key_id ${text} not null, session ${text} not null, team_id ${text} not null, first_at bigint not null,
			last_at bigint not null, model ${text} not null, model_id ${text} not null, key_alias ${text} not null, ${MEASURES},
			primary key (key_id, session))`,
		`create index sessions_last_at on sessions (last_at, session)`,
		`create index sessions_key_id on sessions (key_id, last_at, session)`,
		`create index sessions_session on sessions (session)`,
	];
}

export const requests: Migration = {
	name: "0001_requests",
	async up(query, kind) {
		for (const statement of statements(kind)) await sql.raw(statement).execute(query);
	},
};
