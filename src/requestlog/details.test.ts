// Details as the column keeps them: what is read is what was written.
import fc from "fast-check";
import { expect, test } from "vitest";
import { summarise } from "../cache/summary.ts";
import { NO_DETAILS, readDetails, writeDetails } from "./details.ts";
import { storableJson, storableText } from "./storable.ts";

const count = () => fc.oneof(fc.nat(), fc.constantFrom(0, 99_999_999, 100_000_000, 1_763_769_600_000, 2 ** 52, 0.1));
const time = () => fc.constantFrom(0, 1_763_769_600_000, 2 ** 52);
/** As many as are kept. */
const listed = <Value>(value: fc.Arbitrary<Value>) => fc.array(value, { maxLength: 16 });
const text = () => fc.oneof(fc.string(), fc.constantFrom('"', "\\", "\n", "\x7f", "é", "😀"));
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
		user_agent: maybe(text()),
		metadata: maybe(fc.dictionary(text(), text(), { noNullPrototype: true })),
		miss: maybe(fc.record({ detail: text(), tokens: count() })),
		turn: maybe(turns()),
		billed: maybe(bills()),
	});

const bills = () =>
	fc.record({
		estimated: fc.array(text()),
		unknown: maybe(text()),
		iterations: fc.array(
			fc.record({
				kind: text(),
				model: maybe(text()),
				input_tokens: maybe(count()),
				output_tokens: maybe(count()),
				read_tokens: maybe(count()),
				write_5m_tokens: maybe(count()),
				write_1h_tokens: maybe(count()),
			}),
		),
		server_tools: fc.dictionary(text(), count(), { noNullPrototype: true }),
		speed: maybe(text()),
		service_tier: maybe(text()),
		inference_geo: maybe(text()),
	});

test("what is read is what was written", () => {
	fc.assert(
		fc.property(details(), (value) => {
			const expected = JSON.parse(storableJson(value)) as object;
			expect(JSON.parse(JSON.stringify(readDetails(writeDetails(value))))).toEqual(expected);
		}),
		{ numRuns: 300 },
	);
});

test("details that a driver has parsed already are read as well, and of damaged ones nothing is", () => {
	const details = { ...NO_DETAILS, request_class: "main" };
	expect(readDetails(JSON.parse(writeDetails(details)))).toEqual(details);
	for (const text of ["", "null", "7", "[", '{"turn":7}']) expect(readDetails(text)).toEqual(NO_DETAILS);
});

test("what databases refuse is another character: NULs and halves of surrogate pairs", () => {
	expect(storableText("nul\0 half\ud800 whole 😀")).toBe("nul\ufffd half\ufffd whole 😀");
	const json = storableJson(["nul\0", "half\ud800", "a literal \\u0000 stays", "😀"]);
	expect(JSON.parse(json)).toEqual(["nul\ufffd", "half\ufffd", "a literal \\u0000 stays", "😀"]);
});
