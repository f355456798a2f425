// The real Claude Code with a virtual key: it works, it is charged, and a spent or blocked key ends it at once instead of in retries.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { IN_MEMORY } from "../../src/db/location.ts";
import { openDatabase } from "../../src/db/open.ts";
import { claudeCodeHome } from "../claude-code.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";

const ready = inject("claudeCode");

test.skipIf(!ready.includes("current"))("Claude Code works with a virtual key until its budget is spent", async () => {
	await using database = await openDatabase(IN_MEMORY);
	await using world = await startWorld({ deployments: ["sim-1", "sim-2"], gateway: { database } });
	const admin = async (path: string, body: object) => {
		const headers = { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" };
		const answer = await fetch(`${world.gateway.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
		return (await answer.json()) as { readonly key: string };
	};
	const { key } = await admin("/key/generate", { key_alias: "dev", models: ["claude-*"], max_budget: 10 });
	await using home = await claudeCodeHome({
		form: "current",
		gatewayUrl: world.gateway.url,
		key,
		model: "claude-code",
	});
	const session = randomUUID();
	const first = await home.run({ prompt: "@@tools2@@ look around", session });
	expect(first).toMatchObject({ exitCode: 0, is_error: false, num_turns: 3 });

	const info = await fetch(`${world.gateway.url}/key/info`, { headers: { "x-api-key": key } });
	const shown = (await info.json()) as {
		readonly info: { readonly spend: number; readonly unpriced_requests: number };
	};
	expect(shown.info.spend).toBeGreaterThan(0);
	expect(shown.info.unpriced_requests).toBe(0);

	await admin("/key/update", { key, max_budget: 0.000001 });
	const before = world.messages().length;
	const started = performance.now();
	const spent = await home.run({ prompt: "go on", resume: session });
	expect(spent.is_error).toBe(true);
	expect(spent.result).toMatch(/Budget of the key 'dev' has been exceeded/);
	expect(world.messages().length).toBe(before);
	// Its own retries would have taken a minute and more.
	console.log(`a spent budget ends Claude Code after ${((performance.now() - started) / 1000).toFixed(1)} s`);

	await admin("/key/update", { key, max_budget: 10 });
	await admin("/key/block", { key });
	const blocked = await home.run({ prompt: "go on", resume: session });
	expect(blocked.is_error).toBe(true);
	expect(blocked.result).toMatch(/key 'dev' is blocked/);
});
