// YAML text → plain values that remember where in which file they stand. Leaves their meaning to the rest of the folder.
import {
	isAlias,
	isMap,
	isScalar,
	isSeq,
	LineCounter,
	type Node,
	parseDocument,
	type Scalar,
	visit,
	type YAMLMap,
} from "yaml";
import { type Anchors, countWrittenOut } from "./written-out.ts";

/** A place in a file, 1-based. */
interface Place {
	readonly file: string;
	readonly line: number;
	readonly column: number;
}

/** Where a map's or list's entry stands: its key (for a list item, the item) and its value. */
export interface EntryPlaces {
	readonly key: Place;
	readonly value: Place;
}

/** Steps from the root of a configuration to a value. */
export type Path = readonly (string | number)[];

/** A YAML map, as plain data. Has no prototype, so that no key is special. */
export type PlainMap = Record<string, unknown>;

/** A fault found while reading one file's text. */
export interface SourceFault {
	readonly place: Place;
	readonly path: Path;
	readonly message: string;
	readonly hint: string;
}

/** Remembers where the entries of plain maps and lists stand, and what their values were taken from. */
export class SourceMap {
	readonly #places = new WeakMap<object, Map<string, EntryPlaces>>();
	readonly #origins = new WeakMap<object, Map<string, string>>();

	mark(container: object, key: string | number, places: EntryPlaces): void {
		let entries = this.#places.get(container);
		if (entries === undefined) {
			entries = new Map();
			this.#places.set(container, entries);
		}
		entries.set(String(key), places);
	}

	/** The entry itself, or null when it was not read from a file. */
	entry(container: object, key: string | number): EntryPlaces | null {
		return this.#places.get(container)?.get(String(key)) ?? null;
	}

	/** Says that an entry of `to` stands where an entry of `from` does. */
	copy(from: object, key: string | number, to: object, newKey = key): void {
		const places = this.entry(from, key);
		if (places !== null) this.mark(to, newKey, places);
	}

	/** Says that an entry's value did not come from the file's text, but from `origin` (such as `env NAME`). */
	markOrigin(container: object, key: string | number, origin: string): void {
		let origins = this.#origins.get(container);
		if (origins === undefined) {
			origins = new Map();
			this.#origins.set(container, origins);
		}
		origins.set(String(key), origin);
	}

	origin(container: object, key: string | number): string | null {
		return this.#origins.get(container)?.get(String(key)) ?? null;
	}

	/** The places of the entry at `path` below `root`, or of the deepest existing entry on the way there. */
	locate(root: unknown, path: Path): EntryPlaces | null {
		let value = root;
		let found: EntryPlaces | null = null;
		for (const step of path) {
			if (typeof value !== "object" || value === null) break;
			const entry = this.entry(value, step);
			if (entry === null) break;
			found = entry;
			value = (value as Record<string | number, unknown>)[step];
		}
		return found;
	}
}

export function isPlainMap(value: unknown): value is PlainMap {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An empty map without a prototype. */
export function emptyMap(): PlainMap {
	return Object.create(null) as PlainMap;
}

/** What one file holds. `value` is undefined when its syntax is broken. */
export interface SourceFile {
	readonly value: unknown;
	readonly faults: readonly SourceFault[];
	/** Entries of the file's map that others take their values from by an alias. */
	readonly templates: readonly string[];
}

/** Reads one YAML document and records its places. Never throws: faults are returned, with their places. */
export function readYaml(text: string, file: string, sources: SourceMap): SourceFile {
	const lines = new LineCounter();
	const document = text.length > MOST_CHARACTERS ? null : parsed(text, lines);
	if (document === null) {
		const message = text.length > MOST_CHARACTERS ? TOO_LARGE : TOO_DEEP;
		const fault = { place: { file, line: 1, column: 1 }, path: [], message, hint: "" };
		return { value: undefined, faults: [fault], templates: [] };
	}
	const placeOf = (offset: number): Place => {
		const { line, col } = lines.linePos(offset);
		return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
	};
	const faults: SourceFault[] = [];
	let broken = false;
	for (const error of [...document.errors, ...document.warnings]) {
		const place = placeOf(error.pos[0]);
		broken = true;
		if (STACK_FULL.test(error.message)) {
			faults.push({ place, path: [], message: TOO_DEEP, hint: "" });
			break;
		}
		// The quoted tail of a message repeats the file's text, which may be a secret.
		const message = error.message.replace(/: ".*$/s, "").replace(/; please use .*$/s, "");
		faults.push({ place, path: [], message: `not valid YAML: ${message}`, hint: SYNTAX_HINTS[error.code] ?? "" });
		if (faults.length >= MAX_SYNTAX_FAULTS) break;
	}
	if (broken) return { value: undefined, faults, templates: [] };
	const { anchors, tooMuch } = countWrittenOut(document.contents);
	if (tooMuch !== null) {
		const place = placeOf(rangeOf(tooMuch.node)?.[0] ?? 0);
		return {
			value: undefined,
			faults: [...faults, { place, path: [], message: TOO_MUCH[tooMuch.why], hint: "" }],
			templates: [],
		};
	}
	for (const key of repeatedKeys(document.contents)) {
		const place = placeOf(key.range?.[0] ?? 0);
		faults.push({ place, path: [], message: "this key is given twice in the same map", hint: "Keep one of them." });
	}
	const reader = new Reader(anchors, sources, placeOf);
	const value = reader.read(document.contents, []);
	return {
		value: reader.faults.length > 0 ? undefined : value,
		faults: [...faults, ...reader.faults],
		templates: templatesOf(document.contents, anchors),
	};
}

function templatesOf(root: unknown, anchors: Anchors): readonly string[] {
	if (!isMap(root)) return [];
	const shared = new Set<unknown>(anchors.values());
	const names: string[] = [];
	for (const { key, value } of root.items) {
		let isShared = false;
		visit(value as Node | null, (_, node) => {
			isShared ||= shared.has(node);
			return isShared ? visit.BREAK : undefined;
		});
		if (isShared && isScalar(key)) names.push(String(key.value));
	}
	return names;
}

/** Later keys that an earlier one of the same map equals. The parser's own check compares every key with every other. */
function repeatedKeys(root: unknown): readonly Scalar[] {
	const repeated: Scalar[] = [];
	visit(root as Node | null, {
		Map(_, { items }) {
			const seen = new Set<unknown>();
			for (const { key } of items) {
				if (!isScalar(key)) continue;
				if (seen.has(key.value) && repeated.length < MAX_FAULTS) repeated.push(key);
				seen.add(key.value);
			}
		},
	});
	return repeated;
}

/** A thousand deployments take half a million characters. */
const MOST_CHARACTERS = 8 * 1024 * 1024;
const MAX_SYNTAX_FAULTS = 10;
/** Of one kind in one file. */
const MAX_FAULTS = 100;
const STACK_FULL = /maximum call stack/i;
const TOO_LARGE = "the file is larger than 8 MiB";
const TOO_DEEP = "the file's maps and lists are nested too deeply";
const TOO_MUCH = { depth: TOO_DEEP, added: "the file is too large once its aliases are written out" };

/** null when it is nested so deeply that the parser gives up. */
function parsed(text: string, lineCounter: LineCounter) {
	try {
		return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, resolveKnownTags: false });
	} catch (error) {
		if (error instanceof RangeError) return null;
		throw error;
	}
}

