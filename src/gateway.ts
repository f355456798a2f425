// Composition root: the only place that constructs long-lived things. Open, listen, reload, close.
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import type { Hono } from "hono";
import { Access, type ConfiguredKey } from "./access/access.ts";
import type { Directory } from "./access/directory.ts";
import { FIELDS } from "./access/fields.ts";
import { createAdminApp } from "./admin/app.ts";
import { principalOf, sessionsOf, warnOfMasterAmongKeys } from "./admin/session/principal.ts";
import type { Config } from "./config/schema.ts";
import { derivedSecret, stretchedKey } from "./config/stretched-key.ts";
import type { Database } from "./db/database.ts";
import { fixedChanges } from "./gateway/fixed-options.ts";
import { fingerprintSeed, openState } from "./gateway/shared-state.ts";
import { createHasher, type PromptHasher } from "./prompt/outline.ts";
import { createProvider, createProviderDeps } from "./providers/index.ts";
import type { Provider, ProviderDeps } from "./providers/provider.ts";
import { Admission } from "./proxy/admission/admission.ts";
import { createAuthenticate, foreignPage } from "./proxy/admission/authenticate.ts";
import { Permissions } from "./proxy/admission/permissions.ts";
import { explainNow } from "./proxy/explain-now.ts";
import type { Serving } from "./proxy/handler.ts";
import { type AutomaticMarking, createAutomaticMarking } from "./proxy/marking.ts";
import { probe } from "./proxy/probe.ts";
import type { Recorder } from "./proxy/record/recorder.ts";
import { clientCredentialUpstreams } from "./proxy/upstream/own-credential.ts";
import { UpstreamPools } from "./proxy/upstream/upstream.ts";
import { type LogService, startLogService } from "./requestlog/service.ts";
import { createClocks } from "./routing/clock.ts";
import { createCounterfactual } from "./routing/counterfactual.ts";
import { createRouter, type LiveRouter } from "./routing/router.ts";
import { createGatewayServer, createOffer, listen, type Offer, reachableHost, trackSockets } from "./server.ts";
import type { RedisState } from "./state/redis.ts";
import { createLogger, type Logger } from "./telemetry/log.ts";

const { version: VERSION } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
	version: string;
};

/** How long closing waits for the database to take what is left of the request log. */
const LOG_GRACE_MS = 5_000;
/** How soon a closing gateway closes connections whose answer is complete. */
const ANSWERED_MS = 50;
/** How long starting waits for what other replicas know. */
const STATE_READY_MS = 2_000;

export interface GatewayOptions {
	/** Where the log goes; by default made from the configuration. */
	readonly log?: Logger;
	/** The wall clock, ms since epoch. */
	readonly now?: () => number;
	/** A clock that goes forward evenly, ms; absent = the machine's, or `now` where that is given. */
	readonly steady?: () => number;
	/**
	 * Of the request log, keys, teams, budgets and spend; open, and closed by whoever opened it. Absent or null = no log, and keys of the
	 * configuration only.
	 */
	readonly database?: Database | null;
	/** In 0..1, for tie-breaks that nothing else decides. */
	readonly random?: () => number;
}

/** Everything of a gateway but its listener: what a program uses that serves requests of its own. */
export interface OpenGateway {
	/** Serves one HTTP request. */
	readonly offer: Offer;
	/** What a request that begins now is served with. */
	readonly serving: () => Serving;
	readonly router: LiveRouter;
	/** Keys, teams, budgets and what was spent. */
	readonly access: Access;
	/** Null where the request log is off, or there is no database. */
	readonly requestLog: LogService | null;
	/** Swaps the configuration: requests in flight keep the old one, warm prefixes are kept by deployment id. */
	reload(config: Config): Promise<void>;
	/** Waits for `drained`, when requests in flight have ended, then closes every socket; the second call does nothing. */
	close(drained?: () => Promise<void>): Promise<void>;
}

/** A running gateway. */
export interface RunningGateway
	extends Pick<OpenGateway, "offer" | "serving" | "router" | "access" | "requestLog" | "reload"> {
	/** `http://127.0.0.1:4000`: an address that reaches it from this machine. */
	readonly url: string;
	readonly host: string;
	readonly port: number;
	/**
	 * Stops listening, lets requests in flight finish for `graceMs` (default 10 s), waits for `drained` where requests came on other ways
	 * than the listener, then closes every socket.
	 */
	close(graceMs?: number, drained?: () => Promise<void>): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}

