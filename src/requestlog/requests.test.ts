// The log as it is read: pages, filters, search, sums, sessions, and what is deleted; on SQLite and Postgres.
import { sql } from "kysely";
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { memoryLog } from "../../test/harness.ts";
import type { Database } from "../db/database.ts";
import type { RequestRow } from "../db/schema/requests.ts";
import { entryOf, NOON, rowAt } from "./__fixtures__/rows.ts";
import { findSessions, type LedgerGroup, listSessions, pageLedger, sumLedger } from "./ledger.ts";
import { eachRequest, findRequest, listRequests, type RequestFilter } from "./requests.ts";
import { logBytes, sweep } from "./retention.ts";
import { createLogWriter } from "./writer.ts";

const HOUR = 3_600_000;

async function fill(database: Database, rows: readonly RequestRow[]): Promise<void> {
	const writer = createLogWriter(database, { maxQueued: 100_000, maxQueuedBytes: 1e9, log: memoryLog().log });
	for (const row of rows) writer.push(entryOf(row));
	await writer.flush();
	expect(writer.stats()).toEqual({ queued: 0, written: rows.length, lost: 0, failure: null });
}

onEachDatabase((databases) => {
	test("pages go through every row once, latest first, also where times are equal", async () => {
		await using database = await databases.open();
		const rows = Array.from({ length: 95 }, (_, at) => rowAt(Math.floor(at / 10), { id: `id-${at}` }));
		await fill(database, rows);
		const seen: { id: string; at: number }[] = [];
		let cursor: string | undefined;
		do {
			const page = await listRequests(database, {}, { limit: 20, cursor });
			seen.push(...page.requests.map(({ id, started_at }) => ({ id, at: started_at })));
			cursor = page.next ?? undefined;
		} while (cursor !== undefined);
		expect(new Set(seen.map(({ id }) => id)).size).toBe(95);
		const sorted = [...seen].sort((left, right) => right.at - left.at || (left.id < right.id ? 1 : -1));
		expect(seen).toEqual(sorted);
		const exported: string[] = [];
		for await (const row of eachRequest(database, {}, { details: false })) exported.push(row.id);
		expect(exported).toEqual(seen.map(({ id }) => id).reverse());
	});

	test("every column comes back as it was given", async () => {
		await using database = await databases.open();
		const row = rowAt(0, {
			cache_write_1h_tokens: 2 ** 40,
			cost: 1e-9,
			session_id: "ünïcode “quotes” 🙂",
			error: null,
		});
		await fill(database, [row]);
		const { requests } = await listRequests(database, {}, { limit: 1 });
		expect(requests[0]).toEqual({ ...row, saved_by_caching: 0.05 - 1e-9, saved_by_routing: 0.03 - 1e-9 });
		expect((await findRequest(database, row.id))?.details).toEqual(entryOf(row).details);
		expect(await findRequest(database, "nobody")).toBeNull();
	});

	test("every column of many rows at once comes back as it was given, whether they share it or not", async () => {
		await using database = await databases.open();
		const shared = {
			session_id: "it's ''quoted'' \"twice\" -- ünïcode 🙂; drop table requests",
			client: "x".repeat(400),
			error: null,
			agent_id: "",
			tags: ["a", "b,c", '"'],
			end_user: "?1",
			cost: 0.1 + 0.2,
			cost_cache_read: -1e-21,
			cache_write_1h_tokens: 2 ** 40,
			waited_ms: 0,
		};
		const rows = Array.from({ length: 700 }, (_, at) =>
			rowAt(at, { ...shared, id: `id-${at}`, model: at === 699 ? "another" : "claude-code", cost_input: at / 7 }),
		);
		await fill(database, rows);
		const { requests } = await listRequests(database, {}, { limit: 700 });
		const given = rows.map((row) => ({
			...row,
			saved_by_caching: 0.05 - shared.cost,
			saved_by_routing: 0.03 - shared.cost,
		}));
		expect([...requests].reverse()).toEqual(given);
	});

	test("each filter gives the rows that it names", async () => {
		await using database = await databases.open();
		const special: Partial<RequestRow>[] = [
			{ model: "claude-haiku" },
			{ model_id: "b" },
			{ key_id: "key-2" },
			{ team_id: "team-2" },
			{ user_id: "user-2" },
			{ end_user: "customer-2" },
			{ session_id: "session-2" },
			{ agent_id: "agent-2" },
			{ status: 529, outcome: "failed" },
			{ status: 429, outcome: "failed" },
			{ status: 401, outcome: "rejected" },
			{ status: 499, outcome: "aborted" },
			{ reason: "diverted" },
			{ affinity: "miss" },
			{ miss_cause: "expired" },
			{ miss_cause: "moved" },
			{},
		];
		await fill(
			database,
			special.map((change, at) => rowAt(at * HOUR, { id: `id-${at}`, ...change })),
		);
		const ids = async (filter: RequestFilter) =>
			(await listRequests(database, filter, { limit: 50 })).requests.map(({ id }) => id);
		expect(await ids({ model: "claude-haiku" })).toEqual(["id-0"]);
		expect(await ids({ modelId: "b" })).toEqual(["id-1"]);
		expect(await ids({ keyId: "key-2" })).toEqual(["id-2"]);
		expect(await ids({ teamId: "team-2" })).toEqual(["id-3"]);
		expect(await ids({ userId: "user-2" })).toEqual(["id-4"]);
		expect(await ids({ endUser: "customer-2" })).toEqual(["id-5"]);
		expect(await ids({ session: "session-2" })).toEqual(["id-6"]);
		expect(await ids({ agent: "agent-2" })).toEqual(["id-7"]);
		expect(await ids({ status: "529" })).toEqual(["id-8"]);
		expect(await ids({ status: "5xx" })).toEqual(["id-8"]);
		expect(await ids({ status: "4xx" })).toEqual(["id-11", "id-10", "id-9"]);
		expect(await ids({ status: "error" })).toEqual(["id-11", "id-10", "id-9", "id-8"]);
		expect(await ids({ status: "rejected" })).toEqual(["id-10"]);
		expect(await ids({ status: "aborted" })).toEqual(["id-11"]);
		expect(await ids({ status: "success", from: NOON + 12 * HOUR })).toEqual([
			"id-16",
			"id-15",
			"id-14",
			"id-13",
			"id-12",
		]);
		expect(await ids({ reason: "diverted" })).toEqual(["id-12"]);
		expect(await ids({ affinity: "miss" })).toEqual(["id-13"]);
		expect(await ids({ miss: "expired" })).toEqual(["id-14"]);
		expect(await ids({ miss: "any" })).toEqual(["id-15", "id-14"]);
		expect(await ids({ from: NOON + 3 * HOUR, to: NOON + 5 * HOUR })).toEqual(["id-4", "id-3"]);
		expect(await ids({ modelId: "a", status: "5xx", keyId: "key-1" })).toEqual(["id-8"]);
		expect(await ids({ scope: { keyHash: "key-2", userId: null } })).toEqual(["id-2"]);
		expect(await ids({ scope: { keyHash: null, userId: "user-2" } })).toEqual(["id-4"]);
		expect(await ids({ scope: { keyHash: null, userId: null } })).toEqual([]);
	});

	test("a text finds ids that begin with it, whatever they are of, with wild cards taken literally", async () => {
		await using database = await databases.open();
		await fill(database, [
			rowAt(0, { id: "abc-request" }),
			rowAt(1, { id: "r1", session_id: "abc-session" }),
			rowAt(2, { id: "r2", model_id: "abc-deployment" }),
			rowAt(3, { id: "r3", key_id: "abc-key" }),
			rowAt(4, { id: "r4", team_id: "abc-team" }),
			rowAt(5, { id: "r5", session_id: "x-abc" }),
			rowAt(6, { id: "%", session_id: "%abc" }),
		]);
		const ids = async (text: string) =>
			(await listRequests(database, { text }, { limit: 50 })).requests.map(({ id }) => id);
		expect(await ids("abc")).toEqual(["r4", "r3", "r2", "r1", "abc-request"]);
		expect(await ids(" abc-s")).toEqual(["r1"]);
		expect(await ids("%")).toEqual(["%"]);
		expect(await ids("zzz")).toEqual([]);
		const first = await listRequests(database, { text: "abc" }, { limit: 2 });
		const second = await listRequests(database, { text: "abc" }, { limit: 2, cursor: first.next ?? "" });
		expect(second.requests.map(({ id }) => id)).toEqual(["r2", "r1"]);
	});

	test("sums agree with the rows they are of, told apart by anything", async () => {
		await using database = await databases.open();
		const rows = Array.from({ length: 40 }, (_, at) =>
			rowAt(at * 10 * 60_000, {
				id: `id-${at}`,
				model_id: at % 2 === 0 ? "a" : "b",
				key_id: at % 4 === 0 ? null : "key-1",
				cost: at % 5 === 0 ? null : at / 1000,
			}),
		);
		await fill(database, rows.slice(0, 17));
		await fill(database, rows.slice(17));
		const range = { from: NOON, to: NOON + 24 * HOUR };
		const priced = rows.filter(({ cost }) => cost !== null);
		const dollars = (of: readonly RequestRow[]) => of.reduce((sum, { cost }) => sum + (cost ?? 0), 0);
		const [all] = await sumLedger(database, range, []);
		expect(all?.measures).toMatchObject({ requests: 40, served: 40, unpriced: 8, cache_read_tokens: 40_000 });
		expect(all?.measures.cost).toBeCloseTo(dollars(rows), 9);
		expect(all?.measures.cost_without_caching).toBeCloseTo(priced.length * 0.05, 9);
		const byDeployment = await sumLedger(database, range, ["model_id"]);
		expect(byDeployment.map(({ model_id, measures }) => [model_id, measures.requests])).toEqual([
			["a", 20],
			["b", 20],
		]);
		expect(byDeployment[1]?.measures.cost).toBeCloseTo(dollars(rows.filter(({ model_id }) => model_id === "b")), 9);
		const byHour = await sumLedger(database, range, ["hour"]);
		expect(byHour.map(({ hour, measures }) => [hour, measures.requests])).toEqual([
			[NOON, 6],
			[NOON + HOUR, 6],
			[NOON + 2 * HOUR, 6],
			[NOON + 3 * HOUR, 6],
			[NOON + 4 * HOUR, 6],
			[NOON + 5 * HOUR, 6],
			[NOON + 6 * HOUR, 4],
		]);
		const noKey = await sumLedger(database, { ...range, keyId: "" }, ["key_id"]);
		expect(noKey.map(({ key_id, measures }) => [key_id, measures.requests])).toEqual([["", 10]]);
		const minutes = await sumLedger(database, { from: NOON, to: NOON + 20 * 60_000 }, ["minute"]);
		expect(minutes.map(({ minute }) => minute)).toEqual([NOON, NOON + 10 * 60_000]);
	});

	test("pages of sums hold every sum once, whatever they are told apart by", async () => {
		await using database = await databases.open();
		const rows = Array.from({ length: 60 }, (_, at) =>
			rowAt(at * 7 * 60_000, {
				id: `id-${at}`,
				model_id: "abc"[at % 3] ?? "",
				key_id: at % 4 === 0 ? null : `key-${at % 5}`,
				model: at % 2 === 0 ? "claude-code" : 'Fable\'s "own"',
			}),
		);
		await fill(database, rows);
		const filter = { from: NOON, to: NOON + 24 * HOUR };
		const groups: readonly (readonly LedgerGroup[])[] = [
			["hour"],
			["minute", "model_id"],
			["key_id", "model"],
			["hour", "key_id", "team_id", "model", "model_id"],
		];
		for (const by of groups) {
			const whole = await sumLedger(database, filter, by);
			const paged = [];
			let cursor: string | undefined;
			let pages = 0;
			do {
				const page = await pageLedger(database, filter, { by, limit: 7, cursor });
				paged.push(...page.sums);
				cursor = page.next ?? undefined;
				pages += 1;
			} while (cursor !== undefined);
			expect(paged).toEqual(whole);
			expect(pages).toBe(Math.ceil(whole.length / 7));
		}
		expect(await pageLedger(database, filter, { by: [], limit: 1 })).toMatchObject({ sums: [{}], next: null });
	});

	test("sessions are told apart by key, carry their last deployment and come latest first", async () => {
		await using database = await databases.open();
		await fill(database, [
			rowAt(0, { id: "1", session_id: "s", model_id: "a" }),
			rowAt(2_000, { id: "3", session_id: "s", model_id: "b", diverted_from: "a" }),
			rowAt(3_000, { id: "4", session_id: "s", model_id: null, outcome: "failed", status: 503, input_tokens: null }),
			rowAt(500, { id: "5", session_id: "s", key_id: "key-2" }),
			rowAt(9_000, { id: "6", session_id: "t" }),
			rowAt(10_000, { id: "7", session_id: null }),
		]);
		await fill(database, [rowAt(1_000, { id: "2", session_id: "s", model_id: "c" })]);
		const { sessions, next } = await listSessions(database, {}, { limit: 2 });
		expect(sessions.map(({ session_id, key_id }) => [session_id, key_id])).toEqual([
			["t", "key-1"],
			["s", "key-1"],
		]);
		const [, first] = sessions;
		expect(first).toMatchObject({ first_at: NOON, last_at: NOON + 2_000, model_id: "b" });
		expect(first?.measures).toMatchObject({ requests: 4, served: 3, failed: 1, diverted: 1 });
		const rest = await listSessions(database, {}, { limit: 2, cursor: next ?? "" });
		expect(rest.sessions.map(({ key_id }) => key_id)).toEqual(["key-2"]);
		expect((await findSessions(database, "s")).map(({ key_id }) => key_id)).toEqual(["key-1", "key-2"]);
		expect((await listSessions(database, { text: "t" }, { limit: 5 })).sessions).toHaveLength(1);
	});

	test("pages of sessions leave none out, also where two keys used one id at one time", async () => {
		await using database = await databases.open();
		const keys = ["key-1", "key-2", "key-3", null];
		const long = "é".repeat(500);
		await fill(
			database,
			keys.flatMap((key_id, at) => [
				rowAt(0, { id: `s-${at}`, session_id: "s", key_id }),
				rowAt(0, { id: `l-${at}`, session_id: long, key_id }),
			]),
		);
		const seen: string[] = [];
		let cursor: string | undefined;
		do {
			const page = await listSessions(database, {}, { limit: 1, cursor });
			seen.push(...page.sessions.map(({ session_id, key_id }) => `${session_id.slice(0, 1)} ${key_id}`));
			cursor = page.next ?? undefined;
		} while (cursor !== undefined && seen.length < 20);
		expect(seen.sort()).toEqual(["s ", "s key-1", "s key-2", "s key-3", "é ", "é key-1", "é key-2", "é key-3"]);
	});

	test("what is older than the limit goes, sums stay", async () => {
		await using database = await databases.open();
		const rows = Array.from({ length: 5_000 }, (_, at) =>
			rowAt(at * 1_000, { id: `id-${at}`, session_id: `s-${at % 7}` }),
		);
		await fill(database, rows);
		const now = NOON + 5_000 * 1_000;
		expect(await sweep(database, { maxAgeMs: 1_000_000, maxBytes: null }, now)).toBe(4_000);
		const { requests } = await listRequests(database, { to: NOON + 4_000_500 }, { limit: 10 });
		expect(requests.map(({ id }) => id)).toEqual(["id-4000"]);
		const [sums] = await sumLedger(database, { from: NOON, to: now }, []);
		expect(sums?.measures.requests).toBe(5_000);
	});

	test("the oldest go while the log takes too much room", async () => {
		await using database = await databases.open();
		await fill(
			database,
			Array.from({ length: 4_000 }, (_, at) => rowAt(at, { id: `id-${at}`, client: `${at}`.repeat(500) })),
		);
		if (database.kind === "postgres") await sql`analyze requests`.execute(database.query);
		const before = await logBytes(database);
		const gone = await sweep(database, { maxAgeMs: null, maxBytes: before / 2 }, NOON);
		expect(gone).toBeGreaterThan(1_500);
		expect(gone).toBeLessThan(2_500);
		const { requests } = await listRequests(database, {}, { limit: 1 });
		expect(requests[0]?.id).toBe("id-3999");
		expect(await findRequest(database, "id-0")).toBeNull();
	});
});
