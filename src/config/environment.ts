// Replaces `os.environ/NAME` by the variable's value and remembers where it came from. Leaves judging the values to config/validate.
import type { Report } from "./report.ts";
import { emptyMap, isPlainMap, type Path, type PlainMap } from "./source.ts";

/** Values of `os.environ/NAME` and of the providers' variables. */
export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = "os.environ/";
const OTHER_FORMS = /^(os\.environ\b|\$\{[A-Za-z_]\w*\}$|\$[A-Z_][A-Z0-9_]*$)/;

/** A variable's value and what to call its source in messages. */
export interface Variable {
	readonly value: string;
	readonly origin: string;
}

/** Variables of the process, and under them those of the file's `environment_variables`. An empty variable counts as not set. */
export class Environment {
	readonly #env: Env;
	readonly #fromFile = new Map<string, Variable>();

	constructor(env: Env) {
		this.#env = env;
	}

	/** Makes `environment_variables` visible. Never changes the process's own environment, which wins, as in LiteLLM. */
	addSection(section: unknown, report: Report): void {
		if (!isPlainMap(section)) return;
		for (const [name, value] of Object.entries(section)) {
			if (typeof value === "object" || value === undefined) continue;
			const text = String(value);
			const place = report.placeText(["environment_variables", name]);
			if (!text.startsWith(REFERENCE))
				this.#fromFile.set(name, { value: text, origin: `environment_variables at ${place}` });
			else {
				const variable = this.find(text.slice(REFERENCE.length));
				if (variable !== null) this.#fromFile.set(name, variable);
			}
		}
	}

	find(name: string): Variable | null {
		const own = this.#env[name];
		if (own !== undefined && own !== "") return { value: own, origin: `env ${name}` };
		const variable = this.#fromFile.get(name);
		return variable === undefined || variable.value === "" ? null : variable;
	}

	/** The first of several variables that is set. */
	findFirst(names: readonly string[]): Variable | null {
		for (const name of names) {
			const variable = this.find(name);
			if (variable !== null) return variable;
		}
		return null;
	}
}

/** True for text that still refers to a variable: one that is missing, and is reported already. */
export function isUnresolved(value: unknown): boolean {
	return typeof value === "string" && OTHER_FORMS.test(value);
}

/** A copy of the report's values with every reference replaced. Each missing variable is a fault; its reference stays. */
export function resolveReferences(report: Report, environment: Environment): PlainMap {
	const sources = report.sources;
	const resolveValue = (value: unknown, path: Path): unknown => {
		if (Array.isArray(value)) {
			const list: unknown[] = [];
			for (const [index, item] of value.entries()) {
				sources.copy(value, index, list);
				list.push(resolveEntry(item, [...path, index], list));
			}
			return list;
		}
		if (!isPlainMap(value)) return value;
		const map = emptyMap();
		for (const [key, item] of Object.entries(value)) {
			// An option without a value is an option that is not given.
			if (item === null) continue;
			sources.copy(value, key, map);
			map[key] = resolveEntry(item, [...path, key], map);
		}
		return map;
	};
	const resolveEntry = (value: unknown, path: Path, container: object): unknown => {
		if (typeof value !== "string") return resolveValue(value, path);
		if (!value.startsWith(REFERENCE)) {
			if (OTHER_FORMS.test(value)) reportForm(value, path, report);
			return value;
		}
		const name = value.slice(REFERENCE.length);
		const variable = environment.find(name);
		if (variable === null) {
			reportMissing(name, path, report);
			return value;
		}
		sources.markOrigin(container, path.at(-1) ?? 0, variable.origin);
		return variable.value;
	};
	const { environment_variables: _, ...rest } = report.root as PlainMap;
	const root = Object.assign(emptyMap(), rest);
	for (const key of Object.keys(root)) sources.copy(report.root as PlainMap, key, root);
	return resolveValue(root, []) as PlainMap;
}

function reportMissing(name: string, path: Path, report: Report): void {
	if (name === "") {
		report.fault({ path, message: "os.environ/ names no variable", hint: "Write os.environ/NAME." });
		return;
	}
	const subject = deploymentName(path, report);
	report.fault({
		path,
		message: `the environment variable ${name} is not set${subject === "" ? "" : ` (${subject})`}`,
		hint: `Set it before starting: export ${name}=…, or give it under environment_variables.`,
	});
}

function reportForm(value: string, path: Path, report: Report): void {
	const name = /[A-Za-z_][A-Za-z0-9_]*/.exec(value.replace(/^os\.environ/, ""))?.[0] ?? "NAME";
	report.fault({
		path,
		message: "environment variables are not written this way here",
		hint: `Write os.environ/${name}.`,
	});
}

/** `deployment 2 of model_list, 'claude-code'`, for a path inside a deployment. */
function deploymentName(path: Path, report: Report): string {
	const [section, index] = path;
	if (section !== "model_list" || typeof index !== "number") return "";
	const group = report.value(["model_list", index, "model_name"]);
	return `deployment ${index + 1} of model_list${typeof group === "string" ? `, '${group}'` : ""}`;
}
