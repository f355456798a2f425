// Starts and ends the processes of a measurement: mock upstream, pass-through, gateway. Ends only what it started.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BENCH_MODEL } from "./bodies.ts";
import type { PassThroughOptions } from "./passthrough.ts";
import type { UpstreamOptions } from "./upstream.ts";

/** A running process that listens on 127.0.0.1. */
export interface Child {
	readonly pid: number;
	readonly ports: readonly number[];
	/** false once it has ended, by whatever cause. */
	alive(): boolean;
	close(): Promise<void>;
}

/** The gateway under test. */
export interface GatewayChild extends Child {
	/** Everything it wrote to standard error so far. */
	stderr(): string;
	/** Everything it wrote to standard output so far: its log. */
	log(): string;
}

export interface GatewayOptions {
	readonly upstreamPorts: readonly number[];
	/** Another build's `main.js`; default: this project's, or its source where there is no build. */
	readonly main?: string;
	/** Arguments for node itself, such as `--cpu-prof`. */
	readonly nodeArguments?: readonly string[];
	/** Pause after an upstream failure; "0s" keeps deployments in use while a test makes them fail. */
	readonly cooldown?: string;
	/** What the upstream calls the model; another name than the client's makes the gateway rewrite it in every body. */
	readonly upstreamModel?: string;
}

const SOURCE = import.meta.url.endsWith(".ts");

/** The project's folder. */
export const PROJECT = projectFolder(dirname(fileURLToPath(import.meta.url)));

export function startUpstream(options: UpstreamOptions): Promise<Child> {
	return startSibling("upstream", options);
}

export function startPassThrough(options: PassThroughOptions): Promise<Child> {
	return startSibling("passthrough", options);
}

/** A file of this folder as a process: compiled, or from source where this file itself runs from source (in tests). */
function startSibling(name: string, options: UpstreamOptions | PassThroughOptions): Promise<Child> {
	const file = fileURLToPath(new URL(`./${name}.${SOURCE ? "ts" : "js"}`, import.meta.url));
	const child = fork(file, ["--child"], {
		execArgv: SOURCE ? ["--import", "tsx"] : [],
		stdio: ["ignore", "ignore", "inherit", "ipc"],
	});
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`${name} ended with code ${code}`)));
		child.once("message", (message) => {
			const { ports } = message as { ports: number[] };
			resolve({ ...handle(child), ports });
		});
		child.send(options);
	});
}

/** The built command line, as a user starts it; its log goes to a file that is removed with it. From source when there is no build. */
export async function startGatewayChild(options: GatewayOptions): Promise<GatewayChild> {
	const folder = mkdtempSync(join(tmpdir(), "warmpath-bench-"));
	const config = join(folder, "config.yaml");
	const [out, err] = [join(folder, "out"), join(folder, "err")];
	writeFileSync(config, gatewayConfig(options));
	const files = [openSync(out, "w"), openSync(err, "w")] as const;
	const child = spawn(
		process.execPath,
		[...(options.nodeArguments ?? []), ...gatewayEntry(options.main), "serve", "--config", config, "--port", "0"],
		{ cwd: PROJECT, stdio: ["ignore", ...files], env: gatewayEnvironment(folder) },
	);
	for (const file of files) closeSync(file);
	const stderr = () => readFileSync(err, "utf8");
	const log = () => readFileSync(out, "utf8");
	const running = handle(child);
	const close = async () => {
		await running.close();
		rmSync(folder, { recursive: true, force: true });
	};
	for (let waited = 0; waited < 20_000; waited += 50) {
		const port = /RUNNING on http:\/\/[^\s]+:(\d+)/.exec(log())?.[1];
		if (port !== undefined) return { ...running, ports: [Number(port)], close, stderr, log };
		if (!running.alive()) break;
		await sleep(50);
	}
	const said = `${stderr()}${log()}`.trim();
	await close();
	throw new Error(`the gateway did not start:\n${said}`);
}

interface LogCounts {
	readonly written: number;
	readonly lost: number;
	/** What one heavy filter took, ms. */
	readonly scanMs: number;
}

