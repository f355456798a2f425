// The tables of keys, budgets and sessions as kysely sees them. Numbers may come back as text from Postgres' bigint: read them with Number.

export type AccessTables = {
	access_clock: { id: number; version: number };
	access_secrets: { name: string; value: string };
	access_records: {
		kind: string;
		id: string;
		hash: string | null;
		alias: string | null;
		data: string;
		created_at: number;
		updated_at: number;
		version: number;
		generation: number;
		deleted: number;
	};
	access_logouts: { id: string; until: number; version: number };
	access_spend: {
		subject: string;
		label: string;
		started_at: number;
		dollars: number;
		unpriced: number;
		version: number;
	};
};
