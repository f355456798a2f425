// Drives the real Claude Code in a private home with a clean environment. Leaves installing it to test/setup.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ClaudeCodeForm, claudeCodeCommand } from "./setup/claude-code.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

export interface ClaudeRun {
	readonly prompt: string;
	/** Session id of a new conversation. */
	readonly session?: string;
	/** Session id of a conversation to go on with. */
	readonly resume?: string;
	readonly model?: string;
	readonly env?: Readonly<Record<string, string>>;
	/** Also collect the events of its streams. */
	readonly events?: boolean;
}

/** The JSON that `claude -p --output-format json` prints, as far as the tests read it. */
export interface ClaudeResult {
	readonly exitCode: number;
	readonly is_error: boolean;
	readonly result: string;
	readonly session_id: string;
	readonly num_turns: number;
	readonly usage: {
		readonly input_tokens: number;
		readonly cache_read_input_tokens: number;
		readonly cache_creation_input_tokens: number;
		readonly output_tokens: number;
	};
	/** Events of the Messages API's streams that the client saw, oldest first; only of a run with `events`. */
	readonly events: readonly Readonly<Record<string, unknown>>[];
	readonly stderr: string;
}

export interface ClaudeCodeOptions {
	readonly form: ClaudeCodeForm;
	readonly gatewayUrl: string;
	readonly key: string;
	readonly model: string;
}

/** One user's machine: a home and a project folder, kept over runs so that `--resume` works; gone when disposed. */
export async function claudeCodeHome(options: ClaudeCodeOptions) {
	const root = await mkdtemp(join(tmpdir(), "warmpath-claude-"));
	const home = join(root, "home");
	const project = join(root, "project");
	await mkdir(home);
	await mkdir(project);
	await writeFile(join(project, "CLAUDE.md"), "# Project\n\nA small project for tests.\n");
	await writeFile(join(project, "main.py"), "print('hello')\n");

	const [program = "", ...leading] = claudeCodeCommand(options.form);
	const envFor = (about: Pick<ClaudeRun, "model" | "env">) => ({
		PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
		HOME: home,
		TERM: "dumb",
		LANG: "C.UTF-8",
		ANTHROPIC_BASE_URL: options.gatewayUrl,
		ANTHROPIC_AUTH_TOKEN: options.key,
		ANTHROPIC_MODEL: about.model ?? options.model,
		ANTHROPIC_SMALL_FAST_MODEL: about.model ?? options.model,
		DISABLE_AUTOUPDATER: "1",
		...about.env,
	});

	return {
		project,
		/** Launches it in a terminal, as a person does who has used it before: theme and trust in the folder are asked for no more. */
		async launch(about: Pick<ClaudeRun, "model" | "env"> = {}): Promise<Terminal> {
			const settings = {
				hasCompletedOnboarding: true,
				lastOnboardingVersion: "2.1.330",
				theme: "dark",
				projects: { [project]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
			};
			await writeFile(join(home, ".claude.json"), JSON.stringify(settings));
			const terminal = openTerminal([program, ...leading], {
				cwd: project,
				env: { ...envFor(about), TERM: "xterm-256color" },
			});
			await terminal.waitFor(/[❯>] .*(for shortcuts|shift\+tab)/);
			return terminal;
		},
		/** Runs one prompt to its end. Rejects when the client prints no JSON. */
		run(about: ClaudeRun): Promise<ClaudeResult> {
			const args = [
				...leading,
				"-p",
				about.prompt,
				"--output-format",
				...(about.events === true ? ["stream-json", "--verbose", "--include-partial-messages"] : ["json"]),
				"--allowedTools",
				"Bash",
				"Read",
				"Agent",
				"Task",
			];
			if (about.session !== undefined) args.push("--session-id", about.session);
			if (about.resume !== undefined) args.push("--resume", about.resume);
			const env = {
				...envFor(about),
				CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
				CLAUDE_CODE_MAX_RETRIES: "2",
				...about.env,
			};
			return execute(program, args, { cwd: project, env });
		},
		[Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
	};
}

function execute(
	program: string,
	args: readonly string[],
	options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<ClaudeResult> {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
		const limit = setTimeout(() => child.kill("SIGKILL"), 120_000);
		let stdout = "";
		let stderr = "";
		child.stdout.on("data", (chunk: Buffer) => {
			stdout += chunk.toString();
		});
		child.stderr.on("data", (chunk: Buffer) => {
			stderr += chunk.toString();
		});
		child.on("error", reject);
		child.on("close", (code) => {
			clearTimeout(limit);
			try {
				resolve({ ...readOutput(stdout), exitCode: code ?? -1, stderr });
			} catch {
				reject(
					new Error(`Claude Code printed no JSON (exit ${code}): ${stdout.slice(0, 500)} ${stderr.slice(0, 500)}`),
				);
			}
		});
	});
}

interface OutputLine {
	readonly type: string;
	readonly event?: Readonly<Record<string, unknown>>;
}

/** The result alone, or a line for each thing that happened with the result as the last one. Throws when it is no JSON. */
function readOutput(stdout: string): Omit<ClaudeResult, "exitCode" | "stderr"> {
	const lines = stdout.trim().split("\n");
	const result = JSON.parse(lines.at(-1) ?? "") as Omit<ClaudeResult, "exitCode" | "stderr" | "events">;
	const seen = lines.slice(0, -1).map((line) => JSON.parse(line) as OutputLine);
	return { ...result, events: seen.flatMap(({ type, event }) => (type === "stream_event" && event ? [event] : [])) };
}
