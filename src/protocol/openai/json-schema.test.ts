import { describe, expect, test } from "vitest";
import type { JsonObject } from "./json.ts";
import { functionParameters, isStrict } from "./json-schema.ts";

const object = (properties: JsonObject, more: JsonObject = {}) => ({
	type: "object",
	properties,
	required: Object.keys(properties),
	additionalProperties: false,
	...more,
});
const STRING = { type: "string" };

describe("strict", () => {
	test.each([
		["all required", object({ a: STRING })],
		["nested", object({ a: object({ b: { type: ["string", "null"] } }) })],
		["in a list", object({ a: { type: "array", items: object({ b: STRING }) } })],
		["by reference", object({ a: { $ref: "#/$defs/x" } }, { $defs: { x: object({ b: STRING }) } })],
		["one of several", object({ a: { anyOf: [STRING, object({ b: STRING })] } })],
		["with bounds", object({ a: { type: "integer", minimum: 0 }, e: { type: "string", enum: ["x"] } })],
		["naming its dialect", object({ a: STRING }, { $schema: "https://json-schema.org/draft/2020-12/schema" })],
	])("is kept for a schema of OpenAI's kind: %s", (_name, schema) => {
		expect(isStrict(schema)).toBe(true);
	});

	test.each([
		["an optional property", object({ a: STRING, note: STRING }, { required: ["a"] })],
		["no required at all", { type: "object", properties: { a: STRING }, additionalProperties: false }],
		["other properties allowed", { type: "object", properties: { a: STRING }, required: ["a"] }],
		["an open object inside", object({ a: { type: "object", properties: { b: STRING }, required: ["b"] } })],
		[
			"an optional property in a list",
			object({ a: { type: "array", items: object({ b: STRING }, { required: [] }) } }),
		],
		["an open definition", object({ a: { $ref: "#/$defs/x" } }, { $defs: { x: { type: "object" } } })],
		["an open branch", object({ a: { anyOf: [STRING, { type: "object" }] } })],
		["allOf", object({ a: { allOf: [STRING] } })],
		["oneOf", object({ a: { oneOf: [STRING] } })],
		["a pattern of property names", object({ a: object({}, { patternProperties: { "^x": STRING } }) })],
		["minLength", object({ a: { type: "string", minLength: 1 } })],
		["a default", object({ a: { type: "string", default: "x" } })],
		["an unknown format", object({ a: { type: "string", format: "uri" } })],
		["a reference with a note", object({ a: { $ref: "#/$defs/x", description: "d" } }, { $defs: { x: STRING } })],
		["a property without a type", object({ a: {} })],
		["an array without items", object({ a: { type: "array" } })],
		["a root that is no object", { type: "array", items: STRING }],
		["a choice at the root", { ...object({ a: STRING }), anyOf: [object({ a: STRING })] }],
	])("is left out for %s", (_name, schema) => {
		expect(isStrict(schema)).toBe(false);
	});
});

describe("parameters of a function", () => {
	test.each([
		["no properties", { type: "object" }, { type: "object", properties: {} }],
		["no type", { properties: { a: STRING } }, { properties: { a: STRING }, type: "object" }],
		["nothing", {}, { type: "object", properties: {} }],
		[
			"an array without items, wherever it is",
			object({ a: { anyOf: [{ type: "array" }] }, b: { type: ["array", "null"] } }),
			object({ a: { anyOf: [{ type: "array", items: {} }] }, b: { type: ["array", "null"], items: {} } }),
		],
		[
			"a property that is called like a keyword",
			object({ const: STRING, items: { type: "array", items: STRING }, $schema: STRING }),
			object({ const: STRING, items: { type: "array", items: STRING }, $schema: STRING }),
		],
		["a choice at the root", { anyOf: [object({ a: STRING }), { type: "null" }] }, object({ a: STRING })],
		[
			"a reference at the root",
			{ $ref: "#/$defs/x", $defs: { x: object({ a: STRING }) } },
			object({ a: STRING }, { $defs: { x: object({ a: STRING }) } }),
		],
		["a dialect", { $schema: "x", ...object({ a: STRING }) }, object({ a: STRING })],
	])("with %s have what OpenAI demands", (_name, schema, sent) => {
		expect(functionParameters(schema, "openai")).toEqual(sent);
		expect(JSON.stringify(functionParameters(schema, "openai"))).toBe(
			JSON.stringify(functionParameters(schema, "openai")),
		);
	});

	test("for Gemini have no keyword that it does not know, and properties of such names stay", () => {
		const schema = object({
			a: { const: "x" },
			n: { type: "integer", exclusiveMinimum: 0, minimum: 1 },
			m: { type: "object", propertyNames: STRING, additionalProperties: { type: "array" } },
			l: { type: "array" },
			not: STRING,
		});
		expect(functionParameters(schema, "gemini")).toEqual({
			type: "object",
			properties: {
				a: { type: "string", enum: ["x"] },
				n: { type: "integer", minimum: 1 },
				m: { type: "object" },
				l: { type: "array", items: STRING },
				not: STRING,
			},
			required: ["a", "n", "m", "l", "not"],
		});
	});
});
