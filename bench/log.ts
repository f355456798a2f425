// `npx tsx bench/log.ts`: the request log with a million rows on SQLite and Postgres, every filter's first page, the day's sums, and what
// logging costs a gateway at 1.8 KB. Writes docs/benchmarks/log.md.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Kysely } from "kysely";
import { sql } from "kysely";
import { deploymentsOf } from "../src/admin/api-deployments.ts";
import { overviewOf } from "../src/admin/api-overview.ts";
import { parseConfig } from "../src/config/load.ts";
import { NO_DETAILS } from "../src/db/__fixtures__/rows.ts";
import type { Database } from "../src/db/database.ts";
import { findSessions, listSessions, sumLedger } from "../src/db/ledger.ts";
import { openDatabase } from "../src/db/open.ts";
import { findRequest, listRequests, type RequestFilter } from "../src/db/requests.ts";
import { logBytes } from "../src/db/retention.ts";
import type { LogService } from "../src/db/service.ts";
import { createLogWriter, type NewRequestRow } from "../src/db/writer.ts";
import { createRouter } from "../src/routing/router.ts";
import { seededRandom } from "../src/simulator/random.ts";
import { createLogger } from "../src/telemetry/log.ts";
import { startPostgres } from "../test/postgres.ts";
import { PROJECT, startGatewayChild, startUpstream } from "./children.ts";
import { type Comparison, compare } from "./measure.ts";
import { machineFacts } from "./report.ts";

const { values: options } = parseArgs({
	options: {
		rows: { type: "string", default: "1000000" },
		only: { type: "string", default: "" },
		rounds: { type: "string", default: "8" },
		out: { type: "string", default: "docs/benchmarks/log.md" },
	},
});

const ROWS = Number(options.rows);
const DAY_MS = 86_400_000;
const DAYS = 5;
/** Of the last row; the first is DAYS before it. */
const END = Date.parse("2026-11-21T12:00:00Z");
const REPEATS = 11;
const BAR_MS = 200;

const MODELS = ["claude-code", "claude-opus", "claude-haiku", "claude-fable"];
const DEPLOYMENTS = Array.from({ length: 8 }, (_, at) => `deployment-${at + 1}`);
const REASONS = ["prefix", "head", "cold", "unmarked", "diverted", "returned"];
const SESSIONS = 20_000;
const KEYS = 200;

/** Rows as a busy team makes them: many turns of few sessions at a time, some errors, some misses. */
function rowOf(at: number, random: () => number): NewRequestRow {
	const startedAt = END - Math.floor(((ROWS - at) / ROWS) * DAYS * DAY_MS);
	const pick = <T>(list: readonly T[]): T =>
		list[Math.min(list.length - 1, Math.floor(random() ** 2 * list.length))] as T;
	// Sessions live for a while and are then followed by others.
	const session = Math.floor((at / ROWS) * (SESSIONS - 200)) + Math.floor(random() * 200);
	const key = session % KEYS;
	const failed = random() < 0.03;
	const status = failed ? pick([429, 529, 500, 400, 401, 499]) : 200;
	const read = Math.floor(random() * 150_000);
	const write = Math.floor(random() * 5_000);
	const cost = failed ? null : (read * 0.1 + write * 2.5 + 4_000) / 1e6;
	const model = pick(MODELS);
	const prints = "A".repeat(300 + Math.floor(random() * 300));
	return {
		id: `${((at * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, "0")}-0000-4000-8000-${at.toString(16).padStart(12, "0")}`,
		started_at: startedAt,
		first_byte_at: failed ? null : startedAt + 900,
		ended_at: startedAt + 7_000,
		operation: "messages",
		dialect: "anthropic",
		outcome: status === 499 ? "aborted" : status === 401 ? "rejected" : failed ? "failed" : "served",
		status,
		error: failed ? `http_${status}` : null,
		key_id: `${key.toString(16).padStart(4, "0")}${"f".repeat(60)}`,
		key_alias: `key-${key}`,
		team_id: `team-${key % 20}`,
		user_id: `user-${key}`,
		end_user: null,
		session: `${session.toString(16).padStart(8, "0")}-aaaa-4bbb-8ccc-dddddddddddd`,
		agent: null,
		client: "claude-cli/2.1.280 (external, cli)",
		model,
		model_group: "claude-code",
		// A deployment serves one model.
		model_id: DEPLOYMENTS[MODELS.indexOf(model) * 2 + (random() < 0.7 ? 0 : 1)] ?? null,
		upstream_model: "claude-sonnet-5-5",
		provider: "anthropic",
		domain: "anthropic/00000000-0000-4000-8000-000000000000/wrkspc_1",
		region: null,
		stream: 1,
		input_tokens: failed ? null : 200,
		output_tokens: failed ? null : 400,
		read_tokens: failed ? null : read,
		write_5m_tokens: failed ? null : write,
		write_1h_tokens: failed ? null : 0,
		cost,
		cost_input: cost === null ? null : 0.0004,
		cost_read: cost === null ? null : (read * 0.1) / 1e6,
		cost_write_5m: cost === null ? null : (write * 2.5) / 1e6,
		cost_write_1h: cost === null ? null : 0,
		cost_output: cost === null ? null : 0.004,
		cost_uncached: cost === null ? null : cost * 6,
		cost_random: cost === null ? null : cost * 3,
		affinity: "hit",
		reason: pick(REASONS),
		predicted_read_tokens: read,
		waited_ms: 0,
		diverted_from: null,
		runner_up: "deployment-2",
		attempts: 1,
		miss: !failed && random() < 0.03 ? pick(["expired", "moved", "history_edited", "tools_changed", "lost"]) : null,
		details: JSON.stringify({ ...NO_DETAILS, tags: [prints] }),
	};
}

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
	{ name: "log, text: begin of a request id", ask: page({ text: "deadb" }) },
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
		ask: (database) => overviewOf({ database, service: IDLE }, lastDay, { router: ROUTER, now: END }),
	},
	{
		name: "deployments",
		ask: (database) => deploymentsOf({ log: { database, service: IDLE }, router: ROUTER, now: () => END }),
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
	readonly kind: string;
	readonly rowsPerSecond: number;
	readonly megabytes: number;
	readonly timings: readonly Timing[];
	readonly plans: readonly string[];
}

