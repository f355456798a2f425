// Notes on the wire: every kind comes back as it went, and what makes no sense is left out.
import { expect, test } from "vitest";
import type { Note, SharedLimits, SharedSpot } from "./notes.ts";
import { decodeBatch, encodeBatch } from "./wire.ts";

const spot: SharedSpot = {
	domain: { name: "anthropic/org-1/ws-1", deployment: "a" },
	variant: -12345,
	high: 2 ** 52 - 1,
	low: 4503599627370495,
};
const belief = { ttl: "1h", tokens: 51_234, exact: true, requestedAt: 1_763_769_600_123 } as const;
const limits: SharedLimits = {
	requests: { limit: 4_000, remaining: 3_999, resetAt: 1_763_769_601_000 },
	inputTokens: { limit: 450_000, remaining: 0, resetAt: 1_763_769_660_000 },
	outputTokens: null,
	tokens: null,
	unified: { status: "allowed", resetAt: null },
};

const NOTES: readonly Note[] = [
	{ kind: "coming", spot, belief },
	{ kind: "held", spot: { ...spot, domain: { name: null, deployment: "b" } }, belief: { ...belief, ttl: "5m" } },
	{ kind: "withdrawn", spot },
	{ kind: "lost", spot },
	{
		kind: "home",
		conversation: 2 ** 53 - 1,
		home: {
			domain: spot.domain,
			at: 1_763_769_600_000,
			promptTokens: 80_000,
			organization: "org-1",
			diversion: { domain: { name: null, deployment: "b" }, since: 1_763_769_590_000, turns: 3 },
		},
	},
	{
		kind: "home",
		conversation: 7,
		home: { domain: spot.domain, at: 1, promptTokens: 2, organization: null, diversion: null },
	},
	{ kind: "home", conversation: 7, home: null },
	{ kind: "identity", deployment: "a", organization: "org-1", workspace: null },
	{ kind: "identity", deployment: "a", organization: "org-1", workspace: "ws-1" },
	{
		kind: "health",
		deployment: "a",
		cooldownUntil: 1_763_769_660_000,
		limited: true,
		onTrial: false,
		quarantineUntil: 0,
		barred: true,
		cause: "its credit is used up",
		refusals: 2,
	},
	{ kind: "recovered", deployment: "a" },
	{
		kind: "rest",
		deployment: "a",
		part: "claude-opus-5 with a long context",
		until: 1_763_769_660_000,
		tokens: 200_000,
		limited: true,
		reason: "rate limit of long-context requests",
	},
	{ kind: "rest", deployment: "a", part: "model x", until: 0, tokens: 0, limited: false, reason: "" },
	{
		kind: "sent",
		attempt: 1,
		sent: {
			deployment: "a",
			wildcard: "claude-x",
			load: -3,
			inputTokens: 10,
			outputTokens: 400,
			usedTokens: 9_000,
		},
	},
	{ kind: "answered", attempt: 1, limits },
	{ kind: "answered", attempt: 1, limits: null },
	{
		kind: "ended",
		attempt: 1,
		load: -500,
		actual: { inputTokens: 0, outputTokens: 0 },
		refused: { retryAfterMs: null },
		limits,
	},
	{ kind: "ended", attempt: 2, load: 0, actual: null, refused: null, limits: null },
];

test("every kind of note comes back as it went", () => {
	expect(decodeBatch(encodeBatch({ from: "replica-1", notes: NOTES }))).toEqual({ from: "replica-1", notes: NOTES });
});

test("a note takes few bytes, since texts are sent once in a batch", () => {
	const notes = Array.from({ length: 100 }, (): Note => ({ kind: "held", spot, belief }));
	expect(encodeBatch({ from: "replica-1", notes }).length / 100).toBeLessThan(80);
});

test.each([
	["nothing", ""],
	["no JSON", "{"],
	["no batch", '{"notes":[]}'],
	["another version", '[2,"r",[],[]]'],
	["no sender", '[1,"",[],[]]'],
	["rows that are none", '[1,"r",[],{}]'],
])("%s is no batch", (_, text) => {
	expect(decodeBatch(text)).toBeNull();
});

test.each([
	["an unknown kind", "[99,0]"],
	["a row that is too short", "[1,0,0]"],
	["a text in the place of a number", '[1,-1,0,"x",1,1,0,1,0,1]'],
	["null, as JSON writes what is not finite", "[1,-1,0,1,null,1,0,1,0,1]"],
	["tokens below zero", "[1,-1,0,1,1,1,0,-5,0,1]"],
	["more tokens than any prompt has", "[1,-1,0,1,1,1,0,1e12,0,1]"],
	["a name that was not sent", "[7,9]"],
	["an empty name", "[7,1]"],
	["a time beyond all years", "[6,0,1e20,0,0,0,0]"],
	["no row", '"x"'],
	["a rest of nothing", "[11,0,-1,5,0,0,-1]"],
	["a rest that is cut short", "[11,0,0,5]"],
	["a rest with a reason that was not sent", "[11,0,0,5,0,0,9]"],
	["a rest of prompts below zero", "[11,0,0,5,-1,0,-1]"],
])("%s is left out, and the notes beside it are taken", (_, row) => {
	const text = `[1,"r",["a",""],[[7,0],${row},[7,0]]]`;
	const recovered = { kind: "recovered", deployment: "a" };
	expect(decodeBatch(text)?.notes).toEqual([recovered, recovered]);
});

test("what a replica of an earlier build tells of health is taken as far as it goes", () => {
	const text = '[1,"r",["a"],[[6,0,1763769660000,1,0,0,2]]]';
	expect(decodeBatch(text)?.notes).toEqual([
		{
			kind: "health",
			deployment: "a",
			cooldownUntil: 1_763_769_660_000,
			limited: true,
			onTrial: false,
			quarantineUntil: 0,
			refusals: 2,
			barred: false,
			cause: null,
		},
	]);
});

test("a replica of an earlier build reads all that it knows of health at its old place", () => {
	const note = NOTES.find(({ kind }) => kind === "health");
	const [, , , rows] = JSON.parse(encodeBatch({ from: "r", notes: note === undefined ? [] : [note] })) as unknown[];
	expect(rows).toEqual([[6, 0, 1_763_769_660_000, 1, 0, 0, 2, 1, 1]]);
});
