// Options of a simulator and their defaults. Leaves building it to world.ts and listening to server.ts.
import type { Answer } from "./answer.ts";
import type { AwsAccountOptions } from "./aws/accounts.ts";
import type { CacheRules } from "./cache.ts";
import type { Clock } from "./clock.ts";
import type { FoundryResourceOptions } from "./foundry.ts";
import type { GoogleProjectOptions } from "./google/projects.ts";
import type { Limits } from "./limits.ts";
import type { OpenAiServerOptions } from "./openai/servers.ts";
import type { PromptRules } from "./prompt.ts";
import type { MessagesRequest } from "./request.ts";

/** One API key of the first-party API. */
export interface DeploymentOptions {
	readonly name: string;
	/** Default `sk-sim-<name>`. Must be unique. */
	readonly apiKey?: string;
	/** Default `org-<name>`: an organization of its own. */
	readonly organization?: string;
	/** Default `wrkspc-<organization>`. Keys of one organization and workspace share a cache. */
	readonly workspace?: string;
	/** Limits of the whole organization; deployments of one organization must not contradict each other. Default unlimited. */
	readonly limits?: Limits;
	/** Also listen on a port of its own (0: a free one), where only this deployment's key is known. */
	readonly port?: number;
}

/** How long answers take. Rates are tokens per second. */
export interface Latency {
	/** Default 400. */
	readonly baseMs: number;
	/** Uncached input. Default 8,000. */
	readonly prefillRate: number;
	/** Input read from the cache. Default 200,000. */
	readonly restoreRate: number;
	/** Output. Default 80. */
	readonly decodeRate: number;
}

/**
 * Everything has a default that makes answers immediate and limits absent, but at least one deployment of some vendor is needed.
 * Names are unique over all vendors.
 */
export interface SimulatorOptions {
	/** Keys of the first-party API. */
	readonly deployments?: readonly DeploymentOptions[];
	/** AWS accounts: Bedrock (runtime and mantle), STS, and the Claude Platform on AWS. */
	readonly aws?: readonly AwsAccountOptions[];
	/** Google projects: Vertex AI, Claude managed by Anthropic, and the token endpoint. */
	readonly google?: readonly GoogleProjectOptions[];
	/** Microsoft Foundry resources. */
	readonly foundry?: readonly FoundryResourceOptions[];
	/** OpenAI-compatible servers. */
	readonly openai?: readonly OpenAiServerOptions[];
	/** Default 127.0.0.1. */
	readonly host?: string;
	/** Port that knows every deployment's key. Default 0: a free one. */
	readonly port?: number;
	/** Share of the modelled latency that is really waited: 1 is real time, 0.1 ten times faster, 0 (default) no waiting. */
	readonly speed?: number;
	readonly latency?: Partial<Latency>;
	readonly cache?: Partial<CacheRules>;
	readonly prompt?: Partial<Omit<PromptRules, "organization">>;
	/** Beta names that are refused with a 400. Default none. */
	readonly unknownBetas?: readonly string[];
	/** Context window in place of the model table's, in tokens. */
	readonly contextTokens?: (model: string) => number | null;
	/** Answer in place of the scripted one; null: scripted. */
	readonly answer?: (request: MessagesRequest) => Answer | null;
	/** Default: real time. */
	readonly clock?: Clock;
	/** Real time in milliseconds, which dates signatures and tokens whatever `clock` says. Default Date.now. */
	readonly wallClock?: () => number;
	/** Seed of every random choice. Default 1. */
	readonly seed?: number;
	/** Requests that are kept. Default 2,000. */
	readonly recordLimit?: number;
	/** Keep raw bodies too. Default false. */
	readonly recordBodies?: boolean;
	/** Told of a failure inside the simulator, which the client sees as a 500. Default: written to stderr. */
	readonly onError?: (error: unknown) => void;
}

/** Defaults of `Latency`. */
export const DEFAULT_LATENCY: Latency = { baseMs: 400, prefillRate: 8_000, restoreRate: 200_000, decodeRate: 80 };
