// How prompts are cut, repeated and laid on one clock.
import { expect, test } from "vitest";
import { collectTrace } from "./trace.ts";
import type { Trace } from "./trace-format.ts";
import { createWorkload, prefixId, type ReplayRequest, type WorkloadOptions } from "./workload.ts";

const OPTIONS: WorkloadOptions = { density: 1, head: "own", sessionsPerHour: 60, model: null, seed: 1 };
const HEADER = '{"trace":"t","source":"s","block":64,"models":{"0":"claude-opus-5"}}';

/** Two turns of one session and one of another: tools 10 blocks, system 20, the second turn grows from 50 blocks to 60. */
const LINES = [
	HEADER,
	'{"s":1,"a":0,"t":0,"d":10,"i":3230,"o":9,"m":0,"tl":10,"sy":20,"b":[[1,20],[100,30]]}',
	'{"s":2,"a":0,"t":5,"d":2,"i":2560,"o":9,"m":0,"tl":10,"sy":20,"b":[[1,20],[500,20]]}',
	'{"s":1,"a":1,"t":20,"i":3840,"o":9,"m":0,"tl":10,"sy":20,"b":[[1,20],[100,40]]}',
];

async function workload(options: Partial<WorkloadOptions> = {}, lines: readonly string[] = LINES) {
	const trace: Trace = await collectTrace("t", lines);
	return createWorkload(trace, { ...OPTIONS, ...options });
}

function at(requests: readonly ReplayRequest[], index: number): ReplayRequest {
	const request = requests[index];
	if (request === undefined) throw new Error(`no request ${index}`);
	return request;
}

test("a prompt is cut at tools, system, its end and where an earlier turn of its session ended", async () => {
	const { requests } = await workload();
	expect([...at(requests, 0).cuts.tokens]).toEqual([640, 1280, 3200]);
	expect([...at(requests, 2).cuts.tokens]).toEqual([640, 1280, 3200, 3840]);
	expect([...at(requests, 2).cuts.level]).toEqual([0, 1, 2, 2]);
	expect([...at(requests, 2).cuts.ids]).toEqual([10, 20, 129, 139]);
});

test("marks are set at the end of the system part and of the prompt", async () => {
	const { requests } = await workload();
	expect(at(requests, 2).cuts.marks).toEqual([1, 3]);
});

test("an earlier turn that ended in other words is no cut", async () => {
	const edited = '{"s":1,"a":0,"t":30,"i":3840,"o":9,"m":0,"tl":10,"sy":20,"b":[[1,20],[100,29],[700,11]]}';
	const { requests } = await workload({}, [...LINES.slice(0, 2), edited]);
	expect([...at(requests, 1).cuts.tokens]).toEqual([640, 1280, 3840]);
});

test("without sessions every earlier request counts", async () => {
	const { requests } = await workload({}, [
		'{"trace":"m","block":512}',
		'{"t":0,"i":5120,"o":50,"sy":1,"b":[[0,1],[10,9]]}',
		'{"t":9,"i":6144,"o":50,"sy":1,"b":[[0,1],[10,11]]}',
	]);
	expect([...at(requests, 1).cuts.tokens]).toEqual([512, 5120, 6144]);
	expect(at(requests, 1)).toMatchObject({
		session: null,
		model: "claude-sonnet-5",
		firstEventMs: 2_000,
		durationMs: 2_000,
	});
});

test("a prompt shorter than a block has no cuts and no marks", async () => {
	const { requests } = await workload({}, [HEADER, '{"t":0,"i":50,"o":1,"b":[]}']);
	expect(at(requests, 0).cuts).toMatchObject({ marks: [] });
	expect(at(requests, 0).cuts.ids).toHaveLength(0);
});

test("an answer begins after three seconds at the latest", async () => {
	const { requests } = await workload();
	expect(requests.map((request) => request.firstEventMs)).toEqual([3_000, 2_000, 1_180]);
});

test("copies share tools and system, nothing else, and neither sessions nor seconds", async () => {
	const { requests } = await workload({ density: 2 });
	expect(requests).toHaveLength(6);
	const [first, second] = requests.filter((request) => request.session?.startsWith("1.") && request.agent === null);
	if (first === undefined || second === undefined) throw new Error("no copies");
	expect(first.session).not.toBe(second.session);
	expect(prefixId(second, 1)).toBe(prefixId(first, 1));
	expect(prefixId(second, 2)).not.toBe(prefixId(first, 2));
	expect(second.at).not.toBe(first.at);
	const turns = requests.filter((request) => request.session === second.session).map((request) => request.at);
	expect((turns[1] ?? 0) - (turns[0] ?? 0)).toBe(20_000);
});

test("a shared head replaces every session's own and moves what follows", async () => {
	const { requests } = await workload({ head: "shared" });
	const [first, other] = [at(requests, 0), at(requests, 1)];
	expect([...first.cuts.tokens]).toEqual([11_520, 14_976, 14_976 + 30 * 64]);
	expect(prefixId(other, 1)).toBe(prefixId(first, 1));
	expect(prefixId(other, 2)).not.toBe(prefixId(first, 2));
	expect(first.promptTokens).toBe(3230 + 14_976 - 1280);
	expect(first.cuts.marks).toEqual([1, 2]);
});

test("the model is the recorded one unless another is asked for", async () => {
	expect((await workload()).requests[0]?.model).toBe("claude-opus-5");
	expect((await workload({ model: "claude-haiku-5-5" })).requests[0]?.model).toBe("claude-haiku-5-5");
});

test("sessions of a relative trace begin one after the other at the rate asked for", async () => {
	const header = '{"trace":"r","block":64,"time":"relative to the session start"}';
	const lines = Array.from({ length: 400 }, (_, s) => `{"s":${s},"t":1,"i":64,"o":1,"b":[[${s},1]]}`);
	const { requests } = await workload({ sessionsPerHour: 100 }, [header, ...lines]);
	const hours = (at(requests, 399).at - at(requests, 0).at) / 3_600_000;
	expect(hours).toBeGreaterThan(3.3);
	expect(hours).toBeLessThan(4.8);
});

test("the same options make the same workload", async () => {
	expect(await workload({ density: 3 })).toEqual(await workload({ density: 3 }));
	expect(await workload({ density: 3 })).not.toEqual(await workload({ density: 3, seed: 2 }));
});
