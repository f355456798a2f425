// From a program's configuration and options to everything that serves, without a listener. Leaves building it to gateway.ts.

import type { Env } from "../config/environment.ts";
import { formatDiagnostic } from "../config/report.ts";
import type { Config } from "../config/schema.ts";
import type { Database } from "../db/database.ts";
import { parseDatabaseUrl } from "../db/location.ts";
import { openDatabase } from "../db/open.ts";
import type { GatewayOptions } from "../gateway.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LibraryOptions {
	/** Default: `process.env`. */
	readonly env?: Env;
	/** What is written to standard error. Default: what the configuration says for a gateway, `warn` for a router. */
	readonly log?: LogLevel;
}

/** A database that the configuration names is opened, no other. Rejects with what is wrong with it. */
async function databaseOf({ databaseUrl }: Config): Promise<Database | null> {
	if (databaseUrl === null) return null;
	const location = parseDatabaseUrl(databaseUrl.reveal());
	if (location === null) {
		throw new Error(
			"general_settings.database_url is no address of a database: write postgres://USER:PASSWORD@HOST/DATABASE",
		);
	}
	return openDatabase(location);
}

/** Standard output is the program's. */
export function logTo(level: LogLevel): Logger {
	return createLogger({ level, format: process.stderr.isTTY ? "human" : "json" }, process.stderr);
}

/** Builds over the database that the configuration names, and tells the configuration's warnings. What was opened is closed if that fails. */
export async function opened<Built>(
	config: Config,
	log: Logger,
	build: (options: GatewayOptions) => Promise<Built>,
): Promise<{ readonly built: Built; readonly database: Database | null }> {
	for (const warning of config.warnings) log.warn(formatDiagnostic(warning));
	const database = await databaseOf(config);
	try {
		return { built: await build({ log, database }), database };
	} catch (error) {
		await database?.close();
		throw error;
	}
}

/** Runs `end` and closes the database behind it, once: further calls wait for the first. */
export function closing(
	end: (graceMs: number) => Promise<void>,
	database: Database | null,
): { close(graceMs?: number): Promise<void>; [Symbol.asyncDispose](): Promise<void> } {
	let closed: Promise<void> | null = null;
	const close = (graceMs = 10_000) => {
		closed ??= end(graceMs).then(() => database?.close());
		return closed;
	};
	return { close, [Symbol.asyncDispose]: () => close(0) };
}
