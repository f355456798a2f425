// The schema of a function's parameters → an `input_schema` that the Messages API takes. Leaves strict schemas and those of answers, which
// are held to a smaller part of JSON Schema, to strict-schema.
import { asList, asObject, type Draft, type JsonObject } from "./json.ts";

/** How many references to references are followed. */
const MOST_HOPS = 8;
/** How many branches of one schema are looked at; nothing real comes near. */
const MOST_BRANCHES = 256;

const BRANCHES = ["allOf", "anyOf", "oneOf"] as const;

/**
 * An object's schema, as the API insists on: `input_schema.type: Input should be 'object'`, and `input_schema does not support oneOf, allOf,
 * or anyOf at the top level` (anomalyco/opencode #35516, diegosouzapw/OmniRoute #13552). A nullable root is the object itself, a reference
 * what it stands for; branches become one object that takes what each of them takes, and the description says which belong together. Below
 * the root only what JSON Schema 2020-12 refuses is put right. The same schema always becomes the same one.
 */
export function inputSchema(parameters: unknown): JsonObject {
	const given = asObject(parameters);
	if (given === null) return { type: "object", properties: {} };
	const root = asObject(modern(given)) ?? {};
	const { nullable: _nullable, ...flat } = flattened(root, { root, left: MOST_BRANCHES });
	return flat["type"] === "object" ? flat : { type: "object", ...without(flat, ["type"]) };
}

interface Flattening {
	/** Holds the definitions. */
	readonly root: JsonObject;
	/** Branches that may still be looked at: definitions can refer to each other. */
	left: number;
}

/** The schema with its branches' members taken into it. */
function flattened(schema: JsonObject, about: Flattening): JsonObject {
	const whole = resolved(schema, about.root);
	if (!BRANCHES.some((name) => name in whole)) return whole;
	const all = branchesOf(whole, "allOf", about);
	const some = [...branchesOf(whole, "anyOf", about), ...branchesOf(whole, "oneOf", about)];
	const inner = without(whole, BRANCHES);
	const [only, ...others] = [...all, ...some];
	if (only !== undefined && others.length === 0 && Object.keys(inner).every(isNote)) return { ...only, ...inner };
	return joined(inner, all, some);
}

/** Branches that may be the object: `{type: null}` is no arguments at all. */
function branchesOf(schema: JsonObject, name: (typeof BRANCHES)[number], about: Flattening): readonly JsonObject[] {
	return asList(schema[name]).flatMap((branch): JsonObject[] => {
		const object = asObject(branch);
		about.left -= 1;
		if (object === null || isNull(object) || about.left < 0) return [];
		return [flattened(object, about)];
	});
}

function isNull({ type }: JsonObject): boolean {
	return type === "null" || (Array.isArray(type) && type.length === 1 && type[0] === "null");
}

/** Members that say nothing of what is valid. */
function isNote(name: string): boolean {
	return NOTES.has(name) || name === "type";
}

const NOTES: ReadonlySet<string> = new Set([
	"$schema",
	"$id",
	"$comment",
	"$defs",
	"definitions",
	"title",
	"description",
	"default",
	"examples",
	"nullable",
]);

function joined(root: JsonObject, all: readonly JsonObject[], some: readonly JsonObject[]): JsonObject {
	const properties = new Map<string, unknown>(Object.entries(asObject(root["properties"]) ?? {}));
	const out: Draft = { ...root };
	for (const branch of [...all, ...some]) {
		for (const [name, schema] of Object.entries(asObject(branch["properties"]) ?? {})) {
			const known = properties.get(name);
			if (known === undefined) properties.set(name, schema);
			else if (!isSame(known, schema)) properties.set(name, either(known, schema));
		}
		for (const name of ["$defs", "definitions"]) {
			const defs = asObject(branch[name]);
			if (defs !== null) out[name] = { ...defs, ...asObject(out[name]) };
		}
	}
	if (properties.size > 0) out["properties"] = Object.fromEntries(properties);
	const required = requiredOf(root, all, some);
	if (required.length > 0) out["required"] = required;
	else delete out["required"];
	closeJoined(out, root, [...all, ...some]);
	if (some.length > 1) out["description"] = described(root, some);
	return out;
}

/** What the root or all of it asks for, and what every one of the alternatives does. */
function requiredOf(root: JsonObject, all: readonly JsonObject[], some: readonly JsonObject[]): unknown[] {
	const always = [root, ...all].flatMap((schema) => asList(schema["required"]));
	const [first, ...others] = some.map((schema) => asList(schema["required"]));
	const shared = (first ?? []).filter((name) => others.every((list) => list.includes(name)));
	return [...new Set([...always, ...shared])];
}

/** Further properties are refused only where every part refuses them: the joined object has all that any part names. */
function closeJoined(out: Draft, root: JsonObject, branches: readonly JsonObject[]): void {
	const naming = [root, ...branches].filter((schema) => asObject(schema["properties"]) !== null);
	const isClosed = naming.length > 0 && naming.every((schema) => schema["additionalProperties"] === false);
	if (isClosed) out["additionalProperties"] = false;
	else if (out["additionalProperties"] === false) delete out["additionalProperties"];
}

