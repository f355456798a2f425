// `npx tsx bench/log.ts`: the request log's bars: pages of a million rows on SQLite and Postgres and of ten million on Postgres, rows written a
// second, what a row and logging cost, requests beside a heavy filter. Writes docs/benchmarks/log.md of all parts that were measured.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Database } from "../src/db/database.ts";
import { openDatabase } from "../src/db/open.ts";
import { makePartitions } from "../src/requestlog/partitions.ts";
import { logBytes } from "../src/requestlog/retention.ts";
import { startPostgres } from "../test/postgres.ts";
import { type LogGateway, PROJECT, startLogGateway, startUpstream } from "./children.ts";
import { costOfRow } from "./log-cost.ts";
import { END, QUESTIONS } from "./log-questions.ts";
import {
	type CostResult,
	keep,
	loadNow,
	logReport,
	PARTS,
	type PagesResult,
	type Part,
	percent,
	type Results,
	type Timing,
} from "./log-report.ts";
import { DAY_MS, fillLog, type LogSize } from "./log-rows.ts";
import { fillBySql } from "./log-rows-sql.ts";
import { type Comparison, compare, type Scenario } from "./measure.ts";

const HELP = `npx tsx bench/log.ts [options]

  --only <parts>     some of ${PARTS.join(",")} (default all); the page keeps what was measured before of the others
  --sqlite <file>    database of a million rows that is used, and filled only where it is empty (default a new one)
  --postgres <url>   the same on Postgres
  --large <url>      the same of ten million rows on Postgres
  --rounds <n>       turns of each side where sides are compared (default 10)
  --launches <n>     gateways, one after the other, where sides are compared (default 8)
  --out <file>       default docs/benchmarks/log.md; - for standard output`;

const { values: options } = parseArgs({
	options: {
		only: { type: "string", default: PARTS.join(",") },
		sqlite: { type: "string" },
		postgres: { type: "string" },
		large: { type: "string" },
		rounds: { type: "string", default: "10" },
		launches: { type: "string", default: "8" },
		out: { type: "string", default: "docs/benchmarks/log.md" },
		help: { type: "boolean", default: false },
	},
});

const REPEATS = 11;
const MILLION: LogSize = { rows: 1_000_000, days: 5, end: END };
const LARGE: LogSize = { rows: 10_000_000, days: 30, end: END };
/** Enough to be steady. */
const WRITTEN: LogSize = { rows: 50_000, days: 5, end: END };

const MEASURES: { readonly [Name in Part]: () => Promise<Results[Name]> } = {
	write: rowsWritten,
	sqlite: () => onSqlite(pagesOf),
	postgres: () => onPostgres(MILLION, options.postgres),
	large: () => onPostgres(LARGE, options.large),
	row: costOfRow,
	cost: costOfLogging,
	filter: () => onSqlite((database, path) => besideFilter(database, path)),
};

async function main(): Promise<void> {
	const wanted = options.only.split(",");
	for (const part of PARTS) {
		if (!wanted.includes(part)) continue;
		const load = loadNow();
		keep(part, await MEASURES[part](), load);
	}
	if (options.out === "-") console.log(logReport());
	else writeFileSync(resolve(PROJECT, options.out), logReport());
}

