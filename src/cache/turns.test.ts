// Which earlier turn a turn is compared with, and what is forgotten first.

import { expect, test } from "vitest";
import type { Turn } from "./miss.ts";
import { summarise } from "./summary.ts";
import { type ConversationKey, createTurnMemory } from "./turns.ts";

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

const MINUTE_MS = 60_000;

const turn = (startedAt: number, about: Partial<Turn> = {}): Turn => ({ ...TURN, startedAt, ...about });
const of = (session: string, about: Partial<ConversationKey> = {}): ConversationKey => {
	return { key_id: null, session, agent: null, ...about };
};

test("turns that were logged before are what the next one is compared with, unless the conversation has gone on since", () => {
	const memory = createTurnMemory();
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

test("a session's clients and agents are conversations of their own", () => {
	const memory = createTurnMemory();
	const each = [
		of("s", { key_id: "one" }),
		of("s", { key_id: "two" }),
		of("s", { key_id: "one", agent: "agent" }),
		of("other", { key_id: "one" }),
	];
	for (const [at, conversation] of each.entries())
		expect(memory.next(conversation, turn(0, { writeTokens: 1_000 * (at + 1) }))).toBeNull();
	for (const [at, conversation] of each.entries())
		expect(memory.next(conversation, turn(1, { writeTokens: 1 }))?.tokens).toBe(1_000 * (at + 1));
});

test("a main thread that goes on outlives any number of subagents, of which the ones that are silent longest are forgotten", () => {
	const memory = createTurnMemory();
	const main = of("s");
	const agent = (at: number) => of("s", { agent: `agent-${at}` });
	memory.next(main, turn(0, { writeTokens: 700 }));
	for (let at = 1; at <= 100; at += 1) {
		memory.next(agent(at), turn(at * 10, { writeTokens: 900 }));
		if (at % 10 === 0) expect(memory.next(main, turn(at * 10 + 1, { writeTokens: 700 }))).not.toBeNull();
	}
	expect(memory.next(agent(100), turn(2_000, { writeTokens: 1 }))?.tokens).toBe(900);
	expect(memory.next(agent(1), turn(2_001, { writeTokens: 1 }))).toBeNull();
	expect(memory.next(main, turn(2_002, { writeTokens: 1 }))?.tokens).toBe(700);
});

test("of more than may be remembered, the sessions that are silent longest go first", () => {
	// A turn of one block counts 65: three fit.
	const memory = createTurnMemory(200);
	const begin = (session: string, at: number) => memory.next(of(session), turn(at, { writeTokens: 900 }));
	for (const [at, session] of ["a", "b", "c"].entries()) begin(session, at);
	begin("a", 3 * MINUTE_MS);
	begin("d", 3 * MINUTE_MS + 1);
	const isKnown = (session: string) => begin(session, 3 * MINUTE_MS + 2) !== null;
	expect(["a", "c", "d", "b"].filter(isKnown)).toEqual(["a", "c", "d"]);
});
