// Reads a configuration file and the files it includes, and merges them. Leaves what the options mean to config/load.
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import {
	emptyMap,
	isPlainMap,
	type Path,
	type PlainMap,
	readYaml,
	type SourceFault,
	type SourceMap,
} from "./source.ts";

/** Gives a file's text, or throws. */
export type ReadFile = (path: string) => string;

/** Where a configuration is read from. */
export interface Origin {
	/** The main file as it is called in messages. */
	readonly file: string;
	readonly text: string;
	readonly readFile: ReadFile;
}

/** One map out of all files. */
export interface MergedSource {
	readonly value: PlainMap;
	/** false when a file could not be read or is no map: what was in it is unknown, so that nothing can be said to be missing. */
	readonly complete: boolean;
	readonly faults: readonly SourceFault[];
	/** Top-level entries that others take their values from by an alias, of all files. */
	readonly templates: ReadonlySet<string>;
}

/**
 * Lists (such as `model_list`) are joined, the including file's entries first. Maps are merged; where both files have a value,
 * the including file's wins. A missing, repeated or circular file is a fault; everything readable is still returned.
 */
export function readMerged(origin: Origin, sources: SourceMap): MergedSource {
	const includer = new Includer(origin.readFile, sources);
	const value = includer.read(origin.file, origin.text, [resolve(origin.file)]);
	return { value, complete: includer.complete, faults: includer.faults, templates: includer.templates };
}

class Includer {
	readonly faults: SourceFault[] = [];
	readonly templates = new Set<string>();
	complete = true;
	readonly #readFile: ReadFile;
	readonly #sources: SourceMap;
	readonly #seen = new Set<string>();

	constructor(readFile: ReadFile, sources: SourceMap) {
		this.#readFile = readFile;
		this.#sources = sources;
	}

	/** One file's map with what it includes merged in. `chain` holds the absolute paths of the files that led here, and its own. */
	read(file: string, text: string, chain: readonly string[]): PlainMap {
		const { value: map, faults, templates } = readYaml(text, file, this.#sources);
		this.faults.push(...faults);
		for (const name of templates) this.templates.add(name);
		if (!isPlainMap(map)) {
			this.complete = false;
			if (map !== undefined) this.faults.push(notAMap(file, map));
			return emptyMap();
		}
		const included = includedFiles(map, file, this.#sources);
		this.faults.push(...included.faults);
		let merged = map;
		for (const [index, name] of included.files) {
			const path = isAbsolute(name) ? name : join(dirname(file), name);
			const found = this.#open(name, path, chain);
			if ("text" in found) {
				merged = mergeMaps(merged, this.read(path, found.text, [...chain, resolve(path)]), this.#sources);
				continue;
			}
			const place = this.#sources.locate(map, ["include", index])?.value ?? { file, line: 1, column: 1 };
			this.faults.push({ place, path: ["include", index], ...found });
		}
		const rest = copyOf(merged, this.#sources);
		delete rest["include"];
		return rest;
	}

	#open(
		name: string,
		path: string,
		chain: readonly string[],
	): { readonly text: string } | { readonly message: string; readonly hint: string } {
		const known = resolve(path);
		if (chain.includes(known)) {
			const steps = [...chain.slice(chain.indexOf(known)), known].map((step) => basename(step)).join(" → ");
			return { message: `'${name}' includes itself: ${steps}`, hint: "Remove one of these includes." };
		}
		if (this.#seen.has(known))
			return { message: `'${name}' is included twice`, hint: "Its entries would be doubled; keep one include." };
		this.#seen.add(known);
		const content = readText(this.#readFile, path);
		if ("text" in content) return content;
		this.complete = false;
		const message = `'${name}' cannot be read: ${content.reason}`;
		return { message, hint: "Paths are relative to the including file." };
	}
}

/** A file's text, or why it cannot be had. */
export function readText(readFile: ReadFile, path: string): { readonly text: string } | { readonly reason: string } {
	try {
		return { text: readFile(path) };
	} catch (cause) {
		const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
		return { reason: READ_ERRORS[code] ?? (cause instanceof Error ? cause.message : "unknown error") };
	}
}

const READ_ERRORS: Readonly<Record<string, string>> = {
	ENOENT: "no such file",
	EACCES: "permission denied",
	EISDIR: "it is a directory",
};

function notAMap(file: string, value: unknown): SourceFault {
	const at = { place: { file, line: 1, column: 1 }, path: [] };
	if (value === null)
		return { ...at, message: "the file is empty", hint: "Start with a model_list; see config.example.yaml." };
	const message = "the file must hold a map of options such as model_list";
	return { ...at, message, hint: "See config.example.yaml." };
}

interface Includes {
	readonly files: readonly (readonly [index: number, name: string])[];
	readonly faults: readonly SourceFault[];
}

function includedFiles(map: PlainMap, file: string, sources: SourceMap): Includes {
	const include = map["include"];
	if (include === undefined || include === null) return { files: [], faults: [] };
	const hint = "Write include: [other.yaml].";
	const place = (path: Path) => sources.locate(map, path)?.value ?? { file, line: 1, column: 1 };
	if (!Array.isArray(include)) {
		const fault = { place: place(["include"]), path: ["include"], message: "expected a list of file names", hint };
		return { files: [], faults: [fault] };
	}
	const files: [number, string][] = [];
	const faults: SourceFault[] = [];
	for (const [index, name] of include.entries()) {
		const path = ["include", index];
		if (typeof name === "string" && name !== "") files.push([index, name]);
		else faults.push({ place: place(path), path, message: "expected a file name", hint });
	}
	return { files, faults };
}

function mergeMaps(main: PlainMap, other: PlainMap, sources: SourceMap): PlainMap {
	const merged = copyOf(main, sources);
	for (const [key, value] of Object.entries(other)) {
		const own = merged[key];
		if (own === undefined || own === null) {
			merged[key] = value;
			sources.copy(other, key, merged);
		} else if (Array.isArray(own) && Array.isArray(value)) merged[key] = joinLists(own, value, sources);
		else if (isPlainMap(own) && isPlainMap(value)) merged[key] = mergeMaps(own, value, sources);
	}
	return merged;
}

function joinLists(main: readonly unknown[], other: readonly unknown[], sources: SourceMap): unknown[] {
	const joined = [...main, ...other];
	for (const index of main.keys()) sources.copy(main, index, joined);
	for (const index of other.keys()) sources.copy(other, index, joined, main.length + index);
	return joined;
}

function copyOf(map: PlainMap, sources: SourceMap): PlainMap {
	const copy = Object.assign(emptyMap(), map);
	for (const key of Object.keys(map)) sources.copy(map, key, copy);
	return copy;
}
