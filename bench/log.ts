// `npx tsx bench/log.ts`: the request log with a million rows on SQLite and Postgres: how fast they are written, what each page takes; and
// what logging costs a gateway. Writes docs/benchmarks/log.md. `--only rows|sqlite|postgres|cost|row` with `--out -` measures one part.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { overviewOf } from "../src/admin/log/overview.ts";
import { deploymentsOf } from "../src/admin/operate/deployments.ts";
import { parseConfig } from "../src/config/load.ts";
import type { Database } from "../src/db/database.ts";
import { openDatabase } from "../src/db/open.ts";
import { findSessions, listSessions, sumLedger } from "../src/requestlog/ledger.ts";
import { makePartitions } from "../src/requestlog/partitions.ts";
import { findRequest, listRequests, type RequestFilter } from "../src/requestlog/requests.ts";
import { logBytes } from "../src/requestlog/retention.ts";
import type { LogService } from "../src/requestlog/service.ts";
import { createRouter } from "../src/routing/router.ts";
import { startPostgres } from "../test/postgres.ts";
import { type LogGateway, PROJECT, startLogGateway, startUpstream } from "./children.ts";
import { costOfRow, type RowCost } from "./log-cost.ts";
import { DAY_MS, DEPLOYMENTS, fillLog, idPrefix, KEYS, sessionsOf } from "./log-rows.ts";
import { type Comparison, compare, type Figures, median, type Scenario } from "./measure.ts";
import { machineFacts } from "./report.ts";

const { values: options } = parseArgs({
	options: {
		rows: { type: "string", default: "1000000" },
		only: { type: "string", default: "" },
		rounds: { type: "string", default: "10" },
		launches: { type: "string", default: "8" },
		out: { type: "string", default: "docs/benchmarks/log.md" },
	},
});

const ROWS = Number(options.rows);
const DAYS = 5;
const END = Date.parse("2026-11-21T12:00:00Z");
const REPEATS = 11;
const BAR_MS = 200;

/** One answer of the control plane, and whether the bar of 200 ms is for it. */
interface Question {
	readonly name: string;
	readonly ask: (database: Database) => Promise<unknown>;
}

const page = (filter: RequestFilter) => (database: Database) => listRequests(database, filter, { limit: 50 });
const rareSession = "00001000-aaaa-4bbb-8ccc-dddddddddddd";
const rareKey = `${(7).toString(16).padStart(4, "0")}${"f".repeat(60)}`;
const lastDay = { from: END - DAY_MS, to: END };