/** Digits that a number would change: `007`, or more than it holds. Where a number is expected they are one all the same. */
function isDigits({ value, source }: Scalar): boolean {
	return typeof value === "number" && source !== undefined && /^\d+$/.test(source) && String(value) !== source;
}

function rangeOf(node: unknown) {
	return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : null;
}

const SYNTAX_HINTS: Readonly<Record<string, string>> = {
	TAB_AS_INDENT: "Indent with spaces.",
	MULTIPLE_DOCS: "Use one document per file, and 'include' for several files.",
	BLOCK_AS_IMPLICIT_KEY: "Quote a value that contains ': '.",
	BAD_SCALAR_START: "Quote the value.",
	TAG_RESOLVE_FAILED: "Remove the '!' tag, or quote a value that begins with '!'.",
};

class Reader {
	readonly faults: SourceFault[] = [];
	readonly #anchors: Anchors;
	readonly #sources: SourceMap;
	readonly #placeOf: (offset: number) => Place;
	readonly #open = new Set<Node>();

	constructor(anchors: Anchors, sources: SourceMap, placeOf: (offset: number) => Place) {
		this.#anchors = anchors;
		this.#sources = sources;
		this.#placeOf = placeOf;
	}

	read(node: unknown, path: Path): unknown {
		if (isScalar(node)) return isDigits(node) ? node.source : node.value;
		if (isAlias(node)) {
			const target = this.#anchors.get(node);
			if (target === undefined) return this.#fault(node, path, `no anchor '&${node.source}' stands before this alias`);
			return this.read(target, path);
		}
		if (!isMap(node) && !isSeq(node)) return null;
		if (this.#open.has(node)) return this.#fault(node, path, "this anchor contains an alias to itself");
		this.#open.add(node);
		const value = isMap(node) ? this.#readMap(node, path) : this.#readList(node.items, path);
		this.#open.delete(node);
		return value;
	}

	#readList(items: readonly unknown[], path: Path): unknown[] {
		const list: unknown[] = [];
		for (const [index, item] of items.entries()) {
			const place = this.#place(item);
			list.push(this.read(item, [...path, index]));
			this.#sources.mark(list, index, { key: place, value: place });
		}
		return list;
	}

	#readMap(node: YAMLMap, path: Path): PlainMap {
		const map = emptyMap();
		const merged: unknown[] = [];
		for (const { key, value } of node.items) {
			if (!isScalar(key)) {
				this.#fault(key, path, "a key must be plain text");
				continue;
			}
			const name = typeof key.value === "number" ? (key.source ?? String(key.value)) : String(key.value);
			if (name === "<<") {
				merged.push(value);
				continue;
			}
			map[name] = this.read(value, [...path, name]);
			const keyPlace = this.#place(key);
			// An empty value has no text of its own; its key is the place to look at.
			const hasText = isScalar(value) ? value.value !== null || value.source !== "" : value !== null;
			this.#sources.mark(map, name, { key: keyPlace, value: hasText ? this.#place(value) : keyPlace });
		}
		for (const value of merged) this.#merge(map, this.read(value, path));
		return map;
	}

	/** YAML's `<<`: entries of another map (or several) for keys the map does not have itself. */
	#merge(map: PlainMap, from: unknown): void {
		for (const other of Array.isArray(from) ? from : [from]) {
			if (!isPlainMap(other)) continue;
			for (const [name, value] of Object.entries(other)) {
				if (name in map) continue;
				map[name] = value;
				this.#sources.copy(other, name, map);
			}
		}
	}

	#place(node: unknown): Place {
		return this.#placeOf(rangeOf(node)?.[0] ?? 0);
	}

	#fault(node: unknown, path: Path, message: string): null {
		if (this.faults.length < MAX_FAULTS) this.faults.push({ place: this.#place(node), path, message, hint: "" });
		return null;
	}
}
