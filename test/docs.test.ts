// The documentation holds together: links lead somewhere, options, commands and files that texts name exist.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
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

/** Page of docs/reference/ → what can be cited of it: numbers of headings (§), and of rules and rows of tables. */
const references: ReadonlyMap<string, ReadonlySet<string>> = new Map(
	pages
		.filter(({ path }) => dirname(path) === join("docs", "reference") && basename(path) !== "README.md")
		.map(({ path, text }) => [
			basename(path, ".md"),
			new Set([
				...[...text.matchAll(/^#+ (\d+(?:\.\d+)*)\.? /gm)].map(([, number]) => `§${number}`),
				...[...text.matchAll(/^\| (\d+(?:\.\d+)+) \|/gm)].map(([, number]) => `§${number}`),
				...[...text.matchAll(/^\| (R\d+) \|/gm)].map(([, rule = ""]) => rule),
			]),
		]),
);

const CITED = "(?:§[0-9A-Z]+(?:\\.\\d+)*|(?<![\\w-])R\\d{1,2}(?![\\w-]))";
const CITATION = new RegExp(
	`(?:(RFC \\d+|\\b[a-z]+(?:-[a-z]+)*) )?(${CITED}(?:(?:, and |, | and | to )${CITED})*)`,
	"g",
);
/** Notes that comments cited before they were rewritten as docs/reference/. */
const NOT_HERE = /\b(?:caching-semantics|claude-code-client|style-anchors)\b|\b(?:design|peers|landscape)\.md\b/g;

/** Text whose lines are one, so that a citation may be broken like any other words of a comment. */
function joined(text: string): string {
	return text.replace(/\n[ \t]*(?:\*|\/\/|#)?[ \t]*/g, " ");
}

/** What is wrong with the citations of a file. Within a page of docs/reference/, a bare number is the page's own. */
function citationFaults(path: string, text: string): string[] {
	const own = dirname(path) === join("docs", "reference") ? references.get(basename(path, ".md")) : undefined;
	const faults = [...text.matchAll(NOT_HERE)].map(([name]) => `${path}: no document ${name}`);
	for (const [whole, source = "", list = ""] of joined(text).matchAll(CITATION)) {
		const known = references.get(source) ?? own;
		if (source.startsWith("RFC ")) continue;
		if (known === undefined) faults.push(`${path}: "${whole}" names no page of docs/reference/`);
		else
			for (const [cited] of list.matchAll(new RegExp(CITED, "g")))
				if (!known.has(cited)) faults.push(`${path}: ${source} has no ${cited}`);
	}
	return faults;
}

/** Every text of ours that may cite a page. */
function sources(): Array<{ readonly path: string; readonly text: string }> {
	const inRooms = ["src", "test", "bench", join("ui", "src"), "examples"].flatMap((room) =>
		readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" })
			.filter((name) => /\.(?:tsx?|mjs|css|yaml|md)$/.test(name) && !/(?:^|\/)node_modules\//.test(name))
			.map((name) => join(room, name)),
	);
	const others = inRooms
		.filter((path) => path !== join("test", "docs.test.ts"))
		.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
	return [...pages, ...others];
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

test("every page of docs/reference/ is in its index", () => {
	const index = readFileSync(join(ROOT, "docs", "reference", "README.md"), "utf8");
	expect([...references.keys()].filter((name) => !index.includes(`(${name}.md)`))).toEqual([]);
});

describe("a citation names a page of docs/reference/ and a section or rule that is there", () => {
	test("in sources, tests and pages", () => {
		const texts = sources();
		const cited = texts.flatMap(({ text }) => [...joined(text).matchAll(CITATION)]);
		expect(cited.length).toBeGreaterThan(150);
		expect(texts.flatMap(({ path, text }) => citationFaults(path, text))).toEqual([]);
	});

	test.each([
		["// Lives so long (prompt-caching R6, §4; RFC 9110 §5.1).", 0],
		["/** Rows have numbers too: routing-model §5.2 and §5.3. */", 0],
		["// A line ends in the middle (providers\n// §2).", 0],
		["// As R6 says.", 1],
		["// (prompt-caching R99, §98)", 2],
		["// (design §7.2)", 1],
		["// (caching-semantics §7)", 2],
		["// See the landscape.md of the time.", 1],
	])("%j has so many faults: %i", (text, faults) => {
		expect(citationFaults("src/example.ts", text)).toHaveLength(faults);
	});
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

test("scripts that the pages say to run exist", () => {
	const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
		readonly scripts: Readonly<Record<string, string>>;
	};
	const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, name = ""]) => name));
	expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
});

test("commands that the pages say to run exist", () => {
	const main = readFileSync(join(ROOT, "src", "main.ts"), "utf8");
	const commands = new Set([...main.matchAll(/\.(?:command|alias)\("([a-z]+)"/g)].map(([, name = ""]) => name));
	const shown = pages.flatMap(({ path, text }) =>
		[...text.matchAll(/(?:^\s*\$? ?(?:npx )?|`(?:npx )?)warmpath ([a-z]+)\b/gm)].map(([, name = ""]) => ({
			path,
			name,
		})),
	);
	expect(shown.length).toBeGreaterThan(20);
	expect(shown.filter(({ name }) => !commands.has(name)).map(({ path, name }) => `${path}: warmpath ${name}`)).toEqual(
		[],
	);
});
