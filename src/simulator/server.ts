// The simulated provider as servers on real ports: start, addresses, close. Leaves requests to service.ts and state to world.ts.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { AwsAccount } from "./aws/accounts.ts";
import type { Deployment, Domain } from "./deployment.ts";
import type { Faults } from "./faults.ts";
import type { FoundryResource } from "./foundry.ts";
import type { GoogleProject, ServiceAccountKey } from "./google/projects.ts";
import type { RecordedRequest } from "./journal.ts";
import type { OpenAiServer } from "./openai/servers.ts";
import type { SimulatorOptions } from "./options.ts";
import { serve } from "./service.ts";
import { type Report, World } from "./world.ts";

/** Longer than clients keep idle connections, so that reuse never races with our closing. */
const KEEP_ALIVE_MS = 120_000;

/** A deployment of another vendor and where to reach it. */
type Reachable<T extends Deployment> = T & {
	/** Its own port if it asked for one, else the simulator's. No trailing slash. */
	readonly url: string;
};

/** An AWS account and where to reach it. */
export type SimulatedAccount = Reachable<AwsAccount> & {
	/** The runtime endpoint of one Region: there, signatures must be scoped to it. */
	runtimeUrl(region: string): string;
	/** The mantle endpoint of one Region, without `/anthropic`. */
	mantleUrl(region: string): string;
};

/** A Google project and where to reach it. */
type SimulatedProject = Reachable<GoogleProject> & {
	/** Answers service accounts' assertions and refresh tokens. */
	readonly tokenUrl: string;
	/** The key file of its service account, whose `token_uri` is `tokenUrl`. Made at the first call. */
	serviceAccount(): ServiceAccountKey;
};

/** A key of the first-party API and where to reach it. */
interface SimulatedDeployment {
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
	/** Keys of the first-party API; the other vendors follow. */
	readonly deployments: readonly SimulatedDeployment[];
	readonly aws: readonly SimulatedAccount[];
	readonly google: readonly SimulatedProject[];
	readonly foundry: readonly Reachable<FoundryResource>[];
	readonly openai: readonly Reachable<OpenAiServer>[];
	/** The cache domains that exist so far; their caches can be asked directly. */
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
		const urls = new Map<Deployment, string>();
		for (const deployment of world.deployments) {
			urls.set(deployment, deployment.port === null ? url : addressOf(host, await open(deployment.port, deployment)));
		}
		const reach = <T extends Deployment>(deployment: T): Reachable<T> => ({
			...deployment,
			url: urls.get(deployment) ?? url,
		});
		return {
			url,
			port,
			deployments: world.apiKeys.map((key) => {
				const { name, apiKey, domain } = key;
				const { organization, workspace } = domain;
				return { name, apiKey, organization, workspace, domain: domain.name, url: urls.get(key) ?? url };
			}),
			aws: world.aws.all.map((account) => ({
				...reach(account),
				runtimeUrl: (region) => `${urls.get(account) ?? url}/aws/${region}`,
				mantleUrl: (region) => `${urls.get(account) ?? url}/mantle/${region}`,
			})),
			google: world.google.all.map((project) => {
				const tokenUrl = `${urls.get(project) ?? url}/token`;
				return { ...reach(project), tokenUrl, serviceAccount: () => world.google.serviceAccount(project, tokenUrl) };
			}),
			foundry: world.foundry.map(reach),
			openai: world.openai.map(reach),
			get domains() {
				return world.domains;
			},
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
