// What the log makes of a request that is over, before it is written.
import { expect, test } from "vitest";
import type { Turn } from "../cache/miss.ts";
import { summarise } from "../cache/summary.ts";
import { createTurnMemory } from "../cache/turns.ts";
import { NOON, rowAt } from "./__fixtures__/rows.ts";
import type { LogEntry } from "./batch.ts";
import { NO_DETAILS } from "./details.ts";
import { createRequestLog } from "./log.ts";

function world() {
	const entries: LogEntry[] = [];
	const requests = createRequestLog({ push: (entry) => entries.push(entry) }, createTurnMemory());
	return { requests, entries };
}

const CHAIN = {
	count: 4,
	high: Float64Array.of(11, 12, 13, 14),
	level: Uint8Array.of(0, 1, 2, 2),
	kind: new Uint8Array(4),
	message: Int32Array.of(0, 0, 0, 1),
	bytes: Float64Array.of(4_000, 8_000, 12_000, 16_000),
};

function turnAt(at: number, change: Partial<Turn> = {}): Turn {
	return {
		startedAt: NOON + at,
		firstByteAt: NOON + at + 300,
		model: "claude-sonnet-5-5",
		place: "anthropic/org/a",
		modelId: "a",
		betas: "",
		variant: "",
		settings: { toolChoice: 0, thinking: 0, effort: 0, format: 0, images: 0 },
		summary: summarise(CHAIN, [{ block: 3, ttl: "5m" }]),
		inputTokens: 10,
		readTokens: 0,
		writeTokens: 5_000,
		minimumTokens: 512,
		collapseRuns: true,
		route: "cold",
		diagnosis: null,
		...change,
	};
}

test("a turn that reads less than its conversation had cached is logged with its cause", () => {
	const { requests, entries } = world();
	const record = (at: number, turn: Turn, agent: string | null = null) =>
		requests.record({ row: rowAt(at, { agent_id: agent }), details: { ...NO_DETAILS, turn }, bodies: null });
	expect(record(0, turnAt(0))).toBeNull();
	const miss = record(400_000, turnAt(400_000));
	expect(miss?.reason).toBe("expired");
	// Another agent of the session is another conversation.
	expect(record(800_000, turnAt(800_000), "agent-1")).toBeNull();
	expect(entries.map(({ row }) => row.miss_cause)).toEqual([null, "expired", null]);
	expect(entries[1]?.details.miss).toEqual({ detail: miss?.detail, tokens: miss?.tokens });
});

test("of a client that names no session nothing is compared", () => {
	const { requests, entries } = world();
	for (const at of [0, 400_000])
		requests.record({
			row: rowAt(at, { session_id: null }),
			details: { ...NO_DETAILS, turn: turnAt(at) },
			bodies: null,
		});
	expect(entries.map(({ row }) => row.miss_cause)).toEqual([null, null]);
});

test("texts of clients are cut, and what databases refuse is replaced", () => {
	const { requests, entries } = world();
	const row = rowAt(0, { session_id: `nul\0 half\udc00 ${"x".repeat(9_000)}`, tags: ["\0", "y".repeat(600)] });
	requests.record({ row, details: { ...NO_DETAILS, turn: null }, bodies: null });
	expect(entries[0]?.row.session_id).toBe(`nul\ufffd half\ufffd ${"x".repeat(501)}`);
	expect(entries[0]?.row.tags).toEqual(["\ufffd", "y".repeat(512)]);
});
