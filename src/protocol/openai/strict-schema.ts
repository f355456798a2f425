// A JSON schema → the part of JSON Schema that Claude is held to by `strict` and `output_config.format`. Leaves tools without `strict` to
// tool-schema.
import { asList, asObject, type Draft, type JsonObject } from "./json.ts";

/** A schema in that part, and what of it the API counts. */
export interface StrictSchema {
	readonly schema: JsonObject;
	/** Properties that need not be there. */
	readonly optional: number;
	/** Places that take several types. */
	readonly unions: number;
}

/** Of all strict schemas of one request together (platform docs, structured outputs, "Schema complexity limits"). */
export const MOST_OPTIONAL = 24;
export const MOST_UNIONS = 16;

/** Kept as they are (platform docs, structured outputs, "JSON Schema limitations"). */
const KEPT: ReadonlySet<string> = new Set(["title", "default", "const", "$ref"]);
const FORMATS: ReadonlySet<string> = new Set(
	"date-time time date duration email hostname uri ipv4 ipv6 uuid".split(" "),
);
/** What limits values and is a 400 there; it is described to the model in words, as Anthropic's own SDKs do. */
const DESCRIBED: ReadonlySet<string> = new Set(
	"minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format minItems maxItems uniqueItems minProperties maxProperties".split(
		" ",
	),
);
/** Of regular expressions what is not understood: looking around, referring back, word boundaries. */
const HARD_PATTERN = /\(\?[=!<]|\\[1-9bB]/;
const TYPES: ReadonlySet<string> = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);

/**
 * The schema without what is refused there: every object closed, limits as words, `oneOf` as `anyOf`. null where it cannot be said: an
 * object of any properties, a schema that contains itself, a type left open. The same schema always becomes the same one.
 */
export function strictSchema(schema: JsonObject): StrictSchema | null {
	const counts = { optional: 0, unions: 0 };
	const definitions = new Set(["$defs", "definitions"].flatMap((name) => pathsOf(schema, name)));
	if (isRecursive(schema)) return null;
	const made = strict(schema, { counts, definitions });
	return made === null ? null : { schema: made, ...counts };
}

interface About {
	readonly counts: { optional: number; unions: number };
	/** The definitions there are, as `$ref` names them. */
	readonly definitions: ReadonlySet<string>;
}

function strict(value: unknown, about: About): Draft | null {
	const schema = asObject(value);
	if (schema === null) return null;
	const out: Draft = {};
	const reference = schema["$ref"];
	if (reference !== undefined) {
		if (typeof reference !== "string" || !about.definitions.has(reference)) return null;
		out["$ref"] = reference;
	} else if (!putType(out, schema, about)) return null;
	const described: string[] = [];
	for (const [name, member] of Object.entries(schema)) {
		if (KEPT.has(name)) out[name] = member;
		else if (DESCRIBED.has(name)) {
			if (isTaken(name, member)) out[name] = member;
			else described.push(`${name}: ${typeof member === "string" ? member : JSON.stringify(member)}`);
		} else if (!putInner(out, name, member, about)) return null;
	}
	const { description } = schema;
	const words = [
		...(typeof description === "string" ? [description] : []),
		...(described.length > 0 ? [`(${described.join(", ")})`] : []),
	];
	if (words.length > 0) out["description"] = words.join(" ");
	return isObject(out) ? closed(out, schema, about) : out;
}

function isObject({ type }: Draft): boolean {
	return type === "object" || (Array.isArray(type) && type.includes("object"));
}

/** Whether a limit is understood. */
function isTaken(name: string, value: unknown): boolean {
	if (name === "format") return typeof value === "string" && FORMATS.has(value);
	if (name === "pattern") return typeof value === "string" && !HARD_PATTERN.test(value);
	return name === "minItems" && (value === 0 || value === 1);
}

