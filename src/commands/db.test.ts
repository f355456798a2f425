// `warmpath db` over a real file: status before and after, and an export that `warmpath replay` reads.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { memoryLog, startWorld } from "../../test/harness.ts";
import { describeLocation } from "../db/location.ts";
import { openDatabase } from "../db/open.ts";
import { COMPUTED_COLUMNS, REQUEST_COLUMN_NAMES } from "../db/schema/requests.ts";
import { readTrace } from "../replay/trace.ts";
import { entryAt, NOON } from "../requestlog/__fixtures__/rows.ts";
import type { LogEntry } from "../requestlog/batch.ts";
import type { RequestFilter } from "../requestlog/requests.ts";
import { createLogWriter } from "../requestlog/writer.ts";
import { SimulatedAgent } from "../simulator/agent.ts";
import { type DbAction, dbCommand } from "./db.ts";
import { readAnswer } from "./demo/answer.ts";
import { REPLAY_DEFAULTS, replayCommand } from "./replay.ts";

const MODEL = "model_list: [{ model_name: a, litellm_params: { model: anthropic/x, api_key: sk-ant-000000000000 } }]";
let home = "";

beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), "warmpath-db-command-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** The clock stands, or goes on by `tickMs` with each look at it. */
async function run(
	action: DbAction,
	configPath: string | null = null,
	{
		failure = null,
		tickMs = 0,
		terminal = false,
	}: { failure?: Error | null; tickMs?: number; terminal?: boolean } = {},
) {
	let stdout = "";
	let stderr = "";
	const out = new Writable({
		write(chunk: Buffer, _, done) {
			stdout += chunk.toString();
			done(failure);
		},
	});
	const env = { WARMPATH_HOME: home };
	const err = (text: string) => {
		stderr += text;
	};
	let time = Date.parse("2026-11-21T12:00:00Z") - tickMs;
	const now = () => {
		time += tickMs;
		return time;
	};
	return { code: await dbCommand(action, configPath, { out, err, terminal, env, now }), stdout, stderr };
}

