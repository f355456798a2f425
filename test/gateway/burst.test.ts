// Parallel cold requests over one prefix, through real sockets onto simulated caches whose entries are readable only after a first event.
import { expect, test } from "vitest";
import { startWorld } from "../harness.ts";

const HEADERS = { "anthropic-version": "2023-06-01" };
const BURST = 100;
const BOUND_MS = 20_000;

function body(n: number): string {
	return JSON.stringify({
		model: "claude-code",
		max_tokens: 20,
		stream: true,
		messages: [
			{
				role: "user",
				content: [
					{ type: "text", text: "shared context of all agents. ".repeat(6_700), cache_control: { type: "ephemeral" } },
					{ type: "text", text: `task ${n}` },
				],
			},
		],
	});
}

test("a burst of 100 over one cold prefix of 50k tokens writes it at most twice, and nobody waits past the bound", async () => {
	await using world = await startWorld({
		deployments: ["a", "b", "c"],
		simulator: { speed: 1, latency: { baseMs: 300, prefillRate: 1e9, restoreRate: 1e9, decodeRate: 1e9 } },
		extra: `warmpath: { listen: { port: 0 }, routing: { burst_gate: { enabled: true, max_wait: ${BOUND_MS / 1000}s } } }\n`,
	});
	const waits = await Promise.all(
		Array.from({ length: BURST }, async (_, n) => {
			const response = await world.gateway.post("/v1/messages", body(n), HEADERS);
			expect(response.status).toBe(200);
			expect(await response.text()).toContain("event: message_stop");
			return Number(response.headers.get("x-warmpath-waited-ms") ?? 0);
		}),
	);
	const usages = world.messages().map((request) => request.usage);
	expect(usages.length).toBe(BURST);
	const writes = usages.filter((usage) => (usage?.write5m ?? 0) > 40_000).length;
	expect(writes).toBeGreaterThanOrEqual(1);
	expect(writes).toBeLessThanOrEqual(2);
	expect(Math.max(...waits)).toBeLessThanOrEqual(BOUND_MS);
	expect(Math.max(...waits)).toBeGreaterThan(0);
});

test("with the gate off the same burst follows its leader to one deployment but pays for every write that overlaps", async () => {
	await using world = await startWorld({
		deployments: ["a", "b", "c"],
		simulator: { speed: 1, latency: { baseMs: 300, prefillRate: 1e9, restoreRate: 1e9, decodeRate: 1e9 } },
		extra: "warmpath: { listen: { port: 0 }, routing: { burst_gate: { enabled: false } } }\n",
	});
	await Promise.all(
		Array.from({ length: 10 }, async (_, n) => {
			const response = await world.gateway.post("/v1/messages", body(n), HEADERS);
			expect(response.headers.get("x-warmpath-waited-ms")).toBeNull();
			await response.text();
		}),
	);
	const writes = world.messages().filter((request) => (request.usage?.write5m ?? 0) > 40_000).length;
	expect(writes).toBeGreaterThan(2);
	expect(new Set(world.messages().map((request) => request.deployment)).size).toBe(1);
});
