// A JSON schema → the `Schema` of Gemini's API, a small part of OpenAPI 3.0 (ai.google.dev/api/caching#Schema). Leaves what a function's root
// must look like to json-schema.
import { jsonText } from "../json-text.ts";
import { asList, asObject, type Draft, type JsonObject } from "./json.ts";

/** Members that mean the same there. Every other one is `Unknown name … Cannot find field` (zed-industries/zed#44875, #53919). */
const KEPT: ReadonlySet<string> = new Set([
	"title",
	"description",
	"default",
	"nullable",
	"minItems",
	"maxItems",
	"minProperties",
	"maxProperties",
	"minLength",
	"maxLength",
	"pattern",
	"minimum",
	"maximum",
]);
/** `only 'enum' and 'date-time' are supported for STRING type`. */
const FORMATS: ReadonlySet<string> = new Set(["enum", "date-time", "float", "double", "int32", "int64"]);
/** How many schemas one becomes at most: references are written out, and may be nested. A large one counts as several. */
const MOST_SCHEMAS = 2000;
const SCHEMA_LENGTH = 200;

interface About {
	/** Holds the definitions. */
	readonly root: JsonObject;
	/** References that are being written out: one of them inside itself cannot be. */
	readonly within: ReadonlySet<string>;
	readonly budget: { left: number };
}

/** The schema as Gemini takes it. The same schema always becomes the same one. */
export function geminiSchema(schema: JsonObject): JsonObject {
	return converted(schema, { root: schema, within: new Set(), budget: { left: MOST_SCHEMAS } });
}

function converted(value: unknown, about: About): Draft {
	const given = asObject(value);
	about.budget.left -= 1;
	if (given === null || about.budget.left < 0) return {};
	const reference = given["$ref"];
	if (typeof reference === "string") {
		const { $ref: _reference, ...beside } = given;
		const target = about.within.has(reference) ? null : targetOf(reference, about.root);
		if (target === null) return { type: "object", ...descriptionOf(beside) };
		about.budget.left -= Math.floor(jsonText(target).length / SCHEMA_LENGTH);
		return converted({ ...target, ...beside }, { ...about, within: new Set([...about.within, reference]) });
	}
	if (asList(given["allOf"]).length > 0) {
		const within = new Set(about.within);
		return converted(merged(given, about.root, within), { ...about, within });
	}
	const ways = [...asList(given["anyOf"]), ...asList(given["oneOf"])];
	if (ways.length > 0) return chosen(given, ways, about);
	return plain(given, about);
}

function targetOf(reference: string, root: JsonObject): JsonObject | null {
	if (!reference.startsWith("#/")) return null;
	let at: unknown = root;
	for (const step of reference.slice(2).split("/"))
		at = asObject(at)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")];
	return asObject(at);
}

function descriptionOf({ description }: JsonObject): Draft {
	return typeof description === "string" ? { description } : {};
}

/** All of several schemas as one: what the first says of a member holds, properties and what is required come together. */
function merged(schema: JsonObject, root: JsonObject, within: Set<string>): JsonObject {
	const { allOf, ...own } = schema;
	const out: Draft = { ...own };
	for (const part of asList(allOf).map(asObject)) {
		const reference = part?.["$ref"];
		const isReference = typeof reference === "string";
		const target = isReference && !within.has(reference) ? targetOf(reference, root) : null;
		if (isReference) within.add(reference);
		for (const [name, value] of Object.entries({ ...target, ...part })) {
			if (name === "$ref") continue;
			if (name === "properties") out[name] = { ...asObject(value), ...asObject(out[name]) };
			else if (name === "required" || name === "allOf") out[name] = [...asList(out[name]), ...asList(value)];
			else out[name] ??= value;
		}
	}
	return out;
}

