// How the built UI is served.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uiRoutes } from "./ui.ts";

let folder = "";

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "warmpath-ui-"));
	mkdirSync(join(folder, "assets"));
	writeFileSync(join(folder, "index.html"), "<!doctype html><title>page</title>");
	writeFileSync(join(folder, "assets", "index-abc123.js"), "export {};");
	writeFileSync(join(folder, "secret.env"), "KEY=1");
});

afterAll(() => rmSync(folder, { recursive: true }));

function get(path: string, headers: Record<string, string> = {}) {
	const app = uiRoutes(() => folder);
	app.onError((error) => new Response(error.message, { status: 404 }));
	return app.request(`http://gateway.test${path}`, { headers });
}

test("the page is served for every path of its own, never cached without asking, with a policy that allows nothing from elsewhere", async () => {
	for (const path of ["/ui/", "/ui/logs", "/ui/sessions/a%2Fb?key=1"]) {
		const response = await get(path);
		expect(response.status, path).toBe(200);
		expect(await response.text()).toContain("<title>page</title>");
		expect(response.headers.get("cache-control")).toBe("no-cache");
		const policy = response.headers.get("content-security-policy") ?? "";
		expect(policy).toContain("default-src 'none'");
		expect(policy).toContain("frame-ancestors 'none'");
		expect(policy).not.toMatch(/unsafe|https?:|\*/);
		expect(response.headers.get("x-content-type-options")).toBe("nosniff");
	}
	expect((await get("/ui")).headers.get("location")).toBe("/ui/");
});

test("files with a hash in their name are kept for ever, and compressed for who can read that", async () => {
	const plain = await get("/ui/assets/index-abc123.js");
	expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
	expect(plain.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
	expect(await plain.text()).toBe("export {};");
	const zipped = await get("/ui/assets/index-abc123.js", { "accept-encoding": "br, gzip" });
	expect(zipped.headers.get("content-encoding")).toBe("gzip");
	expect(zipped.headers.get("vary")).toBe("accept-encoding");
	expect(gunzipSync(Buffer.from(await zipped.arrayBuffer())).toString()).toBe("export {};");
});

test("a file that is not there is no page, and nothing but the UI's own kinds of files is given out", async () => {
	for (const path of ["/ui/assets/gone-1.js", "/ui/secret.env", "/ui/..%2fsecret.env"]) {
		const response = await get(path);
		expect(response.status, path).toBe(404);
	}
});

test("a checkout whose UI is not built says how to build it", async () => {
	const app = uiRoutes(() => null);
	app.onError((error) => new Response(error.message, { status: 404 }));
	expect(await (await app.request("http://gateway.test/ui/")).text()).toContain("npm run build");
});
