// Holds the structure of src/: who may import whom, no cycles, file sizes. The rules are design decisions; see ARCHITECTURE.md.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const SRC = join(ROOT, "src");

/**
 * Left may import right, `import type` included; every room may import itself and src/errors.ts. A name with a slash is one file.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
	main: ["commands"],
	index: ["library", "proxy/explain", "config/schema"],
	library: ["gateway", "proxy", "protocol", "config", "db", "telemetry"],
	commands: [
		"gateway",
		"config",
		"simulator",
		"replay",
		"telemetry",
		"requestlog",
		"access",
		"db",
		"admin/records/keys",
	],
	gateway: [
		"server",
		"admin",
		"config",
		"requestlog",
		"access",
		"db",
		"prompt",
		"providers",
		"proxy",
		"routing",
		"state",
		"telemetry",
	],
	server: ["proxy", "admin"],
	proxy: [
		"providers/provider",
		"routing",
		"prompt",
		"protocol",
		"pricing",
		"requestlog",
		"access",
		"telemetry",
		"config",
	],
	routing: ["cache", "prompt", "pricing", "state", "config/schema"],
	cache: ["config/schema"],
	prompt: ["protocol"],
	providers: ["protocol", "config/schema"],
	admin: ["routing", "cache", "requestlog", "access", "db", "pricing", "config", "telemetry"],
	simulator: ["protocol"],
	replay: ["routing", "cache", "prompt", "pricing", "state", "protocol/usage", "config"],
	pricing: ["protocol", "config/schema"],
	requestlog: ["cache", "db", "config/schema", "telemetry"],
	access: ["db"],
	db: ["telemetry"],
	config: [],
	state: [],
	protocol: [],
	telemetry: [],
	errors: [],
};

const MOST_LINES = 400;
/** Still longer; to be split. */
const LONGER = [
	"src/config/load.test.ts",
	"src/protocol/openai/upstream-forms.test.ts",
	"src/protocol/openai/upstream-messages.test.ts",
	"src/providers/errors/verdicts.test.ts",
	"test/gateway/openai-litellm.test.ts",
	"test/gateway/spending.test.ts",
];

/**
 * `a.b = () => …`. V8 makes a function that is written so in the old generation, where it outlives the request until the next full
 * collection, with all that it can reach: docs/decisions/2026-11-28-no-function-straight-into-a-property.md.
 */
const FUNCTION_INTO_PROPERTY =
	/(?:\.#?\w+|\])\s*(?:\?\?|\|\||&&)?=\s*(?:async\s*)?(?:function\b|\w+\s*=>|\([^()]*\)(?:\s*:[^=;]+)?\s*=>)/g;

interface SourceFile {
	/** Path below src without extension: `proxy/answer/relay`, `main`. */
	readonly name: string;
	readonly text: string;
	readonly imports: readonly string[];
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
	.filter((path) => /\.[tj]s$/.test(path) && !path.endsWith(".test.ts") && !path.includes("__fixtures__"))
	.map(sourceFile);

function sourceFile(path: string): SourceFile {
	const text = readFileSync(join(SRC, path), "utf8");
	const imports = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) =>
		withoutExtension(relative(SRC, resolve(SRC, dirname(path), match[1] ?? ""))),
	);
	return { name: withoutExtension(path), text, imports };
}

/** Names of the types that a text declares and exports; those that it only passes on are another file's. */
function exportedTypes(text: string): string[] {
	const declaration = /^export (?:declare )?(?:abstract )?(?:type|interface|class|enum) (\w+)/gm;
	return [...text.matchAll(declaration)].map(([, name = ""]) => name);
}

function withoutExtension(path: string): string {
	return path.replaceAll("\\", "/").replace(/\.[tj]s$/, "");
}

function room(name: string): string {
	return name.split("/")[0] ?? name;
}

function allowed(from: string, to: string): boolean {
	if (to === "errors" || room(from) === room(to)) return true;
	return (ALLOWED[room(from)] ?? []).some((target) => target === to || target === room(to));
}

test("the test sees the source files and their imports", () => {
	expect(files.length).toBeGreaterThan(20);
	expect(files.flatMap((file) => file.imports).length).toBeGreaterThan(50);
});

test("every room is in the table", () => {
	expect(files.map((file) => room(file.name)).filter((name) => !(name in ALLOWED))).toEqual([]);
});

test("ARCHITECTURE.md shows the same table", () => {
	const text = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
	const rows = [...text.matchAll(/^\| `(\w+)(?:\.ts|\/)` \|.*\| ([^|]+) \|$/gm)];
	const shown = rows.map(([, name = "", imports = ""]) => [name, imports === "–" ? [] : imports.split(", ").sort()]);
	expect(Object.fromEntries(shown)).toEqual(
		Object.fromEntries(Object.entries(ALLOWED).map(([name, targets]) => [name, [...targets].sort()])),
	);
});

