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
			if (found.text !== null) {
				merged = mergeMaps(merged, this.read(path, found.text, [...chain, resolve(path)]), this.#sources);
				continue;
			}
			const place = this.#sources.locate(map, ["include", index])?.value ?? { file, line: 1, column: 1 };
			this.faults.push({ place, path: ["include", index], message: found.message, hint: found.hint });
		}
		return without(merged, "include", this.#sources);
	}

	#open(
		name: string,
		path: string,
		chain: readonly string[],
	): { text: string } | { text: null; message: string; hint: string } {
		const known = resolve(path);
		if (chain.includes(known)) {
			const steps = [...chain.slice(chain.indexOf(known)), known].map((step) => basename(step));
			return {
				text: null,
				message: `'${name}' includes itself: ${steps.join(" → ")}`,
				hint: "Remove one of these includes.",
			};
		}
		if (this.#seen.has(known)) {
			return {
				text: null,
				message: `'${name}' is included twice`,
				hint: "Its entries would be doubled; keep one include.",
			};
		}
		this.#seen.add(known);
		const content = readText(this.#readFile, path);
		if (content.text !== null) return content;
		this.complete = false;
		const hint = "Paths are relative to the including file.";
		return { text: null, message: `'${name}' cannot be read: ${content.reason}`, hint };
	}
}

/** A file's text, or why it cannot be had. */
export function readText(
	readFile: ReadFile,
	path: string,
): { text: string; reason: "" } | { text: null; reason: string } {
	try {
		return { text: readFile(path), reason: "" };
	} catch (cause) {
		const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
		return { text: null, reason: READ_ERRORS[code] ?? (cause instanceof Error ? cause.message : "unknown error") };
	}
}

const READ_ERRORS: Readonly<Record<string, string>> = {
	ENOENT: "no such file",
	EACCES: "permission denied",
	EISDIR: "it is a directory",
};

function notAMap(file: string, value: unknown): SourceFault {
	const place = { file, line: 1, column: 1 };
	if (value === null) {
		return { place, path: [], message: "the file is empty", hint: "Start with a model_list; see config.example.yaml." };
	}
	return {
		place,
		path: [],
		message: "the file must hold a map of options such as model_list",
		hint: "See config.example.yaml.",
	};
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
	const merged = emptyMap();
	for (const [key, value] of Object.entries(main)) copyEntry({ from: main, to: merged, key }, value, sources);
	for (const [key, value] of Object.entries(other)) {
		const own = merged[key];
		if (own === undefined || own === null) copyEntry({ from: other, to: merged, key }, value, sources);
		else if (Array.isArray(own) && Array.isArray(value)) merged[key] = joinLists(own, value, sources);
		else if (isPlainMap(own) && isPlainMap(value)) merged[key] = mergeMaps(own, value, sources);
	}
	return merged;
}

function joinLists(main: readonly unknown[], other: readonly unknown[], sources: SourceMap): unknown[] {
	const joined: unknown[] = [];
	for (const list of [main, other]) {
		for (const [index, value] of list.entries()) {
			const places = sources.entry(list, index);
			if (places !== null) sources.mark(joined, joined.length, places);
			joined.push(value);
		}
	}
	return joined;
}

function without(map: PlainMap, name: string, sources: SourceMap): PlainMap {
	const rest = emptyMap();
	for (const [key, value] of Object.entries(map)) {
		if (key !== name) copyEntry({ from: map, to: rest, key }, value, sources);
	}
	return rest;
}

interface EntryCopy {
	readonly from: PlainMap;
	readonly to: PlainMap;
	readonly key: string;
}

function copyEntry(copy: EntryCopy, value: unknown, sources: SourceMap): void {
	copy.to[copy.key] = value;
	const places = sources.entry(copy.from, copy.key);
	if (places !== null) sources.mark(copy.to, copy.key, places);
}
