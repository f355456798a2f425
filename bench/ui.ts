// The admin UI over a full request log: how long its pages' data calls take, and until something is seen. Leaves single questions to log.
// A browser of the system does the asking, on loopback; the gateway is the built command line on a SQLite file.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { openDatabase } from "../src/db/open.ts";
import { installChromium, openPage, startBrowser } from "../test/browser.ts";
import { PROJECT } from "./children.ts";
import { DEPLOYMENTS, fillLog } from "./log-rows.ts";
import { machineFacts } from "./report.ts";

const { values: options } = parseArgs({
	options: { rows: { type: "string", default: "1000000" }, out: { type: "string", default: "docs/benchmarks/ui.md" } },
});

const ROWS = Number(options.rows);
const REPEATS = 5;
const PAGES = [
	["Overview, 24 hours", "/ui/?range=24h"],
	["Overview, 7 days", "/ui/?range=7d"],
	["Overview, 30 days", "/ui/?range=30d"],
	["Logs", "/ui/logs"],
	["Logs, one model", "/ui/logs?model=claude-code"],
	["Logs, errors", "/ui/logs?status=error"],
	["Sessions", "/ui/sessions"],
	["Deployments", "/ui/deployments"],
	["Keys and teams", "/ui/keys"],
	["Connect", "/ui/connect"],
	["Route explainer", "/ui/explain"],
] as const;

interface PageFigures {
	readonly name: string;
	/** ms. */
	readonly firstPaint: number;
	readonly calls: readonly { readonly path: string; readonly ms: number }[];
}

const program = installChromium();
if (program !== null) await main(program);

async function main(chromium: string): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "warmpath-bench-ui-"));
	try {
		{
			await using database = await openDatabase({ kind: "sqlite", path: join(folder, "warmpath.db") });
			await fillLog(database, { rows: ROWS, days: 5, end: Date.now() });
		}
		await using gateway = await startServe(folder);
		const browser = await startBrowser(chromium);
		try {
			const figures: PageFigures[] = [];
			for (const [name, path] of [...PAGES, ...(await pagesOfOne(gateway.url))])
				figures.push(await visit(browser, { name, url: `${gateway.url}${path}` }));
			const report = markdown(figures);
			if (options.out === "-") console.log(report);
			else writeFileSync(resolve(PROJECT, options.out), report);
		} finally {
			await browser.close();
		}
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** The pages of one conversation and of one request, the log of one key and of one session. */
async function pagesOfOne(url: string): Promise<readonly (readonly [name: string, path: string])[]> {
	const response = await fetch(`${url}/api/requests?status=success&limit=1`);
	const { requests } = (await response.json()) as {
		readonly requests: readonly { readonly id: string; readonly session: string; readonly key_id: string }[];
	};
	const [one] = requests;
	if (one === undefined) throw new Error("the log is empty");
	return [
		["Logs, one key", `/ui/logs?key=${one.key_id}`],
		["Logs, one session", `/ui/logs?session=${one.session}`],
		["One request", `/ui/logs?request=${one.id}`],
		["One session", `/ui/sessions/${one.session}?key=${one.key_id}`],
	];
}

/** `warmpath serve` without a master key, so that nobody need log in. */
async function startServe(home: string): Promise<{ readonly url: string } & AsyncDisposable> {
	const config = join(home, "config.yaml");
	const models = DEPLOYMENTS.map(
		(id) =>
			`  - model_name: claude-code\n    litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-${id} }\n    model_info: { id: ${id} }\n`,
	);
	writeFileSync(config, `model_list:\n${models.join("")}`);
	const { PATH, HOME } = process.env;
	const child = spawn(process.execPath, [join(PROJECT, "dist/main.js"), "serve", "--config", config, "--port", "0"], {
		stdio: ["ignore", "pipe", "inherit"],
		env: { PATH, HOME, WARMPATH_HOME: home },
	});
	const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	let said = "";
	const url = await new Promise<string>((resolve, reject) => {
		child.stdout.on("data", (chunk: Buffer) => {
			said += chunk.toString();
			const found = /RUNNING on (http:\/\/\S+?:\d+)/.exec(said)?.[1];
			if (found !== undefined) resolve(found);
		});
		void exited.then(() => reject(new Error(`the gateway did not start:\n${said}`)));
	});
	return {
		url,
		async [Symbol.asyncDispose]() {
			child.kill("SIGTERM");
			await exited;
		},
	};
}

/** Medians over some visits, each with an empty browser cache. */
async function visit(
	browser: Awaited<ReturnType<typeof startBrowser>>,
	{ name, url }: { readonly name: string; readonly url: string },
): Promise<PageFigures> {
	const paints: number[] = [];
	const calls = new Map<string, number[]>();
	for (let repeat = 0; repeat < REPEATS; repeat += 1) {
		const { page, faults } = await openPage(browser, { origin: new URL(url).origin });
		await page.goto(url, { waitUntil: "networkidle" });
		if (faults.length > 0) throw new Error(`${name}: ${faults.join("; ")}`);
		const seen = await timings(page);
		paints.push(seen.firstPaint);
		for (const { path, ms } of seen.calls) calls.set(path, [...(calls.get(path) ?? []), ms]);
		await page.context().close();
	}
	const listed = [...calls].map(([path, times]) => ({ path, ms: median(times) }));
	console.log(`${name}: first paint ${median(paints).toFixed(0)} ms, ${listed.length} calls`);
	return { name, firstPaint: median(paints), calls: listed };
}

function timings(page: Page): Promise<Omit<PageFigures, "name">> {
	return page.evaluate(() => {
		const paint = performance.getEntriesByName("first-contentful-paint")[0];
		const calls = performance
			.getEntriesByType("resource")
			.filter((entry) => /\/(api|key|team|v1|health)\//.test(new URL(entry.name).pathname))
			.map((entry) => ({ path: new URL(entry.name).pathname, ms: entry.duration }));
		return { firstPaint: paint?.startTime ?? Number.NaN, calls };
	});
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((left, right) => left - right);
	return sorted[sorted.length >> 1] ?? Number.NaN;
}

function markdown(figures: readonly PageFigures[]): string {
	const facts = machineFacts(PROJECT);
	const slowest = Math.max(...figures.flatMap(({ calls }) => calls.map(({ ms }) => ms)));
	const latest = Math.max(...figures.map(({ firstPaint }) => firstPaint));
	return `# The admin UI over a full log

Measured with \`npm run build && npx tsx bench/ui.ts\`: ${Object.entries(facts)
		.map(([name, value]) => `${name}: ${String(value)}`)
		.join(", ")}.

${ROWS.toLocaleString("en")} rows in a SQLite file, the built gateway, the system's Chromium on the same machine. Medians of ${REPEATS} visits with an empty
browser cache, ms, as the browser saw them. The bars: 200 ms a data call, 1,000 ms to the first paint. The slowest call took
${slowest.toFixed(0)} ms, the latest first paint came after ${latest.toFixed(0)} ms.

| page | first contentful paint | data calls |
| --- | --- | --- |
${figures
	.map(
		({ name, firstPaint, calls }) =>
			`| ${name} | ${firstPaint.toFixed(0)} | ${calls.map(({ path, ms }) => `${path} ${ms.toFixed(0)}`).join(" · ") || "–"} |`,
	)
	.join("\n")}
`;
}
