// `warmpath simulator`: the fake providers on a port, and what to put into a gateway configuration. Leaves their behaviour to simulator/.
import { writeFile } from "node:fs/promises";
import type { SimulatorOptions } from "../simulator/options.ts";
import { type Simulator, startSimulator } from "../simulator/server.ts";
import { simulatedConfig } from "./simulate-config.ts";

export interface SimulateOptions {
	readonly port: number;
	readonly deployments: number;
	readonly sharedWorkspace?: boolean;
	readonly itpm?: number;
	/** AWS accounts, Google projects, Foundry resources and OpenAI-compatible servers. Default none. */
	readonly aws?: number;
	readonly google?: number;
	readonly foundry?: number;
	readonly openai?: number;
	/** Chance that a cross-Region profile stays in the Region that served it last. Default 1. */
	readonly regionStickiness?: number;
	/** Share of a real model's latency: 0 to 1, or more for a slower one. */
	readonly speed: number;
	/** Where to write a gateway configuration for all of it. */
	readonly writeConfig?: string;
}

/** Runs until SIGINT or SIGTERM. Prints `SIMULATOR on URL` when ready. */
export async function simulateCommand(options: SimulateOptions): Promise<void> {
	const simulator = await startSimulator(simulatorOptions(options));
	const { writeConfig } = options;
	if (writeConfig !== undefined) await writeFile(writeConfig, simulatedConfig(simulator), { mode: 0o600 });
	process.stdout.write(`SIMULATOR on ${simulator.url}\n${describe(simulator).join("\n")}\n`);
	await new Promise<void>((resolve) => {
		process.once("SIGINT", resolve);
		process.once("SIGTERM", resolve);
	});
	await simulator.close();
}

function simulatorOptions(options: SimulateOptions): SimulatorOptions {
	const shared = options.sharedWorkspace === true ? { organization: "org-sim", workspace: "wrkspc-sim" } : {};
	const limits = options.itpm === undefined ? {} : { limits: { inputTokens: options.itpm } };
	const quotas = options.itpm === undefined ? {} : { quotas: { tokensPerMinute: options.itpm } };
	const { regionStickiness = 1 } = options;
	return {
		port: options.port,
		speed: options.speed,
		deployments: numbered(options.deployments, (name) => ({ name, apiKey: `sk-sim-${name}`, ...limits, ...shared })),
		aws: numbered(options.aws, (number) => ({ name: `account-${number}`, regionStickiness, ...quotas })),
		google: numbered(options.google, (number) => ({ name: `project-${number}`, ...limits })),
		foundry: numbered(options.foundry, (number) => ({ name: `resource-${number}`, ...limits })),
		openai: numbered(options.openai, (number) => ({ name: `server-${number}`, ...limits })),
	};
}

function numbered<T>(count: number | undefined, entry: (number: string) => T): T[] {
	return Array.from({ length: count ?? 0 }, (_, index) => entry(String(index + 1)));
}

/** What to put into a gateway configuration. The credentials are the simulator's own and open nothing else. */
function describe(simulator: Simulator): string[] {
	const { url } = simulator;
	const lines = [
		`  keys      ${simulator.deployments.map((deployment) => deployment.apiKey).join(", ")}`,
		`  caches    ${simulator.domains.length} (what they saw: ${url}/_sim)`,
		`  gateway   model: anthropic/claude-sonnet-5-5, api_base: ${url}, api_key: one of the keys`,
	];
	for (const account of simulator.aws) {
		lines.push(
			`  aws       ${account.name} (${account.accountId}): aws_access_key_id: ${account.accessKeyId}, aws_secret_access_key: ${account.secretAccessKey}`,
			`            model: bedrock/us.anthropic.claude-sonnet-5-5, aws_bedrock_runtime_endpoint: ${url}, aws_region_name: ${account.region}`,
		);
	}
	for (const project of simulator.google) {
		lines.push(
			`  google    ${project.name}: access token ${project.accessToken}, service account ${project.clientEmail}, token endpoint ${project.tokenUrl}`,
			`            model: vertex_ai/claude-sonnet-5-5, api_base: ${url}, vertex_project: ${project.project}, vertex_location: us-east5`,
			"            vertex_credentials: a service account's key; --write-config FILE writes one",
		);
	}
	for (const resource of simulator.foundry) {
		lines.push(
			`  foundry   model: azure_ai/claude-sonnet-5-5, api_base: ${url}/anthropic, api_key: ${resource.apiKey}`,
		);
	}
	for (const server of simulator.openai) {
		lines.push(`  openai    model: openai/gpt-sim, api_base: ${url}/v1, api_key: ${server.apiKey ?? "none"}`);
	}
	return [...lines, "  stop      Ctrl-C"];
}
