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

/** A batch of the given notes, as text. */
function batchOf(...notes: readonly unknown[]): string {
	return JSON.stringify({ version: 2, from: "r", notes });
}

/** A note of this kind, as it comes out of JSON. */
function sample(kind: Note["kind"]): Record<string, unknown> {
	const note = NOTES.find((each) => each.kind === kind);
	return JSON.parse(JSON.stringify(note ?? null)) as Record<string, unknown>;
}

test("notes are read by name", () => {
	const [note] = NOTES.filter(({ kind }) => kind === "recovered");
	const text = encodeBatch({ from: "r", notes: note === undefined ? [] : [note] });
	expect(text).toBe('{"version":2,"from":"r","notes":[{"kind":"recovered","deployment":"a"}]}');
});

test.each([
	["nothing", ""],
	["no JSON", "{"],
	["null", "null"],
	["no object", "[]"],
	["without a version", '{"from":"r","notes":[]}'],
	["an earlier version", '[1,"r",[],[]]'],
	["a later version", '{"version":3,"from":"r","notes":[]}'],
	["without a sender", '{"version":2,"notes":[]}'],
	["with an empty sender", '{"version":2,"from":"","notes":[]}'],
	["without notes", '{"version":2,"from":"r"}'],
	["with notes that are no list", '{"version":2,"from":"r","notes":{}}'],
	["with more notes than anybody sends", JSON.stringify({ version: 2, from: "r", notes: Array(5_001).fill(0) })],
	["longer than any batch", `{"version":2,"from":"r","notes":[]${" ".repeat(4_000_000)}}`],
])("%s is no batch", (_, text) => {
	expect(decodeBatch(text)).toBeNull();
});

const [coming, home, health, rest, sent, ended] = (["coming", "home", "health", "rest", "sent", "ended"] as const).map(
	sample,
);

test.each<[string, unknown]>([
	["an unknown kind", { kind: "x", deployment: "a" }],
	["a kind that every object has", { kind: "toString" }],
	["no kind", { deployment: "a" }],
	["no object", "x"],
	["null", null],
	["a list", ["recovered"]],
	["a missing member", { ...coming, belief: undefined }],
	["a member of an inner object that is missing", { ...coming, belief: { ...belief, exact: undefined } }],
	["a text in the place of a number", { ...coming, spot: { ...spot, high: "1" } }],
	["null, as JSON writes what is not finite", { ...coming, spot: { ...spot, high: null } }],
	["tokens below zero", { ...coming, belief: { ...belief, tokens: -5 } }],
	["more tokens than any prompt has", { ...coming, belief: { ...belief, tokens: 1e12 } }],
	["a lifetime that no provider has", { ...coming, belief: { ...belief, ttl: "2h" } }],
	["an empty name", { kind: "recovered", deployment: "" }],
	["a name that is too long", { kind: "recovered", deployment: "x".repeat(513) }],
	["a time beyond all years", { ...health, cooldownUntil: 1e20 }],
	["a flag that is a number", { ...health, limited: 1 }],
	["a home that is a text", { ...home, home: "a" }],
	["an undefined home", { ...home, home: undefined }],
	["a rest of nothing", { ...rest, part: "" }],
	["a rest of prompts below zero", { ...rest, tokens: -1 }],
	["an attempt without its figures", { ...sent, sent: null }],
	["an end with half a usage", { ...ended, actual: { inputTokens: 1 } }],
	["a limit that is a text", { ...ended, limits: { ...limits, tokens: "4000" } }],
])("%s is left out, and the notes beside it are taken", (_, note) => {
	const recovered = { kind: "recovered", deployment: "a" };
	expect(decodeBatch(batchOf(recovered, note, recovered))?.notes).toEqual([recovered, recovered]);
});

test("a member that a later build adds does no harm", () => {
	const later = { ...health, weather: "fair" };
	expect(decodeBatch(batchOf(later))?.notes).toEqual([later]);
});
