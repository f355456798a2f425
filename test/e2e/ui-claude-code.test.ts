// The two LiteLLM guides read literally: real Claude Code in a terminal, the browser with the admin UI beside it. The guides' own files,
// plus only the simulator's address; the port is a free one.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { openPage, startBrowser } from "../browser.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { startCli } from "../cli.ts";
import { hasTerminals } from "../terminal.ts";
import { MODEL, startUiWorld } from "../ui-world.ts";

const program = inject("chromium");
const clients = inject("claudeCode");
const possible = program !== null && hasTerminals && clients.includes("current") && clients.includes("old");

const guide = (name: string) =>
	readFileSync(fileURLToPath(new URL(`../../src/config/__fixtures__/${name}.yaml`, import.meta.url)), "utf8");

/** What the guides' reader clicks and reads. */
class RequestLogs {
	readonly #page: Page;

	constructor(page: Page) {
		this.#page = page;
	}

	/** "Navigate to …/ui. Go to "Logs" page." */
	async open(url: string): Promise<void> {
		await this.#page.goto(`${url}/ui`);
		await this.#page.getByRole("link", { name: "Logs" }).click();
		await this.#page.getByRole("heading", { name: "Request Logs" }).waitFor();
	}

	async filterByModelName(name: string): Promise<void> {
		await this.#page.getByLabel("Filter by model name").fill(name);
		await this.#page.waitForURL((url) => url.searchParams.get("model") === name);
	}