const QUESTIONS: readonly Question[] = [
	{ name: "log, no filter", ask: page({}) },
	{ name: "log, model (common)", ask: page({ model: "claude-code" }) },
	{ name: "log, model (rare)", ask: page({ model: "claude-fable" }) },
	{ name: "log, model that is none", ask: page({ model: "nothing" }) },
	{ name: "log, model id (common)", ask: page({ modelId: "deployment-1" }) },
	{ name: "log, model id (rare)", ask: page({ modelId: "deployment-8" }) },
	{ name: "log, key", ask: page({ keyId: rareKey }) },
	{ name: "log, team", ask: page({ teamId: "team-7" }) },
	{ name: "log, session", ask: page({ session: rareSession }) },
	{ name: "log, status success", ask: page({ status: "success" }) },
	{ name: "log, status error", ask: page({ status: "error" }) },
	{ name: "log, status 5xx", ask: page({ status: "5xx" }) },
	{ name: "log, status rejected", ask: page({ status: "rejected" }) },
	{ name: "log, status 401", ask: page({ status: "401" }) },
	{ name: "log, reason (common)", ask: page({ reason: "prefix" }) },
	{ name: "log, reason (rare)", ask: page({ reason: "returned" }) },
	{ name: "log, missed at all", ask: page({ miss: "any" }) },
	{ name: "log, missed: lost", ask: page({ miss: "lost" }) },
	{ name: "log, one hour four days ago", ask: page({ from: END - 4 * DAY_MS, to: END - 4 * DAY_MS + 3_600_000 }) },
	{ name: "log, text: begin of a request id", ask: page({ text: idPrefix(END - 2 * DAY_MS).slice(0, 8) }) },
	{ name: "log, text: begin of a session id", ask: page({ text: "000010" }) },
	{ name: "log, text: begin of a deployment", ask: page({ text: "deployment-3" }) },
	{ name: "log, text that is nowhere", ask: page({ text: "zzz" }) },
	{ name: "log, own rows of a key's owner", ask: page({ scope: { keyHash: rareKey, userId: null } }) },
	{
		name: "log, page in the middle",
		ask: (database) => listRequests(database, { to: END - 2 * DAY_MS }, { limit: 50 }),
	},
	{
		name: "one request with its neighbours",
		ask: async (database) => {
			const { requests } = await listRequests(database, { session: rareSession }, { limit: 1 });
			return findRequest(database, requests[0]?.id ?? "");
		},
	},
	{ name: "sessions, first page", ask: (database) => listSessions(database, {}, { limit: 50 }) },
	{ name: "one session", ask: (database) => findSessions(database, rareSession) },
	{ name: "day's sums", ask: (database) => sumLedger(database, lastDay, []) },
	{ name: "day's sums by hour and deployment", ask: (database) => sumLedger(database, lastDay, ["hour", "model_id"]) },
	{ name: "day's sums by key", ask: (database) => sumLedger(database, lastDay, ["key_id"]) },
	{ name: "day's sums by team and model", ask: (database) => sumLedger(database, lastDay, ["team_id", "model"]) },
	{
		name: "last hour by minute",
		ask: (database) => sumLedger(database, { from: END - 3_600_000, to: END }, ["minute"]),
	},
	{
		name: "overview of a day",
		ask: (database) => overviewOf({ database, service: IDLE }, lastDay, { router: ROUTER, now: END, routerNow: END }),
	},
	{
		name: "deployments",
		ask: (database) =>
			deploymentsOf({
				log: { database, service: IDLE },
				router: ROUTER,
				drainsKept: true,
				now: () => END,
				routerNow: () => END,
			}),
	},
];

const IDLE = {
	stats: () => ({ queued: 0, written: 0, lost: 0, failure: null }),
	warmth: () => new Map(),
} as unknown as LogService;

const ROUTER = createRouter(configOfDeployments());

function configOfDeployments() {
	const entries = DEPLOYMENTS.map(
		(id) =>
			`  - { model_name: claude-code, litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-ant-${id}-0000 }, model_info: { id: ${id} } }`,
	);
	const parsed = parseConfig(`model_list:\n${entries.join("\n")}\n`, { path: "bench.yaml", env: {} });
	if (!parsed.ok) throw new Error("the benchmark's own configuration is wrong");
	return parsed.config;
}

interface Timing {
	readonly name: string;
	readonly median: number;
	readonly worst: number;
}

interface DatabaseFigures {
	readonly name: string;
	readonly rowsPerSecond: number;
	readonly megabytes: number;
	readonly timings: readonly Timing[];
}

await main();

async function main(): Promise<void> {
	const facts = machineFacts(PROJECT);
	const databases: DatabaseFigures[] = [];
	const wanted = (...parts: readonly string[]) => options.only === "" || parts.includes(options.only);
	if (wanted("rows", "sqlite")) databases.push(await onSqlite());
	if (wanted("rows", "postgres")) databases.push(await onPostgres());
	const row = wanted("cost", "row") ? await costOfRow() : null;
	const costs = wanted("cost") ? await costOfLogging() : [];
	const report = markdown(facts, databases, { row, costs });
	if (options.out === "-") console.log(report);
	else {
		writeFileSync(resolve(PROJECT, options.out), report);
		console.log(`written to ${options.out}`);
	}
}

