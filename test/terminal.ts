// A program in a terminal of its own, as a person sits before it: what it shows, keys typed into it. Leaves which program to the caller.
import { spawn } from "node:child_process";

/** How often somebody who wants to leave presses Ctrl-C, ms, and when the terminal is closed instead. */
const PRESS_MS = 400;
const PATIENCE_MS = 20_000;
const WAIT_MS = 40_000;

export interface Terminal {
	/** All that was shown so far, without colours and cursor movements; runs of white space are one space. */
	shown(): string;
	/** Resolves when what is shown after `from` characters matches; rejects with the screen when it does not in time, or the program ends. */
	waitFor(pattern: RegExp, from?: number): Promise<void>;
	/** Types a line and, once it stands there, Enter. */
	enter(line: string): Promise<void>;
	/** Presses Ctrl-C until the program ends. */
	quit(): Promise<void>;
}

/** Whether terminals can be had here: they are made by util-linux' `script`. */
export const hasTerminals = process.platform === "linux";

/** Starts a program. `env` is all that it gets. */
export function openTerminal(
	command: readonly string[],
	options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Terminal {
	const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
	const child = spawn("script", ["-qfec", `stty rows 40 cols 140; exec ${quoted}`, "/dev/null"], {
		...options,
		stdio: ["pipe", "pipe", "pipe"],
	});
	let output = "";
	let hasEnded = false;
	const watchers = new Set<() => void>();
	const wake = () => {
		for (const watcher of watchers) watcher();
	};
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		output += chunk;
		wake();
	});
	const ended = new Promise<void>((resolve) => {
		child.on("close", () => {
			hasEnded = true;
			wake();
			resolve();
		});
	});
	const shown = () => plain(output);
	const type = (text: string) => child.stdin.write(text);

	function waitFor(pattern: RegExp, from = 0): Promise<void> {
		return new Promise((resolve, reject) => {
			const finish = (error: Error | null) => {
				clearTimeout(limit);
				watchers.delete(look);
				if (error === null) resolve();
				else reject(error);
			};
			const look = () => {
				if (pattern.test(shown().slice(from))) finish(null);
				else if (hasEnded) finish(new Error(`it ended without showing ${pattern}: ${shown().slice(-1_500)}`));
			};
			const limit = setTimeout(() => finish(new Error(`${pattern} was not shown: ${shown().slice(-1_500)}`)), WAIT_MS);
			watchers.add(look);
			look();
		});
	}

	return {
		shown,
		waitFor,
		async enter(line) {
			const before = shown().length;
			type(line);
			// Programs draw word by word: the last word is enough.
			await waitFor(new RegExp(escaped(line.split(" ").at(-1) ?? line)), before);
			type("\r");
		},
		async quit() {
			const press = setInterval(() => type("\x03"), PRESS_MS);
			const close = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
			type("\x03");
			await ended;
			clearInterval(press);
			clearTimeout(close);
		},
	};
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal is written in
const CONTROL = /\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]|\x1b[=>78]/g;

function plain(output: string): string {
	return output.replaceAll(CONTROL, " ").replaceAll(/\s+/g, " ");
}

function escaped(text: string): string {
	return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
