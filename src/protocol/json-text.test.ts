import { describe, expect, test } from "vitest";
import { jsonText } from "./json-text.ts";

/** What `JSON.stringify` cannot write. */
const DEPTH = 200_000;

describe("the text of a value", () => {
	test.each([
		[null],
		['a "quoted" text with \u2028 and \ud800'],
		[[1, [], {}, [[2]], undefined]],
		[{ a: 1, b: undefined, "c\n": { d: [null, true, 1e21] }, e: "" }],
	])("is what JSON.stringify gives (%j)", (value) => {
		expect(jsonText(value)).toBe(JSON.stringify(value));
		// Written inside of something too deep, it is the same.
		const deep = JSON.parse(`${"[".repeat(DEPTH)}0${"]".repeat(DEPTH)}`) as unknown;
		expect(jsonText([value, deep]).startsWith(`[${JSON.stringify(value)},[[[`)).toBe(true);
	});

	test.each([
		["lists", `${"[".repeat(DEPTH)}"x",2${"]".repeat(DEPTH)}`],
		["objects", `${'{"a\\n":'.repeat(DEPTH)}[1,{}]${"}".repeat(DEPTH)}`],
		["both", `${'[{"a":'.repeat(DEPTH)}null${"},3]".repeat(DEPTH)}`],
	])("is whole at any depth (%s)", (_, text) => {
		expect(jsonText(JSON.parse(text)) === text).toBe(true);
	});
});
