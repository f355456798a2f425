import { expect, test } from "vitest";
import { inputSchema } from "./tool-schema.ts";

const text = { type: "string" };
const number = { type: "number" };
const object = (properties: object, more: object = {}) => ({ type: "object", properties, ...more });

test.each([
	["no schema", undefined, object({})],
	["null", null, object({})],
	["no type", { properties: { a: text } }, object({ a: text })],
	["a type that may be null", { type: ["object", "null"], properties: { a: text } }, object({ a: text })],
	["OpenAPI's nullable", { ...object({ a: text }), nullable: true }, object({ a: text })],
	["null as the other branch", { anyOf: [object({ a: text }), { type: "null" }] }, object({ a: text })],
	["Google's capitals", { type: "OBJECT", properties: { a: { type: "STRING" } } }, object({ a: text })],
	["a type that there is not", { type: "any", properties: { a: { type: "any" } } }, object({ a: {} })],
	["an object as it should be", object({ a: text }, { required: ["a"], additionalProperties: false }), null],
	["a choice below the root", object({ a: { anyOf: [text, number] } }), null],
	["a property of the name of a keyword", object({ anyOf: text, type: number, required: text }), null],
])("%s becomes an object's schema that Claude takes", (_what, given, wanted) => {
	expect(inputSchema(given)).toEqual(wanted ?? given);
});

test("alternatives of the root become properties of one object, of which what all need is required", () => {
	const schema = {
		oneOf: [
			object({ a: text, c: text }, { required: ["a", "c"] }),
			object({ b: number, c: text }, { required: ["b", "c"] }),
		],
	};
	expect(inputSchema(schema)).toEqual(
		object({ a: text, c: text, b: number }, { required: ["c"], description: "Give one of: a and c; b and c." }),
	);
});

test("alternatives that only differ in what they require are put into the description", () => {
	const schema = object(
		{ route: text, file: text },
		{ description: "Open it.", anyOf: [{ required: ["route"] }, { required: ["file"] }] },
	);
	expect(inputSchema(schema)).toEqual(
		object({ route: text, file: text }, { description: "Open it. Give one of: route; file." }),
	);
});

test("all of several schemas are one with everything that any of them requires", () => {
	const schema = { allOf: [object({ a: text }, { required: ["a"] }), object({ b: number }, { required: ["b"] })] };
	expect(inputSchema(schema)).toEqual(object({ a: text, b: number }, { required: ["a", "b"] }));
});

test("a property that differs between the alternatives takes either of its forms", () => {
	const schema = { anyOf: [object({ a: text }), object({ a: number }), object({ a: text })] };
	expect(inputSchema(schema)).toMatchObject({ properties: { a: { anyOf: [text, number] } } });
});

test("alternatives inside alternatives and behind references are found", () => {
	const schema = {
		$ref: "#/$defs/root",
		$defs: { root: { anyOf: [{ $ref: "#/$defs/one" }, { allOf: [object({ b: number })] }] }, one: object({ a: text }) },
	};
	const made = inputSchema(schema);
	expect(made).toMatchObject(object({ a: text, b: number }));
	for (const name of ["$ref", "anyOf", "oneOf", "allOf"]) expect(made).not.toHaveProperty(name);
});

test("definitions that stand for themselves come to an end", () => {
	const loop = { anyOf: [{ $ref: "#/$defs/loop" }, { $ref: "#/$defs/loop" }, object({ a: text })] };
	expect(inputSchema({ $ref: "#/$defs/loop", $defs: { loop } })).toMatchObject({ type: "object" });
	expect(inputSchema({ $ref: "#/$defs/self", $defs: { self: { $ref: "#/$defs/self" } } })).toMatchObject({
		type: "object",
	});
});

test("further properties stay refused only where every part refuses them", () => {
	const open = object({ b: text });
	const shut = object({ a: text }, { additionalProperties: false });
	expect(inputSchema({ anyOf: [shut, shut] })).toHaveProperty("additionalProperties", false);
	expect(inputSchema({ anyOf: [shut, open] })).not.toHaveProperty("additionalProperties");
});

test("what only earlier drafts of JSON Schema know is said in the words of 2020-12", () => {
	const schema = object({
		pair: { type: "array", items: [text, number] },
		more: { type: "number", minimum: 1, exclusiveMinimum: true },
		less: { type: "number", maximum: 1, exclusiveMaximum: false },
		needed: { type: "string", required: true },
		none: { type: "string", enum: [], description: null },
	});
	expect(inputSchema(schema)).toEqual(
		object({
			pair: { type: "array", prefixItems: [text, number] },
			more: { type: "number", minimum: 1, exclusiveMinimum: 1 },
			less: { type: "number", maximum: 1 },
			needed: text,
			none: text,
		}),
	);
});
