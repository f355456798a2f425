// The guides' own check, as they write it: two runs of real Claude Code, then the Logs page: a cache write, a cache read, one Model ID.
import { expect, inject, test } from "vitest";
import { openPage, startBrowser } from "../browser.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { MASTER_KEY } from "../harness.ts";
import { MODEL, startUiWorld } from "../ui-world.ts";

const program = inject("chromium");
const ready = inject("claudeCode").includes("current");

test.skipIf(program === null || !ready)(
	"Claude Code is started, quit and started again: the log shows the write, then the read, on the same model id",
	async () => {
		await using world = await startUiWorld({ deployments: ["deployment-a", "deployment-b"] });
		const home = await claudeCodeHome({
			form: "current",
			gatewayUrl: world.gateway.url,
			key: MASTER_KEY,
			model: MODEL,
		});
		const browser = await startBrowser(program ?? "");
		try {
			const first = await home.run({ prompt: "What are the key functions?" });
			const second = await home.run({ prompt: "What are the key functions?" });
			expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
			expect(second.usage.cache_read_input_tokens).toBeGreaterThan(1_000);
			await world.logged();

			const { page, faults } = await openPage(browser, { origin: world.gateway.url });
			await page.goto(`${world.gateway.url}/ui`);
			await page.getByLabel("Key").fill(MASTER_KEY);
			await page.getByRole("button", { name: "Log in" }).click();
			await page.getByRole("link", { name: "Logs" }).click();
			await page.getByLabel("Filter by model name").fill(MODEL);
			await page.waitForURL(/model=claude-code/);
			const fact = (name: string) =>
				page
					.locator(".drawer .facts > div")
					.filter({ has: page.getByText(name, { exact: true }) })
					.locator("dd");
			const opened = async (session: string) => {
				await page.goto(`${world.gateway.url}/ui/logs?model=${MODEL}&session=${session}`);
				// The main call of a run is the one with the longest prompt; its side calls mark nothing.
				const row = page
					.locator("tr[data-row]")
					.filter({ has: page.locator(".fate.read:visible, .fate.written:visible") })
					.first();
				await row.click();
				await page.getByText("Prefix map").waitFor();
				const modelId = await page.locator(".copy-line", { hasText: "Model id" }).locator("code").textContent();
				return {
					modelId,
					read: await fact("Cache read").getAttribute("title"),
					write: await fact("Cache write").textContent(),
				};
			};
			const before = await opened(first.session_id);
			const after = await opened(second.session_id);
			expect(before.write).not.toBe("0");
			expect(after.read).toBe(`${second.usage.cache_read_input_tokens.toLocaleString("en-US")} tokens`);
			expect(after.modelId).toBe(before.modelId);
			expect(faults).toEqual([]);
		} finally {
			await browser.close();
			await home[Symbol.asyncDispose]();
		}
	},
);
