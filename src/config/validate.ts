// Checks values against the file's schema and says what is wrong, where, in plain words. Leaves rules between options to the resolvers.
import type * as z from "zod";
import { isUnresolved } from "./environment.ts";
import { fileSchema } from "./file.ts";
import type { Report } from "./report.ts";
import { isPlainMap, type Path } from "./source.ts";
import { didYouMean } from "./suggest.ts";
import { type Section, SUPPORT, supportHint } from "./support.ts";

/**
 * Warns once about each option LiteLLM knows and this version does not act upon, and deletes those that are not read.
 * Call it before variables are resolved: an ignored option may name one that does not exist.
 */
export function dropUnsupported(report: Report): void {
	const places = new Map<string, { path: Path; count: number; support: "kept" | "ignored" }>();
	for (const [section, path] of sectionsOf(report)) {
		const options = report.value(path);
		if (!isPlainMap(options)) continue;
		for (const name of Object.keys(options)) {
			const support = SUPPORT.get(section)?.get(name);
			if (support === undefined || options[name] === null) continue;
			const known = places.get(`${section}.${name}`);
			if (known !== undefined) known.count++;
			else places.set(`${section}.${name}`, { path: [...path, name], count: 1, support });
		}
	}
	// Deleting comes second, since a remark needs its option to be in place.
	for (const { path, count, support } of places.values()) {
		const name = String(path.at(-1));
		const often = count > 1 ? ` (${count} times in this configuration)` : "";
		const message =
			support === "ignored"
				? `accepted by LiteLLM, not supported by Warmpath yet: ignored${often}`
				: `checked and kept, but not acted upon by Warmpath yet${often}`;
		report.warn({ path, at: "key", message, hint: supportHint(name) });
	}
	for (const [section, path] of sectionsOf(report)) {
		const options = report.value(path);
		if (!isPlainMap(options)) continue;
		for (const name of Object.keys(options)) {
			if (SUPPORT.get(section)?.get(name) === "ignored") delete options[name];
		}
	}
}

function* sectionsOf(report: Report): Generator<[Section, Path]> {
	yield ["root", []];
	for (const section of ["router_settings", "litellm_settings", "general_settings"] as const)
		yield [section, [section]];
	const deployments = report.value(["model_list"]);
	if (!Array.isArray(deployments)) return;
	for (const index of deployments.keys()) {
		yield ["litellm_params", ["model_list", index, "litellm_params"]];
		yield ["model_info", ["model_list", index, "model_info"]];
	}
}

/**
 * The value at `path` as `schema` reads it. Every fault is reported. Entries at fault are then left out, so that the rest can
 * still be used to find further faults; undefined when nothing usable is left.
 */
export function validate<T extends z.ZodType>(schema: T, path: Path, report: Report): z.output<T> | undefined {
	const value = report.value(path);
	let result = schema.safeParse(value);
	if (result.success) return result.data;
	for (const issue of leaves(result.error.issues, value)) reportIssue(issue, path, { schema, report });
	let rest: unknown = structuredCopy(value);
	for (let round = 0; round < MAX_ROUNDS && !result.success && rest !== undefined; round++) {
		for (const issue of leaves(result.error.issues, rest)) {
			const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
			for (const faulty of paths) rest = without(rest, faulty);
		}
		rest = structuredCopy(rest);
		result = schema.safeParse(rest);
	}
	return result.data;
}

/** Where something required is missing, what requires it is left out in the next round, and so on outwards. */
const MAX_ROUNDS = 5;

/** The issues, with those inside the form of a union that was evidently meant in place of the union's own. */
function leaves(issues: readonly z.core.$ZodIssue[], root: unknown): z.core.$ZodIssue[] {
	return issues.flatMap((issue) => {
		const value = valueAt(root, issue.path);
		if (issue.code !== "invalid_union" || typeof value !== "object" || value === null) return [issue];
		const meant =
			issue.errors.find((errors) => errors.some((error) => error.code !== "invalid_type")) ??
			issue.errors.find((errors) => errors.some((error) => error.path.length > 0));
		if (meant === undefined) return [issue];
		return meant.map((error) => ({ ...error, path: [...issue.path, ...error.path] }));
	});
}

interface Context {
	readonly schema: z.ZodType;
	readonly report: Report;
}

function reportIssue(issue: z.core.$ZodIssue, base: Path, { schema, report }: Context): void {
	const path: Path = [...base, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))];
	const value = report.value(path);
	// A missing variable has been reported; what its reference looks like is not another fault.
	if (isUnresolved(value)) return;
	const hint = describe(schema, issue.path);
	if (issue.code === "unrecognized_keys") {
		const known = Object.keys(shapeAt(schema, issue.path) ?? {});
		for (const name of issue.keys) reportUnknown(name, path, { known, report });
	} else if (value === undefined) report.fault({ path, message: "is missing", hint });
	else report.fault({ path, message: issueText(issue, value), hint });
}

function issueText(issue: z.core.$ZodIssue, value: unknown): string {
	switch (issue.code) {
		case "invalid_type":
			return `expected ${KIND_NAMES[issue.expected] ?? issue.expected}, found ${kindOf(value)}`;
		case "invalid_value": {
			const values = issue.values.map(String);
			const suggestion = typeof value === "string" ? didYouMean(value, values) : "";
			return `expected one of ${values.join(", ")}${suggestion === "" ? "" : `. ${suggestion}`}`;
		}
		case "invalid_union":
			return `${issue.message}, found ${kindOf(value)}`;
		default:
			return issue.message;
	}
}

