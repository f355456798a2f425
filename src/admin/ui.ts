// Serves the built admin UI at /ui: its files from memory, its one page for every other path below. Leaves what the page shows to ui/.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Context, Hono } from "hono";
import { GatewayError } from "../errors.ts";

/** Nothing from elsewhere, no inline script or style, no embedding: what a stolen or injected string could do is little. */
const POLICY = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self'",
	"connect-src 'self'",
	"base-uri 'none'",
	"form-action 'self'",
	"frame-ancestors 'none'",
].join("; ");

const SAFE_HEADERS = {
	"content-security-policy": POLICY,
	"x-content-type-options": "nosniff",
	"referrer-policy": "no-referrer",
	"cross-origin-opener-policy": "same-origin",
	"cross-origin-resource-policy": "same-origin",
	"permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
} as const;

const TYPES: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
};

/** Names under assets/ hold a hash of their content. */
const IMMUTABLE = "public, max-age=31536000, immutable";
const PAGE = "index.html";

interface UiFile {
	readonly type: string;
	readonly plain: Buffer;
	readonly zipped: Buffer;
	readonly cache: string;
}

/** Beside the built gateway, or below dist/ where it runs from its sources. */
export function builtUi(): string | null {
	const places = [join(import.meta.dirname, "..", "ui"), join(import.meta.dirname, "..", "..", "dist", "ui")];
	return places.find((place) => existsSync(join(place, PAGE))) ?? null;
}

/** The routes. Files are read once, on the first request; not_built where there are none. */
export function uiRoutes(folder: () => string | null): Hono {
	let files: ReadonlyMap<string, UiFile> | null = null;

	function file(name: string): UiFile | undefined {
		if (files === null) {
			const place = folder();
			if (place === null) throw new GatewayError("ui_not_built");
			files = readFiles(place);
		}
		return files.get(name);
	}

	return new Hono()
		.get("/ui", (c) => c.redirect("/ui/", 308))
		.get("/ui/*", (c) => {
			const name = c.req.path.slice("/ui/".length);
			const found = file(name === "" ? PAGE : name);
			if (found !== undefined) return send(c, found);
			// A path of the page's own, such as /ui/logs. A missing file is no page.
			const page = extname(name) === "" ? file(PAGE) : undefined;
			if (page === undefined) throw new GatewayError("not_found", { method: c.req.method, path: c.req.path });
			return send(c, page);
		});
}

function send(c: Context, { type, plain, zipped, cache }: UiFile): Response {
	const zip = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
	const body = zip ? zipped : plain;
	return new Response(new Uint8Array(body), {
		headers: {
			...SAFE_HEADERS,
			"content-type": type,
			"content-length": String(body.length),
			"cache-control": cache,
			vary: "accept-encoding",
			...(zip ? { "content-encoding": "gzip" } : {}),
		},
	});
}

function readFiles(folder: string): ReadonlyMap<string, UiFile> {
	const files = new Map<string, UiFile>();
	for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
		const type = TYPES[extname(entry.name)];
		if (!entry.isFile() || type === undefined) continue;
		const path = join(entry.parentPath, entry.name);
		const name = path.slice(folder.length + 1).replaceAll("\\", "/");
		const plain = readFileSync(path);
		const cache = name.startsWith("assets/") ? IMMUTABLE : "no-cache";
		files.set(name, { type, plain, zipped: gzipSync(plain, { level: 9 }), cache });
	}
	return files;
}
