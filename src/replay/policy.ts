// What a routing policy is to a replay: a gateway that is asked where to send and learns what became of it. Leaves choosing to policies/.
import type { Usage } from "../protocol/usage.ts";
import type { SharedState } from "../state/state.ts";
import type { ProviderLimits } from "./provider.ts";
import type { Random } from "./random.ts";
import type { ReplayRequest } from "./workload.ts";

/** The routing of one arrival of a request at a gateway. */
export interface Routing {
	/** Where to send now, or to wait; null = nowhere (any more), the client gets a 429. Called again after a failure or a wait. */
	next(now: number): ReplayTarget | Pause | null;
	/** When the gateway would try again, ms; null = it does not know. */
	retryAt(now: number): number | null;
}

/** A deployment to send to. */
export interface ReplayTarget {
	/** 0 to deployments - 1. */
	readonly deployment: number;
	/** The request is on its way. */
	dispatched(now: number): Dispatched;
}

/** The gateway holds the request back: `next` is to be called again at `until`, or when `onRelease` calls, whichever is first. */
export interface Pause {
	readonly until: number;
	onRelease(listener: () => void): void;
}

/** A request on its way: `limited`, or `started` and then `settled`. */
export interface Dispatched {
	limited(retryAfterMs: number, now: number): void;
	started(now: number): void;
	settled(usage: Usage, now: number): void;
}

/** One gateway's routing, with the table that it keeps. */
export interface Policy {
	route(request: ReplayRequest, now: number): Routing;
}

/** What policies may know of the world. */
export interface PolicyOptions {
	readonly deployments: number;
	/** As an operator would write them into the configuration. */
	readonly limits: ProviderLimits;
	readonly random: Random;
	/** Through which this gateway publishes to the others; null = it is alone. */
	readonly shared: SharedState | null;
}

export type PolicyFactory = (options: PolicyOptions) => Policy;
