// What LiteLLM's clients and operators expect of keys besides: budgets in a team, headers about the key, rules for new keys, which tokens
// count, numbered pages of the spend log. Over real sockets, on both databases.
import { expect, test } from "vitest";
import { onEachDatabase } from "../databases.ts";
import { MASTER_KEY } from "../harness.ts";
import { body, EXTRA, startKeyed } from "../keyed-world.ts";

interface SpendPage {
	readonly data: readonly { readonly request_id: string; readonly spend: number; readonly status: string }[];
	readonly total: number;
	readonly page: number;
	readonly page_size: number;
	readonly total_pages: number;
}

const withLitellm = (settings: string) => `${EXTRA}litellm_settings: ${settings}\n`;

onEachDatabase(({ open }) => {
	test("a member's budget in a team ends the member's keys of that team, and nobody else's", async () => {
		await using database = await open();
		await using world = await startKeyed(database);
		await world.admin("/team/new", { team_id: "core", max_budget: 100 });
		const member = { user_id: "ann", role: "user" };
		const added = await world.admin("/team/member_add", { team_id: "core", member, max_budget_in_team: 0.000001 });
		expect(added.body["members_with_roles"]).toMatchObject([{ ...member, max_budget_in_team: 0.000001 }]);
		const anns = await world.key({ team_id: "core", user_id: "ann" });
		const bobs = await world.key({ team_id: "core", user_id: "bob" });
		expect((await world.ask(anns)).status).toBe(200);
		const refused = await world.ask(anns);
		expect(refused.status).toBe(429);
		expect(refused.error?.message).toMatch(
			/Budget of the team 'core', member 'ann' has been exceeded: spent \$0\.\d+ of/,
		);
		expect((await world.ask(bobs)).status).toBe(200);
		const info = await world.admin("/team/info?team_id=core");
		const [membership] = info.body["team_memberships"] as unknown as readonly Record<string, never>[];
		expect(membership).toMatchObject({ user_id: "ann", litellm_budget_table: { max_budget: 0.000001 } });
		expect(Number(membership?.["spend"])).toBeGreaterThan(0.000001);

		const raised = await world.admin("/team/member_update", { team_id: "core", user_id: "ann", max_budget_in_team: 5 });
		expect(raised.body["members_with_roles"]).toEqual([{ ...member, max_budget_in_team: 5 }]);
		expect((await world.ask(anns)).status).toBe(200);
		// Adding a member again keeps the budget that is not named.
		const again = await world.admin("/team/member_add", { team_id: "core", member: { user_id: "ann", role: "admin" } });
		expect(again.body["members_with_roles"]).toEqual([{ user_id: "ann", role: "admin", max_budget_in_team: 5 }]);
		const nobody = await world.admin("/team/member_update", { team_id: "core", user_id: "zoe", role: "user" });
		expect(nobody.status).toBe(404);
	});

	test("a member's spend is known to a second gateway and after a restart", async () => {
		await using database = await open();
		let key = "";
		{
			await using first = await startKeyed(database);
			await first.admin("/team/new", { team_id: "a:b" });
			await first.admin("/team/member_add", { team_id: "a:b", member: { user_id: "c" }, max_budget_in_team: 0.000001 });
			key = await first.key({ team_id: "a:b", user_id: "c" });
			expect((await first.ask(key)).status).toBe(200);
		}
		await using second = await startKeyed(database);
		expect((await second.ask(key)).status).toBe(429);
	});

	test("answers say what their key has spent, may spend, and what is left of the minute", async () => {
		await using database = await open();
		await using world = await startKeyed(database);
		const key = await world.key({ max_budget: 5, budget_duration: "30d", tpm_limit: 100_000, rpm_limit: 10 });
		const first = (await world.ask(key)).headers;
		expect(first.get("x-litellm-key-spend")).toBe("0");
		expect(first.get("x-litellm-key-max-budget")).toBe("5");
		expect(first.get("x-litellm-key-tpm-limit")).toBe("100000");
		expect(first.get("x-litellm-key-rpm-limit")).toBe("10");
		expect(first.get("x-litellm-key-remaining-requests-claude-code")).toBe("9");
		expect(Number(first.get("x-litellm-key-remaining-tokens-claude-code"))).toBeLessThan(100_000);
		const second = (await world.ask(key)).headers;
		expect(Number(second.get("x-litellm-key-spend"))).toBeGreaterThan(0);
		expect(second.get("x-litellm-key-remaining-requests-claude-code")).toBe("8");
		const streamed = await world.gateway.post(
			"/v1/messages",
			JSON.stringify({ ...(JSON.parse(body()) as object), stream: true }),
			{ "x-api-key": key },
		);
		await streamed.arrayBuffer();
		expect(streamed.headers.get("x-litellm-key-max-budget")).toBe("5");
		const plain = (await world.ask(await world.key({}))).headers;
		expect(plain.get("x-litellm-key-spend")).toBe("0");
		expect(plain.get("x-litellm-key-max-budget")).toBeNull();
		expect((await world.ask(MASTER_KEY)).headers.get("x-litellm-key-spend")).toBeNull();
	});

	test("new keys get what the operator's rules say, and no more than they allow", async () => {
		await using database = await open();
		const rules =
			"{ default_key_generate_params: { max_budget: 2, models: [claude-code], metadata: { made: here } }, upperbound_key_generate_params: { max_budget: 10, budget_duration: 30d, duration: 60d, rpm_limit: 100 } }";
		await using world = await startKeyed(database, withLitellm(rules));
		const bare = (await world.admin("/key/generate", {})).body;
		expect(bare).toMatchObject({
			max_budget: 2,
			budget_duration: "30d",
			rpm_limit: 100,
			tpm_limit: null,
			models: ["claude-code"],
			metadata: { made: "here" },
		});
		const days = (Date.parse(String(bare["expires"])) - Date.now()) / 86_400_000;
		expect(days).toBeGreaterThan(59);
		expect(days).toBeLessThan(61);
		const own = (await world.admin("/key/generate", { max_budget: 10, duration: "1d", models: ["other"] })).body;
		expect(own).toMatchObject({ max_budget: 10, models: ["other"] });
		for (const [field, value] of [
			["max_budget", 10.01],
			["rpm_limit", 101],
			["budget_duration", "2mo"],
			["duration", "61d"],
			["duration", "-1"],
		] as const) {
			const more = await world.admin("/key/generate", { [field]: value });
			expect(more.status, field).toBe(400);
			expect(JSON.stringify(more.body)).toContain("upperbound_key_generate_params");
		}
		expect((await world.admin("/key/update", { key: bare["key"], max_budget: 11 })).status).toBe(400);
		const back = await world.admin("/key/update", { key: bare["key"], max_budget: null });
		expect(back.body["max_budget"]).toBe(10);
		const renewed = await world.admin("/key/regenerate", { key: bare["key"], rpm_limit: 1_000 });
		expect(renewed.status).toBe(400);
	});

	test.each([
		["total", [200, 429]],
		["input", [200, 429]],
		["output", [200, 200]],
	] as const)("token_rate_limit_type %s: those tokens count", async (type, statuses) => {
		await using database = await open();
		await using world = await startKeyed(database, EXTRA, undefined, `, token_rate_limit_type: ${type}`);
		const key = await world.key({ tpm_limit: 1_500 });
		// A prompt of about a thousand tokens, an answer of fifty at most.
		const about = { text: "word ".repeat(1_000), maxTokens: 50 };
		expect([(await world.ask(key, about)).status, (await world.ask(key, about)).status]).toEqual(statuses);
	});

	test("the spend log sums days, of a key or a model alone, and refuses a filter that its sums do not know", async () => {
		await using database = await open();
		await using world = await startKeyed(database);
		const [one, two] = [await world.key({ key_alias: "one" }), await world.key({ key_alias: "two" })];
		await world.ask(one);
		await world.ask(two);
		await world.ask(two, { model: "sonnet" });
		await world.gateway.requestLog?.flush();
		const single = (await world.admin("/spend/logs")).body as unknown as SpendPage["data"];
		const spent = single.map(({ spend }) => Number(spend));
		const range = "start_date=2000-01-01&end_date=2100-01-01";
		const days = async (more = "") => {
			const { body } = await world.admin(`/spend/logs?${range}${more}`);
			return (body as unknown as readonly { readonly spend: number }[]).reduce((sum, { spend }) => sum + spend, 0);
		};
		const all = spent.reduce((sum, spend) => sum + spend, 0);
		expect(all).toBeGreaterThan(0);
		expect(await days()).toBeCloseTo(all, 9);
		expect(await days(`&api_key=${one}`)).toBeCloseTo(spent[2] ?? 0, 9);
		expect(await days("&model=sonnet")).toBeCloseTo(spent[0] ?? 0, 9);
		expect(await days("&model_id=one")).toBeLessThanOrEqual(all);
		expect(await days("&model_id=nobody")).toBe(0);
		const refused = await world.admin(`/spend/logs?${range}&user_id=u`);
		expect([refused.status, JSON.stringify(refused.body)]).toEqual([400, expect.stringContaining("summarize=false")]);
		expect((await world.admin("/spend/logs?cursor=nonsense")).status).toBe(400);
	});

	test("the spend log has numbered pages with LiteLLM's filters", async () => {
		await using database = await open();
		await using world = await startKeyed(database);
		const before = new Date(Date.now() - 60_000).toISOString().slice(0, 19).replace("T", " ");
		const after = new Date(Date.now() + 60_000).toISOString().slice(0, 19).replace("T", " ");
		const range = `start_date=${encodeURIComponent(before)}&end_date=${encodeURIComponent(after)}`;
		const [one, two] = [await world.key({ key_alias: "one" }), await world.key({ key_alias: "two" })];
		for (let at = 0; at < 5; at += 1) await world.ask(one);
		await world.ask(two);
		await world.ask(two, { model: "nothing-of-the-kind" });
		await world.gateway.requestLog?.flush();
		const page = async (more: string) =>
			(await world.admin(`/spend/logs/ui?${range}${more}`)).body as unknown as SpendPage;

		const first = await page("&page=1&page_size=3");
		expect(first).toMatchObject({ total: 7, page: 1, page_size: 3, total_pages: 3 });
		const rest = [...(await page("&page=2&page_size=3")).data, ...(await page("&page=3&page_size=3")).data];
		expect(new Set([...first.data, ...rest].map(({ request_id }) => request_id)).size).toBe(7);
		expect((await page("&page=4&page_size=3")).data).toEqual([]);
		expect(await page(`&api_key=${two}`)).toMatchObject({ total: 2 });
		expect(await page("&status_filter=failure")).toMatchObject({ total: 1, data: [{ status: "failure" }] });
		expect(await page("&status_filter=success")).toMatchObject({ total: 6 });
		expect(await page("&min_spend=0.0000001")).toMatchObject({ total: 6 });
		expect(await page("&max_spend=0")).toMatchObject({ total: 1 });
		const [row] = first.data;
		expect(await page(`&request_id=${row?.request_id}`)).toMatchObject({ total: 1, data: [row] });
		expect(await page("&model=claude-code")).toMatchObject({ total: 6 });
		// What an owner of a key asks for is bounded to the key.
		const headers = { authorization: `Bearer ${one}` };
		const own = await fetch(`${world.gateway.url}/spend/logs/ui?${range}`, { headers });
		expect(await own.json()).toMatchObject({ total: 5 });
		expect((await world.admin("/spend/logs/ui")).status).toBe(400);
		expect((await world.admin("/spend/logs/ui?start_date=monday&end_date=friday")).status).toBe(400);
	});
});