async function onSqlite(): Promise<DatabaseFigures> {
	const folder = mkdtempSync(join(tmpdir(), "warmpath-bench-log-"));
	try {
		await using database = await openDatabase({ kind: "sqlite", path: join(folder, "warmpath.db") });
		return await measure(database);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function onPostgres(): Promise<DatabaseFigures> {
	await using server = await startPostgres();
	await using database = await openDatabase({ kind: "postgres", url: await server.database() });
	return await measure(database);
}

async function measure(database: Database): Promise<DatabaseFigures> {
	const size = { rows: ROWS, days: DAYS, end: END };
	// Days are made as a gateway makes them while it runs.
	for (let day = -DAYS; day <= 0; day += 1) await makePartitions(database, END + day * DAY_MS);
	const rowsPerSecond = await fillLog(database, size);
	const name = database.kind;
	const timings: Timing[] = [];
	for (const { name: question, ask } of QUESTIONS) {
		const times: number[] = [];
		for (let repeat = 0; repeat < REPEATS; repeat += 1) {
			const before = performance.now();
			await ask(database);
			times.push(performance.now() - before);
		}
		const sorted = [...times].sort((left, right) => left - right);
		const timing = { name: question, median: sorted[REPEATS >> 1] ?? 0, worst: sorted.at(-1) ?? 0 };
		timings.push(timing);
		console.log(`${name}  ${question}: ${timing.median.toFixed(1)} ms, worst ${timing.worst.toFixed(1)}`);
	}
	return { name, rowsPerSecond, megabytes: (await logBytes(database)) / 1e6, timings };
}

/** What logging takes from the throughput of one scenario. */
interface LoggingCost {
	readonly scenario: string;
	/** One for each gateway. */
	readonly launches: readonly Comparison[];
}

/**
 * One gateway whose log is switched on and off in turns: two processes of the same program differ by up to 4 % for as long as they live.
 * Several of them, one after the other, since how fast the machine is changes by the minute.
 */
async function costOfLogging(): Promise<readonly LoggingCost[]> {
	const upstream = await startUpstream({ listeners: 3, cutShare: 0, seed: 1, keepAliveMs: 60_000 });
	const scenarios = [
		{ name: "54k-sse-c16", bytes: 54_000, answer: "sse", concurrency: 16 },
		{ name: "799k-sse-c16", bytes: 799_000, answer: "sse", concurrency: 16 },
	] as const;
	const launches = scenarios.map((): Comparison[] => []);
	try {
		for (let launch = 0; launch < Number(options.launches); launch += 1) {
			const gateway = await startLogGateway({ upstreamPorts: upstream.ports });
			try {
				for (const [at, scenario] of scenarios.entries()) {
					const comparison = await costOfOne(scenario, gateway);
					launches[at]?.push(comparison);
					console.log(`${scenario.name}: ${percent(comparison.share)} of the throughput without a log`);
				}
			} finally {
				await gateway.close();
			}
		}
	} finally {
		await upstream.close();
	}
	return scenarios.map(({ name }, at) => ({ scenario: name, launches: launches[at] ?? [] }));
}

/** Throws where the gateway did not log what it should have. */
async function costOfOne(scenario: Scenario, gateway: LogGateway): Promise<Comparison> {
	const onTurn = (side: "bare" | "gateway") => gateway.switchLog(side === "gateway");
	const pace = { rounds: Number(options.rounds), sliceMs: 500, leadMs: 600, warmUpMs: 1_500, onTurn };
	const sides = { bare: gateway, gateway };
	await compare(scenario, sides, { ...pace, rounds: 1 });
	const before = gateway.logged();
	const comparison = await compare(scenario, sides, pace);
	await gateway.switchLog(false);
	const { written, lost } = gateway.logged();
	if (lost > 0) throw new Error(`${lost} rows lost: what was measured is not logging`);
	// Half of what is measured is logged, and more before each turn.
	if (written - before.written < comparison.requests / 2) throw new Error("the gateway logged less than it should");
	return comparison;
}

function percent(share: number): string {
	return `${(share * 100).toFixed(1)} %`;
}

function costLine({ scenario, launches }: LoggingCost): string {
	const mid = (figure: (comparison: Comparison) => number) => median(launches.map(figure));
	const perSecond = `${Math.round(mid(({ bare }) => bare.perSecond))} / ${Math.round(mid(({ gateway }) => gateway.perSecond))}`;
	const pair = (figure: (figures: Figures) => number | null) => {
		const side = (name: "bare" | "gateway") => mid((comparison) => (figure(comparison[name]) ?? Number.NaN) * 1_000);
		return Number.isNaN(side("bare")) ? "–" : `${side("bare").toFixed(0)} / ${side("gateway").toFixed(0)}`;
	};
	const cpu = pair(({ cpuPerRequest }) => cpuPerRequest);
	const serving = pair(({ mainThreadPerRequest }) => mainThreadPerRequest);
	const shares = launches.map(({ share }) => share);
	const range = `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
	return `| ${scenario} | ${perSecond} | ${percent(median(shares))} (${range}) | ${serving} | ${cpu} |`;
}

function markdown(
	facts: ReturnType<typeof machineFacts>,
	databases: readonly DatabaseFigures[],
	{ row, costs }: { readonly row: RowCost | null; readonly costs: readonly LoggingCost[] },
): string {
	const names = databases.map(({ name }) => name);
	const worst = Math.max(0, ...databases.flatMap(({ timings }) => timings.map(({ median }) => median)));
	const lines = [
		"# The request log",
		"",
		`Measured with \`npx tsx bench/log.ts\`: ${JSON.stringify(facts).replace(/[{}"]/g, "").replaceAll(",", ", ")}.`,
		"",
		`${ROWS.toLocaleString("en-US")} rows over ${DAYS} days: ${KEYS} keys, ${sessionsOf({ rows: ROWS }).toLocaleString("en-US")} sessions, ${DEPLOYMENTS.length} deployments, 3 % errors, 3 % misses. Times are what the control plane waits for its database, medians of ${REPEATS} (worst in brackets), ms. The bar is ${BAR_MS} ms; the slowest median is ${worst.toFixed(0)} ms.`,
		"",
		...databases.map(
			({ name, rowsPerSecond, megabytes }) =>
				`- ${name}: ${Math.round(megabytes).toLocaleString("en-US")} MB; ${Math.round(rowsPerSecond).toLocaleString("en-US")} rows a second written (bar 5,000)`,
		),
		"",
		`| question | ${names.join(" | ")} |`,
		`| --- |${names.map(() => " --- |").join("")}`,
		...QUESTIONS.map(({ name }, at) => {
			const cells = databases.map(({ timings }) => {
				const timing = timings[at];
				return timing === undefined ? "–" : `${timing.median.toFixed(1)} (${timing.worst.toFixed(1)})`;
			});
			return `| ${name} | ${cells.join(" | ")} |`;
		}),
		"",
		"## What logging costs",
		"",
		`A gateway whose request log, in a SQLite file, is switched on and off in turns of half a second; 16 connections, everything on one machine. Each turn begins with 0.6 s of load that is not counted, more than the log waits before it writes, so that neither side pays for the other; ${options.launches} gateways, one after the other, ${options.rounds} turns of each side. The bar is 5 %. Two cores overstate the cost: the thread that writes takes its time from the load and the upstream too.`,
		"",
		"| scenario | requests/s without / with | share: median of the gateways (range) | CPU a request of the thread that serves, without / with, µs | of the whole process, µs |",
		"| --- | --- | --- | --- | --- |",
		...costs.map(costLine),
		"",
		...(row === null
			? []
			: [
					`One row costs the thread that serves requests ${(row.record + row.send).toFixed(1)} µs (${row.record.toFixed(1)} to record it, ${row.send.toFixed(1)} to hand it over), and the thread that owns the file ${row.write.toFixed(1)} µs: best of 60 batches of 500, three candidates and twelve blocks each.`,
					"",
				]),
	];
	return `${lines.join("\n").trimEnd()}\n`;
}
