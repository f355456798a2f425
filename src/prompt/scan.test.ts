import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { claudeCodeTurn, encode, type Json } from "./__fixtures__/claude-code.ts";
import { mutate, mutation, spice } from "./__fixtures__/mutation.ts";
import { faultOf, options, read, readText } from "./__fixtures__/reading.ts";
import { outline } from "./outline.ts";

/** What JSON.parse says: the value, or undefined for what is no JSON text in well-formed UTF-8. */
function parse(bytes: Buffer): { value: unknown } | undefined {
	try {
		const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
		return { value: JSON.parse(text) };
	} catch {
		return undefined;
	}
}

function isJson(bytes: Buffer): boolean {
	return faultOf(() => outline(bytes, options))?.code !== "invalid_json";
}

/** Names and values that matter to us, among any others. */
const name = fc.oneof(
	fc.constantFrom("model", "messages", "system", "tools", "content", "role", "type", "text", "cache_control", "stream"),
	fc.string({ unit: "binary", maxLength: 8 }),
);
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
	tree: fc.oneof(
		{ maxDepth: 6, depthSize: "small" },
		fc.constantFrom<Json>(null, true, false, "", "text", "user", "tool_result", { type: "ephemeral" }),
		fc.double().map((value) => (Number.isFinite(value) ? value : 0)),
		fc.string({ unit: "binary" }),
		fc.array(tie("tree"), { maxLength: 5 }),
		fc.dictionary(name, tie("tree"), { maxKeys: 5 }),
	),
}));

/** A tree as JSON, with white space and escapes that JSON.stringify would not write. */
const jsonText = fc.record({ tree, indent: fc.constantFrom(0, 0, 1, "\t"), escapes: fc.boolean() }).map((of) => {
	const text = JSON.stringify(of.tree, null, of.indent);
	return of.escapes
		? text.replace(/[a-z/]/g, (c, at) => (at % 5 === 0 && /[^truefalsn]/.test(c) ? escapeOf(c) : c))
		: text;
});

function escapeOf(character: string): string {
	return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

describe("agrees with JSON.parse about validity", () => {
	test("for anything JSON.stringify can write", () => {
		fc.assert(
			fc.property(jsonText, (text) => isJson(Buffer.from(text)) === (parse(Buffer.from(text)) !== undefined)),
			{ numRuns: 1500 },
		);
	});

	test("for JSON with bytes flipped, put in, taken out and cut off", () => {
		fc.assert(
			fc.property(jsonText, fc.array(mutation, { minLength: 1, maxLength: 3 }), (text, mutations) => {
				const bytes = mutations.reduce(mutate, Buffer.from(text));
				return isJson(bytes) === (parse(bytes) !== undefined);
			}),
			{ numRuns: 500 },
		);
	});

	test("for soups of significant bytes", () => {
		const soup = fc.array(spice, { maxLength: 12 }).map((bytes) => Buffer.from(bytes));
		const quoted = soup.map((bytes) => Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')]));
		fc.assert(
			fc.property(fc.oneof(soup, quoted), (bytes) => isJson(bytes) === (parse(bytes) !== undefined)),
			{ numRuns: 3000 },
		);
	});

	test("for a real turn with one byte changed", () => {
		const turn = encode(claudeCodeTurn(3, { resultBytes: 70_000 }));
		fc.assert(
			fc.property(mutation, (change) => {
				const bytes = mutate(turn, change);
				return isJson(bytes) === (parse(bytes) !== undefined);
			}),
			{ numRuns: 2000 },
		);
	});

	const numbers =
		"0 -0 1 10 01 -01 1. .1 1.5 1.50e3 1e 1e+ 1e+5 1E-5 - +1 0x1 1e5.5 NaN Infinity -Infinity 00 1a 12345678901234567890";
	const texts = [
		...numbers.split(" "),
		...["", " ", "tru", "true", "truex", "nul", "null ", "falsee", "\u00a0null", "\ufeffnull", "\vnull", "null\u0000"],
		...[
			'"',
			'"a',
			'"\\',
			'"\\"',
			'"\\u12"',
			'"\\u12g4"',
			'"\\u12aF"',
			'"\\x"',
			'"\\ud800"',
			'"\t"',
			'"\u007f"',
			'"\u2028"',
		],
		...[
			"[",
			"]",
			"[,]",
			"[1,]",
			"[1 2]",
			"[1,,2]",
			"{",
			"}",
			"{,}",
			'{"a"}',
			'{"a":}',
			'{"a":1,}',
			"{a:1}",
			"{1:1}",
			"[}",
			"{]",
		],
		...['{"a":1]', "[1}", "[]]", "{}{}", "[] []", '{"a":1 "b":2}', '{"a":[1,{"b":[]}]}', "[[],{}]", "\\", '{"a":1}\\"'],
	];
	test.each(texts)("%j", (text) => {
		for (const around of [
			text,
			`[${text}]`,
			`{"model":"m","x":${text}}`,
			`{"model":"m","messages":[{"content":${text}}]}`,
		]) {
			expect(isJson(Buffer.from(around)), around).toBe(parse(Buffer.from(around)) !== undefined);
		}
	});
});

describe("where strings cross the kernel's steps", () => {
	test("an escape, a quote or a control character is seen at every offset", () => {
		for (let pad = 0; pad < 80; pad++) {
			for (const tail of ['\\n"', '\\u00e9"', '\\\\"', '\\""', '\\\\\\""', '\n"', '\\x"', '\\u00g9"', '"', "\\", ""]) {
				const bytes = Buffer.from(`{"model":"m","x":"${"a".repeat(pad)}${tail}}`);
				expect(isJson(bytes), `${pad} ${tail}`).toBe(parse(bytes) !== undefined);
			}
		}
	});

	test("and a backslash at the end is the same fault at every offset", () => {
		for (let pad = 0; pad < 130; pad++) {
			const text = `{"model":"${"a".repeat(pad)}\\`;
			expect(faultOf(() => readText(text))?.message).toContain(`invalid escape in a string at byte ${10 + pad}`);
		}
	});

	test("also at the border of two chunks", () => {
		for (let pad = 65536 - 40; pad < 65536 + 8; pad++) {
			for (const tail of ['\\u00e9"', '\\\\"', '","y":"z"', '\\"', '\\u00g9"', "\\"]) {
				const bytes = Buffer.from(`{"model":"m","x":"${"a".repeat(pad)}${tail}}`);
				expect(isJson(bytes), `${pad} ${tail}`).toBe(parse(bytes) !== undefined);
			}
		}
	});
});

describe("says what is wrong and where", () => {
	test.each([
		['{"model":"m",}', "unexpected '}' at byte 13"],
		['{"model":"m"', "unexpected end at byte 12"],
		['{"model":"m', "unterminated string at byte 11"],
		['{"model":"a\\qb"}', "invalid escape in a string at byte 11"],
		['{"model":"a\nb"}', "control character in a string at byte 11"],
		['{"model":"m"} x', "unexpected 'x' at byte 14"],
		['{"model":"m"}\u0000', "unexpected 0x0 at byte 13"],
		["", "unexpected end at byte 0"],
	])("%j", (text, message) => {
		expect(faultOf(() => readText(text))?.message).toContain(message);
	});

	test("bytes that are not UTF-8, with the offset of the first", () => {
		const long = Buffer.concat([
			Buffer.from(`{"model":"${"é".repeat(5000)}`),
			Buffer.of(0xc3, 0x28),
			Buffer.from('"}'),
		]);
		expect(faultOf(() => read(long))?.message).toContain("invalid UTF-8 at byte 10010");
		expect(faultOf(() => read(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])))?.message).toContain(
			"invalid UTF-8 at byte 1",
		);
		expect(faultOf(() => read(Buffer.from([0x22, 0xe2, 0x82])))?.message).toContain("invalid UTF-8 at byte 1");
	});

	test("a byte order mark", () => {
		expect(faultOf(() => readText('\ufeff{"model":"m"}'))?.message).toContain("unexpected 0xef at byte 0");
	});
});

