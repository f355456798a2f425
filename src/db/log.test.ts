// How requests that are over become entries: several at a time, soon, in the order of their ends.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rowAt } from "./__fixtures__/rows.ts";
import type { LogEntry } from "./batch.ts";
import { NO_DETAILS, renewedDetails } from "./details.ts";
import { createRequestLog, type Finishing } from "./log.ts";
import { createTurnMemory } from "./turns.ts";

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
