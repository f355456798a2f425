// The writer under trouble: a full queue, a database that dies and comes back, rows that are refused. Every entry is written or counted.
import { sql } from "kysely";
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { memoryLog } from "../../test/harness.ts";
import { createTurnMemory } from "../cache/turns.ts";
import type { Database } from "../db/database.ts";
import { entryAt, entryOf, rowAt } from "./__fixtures__/rows.ts";
import { NO_DETAILS } from "./details.ts";
import { createRequestLog } from "./log.ts";
import { findRequest, listRequests } from "./requests.ts";
import { createLogWriter } from "./writer.ts";

const PLENTY = { maxQueued: 100_000, maxQueuedBytes: 1e9 };

async function count(database: Database): Promise<number> {
	const { rows } = await sql<{ n: number }>`select count(*) as n from requests`.execute(database.query);
	return Number(rows[0]?.n);
}

/** A database whose bulk writes wait for, or fail by, what the test says. */
function troubled(database: Database, before: (attempt: number) => Promise<void>): Database {
	let attempt = 0;
	return {
		...database,
		async bulk(steps) {
			attempt += 1;
			await before(attempt);
			await database.bulk(steps);
		},
	};
}

onEachDatabase((databases) => {
	test("what does not fit into the queue is counted, and said in the log", async () => {
		await using database = await databases.open();
		const { log, lines } = memoryLog();
		const writer = createLogWriter(database, { maxQueued: 50, maxQueuedBytes: 1e9, log });
		for (let at = 0; at < 80; at += 1) writer.push(entryAt(at));
		expect(writer.stats()).toMatchObject({ queued: 50, lost: 30 });
		await writer.flush();
		expect(writer.stats()).toEqual({ queued: 0, written: 50, lost: 30, failure: null });
		expect(await count(database)).toBe(50);
		expect(lines.filter((line) => line.includes("the queue is full")).length).toBeGreaterThan(0);
		expect(lines.length).toBeLessThan(10);
	});

	test("a batch whose commit was not heard of is not written twice", async () => {
		await using database = await databases.open();
		let calls = 0;
		const deaf: Database = {
			...database,
			async bulk(steps) {
				calls += 1;
				await database.bulk(steps);
				if (calls === 1) throw new Error("Connection terminated unexpectedly");
			},
		};
		const { log, lines } = memoryLog();
		const writer = createLogWriter(deaf, { ...PLENTY, log });
		for (let at = 0; at < 10; at += 1) writer.push(entryAt(at));
		await writer.flush();
		expect(calls).toBe(1);
		expect(writer.stats()).toEqual({ queued: 0, written: 10, lost: 0, failure: null });
		expect(await count(database)).toBe(10);
		const { rows } = await sql<{ n: number }>`select sum(requests) as n from ledger_hours`.execute(database.query);
		expect(Number(rows[0]?.n)).toBe(10);
		expect(lines.some((line) => line.includes("takes entries again"))).toBe(true);
	});

	test("one row that the database refuses takes no other with it", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { ...PLENTY, log: memoryLog().log });
		const bodies = { request: "a prompt", response: null };
		writer.push({ ...entryAt(0), bodies });
		await writer.flush();
		// Nothing else is left that a database could refuse: two requests of one id, both with bodies.
		for (let at = 1; at <= 20; at += 1) {
			writer.push(at === 7 ? { ...entryAt(at, { id: "request-0", session_id: "twice" }), bodies } : entryAt(at));
		}
		await writer.flush();
		expect(writer.stats()).toMatchObject({ written: 20, lost: 1 });
		expect(await count(database)).toBe(20);
		const { rows } = await sql<{ n: number }>`select sum(requests) as n from ledger_hours`.execute(database.query);
		expect(Number(rows[0]?.n)).toBe(20);
		expect((await listRequests(database, { session: "twice" }, { limit: 5 })).requests).toEqual([]);
	});

	test("an entry that cannot be written as JSON is counted, and takes no other with it", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { ...PLENTY, log: memoryLog().log });
		const bad = { metadata: { big: 1n } };
		writer.push(entryOf(rowAt(1), bad));
		await writer.flush();
		expect(writer.stats()).toEqual({ queued: 0, written: 0, lost: 1, failure: null });
		for (let at = 2; at < 5; at += 1) writer.push(entryOf(rowAt(at), at === 3 ? bad : {}));
		await writer.flush();
		expect(writer.stats()).toEqual({ queued: 0, written: 2, lost: 2, failure: null });
		expect(await count(database)).toBe(2);
	});

	test("closing writes what is left, and counts what it could not", async () => {
		await using database = await databases.open();
		const ready = createLogWriter(database, { ...PLENTY, log: memoryLog().log });
		for (let at = 0; at < 10; at += 1) ready.push(entryAt(at));
		await ready.close(10_000);
		expect(ready.stats()).toMatchObject({ queued: 0, written: 10, lost: 0 });
		const dead = troubled(database, () => Promise.reject(new Error("connect ECONNREFUSED")));
		const { log, lines } = memoryLog();
		const writer = createLogWriter(dead, { ...PLENTY, log });
		for (let at = 10; at < 1_510; at += 1) writer.push(entryAt(at));
		await writer.close(20);
		expect(writer.stats()).toMatchObject({ queued: 0, written: 0, lost: 1_500 });
		writer.push(entryAt(9_999));
		expect(writer.stats().lost).toBe(1_501);
		expect(lines.some((line) => line.includes("closed with entries lost"))).toBe(true);
		expect(await count(database)).toBe(10);
	});

	test("whatever clients send as ids is stored, cut and without what databases refuse", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { ...PLENTY, log: memoryLog().log });
		const requestLog = createRequestLog(writer, createTurnMemory());
		const details = {
			...NO_DETAILS,
			error_message: "lone \ud800 surrogate and \0",
			team_alias: "'; drop table requests; -- a literal \\u0000 and \\ud800 stay",
			metadata: { nul: "\0" },
		};
		const row = rowAt(0, { session_id: `nul\0 half\udc00 ${"x".repeat(9_000)}` });
		const bodies = { request: "a\0b", response: null };
		requestLog.record({ row, details, bodies });
		await writer.flush();
		expect(writer.stats()).toMatchObject({ written: 1, lost: 0 });
		const stored = await findRequest(database, row.id);
		expect(stored?.request.session_id).toBe(`nul\ufffd half\ufffd ${"x".repeat(501)}`);
		expect(stored?.details).toEqual({
			...details,
			error_message: "lone \ufffd surrogate and \ufffd",
			metadata: { nul: "\ufffd" },
		});
		const body = await database.query.selectFrom("request_bodies").selectAll().executeTakeFirstOrThrow();
		expect(body.request).toBe("a\ufffdb");
	});

	if (databases.kind === "postgres") {
		test("Postgres dies under load and comes back: nothing waits for it, and what is missing is what was counted", async () => {
			await using database = await databases.open();
			const { log, lines } = memoryLog();
			const writer = createLogWriter(database, { maxQueued: 2_000, maxQueuedBytes: 1e9, log });
			let pushed = 0;
			const push = (many: number) => {
				for (let each = 0; each < many; each += 1) {
					writer.push(entryAt(pushed, { session_id: `s-${pushed % 50}` }));
					pushed += 1;
				}
			};
			const meanwhile = () => new Promise((resolve) => setImmediate(resolve));
			for (let round = 0; round < 40; round += 1) {
				push(50);
				await meanwhile();
			}
			const down = databases.server().kill();
			for (let round = 0; round < 100; round += 1) {
				push(50);
				await meanwhile();
			}
			await down;
			push(3_000);
			expect(writer.stats().lost).toBeGreaterThan(0);
			await databases.server().start();
			await writer.flush();
			push(500);
			await writer.flush();
			const stats = writer.stats();
			expect(stats).toMatchObject({ queued: 0, failure: null });
			expect(stats.written + stats.lost).toBe(pushed);
			expect(await count(database)).toBe(pushed - stats.lost);
			const { rows } = await sql<{ n: number }>`select sum(requests) as n from sessions`.execute(database.query);
			expect(Number(rows[0]?.n)).toBe(stats.written);
			expect(lines.some((line) => line.includes("does not take entries"))).toBe(true);
			expect(lines.some((line) => line.includes("takes entries again"))).toBe(true);
		}, 120_000);
	}
});
