// The promise about the log's database: a Postgres that is killed under load and stays away for thirty seconds fails no request, and what
// is missing afterwards is what was counted. Waits out the real half minute, since the promise is about one: pools, time-outs and retries
// run by the wall clock. Shorter deaths, on a clock of events, are in test/gateway/log.
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/db/open.ts";
import { eachRequest, type RequestSummary } from "../../src/requestlog/requests.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";
import { postgresPrograms, startPostgres } from "../postgres.ts";

const OUTAGE_MS = 30_000;
/** Requests under way at once, before, during and after. */
const CLIENTS = 8;
const REQUEST = JSON.stringify({
	model: "claude-code",
	max_tokens: 5,
	messages: [{ role: "user", content: "hello" }],
});
/** A queue that the outage overflows, so that there is a loss to count. */
const QUEUE = "warmpath: { listen: { port: 0 }, request_log: { queue: 1000 } }\n";

type World = Awaited<ReturnType<typeof startWorld>>;

/** Clients that send one request after another, and what became of these. */
class Load {
	readonly statuses = new Map<number, number>();
	readonly ids: string[] = [];
	/** ms. */
	slowest = 0;
	readonly #world: World;
	readonly #key: string;

	constructor(world: World, key: string) {
		this.#world = world;
		this.#key = key;
	}

	async runWhile(more: () => boolean): Promise<void> {
		const client = async () => {
			while (more()) await this.#one();
		};
		await Promise.all(Array.from({ length: CLIENTS }, client));
	}

	async #one(): Promise<void> {
		const before = performance.now();
		const answer = await this.#world.gateway.post("/v1/messages", REQUEST, { "x-api-key": this.#key });
		await answer.arrayBuffer();
		this.slowest = Math.max(this.slowest, performance.now() - before);
		this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
		this.ids.push(answer.headers.get("x-litellm-call-id") ?? "");
	}
}

describe.skipIf(postgresPrograms() === null)("Postgres away for thirty seconds under load", () => {
	test("fails no request; the missing rows are those that were counted; spend is whole", async () => {
		await using server = await startPostgres();
		await using database = await openDatabase({ kind: "postgres", url: await server.database() });
		await using world = await startWorld({ deployments: ["a", "b"], gateway: { database }, extra: QUEUE });
		const control = async (path: string, body?: object) => {
			const headers = { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" };
			const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
			const answer = await fetch(`${world.gateway.url}${path}`, { headers, ...sent });
			return (await answer.json()) as Record<string, never>;
		};
		const { key } = await control("/key/generate", { key_alias: "steady", max_budget: 1_000, rpm_limit: 1_000_000 });

		const load = new Load(world, String(key));
		let left = 300;
		await load.runWhile(() => left-- > 0);
		const killed = performance.now();
		const dead = server.kill();
		await load.runWhile(() => performance.now() - killed < OUTAGE_MS);
		await dead;
		const during = world.gateway.requestLog?.stats();
		expect(during?.failure).not.toBeNull();
		await server.start();
		const awayMs = performance.now() - killed;
		left = 300;
		await load.runWhile(() => left-- > 0);
		await world.gateway.requestLog?.flush();

		const { ids } = load;
		expect(Object.fromEntries(load.statuses)).toEqual({ 200: ids.length });
		const stats = world.gateway.requestLog?.stats() ?? { lost: 0, written: 0 };
		const rows: RequestSummary[] = [];
		for await (const row of eachRequest(database, {}, { details: false })) rows.push(row);
		const written = new Set(rows.map(({ id }) => id));
		const missing = ids.filter((id) => !written.has(id)).length;
		expect(stats).toMatchObject({ queued: 0, failure: null, lost: missing, written: ids.length - missing });
		expect(missing).toBeGreaterThan(0);
		const overview = await control("/api/overview");
		expect(overview["totals"]?.["requests"]).toBe(rows.length);

		// Every dollar of the outage is charged: spend waits in memory, it is not part of the queue that overflows.
		await world.gateway.access.sync();
		const { info } = await control(`/key/info?key=${String(key)}`);
		const each = rows.reduce((sum, { cost }) => sum + (cost ?? 0), 0) / rows.length;
		expect(Number(info?.["spend"])).toBeCloseTo(each * ids.length, 6);
		console.log(
			`Postgres was away for ${(awayMs / 1000).toFixed(1)} s: ${ids.length} requests, none failed, slowest ${load.slowest.toFixed(0)} ms, ${missing} rows lost and counted`,
		);
	}, 120_000);
});
