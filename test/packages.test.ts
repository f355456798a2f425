// What the package brings along for its users: nothing that it does not use, everything that it does.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

interface Manifest {
	readonly dependencies: Readonly<Record<string, string>>;
	readonly devDependencies: Readonly<Record<string, string>>;
	readonly peerDependencies: Readonly<Record<string, string>>;
}

const read = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
const manifest = read("package.json") as Manifest;

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(["'])([^"'\n]+)\1/g;
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

/** Files of src/ that are shipped. */
const shipped = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter(
	(path) => /\.(ts|js|mjs)$/.test(path) && !/\.test\.ts$|__fixtures__/.test(path),
);

/** Names of the packages that a file imports. */
function packagesOf(text: string): string[] {
	return [...text.replace(COMMENT, "").matchAll(IMPORT)]
		.map(([, , specifier = ""]) => specifier)
		.filter((specifier) => !/^(\.|\/|node:)/.test(specifier) && !builtinModules.includes(specifier))
		.map((specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/"));
}

const imported = new Set(shipped.flatMap((path) => packagesOf(readFileSync(join(ROOT, "src", path), "utf8"))));

test("every production dependency is imported by what is shipped", () => {
	expect(Object.keys(manifest.dependencies).filter((name) => !imported.has(name))).toEqual([]);
});

test("every package that is imported by what is shipped is a dependency, or a peer that the user brings", () => {
	const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
	expect([...imported].filter((name) => !Object.hasOwn(declared, name))).toEqual([]);
});

test("no package is declared twice", () => {
	const both = Object.keys(manifest.dependencies).filter((name) => Object.hasOwn(manifest.devDependencies, name));
	expect(both).toEqual([]);
});

test("the lock file says the same as the manifest, and names every optional platform package", () => {
	const lock = read("package-lock.json") as {
		readonly packages: Readonly<Record<string, Manifest & { readonly optionalDependencies?: object }>>;
	};
	expect(lock.packages[""]).toMatchObject({
		dependencies: manifest.dependencies,
		devDependencies: manifest.devDependencies,
	});
	for (const [path, entry] of Object.entries(lock.packages)) {
		for (const name of Object.keys(entry.optionalDependencies ?? {})) {
			if (!/(linux|darwin|win32)-(x64|arm64)/.test(name)) continue;
			const nested = `${path}/node_modules/${name}`;
			expect([name, nested in lock.packages || `node_modules/${name}` in lock.packages]).toEqual([name, true]);
		}
	}
});

test("imports are found in every form in use, and not in comments", () => {
	const text = `import a from "one";\nimport type { B } from "@scope/two/deep";\nconst c = await import("three");\n// from "four"\nexport * from './five.ts';\nimport "node:fs";\nimport 'six';`;
	expect(packagesOf(text)).toEqual(["one", "@scope/two", "three", "six"]);
});
