// What the control plane is sent that no database or reader can hold: a clear 400 on both databases, and 503 only where the database is away.
import { expect, test } from "vitest";
import { Secret } from "../../src/config/secret.ts";
import { failureKind } from "../../src/db/failure-kind.ts";
import { onEachDatabase } from "../databases.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";

const LINES = [{ id: "a", apiBase: "http://127.0.0.1:9" }];

type World = Awaited<ReturnType<typeof startTestGateway>>;

async function get(gateway: World, path: string) {
	const response = await fetch(`${gateway.url}${path}`, { headers: { "x-api-key": MASTER_KEY } });
	return { status: response.status, text: await response.text() };
}

async function post(gateway: World, path: string, body: string | Uint8Array) {
	const response = await gateway.post(path, body);
	return { status: response.status, text: await response.text() };
}

const QUERIES = [
	"/api/requests?q=a%00b",
	"/api/requests?model=%00",
	"/api/requests?key=a%00",
	"/api/requests/a%00b",
	"/api/sessions?q=%00",
	"/api/sessions/a%00b",
	"/api/ledger?by=model&key=%00",
	"/api/overview?team=%00",
	"/key/info?key=a%00b",
	"/key/list?key_alias=%00",
	"/team/info?team_id=%00",
	"/user/list?user_email=%00",
	"/budget/info?budget_id=%00",
	"/customer/info?end_user_id=%00",
	"/spend/logs?user_id=%00",
	"/spend/logs?request_id=a%00",
	"/api/requests?q=%ff%fe",
	"/api/requests/%c3%28",
	"/api/requests?%00=1",
];

const BODIES: readonly (readonly [string, object])[] = [
	["/key/generate", { key_alias: "a\0b" }],
	["/key/generate", { metadata: { deep: [{ "a\0": 1 }] } }],
	["/key/update", { key: "a\0b", max_budget: 1 }],
	["/key/delete", { keys: ["a\0b"] }],
	["/key/block", { key: "\0" }],
	["/team/new", { team_id: "a\0b" }],
	["/team/new", { team_id: "half", team_alias: "\ud800" }],
	["/team/member_add", { team_id: "a\0b", member: { user_id: "u", role: "user" } }],
	["/user/new", { user_id: "a\0b" }],
	["/user/delete", { user_ids: ["a\0"] }],
	["/customer/new", { user_id: "a\0b" }],
	["/budget/new", { budget_id: "a\0b" }],
	["/api/login", { key: "sk-\0" }],
];