onEachDatabase((databases) => {
	/** A new database and the configuration that names it; without one, the file in WARMPATH_HOME. */
	async function place() {
		const file = join(home, "warmpath.db");
		if (databases.kind === "sqlite") {
			return { location: { kind: "sqlite", path: file } as const, config: null, description: file };
		}
		const location = await databases.location();
		if (location.kind !== "postgres") throw new Error("expected a Postgres");
		const config = join(home, "config.yaml");
		writeFileSync(config, `${MODEL}\ngeneral_settings: { database_url: "${location.url}" }\n`);
		return { location, config, description: describeLocation(location) };
	}

	test("status tells what is pending, migrate applies it", async () => {
		const { config, description } = await place();
		const before = await run({ kind: "status", format: "text" }, config);
		expect(before.code).toBe(0);
		expect(before.stdout).toContain(`database    ${description} (${databases.kind})`);
		expect(before.stdout).toContain("0001_request_rows, pending");
		const migrated = await run({ kind: "migrate" }, config);
		expect(migrated.stdout).toContain("applied 0001_request_rows\n");
		expect((await run({ kind: "migrate" }, config)).stdout).toBe(`${description} is up to date\n`);
		const after = JSON.parse((await run({ kind: "status", format: "json" }, config)).stdout) as Record<string, unknown>;
		expect(after).toMatchObject({ kind: databases.kind, requests: 0, oldest: null, pending: [], unknown: [] });
	});

	test("an export holds the conversations' prefixes, and replay routes it as it was", async () => {
		const { location, config } = await place();
		const agents = [1, 2, 3].map(
			(seed) => new SimulatedAgent({ model: "claude-code", seed, project: 1, session: `session-${seed}` }),
		);
		const recorded: { read: number; prompt: number }[] = [];
		{
			await using database = await openDatabase(location);
			await using world = await startWorld({ deployments: ["a", "b"], gateway: { database } });
			for (let turn = 0; turn < 5; turn += 1) {
				for (const agent of agents) {
					const { body, headers } = agent.request();
					const answer = await readAnswer(await world.gateway.post("/v1/messages?beta=true", body, headers));
					agent.answered(answer.content);
				}
			}
			for (const { usage } of world.messages()) {
				if (usage === null) continue;
				const prompt = usage.read + usage.write5m + usage.write1h + usage.uncached;
				recorded.push({ read: usage.read, prompt });
			}
		}
		const file = join(home, "log.jsonl");
		const exported = await run({ kind: "export", format: "jsonl", filter: {}, file }, config);
		expect(exported).toMatchObject({ code: 0, stderr: `15 requests exported to ${file}\n` });
		const lines = readFileSync(file, "utf8").trim().split("\n");
		expect(lines).toHaveLength(16);
		expect(lines.join()).not.toContain("You are");
		const piped = await run({ kind: "export", format: "jsonl", filter: { session: "session-2" }, file: null }, config);
		expect(piped.stdout.trim().split("\n")).toHaveLength(6);

		const trace = await readTrace(file);
		expect(trace.requests).toHaveLength(15);
		expect(trace.requests.map(({ promptTokens }) => promptTokens)).toEqual(recorded.map(({ prompt }) => prompt));
		expect(new Set(trace.requests.map(({ session }) => session)).size).toBe(3);

		let output = "";
		const code = await replayCommand(
			file,
			{ ...REPLAY_DEFAULTS, deployments: 2, model: "recorded", policies: ["warmpath"], format: "json" },
			{ write: (text) => (output += text), writeError: () => {}, progress: "quiet" },
		);
		expect(code).toBe(0);
		const { policies } = JSON.parse(output) as { policies: { hitRatio: number }[] };
		const total = (of: "read" | "prompt") => recorded.reduce((sum, each) => sum + each[of], 0);
		// What the caches read then and what they read in the replay: blocks are cut anew, so they differ by little.
		expect(Math.abs((policies[0]?.hitRatio ?? 0) - total("read") / total("prompt"))).toBeLessThan(0.03);
	});

	/** Some rows in a new database. */
	async function logOf(entries: readonly LogEntry[]) {
		const { location, config } = await place();
		await using database = await openDatabase(location);
		const writer = createLogWriter(database, { maxQueued: 10_000, maxQueuedBytes: 1e9, log: memoryLog().log });
		for (const entry of entries) writer.push(entry);
		await writer.flush();
		return config;
	}

	test("as CSV it has a line a request with every column, and what is text stays text", async () => {
		const odd = { session_id: 'says "a, b"\nand c', tags: ["x", "y"], end_user: "", cost: null, stream: false };
		const config = await logOf([entryAt(0), entryAt(1, odd)]);
		const { stdout, code } = await run({ kind: "export", format: "csv", filter: {}, file: null }, config);
		expect(code).toBe(0);
		const rows = parseCsv(stdout);
		const [header = [], first = [], second = []] = rows;
		expect(rows).toHaveLength(3);
		expect(header).toEqual([...REQUEST_COLUMN_NAMES, ...Object.keys(COMPUTED_COLUMNS)]);
		const cell = (row: readonly (string | null)[], name: string) => row[header.indexOf(name)];
		expect(
			["id", "started_at", "cost", "saved_by_caching", "agent_id", "tags"].map((name) => cell(first, name)),
		).toEqual(["request-0", "2026-11-20T12:00:00.000Z", "0.01", "0.04", null, "[]"]);
		expect(Object.keys(odd).map((name) => cell(second, name))).toEqual([
			odd.session_id,
			'["x","y"]',
			"",
			null,
			"false",
		]);
	});

	test("from is included and to is not; a user, a team and a model can be named", async () => {
		const minutes = [0, 1, 2, 3].map((minute) => entryAt(minute * 60_000));
		const others = [{ user_id: "u" }, { team_id: "t" }, { model: "m" }].map((change, at) => entryAt(at + 1, change));
		const config = await logOf([...minutes, ...others]);
		const idsOf = async (filter: RequestFilter) => {
			const { stdout } = await run({ kind: "export", format: "csv", filter, file: null }, config);
			return parseCsv(stdout)
				.slice(1)
				.map(([id]) => id);
		};
		expect(await idsOf({ from: NOON + 60_000, to: NOON + 180_000 })).toEqual(["request-60000", "request-120000"]);
		expect(await idsOf({ from: NOON + 180_001 })).toEqual([]);
		expect(await idsOf({ userId: "u" })).toEqual(["request-1"]);
		expect(await idsOf({ teamId: "t" })).toEqual(["request-2"]);
		expect(await idsOf({ model: "m" })).toEqual(["request-3"]);
	});

	test("every row of many goes out once and in order, and how far it is stands on standard error", async () => {
		const entries = Array.from({ length: 1_500 }, (_, at) => entryAt(at - (at % 3), { id: `request-${at}` }));
		const config = await logOf(entries);
		const file = join(home, "many.csv");
		const action = { kind: "export", format: "csv", filter: {}, file } as const;
		const { stderr } = await run(action, config, { tickMs: 20_000 });
		const ids = parseCsv(readFileSync(file, "utf8")).map(([id]) => id);
		expect(ids).toEqual(["id", ...entries.map(({ row }) => row.id).sort(inOrderOf(entries))]);
		const lines = stderr.trimEnd().split("\n");
		expect(lines.at(-1)).toBe(`1,500 requests exported to ${file}`);
		expect(lines.length).toBeGreaterThan(2);
		for (const line of lines.slice(0, -1))
			expect(line).toMatch(/^[\d,]+ requests, up to 2026-11-20 12:00 UTC \(\d+ %\)$/);
		const shown = await run(action, config, { tickMs: 20_000, terminal: true });
		const [nothing, ...reports] = shown.stderr.split("\r\u001b[K");
		expect(nothing).toBe("");
		expect(reports.pop()).toBe(lines.at(-1)?.concat("\n"));
		expect(reports).toEqual(lines.slice(0, -1));
	});
});

