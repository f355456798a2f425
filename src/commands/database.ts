// Which database a command works with, and opening it for a gateway that is about to start. Leaves the database itself to db/.
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/schema.ts";
import type { Database } from "../db/database.ts";
import { type DatabaseLocation, defaultLocation, describeLocation, parseDatabaseUrl } from "../db/location.ts";
import { openDatabase } from "../db/open.ts";
import type { Logger } from "../telemetry/log.ts";

/** What a command below `warmpath db` reads and writes beside the database. */
export interface DbIo {
	readonly out: NodeJS.WritableStream;
	readonly err: (text: string) => void;
	/** Whether somebody reads `err` on a terminal. */
	readonly terminal: boolean;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly now: () => number;
}

/** `general_settings.database_url`, else the file in the user's data folder. Throws an Error that says what is wrong with the address. */
export function locationOf(
	config: Pick<Config, "databaseUrl"> | null,
	env: Readonly<Record<string, string | undefined>>,
): DatabaseLocation {
	const url = config?.databaseUrl?.reveal();
	const location = url === undefined ? defaultLocation(env) : parseDatabaseUrl(url);
	if (location !== null) return location;
	throw new Error(
		"general_settings.database_url is no address of a database: write postgres://USER:PASSWORD@HOST/DATABASE",
	);
}

/** A server may be starting just as the gateway is, so it is waited for. */
const WAIT_MS = 30_000;
const RETRY_MS = 1_000;

/**
 * Opens the database for a gateway. A file that nobody asked for and that cannot be made (a read-only home) is done without, with a
 * warning: null. A database that was asked for must be there: rejects with what is wrong.
 */
export async function openForServing(
	config: Config,
	env: Readonly<Record<string, string | undefined>>,
	log: Logger,
): Promise<Database | null> {
	const location = locationOf(config, env);
	for (const until = Date.now() + WAIT_MS; ; ) {
		try {
			return await openDatabase(location);
		} catch (error) {
			const message = error instanceof Error ? error.message : String(error);
			if (config.databaseUrl === null) {
				log.warn(`${message} The gateway runs without a request log and without keys of its own.`);
				return null;
			}
			if (location.kind === "sqlite" || Date.now() >= until || /newer version/.test(message)) throw error;
			log.warn(`waiting for ${describeLocation(location)}: ${message}`);
			await sleep(RETRY_MS);
		}
	}
}
