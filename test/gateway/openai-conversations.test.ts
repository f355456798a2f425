// Agents that speak Chat Completions and mark nothing, through real sockets, against Claude deployments with simulated prompt caches: the
// markers that the gateway puts in keep every conversation warm in one place.
import { expect, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const CONVERSATIONS = 16;
const TURNS = 12;
const MANUAL = "How this code base is built, tested and released. ".repeat(160);
const TOOLS = ["read_file", "write_file", "run"].map((name) => ({
	type: "function",
	function: {
		name,
		description: `${name}: ${"what it does, and when to use it. ".repeat(20)}`,
		parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
	},
}));

interface Completion {
	readonly choices: readonly { readonly message: Readonly<Record<string, unknown>> }[];
	readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
}

async function startMarking(params: string, deployments: readonly string[]) {
	const simulator = await startSimulator({ deployments: deployments.map((name) => ({ name })) });
	const entries = deployments.map(
		(id) => `  - model_name: claude-code
    litellm_params:
      model: anthropic/claude-sonnet-5-5
      api_base: ${simulator.url}
      api_key: sk-sim-${id}
      ${params}
    model_info: { id: ${id} }`,
	);
	const gateway = await startTestGateway(
		configFrom(
			`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n`,
		),
	);
	return {
		gateway,
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

/** One agent: a system prompt shared by its project, one tool call a turn, its result in the next. */
class Agent {
	readonly #messages: Readonly<Record<string, unknown>>[];
	readonly places: string[] = [];

	constructor(index: number) {
		this.#messages = [
			{ role: "system", content: `Project ${Math.floor(index / 2)}. ${MANUAL}` },
			{ role: "user", content: `Task ${index}: @@tools${TURNS}:read_file@@ ${"the details matter. ".repeat(40)}` },
		];
	}

	/** Sends the conversation and goes on with its answer; gives what was read from the cache, in tokens. */
	async turn(post: (body: string) => Promise<Response>): Promise<number> {
		const response = await post(
			JSON.stringify({ model: "claude-code", max_tokens: 400, tools: TOOLS, messages: this.#messages }),
		);
		expect(response.status).toBe(200);
		this.places.push(response.headers.get("x-litellm-model-id") ?? "");
		const { choices, usage } = (await response.json()) as Completion;
		const message = choices[0]?.message ?? {};
		this.#messages.push(message);
		const calls = (message["tool_calls"] ?? []) as readonly { readonly id: string }[];
		expect(calls).toHaveLength(1);
		for (const { id } of calls) {
			const content = `${id} holds ${"a line of code; ".repeat(60)}`;
			this.#messages.push({ role: "tool", tool_call_id: id, content });
		}
		return usage.prompt_tokens_details.cached_tokens;
	}
}

/** All conversations turn by turn, interleaved. */
async function runInterleaved(params: string, deployments: readonly string[]) {
	await using world = await startMarking(params, deployments);
	const agents = Array.from({ length: CONVERSATIONS }, (_, index) => new Agent(index));
	let read = 0;
	for (let turn = 0; turn < TURNS; turn += 1) {
		for (const agent of agents) read += await agent.turn((body) => world.gateway.post("/v1/chat/completions", body));
	}
	return { places: agents.map(({ places }) => places), read };
}

test.each([
	["points", "cache_control_injection_points: [{ location: message, role: system }, { location: message, index: -1 }]"],
	["the automatic mode", "cache_control: auto"],
])(
	"16 interleaved conversations of 12 turns, marked by %s, stay in one place each and share the load",
	async (_, params) => {
		const ceiling = await runInterleaved(params, ["only"]);
		const spread = await runInterleaved(params, ["a", "b", "c", "d"]);
		expect(spread.places.map((places) => new Set(places).size)).toEqual(spread.places.map(() => 1));
		console.log(`read ${spread.read} of ${ceiling.read} tokens (${((100 * spread.read) / ceiling.read).toFixed(1)} %)`);
		// Every turn but the first reads what the last one wrote.
		expect(ceiling.read).toBeGreaterThan(CONVERSATIONS * (TURNS - 1) * 2000);
		expect(spread.read / ceiling.read).toBeGreaterThanOrEqual(0.97);
		const requests = new Map<string, number>();
		for (const place of spread.places.flat()) requests.set(place, (requests.get(place) ?? 0) + 1);
		const mean = (CONVERSATIONS * TURNS) / 4;
		console.log(`requests by deployment: ${[...requests.values()].join(", ")} (mean ${mean})`);
		expect(requests.size).toBe(4);
		expect(Math.max(...requests.values())).toBeLessThanOrEqual(1.5 * mean);
	},
);
