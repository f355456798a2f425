// Composition root: the only place that constructs long-lived things. Start, reload, close.
import { createHash } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdminApp } from "./admin/app.ts";
import type { Config } from "./config/schema.ts";
import { createHasher, type HashSeed, type PromptHasher } from "./prompt/outline.ts";
import { createProvider } from "./providers/index.ts";
import type { Provider } from "./providers/provider.ts";
import { createAuthenticate } from "./proxy/authenticate.ts";
import type { Serving } from "./proxy/handler.ts";
import { UpstreamPools } from "./proxy/upstream.ts";
import { createRouter, type LiveRouter } from "./routing/router.ts";
import { createGatewayServer } from "./server.ts";
import { createLogger, type Logger } from "./telemetry/log.ts";

export interface GatewayOptions {
	/** Where the log goes; by default made from the configuration. */
	readonly log?: Logger;
	/** ms since epoch. */
	readonly now?: () => number;
	/** In 0..1, for tie-breaks that nothing else decides. */
	readonly random?: () => number;
}

/** A running gateway. */
export interface Gateway {
	/** `http://127.0.0.1:4000`: an address that reaches it from this machine. */
	readonly url: string;
	readonly host: string;
	readonly port: number;
	readonly router: LiveRouter;
	/** Swaps the configuration: requests in flight keep the old one, warm prefixes are kept by deployment id. */
	reload(config: Config): Promise<void>;
	/** Stops listening, lets requests in flight finish for `graceMs` (default 10 s), then closes every socket. */
	close(graceMs?: number): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}

/** Builds everything from a configuration and listens. Rejects when the address cannot be listened on. */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
	const log = options.log ?? createLogger(config.log);
	const now = options.now ?? Date.now;
	const router = createRouter({ ...config, ...(options.random === undefined ? {} : { random: options.random }) });
	const parts = { router, log, now, hasher: await createHasher(fingerprintSeed(config)) };
	let pools = new UpstreamPools(config.timeouts.connectMs);
	let serving = assemble(config, pools, parts);
	let closing = false;

	const admin = createAdminApp({
		config: () => serving.config,
		deployments: () => router.deployments(),
		authenticate: (headers) => serving.authenticate(headers),
		closing: () => closing,
		now,
	});
	const server = createGatewayServer(() => serving, admin);
	const sockets = trackSockets(server);
	await listen(server, config);
	const { port } = server.address() as AddressInfo;
	const { host } = config.listen;

	async function close(graceMs = 10_000): Promise<void> {
		if (closing) return;
		closing = true;
		const closed = new Promise<void>((resolve) => server.close(() => resolve()));
		server.closeIdleConnections();
		const cutOff = setTimeout(() => {
			for (const socket of sockets) socket.destroy();
		}, graceMs);
		await closed;
		clearTimeout(cutOff);
		await pools.close();
	}

	return {
		url: `http://${reachableHost(host)}:${port}`,
		host,
		port,
		router,
		async reload(next) {
			router.update(next);
			if (next.timeouts.connectMs !== serving.config.timeouts.connectMs)
				pools = new UpstreamPools(next.timeouts.connectMs);
			serving = assemble(next, pools, parts);
		},
		close,
		[Symbol.asyncDispose]: () => close(0),
	};
}

interface Parts {
	readonly router: LiveRouter;
	readonly log: Logger;
	readonly now: () => number;
	readonly hasher: PromptHasher;
}

/** One configuration's worth of parts. */
function assemble(config: Config, pools: UpstreamPools, parts: Parts): Serving {
	const providers = new Map<string, Provider>();
	for (const deployment of config.deployments) {
		const provider = createProvider(deployment);
		if (provider !== null) providers.set(deployment.id, provider);
	}
	return { ...parts, config, pools, providers, authenticate: createAuthenticate(config.masterKey) };
}

/**
 * Seed of the prompt fingerprints: secret where there is a master key, so that nobody can build colliding prompts, and equal on all
 * replicas of one configuration, so that they agree without talking.
 */
function fingerprintSeed(config: Config): HashSeed {
	const digest = createHash("sha256")
		.update("warmpath fingerprints 1\0")
		.update(config.masterKey?.reveal() ?? "")
		.digest();
	return { first: digest.readBigUInt64LE(0), second: digest.readBigUInt64LE(8) };
}

function listen(server: Server, config: Config): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(config.listen.port, config.listen.host, () => {
			server.off("error", reject);
			resolve();
		});
	});
}

function trackSockets(server: Server): ReadonlySet<Socket> {
	const sockets = new Set<Socket>();
	server.on("connection", (socket) => {
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
	});
	return sockets;
}

function reachableHost(host: string): string {
	if (host === "0.0.0.0") return "127.0.0.1";
	if (host === "::") return "[::1]";
	return host.includes(":") ? `[${host}]` : host;
}
