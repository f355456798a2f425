// The documentation holds together: links lead somewhere, options, commands and files that texts name exist.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSchema } from "../src/config/file.ts";
import { shapeAt } from "../src/config/validate.ts";
import { ERRORS } from "../src/errors.ts";

const ROOT = resolve(import.meta.dirname, "..");

const pages = [
	...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
	...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".md"))
		.map((name) => join("docs", name)),
].map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));

/** Without fenced code, which may hold anything. */
function prose(text: string): string {
	return text.replace(/^ *```[\s\S]*?^ *```/gm, "");
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchors(text: string): ReadonlySet<string> {
	const headings = [...prose(text).matchAll(/^#+ (.+)$/gm)];
	return new Set(
		headings.map(([, title = ""]) =>
			title
				.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
				.toLowerCase()
				.replace(/[^\p{L}\p{N}\- _]/gu, "")
				.replaceAll(" ", "-"),
		),
	);
}

/** What is wrong with a link of a page; null = nothing. */
function faultOf(page: string, link: string): string | null {
	const [file = "", anchor] = link.split("#");
	const target = file === "" ? join(ROOT, page) : resolve(ROOT, dirname(page), file);
	if (!existsSync(target)) return `${page}: ${link} leads nowhere`;
	if (relative(ROOT, target).startsWith("..")) return `${page}: ${link} leads out of the repository`;
	if (anchor === undefined || statSync(target).isDirectory()) return null;
	return anchors(readFileSync(target, "utf8")).has(anchor) ? null : `${page}: ${link} names no heading`;
}

function isOption(path: string): boolean {
	const steps = path.split(".");
	const last = steps.at(-1) ?? "";
	return last in (shapeAt(fileSchema, steps.slice(0, -1)) ?? {});
}

/** Options that a text names in full, by their section. */
function optionsIn(text: string): string[] {
	const found = text.matchAll(
		/(?<![.\w])((?:warmpath|router_settings|litellm_settings|general_settings)\.[a-z_]+(?:\.[a-z_]+)*)/g,
	);
	return [...found].map(([, path = ""]) => path).filter((path) => !/\.(?:db|service|ts|md|yaml|example)$/.test(path));
}

test("the pages are there", () => {
	expect(pages.map(({ path }) => path)).toEqual(expect.arrayContaining(["README.md", "docs/operations.md"]));
});

test("no relative link or image is dead, and every anchor is a heading", () => {
	const faults = pages.flatMap(({ path, text }) =>
		[...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
			.map(([, link = ""]) => link)
			.filter((link) => !/^[a-z]+:/.test(link))
			.map((link) => faultOf(path, link))
			.filter((fault) => fault !== null),
	);
	expect(faults).toEqual([]);
});

test("every page of docs/ is in its index", () => {
	const index = readFileSync(join(ROOT, "docs", "README.md"), "utf8");
	const names = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md") && name !== "README.md");
	expect(names.filter((name) => !index.includes(`(${name})`))).toEqual([]);
});

describe("options that are named in full exist", () => {
	test("in the pages", () => {
		const unknown = pages.flatMap(({ path, text }) =>
			optionsIn(text)
				.filter((option) => !isOption(option))
				.map((option) => `${path}: ${option}`),
		);
		expect(unknown).toEqual([]);
	});

	test("in the gateway's errors", () => {
		const texts = Object.values(ERRORS).map(({ message, hint }) => `${message} ${hint}`);
		const named = texts.flatMap(optionsIn);
		expect(named.length).toBeGreaterThan(4);
		expect(named.filter((option) => !isOption(option))).toEqual([]);
	});
});

test("scripts that the pages tell to run exist", () => {
	const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
		readonly scripts: Readonly<Record<string, string>>;
	};
	const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, name = ""]) => name));
	expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
});

test("commands that the pages tell to run exist", () => {
	const main = readFileSync(join(ROOT, "src", "main.ts"), "utf8");
	const commands = new Set([...main.matchAll(/\.(?:command|alias)\("([a-z]+)"/g)].map(([, name = ""]) => name));
	const told = pages.flatMap(({ path, text }) =>
		[...text.matchAll(/(?:^\s*\$? ?(?:npx )?|`(?:npx )?)warmpath ([a-z]+)\b/gm)].map(([, name = ""]) => ({
			path,
			name,
		})),
	);
	expect(told.length).toBeGreaterThan(20);
	expect(told.filter(({ name }) => !commands.has(name)).map(({ path, name }) => `${path}: warmpath ${name}`)).toEqual(
		[],
	);
});
