// Keys and teams in a real browser: each action is done there and its value checked through the API, and the explainer's picked requests.
import Anthropic from "@anthropic-ai/sdk";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { enterUi, startBrowser } from "../browser.ts";
import { MASTER_KEY } from "../harness.ts";
import { startUiWorld, type UiWorld } from "../ui-world.ts";

const program = inject("chromium");

/** Fills in fields by their labels. */
async function fill(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
	for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(value);
}

describe.skipIf(program === null)("keys and teams in the admin UI", () => {
	let browser: Browser;
	beforeAll(async () => {
		browser = await startBrowser(program ?? "");
	});
	afterAll(() => browser.close());

	const enter = (world: UiWorld, path: string, key = MASTER_KEY) =>
		enterUi(browser, { origin: world.gateway.url, path, key });
	const keyOf = async (world: UiWorld, alias: string) =>
		(await world.call<{ readonly keys: readonly object[] }>(`/key/list?key_alias=${alias}`)).keys[0];
	const teams = async (world: UiWorld) =>
		(await world.call<{ readonly teams: readonly { readonly team_id: string }[] }>("/team/list")).teams;
	const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 10_000 });

	test("a key made in the browser is shown once, works with the SDK, can be blocked, and sees only its own", async () => {
		await using world = await startUiWorld();
		await world.turn(world.agent(2));
		const { page, faults } = await enter(world, "/keys");
		await page.getByRole("button", { name: "New key" }).click();
		await page.getByLabel("Name", { exact: true }).fill("dana");
		await page.getByLabel("Budget, $").fill("5");
		await page.getByLabel("Requests per minute").fill("100");
		await page.getByRole("button", { name: "Make key" }).click();
		const secret = (await page.locator(".copy-block pre").textContent()) ?? "";
		expect(secret).toMatch(/^sk-/);
		await page.getByRole("button", { name: "I have copied it" }).click();
		await page.locator('tr[data-key="dana"]').waitFor();
		await eventually(() => page.content()).not.toContain(secret);

		const client = new Anthropic({ baseURL: world.gateway.url, apiKey: secret, maxRetries: 0 });
		const ask = () =>
			client.messages.create({ model: "claude-code", max_tokens: 16, messages: [{ role: "user", content: "hi" }] });
		expect((await ask()).role).toBe("assistant");
		await world.logged();
		const own = await enter(world, "/logs", secret);
		await own.page.locator("tr[data-row]").first().waitFor();
		expect(await own.page.locator("tr[data-row]").count()).toBe(1);
		expect(await own.page.getByRole("link", { name: "Deployments" }).count()).toBe(0);
		await page.getByRole("button", { name: "Block dana" }).click();
		await page.locator('tr[data-key="dana"]').getByText("blocked").waitFor();
		await expect(ask()).rejects.toThrow(/blocked/);

		await page.getByRole("button", { name: "Delete dana" }).click();
		await page.getByLabel("Type dana to confirm").fill("dana");
		await page.getByRole("button", { name: "Delete", exact: true }).click();
		await page.locator('tr[data-key="dana"]').waitFor({ state: "detached" });
		await expect(ask()).rejects.toThrow(/not known/);
		expect(faults).toEqual([]);
	});

	test("every limit of a key can be changed, and taken back to none, without touching the others", async () => {
		await using world = await startUiWorld();
		const team = await world.call<{ readonly team_id: string }>("/team/new", { team_alias: "platform" });
		await world.key({ key_alias: "erin", max_budget: 3, budget_duration: "24h", rpm_limit: 10, user_id: "u-erin" });
		const { page, faults } = await enter(world, "/keys");
		const edit = () => page.getByRole("button", { name: "Edit erin" }).click();
		const save = async () => {
			await page.getByRole("button", { name: "Save" }).click();
			// The button says something else while it is being saved; the dialog stays until it is.
			await page.locator("dialog form.form").waitFor({ state: "detached" });
		};
		await edit();
		expect(await page.getByLabel("Budget, $").inputValue()).toBe("3");
		await fill(page, { "Budget, $": "12.5", "Tokens per minute": "90000", "Requests at once": "3" });
		await fill(page, { Models: "claude-*, gpt-5" });
		await page.getByLabel("Budget is for").selectOption("7d");
		await page.getByLabel("Expires").selectOption("30d");
		await page.locator("dialog").getByLabel("Team").selectOption({ label: "platform" });
		await page.getByText("Warning, tags, cache domains, metadata").click();
		await fill(page, { "Warn at, $": "10", Tags: "ci, night", "Cache domains": "org-acme" });
		await fill(page, { Metadata: '{"cost_center": "42"}' });
		await save();
		const changed = {
			max_budget: 12.5,
			budget_duration: "7d",
			soft_budget: 10,
			rpm_limit: 10,
			tpm_limit: 90_000,
			max_parallel_requests: 3,
			models: ["claude-*", "gpt-5"],
			team_id: team.team_id,
			tags: ["ci", "night"],
			allowed_domains: ["org-acme"],
			metadata: { cost_center: "42" },
			user_id: "u-erin",
		};
		const after = await keyOf(world, "erin");
		expect(after).toMatchObject(changed);
		const days = (Date.parse((after as { readonly expires: string }).expires) - Date.now()) / 86_400_000;
		expect(Math.round(days)).toBe(30);
		await eventually(() => page.locator('tr[data-key="erin"]').textContent()).toContain("of $12.5");

		await edit();
		await fill(page, { "Tokens per minute": "", Models: "", Metadata: "" });
		await page.getByLabel("Expires").selectOption("-1");
		await page.locator("dialog").getByLabel("Team").selectOption("");
		await save();
		const taken = { tpm_limit: null, models: [], expires: null, team_id: null, metadata: {} };
		expect(await keyOf(world, "erin")).toMatchObject({ ...changed, ...taken });

		await edit();
		await page.getByLabel("Metadata").fill("not json");
		await page.getByRole("button", { name: "Save" }).click();
		await eventually(() => page.getByRole("alert").textContent()).toContain("Metadata must be a JSON object");
		expect(faults).toEqual([]);
	});

	test("a rotated key has a new secret, shown once, and the old one is refused", async () => {
		await using world = await startUiWorld();
		const old = await world.key({ key_alias: "gil", max_budget: 2 });
		const { page, faults } = await enter(world, "/keys");
		await page.getByRole("button", { name: "Rotate gil" }).click();
		await page.getByRole("button", { name: "Rotate", exact: true }).click();
		const secret = (await page.locator(".copy-block pre").textContent()) ?? "";
		expect(secret).not.toBe(old);
		expect(await world.call("/key/info", undefined, secret)).toMatchObject({
			info: { key_alias: "gil", max_budget: 2 },
		});
		await expect(world.call("/key/info", undefined, old)).rejects.toThrow(/401/);
		expect(faults).toEqual([]);
	});

	test("a team is made, changed, blocked, unblocked and deleted with its keys, each after it was confirmed", async () => {
		await using world = await startUiWorld();
		const { page, faults } = await enter(world, "/keys");
		await page.getByRole("button", { name: "New team" }).click();
		await page.getByLabel("Name", { exact: true }).fill("research");
		await page.getByLabel("Budget, $").fill("50");
		await page.getByLabel("Budget is for").selectOption("1mo");
		await page.getByRole("button", { name: "Make team" }).click();
		const row = page.locator('tr[data-team="research"]');
		await row.waitFor();
		const [made] = await teams(world);
		expect(made).toMatchObject({ team_alias: "research", max_budget: 50, budget_duration: "1mo", blocked: false });
		const key = await world.key({ key_alias: "hana", team_id: made?.team_id });
		const turn = async () => (await world.turn(world.agent(1), key)).status;
		expect(await turn()).toBe(200);
		await world.logged();

		await page.getByRole("button", { name: "Edit team research" }).click();
		await page.getByLabel("Budget, $").fill("0.5");
		await page.getByLabel("Requests per minute").fill("7");
		await page.getByLabel("Models").fill("claude-code");
		await page.getByRole("button", { name: "Save" }).click();
		await eventually(() => row.textContent()).toContain("of $0.500 / 1mo");
		expect((await teams(world))[0]).toMatchObject({
			max_budget: 0.5,
			budget_duration: "1mo",
			rpm_limit: 7,
			models: ["claude-code"],
		});
		const used = row.locator("meter");
		expect(Number(await used.getAttribute("value"))).toBeGreaterThan(0);
		expect(await used.getAttribute("max")).toBe("0.5");

		await page.getByRole("button", { name: "Block team research" }).click();
		await page.getByText("All of its keys are refused").waitFor();
		await page.getByRole("button", { name: "Block", exact: true }).click();
		await row.getByText("blocked").waitFor();
		expect((await teams(world))[0]).toMatchObject({ blocked: true });
		expect(await turn()).toBeGreaterThanOrEqual(400);
		await page.getByRole("button", { name: "Unblock team research" }).click();
		await row.getByText("active").waitFor();
		expect(await turn()).toBe(200);

		await page.getByRole("button", { name: "Delete team research" }).click();
		await page.getByText("Its key is deleted with it.").waitFor();
		const sure = page.getByRole("button", { name: "Delete", exact: true });
		expect(await sure.isDisabled()).toBe(true);
		await page.getByLabel("Type research to confirm").fill("research");
		await sure.click();
		await row.waitFor({ state: "detached" });
		expect(await teams(world)).toEqual([]);
		expect(await turn()).toBe(401);
		expect(faults).toEqual([]);
	});

	test("somebody who may only look finds no button that changes anything", async () => {
		await using world = await startUiWorld();
		await world.call("/user/new", { user_id: "v", user_role: "proxy_admin_viewer", auto_create_key: false });
		await world.call("/team/new", { team_alias: "platform" });
		const viewer = await world.key({ key_alias: "viewer", user_id: "v" });
		const { page, faults } = await enter(world, "/keys", viewer);
		await page.locator('tr[data-team="platform"]').waitFor();
		expect(await page.locator("main .button").count()).toBe(0);
		expect(faults).toEqual([]);
	});

	test("the explainer takes a picked request with its sender from the log where bodies are stored", async () => {
		await using world = await startUiWorld({
			extra: "warmpath: { listen: { port: 0 } }\n",
			settings: "store_prompts_in_spend_logs: true",
		});
		const key = await world.key({ key_alias: "ida" });
		const agent = world.agent(6);
		const turn = await world.turn(agent, key);
		await world.logged();
		const { page, faults } = await enter(world, `/logs?request=${turn.id}`);
		await page.getByRole("link", { name: "Where would it go now?" }).click();
		await page.getByText("Taken from request").waitFor();
		expect(await page.getByLabel("Body of POST /v1/messages").inputValue()).toContain('"model":"claude-code"');
		expect(await page.getByLabel("Session (x-claude-code-session-id)").inputValue()).toBe(agent.session);
		const sent = world.simulator.recorded().length;
		await page.getByRole("button", { name: "Explain", exact: true }).click();
		await page.getByText("A live prefix of this conversation chose the deployment").waitFor();
		expect(await page.locator("tr.chosen").textContent()).toContain(turn.deployment);
		expect(world.simulator.recorded().length).toBe(sent);

		const next = await world.turn(agent, key);
		await world.logged();
		await page.goto(`${world.gateway.url}/ui/explain`);
		const choice = page.getByLabel("Pick a request, or paste one below");
		await eventually(() => choice.locator("option").count()).toBe(3);
		await choice.selectOption(next.id);
		await page.getByText("Taken from request").waitFor();
		expect(new URL(page.url()).searchParams.get("request")).toBe(next.id);
		expect(faults).toEqual([]);
	});

	test("the explainer says what to switch on where the picked request's body is not stored", async () => {
		await using world = await startUiWorld();
		const turn = await world.turn(world.agent(6));
		await world.logged();
		const { page, faults } = await enter(world, "/explain");
		await page.getByLabel("Pick a request, or paste one below").selectOption(turn.id);
		await page.getByText("body is not stored").waitFor();
		expect(await page.locator(".notice").textContent()).toContain("store_prompts_in_spend_logs: true");
		expect(await page.getByLabel("Body of POST /v1/messages").inputValue()).toBe("");
		expect(faults).toEqual([]);
	});
});
