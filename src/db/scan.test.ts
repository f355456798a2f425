// Chunks overlap in time and hold what no filter asked for: whatever is asked, the rows are those that a plain list would give.
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { seededRandom } from "../simulator/random.ts";
import { entryOf, NOON, rowAt } from "./__fixtures__/rows.ts";
import { Batch } from "./batch.ts";
import type { Database } from "./database.ts";
import { eachRequest, isLogged, listRequests, type RequestFilter, type RequestSummary } from "./requests.ts";
import { numberedRequests } from "./requests-numbered.ts";
import { sweep } from "./retention.ts";
import { statementsFor } from "./statements.ts";
import type { RequestRow } from "./tables.ts";

const MINUTE = 60_000;

/** Rows in the order of their ends, as a gateway logs them: some took long, many started at the same time. */
function someRows(count: number, random: () => number): RequestRow[] {
	const pick = <Value>(...values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
	const rows = Array.from({ length: count }, (_, at) => {
		const startedAt = NOON + Math.floor(random() * 40) * 1_000 + Math.floor(at / 50) * MINUTE;
		const took = random() < 0.05 ? 15 * MINUTE : Math.floor(random() * 30_000);
		const hex = startedAt.toString(16).padStart(12, "0");
		const failed = random() < 0.2;
		return rowAt(startedAt - NOON, {
			id: random() < 0.9 ? `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${`${at}`.padStart(12, "0")}` : `own-${at}`,
			ended_at: startedAt + took,
			key_id: pick(null, "key-1", "key-2"),
			user_id: pick(null, "user-1", "user-2"),
			team_id: pick("team-1", "team-2"),
			session: random() < 0.1 ? null : `session-${Math.floor(random() * 12)}`,
			agent: pick(null, null, "agent-1"),
			model: pick("claude-code", "claude-haiku"),
			model_id: pick("a", "b", "c"),
			reason: pick("prefix", "cold", "diverted"),
			miss: random() < 0.1 ? pick("expired", "lost") : null,
			status: failed ? pick(400, 401, 429, 499, 529) : 200,
			outcome: failed ? pick("failed", "rejected", "aborted") : "served",
			cost: random() < 0.2 ? null : random(),
		});
	});
	return rows.sort((left, right) => left.ended_at - right.ended_at);
}

/** In chunks of a few rows each, as a quiet gateway leaves them. */
async function fill(database: Database, rows: readonly RequestRow[], random: () => number): Promise<number> {
	let chunks = 0;
	for (let from = 0; from < rows.length; chunks += 1) {
		const batch = new Batch();
		const to = Math.min(rows.length, from + 1 + Math.floor(random() * 9));
		for (const row of rows.slice(from, to)) batch.add(entryOf(row, { tags: [row.id] }));
		await database.bulk(batch.steps(statementsFor(database.kind)));
		from = to;
	}
	return chunks;
}

const FILTERS: readonly (readonly [filter: RequestFilter, means: (row: RequestRow) => boolean])[] = [
	[{}, () => true],
	[{ model: "claude-haiku" }, (row) => row.model === "claude-haiku"],
	[{ keyId: "" }, (row) => row.key_id === null],
	[{ keyId: "key-2", status: "error" }, (row) => row.key_id === "key-2" && row.status >= 400],
	[{ session: "session-3" }, (row) => row.session === "session-3"],
	[{ session: "session-3", agent: "" }, (row) => row.session === "session-3" && row.agent === null],
	[{ status: "429" }, (row) => row.status === 429],
	[{ status: "200" }, (row) => row.status === 200],
	[{ status: "rejected" }, (row) => row.outcome === "rejected"],
	[{ status: "success", modelId: "b" }, (row) => row.outcome === "served" && row.model_id === "b"],
	[{ miss: "any" }, (row) => row.miss !== null],
	[{ miss: "lost", teamId: "team-2" }, (row) => row.miss === "lost" && row.team_id === "team-2"],
	[{ reason: "diverted", agent: "agent-1" }, (row) => row.reason === "diverted" && row.agent === "agent-1"],
	[{ scope: { keyHash: "key-1", userId: "user-2" } }, (row) => row.key_id === "key-1" || row.user_id === "user-2"],
	[{ scope: { keyHash: null, userId: null } }, () => false],
	[{ text: "session-1" }, (row) => row.session?.startsWith("session-1") === true],
	[{ text: "own-1" }, (row) => row.id.startsWith("own-1")],
	[
		{
			text: rowAt(3 * MINUTE)
				.started_at.toString(16)
				.padStart(12, "0")
				.slice(0, 6),
		},
		(row) => !row.id.startsWith("own"),
	],
	[
		{ from: NOON + 2 * MINUTE, to: NOON + 4 * MINUTE + 17_000 },
		(row) => row.started_at >= NOON + 2 * MINUTE && row.started_at < NOON + 4 * MINUTE + 17_000,
	],
	[
		{ from: NOON + MINUTE, to: NOON + 2 * MINUTE, model: "claude-code", userId: "user-1" },
		({ started_at: at, model, user_id }) =>
			at >= NOON + MINUTE && at < NOON + 2 * MINUTE && model === "claude-code" && user_id === "user-1",
	],
	[{ minCost: 0.5, served: false }, (row) => (row.cost ?? 0) >= 0.5 && row.outcome !== "served"],
	[{ model: "nothing" }, () => false],
];

onEachDatabase((databases) => {
	test("every filter gives in every way of paging what a plain list gives, in the same order", async () => {
		await using database = await databases.open();
		const random = seededRandom(7);
		const rows = someRows(400, random);
		expect(await fill(database, rows, random)).toBeGreaterThan(60);
		for (const [filter, means] of FILTERS) {
			const name = JSON.stringify(filter);
			const exported: RequestSummary[] = [];
			for await (const { details, ...row } of eachRequest(database, filter)) {
				expect(details.tags).toEqual([row.id]);
				exported.push(row);
			}
			expect(exported.map(({ id }) => id).sort(), name).toEqual(
				rows
					.filter(means)
					.map(({ id }) => id)
					.sort(),
			);
			const inOrder = [...exported].sort((left, right) => left.started_at - right.started_at || left.seq - right.seq);
			expect(exported, name).toEqual(inOrder);
			const latestFirst = inOrder.reverse();
			const paged: RequestSummary[] = [];
			let cursor: string | undefined;
			do {
				const page = await listRequests(database, filter, { limit: 23, cursor });
				paged.push(...page.requests);
				cursor = page.next ?? undefined;
			} while (cursor !== undefined);
			expect(paged, name).toEqual(latestFirst);
			const numbered = await numberedRequests(database, filter, { page: 2, size: 31 });
			expect(numbered, name).toEqual({ requests: latestFirst.slice(31, 62), total: latestFirst.length });
		}
	});

	test("every request is found by its id, until it is too old with all of its chunk, and its values with it", async () => {
		await using database = await databases.open();
		const random = seededRandom(8);
		const rows = someRows(200, random);
		await fill(database, rows, random);
		for (const { id } of rows) expect(await isLogged(database, id)).toBe(true);
		expect(await isLogged(database, "own-none")).toBe(false);
		const cut = NOON + 2 * MINUTE;
		const chunks = await database.query.selectFrom("request_chunks").select(["last_at", "rows"]).execute();
		const old = chunks.filter(({ last_at }) => last_at < cut).reduce((sum, chunk) => sum + chunk.rows, 0);
		expect(await sweep(database, { maxAgeMs: 1_000, maxBytes: null }, cut + 1_000)).toBe(old);
		const left = (await listRequests(database, {}, { limit: 1_000 })).requests;
		expect(left).toHaveLength(200 - old);
		expect(left.filter(({ started_at }) => started_at >= cut)).toHaveLength(
			rows.filter(({ started_at }) => started_at >= cut).length,
		);
		expect(await sweep(database, { maxAgeMs: 1_000, maxBytes: null }, NOON + 60 * MINUTE)).toBe(200 - old);
		const values = await database.query.selectFrom("request_values").selectAll().execute();
		expect(values).toEqual([]);
	});
});
