// Details as they are kept and read again: nothing may change on the way, whatever clients send.
import fc from "fast-check";
import { expect, test } from "vitest";
import { summarise } from "../cache/summary.ts";
import { type Details, NO_DETAILS, packDetails, renewedDetails, unpackDetails } from "./details.ts";
import { Packer, storable, storableText, Unpacker } from "./packing.ts";

/** As it comes back. */
function kept(details: Details): Details {
	const packer = new Packer();
	packDetails(packer, renewedDetails(details));
	const bytes = packer.view(0, packer.length);
	const unpacker = new Unpacker(bytes, JSON.parse(JSON.stringify(packer.words)) as string[]);
	const read = unpackDetails(unpacker);
	expect(unpacker.at).toBe(bytes.length);
	return read;
}

const count = () => fc.oneof(fc.nat(), fc.constantFrom(0, 99_999_999, 100_000_000, 1_763_769_600_000, 2 ** 52, 0.1));
const time = () => fc.constantFrom(0, 1_763_769_600_000, 2 ** 52);
/** As many as are kept. */
const listed = <Value>(value: fc.Arbitrary<Value>) => fc.array(value, { maxLength: 16 });
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
		attempts: listed(
			fc.record({
				model_id: text(),
				outcome: text(),
				status: maybe(count()),
				error: text(),
				started_at: time(),
				ms: fc.nat(),
			}),
		),
		candidates: listed(
			fc.record({
				model_id: text(),
				reason: text(),
				predicted_read_tokens: fc.nat(),
				// There is no -0 dollars.
				expected_dollars: maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((dollars) => dollars + 0)),
				thinking_at_risk: fc.boolean(),
			}),
		),
		excluded: listed(fc.record({ model_id: text(), why: text(), until: maybe(count()) })),
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

test("what is read is what was written", () => {
	fc.assert(
		fc.property(details(), (value) => {
			expect(kept(value)).toEqual(value);
		}),
		{ numRuns: 300 },
	);
});

test("of a request with many attempts, candidates and exclusions the first sixteen are kept", () => {
	const id = (at: number) => ({ model_id: `deployment-${at}` });
	const many = <Value>(one: (at: number) => Value) => Array.from({ length: 40 }, (_, at) => one(at));
	const read = kept({
		...NO_DETAILS,
		attempts: many((at) => ({ ...id(at), outcome: "failed", status: 529, error: "", started_at: at, ms: 1 })),
		candidates: many((at) => ({
			...id(at),
			reason: "cold",
			predicted_read_tokens: 0,
			expected_dollars: null,
			thinking_at_risk: false,
		})),
		excluded: many((at) => ({ ...id(at), why: "limit", until: null })),
		tags: ["after them"],
	});
	const first = Array.from({ length: 16 }, (_, at) => `deployment-${at}`);
	for (const list of [read.attempts, read.candidates, read.excluded])
		expect(list.map(({ model_id }) => model_id)).toEqual(first);
	expect(read.tags).toEqual(["after them"]);
});

test("what is packed is read as it was, in few bytes where it is small", () => {
	const numbers = [
		0,
		249,
		250,
		255,
		65_535,
		65_536,
		99_999_999,
		2 ** 31,
		2 ** 32 - 1,
		2 ** 32,
		1_763_769_600_000,
		2 ** 48 - 1,
		2 ** 48,
		2 ** 53,
		-7,
		1e15,
		-1e21,
		1.5e-9,
		0.1 + 0.2,
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
	packer.numbers(Uint32Array.of(1, 2 ** 32 - 1));
	packer.numbers(Uint8Array.of(7, 255));
	packer.number(3);
	const unpacker = new Unpacker(packer.view(0, packer.length), packer.words);
	expect(numbers.map(() => unpacker.number())).toEqual(
		numbers.map((number) => (number !== null && Number.isFinite(number) ? number : null)),
	);
	expect(words.map(() => unpacker.word())).toEqual(words);
	expect(unpacker.flag()).toBe(true);
	expect(unpacker.text()).toBe("{}");
	expect(unpacker.words32()).toEqual(Uint32Array.of(1, 2 ** 32 - 1));
	expect(unpacker.bytes8()).toEqual(Uint8Array.of(7, 255));
	expect(unpacker.number()).toBe(3);
	expect(packer.bytes).toBeGreaterThan(long.length);
	expect(packer.bytes).toBeLessThan(long.length + 2_000);
	expect(packer.length).toBeLessThan(150);
});

test("numbers of any size take room as they come", () => {
	const many = Array.from({ length: 20_000 }, (_, at) => at * 1.5);
	const packer = new Packer();
	for (const number of many) packer.number(number);
	packer.numbers(new Uint32Array(100_000).fill(5));
	const unpacker = new Unpacker(packer.view(0, packer.length), []);
	expect(many.map(() => unpacker.number())).toEqual(many);
	expect(unpacker.words32()).toHaveLength(100_000);
});

test("what databases refuse is another character: NULs and halves of surrogate pairs", () => {
	expect(storableText("nul\0 half\ud800 whole 😀")).toBe("nul\ufffd half\ufffd whole 😀");
	const json = JSON.stringify(["nul\0", "half\ud800", "a literal \\u0000 stays", "😀"]);
	expect(JSON.parse(storable(json))).toEqual(["nul\ufffd", "half\ufffd", "a literal \\u0000 stays", "😀"]);
});