test("no file imports what its room may not import", () => {
	const wrong = files.flatMap((file) =>
		file.imports.filter((target) => !allowed(file.name, target)).map((target) => `${file.name} → ${target}`),
	);
	expect(wrong).toEqual([]);
});

test("no import leads to a file that does not exist", () => {
	const names = new Set(files.map((file) => file.name));
	expect(files.flatMap((file) => file.imports.filter((target) => !names.has(target)))).toEqual([]);
});

test("the import graph has no cycle", () => {
	const edges = new Map(files.map((file) => [file.name, file.imports]));
	const done = new Set<string>();
	function visit(name: string, path: readonly string[]): readonly string[] | null {
		if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
		if (done.has(name)) return null;
		for (const next of edges.get(name) ?? []) {
			const cycle = visit(next, [...path, name]);
			if (cycle !== null) return cycle;
		}
		done.add(name);
		return null;
	}
	for (const file of files) expect(visit(file.name, [])).toBeNull();
});

test("only gateway names the providers, and nothing imports gateway but the command line and the library", () => {
	const importers = (target: string) => files.filter((file) => file.imports.includes(target)).map((file) => file.name);
	expect(importers("providers/index")).toEqual(["gateway"]);
	expect(importers("gateway").filter((name) => !/^(commands|library)\//.test(name))).toEqual([]);
});

test("the control plane's contract needs none of its other rooms, and the UI nothing of src/ but the contract's types", () => {
	const contract = files.filter(({ name }) => name.startsWith("admin/contract/"));
	expect(contract.length).toBeGreaterThan(5);
	const inner = contract.flatMap(({ imports }) => imports).filter((target) => room(target) === "admin");
	expect(inner.filter((target) => !target.startsWith("admin/contract/"))).toEqual([]);
	const ui = resolve(SRC, "..", "ui", "src");
	const pages = readdirSync(ui, { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path));
	const statements = pages.flatMap(
		(path) => readFileSync(join(ui, path), "utf8").match(/^import .*\/src\/.*$/gm) ?? [],
	);
	expect(statements.length).toBeGreaterThan(10);
	expect(statements.filter((line) => !/^import type .*"[./]+\/src\/admin\/contract\/\w+\.ts";$/.test(line))).toEqual(
		[],
	);
});

test("on the request path no function is written straight into a property", () => {
	const rooms = ["server", "proxy", "routing", "cache", "prompt", "providers", "protocol", "pricing", "db", "state"];
	const found = files
		.filter(({ name }) => rooms.includes(room(name)))
		.flatMap(({ name, text }) =>
			[...text.matchAll(FUNCTION_INTO_PROPERTY)].map(([match]) => `${name}: ${match.trim()}`),
		);
	expect(found).toEqual([]);
	const straight = ["this.#done = () => {", "a.b = async (x) => x", "a[key] ??= function () {", "a.b = x => x"];
	expect(straight.filter((line) => !line.match(FUNCTION_INTO_PROPERTY))).toEqual([]);
	const fine = ["const done = () => {", "a.b = done;", "{ b: () => {} }", "if (a.b === (c)) {", "a.b = (c + d) * e;"];
	expect(fine.filter((line) => line.match(FUNCTION_INTO_PROPERTY))).toEqual([]);
});

test("no two exported types share a name, the simulator's apart", () => {
	const places = new Map<string, string[]>();
	for (const { name, text } of files.filter((file) => room(file.name) !== "simulator")) {
		for (const type of exportedTypes(text)) places.set(type, [...(places.get(type) ?? []), name]);
	}
	expect(places.size).toBeGreaterThan(200);
	const shared = [...places].filter(([, names]) => names.length > 1);
	expect(shared.map(([type, names]) => `${type}: ${names.join(", ")}`)).toEqual([]);
	const forms = ["export type A = 1;", "export abstract class B {}", "export interface C<T> {}", "export enum D {}"];
	expect(exportedTypes(forms.join("\n"))).toEqual(["A", "B", "C", "D"]);
	expect(exportedTypes('type E = 1;\nexport type { F } from "./f.ts";\n// export type G')).toEqual([]);
});

test("a request's body and outline are written where it is prepared, and nowhere else", () => {
	const writes = /\b(?:exchange|preparing)\.(?:body|outline)\s*=[^=]/;
	const writers = files.filter(({ name, text }) => room(name) === "proxy" && writes.test(text));
	expect(writers.map(({ name }) => name)).toEqual(["proxy/prepare"]);
});

test(`no file is longer than ${MOST_LINES} lines, tests included`, () => {
	const paths = ["bench", "src", "test", "ui"].flatMap((folder) =>
		readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
	);
	const code = paths.filter((path) => /\.[cm]?[jt]sx?$/.test(path));
	expect(code.length).toBeGreaterThan(500);
	const lines = (path: string) => readFileSync(join(ROOT, path), "utf8").trimEnd().split("\n").length;
	expect(code.filter((path) => lines(path) > MOST_LINES && !LONGER.includes(path))).toEqual([]);
});