await main();

async function main(): Promise<void> {
	const facts = machineFacts(PROJECT);
	const databases: DatabaseFigures[] = [];
	if ("sqlite".includes(options.only)) databases.push(await onSqlite());
	if ("postgres".includes(options.only)) databases.push(await onPostgres());
	const costs = "cost".includes(options.only) ? await costOfLogging() : [];
	const report = markdown(facts, databases, costs);
	if (options.out === "-") console.log(report);
	else {
		writeFileSync(join(PROJECT, options.out), report);
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
	const rowsPerSecond = await fill(database);
	const timings: Timing[] = [];
	for (const { name, ask } of QUESTIONS) {
		const times: number[] = [];
		for (let repeat = 0; repeat < REPEATS; repeat += 1) {
			const before = performance.now();
			await ask(database);
			times.push(performance.now() - before);
		}
		const sorted = [...times].sort((left, right) => left - right);
		const timing = { name, median: sorted[REPEATS >> 1] ?? 0, worst: sorted.at(-1) ?? 0 };
		timings.push(timing);
		console.log(`${database.kind}  ${name}: ${timing.median.toFixed(1)} ms, worst ${timing.worst.toFixed(1)}`);
	}
	return {
		kind: database.kind,
		rowsPerSecond,
		megabytes: (await logBytes(database)) / 1e6,
		timings,
		plans: await plansOf(database),
	};
}

async function fill(database: Database): Promise<number> {
	const log = createLogger({ level: "warn", format: "json" });
	const writer = createLogWriter(database, { maxQueued: 20_000, maxQueuedBytes: 1e9, log });
	const random = seededRandom(1);
	const before = performance.now();
	for (let at = 0; at < ROWS; at += 1) {
		writer.push({ row: rowOf(at, random), body: null });
		if (at % 10_000 === 9_999) await writer.flush();
	}
	await writer.flush();
	const seconds = (performance.now() - before) / 1000;
	const { written, lost } = writer.stats();
	if (written !== ROWS || lost > 0) throw new Error(`${written} rows written, ${lost} lost`);
	await (database.kind === "postgres" ? sql`vacuum analyze` : sql`analyze`).execute(database.query);
	console.log(`${database.kind}  ${ROWS} rows in ${seconds.toFixed(0)} s`);
	return ROWS / seconds;
}

/** Which index each statement uses: asked of the database with the statements that the questions really send. */
async function plansOf(database: Database): Promise<readonly string[]> {
	const plans: string[] = [];
	for (const { name, ask } of QUESTIONS) {
		const sent: { sql: string; parameters: readonly unknown[] }[] = [];
		const watched = database.query.withPlugin({
			transformQuery: ({ node }) => node,
			transformResult: async ({ result }) => result,
		}) as Kysely<never>;
		const executor = watched.getExecutor();
		const spying = new Proxy(database.query, {
			get(target, property, receiver) {
				if (property !== "getExecutor") return Reflect.get(target, property, receiver);
				return () => executor;
			},
		});
		const execute = executor.executeQuery.bind(executor);
		executor.executeQuery = (query, ...rest) => {
			sent.push({ sql: query.sql, parameters: query.parameters });
			return execute(query, ...rest);
		};
		await ask({ ...database, query: watched as unknown as Database["query"] });
		void spying;
		const used = new Set<string>();
		for (const statement of sent) for (const index of await indexesOf(database, statement)) used.add(index);
		plans.push(`${name}: ${[...used].join(", ") || "–"}`);
	}
	return plans;
}

async function indexesOf(
	database: Database,
	statement: { readonly sql: string; readonly parameters: readonly unknown[] },
): Promise<readonly string[]> {
	const isPostgres = database.kind === "postgres";
	const query = sql.raw(`explain ${isPostgres ? "" : "query plan "}${inlined(statement)}`);
	const { rows } = await query.execute(database.query);
	const text = rows.map((row) => Object.values(row as object).join(" ")).join("\n");
	const scans = [...text.matchAll(/(?:Seq Scan on|SCAN) (\w+)\b(?! USING)/g)].map((match) => `whole ${match[1]}`);
	const found = [...text.matchAll(/(?:using|on|USING(?: COVERING)? INDEX) (\w+_\w+)/g)].map((match) => match[1] ?? "");
	return [...scans, ...found.filter((name) => /requests_|ledger_|sessions_|request_bodies_|autoindex/.test(name))];
}

/** A statement with its parameters written out, for `explain`. They are this file's own. */
function inlined({ sql: text, parameters }: { readonly sql: string; readonly parameters: readonly unknown[] }): string {
	let next = 0;
	const literal = (value: unknown) =>
		value === null ? "null" : typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
	return text.replace(/\$(\d+)|\?/g, (_, number: string | undefined) => {
		const at = number === undefined ? next : Number(number) - 1;
		next += 1;
		return literal(parameters[at]);
	});
}

/** Gateways with and without a log take turns. */
async function costOfLogging(): Promise<readonly Comparison[]> {
	const upstream = await startUpstream({ listeners: 3, cutShare: 0, seed: 1, keepAliveMs: 60_000 });
	const bare = await startGatewayChild({ upstreamPorts: upstream.ports, requestLog: false });
	const gateway = await startGatewayChild({ upstreamPorts: upstream.ports, requestLog: true });
	const costs: Comparison[] = [];
	try {
		const pace = { rounds: Number(options.rounds), sliceMs: 1_500, warmUpMs: 1_500 };
		for (const answer of ["json", "sse"] as const) {
			const scenario = { name: `1.8k-${answer}-c16`, bytes: 1_800, answer, concurrency: 16 };
			await compare(scenario, { bare, gateway }, { ...pace, rounds: 1 });
			const comparison = await compare(scenario, { bare, gateway }, pace);
			costs.push(comparison);
			console.log(`${scenario.name}: ${(comparison.share * 100).toFixed(1)} % of the throughput without a log`);
		}
	} finally {
		await Promise.all([gateway.close(), bare.close(), upstream.close()]);
	}
	return costs;
}

function markdown(
	facts: ReturnType<typeof machineFacts>,
	databases: readonly DatabaseFigures[],
	costs: readonly Comparison[],
): string {
	const names = databases.map(({ kind }) => kind);
	const worst = Math.max(0, ...databases.flatMap(({ timings }) => timings.map(({ median }) => median)));
	const lines = [
		"# The request log",
		"",
		`Measured with \`npx tsx bench/log.ts\`: ${JSON.stringify(facts).replace(/[{}"]/g, "").replaceAll(",", ", ")}.`,
		"",
		`${ROWS.toLocaleString("en-US")} rows over ${DAYS} days: ${KEYS} keys, ${SESSIONS.toLocaleString("en-US")} sessions, ${DEPLOYMENTS.length} deployments, 3 % errors, 3 % misses. Times are what the control plane waits for its database, medians of ${REPEATS} (worst in brackets), ms. The bar is ${BAR_MS} ms; the slowest median is ${worst.toFixed(0)} ms.`,
		"",
		...databases.map(
			({ kind, rowsPerSecond, megabytes }) =>
				`- ${kind}: ${Math.round(rowsPerSecond).toLocaleString("en-US")} rows a second written, ${Math.round(megabytes).toLocaleString("en-US")} MB`,
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
		"Two gateways in turns, one with the request log in a SQLite file, one without; bodies of 1.8 KB, 16 connections, everything on one machine. The bar is 10 %.",
		"",
		"| scenario | requests/s without / with | share (median of the pairs) | CPU a request without / with, ms |",
		"| --- | --- | --- | --- |",
		...costs.map(
			({ scenario, bare, gateway, share }) =>
				`| ${scenario.name} | ${Math.round(bare.perSecond)} / ${Math.round(gateway.perSecond)} | ${(share * 100).toFixed(1)} % | ${bare.cpuPerRequest?.toFixed(3)} / ${gateway.cpuPerRequest?.toFixed(3)} |`,
		),
		"",
		"## Indexes used",
		"",
		...databases.flatMap(({ kind, plans }) => [`### ${kind}`, "", ...plans.map((plan) => `- ${plan}`), ""]),
	];
	return `${lines.join("\n").trimEnd()}\n`;
}