const KIND_NAMES: Readonly<Record<string, string>> = {
	string: "text",
	object: "a map of options",
	record: "a map",
	array: "a list",
	boolean: "true or false",
};

function kindOf(value: unknown): string {
	if (value === undefined || value === null) return "nothing";
	if (Array.isArray(value)) return "a list";
	if (typeof value === "object") return "a map";
	return typeof value === "string" ? "text" : typeof value === "boolean" ? "true or false" : `a ${typeof value}`;
}

/** Names that look nothing like what they mean here. */
const SYNONYMS: Readonly<Record<string, string>> = {
	base_url: "api_base",
	api_url: "api_base",
	key: "api_key",
	models: "model_list",
	region: "aws_region_name",
	vertex_region: "vertex_location",
};

interface Unknown {
	readonly known: readonly string[];
	readonly report: Report;
}

function reportUnknown(name: string, path: Path, { known, report }: Unknown): void {
	const synonym = SYNONYMS[name];
	const section = sectionName(path);
	const candidates = [...known, ...(section === null ? [] : (SUPPORT.get(section)?.keys() ?? []))];
	let hint = synonym !== undefined && known.includes(synonym) ? `Did you mean '${synonym}'?` : "";
	if (hint === "") hint = elsewhere(name, path);
	if (hint === "") hint = didYouMean(name, candidates);
	if (hint === "" && known.length > 0 && known.length <= 12) hint = `Known here: ${known.join(", ")}.`;
	report.fault({ path: [...path, name], at: "key", message: `unknown option '${name}'`, hint });
}

/** Says where an option belongs that is known, but not at `path`. */
function elsewhere(name: string, path: Path): string {
	const homes: string[] = [];
	for (const [section, schema] of Object.entries(fileSchema.shape)) {
		if (section === name && path.length > 0) homes.push("the top level");
		const here = path.length === 1 && path[0] === section;
		const options = Object.keys(shapeAt(schema, []) ?? {});
		const listed = SUPPORT.get(section as Section)?.has(name) ?? false;
		if (!here && (options.includes(name) || listed)) homes.push(section);
	}
	const params = Object.keys(shapeAt(fileSchema, ["model_list", 0, "litellm_params"]) ?? {});
	if (path.at(-1) !== "litellm_params" && params.includes(name)) homes.push("a deployment's litellm_params");
	return homes.length === 0 ? "" : `It belongs in ${homes.join(" or ")}.`;
}

function sectionName(path: Path): Section | null {
	if (path.length === 0) return "root";
	if (path[0] === "model_list") return path[2] === "litellm_params" ? "litellm_params" : null;
	return path.length === 1 && SUPPORT.has(path[0] as Section) ? (path[0] as Section) : null;
}

/** The options an object schema knows at `path` below `schema`; null where there is no such object. */
export function shapeAt(
	schema: z.core.$ZodType,
	path: readonly PropertyKey[],
): Readonly<Record<string, z.core.$ZodType>> | null {
	const found = schemaAt(schema, path);
	const def = found === null ? null : (unwrap(found)._zod.def as Inner);
	return def?.type === "object" ? (def.shape ?? null) : null;
}

function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | null {
	let current: z.core.$ZodType | undefined = schema;
	for (const step of path) {
		if (current === undefined) return null;
		const def = unwrap(current)._zod.def as Inner;
		if (def.type === "object") current = def.shape?.[String(step)];
		else if (def.type === "array") current = def.element;
		else if (def.type === "record") current = def.valueType;
		else return null;
	}
	return current ?? null;
}

/** The parts of zod's definitions that hold further schemas. */
interface Inner {
	readonly type: string;
	readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
	readonly element?: z.core.$ZodType;
	readonly valueType?: z.core.$ZodType;
	readonly innerType?: z.core.$ZodType;
	readonly in?: z.core.$ZodType;
	readonly options?: readonly z.core.$ZodType[];
}

/** The schema inside defaults, transformations and, of several forms, that of the map. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
	let current = schema;
	for (;;) {
		const def = current._zod.def as Inner;
		const map = def.options?.find((option) => (option._zod.def as Inner).type === "object");
		const inner = def.innerType ?? def.in ?? map;
		if (inner === undefined) return current;
		current = inner;
	}
}

/** What an option is for, from its schema; empty when it has no description. */
function describe(schema: z.ZodType, path: readonly PropertyKey[]): string {
	const found = schemaAt(schema, path) as z.ZodType | null;
	return found?.description ?? "";
}

function structuredCopy(value: unknown): unknown {
	// filter leaves out the holes that deleted items have left.
	if (Array.isArray(value)) return value.filter(() => true).map(structuredCopy);
	if (!isPlainMap(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, structuredCopy(item)]));
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
	return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null | undefined)?.[step], root);
}

/** Deletes the entry at `path` in place; where there is none, what should have held it. */
function without(root: unknown, path: readonly PropertyKey[]): unknown {
	const last = path.at(-1);
	if (last === undefined) return undefined;
	const parent = valueAt(root, path.slice(0, -1));
	if (typeof parent !== "object" || parent === null) return root;
	if (!(last in parent)) return without(root, path.slice(0, -1));
	delete (parent as Record<PropertyKey, unknown>)[last];
	return root;
}
