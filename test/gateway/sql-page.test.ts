// docs/sql.md is a contract: its queries run on both databases over a log that a gateway wrote, and it names every column.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { connect, openDatabase } from "../../src/db/open.ts";
import { COMPUTED_COLUMNS, REQUEST_COLUMN_NAMES } from "../../src/db/schema/requests.ts";
import { entryAt, NOON } from "../../src/requestlog/__fixtures__/rows.ts";
import { makePartitions } from "../../src/requestlog/partitions.ts";
import { createLogWriter } from "../../src/requestlog/writer.ts";
import { onEachDatabase } from "../databases.ts";
import { memoryLog } from "../harness.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "sql.md"), "utf8");
const statements = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);
const queries = statements.filter((text) => text.startsWith("select"));

/** One row of each kind that a query asks for. */
const ROWS = [
	{},
	{ user_id: "somebody", client_version: "2.2" },
	{ miss_cause: "expired" },
	{ diverted_from: "b" },
	{ status: 529, outcome: "failed", error: "overloaded_error" },
	{ cost: null },
] as const;

test("the page has ten queries and names every column", () => {
	expect(queries.length).toBeGreaterThanOrEqual(10);
	const named = new Set([...page.matchAll(/`(\w+)`/g)].map(([, name]) => name));
	const columns = [...REQUEST_COLUMN_NAMES, ...Object.keys(COMPUTED_COLUMNS), "details"];
	expect(columns.filter((name) => !named.has(name))).toEqual([]);
});

onEachDatabase((databases) => {
	test("every query of the page gives rows", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { maxQueued: 100, maxQueuedBytes: 1e9, log: memoryLog().log });
		for (const [at, change] of ROWS.entries()) writer.push(entryAt(at, change));
		await writer.flush();
		for (const query of queries) {
			const { rows } = await sql.raw(query).execute(database.query);
			expect(rows.length, query).toBeGreaterThan(0);
		}
		const [perUser = ""] = queries;
		const { rows } = await sql.raw<{ user_id: string; dollars: number }>(perUser).execute(database.query);
		expect(rows.map(({ user_id, dollars }) => [user_id, Math.round(dollars * 1000) / 1000])).toEqual([
			["user-1", 0.04],
			["somebody", 0.01],
		]);
	});

	if (databases.kind === "postgres") {
		test("the page's role reads the log, days to come too, and neither prompts nor keys; it writes nothing", async () => {
			const location = await databases.location();
			if (location.kind !== "postgres") throw new Error("expected a Postgres");
			await using database = await openDatabase(location);
			const [role = ""] = statements.filter((text) => text.startsWith("create role"));
			for (const statement of role.split(";").filter((text) => text.trim() !== ""))
				await sql.raw(statement).execute(database.query);
			await makePartitions(database, NOON);
			const writer = createLogWriter(database, { maxQueued: 100, maxQueuedBytes: 1e9, log: memoryLog().log });
			writer.push({ ...entryAt(0), bodies: { request: "a prompt", response: null } });
			await writer.flush();
			const url = new URL(location.url);
			url.username = "grafana";
			await using reader = await connect({ kind: "postgres", url: url.href });
			const read = (text: string) => sql.raw(text).execute(reader.query);
			for (const table of ["requests", "sessions", "ledger_hours", "ledger_places", "ledger_keys", "ledger_minutes"])
				expect((await read(`select * from ${table}`)).rows.length, table).toBeGreaterThan(0);
			for (const text of ["select * from request_bodies", "select * from access_records", "delete from requests"])
				await expect(read(text), text).rejects.toThrow(/permission denied|read-only transaction/);
		});
	}

	test("a person's rows are gone by the page's statements, and nobody else's", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { maxQueued: 100, maxQueuedBytes: 1e9, log: memoryLog().log });
		const bodies = { request: "a prompt", response: "an answer" };
		for (const user_id of ["somebody", "else"])
			writer.push({ ...entryAt(0, { id: user_id, user_id, started_at: NOON }), bodies });
		await writer.flush();
		for (const statement of statements.filter((text) => text.startsWith("delete")))
			await sql.raw(statement).execute(database.query);
		for (const table of ["requests", "request_bodies"] as const) {
			const rows = await database.query.selectFrom(table).select("id").execute();
			expect(rows).toEqual([{ id: "else" }]);
		}
	});
});
