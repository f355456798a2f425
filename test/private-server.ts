// What private servers of tests have in common: a program that may have to be installed, a free port, a process that is started, killed and
// started again. Leaves what each server is to test/postgres and test/redis.
import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

const START_MS = 30_000;
const LOOK_AGAIN_MS = 25;

/**
 * Looks for a program once and remembers it; null (after a loud line) where there is none. Installs `aptPackage` where we may (root, CI);
 * in CI a program that is missing all the same throws: nothing may be skipped there.
 */
export function programOf(name: string, aptPackage: string, find: () => string | null): () => string | null {
	let known: string | null | undefined;
	return () => {
		if (known === undefined) known = find() ?? installed(name, aptPackage, find);
		return known;
	};
}

function installed(name: string, aptPackage: string, find: () => string | null): string | null {
	if (process.env["CI"] === undefined) {
		process.stderr.write(`\nSKIPPED: tests on ${name}, for it is not installed (apt-get install ${aptPackage})\n\n`);
		return null;
	}
	if (process.getuid?.() === 0) {
		const options = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
		spawnSync("apt-get", ["update"], options);
		spawnSync("apt-get", ["install", "-y", "--no-install-recommends", aptPackage], options);
	}
	const found = find();
	if (found === null) throw new Error(`${name} is missing and could not be installed: CI skips nothing`);
	return found;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}

/** One server's process, whichever runs now. */
export interface PrivateServer {
	/** Resolves when it answers; rejects when it ends, or does not within half a minute. */
	start(): Promise<void>;
	/** Resolves when it has ended. */
	end(signal: NodeJS.Signals): Promise<void>;
	/** A signal that does not end it. */
	signal(signal: NodeJS.Signals): void;
}

/** Starts nothing yet. `answers` must not take longer than a second. */
export function privateServer(
	command: { readonly name: string; readonly program: string; readonly arguments: readonly string[] },
	options: SpawnOptions,
	answers: () => Promise<boolean>,
): PrivateServer {
	let running: ReturnType<typeof spawn> | null = null;
	return {
		async start() {
			const child = spawn(command.program, command.arguments, { ...options, stdio: "ignore" });
			running = child;
			const until = Date.now() + START_MS;
			while (!(await answers())) {
				if (child.exitCode !== null || Date.now() > until) throw new Error(`the test's ${command.name} did not start`);
				await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
			}
		},
		async end(signal) {
			const child = running;
			running = null;
			if (child === null || child.exitCode !== null) return;
			const gone = new Promise((resolve) => child.once("exit", resolve));
			child.kill(signal);
			await gone;
		},
		signal: (signal) => void running?.kill(signal),
	};
}
