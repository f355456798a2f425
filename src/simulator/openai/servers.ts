// OpenAI-compatible servers: their keys, models and how their implicit prefix caches work. Leaves the form of the API to the files beside it.
import { hash as digest } from "node:crypto";
import type { Deployment, Domain, RateLimits } from "../deployment.ts";
import type { Limits } from "../limits.ts";

/** One OpenAI-compatible server, or one organization at OpenAI. */
export interface OpenAiServerOptions {
	readonly name: string;
	/** Default `sk-openai-<name>`; null: the server asks for no key. At most one server may be without. */
	readonly apiKey?: string | null;
	/** `openai`: 128-token steps from 1,024, machines chosen by prefix and key. `vllm`: 16-token blocks, one machine. Default `openai`. */
	readonly engine?: "openai" | "vllm";
	/** Models that GET /v1/models lists; any other is a 404. Default: every name is taken. */
	readonly models?: readonly string[];
	/** Default 128,000. */
	readonly contextTokens?: number;
	/** Tokens of one cached block. Default by engine: 128 or 16. */
	readonly blockTokens?: number;
	/** Shorter prefixes are not read. Default by engine: 1,024 or one block. */
	readonly minTokens?: number;
	/** Lifetime without use. Default by engine: 10 minutes, or an hour. */
	readonly ttlMs?: number;
	/** Machines, each with a cache of its own. Default by engine: 4 or 1. */
	readonly machines?: number;
	/** Requests a minute with one prefix and key, above which another machine takes over. Default 15; only with several machines. */
	readonly overflowPerMinute?: number;
	/** Per minute and model. */
	readonly limits?: Limits;
	/** Also listen on a port of its own (0: a free one). */
	readonly port?: number;
}

/** A server with its defaults filled in. */
export interface OpenAiServer extends Deployment {
	readonly apiKey: string | null;
	readonly models: readonly string[] | null;
	readonly contextTokens: number;
	readonly blockTokens: number;
	readonly minTokens: number;
	readonly engine: "openai" | "vllm";
	/** One cache per machine. */
	readonly machines: readonly Domain[];
	readonly overflowPerMinute: number;
	/** Requests in the current minute by routing key. */
	readonly traffic: Map<string, { minute: number; requests: number }>;
}

/** How long an entry of a server lives unused. */
export function lifetimeOf(options: OpenAiServerOptions): number {
	return options.ttlMs ?? (options.engine === "vllm" ? 60 : 10) * 60_000;
}

/** A server from its options. `machine` makes the cache of one machine. */
export function buildServer(
	options: OpenAiServerOptions,
	parts: { readonly limits: RateLimits; machine(name: string): Domain },
): OpenAiServer {
	const { name, engine = "openai" } = options;
	const count = options.machines ?? (engine === "openai" ? 4 : 1);
	if (!Number.isInteger(count) || count < 1) throw new TypeError(`OpenAI server ${name}: machines must be 1 or more`);
	const blockTokens = options.blockTokens ?? (engine === "openai" ? 128 : 16);
	return {
		name,
		vendor: "openai",
		organization: name,
		limits: parts.limits,
		port: options.port ?? null,
		apiKey: options.apiKey === undefined ? `sk-openai-${name}` : options.apiKey,
		models: options.models ?? null,
		contextTokens: options.contextTokens ?? 128_000,
		blockTokens,
		minTokens: options.minTokens ?? (engine === "openai" ? 1_024 : blockTokens),
		engine,
		machines: Array.from({ length: count }, (_, index) =>
			parts.machine(count === 1 ? "cache" : `machine-${index + 1}`),
		),
		overflowPerMinute: options.overflowPerMinute ?? 15,
		traffic: new Map(),
	};
}

/**
 * The machine that takes a request: by hash of the prompt's opening and `prompt_cache_key`, the next one for every
 * `overflowPerMinute` requests of the same key within a minute (providers §6). Counts the request.
 */
export function machineFor(server: OpenAiServer, routingKey: string, nowMs: number): Domain {
	const [first] = server.machines;
	if (first === undefined) throw new TypeError(`OpenAI server ${server.name} has no machine`);
	if (server.machines.length === 1) return first;
	const minute = Math.floor(nowMs / 60_000);
	const before = server.traffic.get(routingKey);
	const requests = before?.minute === minute ? before.requests : 0;
	server.traffic.set(routingKey, { minute, requests: requests + 1 });
	const home = Number.parseInt(digest("sha256", routingKey, "hex").slice(0, 8), 16);
	const shift = Math.floor(requests / server.overflowPerMinute);
	return server.machines[(home + shift) % server.machines.length] ?? first;
}
