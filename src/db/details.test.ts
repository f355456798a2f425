// Details as they are kept and read again: nothing may change on the way, whatever clients send.
import fc from "fast-check";
import { expect, test } from "vitest";
import { summarise } from "../cache/summary.ts";
import { NO_DETAILS, rowAt } from "./__fixtures__/rows.ts";
import { Batch } from "./batch.ts";
import { type NewDetails, packDetails, readDetails } from "./details.ts";
import { Packer } from "./packing.ts";
import { REQUEST_COLUMN_NAMES, statementsFor } from "./statements.ts";
import { unpackEntries } from "./unpacking.js";

/** As a row of a database keeps it. */
function kept(details: NewDetails): string {
	const packer = new Packer();
	packer.flag(false);
	packDetails(packer, details);
	const [row = []] = unpackEntries(packer.slice(0, packer.length), "");
	return String(row[0]);
}

const count = () => fc.oneof(fc.nat(), fc.constantFrom(0, 99_999_999, 100_000_000, 1_763_769_600_000, 2 ** 52, 0.1));
const text = () =>
	fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom('"', "\\", "\n", "\x7f", "é", "😀"));
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });

const turns = () =>
	fc
		.record({
			startedAt: count(),
			firstByteAt: maybe(count()),
			model: text(),
			place: text(),
			modelId: text(),
			betas: text(),
			variant: text(),
			settings: fc.record({
				toolChoice: count(),
				thinking: count(),
				effort: count(),
				format: count(),
				images: count(),
			}),
			inputTokens: count(),
			readTokens: count(),
			writeTokens: count(),
			minimumTokens: count(),
			collapseRuns: fc.boolean(),
			route: text(),
			diagnosis: maybe(text()),
			blocks: fc.integer({ min: 0, max: 40 }),
		})
		.map(({ blocks, ...about }) => ({ ...about, summary: summaryOf(blocks) }));

function summaryOf(blocks: number) {
	const chain = {
		count: blocks,
		high: Float64Array.from({ length: blocks }, (_, at) => (at + 1) * 2_654_435_761),
		level: Uint8Array.from({ length: blocks }, (_, at) => Math.min(2, at >> 2)),
		kind: Uint8Array.from({ length: blocks }, (_, at) => at % 3),
		message: Int32Array.from({ length: blocks }, (_, at) => at >> 1),
		bytes: Float64Array.from({ length: blocks }, (_, at) => (at + 1) * 100),
	};
	return summarise(chain, blocks === 0 ? [] : [{ block: blocks - 1, ttl: "5m" }]);
}

const details = () =>
	fc.record({
		error_message: maybe(text()),
		attempts: fc.array(
			fc.record({
				model_id: text(),
				outcome: text(),
				status: maybe(count()),
				error: text(),
				started_at: count(),
				ms: count(),
			}),
		),
		candidates: fc.array(
			fc.record({
				model_id: text(),
				reason: text(),
				predicted_read_tokens: count(),
				expected_dollars: maybe(fc.double({ noNaN: true, noDefaultInfinity: true })),
				thinking_at_risk: fc.boolean(),
			}),
		),
		excluded: fc.array(fc.record({ model_id: text(), why: text(), until: maybe(count()) })),
		diverted: maybe(fc.record({ model_id: text(), why: text() })),
		prompt_tokens: maybe(count()),
		max_tokens: maybe(count()),
		request_class: maybe(text()),
		team_alias: maybe(text()),
		tags: fc.array(text()),
		metadata: maybe(fc.dictionary(text(), text(), { noNullPrototype: true })),
		miss: maybe(fc.record({ detail: text(), tokens: count() })),
		turn: maybe(turns()),
	});

/** What databases refuse is another character afterwards. */
function cleaned(value: NewDetails): unknown {
	return JSON.parse(JSON.stringify(value), (_, each: unknown) =>
		typeof each === "string" ? each.replace(/\0|\p{Surrogate}/gu, "\ufffd") : each,
	);
}

test("what is read is what was written", () => {
	fc.assert(
		fc.property(details(), (value) => {
			// Names of metadata are cleaned as well; here only its values are compared.
			const named = { ...value, metadata: value.metadata === null ? null : { sent: Object.values(value.metadata) } };
			const line = kept(named);
			expect(line).not.toContain("\n");
			expect(readDetails(line)).toEqual(cleaned(named));
		}),
		{ numRuns: 300 },
	);
});

test("rows of the first versions, which kept names, are read as before", () => {
	expect(readDetails(JSON.stringify({ ...NO_DETAILS, tags: ["a"] }))).toEqual({ ...NO_DETAILS, tags: ["a"] });
	for (const text of ["", "{}", "null", "7", "[", "[1]"]) expect(readDetails(text)).toBeNull();
});

test("what is packed is read as it was: numbers, words, and what databases take in the place of what they refuse", () => {
	const numbers = [
		0,
		-7,
		1e15,
		-1e21,
		1.5e-9,
		2 ** 53,
		99_999_999,
		2 ** 31,
		Number.NaN,
		Number.POSITIVE_INFINITY,
		null,
	];
	const long = "x".repeat(100_000);
	const words = ["a", null, long, 'é"\\\n', "\u2028😀", "a", "", "nul\0", "half\ud800"];
	const packer = new Packer();
	for (const number of numbers) packer.number(number);
	for (const word of words) packer.word(word);
	packer.flag(true);
	packer.text("{}");
	const kinds = "n".repeat(numbers.length) + "w".repeat(words.length);
	const [row] = unpackEntries(packer.slice(0, packer.length), kinds);
	const read = numbers.map((number) => (number !== null && Number.isFinite(number) ? number : null));
	expect(row).toEqual([...read, ...words.slice(0, -2), "nul\ufffd", "half\ufffd", "{}"]);
	expect(packer.bytes).toBeGreaterThan(long.length);
	expect(packer.bytes).toBeLessThan(long.length + 2_000);
});

test("an entry that cannot be written leaves the others in the batch alone", () => {
	const batch = new Batch();
	batch.add({ row: rowAt(1), body: null });
	const bad = { ...NO_DETAILS, metadata: { big: 1n }, turn: null };
	expect(() => batch.add({ row: rowAt(2), details: bad, body: null })).toThrow(TypeError);
	expect(batch.count).toBe(1);
	batch.add({ row: rowAt(3), details: { ...NO_DETAILS, tags: ["b"], turn: null }, body: null });
	const idsOf = (from: number, to: number) => {
		const [step] = batch.steps(statementsFor("sqlite"), from, to);
		if (step === undefined || !("entries" in step)) throw new Error("the first step has no entries");
		const rows = [...unpackEntries(step.entries, step.kinds)];
		expect(rows.every((row) => row.length === REQUEST_COLUMN_NAMES.length + 1)).toBe(true);
		return rows.map((row) => row[0]);
	};
	expect(idsOf(0, 2)).toEqual(["request-1", "request-3"]);
	expect(idsOf(0, 1)).toEqual(["request-1"]);
	expect(idsOf(1, 2)).toEqual(["request-3"]);
});
