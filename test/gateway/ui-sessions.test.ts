// Sessions of the UI over several gateways: what ends them, everywhere and for good, and what signs them.
import { createHash, createHmac } from "node:crypto";
import { expect, test, vi } from "vitest";
import type { AccessTables } from "../../src/access/tables.ts";
import { Secret } from "../../src/config/secret.ts";
import { derivedSecret, stretchedKey } from "../../src/config/stretched-key.ts";
import type { Database } from "../../src/db/database.ts";
import { openDatabase } from "../../src/db/open.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { onEachDatabase } from "../databases.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";

const LINES = [{ id: "a", apiBase: "http://127.0.0.1:9" }];
const HOUR_MS = 3_600_000;

type Json = Record<string, unknown>;

async function call(
	gateway: Pick<RunningGateway, "url">,
	path: string,
	content: Json | null,
	headers: Record<string, string>,
) {
	const response = await fetch(`${gateway.url}${path}`, {
		method: content === null ? "GET" : "POST",
		headers: { "content-type": "application/json", ...headers },
		...(content === null ? {} : { body: JSON.stringify(content) }),
	});
	return { status: response.status, headers: response.headers, body: (await response.json()) as Json };
}

const asMaster = { "x-api-key": MASTER_KEY };

/** The cookie of a new session. */
async function logIn(gateway: Pick<RunningGateway, "url">, key: string): Promise<string> {
	const { status, headers } = await call(gateway, "/api/login", { key }, {});
	expect(status).toBe(200);
	return headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function statusOf(gateway: Pick<RunningGateway, "url">, cookie: string): Promise<number> {
	return (await call(gateway, "/api/me", null, { cookie })).status;
}

/** Two gateways on one database; `later` is up to a second later, for both. */
async function replicas(database: Database, now?: () => number) {
	vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
	const options = { database, ...(now === undefined ? {} : { now }) };
	const here = await startTestGateway(deploymentsConfig(LINES), options);
	const there = await startTestGateway(deploymentsConfig(LINES), options);
	return {
		here,
		there,
		async expectOver(cookie: string): Promise<void> {
			vi.advanceTimersByTime(1_000);
			for (const gateway of [here, there]) {
				await expect.poll(() => statusOf(gateway, cookie), { timeout: 10_000 }).toBe(401);
			}
		},
		async [Symbol.asyncDispose]() {
			vi.useRealTimers();
			await here.close(0);
			await there.close(0);
		},
	};
}

/** An administrator's key: of a user with that role, in a team. */
async function adminKey(gateway: Pick<RunningGateway, "url">, fields: Json = {}): Promise<string> {
	await call(gateway, "/team/new", { team_id: "ops" }, asMaster);
	await call(gateway, "/user/new", { user_id: "ada", user_role: "proxy_admin", auto_create_key: false }, asMaster);
	const made = await call(gateway, "/key/generate", { user_id: "ada", team_id: "ops", ...fields }, asMaster);
	expect(made.status).toBe(200);
	return String(made.body["key"]);
}

type Change = (post: (path: string, content: Json) => Promise<unknown>, key: string) => Promise<unknown>;

const ENDING: readonly (readonly [string, Change])[] = [
	["its key is regenerated", (post, key) => post("/key/regenerate", { key })],
	[
		"its key is given a secret of the operator's choice",
		(post, key) => post("/key/regenerate", { key, new_key: "sk-another-long-secret" }),
	],
	["its key is deleted", (post, key) => post("/key/delete", { keys: [key] })],
	[
		"its key is blocked, also when it is unblocked again",
		async (post, key) => {
			await post("/key/block", { key });
			await post("/key/unblock", { key });
		},
	],
	["its key becomes another type's", (post, key) => post("/key/update", { key, key_type: "read_only" })],
	["its key goes to another user", (post, key) => post("/key/update", { key, user_id: "bob" })],
	["its user gets another role", (post) => post("/user/update", { user_id: "ada", user_role: "internal_user" })],
	[
		"its user had another role for a while",
		async (post) => {
			await post("/user/update", { user_id: "ada", user_role: "internal_user" });
			await post("/user/update", { user_id: "ada", user_role: "proxy_admin" });
		},
	],
	[
		"its team is blocked, also when it is unblocked again",
		async (post) => {
			await post("/team/block", { team_id: "ops" });
			await post("/team/unblock", { team_id: "ops" });
		},
	],
];

onEachDatabase(({ open, location }) => {
	test.each(ENDING)("a session ends within a second on every gateway when %s", async (_, change) => {
		await using database = await open();
		await using world = await replicas(database);
		const { here, there } = world;
		const key = await adminKey(here);
		await there.access.sync();
		const cookie = await logIn(there, key);
		expect([await statusOf(here, cookie), await statusOf(there, cookie)]).toEqual([200, 200]);
		await change(async (path, content) => expect((await call(here, path, content, asMaster)).status).toBe(200), key);
		await world.expectOver(cookie);
		for (const gateway of [here, there]) {
			expect((await call(gateway, "/key/generate", {}, { cookie })).status).toBe(401);
		}
	});

	test("a session stays when its key's limits, name or models change", async () => {
		await using database = await open();
		await using world = await replicas(database);
		const key = await adminKey(world.here);
		const cookie = await logIn(world.here, key);
		const change = { key, max_budget: 5, key_alias: "renamed", models: ["claude-code"] };
		expect((await call(world.here, "/key/update", change, asMaster)).status).toBe(200);
		await world.there.access.sync();
		expect([await statusOf(world.here, cookie), await statusOf(world.there, cookie)]).toEqual([200, 200]);
	});

	test("who logs in with the new secret right after a change gets a session that lasts", async () => {
		await using database = await open();
		await using world = await replicas(database);
		const key = await adminKey(world.here);
		const made = await call(world.here, "/key/regenerate", { key }, asMaster);
		const cookie = await logIn(world.here, String(made.body["key"]));
		await world.here.access.sync();
		await world.there.access.sync();
		expect([await statusOf(world.here, cookie), await statusOf(world.there, cookie)]).toEqual([200, 200]);
	});

	test("logging out counts on every gateway, after their restart, and is forgotten when the session would have ended", async () => {
		await using database = await openDatabase(await location());
		let time = Date.parse("2026-01-01T00:00:00Z");
		const now = () => time;
		{
			await using world = await replicas(database, now);
			const cookie = await logIn(world.here, MASTER_KEY);
			const other = await logIn(world.here, MASTER_KEY);
			expect((await call(world.here, "/api/logout", {}, { cookie })).status).toBe(200);
			await world.expectOver(cookie);
			expect(await statusOf(world.there, other)).toBe(200);
			await using later = await startTestGateway(deploymentsConfig(LINES), { database, now });
			expect([await statusOf(later, cookie), await statusOf(later, other)]).toEqual([401, 200]);
			const kept = () => database.query.withTables<AccessTables>().selectFrom("access_logouts").selectAll().execute();
			expect(await kept()).toHaveLength(1);
			time += 14 * HOUR_MS;
			await world.here.access.sync();
			expect(await kept()).toEqual([]);
			expect(await statusOf(world.here, cookie)).toBe(401);
		}
	});

	test("a session cannot be forged by who knows the master key's hash, nor by who guessed the key but has not the database's secret", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		const genuine = (await logIn(gateway, MASTER_KEY)).split("=")[1] ?? "";
		const [payload = ""] = genuine.split(".");
		const secrets = [
			createHash("sha256").update("warmpath sessions 1\0").update(MASTER_KEY).digest(),
			createHash("sha256").update(MASTER_KEY).digest(),
			derivedSecret(await stretchedKey(new Secret(MASTER_KEY)), "sessions"),
		];
		for (const secret of secrets) {
			const signed = createHmac("sha256", secret).update("warmpath session 2\0").update(payload).digest("base64url");
			expect(`${payload}.${signed}`).not.toBe(genuine);
			expect(await statusOf(gateway, `warmpath_session=${payload}.${signed}`)).toBe(401);
		}
		expect(await statusOf(gateway, `warmpath_session=${genuine}`)).toBe(200);
	});

	test("another master key ends the sessions of the one before", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		const cookie = await logIn(gateway, MASTER_KEY);
		await gateway.reload({ ...deploymentsConfig(LINES), masterKey: new Secret("sk-another-master") });
		expect(await statusOf(gateway, cookie)).toBe(401);
	});
});