/** Puts the type, or leaves it to the branches; false where it is left open. */
function putType(out: Draft, schema: JsonObject, { counts }: About): boolean {
	const given = typeof schema["type"] === "string" ? [schema["type"]] : asList(schema["type"]);
	const values = schema["const"] !== undefined ? [schema["const"]] : asList(schema["enum"]);
	const known = given.length > 0 ? given : [...new Set(values.map(typeOfValue))];
	const types = known.filter((type): type is string => typeof type === "string" && TYPES.has(type));
	if (types.length !== known.length || values.some((value) => typeof value === "object" && value !== null))
		return false;
	if (schema["nullable"] === true && types.length > 0 && !types.includes("null")) types.push("null");
	const [only, ...others] = types;
	if (only === undefined) return ["anyOf", "oneOf", "allOf"].some((name) => asList(schema[name]).length > 0);
	if (others.length > 0) counts.unions += 1;
	out["type"] = others.length > 0 ? types : only;
	return true;
}

function typeOfValue(value: unknown): string {
	if (value === null) return "null";
	if (Array.isArray(value)) return "array";
	return typeof value;
}

/** Members that hold schemas. False where one of them cannot be said; what is not known is left out. */
function putInner(out: Draft, name: string, value: unknown, about: About): boolean {
	switch (name) {
		case "properties":
		case "$defs":
		case "definitions": {
			const inner: [string, Draft][] = [];
			for (const [key, each] of Object.entries(asObject(value) ?? {})) {
				const made = strict(each, about);
				if (made === null) return false;
				inner.push([key, made]);
			}
			out[name] = Object.fromEntries(inner);
			return true;
		}
		case "items": {
			const made = strict(value, about);
			if (made !== null) out[name] = made;
			return made !== null;
		}
		case "anyOf":
		case "oneOf":
		case "allOf": {
			const made = asList(value).map((each) => strict(each, about));
			const known = made.filter((each) => each !== null);
			if (known.length !== made.length || known.length === 0) return false;
			if (name === "allOf" && known.some((each) => each["$ref"] !== undefined)) return false;
			if (name !== "allOf") about.counts.unions += 1;
			const target = name === "oneOf" ? "anyOf" : name;
			out[target] = [...asList(out[target]), ...known];
			return true;
		}
		case "enum":
			if (asList(value).length > 0) out[name] = value;
			return true;
		case "required":
			out[name] = asList(value).filter((each) => typeof each === "string");
			return true;
		case "additionalProperties":
			// `closed` says it.
			return value === undefined || typeof value === "boolean";
		case "patternProperties":
		case "prefixItems":
			return false;
		default:
			return true;
	}
}

/** `For 'object' type, 'additionalProperties' must be explicitly set to false`; an object of no names would then always be empty. */
function closed(out: Draft, schema: JsonObject, { counts }: About): Draft | null {
	const names = Object.keys(asObject(out["properties"]) ?? {});
	if (names.length === 0 && schema["additionalProperties"] !== false) return null;
	const required = asList(out["required"]).filter((name) => names.includes(String(name)));
	if (out["required"] !== undefined) out["required"] = required;
	counts.optional += names.length - new Set(required).size;
	out["additionalProperties"] = false;
	return out;
}

function pathsOf(schema: JsonObject, name: string): string[] {
	return Object.keys(asObject(schema[name]) ?? {}).map((key) => `#/${name}/${key}`);
}

/** Whether a definition leads back to itself. */
function isRecursive(schema: JsonObject): boolean {
	const edges = new Map<string, readonly string[]>();
	for (const name of ["$defs", "definitions"])
		for (const [key, each] of Object.entries(asObject(schema[name]) ?? {}))
			edges.set(`#/${name}/${key}`, referencesIn(each));
	const done = new Set<string>();
	const isOnCycle = (at: string, above: ReadonlySet<string>): boolean => {
		if (above.has(at)) return true;
		if (done.has(at)) return false;
		const path = new Set([...above, at]);
		const found = (edges.get(at) ?? []).some((next) => isOnCycle(next, path));
		done.add(at);
		return found;
	};
	return [...edges.keys()].some((at) => isOnCycle(at, new Set()));
}

function referencesIn(value: unknown): string[] {
	if (Array.isArray(value)) return value.flatMap(referencesIn);
	return Object.entries(asObject(value) ?? {}).flatMap(([name, each]) =>
		name === "$ref" && typeof each === "string" ? [each] : referencesIn(each),
	);
}