/** A gateway of the build whose request log can be switched. */
export interface LogGateway extends Child {
	/** From now on: requests that end are logged; heavy filters are asked one after the other; neither. */
	turn(to: "log" | "filter" | "off"): Promise<void>;
	/** What became of its log's entries until its last turn. */
	readonly logged: () => LogCounts;
}

/** Rejects where there is no build. */
export async function startLogGateway(
	options: Pick<GatewayOptions, "upstreamPorts"> & { /** Of its log; default: a new one. */ readonly file?: string },
): Promise<LogGateway> {
	const dist = join(PROJECT, "dist");
	if (!existsSync(join(dist, "gateway.js"))) throw new Error("there is no build to measure: npm run build");
	const folder = mkdtempSync(join(tmpdir(), "warmpath-bench-"));
	const out = openSync(join(folder, "out"), "w");
	const child = fork(
		join(PROJECT, "bench", "log-gateway.js"),
		[dist, gatewayConfig(options), options.file ?? join(folder, "warmpath.db")],
		{
			execArgv: [],
			stdio: ["ignore", out, "inherit", "ipc"],
			env: gatewayEnvironment(folder),
		},
	);
	closeSync(out);
	const answer = () =>
		new Promise<LogCounts & { readonly port: number }>((resolve, reject) => {
			const ended = (code: number | null) => reject(new Error(`the gateway ended with code ${code}`));
			child.once("exit", ended);
			child.once("message", (message) => {
				child.off("exit", ended);
				resolve(message as LogCounts & { port: number });
			});
		});
	const { port, ...none } = await answer();
	const running = handle(child);
	let counts: LogCounts = none;
	return {
		...running,
		ports: [port],
		logged: () => counts,
		async turn(to) {
			child.send(to);
			counts = await answer();
		},
		async close() {
			await running.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** No key or proxy of the user's shell may take part in a measurement. */
function gatewayEnvironment(home: string): NodeJS.ProcessEnv {
	const { PATH, HOME, TMPDIR } = process.env;
	return { PATH, HOME, TMPDIR, WARMPATH_HOME: home };
}

function gatewayEntry(main: string | undefined): string[] {
	if (main !== undefined) return [main];
	const built = join(PROJECT, "dist", "main.js");
	return existsSync(built) ? [built] : ["--import", "tsx", join(PROJECT, "src", "main.ts")];
}

function gatewayConfig({ upstreamPorts, cooldown, upstreamModel }: GatewayOptions): string {
	const deployments = upstreamPorts.map((port, index) => ({
		model_name: BENCH_MODEL,
		litellm_params: {
			model: `anthropic/${upstreamModel ?? BENCH_MODEL}`,
			api_base: `http://127.0.0.1:${port}`,
			api_key: `sk-bench-${index + 1}`,
		},
	}));
	const routing = { affinity: true, ...(cooldown === undefined ? {} : { cooldown }) };
	// JSON is YAML.
	// Nothing of a log that was made for a measurement is swept away.
	const kept = { request_log: { max_size_mb: 1_000_000, max_age: "10000d" } };
	const warmpath = { routing, log: { level: "info", format: "json" }, ...kept };
	return JSON.stringify({ model_list: deployments, warmpath });
}

function handle(child: ChildProcess): Omit<Child, "ports"> {
	const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	const alive = () => child.exitCode === null && child.signalCode === null;
	return {
		pid: child.pid ?? 0,
		alive,
		async close() {
			if (!alive()) return;
			if (child.connected) child.disconnect();
			else child.kill("SIGTERM");
			const cutOff = setTimeout(() => child.kill("SIGKILL"), 5_000);
			await ended;
			clearTimeout(cutOff);
		},
	};
}

function projectFolder(from: string): string {
	let folder = from;
	while (!existsSync(join(folder, "package.json"))) {
		const parent = dirname(folder);
		if (parent === folder) throw new Error("no package.json above the bench");
		folder = parent;
	}
	return folder;
}
