// `warmpath claude`: Claude Code with the environment it needs to talk to a running gateway. Leaves everything else to Claude Code.
import { spawn } from "node:child_process";

export interface ClaudeOptions {
	readonly gateway: string;
	readonly model?: string;
	readonly key?: string;
}

/** What Claude Code must know about the gateway. Credentials of the provider itself are taken out, so that they cannot bypass it. */
export function claudeEnvironment(
	env: Readonly<NodeJS.ProcessEnv>,
	about: { readonly gateway: string; readonly model: string; readonly key: string },
): NodeJS.ProcessEnv {
	const { ANTHROPIC_API_KEY: _key, CLAUDE_CODE_USE_BEDROCK: _b, CLAUDE_CODE_USE_VERTEX: _v, ...rest } = env;
	return {
		...rest,
		ANTHROPIC_BASE_URL: about.gateway,
		ANTHROPIC_AUTH_TOKEN: about.key,
		ANTHROPIC_MODEL: about.model,
		// Small background calls use this model; the gateway may have no other group.
		ANTHROPIC_DEFAULT_HAIKU_MODEL: env["ANTHROPIC_DEFAULT_HAIKU_MODEL"] ?? about.model,
		// Lets the gateway tell main turns, subagents and compaction apart.
		CLAUDE_CODE_GATEWAY_HINT_HEADERS: env["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] ?? "1",
	};
}

/** Starts `claude` on this terminal and resolves with its exit code. Says what to do when the gateway or the program is missing. */
export async function claudeCommand(args: readonly string[], options: ClaudeOptions): Promise<number> {
	const gateway = options.gateway.replace(/\/+$/, "");
	const { env } = process;
	const key =
		options.key ??
		env["WARMPATH_KEY"] ??
		env["ANTHROPIC_AUTH_TOKEN"] ??
		env["WARMPATH_MASTER_KEY"] ??
		env["LITELLM_MASTER_KEY"] ??
		"warmpath";
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
