import { expect, test } from "vitest";
import { strictSchema } from "./strict-schema.ts";

const text = { type: "string" };
const object = (properties: object, more: object = {}) => ({
	type: "object",
	properties,
	additionalProperties: false,
	...more,
});

test.each([
	["a least number", { type: "integer", minimum: 0 }, { type: "integer", description: "(minimum: 0)" }],
	[
		"a number's bounds",
		{ type: "number", exclusiveMinimum: 0, multipleOf: 2 },
		{ type: "number", description: "(exclusiveMinimum: 0, multipleOf: 2)" },
	],
	[
		"a text's length",
		{ ...text, description: "A name.", maxLength: 5 },
		{ ...text, description: "A name. (maxLength: 5)" },
	],
	[
		"a list's length",
		{ type: "array", items: text, minItems: 2, maxItems: 3 },
		{ type: "array", items: text, description: "(minItems: 2, maxItems: 3)" },
	],
	[
		"a list that is not empty",
		{ type: "array", items: text, minItems: 1 },
		{ type: "array", items: text, minItems: 1 },
	],
	["a format that is known", { ...text, format: "date-time" }, { ...text, format: "date-time" }],
	["a format that is not", { ...text, format: "phone" }, { ...text, description: "(format: phone)" }],
	["a plain pattern", { ...text, pattern: "^a+$" }, { ...text, pattern: "^a+$" }],
	["a pattern that looks ahead", { ...text, pattern: "^(?=a)b" }, { ...text, description: "(pattern: ^(?=a)b)" }],
	["one of several", { oneOf: [text, { type: "null" }] }, { anyOf: [text, { type: "null" }] }],
	["values without a type", { enum: ["a", "b"] }, { type: "string", enum: ["a", "b"] }],
	["an open object inside", { type: "object", properties: { b: text } }, object({ b: text })],
	["OpenAPI's nullable", { ...text, nullable: true }, { type: ["string", "null"] }],
])("%s is said as Claude takes it", (_what, given, wanted) => {
	expect(strictSchema(object({ a: given }, { required: ["a"] }))?.schema).toEqual(
		object({ a: wanted }, { required: ["a"] }),
	);
});

test.each([
	["an object of any properties", { type: "object", additionalProperties: { type: "string" } }],
	["an object without properties", { type: "object" }],
	["properties by pattern", { type: "object", properties: { a: text }, patternProperties: { "^x": text } }],
	["anything", {}],
	["a boolean schema", true],
	["a reference to another document", { $ref: "https://example.com/schema.json" }],
	["values that are objects", { enum: [{ a: 1 }] }],
	["all of a reference", { allOf: [{ $ref: "#/$defs/x" }] }],
])("%s cannot be said", (_what, given) => {
	expect(strictSchema({ ...object({ a: given }), $defs: { x: object({}) } })).toBeNull();
});

test("a schema that contains itself cannot be said, one that only uses a definition twice can", () => {
	const tree = object({ next: { $ref: "#/$defs/tree" } });
	expect(strictSchema({ ...object({ a: { $ref: "#/$defs/tree" } }), $defs: { tree } })).toBeNull();
	const leaf = object({ b: text });
	const twice = { ...object({ a: { $ref: "#/$defs/leaf" }, c: { $ref: "#/$defs/leaf" } }), $defs: { leaf } };
	expect(strictSchema(twice)?.schema).toEqual(twice);
});

test("a property of the name of a keyword is a property", () => {
	const schema = object({ minimum: text, format: text }, { required: ["minimum", "format"] });
	expect(strictSchema(schema)?.schema).toEqual(schema);
});

test("what the API counts over a whole request is counted", () => {
	const schema = object(
		{ a: { type: ["string", "null"] }, b: { anyOf: [text, { type: "null" }] }, c: text },
		{ required: ["a"] },
	);
	expect(strictSchema(schema)).toMatchObject({ optional: 2, unions: 2 });
});
