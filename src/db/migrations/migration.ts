// What a migration is. Each has a file of its own and a place in index.ts, and is never changed once a version with it is released.
import type { QueryExecutorProvider } from "kysely";

export interface Migration {
	/** `NNNN_noun`; applied in the order of index.ts. */
	readonly name: string;
	/** Inside a transaction that holds the migrations' lock. Written in SQL: `` sql`…`.execute(query) ``. */
	up(query: QueryExecutorProvider, kind: "sqlite" | "postgres"): Promise<void>;
}
