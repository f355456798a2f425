// Schemas that Gemini refuses as they stand, and what is sent in their place.
import { describe, expect, test } from "vitest";
import { geminiSchema } from "./gemini-schema.ts";

const STRING = { type: "string" };
const of = (schema: object, more: object = {}) => ({ type: "object", properties: { a: schema }, ...more });
const sent = (schema: object, more: object = {}): unknown =>
	(geminiSchema(of(schema, more))["properties"] as Record<string, unknown>)["a"];

const ROWS: readonly (readonly [string, object, object])[] = [
	[
		"a nullable type as a list",
		{ type: ["string", "null"], description: "d" },
		{ ...STRING, description: "d", nullable: true },
	],
	["several types", { type: ["string", "integer"] }, { anyOf: [STRING, { type: "integer" }] }],
	[
		"several types of which one is an array",
		{ type: ["array", "string", "null"], items: STRING },
		{ anyOf: [{ type: "array", items: STRING }, STRING], nullable: true },
	],
	[
		"a choice with null (Pydantic)",
		{ anyOf: [STRING, { type: "null" }], title: "A", default: "x" },
		{ ...STRING, title: "A", default: "x", nullable: true },
	],
	["oneOf", { oneOf: [STRING, { type: "number" }] }, { anyOf: [STRING, { type: "number" }] }],
	["a choice of what is required", { ...of(STRING), anyOf: [{ required: ["a"] }, { required: ["b"] }] }, of(STRING)],
	[
		"a choice that narrows one type",
		{ type: "string", anyOf: [{ pattern: "a" }, { pattern: "b" }] },
		{
			anyOf: [
				{ ...STRING, pattern: "a" },
				{ ...STRING, pattern: "b" },
			],
		},
	],
	["an enumeration without a type", { enum: ["x", "y", null] }, { ...STRING, enum: ["x", "y"], nullable: true }],
	["an enumeration with an empty text", { type: "string", enum: ["", "x"] }, { ...STRING, enum: ["x"] }],
	["an enumeration of numbers", { type: "integer", enum: [1, 2] }, { type: "integer", description: "One of: 1, 2." }],
	["a constant", { const: "x" }, { ...STRING, enum: ["x"] }],
	[
		"a constant of another type",
		{ const: true, description: "d" },
		{ type: "boolean", description: "d One of: true." },
	],
	["a format that it does not know", { type: "string", format: "uri" }, STRING],
	["a format that it knows", { type: "string", format: "date-time" }, { ...STRING, format: "date-time" }],
	[
		"a tuple",
		{ type: "array", prefixItems: [STRING, { type: "number" }, STRING] },
		{ type: "array", items: { anyOf: [STRING, { type: "number" }] } },
	],
	["a tuple of earlier drafts", { type: "array", items: [STRING, STRING] }, { type: "array", items: STRING }],
	["an array of anything", { type: "array", items: {} }, { type: "array", items: STRING }],
	["a map", { type: "object", additionalProperties: STRING }, { type: "object" }],
	["what is required and not there", of(STRING, { required: ["a", "b"] }), of(STRING, { required: ["a"] })],
	[
		"keywords that it does not know",
		{ type: "number", multipleOf: 2, examples: [1], readOnly: true, exclusiveMinimum: 0, minimum: 1 },
		{ type: "number", minimum: 1 },
	],
	["types in capitals", { type: "STRING" }, STRING],
];

describe("Gemini gets", () => {
	test.each(ROWS)("%s in its own form", (_name, schema, expected) => {
		expect(sent(schema)).toEqual(expected);
	});

	test("references written out, also with a description of their own", () => {
		const defs = { $defs: { N: of(STRING), E: { enum: ["x"] } } };
		expect(sent({ $ref: "#/$defs/N", description: "d" }, defs)).toEqual({ ...of(STRING), description: "d" });
		expect(sent({ type: "array", items: { $ref: "#/$defs/E" } }, defs)).toEqual({
			type: "array",
			items: { ...STRING, enum: ["x"] },
		});
		expect(sent({ allOf: [{ $ref: "#/$defs/N" }, of(STRING, { required: ["a"] })] }, defs)).toEqual(
			of(STRING, { required: ["a"] }),
		);
		expect(sent({ $ref: "https://elsewhere/x" }, defs)).toEqual({ type: "object" });
		expect(JSON.stringify(geminiSchema(of({ $ref: "#/$defs/N" }, defs)))).not.toContain("$defs");
	});

	test("a schema that contains itself written out once", () => {
		const defs = { $defs: { N: { type: "object", properties: { next: { $ref: "#/$defs/N" }, v: STRING } } } };
		expect(sent({ $ref: "#/$defs/N" }, defs)).toEqual({
			type: "object",
			properties: { next: { type: "object" }, v: STRING },
		});
	});

	test("an end of definitions that multiply", () => {
		const $defs: Record<string, object> = {};
		for (let at = 0; at < 40; at += 1) {
			const next = { $ref: `#/$defs/d${at + 1}` };
			$defs[`d${at}`] = { allOf: [next, next], properties: { a: next, b: next }, anyOf: [next, next] };
		}
		expect(JSON.stringify(geminiSchema(of({ $ref: "#/$defs/d0" }, { $defs }))).length).toBeLessThan(1e6);
	});

	test("properties that are called like keywords", () => {
		const properties = { type: STRING, $ref: STRING, enum: STRING, properties: STRING };
		expect(geminiSchema({ type: "object", properties })).toEqual({ type: "object", properties });
	});
});
