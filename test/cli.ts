// Runs the built command line as a child process. Leaves what it should print to the tests.
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const MAIN = join(import.meta.dirname, "..", "dist", "main.js");

/** Where commands keep their database, unless a test says otherwise. */
const HOME = join(tmpdir(), `warmpath-test-${process.pid}`);

export interface CliOptions {
	readonly env?: Readonly<Record<string, string>>;
	readonly cwd?: string;
	/** Path of the program; default: this checkout's build. */
	readonly main?: string;
}

/** Nothing of a test stays in the user's data folder. */
process.once("exit", () => rmSync(HOME, { recursive: true, force: true }));

function start(args: readonly string[], options: CliOptions): ChildProcess {
	const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", WARMPATH_HOME: HOME, ...options.env };
	return spawn(process.execPath, [options.main ?? MAIN, ...args], {
		env,
		cwd: options.cwd,
		stdio: ["ignore", "pipe", "pipe"],
	});
}

/** Runs a command to its end. */
export function runCli(
	args: readonly string[],
	options: CliOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
	return new Promise((resolve, reject) => {
		const child = start(args, options);
		const output = collect(child);
		child.on("error", reject);
		child.on("close", (code) => resolve({ code: code ?? -1, ...output() }));
	});
}

/** Starts a command that goes on until it is stopped; resolves when its output matches `ready`. */
export async function startCli(args: readonly string[], ready: RegExp, options: CliOptions = {}) {
	const child = start(args, options);
	const output = collect(child);
	const ended = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
	/** Waits until standard output and error together match; rejects when the process ends before. */
	const waitFor = (pattern: RegExp) =>
		new Promise<RegExpExecArray>((resolve, reject) => {
			const look = () => {
				const { stdout, stderr } = output();
				const match = pattern.exec(stdout + stderr);
				if (match !== null) resolve(match);
			};
			child.stdout?.on("data", look);
			child.stderr?.on("data", look);
			child.on("close", () => reject(new Error(`ended without ${pattern}: ${JSON.stringify(output())}`)));
			look();
		});
	const match = await waitFor(ready);
	return {
		match,
		output,
		waitFor,
		ended,
		kill: (signal: NodeJS.Signals) => child.kill(signal),
		async [Symbol.asyncDispose](): Promise<void> {
			child.kill("SIGKILL");
			await ended;
		},
	};
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
	let stdout = "";
	let stderr = "";
	child.stdout?.on("data", (chunk: Buffer) => {
		stdout += chunk.toString();
	});
	child.stderr?.on("data", (chunk: Buffer) => {
		stderr += chunk.toString();
	});
	return () => ({ stdout, stderr });
}
