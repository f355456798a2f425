// A system Chromium for tests and screenshots, driven by playwright-core; every page watched for errors and for requests to elsewhere.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const PROGRAMS = [
	"/usr/bin/chromium",
	"/usr/bin/chromium-browser",
	"/usr/bin/google-chrome",
	"/opt/google/chrome/chrome",
];

/** Nothing of its own goes to the network. */
const FLAGS = [
	"--no-sandbox",
	"--disable-gpu",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

/**
 * Program of a Chromium; installed by apt where it is missing and we may (root, CI). null after a loud line where there is none; with
 * CI=true that throws: nothing may be skipped there.
 */
export function installChromium(): string | null {
	let found = findChromium();
	if (found === null && process.getuid?.() === 0 && process.env["CI"] === "true") {
		const options = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
		spawnSync("apt-get", ["update"], options);
		spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], options);
		found = findChromium();
	}
	if (found !== null) return found;
	if (process.env["CI"] === "true") throw new Error("Chromium is missing and could not be installed: CI skips nothing");
	process.stderr.write(
		"\n*** SKIPPED: tests of the UI, for Chromium is not installed (apt-get install chromium) ***\n\n",
	);
	return null;
}

function findChromium(): string | null {
	const named = process.env["CHROMIUM"];
	return [...(named === undefined ? [] : [named]), ...PROGRAMS].find((path) => existsSync(path)) ?? null;
}

export function startBrowser(program: string): Promise<Browser> {
	return chromium.launch({ executablePath: program, headless: true, args: FLAGS });
}

/** A page and what went wrong on it. */
export interface WatchedPage {
	readonly page: Page;
	/** Console errors, uncaught exceptions, and requests to other origins, in words. */
	readonly faults: string[];
}

export interface PageOptions {
	readonly origin: string;
	readonly width?: number;
	readonly height?: number;
	readonly theme?: "light" | "dark";
}

/** A page of a browser profile of its own. */
export async function openPage(browser: Browser, options: PageOptions): Promise<WatchedPage> {
	const { origin, width = 1280, height = 800, theme = "light" } = options;
	const context = await browser.newContext({
		viewport: { width, height },
		colorScheme: theme,
		reducedMotion: "reduce",
		deviceScaleFactor: 1,
		permissions: ["clipboard-read", "clipboard-write"],
	});
	const page = await context.newPage();
	const faults: string[] = [];
	page.on("console", (message) => {
		if (message.type() !== "error") return;
		// The browser reports every failed request of its own accord; those that are meant to fail are the tests' business.
		if (/Failed to load resource: .*\b40[0-9]\b/.test(message.text())) return;
		faults.push(`console: ${message.text()}`);
	});
	page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
	page.on("request", (request) => {
		const url = request.url();
		if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) faults.push(`request elsewhere: ${url}`);
	});
	return { page, faults };
}

/** A page of the admin UI, logged in with `key`. */
export async function enterUi(
	browser: Browser,
	{ path, key, ...options }: PageOptions & { readonly path: string; readonly key: string },
): Promise<WatchedPage> {
	const opened = await openPage(browser, options);
	await opened.page.goto(`${options.origin}/ui${path}`);
	await opened.page.getByLabel("Key").fill(key);
	await opened.page.getByRole("button", { name: "Log in" }).click();
	await opened.page.locator("main h1").waitFor();
	return opened;
}
