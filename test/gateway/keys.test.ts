// Virtual keys on the request path, over real sockets against simulated providers: who is let in, limits and budgets under concurrency.
import { describe, expect, test, vi } from "vitest";
import { onEachDatabase } from "../databases.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway, startWorld } from "../harness.ts";
import { body, startKeyed as start } from "../keyed-world.ts";

onEachDatabase(({ open }) => {
	test("200 parallel requests against a key with rpm 50: exactly 50 pass, the others get 429 and when to come again", async () => {
		await using database = await open();
		await using world = await start(database);
		const key = await world.key({ key_alias: "fifty", rpm_limit: 50 });
		const answers = await Promise.all(Array.from({ length: 200 }, () => world.ask(key)));
		const passed = answers.filter((answer) => answer.status === 200).length;
		console.log(`rpm 50, 200 parallel: ${passed} let through`);
		expect(passed).toBe(50);
		const refused = answers.find((answer) => answer.status === 429);
		expect(refused?.error).toMatchObject({
			type: "rate_limit_error",
			message: expect.stringContaining("50 requests a minute"),
		});
		const wait = Number(refused?.headers.get("retry-after"));
		expect(wait).toBeGreaterThan(0);
		expect(wait).toBeLessThanOrEqual(60);
		expect(world.messages()).toHaveLength(50);
	});

	test("200 parallel requests against a budget of $1 spend no more than $1 and what was in flight", async () => {
		await using database = await open();
		await using world = await start(database);
		const key = await world.key({ key_alias: "dollar", max_budget: 1 });
		const text = "word ".repeat(20_000);
		let inFlight = 0;
		let most = 0;
		const answers = await Promise.all(
			Array.from({ length: 200 }, async (_, i) => {
				inFlight += 1;
				const answer = await world.ask(key, { text: `${i} ${text}` });
				inFlight -= 1;
				if (answer.status === 200) most = Math.max(most, inFlight);
				return answer;
			}),
		);
		const passed = answers.filter((answer) => answer.status === 200).length;
		// What is still let in one by one afterwards, until the budget is really spent.
		let after = 0;
		while (after < 100 && (await world.ask(key, { text: `after ${after} ${text}` })).status === 200) after += 1;
		const { info } = (await world.admin(`/key/info?key=${key}`)).body as unknown as { info: { spend: number } };
		const each = info.spend / (passed + after);
		console.log(
			`budget $1, 200 parallel: ${passed} let through, then ${after} one by one; spent $${info.spend.toFixed(4)}, $${each.toFixed(4)} each`,
		);
		expect(info.spend).toBeGreaterThanOrEqual(1);
		expect(info.spend).toBeLessThanOrEqual(1 + each * passed);
		// The reservations are good enough to be much closer than the promise.
		expect(info.spend).toBeLessThanOrEqual(1 + 2 * each);
		const refused = await world.ask(key, { text });
		expect(refused.status).toBe(429);
		expect(refused.error?.message).toMatch(/Budget of the key 'dollar' has been exceeded: spent \$1\.\d+ of \$1\./);
		expect(refused.headers.get("x-should-retry")).toBe("false");
	});

	test("what was spent is known to a second gateway within a second, and after a restart", async () => {
		await using database = await open();
		let key = "";
		{
			await using first = await start(database);
			await using second = await start(database);
			key = await first.key({ key_alias: "shared", max_budget: 0.000001, models: ["claude-code"] });
			await first.gateway.access.sync();
			await second.gateway.access.sync();
			expect((await second.ask(key)).status).toBe(200);
			await second.gateway.access.sync();
			await first.gateway.access.sync();
			const refused = await first.ask(key);
			expect(refused.error?.message).toMatch(/Budget of the key 'shared'/);
			await second.admin("/key/block", { key });
			await first.gateway.access.sync();
			expect((await first.ask(key)).status).toBe(401);
			await second.admin("/key/unblock", { key });
		}
		await using third = await start(database);
		expect((await third.ask(key)).status).toBe(429);
	});

	test("a change made elsewhere counts here within a second of the timers, without anybody asking", async () => {
		await using database = await open();
		// Only repeating timers stand still: no look-out for changes but those of the seconds that the test lets pass.
		vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
		try {
			await using first = await start(database);
			await using second = await start(database);
			const key = await first.key({});
			const status = async () => (await second.ask(key)).status;
			expect(await status()).toBe(401);
			for (const [change, expected] of [
				[null, 200],
				["/key/block", 401],
				["/key/unblock", 200],
				["/key/delete", 401],
			] as const) {
				if (change !== null) await first.admin(change, change === "/key/delete" ? { keys: [key] } : { key });
				vi.advanceTimersByTime(1_000);
				await expect.poll(status, { timeout: 10_000 }).toBe(expected);
			}
		} finally {
			vi.useRealTimers();
		}
	});

	describe("what a key may do", () => {
		async function world() {
			const database = await open();
			const started = await start(database);
			return {
				...started,
				async [Symbol.asyncDispose]() {
					await started[Symbol.asyncDispose]();
					await database.close();
				},
			};
		}

		test("models by name, alias and pattern; others are refused with 403 and are not listed", async () => {
			await using w = await world();
			const cases: readonly [object, string, number][] = [
				[{ models: [] }, "claude-code", 200],
				[{ models: ["claude-code"] }, "sonnet", 200],
				[{ models: ["sonnet"] }, "claude-code", 403],
				[{ models: ["claude-*"] }, "claude-code", 200],
				[{ models: ["claude-*"] }, "anthropic/claude-code", 200],
				[{ models: ["other-*"] }, "claude-code", 403],
				[{ models: ["other"], aliases: { mine: "claude-code" } }, "mine", 403],
				[{ models: ["claude-code"], aliases: { mine: "claude-code" } }, "mine", 200],
				[{ models: ["no-default-models"] }, "claude-code", 403],
			];
			for (const [fields, model, status] of cases) {
				const key = await w.key(fields);
				expect([fields, model, (await w.ask(key, { model })).status]).toEqual([fields, model, status]);
			}
			const key = await w.key({ models: ["sonnet"] });
			const listed = await fetch(`${w.gateway.url}/v1/models`, { headers: { "x-api-key": key } });
			const { data } = (await listed.json()) as { data: readonly { id: string }[] };
			expect(data.map((model) => model.id)).toEqual(["sonnet", "anthropic/sonnet"]);
		});

		test("its team's list, limits and budget hold too", async () => {
			await using w = await world();
			await w.admin("/team/new", { team_id: "t", models: ["claude-code"], rpm_limit: 2 });
			const [one, two] = [await w.key({ team_id: "t" }), await w.key({ team_id: "t", rpm_limit: 100 })];
			expect((await w.ask(one, { model: "other" })).error?.message).toMatch(/team 't' may not use 'other'/);
			expect((await w.ask(one)).status).toBe(200);
			expect((await w.ask(two)).status).toBe(200);
			expect((await w.ask(one)).error?.message).toMatch(/team 't' has reached its limit of 2 requests a minute/);
		});

		test("limits of one model, of tokens, and a user's and customer's", async () => {
			await using w = await world();
			const perModel = await w.key({ model_rpm_limit: { "claude-*": 1 } });
			expect((await w.ask(perModel)).status).toBe(200);
			expect((await w.ask(perModel)).error?.message).toMatch(/1 requests a minute for claude-\*/);
			const tokens = await w.key({ tpm_limit: 60 });
			expect((await w.ask(tokens, { text: "word ".repeat(100) })).status).toBe(200);
			expect((await w.ask(tokens)).error?.message).toMatch(/60 tokens a minute/);
			await w.admin("/user/new", { user_id: "u", rpm_limit: 1, auto_create_key: false });
			const users = await w.key({ user_id: "u" });
			expect((await w.ask(users)).status).toBe(200);
			expect((await w.ask(users)).error?.message).toMatch(/user 'u'/);
			await w.admin("/budget/new", { budget_id: "small", max_budget: 0.000001 });
			await w.admin("/customer/new", { user_id: "c", budget_id: "small" });
			const customer = { "x-litellm-customer-id": "c" };
			expect((await w.ask(MASTER_KEY, {}, customer)).status).toBe(200);
			expect((await w.ask(MASTER_KEY, {}, customer)).error?.message).toMatch(/Budget of the customer 'c'/);
			expect((await w.ask(MASTER_KEY, {}, { "x-litellm-customer-id": "unknown" })).status).toBe(200);
		});

		test("parallel requests are given back when they end, also when the client leaves", async () => {
			await using w = await world();
			const key = await w.key({ max_parallel_requests: 1 });
			const many = await Promise.all(Array.from({ length: 20 }, () => w.ask(key)));
			expect(many.filter((answer) => answer.status === 200).length).toBeGreaterThanOrEqual(1);
			const gone = new AbortController();
			const request = fetch(`${w.gateway.url}/v1/messages`, {
				method: "POST",
				headers: { "x-api-key": key },
				body: body(),
				signal: gone.signal,
			});
			gone.abort();
			await expect(request).rejects.toThrow();
			await expect.poll(async () => (await w.ask(key)).status).toBe(200);
		});

		test("a budget of several windows, and of one model", async () => {
			await using w = await world();
			const windows = await w.key({
				budget_limits: [
					{ budget_duration: "1h", max_budget: 0.000001 },
					{ budget_duration: "30d", max_budget: 5 },
				],
			});
			expect((await w.ask(windows)).status).toBe(200);
			const refused = await w.ask(windows);
			expect(refused.error?.message).toMatch(/of \$0\.000001 in 1h\. It starts anew at/);
			expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(60);
			const model = await w.key({ model_max_budget: { "claude-*": { budget_limit: 0.000001, time_period: "1d" } } });
			expect((await w.ask(model)).status).toBe(200);
			expect((await w.ask(model)).error?.message).toMatch(/in 1d for claude-\*/);
		});

		test("a soft budget refuses nothing and is warned of once, by the key's name", async () => {
			await using w = await world();
			const key = await w.key({ key_alias: "careful", soft_budget: 0.000001 });
			const warnings = () => w.gateway.logLines.filter((line) => line.includes("soft budget of the key 'careful'"));
			expect(warnings()).toEqual([]);
			for (let i = 0; i < 3; i += 1) expect((await w.ask(key)).status).toBe(200);
			expect(warnings()).toHaveLength(1);
			expect(warnings()[0]).not.toContain(key);
		});

		test("until it expires, which the error says", async () => {
			let now = Date.now();
			await using database = await open();
			await using w = await start(database, undefined, () => now);
			const key = await w.key({ duration: "1h" });
			expect((await w.ask(key)).status).toBe(200);
			now += 3_600_000;
			const refused = await w.ask(key);
			expect([refused.status, refused.error?.message]).toEqual([401, expect.stringMatching(/expired/)]);
		});

		test("confined to a cache domain nobody has, the error says so instead of being rate-limited", async () => {
			await using w = await world();
			const key = await w.key({ allowed_domains: ["elsewhere"] });
			const refused = await w.ask(key);
			expect([refused.status, refused.error?.type]).toEqual([403, "permission_error"]);
			expect(refused.error?.message).toMatch(/cache domain/);
		});

		test("keys for the control plane are refused on the data plane, and the other way round", async () => {
			await using w = await world();
			expect((await w.ask(await w.key({ key_type: "management" }))).status).toBe(403);
			const service = (await w.admin("/key/service-account/generate", { team_id: "none" })).status;
			expect(service).toBe(404);
			await w.admin("/team/new", { team_id: "ci" });
			const token =
				(await w.admin("/key/service-account/generate", { team_id: "ci", key_alias: "build" })).body["key"] ?? "";
			expect((await w.ask(token)).status).toBe(200);
			const info = await fetch(`${w.gateway.url}/key/info`, { headers: { "x-api-key": token } });
			expect(info.status).toBe(403);
		});
	});
});

