// `warmpath simulator`: the fake providers on a port, and what to put into a gateway configuration. Leaves their behaviour to simulator/.
import { startSimulator } from "../simulator/server.ts";

export interface SimulateOptions {
	readonly port: number;
	readonly deployments: number;
	readonly sharedWorkspace?: boolean;
	readonly itpm?: number;
	/** Share of a real model's latency: 0 to 1, or more for a slower one. */
	readonly speed: number;
}

/** Runs until SIGINT or SIGTERM. Prints `SIMULATOR on URL` when ready. */
export async function simulateCommand(options: SimulateOptions): Promise<void> {
	const shared = options.sharedWorkspace === true ? { organization: "org-sim", workspace: "wrkspc-sim" } : {};
	const limits = options.itpm === undefined ? {} : { inputTokens: options.itpm };
	const simulator = await startSimulator({
		port: options.port,
		speed: options.speed,
		deployments: Array.from({ length: options.deployments }, (_, i) => ({
			name: String(i + 1),
			apiKey: `sk-sim-${i + 1}`,
			limits,
			...shared,
		})),
	});
	const keys = simulator.deployments.map((deployment) => deployment.apiKey).join(", ");
	process.stdout.write(
		`SIMULATOR on ${simulator.url}\n` +
			`  keys      ${keys}\n` +
			`  caches    ${simulator.domains.length} (what they saw: ${simulator.url}/_sim)\n` +
			`  gateway   model: anthropic/claude-sonnet-5-5, api_base: ${simulator.url}, api_key: one of the keys\n` +
			"  stop      Ctrl-C\n",
	);
	await new Promise<void>((resolve) => {
		process.once("SIGINT", resolve);
		process.once("SIGTERM", resolve);
	});
	await simulator.close();
}