/** Alternatives: "when using any_of, it must be the only field set", and null is no type of its own. */
function chosen(schema: JsonObject, ways: readonly unknown[], about: About): Draft {
	const { anyOf: _any, oneOf: _one, ...own } = schema;
	// What only says which properties belong together has no form.
	if (own["properties"] !== undefined || own["items"] !== undefined) return plain(own, about);
	const others = ways.filter((way) => asObject(way)?.["type"] !== "null");
	const isNullable = others.length < ways.length || own["nullable"] === true;
	const made = others.map((way) => converted({ ...own, ...asObject(way) }, about));
	const [only, ...more] = made;
	if (only === undefined) return { type: "string", nullable: true, ...descriptionOf(own) };
	if (more.length === 0) return isNullable ? { ...only, nullable: true } : only;
	return isNullable ? { anyOf: made, nullable: true } : { anyOf: made };
}

function plain(schema: JsonObject, about: About): Draft {
	const given = typeof schema["type"] === "string" ? [schema["type"]] : asList(schema["type"]);
	const types = [...new Set(given.map((type) => String(type).toLowerCase()))].filter((type) => type !== "null");
	const isNullable = given.length > 0 && (types.length === 0 || types.length < new Set(given).size);
	const [type = typeIn(schema), ...others] = types;
	// "Proto field is not repeating, cannot start list" (Kilo-Org/kilocode#5333).
	const out =
		others.length > 0 ? { anyOf: types.map((each) => typed(schema, each, about)) } : typed(schema, type, about);
	return isNullable ? { ...out, nullable: true } : out;
}

/** The type of a schema that names none. */
function typeIn(schema: JsonObject): string | undefined {
	if (schema["properties"] !== undefined || schema["additionalProperties"] !== undefined) return "object";
	if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return "array";
	const value = schema["const"] ?? asList(schema["enum"]).find((each) => each !== null);
	return ["string", "number", "boolean"].find((each) => each === typeof value);
}

/** The schema for one type, with the members that belong to it. */
function typed(schema: JsonObject, type: string | undefined, about: About): Draft {
	const out: Draft = type === undefined ? {} : { type };
	for (const [name, value] of Object.entries(schema)) if (KEPT.has(name) && value !== null) out[name] = value;
	const { format } = schema;
	if (typeof format === "string" && FORMATS.has(format)) out["format"] = format;
	putValues(out, schema);
	if (type === "object") putProperties(out, schema, about);
	if (type === "array") out["items"] = itemsOf(schema, about);
	return out;
}

/** Enumerations are of texts only, none of them empty; others are described to the model in words. */
function putValues(out: Draft, schema: JsonObject): void {
	const values = schema["const"] !== undefined ? [schema["const"]] : asList(schema["enum"]);
	if (values.includes(null)) out["nullable"] = true;
	const said = values.filter((value) => value !== null && value !== "");
	if (said.length === 0) return;
	if (out["type"] === "string" && said.every((value) => typeof value === "string")) {
		out["enum"] = [...new Set(said)];
		return;
	}
	const words = `One of: ${said.map((value) => JSON.stringify(value)).join(", ")}.`;
	out["description"] = typeof out["description"] === "string" ? `${out["description"]} ${words}` : words;
}

/** `required[0]: property is not defined` is what names get that are none. */
function putProperties(out: Draft, schema: JsonObject, about: About): void {
	const properties = asObject(schema["properties"]);
	if (properties === null) return;
	out["properties"] = Object.fromEntries(
		Object.entries(properties).map(([name, each]) => [name, converted(each, about)]),
	);
	const required = [...new Set(asList(schema["required"]))].filter(
		(name) => typeof name === "string" && Object.hasOwn(properties, name),
	);
	if (required.length > 0) out["required"] = required;
}

/** `items: missing field`; the places of a tuple become alternatives. */
function itemsOf(schema: JsonObject, about: About): Draft {
	const places = Array.isArray(schema["items"]) ? schema["items"] : asList(schema["prefixItems"]);
	const made = (places.length > 0 ? places : [schema["items"]]).map((each) => converted(each, about));
	const texts = [...new Set(made.map((each) => JSON.stringify(each)))];
	const [only = {}] = made;
	if (texts.length > 1) return { anyOf: texts.map((text): unknown => JSON.parse(text)) };
	return Object.keys(only).length === 0 ? { type: "string" } : only;
}
