// The simulated provider as servers on real ports: start, addresses, close. Leaves requests to service.ts and state to world.ts.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Faults } from "./faults.ts";
import type { RecordedRequest } from "./journal.ts";
import type { SimulatorOptions } from "./options.ts";
import { serve } from "./service.ts";
import { type Deployment, type Domain, type Report, World } from "./world.ts";

/** Longer than clients keep idle connections, so that reuse never races with our closing. */
const KEEP_ALIVE_MS = 120_000;

/** A deployment and where to reach it. */
export interface SimulatedDeployment {
	readonly name: string;
	readonly apiKey: string;
	readonly organization: string;
	readonly workspace: string;
	/** Name of its cache domain. */
	readonly domain: string;
	/** Its own port if it asked for one, else the simulator's. No trailing slash. */
	readonly url: string;
}

/** A running simulated provider. */
export interface Simulator extends AsyncDisposable {
	/** Base URL that knows every deployment's key. No trailing slash. */
	readonly url: string;
	readonly port: number;
	readonly deployments: readonly SimulatedDeployment[];
	/** The cache domains; their caches can be asked directly. */
	readonly domains: readonly Domain[];
	readonly faults: Faults;
	/** The kept requests, oldest first. A request is complete here before its client can see the end of the answer. */
	recorded(): RecordedRequest[];
	report(requestLimit?: number): Report;
	/** Empties caches, limits, faults and records. */
	reset(): void;
	/** Ends every socket and timer. Resolves when all ports are free; may be called twice. */
	close(): Promise<void>;
}

/** Starts a simulator. Rejects with a TypeError for options that contradict each other, or when a port is taken. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
	const world = new World(options);
	const host = options.host ?? "127.0.0.1";
	const servers: Server[] = [];
	const open = async (port: number, only: Deployment | null): Promise<number> => {
		const server = createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
			serve({ world, only }, request, response).catch(() => response.destroy());
		});
		servers.push(server);
		return listen(server, host, port);
	};
	const close = async () => {
		await Promise.all(servers.map(stop));
	};
	try {
		const port = await open(options.port ?? 0, null);
		const url = addressOf(host, port);
		const deployments: SimulatedDeployment[] = [];
		for (const deployment of world.deployments) {
			const ownUrl = deployment.port === null ? url : addressOf(host, await open(deployment.port, deployment));
			const { name, apiKey, domain } = deployment;
			const { organization, workspace } = domain;
			deployments.push({ name, apiKey, organization, workspace, domain: domain.name, url: ownUrl });
		}
		return {
			url,
			port,
			deployments,
			domains: world.domains,
			faults: world.faults,
			recorded: () => world.journal.requests(),
			report: (requestLimit) => world.report(requestLimit),
			reset: () => world.reset(),
			close,
			[Symbol.asyncDispose]: close,
		};
	} catch (error) {
		await close();
		throw error;
	}
}

function listen(server: Server, host: string, port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, () => {
			server.off("error", reject);
			// A socket error after this point belongs to one client and must not end the process.
			server.on("error", () => {});
			resolve((server.address() as AddressInfo).port);
		});
	});
}

function stop(server: Server): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
		server.closeAllConnections();
	});
}

function addressOf(host: string, port: number): string {
	return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