describe("bounds", () => {
	const deep = (open: string, close: string, levels: number): Buffer =>
		Buffer.from(`{"model":"m","x":${open.repeat(levels)}1${close.repeat(levels)}}`);

	test("200 levels are accepted, the body included, and not one more", () => {
		expect(read(deep("[", "]", 199)).model).toBe("m");
		expect(faultOf(() => read(deep("[", "]", 200)))?.code).toBe("body_too_deep");
		expect(read(deep('{"a":', "}", 199)).model).toBe("m");
		expect(faultOf(() => read(deep('{"a":', "}", 200)))?.code).toBe("body_too_deep");
		expect(outline(deep("[", "]", 500), { ...options, maxDepth: 501 }).model).toBe("m");
		expect(faultOf(() => outline(Buffer.from('{"model":"m","system":[{}]}'), { ...options, maxDepth: 2 }))?.code).toBe(
			"body_too_deep",
		);
	});

	// What takes quadratic time takes hours at this size, and ends at the time-out.
	test.each<[string, string | null, () => Buffer]>([
		["open brackets", "body_too_deep", () => Buffer.alloc(32_000_000, "[")],
		["open braces", "body_too_deep", () => Buffer.from(`${'{"a":'.repeat(6_400_000)}`)],
		["brackets beside each other", null, () => Buffer.from(`{"model":"m","x":[${"[],".repeat(10_000_000)}1]}`)],
		["backslashes", null, () => Buffer.from(`{"model":"m","x":"${"\\\\".repeat(16_000_000)}"}`)],
		["empty strings", null, () => Buffer.from(`{"model":"m","x":[${'"",'.repeat(10_000_000)}1]}`)],
		["white space", null, () => Buffer.from(`{"model":"m",${" ".repeat(32_000_000)}"x":1}`)],
		[
			"long escaped keys",
			"invalid_field",
			() => Buffer.from(`{"model":"m",${'"\\u0061\\u0061":1,'.repeat(1_500_000)}"x":1}`),
		],
		["tiny messages", null, () => Buffer.from(`{"model":"m","messages":[${'{"content":""},'.repeat(1_000_000)}{}]}`)],
		["tiny blocks", null, () => Buffer.from(`{"model":"m","system":[${'{"cache_control":{}},'.repeat(1_000_000)}1]}`)],
		["blocks that are no blocks", null, () => Buffer.from(`{"model":"m","tools":[${"1,".repeat(8_000_000)}1]}`)],
	])("32 MB of %s take linear time", { timeout: 60_000 }, (_, code, make) => {
		expect(faultOf(() => read(make()))?.code ?? null).toBe(code);
	});

	test("a large body leaves a reader that still works", () => {
		read(Buffer.from(`{"model":"m","x":"${"a".repeat(9_000_000)}"}`));
		expect(read({ model: "after", system: "s" }).chain.count).toBe(1);
	});
});
