// The request log's database dies and comes back, on a clock of events. Half a minute of real time is in test/e2e/postgres-outage.
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/db/open.ts";
import { get, startWorld } from "../harness.ts";
import { postgresPrograms, startPostgres } from "../postgres.ts";

/** So few that a short death fills it. */
const QUEUE = "warmpath: { listen: { port: 0 }, request_log: { queue: 60 } }\n";

describe.skipIf(postgresPrograms() === null)("a database that dies", () => {
	test("fails no request, and the rows that are missing are those that were counted", async () => {
		await using server = await startPostgres();
		await using database = await openDatabase({ kind: "postgres", url: await server.database() });
		await using world = await startWorld({ deployments: ["a", "b"], gateway: { database }, extra: QUEUE });
		const body = JSON.stringify({
			model: "claude-code",
			max_tokens: 5,
			messages: [{ role: "user", content: "hello" }],
		});
		const statuses: number[] = [];
		const load = async (many: number) => {
			const answers = await Promise.all(Array.from({ length: many }, () => world.gateway.post("/v1/messages", body)));
			for (const answer of answers) {
				await answer.arrayBuffer();
				statuses.push(answer.status);
			}
		};
		await load(40);
		const dead = server.kill();
		for (let round = 0; round < 6; round += 1) await load(40);
		await dead;
		await load(40);
		const during = await get<{ error: { message: string } }>(world, "/api/requests", 503);
		expect(during.error.message).toContain("database does not answer");
		expect((await get<{ now: number }>(world, "/api/deployments")).now).toBeGreaterThan(0);
		await server.start();
		await world.gateway.requestLog?.flush();
		await load(20);
		await world.gateway.requestLog?.flush();
		expect(statuses).toEqual(statuses.map(() => 200));
		const overview = await get<{ totals: { requests: number }; log: { lost: number; written: number; failure: null } }>(
			world,
			"/api/overview",
		);
		expect(overview.log.lost).toBeGreaterThan(0);
		expect(overview.log.lost + overview.log.written).toBe(statuses.length);
		expect(overview.totals.requests).toBe(overview.log.written);
		expect(overview.log.failure).toBeNull();
	}, 120_000);
});
