// Opening: what is made on disk, and what the connection for pages may do beside the one that writes.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "./open.ts";

let folder = "";

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "warmpath-db-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const openFile = () => openDatabase({ kind: "sqlite", path: join(folder, "warmpath.db") });
/** Counts for about a second: nothing that a reader of the log asks for takes longer to come to nothing. */
const LONG = sql<{
	n: number;
}>`with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000000) select max(i) as n from n`;
const INSERT = "insert into access_logouts (id, until, version) values (?, ?, ?)";

test.skipIf(process.platform === "win32")("a new SQLite file is its owner's to read only, wherever it is", async () => {
	const database = await openFile();
	const rights = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
	await database.close();
	expect(rights.length).toBeGreaterThan(0);
	expect(new Set(rights)).toEqual(new Set([0o600]));
});

test("a long query of pages holds up neither the log's writer nor other queries", async () => {
	await using database = await openFile();
	const done: string[] = [];
	const long = LONG.execute(database.pages).then(() => done.push("long query"));
	await database.bulk([{ sql: INSERT, rows: '[["a", 1, 1]]' }]);
	done.push("write");
	await sql`select 1`.execute(database.query);
	done.push("query");
	await long;
	expect(done).toEqual(["write", "query", "long query"]);
});

test("pages see what was written before they were asked for, and write nothing", async () => {
	await using database = await openFile();
	for (const at of [1, 2, 3]) {
		await database.bulk([{ sql: INSERT, rows: `[["${at}", 1, 1]]` }]);
		const { rows } = await sql<{ n: number }>`select count(*) as n from access_logouts`.execute(database.pages);
		expect(rows).toEqual([{ n: at }]);
	}
	await expect(sql`delete from access_logouts`.execute(database.pages)).rejects.toThrow(/readonly/);
});

test("a database that is in memory only has one connection for all", async () => {
	await using database = await openDatabase({ kind: "sqlite", path: ":memory:" });
	await database.bulk([{ sql: INSERT, rows: '[["a", 1, 1]]' }]);
	expect((await sql`select * from access_logouts`.execute(database.pages)).rows).toHaveLength(1);
});
