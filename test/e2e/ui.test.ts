// The admin UI in a real browser, in front of a gateway with simulated deployments and live traffic. Pictures are test/screenshots' business.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { enterUi, openPage, type PageOptions, startBrowser } from "../browser.ts";
import { MASTER_KEY } from "../harness.ts";
import { startUiWorld, type UiWorld } from "../ui-world.ts";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const program = inject("chromium");

interface Shown {
	readonly id: string;
	readonly model_id: string;
	readonly input_tokens: number;
	readonly cache_read_tokens: number;
	readonly cache_write_5m_tokens: number;
	readonly cache_write_1h_tokens: number;
	readonly output_tokens: number;
	readonly cost: number;
	readonly started_at: number;
}

describe.skipIf(program === null)("the admin UI", () => {
	let browser: Browser;
	beforeAll(async () => {
		browser = await startBrowser(program ?? "");
	});
	afterAll(() => browser.close());

	/** A page that is logged in. */
	async function enter(world: UiWorld, path: string, more: Omit<PageOptions, "origin"> = {}, key = MASTER_KEY) {
		return enterUi(browser, { origin: world.gateway.url, path, key, ...more });
	}

	/** What the page or the gateway comes to within ten seconds. */
	const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 10_000 });
	const rows = (page: Page) => page.locator("tr[data-row]");
	const requests = async (world: UiWorld, query = "") =>
		(await world.call<{ readonly requests: readonly Shown[] }>(`/api/requests${query}`)).requests;

	/** What axe-core finds serious or critical. */
	async function seriousFaults(page: Page): Promise<readonly string[]> {
		await page.evaluate(AXE);
		const found = (await page.evaluate("axe.run({ resultTypes: ['violations'] })")) as AxeResults;
		const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
		return serious.map(
			({ id, nodes }) =>
				`${id}: ${nodes
					.map(({ html }) => html)
					.slice(0, 3)
					.join(" ")}`,
		);
	}

	test("the whole of it takes at most 200 KB on the wire", () => {
		const assets = join(import.meta.dirname, "..", "..", "dist", "ui", "assets");
		const sizes = readdirSync(assets).map((file) => gzipSync(readFileSync(join(assets, file))).length);
		expect(sizes.length).toBeGreaterThan(5);
		expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(200 * 1024);
	});

	test("refuses a wrong key and says why, lets the right one in, stays on the page asked for, and ends the session", async () => {
		await using world = await startUiWorld();
		const { page, faults } = await openPage(browser, { origin: world.gateway.url });
		await page.goto(`${world.gateway.url}/ui/logs?status=error`);
		await page.getByLabel("Key").fill("sk-wrong-key-of-nobody");
		await page.getByRole("button", { name: "Log in" }).click();
		await eventually(() => page.getByRole("alert").textContent()).toContain("not known to this gateway");
		await page.getByLabel("Key").fill(MASTER_KEY);
		await page.getByRole("button", { name: "Log in" }).click();
		await page.getByRole("heading", { name: "Logs" }).waitFor();
		expect(new URL(page.url()).search).toBe("?status=error");
		const [cookie] = await page.context().cookies();
		expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
		expect(await page.evaluate("JSON.stringify({...localStorage})")).not.toContain(MASTER_KEY);
		await page.getByRole("button", { name: "Log out" }).click();
		await page.getByRole("heading", { name: "Log in" }).waitFor();
		expect((await page.request.get(`${world.gateway.url}/api/requests`)).status()).toBe(401);
		expect(faults).toEqual([]);
	});

	test("shows requests as they come, filters them by model name, and keeps the filter in the address", async () => {
		await using world = await startUiWorld();
		const { page, faults } = await enter(world, "/logs");
		await page.getByText("Waiting for your first request").waitFor();
		const agent = world.agent(1);
		const turn = await world.turn(agent);
		await rows(page).first().waitFor();
		expect(await rows(page).first().textContent()).toContain(turn.deployment);
		await world.turn(agent);
		await eventually(() => rows(page).count()).toBe(2);

		await world.gateway.post("/v1/messages", JSON.stringify({ model: "gpt-typo", max_tokens: 1, messages: [] }));
		await eventually(() => rows(page).count()).toBe(3);
		await page.getByLabel("Filter by model name").fill("claude-code");
		await eventually(() => rows(page).count()).toBe(2);
		expect(new URL(page.url()).searchParams.get("model")).toBe("claude-code");
		await page.reload();
		await eventually(() => rows(page).count()).toBe(2);
		expect(await page.getByLabel("Filter by model name").inputValue()).toBe("claude-code");
		await page.getByLabel("Status").selectOption("error");
		await page.getByText("No request matches these filters").waitFor();
		await page.getByRole("button", { name: "Clear filters" }).click();
		await eventually(() => rows(page).count()).toBe(3);
		expect(faults).toEqual([]);
	});

	test("the drawer shows what the API says and what the provider recorded, and keys lead through turns", async () => {
		await using world = await startUiWorld();
		const agent = world.agent(4);
		for (let turn = 0; turn < 3; turn += 1) await world.turn(agent);
		await world.logged();
		const [latest, second] = await requests(world);
		if (latest === undefined || second === undefined) throw new Error("nothing was logged");
		const recorded = world.simulator.recorded().at(-1)?.usage;
		expect(recorded).toMatchObject({
			read: latest.cache_read_tokens,
			uncached: latest.input_tokens,
			output: latest.output_tokens,
		});

		const { page, faults } = await enter(world, "/logs");
		await rows(page).first().waitFor();
		await page.keyboard.press("j");
		const drawer = page.getByRole("complementary", { name: "Request" });
		const fact = (name: string) =>
			drawer
				.locator(".facts > div")
				.filter({ has: page.getByText(name, { exact: true }) })
				.locator("dd");
		await expect
			.poll(() => fact("Cache read tokens").getAttribute("title"))
			.toBe(`${latest.cache_read_tokens.toLocaleString("en-US")} tokens`);
		expect(await fact("Output").getAttribute("title")).toBe(`${recorded?.output} tokens`);
		expect(await drawer.locator("tr.total td").getAttribute("title")).toBe(`$${latest.cost.toFixed(8)}`);
		expect(await drawer.locator("tr.chosen").textContent()).toContain(latest.model_id);
		expect(await drawer.locator(".decision tbody tr").count()).toBe(4);
		expect(await drawer.locator(".prompt-part.read").count()).toBeGreaterThan(0);
		await page.keyboard.press("j");
		await eventually(() => new URL(page.url()).searchParams.get("request")).toBe(second.id);
		await drawer.locator(`[data-request="${second.id}"]`).waitFor();
		await page.keyboard.press("]");
		await eventually(() => new URL(page.url()).searchParams.get("request")).toBe(latest.id);
		await drawer.getByRole("button", { name: "Copy Request id" }).click();
		expect(await page.evaluate("navigator.clipboard.readText()")).toBe(latest.id);
		await page.keyboard.press("Escape");
		await drawer.waitFor({ state: "detached" });
		await page.keyboard.press("/");
		expect(await page.evaluate("document.activeElement.placeholder")).toBe("Search ids");
		await page.keyboard.press("Escape");
		await page.keyboard.press("?");
		await page.getByRole("heading", { name: "Keys and colours" }).waitFor();
		expect(faults).toEqual([]);
	});

	test("a session's timeline shows the diversion, where it went and its return", async () => {
		const deployments = ["left", "right"];
		await using world = await startUiWorld({
			deployments,
			extra: "warmpath: { listen: { port: 0 }, routing: { max_affinity_wait: 0 } }\n",
		});
		// Short turns: what is built up elsewhere meanwhile is worth less than what home has.
		const agent = world.agent(7, { resultBytes: [100, 200] });
		const home = (await world.turn(agent)).deployment;
		await world.turn(agent);
		world.simulator.faults.add({ kind: "status", status: 429, retryAfter: 2, deployment: home, times: 1 });
		const moved = await world.turn(agent);
		expect(moved.deployment).not.toBe(home);
		const diverted = await world.turn(agent);
		// The limit is over after two seconds, and its home is still warm.
		const chosen = async () => {
			const { body, headers } = agent.request();
			const asked = await world.gateway.post("/route/explain", body, headers);
			return ((await asked.json()) as { readonly chosen: { readonly model_id: string } | null }).chosen?.model_id;
		};
		await eventually(chosen).toBe(home);
		expect((await world.turn(agent)).deployment).toBe(home);
		await world.logged();

		const { page, faults } = await enter(world, "/sessions");
		await page.getByRole("link", { name: agent.session.slice(0, 8) }).click();
		const bar = page.locator(`[data-turn="${diverted.id}"]`);
		await bar.waitFor();
		expect(await bar.getAttribute("data-deployment")).toBe(diverted.deployment);
		expect(await bar.getAttribute("data-signs")).toContain("diverted");
		expect(await page.locator('[data-signs~="returned"]').first().getAttribute("data-deployment")).toBe(home);
		await bar.click();
		const drawer = page.getByRole("complementary", { name: "Request" });
		await eventually(() => drawer.textContent()).toContain(`Diverted from ${home}: rate limit`);
		expect(faults).toEqual([]);
	});

	test("a drained deployment keeps its conversations and gets no new ones, and a test says its price before it is sent", async () => {
		const deployments = ["left", "right"];
		await using world = await startUiWorld({ deployments });
		const first = world.agent(1);
		const home = (await world.turn(first)).deployment;
		const { page, faults } = await enter(world, "/deployments");
		const card = page.locator(`article[data-deployment="${home}"]`);
		await card.getByRole("button", { name: "Drain" }).click();
		await card.getByText("draining", { exact: true }).waitFor();
		await card.getByText("All replicas do so, until somebody resumes it.").waitFor();
		for (let seed = 10; seed < 16; seed += 1) expect((await world.turn(world.agent(seed))).deployment).not.toBe(home);
		expect((await world.turn(first)).deployment).toBe(home);
		await card.getByRole("button", { name: "Resume" }).click();
		await card.getByText("draining", { exact: true }).waitFor({ state: "detached" });

		const sent = world.simulator.recorded().length;
		await card.getByRole("button", { name: "Test…" }).click();
		await page.getByText("It will cost at most").waitFor();
		expect(world.simulator.recorded().length).toBe(sent);
		await page.getByRole("button", { name: "Send the test request" }).click();
		await page.getByText("It answered in").waitFor();
		expect(world.simulator.recorded().at(-1)?.deployment).toBe(home);
		expect(world.simulator.recorded().length).toBe(sent + 1);
		expect(faults).toEqual([]);
	});

	test("the explainer foretells where a conversation's next turn goes, and sends nothing", async () => {
		await using world = await startUiWorld();
		const agent = world.agent(5);
		const home = (await world.turn(agent)).deployment;
		const next = agent.request();
		const { page, faults } = await enter(world, "/explain");
		const sent = world.simulator.recorded().length;
		await page.getByLabel("Body of POST /v1/messages").fill(next.body.toString());
		await page.getByText("Who sends it").click();
		await page.getByLabel("anthropic-beta").fill(next.headers["anthropic-beta"] ?? "");
		await page.getByRole("button", { name: "Explain", exact: true }).click();
		await page.getByText("A live prefix of this conversation chose the deployment").waitFor();
		const chosen = await page.locator("tr.chosen").textContent();
		expect(world.simulator.recorded().length).toBe(sent);
		const turn = await world.turn(agent);
		expect(chosen).toContain(turn.deployment);
		expect([home, "prod-a1", "prod-a2"]).toContain(turn.deployment);
		expect(faults).toEqual([]);
	});

	test("the connect page has the gateway's own address and model, and notices the first request", async () => {
		await using world = await startUiWorld();
		const { page, faults } = await enter(world, "/connect");
		expect(await page.locator("pre").textContent()).toContain(`ANTHROPIC_BASE_URL="${world.gateway.url}"`);
		expect(await page.locator("pre").textContent()).toContain('ANTHROPIC_MODEL="claude-code"');
		await page.getByRole("button", { name: "Claude Code, Bedrock format" }).click();
		expect(await page.locator("pre").textContent()).toContain(
			`ANTHROPIC_BEDROCK_BASE_URL="${world.gateway.url}/bedrock"`,
		);
		await page.getByText("Waiting for your first request").waitFor();
		await world.turn(world.agent(3));
		await page.getByText("It works.").waitFor();
		expect(faults).toEqual([]);
	});

	test.each([
		["light", 1280],
		["dark", 1280],
		["light", 390],
	] as const)("every page is accessible and fits: %s, %i px", async (theme, width) => {
		await using world = await startUiWorld();
		const key = await world.key({ key_alias: "erin", max_budget: 3 });
		await world.call("/team/new", { team_alias: "platform" });
		const agent = world.agent(9);
		for (let turn = 0; turn < 3; turn += 1) await world.turn(agent, key);
		await world.turn(agent, key, { "x-claude-code-agent-id": "helper" });
		await world.logged();
		const [request] = await requests(world);
		const { page, faults } = await enter(world, "/", { theme, width });
		const pages = [
			"/",
			"/logs",
			`/logs?request=${request?.id}`,
			"/sessions",
			`/sessions/${agent.session}`,
			"/deployments",
			"/keys",
			"/connect",
			"/explain",
		];
		for (const path of pages) {
			await page.goto(`${world.gateway.url}/ui${path}`);
			await page.locator("main h1").waitFor();
			await page.locator(".loading").first().waitFor({ state: "detached" });
			expect(await seriousFaults(page), path).toEqual([]);
			expect(
				await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"),
				`${path} scrolls sideways`,
			).toBe(true);
			const background = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
			expect(background).toBe(theme === "light" ? "rgb(250, 249, 246)" : "rgb(21, 20, 18)");
		}
		for (const [path, button] of [
			["/keys", "New key"],
			["/keys", "Edit erin"],
			["/keys", "Delete team platform"],
			["/deployments", "Test…"],
		] as const) {
			await page.goto(`${world.gateway.url}/ui${path}`);
			await page.getByRole("button", { name: button }).first().click();
			await page.locator("dialog[open] h2").waitFor();
			expect(await seriousFaults(page), button).toEqual([]);
		}
		await page.goto(`${world.gateway.url}/ui/explain`);
		await page.locator("main h1").waitFor();
		const link = await page.getByRole("link", { name: "Route explainer" }).boundingBox();
		expect((link?.x ?? width) + (link?.width ?? 0), "the page's own link is in view").toBeLessThanOrEqual(width);
		expect(faults).toEqual([]);
		if (theme === "light" && width === 1280) {
			await page.goto(`${world.gateway.url}/ui/`);
			await page.getByRole("radio", { name: "dark" }).check();
			expect(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")).toBe("rgb(21, 20, 18)");
		}
	});
});

interface AxeResults {
	readonly violations: readonly {
		readonly id: string;
		readonly impact: string;
		readonly nodes: readonly { readonly html: string }[];
	}[];
}