const FILE_KEY = "warmpath: { listen: { port: 0 }, keys: [{ key_alias: bob, key: sk-file-key-of-bob }] }\n";

test("without a database gateways of one master key take each other's sessions, and each keeps who logged out in memory", async () => {
	await using here = await startTestGateway(deploymentsConfig(LINES, FILE_KEY));
	await using there = await startTestGateway(deploymentsConfig(LINES, FILE_KEY));
	for (const key of [MASTER_KEY, "sk-file-key-of-bob"]) {
		const cookie = await logIn(here, key);
		expect([await statusOf(here, cookie), await statusOf(there, cookie)]).toEqual([200, 200]);
		expect((await call(here, "/api/logout", {}, { cookie })).status).toBe(200);
		expect(await statusOf(here, cookie)).toBe(401);
	}
});

test("without a database the session of a key in the file ends when the file gives it another secret", async () => {
	await using gateway = await startTestGateway(deploymentsConfig(LINES, FILE_KEY));
	const cookie = await logIn(gateway, "sk-file-key-of-bob");
	await gateway.reload(deploymentsConfig(LINES, FILE_KEY));
	expect(await statusOf(gateway, cookie)).toBe(200);
	await gateway.reload(deploymentsConfig(LINES, FILE_KEY.replace("sk-file-key-of-bob", "sk-other-key-of-bob")));
	expect(await statusOf(gateway, cookie)).toBe(401);
});
