// What the UI is shown with: simulated deployments, a gateway with a database in memory, and agents that talk. Leaves looking to the tests.
import { readAnswer } from "../src/commands/demo/answer.ts";
import { IN_MEMORY } from "../src/db/location.ts";
import { openDatabase } from "../src/db/open.ts";
import { type AgentOptions, SimulatedAgent } from "../src/simulator/agent.ts";
import type { Clock } from "../src/simulator/clock.ts";
import { seededRandom } from "../src/simulator/random.ts";
import { startSimulator } from "../src/simulator/server.ts";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "./harness.ts";

export const MODEL = "claude-code";

/** The first two share a workspace, hence a cache. */
export const DEPLOYMENTS = ["prod-a1", "prod-a2", "prod-b", "prod-c"] as const;

export interface UiWorldOptions {
	readonly clock?: Clock;
	/** Share of the modelled latency that is really waited. Default 0. */
	readonly speed?: number;
	readonly deployments?: readonly string[];
	/** More YAML of general_settings, as `name: value` pairs. */
	readonly settings?: string;
	/** More YAML, top level. */
	readonly extra?: string;
}

/** One turn of an agent. */
export interface Turn {
	readonly status: number;
	/** Of the request in the log. */
	readonly id: string;
	readonly deployment: string;
}

export async function startUiWorld(options: UiWorldOptions = {}) {
	const ids = options.deployments ?? DEPLOYMENTS;
	const now = options.clock === undefined ? Date.now : () => options.clock?.now() ?? 0;
	const simulator = await startSimulator({
		speed: options.speed ?? 0,
		...(options.clock === undefined ? {} : { clock: options.clock }),
		deployments: ids.map((name) => ({
			name,
			apiKey: `sk-sim-${name}`,
			organization: name.startsWith("prod-a") ? "org-acme" : `org-${name}`,
			limits: { requests: 1_000, inputTokens: 400_000, outputTokens: 80_000 },
		})),
	});
	const database = await openDatabase(IN_MEMORY);
	const config = deploymentsConfig(
		ids.map((id) => ({
			id,
			apiBase: simulator.url,
			apiKey: `sk-sim-${id}`,
			model: "anthropic/claude-sonnet-5-5",
			group: MODEL,
		})),
		options.extra,
		"",
		options.settings === undefined ? "" : `, ${options.settings}`,
	);
	const gateway = await startTestGateway(config, { database, now, random: seededRandom(3) });

	async function call<T>(path: string, body?: unknown, key = MASTER_KEY): Promise<T> {
		const response = await fetch(`${gateway.url}${path}`, {
			method: body === undefined ? "GET" : "POST",
			headers: { "content-type": "application/json", "x-api-key": key },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
		return (await response.json()) as T;
	}

	return {
		simulator,
		gateway,
		database,
		call,
		agent: (seed: number, more: Partial<AgentOptions> = {}) => new SimulatedAgent({ model: MODEL, seed, ...more }),
		/** Makes a virtual key; gives its secret. */
		async key(fields: object): Promise<string> {
			return (await call<{ readonly key: string }>("/key/generate", fields)).key;
		},
		/** Sends the agent's next request and gives it the answer. */
		turn: (agent: SimulatedAgent, key = MASTER_KEY, headers: Record<string, string> = {}): Promise<Turn> =>
			nextTurn(gateway, agent, { "x-api-key": key, ...headers }),
		/** All that was sent stands in the log. */
		logged: () => gateway.requestLog?.flush() ?? Promise.resolve(),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await simulator.close();
			await database.close();
		},
	};
}

async function nextTurn(
	gateway: Awaited<ReturnType<typeof startTestGateway>>,
	agent: SimulatedAgent,
	headers: Record<string, string>,
): Promise<Turn> {
	const request = agent.request();
	const response = await gateway.post("/v1/messages", request.body, { ...request.headers, ...headers });
	const id = response.headers.get("x-litellm-call-id") ?? "";
	if (!response.ok) {
		await response.arrayBuffer();
		return { status: response.status, id, deployment: "" };
	}
	const answer = await readAnswer(response);
	agent.answered(answer.content);
	return { status: response.status, id, deployment: answer.deployment };
}

export type UiWorld = Awaited<ReturnType<typeof startUiWorld>>;
