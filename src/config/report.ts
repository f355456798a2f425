// Collects what is wrong or remarkable in a configuration, with its place, and writes it for people. Leaves finding it to the others.
import { type EntryPlaces, isPlainMap, type Path, type SourceFault, type SourceMap } from "./source.ts";

/** Something to tell the operator about the file: a fault (serious) or a warning. */
export interface Diagnostic {
	readonly severity: "error" | "warning";
	readonly file: string;
	/** 1-based; 0 when the place is unknown. */
	readonly line: number;
	readonly column: number;
	/** Dotted path, `model_list.0.litellm_params.model`. */
	readonly path: string;
	readonly message: string;
	/** What to do about it; may be empty. */
	readonly hint: string;
}

/** One remark about the value at `path`. */
export interface Remark {
	readonly path: Path;
	readonly message: string;
	readonly hint?: string;
	/** Point at the option's name instead of its value. */
	readonly at?: "key" | "value";
}

const SECRET_OPTION = /(_key|secret\w*|token|password|credentials|_key_id|authorization|extra_headers)(_\d+)?$/i;

/** Whether an option's value must never be printed, by the option's name. */
export function isSecretOption(name: string): boolean {
	return SECRET_OPTION.test(name);
}

const LOOKS_LIKE_KEY = /\bsk-[\w-]{6,}/g;
const SHORTEST_HIDDEN = 6;

/** Faults and warnings of one configuration. No text it holds contains a secret of that configuration. */
export class Report {
	readonly sources: SourceMap;
	readonly #file: string;
	readonly #secrets = new Set<string>();
	readonly #diagnostics: Diagnostic[] = [];
	#root: unknown;

	constructor(file: string, sources: SourceMap) {
		this.#file = file;
		this.sources = sources;
	}

	/** The values that remarks refer to; call it whenever they are replaced. */
	set root(root: unknown) {
		this.#root = root;
		this.#learnSecrets(root, "plain");
	}

	get root(): unknown {
		return this.#root;
	}

	/** The value at `path`, undefined when there is none. */
	value(path: Path): unknown {
		let value: unknown = this.#root;
		for (const step of path) {
			if (typeof value !== "object" || value === null) return undefined;
			value = (value as Record<string | number, unknown>)[step];
		}
		return value;
	}

	fault(remark: Remark): void {
		this.#add("error", remark);
	}

	warn(remark: Remark): void {
		this.#add("warning", remark);
	}

	/** A fault of the text itself, found before there were values to refer to. */
	sourceFault(fault: SourceFault): void {
		this.#push("error", fault);
	}

	/** Places of the value at `path`, or of the nearest existing entry above it. */
	places(path: Path): EntryPlaces {
		const nowhere = { file: this.#file, line: 0, column: 0 };
		return this.sources.locate(this.#root, path) ?? { key: nowhere, value: nowhere };
	}

	/** `config.yaml:12:5` of the value at `path`. */
	placeText(path: Path): string {
		const { file, line, column } = this.places(path).value;
		return `${file}:${line}:${column}`;
	}

	/** What the value at `path` was taken from (`env NAME`), else where it stands. */
	originText(path: Path): string {
		const container = this.value(path.slice(0, -1));
		const isContainer = typeof container === "object" && container !== null;
		const origin = isContainer ? this.sources.origin(container, path.at(-1) ?? "") : null;
		return origin ?? this.placeText(path);
	}

	/** Everything of one severity, or all, in file order. */
	list(severity: Diagnostic["severity"] | "all"): Diagnostic[] {
		const found = this.#diagnostics.filter((diagnostic) => severity === "all" || diagnostic.severity === severity);
		const files = [...new Set(found.map((diagnostic) => diagnostic.file))];
		return found.sort(
			(a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
		);
	}

	#add(severity: Diagnostic["severity"], remark: Remark): void {
		const place = this.places(remark.path)[remark.at ?? "value"];
		this.#push(severity, { place, path: remark.path, message: remark.message, hint: remark.hint ?? "" });
	}

	#push(severity: Diagnostic["severity"], fault: SourceFault): void {
		this.#diagnostics.push({
			severity,
			...fault.place,
			path: this.#hide(fault.path.join(".")),
			message: this.#hide(fault.message),
			hint: this.#hide(fault.hint),
		});
	}

	#hide(text: string): string {
		let hidden = text.replace(LOOKS_LIKE_KEY, "sk-***");
		for (const secret of this.#secrets) hidden = hidden.replaceAll(secret, "***");
		return hidden;
	}

	#learnSecrets(value: unknown, kind: "plain" | "secret"): void {
		if (typeof value === "string" && kind === "secret" && value.length >= SHORTEST_HIDDEN) {
			if (!value.startsWith("os.environ/")) this.#secrets.add(value);
		} else if (Array.isArray(value)) {
			for (const item of value) this.#learnSecrets(item, kind);
		} else if (isPlainMap(value)) {
			for (const [key, item] of Object.entries(value)) {
				this.#learnSecrets(item, isSecretOption(key) ? "secret" : kind);
			}
		}
	}
}

/** `file:line:column path: message`, and the hint in a line of its own. Holds no colour. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
	const { file, line, column, path, message, hint } = diagnostic;
	const place = line === 0 ? file : `${file}:${line}:${column}`;
	const subject = [place, path].filter((part) => part !== "").join(" ");
	return `${subject}: ${message}${hint === "" ? "" : `\n    ${hint}`}`;
}