async function rowsWritten(): Promise<Results["write"]> {
	const folder = mkdtempSync(join(tmpdir(), "warmpath-bench-log-"));
	try {
		await using sqlite = await openDatabase({ kind: "sqlite", path: join(folder, "warmpath.db") });
		await using server = await startPostgres();
		await using postgres = await openDatabase({ kind: "postgres", url: await server.database() });
		await makeDays(postgres, WRITTEN);
		return { SQLite: await fillLog(sqlite, WRITTEN), Postgres: await fillLog(postgres, WRITTEN) };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function onSqlite<Result>(measure: (database: Database, path: string) => Promise<Result>): Promise<Result> {
	const folder = options.sqlite === undefined ? mkdtempSync(join(tmpdir(), "warmpath-bench-log-")) : null;
	try {
		const path = folder === null ? resolve(options.sqlite ?? "") : join(folder, "warmpath.db");
		await using database = await openDatabase({ kind: "sqlite", path });
		if (await isEmpty(database)) await fillLog(database, MILLION);
		return await measure(database, path);
	} finally {
		if (folder !== null) rmSync(folder, { recursive: true, force: true });
	}
}

async function onPostgres(size: LogSize, given: string | undefined): Promise<PagesResult> {
	await using server = given === undefined ? await startPostgres() : null;
	const url = given ?? (await server?.database()) ?? "";
	await using database = await openDatabase({ kind: "postgres", url });
	if (await isEmpty(database)) {
		await makeDays(database, size);
		await fillBySql(url, size);
	}
	return await pagesOf(database, url, size);
}

async function isEmpty({ query }: Database): Promise<boolean> {
	return (await query.selectFrom("requests").select("id").limit(1).executeTakeFirst()) === undefined;
}

/** As a gateway makes them while it runs. */
async function makeDays(database: Database, { days, end }: LogSize): Promise<void> {
	for (let day = -days; day <= 0; day += 1) await makePartitions(database, end + day * DAY_MS);
}

async function pagesOf(database: Database, _where: string, { rows, days } = MILLION): Promise<PagesResult> {
	const pages = { ...database, query: database.pages };
	const timings: Timing[] = [];
	for (const { name, ask } of QUESTIONS) {
		const times: number[] = [];
		for (let repeat = 0; repeat < REPEATS; repeat += 1) {
			const before = performance.now();
			await ask(pages);
			times.push(performance.now() - before);
		}
		const sorted = [...times].sort((left, right) => left - right);
		const timing = { name, median: sorted[REPEATS >> 1] ?? 0, worst: sorted.at(-1) ?? 0 };
		timings.push(timing);
		console.log(`${database.kind}  ${name}: ${timing.median.toFixed(1)} ms, worst ${timing.worst.toFixed(1)}`);
	}
	return { rows, days, megabytes: (await logBytes(database)) / 1e6, repeats: REPEATS, timings };
}

/** Runs against several gateways, one after the other, since how fast the machine is changes by the minute. */
async function onGateways(file: string | undefined, run: (gateway: LogGateway) => Promise<void>): Promise<void> {
	const upstream = await startUpstream({ listeners: 3, cutShare: 0, seed: 1, keepAliveMs: 60_000 });
	try {
		for (let launch = 0; launch < Number(options.launches); launch += 1) {
			const gateway = await startLogGateway({ upstreamPorts: upstream.ports, ...(file === undefined ? {} : { file }) });
			try {
				await run(gateway);
			} finally {
				await gateway.close();
			}
		}
	} finally {
		await upstream.close();
	}
}

/** One gateway whose log is switched on and off in turns: two processes of the same program differ by up to 4 % for as long as they live. */
async function costOfLogging(): Promise<readonly CostResult[]> {
	const scenarios = [
		{ name: "54k-sse-c16", bytes: 54_000, answer: "sse", concurrency: 16 },
		{ name: "799k-sse-c16", bytes: 799_000, answer: "sse", concurrency: 16 },
	] as const;
	const launches = scenarios.map((): Comparison[] => []);
	await onGateways(undefined, async (gateway) => {
		for (const [at, scenario] of scenarios.entries()) {
			const comparison = await costOfOne(scenario, gateway);
			launches[at]?.push(comparison);
			console.log(`${scenario.name}: ${percent(comparison.share)} of the throughput without a log`);
		}
	});
	return scenarios.map(({ name }, at) => ({ scenario: name, launches: launches[at] ?? [] }));
}

/** Throws where the gateway did not log what it should have. */
async function costOfOne(scenario: Scenario, gateway: LogGateway): Promise<Comparison> {
	const onTurn = (side: "bare" | "gateway") => gateway.turn(side === "gateway" ? "log" : "off");
	// Load before each turn that is not counted, longer than the log waits before it writes: neither side pays for the other.
	const pace = { rounds: Number(options.rounds), sliceMs: 500, leadMs: 600, warmUpMs: 1_500, onTurn };
	const sides = { bare: gateway, gateway };
	await compare(scenario, sides, { ...pace, rounds: 1 });
	const before = gateway.logged();
	const comparison = await compare(scenario, sides, pace);
	await gateway.turn("off");
	const { written, lost } = gateway.logged();
	if (lost > 0) throw new Error(`${lost} rows lost: what was measured is not logging`);
	// Half of what is measured is logged, and more before each turn.
	if (written - before.written < comparison.requests / 2) throw new Error("the gateway logged less than it should");
	return comparison;
}

/** One request at a time, so that the figure is what a request waits and not how much the machine can do beside a scan. */
async function besideFilter(database: Database, path: string): Promise<Results["filter"]> {
	const counted = await database.query
		.selectFrom("requests")
		.select((select) => select.fn.countAll<number>().as("rows"))
		.executeTakeFirstOrThrow();
	const scenario = { name: "54k-sse-c1", bytes: 54_000, answer: "sse", concurrency: 1 } as const;
	const launches: Comparison[] = [];
	let scanMs = 0;
	await onGateways(path, async (gateway) => {
		const onTurn = (side: "bare" | "gateway") => gateway.turn(side === "gateway" ? "filter" : "off");
		const pace = { rounds: Number(options.rounds), sliceMs: 1_000, leadMs: 200, warmUpMs: 1_500, onTurn };
		launches.push(await compare(scenario, { bare: gateway, gateway }, pace));
		await gateway.turn("off");
		scanMs = gateway.logged().scanMs;
	});
	return { rows: Number(counted.rows), scanMs, launches };
}

if (options.help) console.log(HELP);
else await main();
