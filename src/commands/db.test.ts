// `warmpath db` over a real file: status before and after, and an export that `warmpath replay` reads.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { startWorld } from "../../test/harness.ts";
import { describeLocation } from "../db/location.ts";
import { openDatabase } from "../db/open.ts";
import { readTrace } from "../replay/trace.ts";
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

async function run(action: DbAction, configPath: string | null = null, failure: Error | null = null) {
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
	const now = () => Date.parse("2026-11-21T12:00:00Z");
	return { code: await dbCommand(action, configPath, { out, err, env, now }), stdout, stderr };
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
		const exported = await run({ kind: "export", filter: {}, file }, config);
		expect(exported).toMatchObject({ code: 0, stderr: `15 requests exported to ${file}\n` });
		const lines = readFileSync(file, "utf8").trim().split("\n");
		expect(lines).toHaveLength(16);
		expect(lines.join()).not.toContain("You are");
		const piped = await run({ kind: "export", filter: { session: "session-2" }, file: null }, config);
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
});

test("an export of a database that no gateway has used says so and writes no file", async () => {
	const file = join(home, "log.jsonl");
	const refused = await run({ kind: "export", filter: {}, file });
	expect(refused.code).toBe(1);
	expect(refused.stderr).toContain(`${join(home, "warmpath.db")} holds no request log`);
	expect(existsSync(file)).toBe(false);
});

test("an export into a pipe that was closed ends quietly; another failure is reported", async () => {
	await run({ kind: "migrate" });
	const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
	expect(await run({ kind: "export", filter: {}, file: null }, null, gone)).toMatchObject({ code: 0 });
	const full = Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" });
	const failed = await run({ kind: "export", filter: {}, file: null }, null, full);
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
