// The command from its options to its output, on a trace made up for it.
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { syntheticTrace } from "../replay/__fixtures__/synthetic-trace.ts";
import { REPLAY_DEFAULTS, type ReplayOptions, replayCommand } from "./replay.ts";

const folder = await mkdtemp(join(tmpdir(), "replay-command-"));
const trace = join(folder, "trace.jsonl");
await writeFile(trace, syntheticTrace({ sessions: 6, turns: 8, gapSeconds: 30, seed: 3 }).join("\n"));

async function run(options: Partial<ReplayOptions> = {}, path = trace) {
	let out = "";
	let err = "";
	const io = {
		write: (text: string) => {
			out += text;
		},
		writeError: (text: string) => {
			err += text;
		},
		progress: "quiet",
	} as const;
	const code = await replayCommand(path, { ...REPLAY_DEFAULTS, deployments: 3, ...options }, io);
	return { code, out, err };
}

test("by default every policy is in the table, the ceiling first", async () => {
	const { code, out, err } = await run();
	expect({ code, err }).toEqual({ code: 0, err: "" });
	expect(
		out
			.split("\n")
			.slice(1, 10)
			.map((line) => line.split(" ")[0]),
	).toEqual([
		"single",
		"warmpath",
		"session-hash",
		"session-affinity",
		"litellm-walkback",
		"litellm-exact",
		"least-busy",
		"round-robin",
		"random",
	]);
});

test("JSON is one object and nothing else", async () => {
	const { out } = await run({ format: "json", policies: ["random", "warmpath"] });
	const { policies } = JSON.parse(out) as { policies: { policy: string; requests: number }[] };
	expect(policies.map(({ policy, requests }) => [policy, requests])).toEqual([
		["warmpath", 48],
		["random", 48],
	]);
});

test("the page is written and its place told apart from the results", async () => {
	const report = join(folder, "report.html");
	const { code, err } = await run({ report, policies: ["warmpath"], itpm: 450_000, gateways: 2, table: "shared" });
	expect(code).toBe(0);
	expect(err).toContain(report);
	const html = await readFile(report, "utf8");
	expect(html).toContain("450,000 a minute");
	expect(html).toContain("2, a shared table 5 ms late");
});

test("what cannot be done is said in one line, with exit code 1", async () => {
	expect(await run({ policies: ["warmpth"] })).toMatchObject({
		code: 1,
		err: expect.stringContaining("no policy is named 'warmpth'"),
	});
	expect(await run({ policies: [" "] })).toMatchObject({
		code: 1,
		err: expect.stringContaining("--policies names none"),
	});
	expect(await run({}, join(folder, "none.jsonl"))).toMatchObject({
		code: 1,
		err: expect.stringContaining("none.jsonl: there is no such file"),
	});
	expect(await run({ policies: ["random"], report: join(folder, "no", "r.html") })).toMatchObject({
		code: 1,
		err: expect.stringContaining("the report was not written"),
	});
});