onEachDatabase(({ open }) => {
	test("a NUL, or what is no UTF-8, in a path or a filter is a 400 that names the field", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		for (const path of QUERIES) expect([path, (await get(gateway, path)).status]).toEqual([path, 400]);
		expect((await get(gateway, "/api/requests?q=a%00b")).text).toContain("q: holds a NUL character");
		expect((await get(gateway, "/api/requests?q=100%")).status).toBe(200);
	});

	test("in a body too, at any depth", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		for (const [path, body] of BODIES) {
			expect([path, (await post(gateway, path, JSON.stringify(body))).status]).toEqual([path, 400]);
		}
		expect((await post(gateway, "/key/generate", JSON.stringify({ metadata: { a: "\0" } }))).text).toContain(
			"metadata.a: holds a NUL character",
		);
	});

	test("a body nested too deeply, or that is no UTF-8, is a 400", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		for (const path of ["/key/generate", "/team/new", "/api/login", "/api/explain", "/budget/new"]) {
			for (const depth of [65, 5_000, 100_000]) {
				const lists = `{"metadata":${"[".repeat(depth)}${"]".repeat(depth)}}`;
				expect([path, depth, (await post(gateway, path, lists)).status]).toEqual([path, depth, 400]);
				const objects = `{"metadata":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
				expect([path, depth, (await post(gateway, path, objects)).status]).toEqual([path, depth, 400]);
			}
			expect((await post(gateway, path, Buffer.from('{"key_alias":"\xff"}', "latin1"))).status).toBe(400);
		}
		const flat = JSON.stringify({ metadata: { text: "[[[[".repeat(100) } });
		expect((await post(gateway, "/key/generate", flat)).status).toBe(200);
	});

	test("what fails in the database for another reason than its being away is a 500 that says nothing", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		await database.query.schema.dropTable("sessions").execute();
		const answer = await get(gateway, "/api/sessions");
		expect(answer.status).toBe(500);
		expect(answer.text).not.toContain("sessions");
		expect(gateway.logLines.join()).toContain("GET /api/sessions failed inside the gateway");
	});

	test("the master key's text becomes neither a key nor part of a record", async () => {
		await using database = await open();
		await using gateway = await startTestGateway(deploymentsConfig(LINES), { database });
		const made = await post(gateway, "/key/generate", JSON.stringify({ key_alias: "one" }));
		const { key } = JSON.parse(made.text) as { readonly key: string };
		await post(gateway, "/team/new", JSON.stringify({ team_id: "ops" }));
		const tries: readonly (readonly [string, object])[] = [
			["/key/generate", { key: MASTER_KEY }],
			["/key/service-account/generate", { key: MASTER_KEY, team_id: "ops" }],
			["/key/regenerate", { key, new_key: MASTER_KEY }],
			[`/key/${key}/regenerate`, { new_key: MASTER_KEY }],
			["/key/generate", { key_alias: MASTER_KEY }],
			["/key/generate", { metadata: { note: [MASTER_KEY] } }],
			["/key/update", { key, key_alias: MASTER_KEY }],
			["/team/new", { team_id: MASTER_KEY }],
			["/team/new", { team_id: "t", team_alias: MASTER_KEY }],
			["/user/new", { user_id: MASTER_KEY }],
			["/budget/new", { budget_id: MASTER_KEY }],
			["/customer/new", { user_id: MASTER_KEY }],
		];
		for (const [path, body] of tries) {
			const answer = await post(gateway, path, JSON.stringify(body));
			expect([path, answer.status, answer.text.includes(MASTER_KEY)]).toEqual([path, 400, false]);
		}
	});

	test("a master key that is an existing key's secret is warned of, at the start and at a reload", async () => {
		await using database = await open();
		const config = deploymentsConfig(LINES);
		const secret = "sk-chosen-by-somebody-4711";
		await using gateway = await startTestGateway(config, { database });
		await post(gateway, "/key/generate", JSON.stringify({ key: secret, key_alias: "low" }));
		const changed = { ...config, masterKey: new Secret(secret) };
		await gateway.reload(changed);
		expect(gateway.logLines.join()).toContain("is the secret of the key 'low'");
		await using later = await startTestGateway(changed, { database });
		expect(later.logLines.join()).toContain("is the secret of the key 'low'");
	});
});

test.each([
	["a refused connection", Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }), "away"],
	["a connection that ended", new Error("Connection terminated unexpectedly"), "away"],
	["a server that shuts down", Object.assign(new Error("x"), { severity: "FATAL", code: "57P01" }), "away"],
	["too many connections", Object.assign(new Error("x"), { severity: "FATAL", code: "53300" }), "away"],
	["a deadlock", Object.assign(new Error("x"), { severity: "ERROR", code: "40P01" }), "away"],
	["a NUL", Object.assign(new Error("x"), { severity: "ERROR", code: "22021" }), "input"],
	["a missing table", Object.assign(new Error("x"), { severity: "ERROR", code: "42P01" }), "fault"],
	["a constraint", Object.assign(new Error("x"), { severity: "ERROR", code: "23505" }), "fault"],
	["a bug", new TypeError("x is not a function"), "fault"],
])("%s is distinguished", (_, error, kind) => {
	expect(failureKind(error)).toBe(kind);
});