/** By time, then by id: of equal times the text decides. */
function inOrderOf(entries: readonly LogEntry[]) {
	const times = new Map(entries.map(({ row }) => [row.id, row.started_at]));
	return (left: string, right: string) => (times.get(left) ?? 0) - (times.get(right) ?? 0) || (left < right ? -1 : 1);
}

/** As RFC 4180 has it; null = nothing, not even quotes. */
function parseCsv(text: string): (string | null)[][] {
	const rows: (string | null)[][] = [[]];
	for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
		rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? (plain === "" ? null : (plain ?? null)));
		if (end === "\n") rows.push([]);
	}
	return rows.slice(0, -1);
}

test("a file that cannot be made is told, before anything is read", async () => {
	await run({ kind: "migrate" });
	const file = join(home, "nowhere", "log.csv");
	const failed = await run({ kind: "export", format: "csv", filter: {}, file });
	expect(failed).toMatchObject({ code: 1, stdout: "" });
	expect(failed.stderr).toContain(file);
});

test("an export of a database that no gateway has used says so and writes no file", async () => {
	const file = join(home, "log.jsonl");
	const refused = await run({ kind: "export", format: "jsonl", filter: {}, file });
	expect(refused.code).toBe(1);
	expect(refused.stderr).toContain(`${join(home, "warmpath.db")} holds no request log`);
	expect(existsSync(file)).toBe(false);
});

test("an export into a pipe that was closed ends quietly; another failure is reported", async () => {
	await run({ kind: "migrate" });
	const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
	expect(await run({ kind: "export", format: "jsonl", filter: {}, file: null }, null, { failure: gone })).toMatchObject(
		{ code: 0 },
	);
	const full = Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" });
	const failed = await run({ kind: "export", format: "jsonl", filter: {}, file: null }, null, { failure: full });
	expect(failed.code).toBe(1);
	expect(failed.stderr).toContain("write ENOSPC");
});

test("the configuration names another database; a bad one is told", async () => {
	const config = join(home, "config.yaml");
	writeFileSync(config, `${MODEL}\ngeneral_settings: { database_url: "sqlite:${join(home, "other", "log.db")}" }\n`);
	expect((await run({ kind: "status", format: "text" }, config)).stdout).toContain(join("other", "log.db"));
	writeFileSync(config, `${MODEL}\ngeneral_settings: { database_url: "mysql://localhost/log" }\n`);
	const refused = await run({ kind: "status", format: "text" }, config);
	expect(refused.code).toBe(1);
	expect(refused.stderr).toContain("general_settings.database_url: expected postgres://");
});
