// Postgres' partitions of the log: made ahead beside a writer that goes on, dropped when they are old.
import { sql } from "kysely";
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { memoryLog } from "../../test/harness.ts";
import { entryAt, NOON } from "./__fixtures__/rows.ts";
import { makePartitions, partitions } from "./partitions.ts";
import { listRequests } from "./requests.ts";
import { sweep } from "./retention.ts";
import { createLogWriter } from "./writer.ts";

const DAY = 86_400_000;

onEachDatabase((databases) => {
	test("days are made ahead and beside a writer, and no row is lost to it", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { maxQueued: 10_000, maxQueuedBytes: 1e9, log: memoryLog().log });
		// Two of these days are not made, so their rows stand aside.
		for (let at = 0; at < 600; at += 1) writer.push(entryAt(at, { started_at: NOON + (at % 3) * DAY - DAY }));
		const making = Promise.all([makePartitions(database, NOON), makePartitions(database, NOON)]);
		for (let at = 600; at < 1_200; at += 1) writer.push(entryAt(at, { started_at: NOON + (at % 3) * DAY - DAY }));
		await Promise.all([making, writer.flush()]);
		expect(writer.stats()).toMatchObject({ written: 1_200, lost: 0 });
		const ids = new Set<string>();
		let cursor: string | undefined;
		do {
			const page = await listRequests(database, {}, { limit: 200, cursor });
			for (const { id } of page.requests) ids.add(id);
			cursor = page.next ?? undefined;
		} while (cursor !== undefined);
		expect(ids.size).toBe(1_200);
		const days = await partitions(database);
		const names = ["requests_p20261120", "requests_p20261121", "requests_p20261122", "requests_p20261123"];
		expect(days.map(({ name }) => name)).toEqual(database.kind === "postgres" ? names : []);
	});

	test("a day that is too old goes as a whole", async () => {
		await using database = await databases.open();
		await makePartitions(database, NOON);
		const writer = createLogWriter(database, { maxQueued: 10_000, maxQueuedBytes: 1e9, log: memoryLog().log });
		for (let at = 0; at < 90; at += 1) writer.push(entryAt(at, { started_at: NOON + (at % 3) * DAY }));
		await writer.flush();
		await sweep(database, { maxAgeMs: DAY, maxBytes: null }, NOON + 2.6 * DAY);
		const { requests } = await listRequests(database, {}, { limit: 200 });
		expect(requests).toHaveLength(30);
		const [first] = await partitions(database);
		if (database.kind === "postgres") {
			expect(first?.name).toBe("requests_p20261122");
			const { rows } = await sql`select 1 from requests_other`.execute(database.query);
			expect(rows).toEqual([]);
		}
	});
});