/** Builds everything from a configuration and listens. Rejects when the address cannot be listened on. */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<RunningGateway> {
	const open = await openGateway(config, options);
	const server = createGatewayServer(open.offer, {
		refuse: (request) => (open.serving().config.masterKey === null ? foreignPage(request.headers) : null),
		keepAliveMs: config.listen.keepAliveMs,
		onFault: (error) => open.serving().log.error({ err: error }, "a request could not be taken"),
	});
	const sockets = trackSockets(server);
	try {
		await listen(server, config.listen);
	} catch (error) {
		await open.close();
		throw error;
	}
	const { port } = server.address() as AddressInfo;
	const { host } = config.listen;

	function drain(graceMs: number): Promise<void> {
		return new Promise((resolve) => {
			const cutOff = setTimeout(() => {
				for (const socket of sockets) socket.destroy();
			}, graceMs);
			// Clients keep a connection open for their next request when they have their answer.
			const closeAnswered = setInterval(() => server.closeIdleConnections(), ANSWERED_MS);
			server.close(() => {
				clearTimeout(cutOff);
				clearInterval(closeAnswered);
				resolve();
			});
			server.closeIdleConnections();
		});
	}

	const { offer, serving, router, access, requestLog, reload } = open;
	return {
		url: `http://${reachableHost(host)}:${port}`,
		host,
		port,
		offer,
		serving,
		router,
		access,
		requestLog,
		reload,
		close: (graceMs = 10_000, drained = async () => {}) =>
			open.close(async () => {
				await Promise.all([drain(graceMs), drained()]);
			}),
		[Symbol.asyncDispose]: () => open.close(() => drain(0)),
	};
}

/** Builds everything from a configuration, and opens nothing but what `options` and the configuration name. */
export async function openGateway(config: Config, options: GatewayOptions = {}): Promise<OpenGateway> {
	const stretched = await stretchedKey(config.masterKey);
	return new Gateway(config, stretched, await openParts(config, options, stretched));
}

/** What a gateway is made of for its whole life. */
interface Opened {
	/** What every configuration is served with. */
	readonly parts: Parts;
	readonly steady: () => number;
	/** Null = it is alone. */
	readonly shared: RedisState | null;
	readonly database: Database | null;
	readonly logService: LogService | null;
}

async function openParts(config: Config, options: GatewayOptions, stretched: Buffer): Promise<Opened> {
	const log = options.log ?? createLogger(config.log);
	const clocks = createClocks({
		...(options.now === undefined ? {} : { wall: options.now }),
		...(options.steady === undefined ? {} : { steady: options.steady }),
	});
	const { wall, slewing: now, steady } = clocks;
	const shared = openState(config, { log, now, stretched });
	const random = options.random ?? Math.random;
	const router = createRouter({ ...config, shared, random });
	await shared?.ready(STATE_READY_MS);
	const providerDeps = createProviderDeps({ now: wall, warn: (message) => log.warn(message) });
	const database = options.database ?? null;
	const access = await Access.open({
		database,
		keys: configuredKeys(config),
		hashSecret: config.keySettings.hashSecret,
		...(config.masterKey === null ? {} : { pepper: derivedSecret(stretched, "key hashes") }),
		now: wall,
		onTrouble: (message) => log.warn(message),
		onRead: (directory) => applyDrains(router, directory),
	});
	const domainOf = (deployment: { readonly id: string }) => router.domainOf(deployment) ?? deployment.id;
	const logService =
		database === null || !config.requestLog.enabled
			? null
			: startLogService(database, config.requestLog, { log, now: wall });
	const recorder: Recorder = {
		requests: logService?.requests ?? null,
		counterfactual: createCounterfactual({ domainOf, random }),
		domainOf: (deployment) => router.cacheDomainOf(deployment),
	};
	const { directory, spend } = access;
	const parts = {
		router,
		log,
		now,
		wall,
		hasher: await createHasher(fingerprintSeed(stretched)),
		providerDeps,
		access,
		permissions: new Permissions(directory),
		admission: new Admission({ directory, spend, log, wall, steady }),
		recorder,
		automaticMarking: createAutomaticMarking(),
	};
	return { parts, steady, shared, database, logService };
}

class Gateway implements OpenGateway {
	readonly offer: Offer;
	readonly #config: Config;
	readonly #opened: Opened;
	#pools: UpstreamPools;
	#serving: Serving;
	#stretched: Buffer;
	#closing = false;
	#reloading: Promise<void> = Promise.resolve();

