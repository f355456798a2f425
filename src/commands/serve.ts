// `warmpath serve`: load the file, open the database, start, reload on SIGHUP, close on SIGINT and SIGTERM.

import { setFlagsFromString } from "node:v8";
import { loadConfig } from "../config/load.ts";
import { formatDiagnostic } from "../config/report.ts";
import type { Config, Diagnostic } from "../config/schema.ts";
import { listenAt, listenFault } from "../config/sections/listen.ts";
import { type RunningGateway, startGateway } from "../gateway.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { openForServing } from "./database.ts";

export interface ServeOptions {
	readonly config: string;
	readonly host?: string;
	readonly port?: number;
}

/**
 * Request bodies are large and short-lived. With V8's default growth the old generation is collected every ten requests of 800 KB, which
 * cost more than everything else the gateway did (bench/, 799k scenarios).
 */
const HEAP_GROWING_PERCENT = 200;

/** Runs until a signal ends it. Prints `RUNNING on http://HOST:PORT` when ready; sets exit code 1 when the file has faults. */
export async function serveCommand(options: ServeOptions): Promise<void> {
	setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
	const loaded = read(options);
	if ("faults" in loaded) {
		for (const fault of loaded.faults) process.stderr.write(`${formatDiagnostic(fault)}\n`);
		process.stderr.write(
			`\n${options.config} was not loaded. Mend it and try again; 'warmpath check ${options.config}' shows more.\n`,
		);
		process.exitCode = 1;
		return;
	}
	const { config } = loaded;
	const log = createLogger(config.log);
	for (const warning of config.warnings) log.warn(formatDiagnostic(warning));
	const database = await openForServing(config, process.env, log);
	const gateway = await startGateway(config, { log, database });
	lastResort(log, () => gateway.close(30_000).then(() => database?.close()));
	process.stdout.write(`RUNNING on http://${config.listen.host}:${gateway.port}\n`);
	process.on("SIGHUP", () => {
		reload(gateway, options, log).catch((error: unknown) => {
			log.error({ err: error }, `${options.config} could not be taken: the configuration in use stays`);
		});
	});
	for (const signal of ["SIGINT", "SIGTERM"] as const) {
		process.once(signal, () => {
			log.info("closing: waiting for running answers; a second signal ends them");
			process.once(signal, () => process.exit(1));
			void gateway
				.close(30_000)
				.then(() => database?.close())
				.then(() => process.exit(0));
		});
	}
}

/**
 * For what no request answers for. A promise that nobody waited for leaves everything as it was: it is logged. After an exception in the event
 * loop nobody knows what was left half done: running answers come to their end, and the process ends with 1, for its supervisor to start anew.
 */
function lastResort(log: Logger, close: () => Promise<unknown>): void {
	process.on("unhandledRejection", (reason) => log.error({ err: reason }, "a promise failed that nobody waited for"));
	let isClosing = false;
	process.on("uncaughtException", (error) => {
		log.error({ err: error }, "an exception outside of any request: closing after the running answers");
		if (isClosing) return;
		isClosing = true;
		const exit = () => process.exit(1);
		void close().then(exit, exit);
	});
}

/** A bad file keeps the old configuration and says why. */
async function reload(gateway: RunningGateway, options: ServeOptions, log: Logger): Promise<void> {
	const loaded = read(options);
	if ("faults" in loaded) {
		for (const fault of loaded.faults) log.error(formatDiagnostic(fault));
		log.error(`${options.config} has faults: the configuration in use stays`);
		return;
	}
	const { config } = loaded;
	for (const warning of config.warnings) log.warn(formatDiagnostic(warning));
	if (config.listen.host !== gateway.host || (options.port === undefined && config.listen.port !== gateway.port)) {
		log.warn("the listening address changes only with a restart");
	}
	await gateway.reload(config);
	const deployments = counted(config.deployments.length, "deployment");
	log.info(`reloaded ${options.config}: ${deployments} in ${counted(config.groups.size, "model group")}`);
}

function counted(number: number, noun: string): string {
	return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function read(options: ServeOptions): { readonly config: Config } | { readonly faults: readonly Diagnostic[] } {
	const loaded = loadConfig(options.config, { env: process.env });
	if (!loaded.ok) return { faults: loaded.diagnostics };
	const listen = listenAt(loaded.config.listen, options);
	const fault = listenFault(listen, loaded.config.masterKey);
	if (fault !== null) return { faults: [fault] };
	return { config: { ...loaded.config, listen } };
}
