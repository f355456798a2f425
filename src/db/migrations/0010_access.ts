// Keys, teams, users, customers and budgets in one table, what they spent in another, and the clock that orders changes to both.
import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

/**
 * `access_clock` is one row that every change counts up first. Its lock lets changes commit in the order of their versions, so that
 * who has read up to a version has missed nothing before it.
 */
export const access: Migration = {
	name: "0010_access",
	async up(query: Kysely<never>): Promise<void> {
		await sql`create table access_clock (id integer primary key, version bigint not null)`.execute(query);
		await sql`insert into access_clock (id, version) values (1, 0)`.execute(query);
		await sql`create table access_secrets (name text primary key, value text not null)`.execute(query);
		await sql`create table access_records (
			kind text not null,
			id text not null,
			hash text unique,
			alias text,
			data text not null,
			created_at bigint not null,
			updated_at bigint not null,
			version bigint not null,
			deleted integer not null default 0,
			primary key (kind, id)
		)`.execute(query);
		await sql`create index access_records_version on access_records (version)`.execute(query);
		await sql`create unique index access_records_key_alias on access_records (alias) where kind = 'key' and deleted = 0`.execute(
			query,
		);
		await sql`create table access_spend (
			subject text not null,
			label text not null,
			started_at bigint not null,
			dollars double precision not null,
			unpriced bigint not null,
			version bigint not null,
			primary key (subject, label)
		)`.execute(query);
		await sql`create index access_spend_version on access_spend (version)`.execute(query);
	},
};
