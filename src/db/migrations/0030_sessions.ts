// When the sessions that a key opened have ended: by a change of the key, its user or its team, or one by one by logging out.
import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

export const sessions: Migration = {
	name: "0030_sessions",
	async up(query: Kysely<never>): Promise<void> {
		await sql`alter table access_records add column generation bigint not null default 0`.execute(query);
		await sql`create table access_logouts (id text primary key, until bigint not null, version bigint not null)`.execute(
			query,
		);
		await sql`create index access_logouts_version on access_logouts (version)`.execute(query);
	},
};
