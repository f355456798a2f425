// JSON Schemas as OpenAI-compatible servers take them: what OpenAI demands of a function's parameters, what its strict mode admits. Leaves
// Gemini's part to gemini-schema and tools to upstream-tools.

import { geminiSchema } from "./gemini-schema.ts";
import { asList, asObject, type Draft, type JsonObject } from "./json.ts";
import { inputSchema } from "./tool-schema.ts";

/** Keywords whose value is a map of schemas, a list of schemas, or one schema. */
const MAPS = new Set(["properties", "$defs", "definitions", "patternProperties", "dependentSchemas"]);
const LISTS = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const SINGLES = new Set(["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"]);

/** A schema with `change` applied to it and to every schema inside it, innermost first. */
function mapped(schema: unknown, change: (schema: JsonObject) => JsonObject): unknown {
	const object = asObject(schema);
	if (object === null) return schema;
	const out: Draft = {};
	for (const [name, value] of Object.entries(object)) {
		if (MAPS.has(name) && asObject(value) !== null) {
			const inner = Object.entries(asObject(value) ?? {}).map(([key, each]) => [key, mapped(each, change)]);
			out[name] = Object.fromEntries(inner);
		} else if (LISTS.has(name) && Array.isArray(value)) out[name] = value.map((each) => mapped(each, change));
		else if (SINGLES.has(name)) {
			out[name] = Array.isArray(value) ? value.map((each) => mapped(each, change)) : mapped(value, change);
		} else out[name] = value;
	}
	return change(out);
}

function hasType(schema: JsonObject, type: string): boolean {
	return schema["type"] === type || asList(schema["type"]).includes(type);
}

/** "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level." */
const ROOT_REFUSED = ["oneOf", "anyOf", "allOf", "enum", "not", "$ref"];

/**
 * Parameters of a function. OpenAI refuses a root that is no object, an object at the root without `properties` ("object schema missing
 * properties") and arrays without `items` ("array schema missing items"), also outside strict mode.
 */
export function functionParameters(schema: JsonObject, kind: "openai" | "gemini"): JsonObject {
	const plain = ROOT_REFUSED.some((name) => schema[name] !== undefined) ? inputSchema(schema) : schema;
	const inner = kind === "gemini" ? geminiSchema(plain) : (asObject(mapped(plain, withItems)) ?? {});
	const root: Draft = { ...inner };
	for (const name of ["$schema", ...ROOT_REFUSED]) delete root[name];
	if (root["type"] !== "object") root["type"] = "object";
	if (asObject(root["properties"]) === null) root["properties"] = {};
	return root;
}

function withItems(schema: JsonObject): JsonObject {
	if (!hasType(schema, "array") || schema["items"] !== undefined || schema["prefixItems"] !== undefined) return schema;
	return { ...schema, items: {} };
}

/** Keywords that strict mode admits (OpenAI, Structured outputs, Supported schemas; 2026-12-01). Everything else is a 400 there. */
const STRICT_KEYWORDS = new Set([
	"type",
	"description",
	"title",
	"properties",
	"required",
	"additionalProperties",
	"items",
	"enum",
	"const",
	"anyOf",
	"$ref",
	"$defs",
	"definitions",
	"pattern",
	"format",
	"multipleOf",
	"minimum",
	"maximum",
	"exclusiveMinimum",
	"exclusiveMaximum",
	"minItems",
	"maxItems",
]);
const STRICT_FORMATS = new Set(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]);
/** Deepest nesting of a strict schema. */
const MOST_LEVELS = 10;

/** Whether OpenAI's strict mode takes the schema as it stands. Where not, the schema is sent without `strict` and nothing is lost but the promise. */
export function isStrict(schema: JsonObject): boolean {
	const root = { ...schema };
	delete root["$schema"];
	return root["type"] === "object" && root["anyOf"] === undefined && isStrictNode(root, 1);
}

function isStrictNode(schema: unknown, level: number): boolean {
	const object = asObject(schema);
	if (object === null || level > MOST_LEVELS) return false;
	if (!Object.keys(object).every((name) => STRICT_KEYWORDS.has(name))) return false;
	if (!["type", "anyOf", "$ref"].some((name) => object[name] !== undefined)) return false;
	if (typeof object["format"] === "string" && !STRICT_FORMATS.has(object["format"])) return false;
	// "$ref cannot have keywords {'description'}".
	if (object["$ref"] !== undefined && Object.keys(object).length > 1) return false;
	if (hasType(object, "object") && !isClosed(object)) return false;
	if (hasType(object, "array") && object["items"] === undefined) return false;
	const maps = [object["properties"], object["$defs"], object["definitions"]];
	const inner = maps.flatMap((map) => Object.values(asObject(map) ?? {}));
	inner.push(...asList(object["anyOf"]));
	if (object["items"] !== undefined) inner.push(object["items"]);
	return inner.every((each) => isStrictNode(each, level + 1));
}

/** All properties are required and no others are allowed. */
function isClosed(schema: JsonObject): boolean {
	const properties = asObject(schema["properties"]);
	if (properties === null || !Array.isArray(schema["required"]) || schema["additionalProperties"] !== false)
		return false;
	const required = new Set(asList(schema["required"]));
	return Object.keys(properties).every((name) => required.has(name)) && required.size <= Object.keys(properties).length;
}
