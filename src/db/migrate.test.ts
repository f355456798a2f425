// Migrations on both databases: from nothing, from every earlier state, side by side, and not backwards.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { memoryLog } from "../../test/harness.ts";
import { entryOf, rowAt } from "./__fixtures__/rows.ts";
import { NO_DETAILS } from "./details.ts";
import { migrate, migrationStatus } from "./migrate.ts";
import { MIGRATIONS } from "./migrations/index.ts";
import { connect, openDatabase } from "./open.ts";
import { eachRequest, findRequest, listRequests } from "./requests.ts";
import type { RequestRow } from "./tables.ts";
import { createLogWriter } from "./writer.ts";

onEachDatabase((databases) => {
	test("a new database gets every migration, and opening it again applies none", async () => {
		await using database = await connect(await databases.location());
		expect((await migrationStatus(database)).applied).toEqual([]);
		const names = MIGRATIONS.map(({ name }) => name);
		expect(await migrate(database, MIGRATIONS, () => 7)).toEqual(names);
		expect(await migrate(database)).toEqual([]);
		expect(await migrationStatus(database)).toEqual({
			applied: names.map((name) => ({ name, at: 7 })),
			pending: [],
			unknown: [],
		});
	});

	test("every earlier state can be brought up to date", async () => {
		for (let known = 0; known <= MIGRATIONS.length; known += 1) {
			await using database = await connect(await databases.location());
			await migrate(database, MIGRATIONS.slice(0, known));
			const pending = MIGRATIONS.slice(known).map(({ name }) => name);
			expect((await migrationStatus(database)).pending).toEqual(pending);
			expect(await migrate(database)).toEqual(pending);
		}
	});

	test("what an earlier version wrote is there after the upgrade, and more is written beside it", async () => {
		// Later ones write chunks, as this version does.
		const chunked = MIGRATIONS.findIndex(({ name }) => name === "0020_request_chunks");
		for (let known = 1; known <= chunked; known += 1) {
			await using database = await connect(await databases.location());
			await migrate(database, MIGRATIONS.slice(0, known));
			// Rows of the first versions name what their details hold.
			const details = JSON.stringify({ ...NO_DETAILS, tags: ["first"] });
			const old = Array.from({ length: 2_500 }, (_, at) => rowAt(at, { model: at % 2 === 0 ? "a" : "b" }));
			for (const [at, row] of old.entries()) {
				const columns = [...Object.entries(row), ["details", at === 7 ? "damaged" : details] as const];
				const names = sql.join(columns.map(([name]) => sql.ref(name)));
				await sql`insert into requests (${names}) values (${sql.join(columns.map(([, value]) => value))})`.execute(
					database.query,
				);
			}
			await migrate(database);
			const writer = createLogWriter(database, { maxQueued: 100, maxQueuedBytes: 1e9, log: memoryLog().log });
			const later = rowAt(9_000);
			writer.push(entryOf(later, { tags: ["later"] }));
			await writer.flush();
			expect(writer.stats()).toMatchObject({ written: 1, lost: 0 });
			const found: RequestRow[] = [];
			for await (const { seq: _, details, ...row } of eachRequest(database, {})) {
				expect(details.tags).toEqual(row.id === later.id ? ["later"] : row.id === "request-7" ? [] : ["first"]);
				found.push(row);
			}
			expect(found).toEqual([...old, later]);
			const { requests } = await listRequests(database, { model: "b" }, { limit: 2_000 });
			expect(requests).toHaveLength(1_250);
			expect((await findRequest(database, "request-1234"))?.request).toMatchObject(old[1_234] ?? {});
			expect(await migrate(database)).toEqual([]);
			const tables = await database.query.introspection.getTables();
			expect(tables.map(({ name }) => name)).not.toContain("requests");
		}
	});

	test("a database of a newer version is refused and left alone", async () => {
		await using database = await connect(await databases.location());
		const later = { name: "9999_later", up: async () => {} };
		await migrate(database, [...MIGRATIONS, later]);
		await expect(migrate(database)).rejects.toThrow("was made by a newer version of Warmpath (it has 9999_later)");
		expect((await migrationStatus(database)).unknown).toEqual(["9999_later"]);
	});

	test("a migration that fails leaves nothing behind", async () => {
		await using database = await connect(await databases.location());
		const bad = {
			name: "9999_bad",
			up: async (query: Parameters<(typeof MIGRATIONS)[number]["up"]>[0]) => {
				await sql`create table half (id text)`.execute(query);
				await sql`select * from nothing_there`.execute(query);
			},
		};
		await expect(migrate(database, [...MIGRATIONS, bad])).rejects.toThrow();
		expect((await migrationStatus(database)).applied).toEqual([]);
		const tables = await database.query.introspection.getTables();
		expect(tables.map(({ name }) => name)).not.toContain("half");
	});

	test("processes that start together migrate once", async () => {
		const folder = mkdtempSync(join(tmpdir(), "warmpath-db-"));
		try {
			const file = { kind: "sqlite", path: join(folder, "data", "warmpath.db") } as const;
			const location = databases.kind === "sqlite" ? file : await databases.location();
			const opened = await Promise.all([1, 2, 3, 4].map(() => openDatabase(location)));
			const statuses = await Promise.all(opened.map((database) => migrationStatus(database)));
			for (const status of statuses) {
				expect(status.applied.map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name));
				expect(status.applied).toEqual(statuses[0]?.applied);
			}
			await Promise.all(opened.map((database) => database.close()));
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});

test("a folder that cannot be made is told with what to do", async () => {
	await expect(openDatabase({ kind: "sqlite", path: "/dev/null/none/warmpath.db" })).rejects.toThrow(
		/the database \/dev\/null\/none\/warmpath.db cannot be used: .*WARMPATH_HOME/,
	);
});

test("a server that is not there is told without its password", async () => {
	const url = "postgres://warmpath:secret-word@127.0.0.1:1/log";
	const failure = await openDatabase({ kind: "postgres", url }).catch((error: unknown) => String(error));
	expect(failure).toMatch(/postgres:\/\/127.0.0.1:1\/log cannot be used: .*database_url/);
	expect(failure).not.toContain("secret-word");
});
