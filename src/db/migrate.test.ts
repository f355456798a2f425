// Migrations on both databases: from nothing, from every earlier state, side by side, and not backwards.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { migrate, migrationStatus } from "./migrate.ts";
import { MIGRATIONS, NEVER_RELEASED } from "./migrations/index.ts";
import { connect, openDatabase } from "./open.ts";

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

	test("a database of a development build before the first release is refused with what to do, and left alone", async () => {
		for (const name of NEVER_RELEASED) {
			await using database = await connect(await databases.location());
			await migrate(database, [
				{ name, up: async (query) => void (await sql`create table old (id text)`.execute(query)) },
			]);
			await expect(migrate(database)).rejects.toThrow(
				/was made by a development build .* Nothing was changed in it\. .*WARMPATH_HOME/,
			);
			const tables = await database.query.introspection.getTables();
			expect(tables.map((table) => table.name).filter((table) => table === "requests" || table === "old")).toEqual([
				"old",
			]);
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
