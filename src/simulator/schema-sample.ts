// A value that satisfies a JSON schema, for structured answers and unknown tools. Leaves schemas beyond the common keywords alone.
import { type Fields, fieldsOf } from "./body.ts";

const DEPTH = 8;

/** The smallest sensible value for a schema. `text` fills strings that have no enum; unknown keywords are ignored. */
export function sampleOf(schema: unknown, text: string, depth = 0): unknown {
	const fields = fieldsOf(schema);
	if (fields === null || depth > DEPTH) return text;
	if (fields["const"] !== undefined) return fields["const"];
	const choices = fields["enum"];
	if (Array.isArray(choices)) return choices[0];
	const variants = fields["anyOf"] ?? fields["oneOf"];
	if (Array.isArray(variants)) return sampleOf(variants[0], text, depth + 1);
	const type = Array.isArray(fields["type"]) ? fields["type"][0] : fields["type"];
	switch (type) {
		case "object":
			return sampleObject(fields, text, depth);
		case "array":
			return Array.from({ length: numberOf(fields["minItems"]) }, () => sampleOf(fields["items"], text, depth + 1));
		case "number":
		case "integer":
			return numberOf(fields["minimum"]);
		case "boolean":
			return false;
		case "null":
			return null;
		default:
			return fields["properties"] === undefined ? text : sampleObject(fields, text, depth);
	}
}

function sampleObject(schema: Fields, text: string, depth: number): Record<string, unknown> {
	const properties = fieldsOf(schema["properties"]) ?? {};
	const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : Object.keys(properties);
	return Object.fromEntries(required.map((name) => [name, sampleOf(properties[name], text, depth + 1)]));
}

function numberOf(value: unknown): number {
	return typeof value === "number" ? value : 0;
}