	/** `stretched` is of the configuration's master key. */
	constructor(config: Config, stretched: Buffer, opened: Opened) {
		this.#config = config;
		this.#opened = opened;
		this.#stretched = stretched;
		this.#pools = new UpstreamPools(config.timeouts.connectMs);
		this.#serving = assemble(config, this.#pools, opened.parts);
		this.offer = createOffer(this.serving, this.#adminApp());
		const { access, log } = opened.parts;
		warnOfMasterAmongKeys(config.masterKey, access, log);
	}

	get router(): LiveRouter {
		return this.#opened.parts.router;
	}

	get access(): Access {
		return this.#opened.parts.access;
	}

	get requestLog(): LogService | null {
		return this.#opened.logService;
	}

	readonly serving = (): Serving => this.#serving;

	/** One after the other: the last one asked for is the one that stays. */
	readonly reload = (next: Config): Promise<void> => {
		this.#reloading = this.#reloading.catch(() => {}).then(() => this.#reload(next));
		return this.#reloading;
	};

	async close(drained: () => Promise<void> = async () => {}): Promise<void> {
		if (this.#closing) return;
		this.#closing = true;
		await drained();
		await this.#pools.close();
		await this.#opened.shared?.close();
		await this.access.close();
		await this.requestLog?.close(LOG_GRACE_MS);
	}

	async #reload(next: Config): Promise<void> {
		const { parts } = this.#opened;
		const { router, access, log } = parts;
		for (const name of fixedChanges(this.#config, next)) {
			log.warn(`${name} has changed: it takes effect at the next start`);
		}
		const isSameConnect = next.timeouts.connectMs === this.#serving.config.timeouts.connectMs;
		const nextPools = isSameConnect ? this.#pools : new UpstreamPools(next.timeouts.connectMs);
		// First what may fail: then nothing has changed.
		const nextStretched = await stretchedKey(next.masterKey);
		const nextServing = assemble(next, nextPools, parts);
		const nextKeys = configuredKeys(next);
		router.update(next);
		if (access.durable) applyDrains(router, access.directory);
		access.setFileKeys(nextKeys);
		this.#pools = nextPools;
		this.#serving = nextServing;
		this.#stretched = nextStretched;
		warnOfMasterAmongKeys(next.masterKey, access, log);
	}

	#adminApp(): Hono {
		const { parts, steady, shared, database, logService } = this.#opened;
		const { router, access, log, now, wall } = parts;
		return createAdminApp({
			config: () => this.#serving.config,
			auth: {
				identify: (headers) => principalOf(this.#serving.authenticate(headers), access.directory),
				...sessionsOf({
					access,
					stretched: () => (this.#serving.config.masterKey === null ? null : this.#stretched),
					now: wall,
				}),
				keyRequired: () => this.#serving.config.masterKey !== null,
				now: wall,
				steady,
			},
			records: {
				access,
				now: wall,
				generated: () => this.#serving.config.keySettings.generated,
				isMasterKey: (text) => this.#serving.config.masterKey?.reveal() === text,
			},
			log:
				logService === null || database === null ? null : { database: { query: database.pages }, service: logService },
			router,
			version: VERSION,
			explain: (question) => explainNow(question, { ...this.#serving, directory: access.directory }),
			probe: (id) => probe(id, this.#serving),
			sharedState: () => (shared === null ? null : shared.connected ? "connected" : "detached"),
			closing: () => this.#closing,
			failed: (error, request) => log.error({ err: error }, `${request} failed inside the gateway`),
			now: wall,
			routerNow: now,
		});
	}
}

/** Deployments that the operator lets run empty are known to the database, so that all replicas and the next start do the same. */
function applyDrains(router: LiveRouter, directory: Directory): void {
	for (const { id } of router.deployments()) {
		router.setDraining(id, directory.get("deployment", id)?.fields.draining ?? false);
	}
}

interface Parts {
	readonly router: LiveRouter;
	readonly log: Logger;
	readonly now: () => number;
	readonly wall: () => number;
	readonly hasher: PromptHasher;
	readonly providerDeps: ProviderDeps;
	readonly access: Access;
	readonly permissions: Permissions;
	readonly admission: Admission;
	readonly recorder: Recorder;
	readonly automaticMarking: AutomaticMarking;
}

function configuredKeys(config: Config): readonly ConfiguredKey[] {
	return config.keys.map(({ id, secret, fields }) => ({ id, secret, fields: FIELDS.key.parse(withoutNulls(fields)) }));
}

function withoutNulls(fields: object): Record<string, unknown> {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** One configuration's worth of parts. */
function assemble(config: Config, pools: UpstreamPools, parts: Parts): Serving {
	const providers = new Map<string, Provider>();
	for (const deployment of config.deployments) {
		providers.set(deployment.id, createProvider(deployment, parts.providerDeps));
	}
	return {
		...parts,
		config,
		pools,
		providers,
		clientCredentialUpstreams: clientCredentialUpstreams(config, (bare) => createProvider(bare, parts.providerDeps)),
		authenticate: createAuthenticate({
			masterKey: config.masterKey,
			keys: parts.access,
			keyHeader: config.keyHeader ?? null,
			passThrough: config.passThrough,
			now: parts.wall,
		}),
	};
}
