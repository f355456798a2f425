// Starts what a whole-path test needs: a simulator, a gateway in front of it, and ways to send. Everything closes itself.

import { Writable } from "node:stream";
import { parseConfig } from "../src/config/load.ts";
import type { Config } from "../src/config/schema.ts";
import type { GatewayOptions } from "../src/gateway.ts";
import { startGateway } from "../src/gateway.ts";
import type { SimulatorOptions } from "../src/simulator/options.ts";
import { type Simulator, startSimulator } from "../src/simulator/server.ts";
import { createLogger } from "../src/telemetry/log.ts";
import { type CloudOptions, cloudEntries, cloudsOf } from "./cloud-deployments.ts";

export const MASTER_KEY = "sk-test-master";

/** A configuration from YAML; throws with all faults when it has any. */
export function configFrom(yaml: string, env: Readonly<Record<string, string>> = {}): Config {
	const parsed = parseConfig(yaml, { path: "test.yaml", env });
	if (!parsed.ok) throw new Error(parsed.diagnostics.map((fault) => `${fault.path}: ${fault.message}`).join("\n"));
	return parsed.config;
}

export interface DeploymentLine {
	readonly id: string;
	readonly apiBase: string;
	readonly apiKey?: string;
	readonly model?: string;
	readonly group?: string;
}

/**
 * A configuration of `anthropic/` deployments on a free port, with the test's master key. `extra` is more YAML, top level;
 * `more` are further entries of model_list; `settings` are further `name: value` pairs of general_settings, each after a comma.
 */
export function deploymentsConfig(lines: readonly DeploymentLine[], extra = "", more = "", settings = ""): Config {
	const entries = lines.map(
		(line) => `  - model_name: ${line.group ?? "claude-code"}
    litellm_params:
      model: ${line.model ?? "anthropic/claude-sonnet-5-5"}
      api_base: ${line.apiBase}
      api_key: ${line.apiKey ?? "sk-upstream"}
    model_info: { id: ${line.id} }`,
	);
	return configFrom(
		`model_list:\n${[...entries, more].filter((entry) => entry !== "").join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY}${settings} }\n${extra.includes("warmpath:") ? "" : "warmpath: { listen: { port: 0 } }\n"}${extra}`,
	);
}

/** Log lines as text, and a logger that writes them. */
export function memoryLog(level: "debug" | "info" = "info") {
	const lines: string[] = [];
	const sink = new Writable({
		write(chunk: Buffer, _encoding, done) {
			lines.push(...chunk.toString().split("\n").filter(Boolean));
			done();
		},
	});
	return { lines, log: createLogger({ level, format: "json" }, sink) };
}

/** A gateway over a configuration, its log kept in memory. */
export async function startTestGateway(config: Config, options: GatewayOptions = {}) {
	const { lines, log } = memoryLog();
	const gateway = await startGateway(config, { log, ...options });
	return {
		...gateway,
		logLines: lines,
		/** POSTs to the gateway with the master key. */
		post(path: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
			return fetch(`${gateway.url}${path}`, {
				method: "POST",
				headers: { "content-type": "application/json", "x-api-key": MASTER_KEY, ...headers },
				body,
			});
		},
	};
}

/** Deployments of all kinds are in one group; at least one is needed. */
export interface WorldOptions extends CloudOptions {
	/** Names of simulated keys of the first-party API; each has its own cache. */
	readonly deployments?: readonly string[];
	/** The model's first-party id. Default claude-sonnet-5-5. */
	readonly model?: string;
	readonly simulator?: Omit<SimulatorOptions, "deployments" | "aws" | "google" | "foundry" | "openai">;
	readonly gateway?: GatewayOptions;
	/** More YAML for the gateway. */
	readonly extra?: string;
	/** More pairs of general_settings, each after a comma. */
	readonly settings?: string;
}

/** Simulated deployments with a gateway in front. */
export async function startWorld(options: WorldOptions) {
	const { deployments = [], model = "claude-sonnet-5-5" } = options;
	const simulator = await startSimulator({
		...options.simulator,
		...cloudsOf(options),
		deployments: deployments.map((name) => ({ name, apiKey: `sk-sim-${name}` })),
	});
	const config = deploymentsConfig(
		deployments.map((id) => ({
			id,
			apiBase: simulator.url,
			apiKey: `sk-sim-${id}`,
			model: `anthropic/${model}`,
		})),
		options.extra,
		cloudEntries(simulator, options, { group: "claude-code", model }),
		options.settings,
	);
	const gateway = await startTestGateway(config, options.gateway);
	return {
		simulator,
		config,
		gateway,
		/** Requests to POST /v1/messages that the simulator saw, oldest first. */
		messages: () => messagesOf(simulator),
		/** Generations in every format that the simulator saw, oldest first. */
		generations: () => simulator.recorded().filter((request) => GENERATION.test(request.path)),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

/** Paths that generate, of every platform. */
const GENERATION =
	/(\/v1\/messages|\/invoke(-with-response-stream)?|:(streamR|r)awPredict|\/chat\/completions|\/responses)(\?|$)/;

function messagesOf(simulator: Simulator) {
	return simulator.recorded().filter((request) => /\/v1\/messages(\?|$)/.test(request.path));
}

/** What the control plane answers the operator. */
export async function get<T>(
	world: { readonly gateway: { readonly url: string } },
	path: string,
	status = 200,
): Promise<T> {
	const response = await fetch(`${world.gateway.url}${path}`, { headers: { authorization: `Bearer ${MASTER_KEY}` } });
	if (response.status !== status) throw new Error(`${path}: ${response.status} ${await response.text()}`);
	return (await response.json()) as T;
}