test("keys of the configuration file work without a database, which the API says it needs for more", async () => {
	const extra = `
warmpath:
  listen: { port: 0 }
  keys:
    - { key_alias: ci, key: sk-of-the-file-0001, models: [claude-code], rpm_limit: 1 }
`;
	await using world = await startWorld({ deployments: ["one"], extra });
	const ask = () => world.gateway.post("/v1/messages", body(), { "x-api-key": "sk-of-the-file-0001" });
	expect((await ask()).status).toBe(200);
	expect((await ask()).status).toBe(429);
	const headers = { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" };
	const made = await fetch(`${world.gateway.url}/key/generate`, { method: "POST", headers, body: "{}" });
	expect([made.status, await made.text()]).toEqual([503, expect.stringContaining("needs a database")]);
	const listed = await fetch(`${world.gateway.url}/key/list`, { headers });
	expect(await listed.json()).toMatchObject({ keys: [{ key_alias: "ci", source: "config" }], total_count: 1 });
});

test("who has a budget is refused a model without a known price, unless the operator allows it; who has none is not", async () => {
	for (const [setting, budgeted] of [
		["refuse", 403],
		["allow", 503],
	] as const) {
		const extra = `
warmpath:
  listen: { port: 0 }
  key_settings: { unpriced_models: ${setting} }
  keys:
    - { key_alias: budgeted, key: sk-of-the-file-0001, max_budget: 5 }
    - { key_alias: free, key: sk-of-the-file-0002 }
`;
		const nowhere = { id: "a", apiBase: "http://127.0.0.1:9", model: "anthropic/claude-of-no-price" };
		await using gateway = await startTestGateway(deploymentsConfig([nowhere], extra));
		const ask = (key: string) => gateway.post("/v1/messages", body(), { "x-api-key": key });
		const refused = await ask("sk-of-the-file-0001");
		expect([setting, refused.status]).toEqual([setting, budgeted]);
		if (setting === "refuse")
			expect(await refused.text()).toMatch(/price of 'claude-code' is not known.*input_cost_per_token/);
		// Let in: nobody listens upstream.
		expect((await ask("sk-of-the-file-0002")).status).toBe(503);
	}
});
