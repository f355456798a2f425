// The request log in chunks of rows and an index of their values, in the place of a table of rows; rows that are there move over.
// docs/decisions/2026-11-28-the-log-stands-in-chunks.md
import { type QueryExecutorProvider, sql } from "kysely";
import { Batch } from "../batch.ts";
import { renewedDetails } from "../details.ts";
import type { RequestRow } from "../tables.ts";
import { readDetails } from "./0001_details.ts";
import type { Migration } from "./migration.ts";

/** Rows that move at once. */
const PIECE = 1_000;

function statements(kind: "sqlite" | "postgres"): readonly string[] {
	const sequence = kind === "sqlite" ? "integer primary key" : "bigint generated always as identity primary key";
	const bytes = kind === "sqlite" ? "blob" : "bytea";
	// Values that begin with a text are looked for in the order of bytes, which is SQLite's own.
	const text = kind === "sqlite" ? "text" : 'text collate "C"';
	const clustered = kind === "sqlite" ? " without rowid" : "";
	return [
		`create table request_chunks (
			seq ${sequence}, first_at bigint not null, last_at bigint not null, span bigint not null, rows bigint not null,
			data ${bytes} not null, details ${bytes} not null)`,
		// Chunks are too small to be worth compressing on the way in.
		...(kind === "postgres"
			? [
					`alter table request_chunks
						alter column data set storage external, alter column details set storage external`,
				]
			: []),
		`create index request_chunks_last_at on request_chunks (last_at, seq, first_at, rows)`,
		`create index request_chunks_span on request_chunks (span)`,
		`create table request_values (
			kind smallint not null, value ${text} not null, last_at bigint not null, chunk bigint not null,
			primary key (kind, value, last_at, chunk))${clustered}`,
	];
}

/** A row as it stood before. */
type OldRow = RequestRow & { readonly seq: number; readonly details: string };

export const requestChunks: Migration = {
	name: "0020_request_chunks",
	async up(query, kind) {
		for (const statement of statements(kind)) await sql.raw(statement).execute(query);
		let after = { at: -1, seq: -1 };
		while (true) {
			const { rows } = await sql<OldRow>`select * from requests
				where (started_at, seq) > (${after.at}, ${after.seq}) order by started_at, seq limit ${sql.lit(PIECE)}`.execute(
				query,
			);
			const last = rows.at(-1);
			if (last === undefined) break;
			after = { at: last.started_at, seq: last.seq };
			let batch = new Batch();
			for (const { seq: _, details, ...row } of rows) {
				batch.add({ row, details: renewedDetails(readDetails(details)), body: null });
				if (!batch.isFull) continue;
				await append(query, kind, batch);
				batch = new Batch();
			}
			if (batch.count > 0) await append(query, kind, batch);
		}
		await sql.raw("drop table requests").execute(query);
	},
};

async function append(query: QueryExecutorProvider, kind: "sqlite" | "postgres", batch: Batch): Promise<void> {
	const { firstAt, lastAt, rows, data, details, listed } = batch.chunk();
	const { rows: numbered } = await sql<{
		seq: number;
	}>`insert into request_chunks (first_at, last_at, span, rows, data, details)
		values (${firstAt}, ${lastAt}, ${lastAt - firstAt}, ${rows}, ${data}, ${details}) returning seq`.execute(query);
	const seq = sql.lit(numbered[0]?.seq ?? 0);
	const values = JSON.stringify(listed);
	const each =
		kind === "sqlite"
			? sql`select value ->> 0, value ->> 1, value ->> 2, ${seq} from json_each(${values})`
			: sql`select (r->>0)::smallint, r->>1, (r->>2)::bigint, ${seq} from jsonb_array_elements(${values}::jsonb) as a(r)`;
	await sql`insert into request_values (kind, value, last_at, chunk) ${each}`.execute(query);
}
