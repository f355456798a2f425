// Routing as a library: calls to models from a program of its own, without a server. Leaves the calls to model-calls.ts and calls.ts.
import { openGateway } from "../gateway.ts";
import { Calls } from "./calls.ts";
import { type ConfigSource, readConfig } from "./config-source.ts";
import { InFlight } from "./in-flight.ts";
import { type ModelCalls, modelCalls } from "./model-calls.ts";
import { closing, type LibraryOptions, logTo, opened } from "./opening.ts";

/** Sends a program's calls to the deployment where their prompt is cached. Listens on nothing. */
export interface Router extends ModelCalls, AsyncDisposable {
	/** Swaps the configuration: calls in flight keep the old one, what is known of caches stays. Throws ConfigError and changes nothing. */
	reload(config: ConfigSource): Promise<void>;
	/** Lets no new call begin, ends those that still run after `graceMs` (default 10 s), closes every socket. */
	close(graceMs?: number): Promise<void>;
}

export const Router = {
	/** Rejects with ConfigError where the configuration has faults. A database that it names is used as by the gateway; no other is. */
	async open(source: ConfigSource, options: LibraryOptions = {}): Promise<Router> {
		const { env = process.env, log = "warn" } = options;
		const config = readConfig(source, env);
		const { built, database } = await opened(config, logTo(log), (parts) => openGateway(config, parts));
		const inFlight = new InFlight();
		return {
			...modelCalls(new Calls(built, inFlight)),
			reload: async (next) => built.reload(readConfig(next, env)),
			...closing((graceMs) => built.close(() => inFlight.drain(graceMs)), database),
		};
	},
};
