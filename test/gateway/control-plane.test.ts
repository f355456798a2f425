// The control plane over real sockets: LiteLLM's endpoints of keys, teams, users, customers and budgets, who may use them, and log-in.
import { describe, expect, test } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { onEachDatabase } from "../databases.ts";
import { configFrom, deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";

type Json = Record<string, unknown>;

async function startOn(database: Database, now?: () => number) {
	const config = deploymentsConfig([{ id: "a", apiBase: "http://127.0.0.1:9" }]);
	const gateway = await startTestGateway(config, { database, ...(now === undefined ? {} : { now }) });
	const call = async (
		path: string,
		content?: unknown,
		key: string | null = MASTER_KEY,
		headers: Record<string, string> = {},
	) => {
		const response = await fetch(`${gateway.url}${path}`, {
			method: content === undefined ? "GET" : "POST",
			headers: { "content-type": "application/json", ...(key === null ? {} : { "x-api-key": key }), ...headers },
			...(content === undefined ? {} : { body: JSON.stringify(content) }),
		});
		const text = await response.text();
		return { status: response.status, headers: response.headers, body: JSON.parse(text) as Json };
	};
	return {
		gateway,
		call,
		/** Makes a key; gives its secret. */
		async key(fields: object): Promise<string> {
			return String((await call("/key/generate", fields)).body["key"]);
		},
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await database.close();
		},
	};
}

type Who = "admin" | "viewer" | "owner" | "reader" | "model" | "nobody";
type Statuses = Readonly<Record<Who, number>>;

const TO_CHANGE: Statuses = { admin: 200, viewer: 403, owner: 403, reader: 403, model: 403, nobody: 401 };
const TO_READ: Statuses = { ...TO_CHANGE, viewer: 200, reader: 200 };
const OWN: Statuses = { ...TO_READ, owner: 200 };
/** To its owner what is not theirs does not exist. */
const OF_OTHERS: Statuses = { ...TO_READ, owner: 404 };

/** What each of them is answered. */
const ANSWERED: readonly (readonly [path: string, body: unknown, statuses: Statuses])[] = [
	["/key/generate", {}, TO_CHANGE],
	["/team/update", { team_id: "mine" }, TO_CHANGE],
	["/user/list", undefined, TO_READ],
	["/customer/list", undefined, TO_READ],
	["/budget/list", undefined, TO_READ],
	["/health", undefined, TO_READ],
	["/route/explain", { model: "claude-code", max_tokens: 1, messages: [] }, { ...TO_CHANGE, viewer: 200, model: 200 }],
	["/key/info", undefined, OWN],
	["/key/info?key=admin", undefined, OF_OTHERS],
	["/user/info?user_id=owner", undefined, OWN],
	["/user/info?user_id=admin", undefined, OF_OTHERS],
	["/team/info?team_id=mine", undefined, OWN],
	["/team/info?team_id=others", undefined, OF_OTHERS],
];

