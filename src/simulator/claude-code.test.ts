import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { marked, words } from "./__fixtures__/bodies.ts";
import { type Simulator, startSimulator } from "./server.ts";

type Json = Record<string, unknown>;
type Turn = { role: string; content: unknown };

const TOOL = (name: string, more: Json = {}) => ({
	name,
	description: `${name} `.repeat(300),
	input_schema: { type: "object", properties: {} },
	...more,
});
const EFFORT = { output_config: { effort: "high" } };

/** How a version of Claude Code renders one conversation into a request. */
interface Client {
	readonly system: Json[];
	/** Messages as sent, from plain ones whose content is an array of unmarked blocks. */
	render(history: readonly Turn[]): Json[];
}

const blocks = (turn: Turn) => turn.content as Json[];
const withMark = (turn: Turn): Json => ({
	...turn,
	content: [...blocks(turn).slice(0, -1), marked(blocks(turn).at(-1) ?? {})],
});
/** The string form that a lone text block takes once its message is no longer the last. */
const settled = (turn: Turn): Json => {
	const [only, ...rest] = blocks(turn);
	return { ...turn, content: rest.length === 0 && only?.["type"] === "text" ? only["text"] : turn.content };
};
const IDENTITY = marked(words("identity", 20));
const MAIN = marked(words("main prompt", 1_500));
const BILLING = { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.fa0; cc_entrypoint=sdk-cli;" };

/** One marker on the last message; a system message with settings after the first prompt. */
const CURRENT: Client = {
	system: [BILLING, IDENTITY, MAIN],
	render: (history) => {
		const [first, ...rest] = history;
		const environment = { role: "system", content: [words("environment", 2_000)], ...EFFORT } as Turn;
		const all = first === undefined ? [] : [first, environment, ...rest];
		return all.map((turn, index) => (index === all.length - 1 ? withMark(turn) : settled(turn)));
	},
};

/** The marker on the last user message; an unmarked system message follows it on the first turn. */
const TRAILING: Client = {
	system: [BILLING, IDENTITY, MAIN],
	render: (history) => {
		const environment = { role: "system", content: "environment ".repeat(500) };
		const rendered = history.map((turn, index) => (index === history.length - 1 ? withMark(turn) : settled(turn)));
		return [...rendered.slice(0, 1), environment, ...rendered.slice(1)];
	},
};

/** No attribution block, no system messages, and two markers that move together. */
const OLD: Client = {
	system: [IDENTITY, MAIN],
	render: (history) => history.map((turn, index) => (index >= history.length - 2 ? withMark(turn) : settled(turn))),
};

/** Runs `prompts` as a client with tools would; the usage of every model call. */
async function session(sim: Simulator, client: Client, prompts: readonly string[]): Promise<Anthropic.Usage[]> {
	const deployment = sim.deployments[0];
	const anthropic = new Anthropic({ baseURL: sim.url, apiKey: deployment?.apiKey ?? "", maxRetries: 0 });
	const history: Turn[] = [];
	const usages: Anthropic.Usage[] = [];
	for (const prompt of prompts) {
		const reminder = { type: "text", text: "<system-reminder>branch main</system-reminder>" };
		history.push({
			role: "user",
			content: [...(history.length === 0 ? [reminder] : []), { type: "text", text: prompt }],
		});
		for (let call = 0; call < 10; call += 1) {
			// A tool that was searched for appears in the middle of the list.
			const found = usages.length === 0 ? [] : [TOOL("WebFetch", { defer_loading: true })];
			const body = {
				model: "claude-opus-5-5",
				messages: client.render(history),
				system: client.system,
				tools: [TOOL("Agent"), TOOL("Bash"), ...found, TOOL("Read")],
				metadata: { user_id: JSON.stringify({ session_id: "s", call }) },
				max_tokens: 1_000,
				thinking: { type: "adaptive" },
				...EFFORT,
			};
			const message = await anthropic.messages.stream(body as unknown as Anthropic.MessageStreamParams).finalMessage();
			usages.push(message.usage);
			history.push({ role: "assistant", content: message.content.map((block) => ({ ...block })) });
			if (message.stop_reason !== "tool_use") break;
			const results = message.content.flatMap((block) =>
				block.type === "tool_use" ? [{ type: "tool_result", tool_use_id: block.id, content: "ok" }] : [],
			);
			history.push({ role: "user", content: results });
		}
	}
	return usages;
}

const prefixOf = (usage: Anthropic.Usage | undefined) =>
	(usage?.cache_read_input_tokens ?? 0) + (usage?.cache_creation_input_tokens ?? 0);

describe("a Claude Code session on one deployment", () => {
	it.each([
		["2.1.330", CURRENT],
		["2.1.197", TRAILING],
		["2.0.62", OLD],
	])("of version %s reads on every call what the call before had cached", async (_version, client) => {
		await using sim = await startSimulator({ deployments: [{ name: "a" }] });
		const usages = await session(sim, client, ["@@tools3@@ go", "@@parallel4@@ more", "and now?"]);
		expect(usages).toHaveLength(4 + 2 + 1);
		for (const [index, usage] of usages.entries()) {
			if (index > 0) expect(usage.cache_read_input_tokens).toBe(prefixOf(usages[index - 1]));
		}
		expect(usages.at(-1)?.cache_read_input_tokens).toBeGreaterThan(2_000);
	});

	it("loses its history to thirty parallel calls only where runs count block by block", async () => {
		const run = async (collapseRuns: boolean) => {
			await using sim = await startSimulator({ deployments: [{ name: "a" }], cache: { collapseRuns } });
			const [first, second] = await session(sim, CURRENT, ["@@parallel30@@ go"]);
			return (second?.cache_read_input_tokens ?? 0) === prefixOf(first);
		};
		expect(await run(true)).toBe(true);
		expect(await run(false)).toBe(false);
	});

	it("shares nothing with another session when the attribution block is part of the prompt", async () => {
		const other: Client = { ...CURRENT, system: [{ ...BILLING, text: `${BILLING.text} other` }, IDENTITY, MAIN] };
		const secondSession = async (stripBillingBlock: boolean) => {
			await using sim = await startSimulator({ deployments: [{ name: "a" }], prompt: { stripBillingBlock } });
			await session(sim, CURRENT, ["one"]);
			return (await session(sim, other, ["two"]))[0]?.cache_read_input_tokens;
		};
		expect(await secondSession(true)).toBeGreaterThan(1_500);
		expect(await secondSession(false)).toBe(0);
	});
});
