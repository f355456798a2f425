// How requests that are over become entries: several at a time, soon, in the order of their ends.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Turn } from "../cache/miss.ts";
import { summarise } from "../cache/summary.ts";
import { rowAt } from "./__fixtures__/rows.ts";
import type { LogEntry } from "./batch.ts";
import { NO_DETAILS, renewedDetails } from "./details.ts";
import { createRequestLog, type Finishing } from "./log.ts";
import { type Conversation, createTurnMemory } from "./turns.ts";

const CHAIN = {
	count: 1,
	high: Float64Array.of(7),
	level: Uint8Array.of(2),
	kind: Uint8Array.of(0),
	message: Int32Array.of(0),
	bytes: Float64Array.of(4_000),
};
const TURN: Turn = {
	startedAt: 0,
	firstByteAt: null,
	model: "claude-sonnet-5-5",
	place: "a",
	modelId: "a",
	betas: "",
	variant: "",
	settings: { toolChoice: 0, thinking: 0, effort: 0, format: 0, images: 0 },
	summary: summarise(CHAIN, [{ block: 0, ttl: "5m" }]),
	inputTokens: 10,
	readTokens: 0,
	writeTokens: 0,
	minimumTokens: 512,
	collapseRuns: true,
	route: "cold",
	diagnosis: null,
};

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** `choking`: the id of a request that the writer throws at. */
function world(choking?: string) {
	const entries: LogEntry[] = [];
	const heard: string[] = [];
	const push = (entry: LogEntry) => {
		if (entry.row.id === choking) throw new Error("choked");
		entries.push(entry);
	};
	const requests = createRequestLog({ push }, createTurnMemory());
	const ending = (at: number, finish = () => finished(at)): Finishing => ({
		finish,
		told: (miss) => heard.push(`told ${at} ${miss}`),
		failed: (error) => heard.push(`failed ${at} ${(error as Error).message}`),
	});
	return { requests, heard, ending, ids: () => entries.map(({ row }) => row.id) };
}

function finished(at: number): ReturnType<Finishing["finish"]> {
	const details = renewedDetails(NO_DETAILS);
	return { row: rowAt(at), details, turn: null, bodies: null };
}

test("requests are recorded together and in order: when there are many of them, or a moment later", () => {
	const { requests, ending, ids } = world();
	for (let at = 0; at < 63; at += 1) requests.record(ending(at));
	expect(ids()).toEqual([]);
	requests.record(ending(63));
	expect(ids()).toEqual(Array.from({ length: 64 }, (_, at) => `request-${at}`));
	requests.record(ending(64));
	vi.advanceTimersByTime(19);
	expect(ids()).toHaveLength(64);
	vi.advanceTimersByTime(1);
	expect(ids()).toHaveLength(65);
	expect(vi.getTimerCount()).toBe(0);
});

test("what waits can be recorded at once", () => {
	const { requests, ending, ids } = world();
	requests.record(ending(1));
	requests.drain();
	requests.drain();
	expect(ids()).toEqual(["request-1"]);
	expect(vi.getTimerCount()).toBe(0);
});

test("turns that were logged before are what the next one is compared with, unless the conversation has gone on since", () => {
	const memory = createTurnMemory();
	const turn = (startedAt: number, about: Partial<Turn> = {}): Turn => ({ ...TURN, startedAt, ...about });
	const of = (session: string): Conversation => ({ key_id: null, session, agent: null });
	memory.next(of("gone on"), turn(1_000, { writeTokens: 700 }));
	memory.recall([
		[of("gone on"), turn(0, { writeTokens: 900 })],
		[of("stopped"), turn(0, { writeTokens: 900 })],
	]);
	const later = turn(2_000, { readTokens: 0, writeTokens: 900 });
	expect(memory.next(of("gone on"), later)).toMatchObject({ tokens: 700 });
	expect(memory.next(of("stopped"), later)).toMatchObject({ tokens: 900 });
	expect(memory.next(of("new"), later)).toBeNull();
});

test("a request that cannot be recorded says so, and takes no other with it", () => {
	const { requests, ending, ids, heard } = world();
	requests.record(ending(1));
	requests.record(
		ending(2, () => {
			throw new Error("no such thing");
		}),
	);
	requests.record(ending(3));
	requests.drain();
	expect(ids()).toEqual(["request-1", "request-3"]);
	expect(heard).toEqual(["failed 2 no such thing", "told 1 null", "told 3 null"]);
});

test("a request that the writer chokes on takes no other with it", () => {
	const { requests, ending, ids, heard } = world("request-2");
	for (const at of [1, 2, 3]) requests.record(ending(at));
	requests.drain();
	expect(ids()).toEqual(["request-1", "request-3"]);
	expect(heard).toEqual(["told 1 null", "failed 2 choked", "told 3 null"]);
});