onEachDatabase(({ open }) => {
	const start = async (now?: () => number) => startOn(await open(), now);

	describe("keys", () => {
		test("are made with LiteLLM's fields, shown without their secret, changed, blocked, replaced and removed", async () => {
			await using w = await start(() => Date.parse("2026-01-01T00:00:00Z"));
			const made = await w.call("/key/generate", {
				key_alias: "laptop",
				models: ["claude-code"],
				duration: "30d",
				max_budget: 5,
				soft_budget: 4,
				budget_duration: "24h",
				tpm_limit: 1000,
				model_max_budget: { opus: { budget_limit: 1, time_period: "1d" } },
				metadata: { owner: "me" },
				tags: ["dev"],
				permissions: {},
				guardrails: null,
			});
			expect(made.status).toBe(200);
			const secret = String(made.body["key"]);
			expect(secret).toMatch(/^sk-[\w-]{32}$/);
			expect(made.body).toMatchObject({
				key_alias: "laptop",
				expires: "2026-01-31T00:00:00.000Z",
				max_budget: 5,
				spend: 0,
				budget_reset_at: "2026-01-02T00:00:00.000Z",
				model_max_budget: { opus: { max_budget: 1, budget_duration: "1d" } },
				created_by: "master",
				key_name: `sk-...${secret.slice(-4)}`,
			});
			const token = String(made.body["token"]);
			const info = await w.call(`/key/info?key=${secret}`);
			expect(info.body).toMatchObject({ key: token, info: { key_alias: "laptop", metadata: { owner: "me" } } });
			expect(JSON.stringify(info.body)).not.toContain(secret);
			expect((await w.call("/key/update", { key: token, max_budget: 7, tags: null })).body).toMatchObject({
				max_budget: 7,
				tags: [],
				key_alias: "laptop",
			});
			expect((await w.call("/key/block", { key: secret })).body["blocked"]).toBe(true);
			expect((await w.call("/v1/models", undefined, secret)).status).toBe(401);
			expect((await w.call("/key/unblock", { key: secret })).body["blocked"]).toBe(false);
			expect((await w.call("/v1/models", undefined, secret)).status).toBe(200);
			const again = await w.call("/key/regenerate", { key: secret });
			const next = String(again.body["key"]);
			expect(again.body).toMatchObject({ key_alias: "laptop", max_budget: 7, key_id: made.body["key_id"] });
			expect((await w.call("/v1/models", undefined, secret)).status).toBe(401);
			expect((await w.call("/v1/models", undefined, next)).status).toBe(200);
			expect((await w.call(`/key/${String(again.body["token"])}/regenerate`, {})).status).toBe(200);
			expect((await w.call("/key/delete", { key_aliases: ["laptop"] })).status).toBe(200);
			expect((await w.call("/key/info?key=laptop")).status).toBe(404);
		});

		test("what cannot be obeyed is refused, by the name of the field", async () => {
			await using w = await start();
			const cases: readonly [Json, RegExp][] = [
				[{ max_budget: -1 }, /max_budget/],
				[{ budget_duration: "soon" }, /budget_duration: expected a duration/],
				[{ duration: "forever" }, /duration/],
				[{ key: "sk-short" }, /key: expected at least 16/],
				[{ key: "not-sk-but-long-enough" }, /sk-/],
				[{ guardrails: ["pii"] }, /guardrails: is not supported/],
				[{ allowed_routes: ["/x"] }, /allowed_routes/],
				[{ models: "claude" }, /models/],
			];
			for (const [fields, message] of cases) {
				const refused = await w.call("/key/generate", fields);
				expect([refused.status, JSON.stringify(refused.body)]).toEqual([400, expect.stringMatching(message)]);
			}
			expect((await w.call("/key/generate", { team_id: "nobody" })).status).toBe(404);
			expect((await w.call("/key/generate", { key: "sk-chosen-by-the-operator" })).body["key"]).toBe(
				"sk-chosen-by-the-operator",
			);
			expect((await w.call("/key/generate", { key: "sk-chosen-by-the-operator" })).status).toBe(409);
			expect((await w.call("/key/info?key=sk-unknown-secret")).body).toMatchObject({
				error: { message: "There is no key 'sk-...cret'." },
			});
		});

		test("lists are paged by page or cursor, and filtered", async () => {
			await using w = await start();
			await w.call("/team/new", { team_id: "t" });
			for (let i = 0; i < 5; i += 1) await w.key({ key_alias: `k${i}`, ...(i % 2 === 0 ? { team_id: "t" } : {}) });
			const first = await w.call("/key/list?size=2");
			expect(first.body).toMatchObject({ total_count: 5, total_pages: 3, current_page: 1 });
			const seen: unknown[] = [];
			let cursor: unknown = null;
			do {
				const page = await w.call(`/key/list?limit=2${cursor === null ? "" : `&cursor=${String(cursor)}`}`);
				seen.push(...(page.body["keys"] as readonly Json[]).map((key) => key["key_alias"]));
				cursor = page.body["next_cursor"];
			} while (cursor !== null);
			expect([...seen].sort()).toEqual(["k0", "k1", "k2", "k3", "k4"]);
			expect((await w.call("/key/list?team_id=t")).body["total_count"]).toBe(3);
			expect((await w.call("/key/list?key_alias=K1")).body["total_count"]).toBe(1);
			expect((await w.call("/key/list?cursor=nonsense")).status).toBe(400);
		});
	});

	test("teams, users, customers and budgets are made, shown, changed, listed and removed", async () => {
		await using w = await start();
		expect(
			(await w.call("/budget/new", { budget_id: "b", max_budget: 3, budget_duration: "1mo" })).body["max_budget"],
		).toBe(3);
		expect((await w.call("/budget/update", { budget_id: "b", rpm_limit: 9 })).body).toMatchObject({
			max_budget: 3,
			rpm_limit: 9,
		});
		expect((await w.call("/budget/info", { budgets: ["b"] })).body).toMatchObject([{ budget_id: "b" }]);
		expect((await w.call("/budget/list")).body).toMatchObject({ total_count: 1 });

		expect((await w.call("/team/new", { team_id: "t", team_alias: "Platform", budget_id: "b" })).body).toMatchObject({
			team_id: "t",
		});
		expect((await w.call("/team/new", { team_id: "t" })).status).toBe(409);
		await w.call("/team/member_add", { team_id: "t", member: { user_id: "u", role: "admin" } });
		await w.call("/team/member_add", { team_id: "t", member: [{ user_id: "v", role: "user" }] });
		await w.call("/team/member_delete", { team_id: "t", user_id: "v" });
		expect((await w.call("/team/info?team_id=t")).body["team_info"]).toMatchObject({
			team_alias: "Platform",
			members_with_roles: [{ user_id: "u", role: "admin" }],
			budget_windows: [{ budget_duration: "1mo", max_budget: 3, spend: 0 }],
		});
		expect((await w.call("/team/update", { team_id: "t", rpm_limit: 4 })).body["rpm_limit"]).toBe(4);
		expect((await w.call("/team/block", { team_id: "t" })).body["blocked"]).toBe(true);
		expect((await w.call("/team/unblock", { team_id: "t" })).body["blocked"]).toBe(false);
		expect((await w.call("/team/list?user_id=u")).body["total_count"]).toBe(1);
		expect((await w.call("/budget/delete", { id: "b" })).body).toMatchObject({
			error: { message: /team 't' still names it/ },
		});

		const user = await w.call("/user/new", { user_id: "u", user_email: "u@example.com", user_role: "internal_user" });
		expect(String(user.body["key"])).toMatch(/^sk-/);
		expect((await w.call("/user/update", { user_id: "u", max_budget: 1 })).body["max_budget"]).toBe(1);
		expect((await w.call("/user/info?user_id=u")).body["keys"]).toHaveLength(1);
		expect((await w.call("/user/list?user_email=EXAMPLE")).body["total_count"]).toBe(1);

		await w.call("/customer/new", { user_id: "c", max_budget: 1 });
		expect((await w.call("/end_user/info?end_user_id=c")).body["user_id"]).toBe("c");
		expect((await w.call("/customer/update", { user_id: "c", rpm_limit: 1 })).body["rpm_limit"]).toBe(1);
		expect((await w.call("/customer/block", { user_ids: ["c"] })).body["blocked_users"]).toMatchObject([
			{ blocked: true },
		]);
		expect((await w.call("/customer/unblock", { user_ids: ["c"] })).status).toBe(200);
		expect((await w.call("/customer/list")).body["total_count"]).toBe(1);
		expect((await w.call("/customer/delete", { user_ids: ["c"] })).status).toBe(200);
		expect((await w.call("/customer/info?end_user_id=c")).status).toBe(404);

		const teams = await w.key({ team_id: "t" });
		expect((await w.call("/team/delete", { team_ids: ["t"] })).body["deleted_keys"]).toHaveLength(1);
		expect((await w.call("/v1/models", undefined, teams)).status).toBe(401);
		expect((await w.call("/user/delete", { user_ids: ["u"] })).body["deleted_keys"]).toHaveLength(1);
		expect((await w.call("/budget/delete", { id: "b" })).body).toEqual({ deleted: "b" });
	});

	test("who may do what: the role of a key's user, and its type", async () => {
		await using w = await start();
		await w.call("/team/new", { team_id: "mine" });
		await w.call("/team/new", { team_id: "others" });
		for (const [id, role] of [
			["admin", "proxy_admin"],
			["viewer", "proxy_admin_viewer"],
			["owner", "internal_user"],
		]) {
			await w.call("/user/new", { user_id: id, user_role: role, teams: ["mine"], auto_create_key: false });
		}
		const keys: Record<Who, string> = {
			admin: await w.key({ user_id: "admin", key_alias: "admin" }),
			viewer: await w.key({ user_id: "viewer", key_alias: "viewer" }),
			owner: await w.key({ user_id: "owner", key_alias: "owner" }),
			reader: await w.key({ user_id: "admin", key_alias: "reader", key_type: "read_only" }),
			model: await w.key({ user_id: "admin", key_alias: "model", key_type: "llm_api" }),
			nobody: "sk-nobody-knows-this-key",
		};
		for (const [path, content, expected] of ANSWERED) {
			for (const [who, key] of Object.entries(keys)) {
				const { status } = await w.call(path, content, key);
				expect([path, who, status]).toEqual([path, who, expected[who as Who]]);
			}
		}
		expect((await w.call("/key/list", undefined, keys.owner)).body).toMatchObject({ total_count: 1 });
		expect((await w.call("/team/list", undefined, keys.owner)).body).toMatchObject({ total_count: 1 });
		expect((await w.call("/key/list", undefined, null)).status).toBe(401);
	});

	describe("log-in", () => {
		test("sets a session that scripts cannot read and other sites cannot use, and log-out ends it", async () => {
			await using w = await start();
			const login = await w.call("/api/login", { key: MASTER_KEY }, null);
			expect(login.body).toMatchObject({ role: "admin", id: "master" });
			const set = login.headers.get("set-cookie") ?? "";
			expect(set).toMatch(/HttpOnly/);
			expect(set).toMatch(/SameSite=Strict/);
			expect(set).not.toContain(MASTER_KEY);
			const cookie = set.split(";")[0] ?? "";
			const me = () => w.call("/api/me", undefined, null, { cookie });
			expect((await me()).body["role"]).toBe("admin");
			expect((await w.call("/key/generate", {}, null, { cookie })).status).toBe(200);
			expect((await w.call("/key/generate", {}, null, { cookie, origin: "https://evil.example" })).status).toBe(403);
			expect((await w.call("/key/generate", {}, null, { cookie, "sec-fetch-site": "cross-site" })).status).toBe(403);
			expect((await w.call("/key/generate", {}, null, { cookie, "content-type": "text/plain" })).status).toBe(403);
			const [payload = ""] = cookie.split(".");
			const forged = `${payload}.${"A".repeat(43)}`;
			expect((await w.call("/api/me", undefined, null, { cookie: forged })).status).toBe(401);
			expect((await w.call("/api/logout", {}, null, { cookie })).status).toBe(200);
			expect((await me()).status).toBe(401);
		});

		test("a session ends when its key is blocked, and after twelve hours", async () => {
			let now = Date.now();
			await using w = await start(() => now);
			const key = await w.key({ key_alias: "own" });
			const login = async () => {
				const { headers } = await w.call("/api/login", { key }, null);
				return (headers.get("set-cookie") ?? "").split(";")[0] ?? "";
			};
			const cookie = await login();
			const me = (with_: string) => w.call("/api/me", undefined, null, { cookie: with_ });
			expect((await me(cookie)).body).toMatchObject({ role: "owner", key_alias: "own" });
			await w.call("/key/block", { key });
			expect((await me(cookie)).status).toBe(401);
			await w.call("/key/unblock", { key });
			const second = await login();
			now += 12 * 3_600_000;
			expect((await me(second)).status).toBe(401);
		});

		test("ten failures from one address are answered with 429 until five minutes are over", async () => {
			let now = Date.now();
			await using w = await start(() => now);
			for (let i = 0; i < 10; i += 1)
				expect((await w.call("/api/login", { key: `sk-guess-${i}` }, null)).status).toBe(401);
			const refused = await w.call("/api/login", { key: MASTER_KEY }, null);
			expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, 300]);
			now += 300_000;
			expect((await w.call("/api/login", { key: MASTER_KEY }, null)).status).toBe(200);
		});
	});
});

test("without a master key the loopback address is the admin, but not for pages of other sites", async () => {
	const config = configFrom(`
model_list:
  - model_name: claude-code
    litellm_params: { model: anthropic/claude-sonnet-5, api_key: sk-upstream }
warmpath: { listen: { port: 0 } }
`);
	await using gateway = await startTestGateway(config);
	const me = (headers: Record<string, string>) => fetch(`${gateway.url}/api/me`, { headers });
	expect(await (await me({})).json()).toMatchObject({ role: "admin", id: "local" });
	const post = (headers: Record<string, string>) =>
		fetch(`${gateway.url}/key/generate`, { method: "POST", headers, body: "{}" });
	expect((await post({ "content-type": "text/plain" })).status).toBe(403);
	expect((await post({ "content-type": "application/json", origin: "https://evil.example" })).status).toBe(403);
	expect((await post({ "content-type": "application/json" })).status).toBe(503);
});
