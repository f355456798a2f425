// `warmpath claude`: Claude Code on a running gateway. Leaves its environment to commands/claude-environment, all else to Claude Code.
import { spawn } from "node:child_process";
import { claudeEnvironment, gatewayKeyOf } from "./claude-environment.ts";

export interface ClaudeOptions {
	readonly gateway: string;
	readonly model?: string;
	readonly key?: string;
}

/** Starts `claude` on this terminal and resolves with its exit code. Says what to do when the gateway or the program is missing. */
export async function claudeCommand(args: readonly string[], options: ClaudeOptions): Promise<number> {
	const gateway = options.gateway.replace(/\/+$/, "");
	const { env } = process;
	const key = options.key ?? gatewayKeyOf(env) ?? "warmpath";
	let models: readonly string[];
	try {
		models = await listModels(gateway, key);
	} catch (error) {
		process.stderr.write(`warmpath: ${error instanceof Error ? error.message : String(error)}\n`);
		return 1;
	}
	const model = options.model ?? models[0];
	if (model === undefined) {
		process.stderr.write("warmpath: the gateway lists no model by name; say which one to use with --model NAME.\n");
		return 1;
	}
	return run(args, claudeEnvironment(env, { gateway, model, key }));
}

async function listModels(gateway: string, key: string): Promise<readonly string[]> {
	let response: Response;
	try {
		response = await fetch(`${gateway}/v1/models`, {
			headers: { authorization: `Bearer ${key}` },
			signal: AbortSignal.timeout(5_000),
		});
	} catch {
		throw new Error(
			`no gateway answers at ${gateway}. Start one with 'warmpath --config config.yaml', or name it with --gateway URL.`,
		);
	}
	if (response.status === 401)
		throw new Error(`the gateway at ${gateway} refuses this key. Give its master key with --key KEY or WARMPATH_KEY.`);
	if (!response.ok) throw new Error(`${gateway}/v1/models answered ${response.status}; is this a Warmpath gateway?`);
	const page = (await response.json()) as { readonly data?: readonly { readonly id: string }[] };
	return (page.data ?? []).map((entry) => entry.id);
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
	return new Promise((resolve) => {
		const child = spawn("claude", args, { stdio: "inherit", env });
		child.on("error", () => {
			process.stderr.write(
				"warmpath: 'claude' is not on PATH. Install it with: npm install -g @anthropic-ai/claude-code\n",
			);
			resolve(127);
		});
		child.on("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
	});
}
