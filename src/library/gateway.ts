// The gateway as a part of a program: with a listener of its own, or inside the program's HTTP server. Leaves calls without HTTP to
// router.ts.
import type { Config } from "../config/schema.ts";
import { openGateway, startGateway } from "../gateway.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { Calls } from "./calls.ts";
import { type ConfigSource, listeningOn, readConfig } from "./config-source.ts";
import { InFlight } from "./in-flight.ts";
import { type ModelCalls, modelCalls } from "./model-calls.ts";
import { closing, type LibraryOptions, logTo, opened } from "./opening.ts";
import { type HandlerOptions, prefixOf, type RequestHandler, requestHandler } from "./request-handler.ts";

/** What a gateway inside a program has, with a listener or without. */
export interface Embedded extends AsyncDisposable {
	/** Calls without HTTP that share what is known of caches and limits with all other requests. They need no key. */
	readonly router: ModelCalls;
	/**
	 * Swaps the configuration: requests in flight keep the old one, what is known of caches stays. Rejects with ConfigError and changes
	 * nothing.
	 */
	reload(config: ConfigSource): Promise<void>;
	/** Takes no new requests, ends those that still run after `graceMs` (default 10 s), closes every socket. */
	close(graceMs?: number): Promise<void>;
}

/** A gateway that listens. */
export interface Gateway extends Embedded {
	/** An address that reaches it from this machine: `http://127.0.0.1:4000`. */
	readonly url: string;
	readonly host: string;
	readonly port: number;
	/** The same gateway on the program's own server. */
	readonly handler: RequestHandler;
}

/** A handler with a gateway of its own, which listens on nothing. */
export type GatewayHandler = RequestHandler & Embedded;

export interface StartOptions extends LibraryOptions, HandlerOptions {
	/** In place of `warmpath.listen.host`. */
	readonly host?: string;
	/** In place of `warmpath.listen.port`; 0 = a free one. */
	readonly port?: number;
}

export const Gateway = {
	/**
	 * Listens as `warmpath serve` does; the program's signals are left alone. Rejects with ConfigError, or where the address is in use. A
	 * database that the configuration names is used; no other is.
	 */
	async start(source: ConfigSource, options: StartOptions = {}): Promise<Gateway> {
		const { env = process.env, host, port } = options;
		const prefix = prefixOf(options);
		const config = listeningOn(readConfig(source, env), { host, port });
		const { built, database } = await opened(config, logOf(config, options), (parts) => startGateway(config, parts));
		const inFlight = new InFlight();
		return {
			url: built.url,
			host: built.host,
			port: built.port,
			handler: requestHandler(built, inFlight, { ...options, prefix }),
			router: modelCalls(new Calls(built, inFlight)),
			// The address changes only with a restart.
			reload: async (next) => built.reload({ ...readConfig(next, env), listen: config.listen }),
			...closing((graceMs) => built.close(graceMs, () => inFlight.drain(graceMs)), database),
		};
	},
};

/**
 * The gateway as a handler for the program's own HTTP server. Rejects with ConfigError; with a TypeError for a prefix that cannot be one.
 */
export async function createHandler(
	source: ConfigSource,
	options: LibraryOptions & HandlerOptions = {},
): Promise<GatewayHandler> {
	const { env = process.env } = options;
	const prefix = prefixOf(options);
	const config = readConfig(source, env);
	const inFlight = new InFlight();
	const { built, database } = await opened(config, logOf(config, options), (parts) => openGateway(config, parts));
	return Object.assign(requestHandler(built, inFlight, { ...options, prefix }), {
		router: modelCalls(new Calls(built, inFlight)),
		reload: async (next: ConfigSource) => built.reload(readConfig(next, env)),
		...closing((graceMs) => built.close(() => inFlight.drain(graceMs)), database),
	});
}

function logOf(config: Config, { log }: LibraryOptions): Logger {
	return log === undefined ? createLogger(config.log) : logTo(log);
}