/** The choice that can no longer be said in the schema is described to the model. */
function described(root: JsonObject, some: readonly JsonObject[]): string {
	const ways = some.map((schema) => {
		const names = asList(schema["required"]).filter((name) => typeof name === "string");
		const shown = names.length > 0 ? names : Object.keys(asObject(schema["properties"]) ?? {});
		return shown.join(" and ");
	});
	const choices = [...new Set(ways.filter((way) => way !== ""))];
	const { description } = root;
	const before = typeof description === "string" && description !== "" ? description : null;
	const choice = choices.length > 1 ? `Give one of: ${choices.join("; ")}.` : null;
	return [before, choice].filter((text) => text !== null).join(" ");
}

function either(a: unknown, b: unknown): JsonObject {
	const ways = asList(asObject(a)?.["anyOf"]);
	const isChoice = ways.length > 0 && Object.keys(asObject(a) ?? {}).length === 1;
	const known = isChoice ? ways : [a];
	return known.some((way) => isSame(way, b)) ? { anyOf: known } : { anyOf: [...known, b] };
}

function isSame(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

/** What a `$ref` into the root's own definitions stands for, with what stands beside it. */
function resolved(schema: JsonObject, root: JsonObject): JsonObject {
	let current = schema;
	for (let hops = 0; hops < MOST_HOPS; hops += 1) {
		const reference = current["$ref"];
		if (typeof reference !== "string") return current;
		const target = asObject(targetOf(reference, root));
		const beside = without(current, ["$ref"]);
		if (target === null) return beside;
		current = { ...target, ...beside };
	}
	return without(current, ["$ref"]);
}

function targetOf(reference: string, root: JsonObject): unknown {
	if (!reference.startsWith("#/")) return null;
	let at: unknown = root;
	for (const step of reference.slice(2).split("/"))
		at = asObject(at)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")];
	return at;
}

function without(schema: JsonObject, names: readonly string[]): JsonObject {
	return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)));
}

/** Members whose value is a schema, a list of schemas, or schemas by name. */
const SCHEMAS: ReadonlySet<string> = new Set([
	"items",
	"prefixItems",
	"contains",
	"additionalProperties",
	"unevaluatedProperties",
	"propertyNames",
	"not",
	"if",
	"then",
	"else",
	"allOf",
	"anyOf",
	"oneOf",
]);
const BY_NAME: ReadonlySet<string> = new Set([
	"properties",
	"patternProperties",
	"$defs",
	"definitions",
	"dependentSchemas",
]);
const TYPES: ReadonlySet<string> = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);

/**
 * The schema without what 2020-12 refuses and other servers take: `JSON schema is invalid. It must match JSON Schema draft 2020-12` is the
 * answer to a list as `items`, to a boolean `exclusiveMinimum` or `required` of earlier drafts, and to types that there are not, such as
 * Google's in capitals.
 */
function modern(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(modern);
	const schema = asObject(value);
	if (schema === null) return value;
	const out: Draft = {};
	for (const [name, member] of Object.entries(schema)) {
		if (BY_NAME.has(name)) {
			const inner = asObject(member);
			if (inner !== null)
				out[name] = Object.fromEntries(Object.entries(inner).map(([key, each]) => [key, modern(each)]));
		} else if (name === "items" && Array.isArray(member)) out["prefixItems"] = member.map(modern);
		else if (SCHEMAS.has(name)) {
			if (member !== null) out[name] = modern(member);
		} else putKeyword(out, name, member, schema);
	}
	return out;
}

function putKeyword(out: Draft, name: string, value: unknown, schema: JsonObject): void {
	switch (name) {
		case "type": {
			const type = typeOf(value);
			if (type !== null) out[name] = type;
			break;
		}
		case "required":
			if (Array.isArray(value)) out[name] = [...new Set(value.filter((each) => typeof each === "string"))];
			break;
		case "exclusiveMinimum":
		case "exclusiveMaximum":
			// Of draft 4: `minimum` itself is excluded.
			if (typeof value === "number") out[name] = value;
			else if (value === true) {
				const limit = schema[name === "exclusiveMinimum" ? "minimum" : "maximum"];
				if (typeof limit === "number") out[name] = limit;
			}
			break;
		case "enum":
			if (Array.isArray(value) && value.length > 0) out[name] = value;
			break;
		case "description":
		case "title":
		case "pattern":
		case "format":
		case "$ref":
			if (typeof value === "string") out[name] = value;
			break;
		default:
			out[name] = value;
	}
}

/** The type in lower case; of a list those that there are. null = none. */
function typeOf(value: unknown): string | string[] | null {
	const known = (Array.isArray(value) ? value : [value]).flatMap((each) => {
		const type = typeof each === "string" ? each.toLowerCase() : "";
		return TYPES.has(type) ? [type] : [];
	});
	const [only, ...others] = new Set(known);
	if (only === undefined) return null;
	return Array.isArray(value) && (others.length > 0 || value.length === 1) ? [only, ...others] : only;
}
