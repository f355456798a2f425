// What is read of trace files, and what is said of files that are none.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { syntheticTrace } from "./__fixtures__/synthetic-trace.ts";
import { collectTrace, readTrace, TraceError } from "./trace.ts";

const HEADER = '{"trace":"t","source":"s","block":64,"models":{"0":"claude-a","3":"claude-b"}}';

test("a line of a Claude Code trace becomes a request", async () => {
	const line =
		'{"s":94,"a":2,"t":0.39,"d":7.4,"i":60847,"o":369,"m":3,"k":"t","e":0,"tl":195,"sy":244,"b":[[7,195],[900,755]]}';
	const trace = await collectTrace("t", [HEADER, line]);
	expect(trace).toMatchObject({ name: "t", source: "s", blockTokens: 64, clock: "one" });
	expect(trace.requests).toEqual([
		{
			at: 390,
			session: 94,
			agent: 2,
			model: "claude-b",
			runs: Float64Array.from([7, 195, 900, 755]),
			promptTokens: 60847,
			outputTokens: 369,
			durationMs: 7400,
			toolsBlocks: 195,
			systemBlocks: 244,
		},
	]);
});

test("what a trace does not record is null or none", async () => {
	const { requests } = await collectTrace("m", [
		'{"trace":"m","block":512}',
		'{"t":0,"i":6758,"o":500,"sy":1,"b":[[0,13]]}',
	]);
	expect(requests[0]).toMatchObject({
		session: null,
		agent: 0,
		model: null,
		durationMs: null,
		toolsBlocks: 0,
		systemBlocks: 1,
	});
});

test("a trace whose times count from each session's start says so", async () => {
	const header = '{"trace":"r","block":64,"time":"relative to the session start"}';
	const trace = await collectTrace("r", [header, '{"s":1,"t":0,"i":64,"o":1,"b":[[1,1]]}', ""]);
	expect(trace.clock).toBe("relative");
});

test("plain and compressed files read alike", async () => {
	const folder = await mkdtemp(join(tmpdir(), "replay-"));
	const text = `${syntheticTrace({ sessions: 3, turns: 4, gapSeconds: 20, seed: 1 }).join("\n")}\n`;
	await writeFile(join(folder, "a.jsonl"), text);
	await writeFile(join(folder, "a.jsonl.gz"), gzipSync(text));
	const plain = await readTrace(join(folder, "a.jsonl"));
	expect(plain.requests).toHaveLength(12);
	expect(await readTrace(join(folder, "a.jsonl.gz"))).toEqual(plain);
});

test("a file that cannot be read is a trace error that names it", async () => {
	const missing = join(tmpdir(), "no-such-trace.jsonl");
	await expect(readTrace(missing)).rejects.toThrow(TraceError);
	await expect(readTrace(`${missing}.gz`)).rejects.toThrow(/^no-such-trace\.jsonl\.gz: there is no such file$/);
});

test("a file that is compressed in name only is a trace error", async () => {
	const folder = await mkdtemp(join(tmpdir(), "replay-"));
	await writeFile(join(folder, "a.jsonl.gz"), "not compressed");
	await expect(readTrace(join(folder, "a.jsonl.gz"))).rejects.toThrow(/^a\.jsonl\.gz: incorrect header check/);
});

const GOOD = '{"t":1,"i":640,"o":1,"b":[[1,10]]}';

test.each([
	["t", [], "t: the file is empty"],
	["t", [HEADER], "t: the trace has a header but no requests"],
	["t", ["[1]"], "t:1: the first line must be a header"],
	["t", ['{"version":3}'], "t:1: the header is of no known trace format"],
	["t", ['{"trace":"x"}'], "t:1: 'block' must be a whole number of 0 or more, not absent"],
	["t", ['{"trace":"x","block":0}'], "t:1: 'block' must be at least 1 token"],
	["t", ['{"trace":"azure","fields":"[t_s]"}'], "t:1: this trace has arrivals only"],
	["t", [HEADER, GOOD, "{"], "t:3: not JSON"],
	["t", [HEADER, "", "[1,2]"], "t:3: a request must be a JSON object"],
	["t", [HEADER, '{"i":640,"o":1,"b":[[1,10]]}'], "t:2: 't' must be a number of 0 or more, not absent"],
	["t", [HEADER, '{"t":-1,"i":640,"o":1,"b":[[1,10]]}'], "t:2: 't' must be a number of 0 or more, not -1"],
	["t", [HEADER, '{"t":1,"i":"x","o":1,"b":[[1,10]]}'], "t:2: 'i' must be a whole number of 0 or more, not \"x\""],
	["t", [HEADER, '{"t":1,"i":639,"o":1,"b":[[1,10]]}'], "t:2: 'i' is 639 tokens but 'b' has 10 blocks of 64"],
	["t", [HEADER, '{"t":1,"i":640,"o":1,"b":[[1,0]]}'], "t:2: 'b' has [1,0]; a run is [first id, count]"],
	["t", [HEADER, '{"t":1,"i":640,"o":1,"b":[7]}'], "t:2: 'b' has 7; a run is [first id, count]"],
	["t", [HEADER, '{"t":1,"i":640,"o":1,"b":7}'], "t:2: 'b' must be a list"],
	["t", [HEADER, '{"t":1,"i":640,"o":1,"m":9,"b":[[1,10]]}'], "t:2: 'm' is 9, which the header's 'models' lacks"],
] as const)("%s %j is refused with its line", async (name, lines, message) => {
	const failure = await collectTrace(name, lines).catch((error: unknown) => error);
	expect(failure).toBeInstanceOf(TraceError);
	expect(String(failure)).toContain(message);
});
