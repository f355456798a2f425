// Why a role's last messages are marked and not its first, against simulated caches: docs/decisions/2026-11-22-a-roles-last-messages-are-marked.md.
import { expect, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const TURNS = 12;
const EPHEMERAL = { type: "ephemeral" };

interface Usage {
	readonly input_tokens: number;
	readonly cache_read_input_tokens: number;
	readonly cache_creation_input_tokens: number;
}

interface Turn {
	readonly role: "user" | "assistant";
	readonly content: unknown;
}

/** A conversation whose user messages are long; `mark` is what the client does to each request's messages. */
async function converse(params: string, mark: (messages: readonly Turn[]) => readonly Turn[] = (all) => all) {
	await using simulator = await startSimulator({ deployments: [{ name: "a" }], speed: 0 });
	await using gateway = await startTestGateway(
		configFrom(`
model_list:
  - model_name: claude-code
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_base: ${simulator.url}, api_key: sk-sim-a${params} }
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
	);
	const messages: Turn[] = [];
	const usages: Usage[] = [];
	for (let turn = 0; turn < TURNS; turn += 1) {
		messages.push({ role: "user", content: `question ${turn}: ${"what does this part of the code do? ".repeat(120)}` });
		const body = JSON.stringify({ model: "claude-code", max_tokens: 50, messages: mark(messages) });
		const response = await gateway.post("/v1/messages", body, { "anthropic-version": "2023-06-01" });
		expect(response.status).toBe(200);
		usages.push(((await response.json()) as { usage: Usage }).usage);
		messages.push({ role: "assistant", content: `answer ${turn}` });
	}
	const sum = (of: (usage: Usage) => number) => usages.reduce((all, usage) => all + of(usage), 0);
	return {
		usages,
		read: sum((usage) => usage.cache_read_input_tokens),
		unread: sum((usage) => usage.input_tokens + usage.cache_creation_input_tokens),
	};
}

/** As LiteLLM does it. */
function markFirstFour(messages: readonly Turn[]): readonly Turn[] {
	const first = messages.filter(({ role }) => role === "user").slice(0, 4);
	return messages.map((message) =>
		first.includes(message)
			? { ...message, content: [{ type: "text", text: message.content, cache_control: EPHEMERAL }] }
			: message,
	);
}

test("with a point for users every turn reads all that the turn before wrote, and more than if their first four were marked", async () => {
	const last = await converse(", cache_control_injection_points: [{ location: message, role: user }]");
	let held = 0;
	for (const { cache_read_input_tokens: read, cache_creation_input_tokens: written } of last.usages) {
		expect(read).toBe(held);
		held = read + written;
	}
	const first = await converse("", markFirstFour);
	expect(last.read / first.read).toBeGreaterThan(1.5);
	expect(last.unread / first.unread).toBeLessThan(0.5);
});
