// A machine's clock that jumps and is put right: what ends by the true time, and what goes on evenly.
import { expect, test } from "vitest";
import { openDatabase } from "../../src/db/open.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";
import { body } from "../keyed-world.ts";

const HOUR_MS = 3_600_000;

/** A world whose clock the test sets; `pass` lets time go by. */
async function start() {
	const time = { wall: Date.parse("2026-01-10T12:00:00Z"), steady: 5_000 };
	const database = await openDatabase({ kind: "sqlite", path: ":memory:" });
	const world = await startWorld({
		deployments: ["one"],
		gateway: { database, now: () => time.wall, steady: () => time.steady },
	});
	const { gateway } = world;
	return {
		gateway,
		pass(ms: number): void {
			time.wall += ms;
			time.steady += ms;
		},
		/** The clock is set, by whoever sets clocks. */
		jump(ms: number): void {
			time.wall += ms;
		},
		async key(fields: object): Promise<string> {
			const made = await gateway.post("/key/generate", JSON.stringify(fields));
			return ((await made.json()) as { readonly key: string }).key;
		},
		async ask(key: string): Promise<number> {
			const answer = await gateway.post("/v1/messages", body(), { "x-api-key": key });
			await answer.text();
			return answer.status;
		},
		async [Symbol.asyncDispose]() {
			await world[Symbol.asyncDispose]();
			await database.close();
		},
	};
}

test("a clock that was hours ahead for a moment does not leave keys expired", async () => {
	await using world = await start();
	const key = await world.key({ duration: "1h" });
	expect(await world.ask(key)).toBe(200);
	world.jump(6 * HOUR_MS);
	expect(await world.ask(key)).toBe(401);
	world.jump(-6 * HOUR_MS);
	expect(await world.ask(key)).toBe(200);
	world.pass(0.9 * HOUR_MS);
	expect(await world.ask(key)).toBe(200);
	world.pass(0.2 * HOUR_MS);
	expect(await world.ask(key)).toBe(401);
});

test("nor sessions of the UI", async () => {
	await using world = await start();
	const login = await fetch(`${world.gateway.url}/api/login`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ key: MASTER_KEY }),
	});
	const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
	const me = async () => (await fetch(`${world.gateway.url}/api/me`, { headers: { cookie } })).status;
	world.jump(20 * HOUR_MS);
	expect(await me()).toBe(401);
	world.jump(-20 * HOUR_MS);
	expect(await me()).toBe(200);
	world.pass(13 * HOUR_MS);
	expect(await me()).toBe(401);
});

test.each([
	["ahead", 6 * HOUR_MS],
	["back", -6 * HOUR_MS],
])("a limit by the minute lets in again after a minute also when the clock is set %s in it", async (_, jump) => {
	await using world = await start();
	const key = await world.key({ rpm_limit: 1 });
	expect(await world.ask(key)).toBe(200);
	world.jump(jump);
	expect(await world.ask(key)).toBe(429);
	world.jump(-jump);
	expect(await world.ask(key)).toBe(429);
	world.pass(62_000);
	expect(await world.ask(key)).toBe(200);
});

test("failed log-ins are forgotten after five minutes whatever the clock was set to", async () => {
	await using world = await start();
	const guess = async () => {
		const answer = await fetch(`${world.gateway.url}/api/login`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ key: "sk-a-wrong-guess" }),
		});
		return answer.status;
	};
	for (let each = 0; each < 10; each += 1) expect(await guess()).toBe(401);
	world.jump(-6 * HOUR_MS);
	expect(await guess()).toBe(429);
	world.pass(300_000);
	expect(await guess()).toBe(401);
});

test("requests are recorded at the true time after the clock was put right", async () => {
	await using world = await start();
	world.jump(6 * HOUR_MS);
	expect(await world.ask(MASTER_KEY)).toBe(200);
	world.jump(-6 * HOUR_MS);
	world.pass(1_000);
	expect(await world.ask(MASTER_KEY)).toBe(200);
	await world.gateway.requestLog?.flush();
	const listed = await fetch(`${world.gateway.url}/api/requests`, { headers: { "x-api-key": MASTER_KEY } });
	const { requests } = (await listed.json()) as { readonly requests: readonly { readonly started_at: number }[] };
	const times = requests.map(({ started_at: at }) => new Date(at).toISOString()).sort();
	expect(times).toEqual(["2026-01-10T12:00:01.000Z", "2026-01-10T18:00:00.000Z"]);
});

test("a budget's window goes on where it was when the clock was ahead for a moment", async () => {
	await using world = await start();
	const key = await world.key({ key_alias: "small", max_budget: 0.00001, budget_duration: "1h" });
	const spend = async () => {
		const info = await fetch(`${world.gateway.url}/key/info?key=${key}`, { headers: { "x-api-key": MASTER_KEY } });
		return ((await info.json()) as { readonly info: { readonly spend: number } }).info.spend;
	};
	expect(await world.ask(key)).toBe(200);
	const before = await spend();
	expect(before).toBeGreaterThan(0.00001);
	expect(await world.ask(key)).toBe(429);
	await world.gateway.access.sync();
	world.jump(6 * HOUR_MS);
	expect(await world.ask(key)).toBe(200);
	await world.gateway.access.sync();
	world.jump(-6 * HOUR_MS);
	expect(await spend()).toBe(before);
	expect(await world.ask(key)).toBe(429);
	await world.gateway.access.sync();
	expect(await spend()).toBe(before);
	world.pass(HOUR_MS);
	expect(await world.ask(key)).toBe(200);
});