	/** Model ids of the rows with cached tokens, oldest first, as the column "Model ID" shows them, once there are so many. */
	async modelIds(least: number): Promise<readonly string[]> {
		await expect.poll(() => this.#cached().count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(least);
		const heads = await this.#page.locator(".log-table thead th").allTextContents();
		const column = heads.indexOf("Model ID");
		const ids: string[] = [];
		for (const row of await this.#cached().all()) {
			ids.unshift((await row.locator("td").nth(column).textContent()) ?? "");
		}
		return ids;
	}

	/** Clicks on the cached request of this place, counted from the latest; gives what the drawer says. */
	async click(place: number) {
		const row = this.#cached().nth(place);
		const id = await row.getAttribute("data-row");
		await row.click();
		const drawer = this.#page.getByRole("complementary", { name: "Request" });
		await drawer.locator(`[data-request="${id}"]`).waitFor();
		const fact = async (section: string, name: string) => {
			const facts = drawer
				.locator(".drawer-section")
				.filter({ has: this.#page.getByRole("heading", { name: section }) });
			const value = facts.locator(".facts > div").filter({ has: this.#page.getByText(name, { exact: true }) });
			return (await value.locator("dd").textContent()) ?? "";
		};
		return {
			modelId: await fact("Request Details", "Model ID"),
			read: numberOf(await fact("Metrics", "Cache read tokens")),
			written: numberOf(await fact("Metrics", "Cache creation tokens")),
		};
	}

	#cached() {
		const page = this.#page;
		// Titles and the like mark nothing: wherever they go, nothing of theirs is cached.
		return page
			.locator("tr[data-row]")
			.filter({ has: page.locator(".cache-outcome.read:visible, .cache-outcome.written:visible") });
	}
}

function numberOf(text: string): number {
	return Number(text.replaceAll(",", ""));
}

describe.skipIf(!possible)("the guides with Claude Code in a terminal and the browser beside it", () => {
	let browser: Browser;
	let folder = "";
	beforeAll(async () => {
		browser = await startBrowser(program ?? "");
	});
	afterAll(() => browser.close());
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "warmpath-guide-"));
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	/** `warmpath --config config.yaml`, on a free port; its address as the guides write it. */
	async function serve(yaml: string, env: Readonly<Record<string, string>>) {
		const file = join(folder, "config.yaml");
		writeFileSync(file, yaml);
		const gateway = await startCli(["--config", file, "--port", "0"], /RUNNING on http:\/\/[\d.]+:(\d+)/, {
			env: { ...env, WARMPATH_HOME: folder },
		});
		return { gateway, url: `http://localhost:${gateway.match[1]}` };
	}

	test("prompt caching based routing, parts 1 to 5: two questions of one conversation have one model_id, a write and a read", async () => {
		const keys = ["1", "2", "3"].map((name) => ({ name, apiKey: `sk-ant-dummy-${name}` }));
		await using simulator = await startSimulator({ deployments: keys });
		// 1. and 2. The guide's config.yaml, its three variables, its command.
		const yaml = guide("claude-code-three-keys").replaceAll(
			/^( *)api_key: .*$/gm,
			(line, indent: string) => `${line}\n${indent}api_base: ${simulator.url}`,
		);
		const variables = keys.map(({ name, apiKey }) => [`ANTHROPIC_API_KEY_${name}`, apiKey]);
		const { gateway, url } = await serve(yaml, Object.fromEntries(variables));
		await using _ = gateway;
		// 3. Its two variables; and the model's name, which the guide leaves out: Claude Code would ask for one that is not configured.
		await using home = await claudeCodeHome({ form: "current", gatewayUrl: url, key: "sk-1234", model: MODEL });
		const terminal = await home.launch();
		// 5. beside it: the guide's configuration has no master key, so nobody is asked to log in.
		const { page, faults } = await openPage(browser, { origin: url });
		const logs = new RequestLogs(page);
		await logs.open(url);
		await logs.filterByModelName("claude-code");
		// 4. Its two questions.
		await terminal.enter("Analyze the main.py file and suggest improvements");
		await terminal.waitFor(/Simulated answer/);
		const asked = (await logs.modelIds(1)).length;
		await terminal.enter("What are the key functions in main.py?");
		const ids = await logs.modelIds(asked + 1);
		expect(new Set(ids).size).toBe(1);
		const [later, earlier] = [await logs.click(0), await logs.click(ids.length - 1)];
		expect(earlier).toMatchObject({ read: 0, modelId: ids[0] });
		expect(earlier.written).toBeGreaterThan(1_024);
		expect(later.read).toBeGreaterThanOrEqual(earlier.written);
		expect(later.modelId).toBe(earlier.modelId);
		await terminal.quit();
		expect(faults).toEqual([]);
	});

	test("two AWS accounts, part 2: launched, quit and re-opened, the same first prompt is written, then read, on one Model ID", async () => {
		const account = (name: string) => {
			return { name, accessKeyId: `AKIA${name}`, secretAccessKey: `secret-${name}`, region: "us-west-2" };
		};
		await using simulator = await startSimulator({ aws: [account("one"), account("two")] });
		const profile = (name: string, of: string) =>
			`[${name}]\naws_access_key_id = AKIA${of}\naws_secret_access_key = secret-${of}\n`;
		writeFileSync(join(folder, "credentials"), profile("account-1", "one") + profile("account-2", "two"));
		const yaml = guide("claude-code-two-aws-accounts").replaceAll(
			/^(\s*)aws_region_name: .*$/gm,
			(line, indent: string) => `${line}\n${indent}aws_bedrock_runtime_endpoint: ${simulator.url}`,
		);
		const master = "sk-1234-of-this-gateway";
		const { gateway, url } = await serve(`${yaml}\ngeneral_settings: { master_key: ${master} }\n`, {
			AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
			AWS_CONFIG_FILE: join(folder, "config"),
			AWS_EC2_METADATA_DISABLED: "true",
		});
		await using _ = gateway;
		const model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
		await using home = await claudeCodeHome({ form: "current", gatewayUrl: url, key: master, model });
		// 2.1 and 2.2. Today's Claude Code sends nothing before the first prompt, so the same prompt stands for the warm-up call.
		for (let launch = 0; launch < 2; launch += 1) {
			const terminal = await home.launch();
			await terminal.enter("Say hello.");
			await terminal.waitFor(/Simulated answer/);
			await terminal.quit();
		}
		// 2.3. This gateway has a master key, so the browser is asked for it.
		const { page, faults } = await openPage(browser, { origin: url });
		await page.goto(`${url}/ui`);
		await page.getByLabel("Key").fill(master);
		await page.getByRole("button", { name: "Log in" }).click();
		const logs = new RequestLogs(page);
		await logs.open(url);
		const ids = await logs.modelIds(2);
		const [reopened, launched] = [await logs.click(0), await logs.click(ids.length - 1)];
		expect(launched.written).toBeGreaterThan(1_024);
		expect(reopened.read).toBeGreaterThan(1_024);
		expect(reopened.modelId).toBe(launched.modelId);
		expect(new Set(ids)).toEqual(new Set([launched.modelId]));
		expect(faults).toEqual([]);
	});

	test("the warm-up call of Claude Code 2.0: launched, it is written; quit and re-opened, it is read, on one Model ID", async () => {
		// This warm-up prompt is shorter than the guide's models cache (1,024 tokens): the deployments here take 512.
		await using world = await startUiWorld({ deployments: ["account-1", "account-2"] });
		const key = await world.key({ key_alias: "reader" });
		const { url } = world.gateway;
		await using home = await claudeCodeHome({ form: "old", gatewayUrl: url, key, model: MODEL });
		const { page, faults } = await openPage(browser, { origin: url });
		await page.goto(`${url}/ui`);
		await page.getByLabel("Key").fill(key);
		await page.getByRole("button", { name: "Log in" }).click();
		const logs = new RequestLogs(page);
		await logs.open(url);
		const launched = await home.launch();
		await logs.modelIds(1);
		await launched.quit();
		const reopened = await home.launch();
		const ids = await logs.modelIds(2);
		await reopened.quit();
		const [after, before] = [await logs.click(0), await logs.click(1)];
		expect(before).toMatchObject({ read: 0, modelId: ids[0] });
		expect(before.written).toBeGreaterThan(0);
		expect(after).toEqual({ read: before.written, written: 0, modelId: before.modelId });
		expect(faults).toEqual([]);
	});
});
