// A workload through gateways to the provider model, on a clock of its own. Leaves routing to the policy, and what is cached or refused to
// replay/provider.
import { canonicalModel } from "../cache/semantics.ts";
import { type Price, plainConditions, priceOf } from "../pricing/prices.ts";
import { createBus } from "../state/state.ts";
import { EventQueue } from "./event-queue.ts";
import { POLICIES, type PolicyName, REPLICATED } from "./policies/index.ts";
import { EPOCH_MS } from "./policies/warmpath.ts";
import type { Pause, Policy, ReplayTarget, Routing } from "./policy.ts";
import { PolicyFigures, type ReplayResult } from "./policy-figures.ts";
import { createProvider, type ProviderLimits, type ReplayProvider } from "./provider.ts";
import { createRandom, type Random } from "./random.ts";
import type { ReplayRequest, Workload } from "./workload.ts";

export interface SimulationOptions {
	readonly deployments: number;
	/** Of each deployment. */
	readonly limits: ProviderLimits;
	/** Requests come to any of so many gateways. */
	readonly gateways: number;
	/** separate: a gateway knows only what went through it · shared: they publish to each other, and receive it `tableDelayMs` later. */
	readonly table: "separate" | "shared";
	/** Of Warmpath's gateways; what other policies share, all know at once. */
	readonly tableDelayMs: number;
	readonly seed: number;
	/** Called now and then with the share done, 0 to 1. */
	readonly onProgress?: (share: number) => void;
}

/** Tries of a client, as Claude Code's ten retries are bounded. */
const MOST_TRIES = 10;
/** A client waits what `retry-after` says, up to this; a gateway never says more. */
const LONGEST_WAIT_MS = 60_000;
/** Without `retry-after`: a second, and up to another one. */
const BACKOFF_MS = 1_000;
const PROGRESS_EVERY = 2_000;
/** Later than every change of prices that is known. */
const LATEST_PRICES = Number.MAX_SAFE_INTEGER;

/** A request on its way through its client's tries. */
interface Journey {
	readonly request: ReplayRequest;
	readonly gateway: Policy;
	/** When the client sent it first, ms. */
	readonly sentAt: number;
	/** It was served or given up. */
	readonly over: (now: number) => void;
	tries: number;
	/** The shortest wait that an answer of this try named, ms. */
	retryAfterMs: number | null;
}

/** Runs the whole workload under one policy. The same arguments give the same result. */
export function simulate(workload: Workload, policy: PolicyName, options: SimulationOptions): ReplayResult {
	const single = policy === "single";
	const deployments = single ? 1 : options.deployments;
	const limits = single ? { inputTokens: null, requests: null } : options.limits;
	const queue = new EventQueue();
	const figures = new PolicyFigures(deployments, priceTable());
	const chance = createRandom(options.seed, `${policy} clients`);
	const gateways = createGateways(policy, { deployments, limits, queue, options });
	const clients = new Clients({ provider: createProvider({ deployments, limits }), figures, queue, chance });
	let begun = 0;
	for (const session of sessionsOf(workload)) {
		follow(session, queue, (request, now, over) => {
			if (begun % PROGRESS_EVERY === 0) options.onProgress?.(begun / workload.requests.length);
			begun += 1;
			const gateway = gateways[Math.floor(chance() * gateways.length)];
			if (gateway !== undefined)
				clients.send({ request, gateway, sentAt: now, over, tries: 0, retryAfterMs: null }, now);
		});
	}
	while (queue.step());
	return figures.result(policy);
}

type Send = (request: ReplayRequest, now: number, over: (now: number) => void) => void;

/**
 * Sends a session's requests in order, as far apart as recorded: one that had to wait delays all behind it, because an agent does not
 * send its next turn before the last one was answered.
 */
function follow(session: readonly ReplayRequest[], queue: EventQueue, send: Send): void {
	function begin(nth: number, lag: number): void {
		const request = session[nth];
		if (request === undefined) return;
		queue.add(request.at + lag, (now) => send(request, now, (over) => begin(nth + 1, over - request.at)));
	}
	begin(0, 0);
}

/** Requests by session, each in order of time; one without a session stands alone. */
function sessionsOf({ requests }: Workload): readonly (readonly ReplayRequest[])[] {
	const sessions = new Map<string, ReplayRequest[]>();
	const alone: ReplayRequest[][] = [];
	for (const request of requests) {
		if (request.session === null) alone.push([request]);
		else {
			const session = sessions.get(request.session);
			if (session === undefined) sessions.set(request.session, [request]);
			else session.push(request);
		}
	}
	return [...sessions.values(), ...alone];
}

interface World {
	readonly provider: ReplayProvider;
	readonly figures: PolicyFigures;
	readonly queue: EventQueue;
	readonly chance: Random;
}

/** The clients' way with their requests: through a gateway to the provider, and again after a 429. */
class Clients {
	readonly #world: World;

	constructor(world: World) {
		this.#world = world;
	}

	/** One more try: the gateway is asked where to send. */
	send(journey: Journey, now: number): void {
		journey.tries += 1;
		journey.retryAfterMs = null;
		this.#attempt(journey, journey.gateway.route(journey.request, now), now);
	}

	/** Sends to where the gateway says until something serves or it has nowhere left. */
	#attempt(journey: Journey, routing: Routing, now: number): void {
		for (;;) {
			const target = routing.next(now);
			if (target === null) {
				this.#refused(journey, routing.retryAt(now), now);
				return;
			}
			if ("until" in target) {
				this.#pause(journey, routing, target);
				return;
			}
			if (this.#serve(journey, target, now)) return;
		}
	}

	/** Asks again when the pause is over; a release comes while another request's event is handled, so it takes the queue too. */
	#pause(journey: Journey, routing: Routing, pause: Pause): void {
		const { queue } = this.#world;
		let over = false;
		const goOn = (at: number) => {
			if (over) return;
			over = true;
			this.#attempt(journey, routing, at);
		};
		queue.add(pause.until, goOn);
		pause.onRelease(() => queue.add(queue.now, goOn));
	}

	/** Whether the deployment served. */
	#serve(journey: Journey, target: ReplayTarget, now: number): boolean {
		const { provider, figures, queue } = this.#world;
		const { request } = journey;
		const dispatched = target.dispatched(now);
		const answer = provider.send(target.deployment, request, now);
		if (answer.kind === "limited") {
			figures.limited(target.deployment);
			dispatched.limited(answer.retryAfterMs, now);
			journey.retryAfterMs = Math.min(answer.retryAfterMs, journey.retryAfterMs ?? LONGEST_WAIT_MS);
			return false;
		}
		figures.served(request, target.deployment, answer.usage);
		queue.add(now + request.firstEventMs, (at) => dispatched.started(at));
		queue.add(now + request.durationMs, (at) => dispatched.settled(answer.usage, at));
		this.#end(journey, now);
		return true;
	}

	/** The client got a 429: it comes again after its retry-after, or gives up. */
	#refused(journey: Journey, retryAt: number | null, now: number): void {
		const { figures, queue, chance } = this.#world;
		if (journey.retryAfterMs === null) figures.limited(null);
		if (journey.tries >= MOST_TRIES) {
			figures.shed();
			this.#end(journey, now);
			return;
		}
		const ms = waitMs(journey.retryAfterMs, { retryAt, now, chance });
		queue.add(now + ms, (at) => this.send(journey, at));
	}

	#end({ sentAt, over }: Journey, now: number): void {
		if (now > sentAt) this.#world.figures.waited(now - sentAt);
		over(now);
	}
}

/** What a client waits: the soonest that an upstream or the gateway named, in whole seconds; else a back-off. */
function waitMs(
	retryAfterMs: number | null,
	when: { readonly retryAt: number | null; readonly now: number; readonly chance: Random },
): number {
	const own = when.retryAt === null || when.retryAt <= when.now ? null : when.retryAt - when.now;
	const soonest = Math.min(retryAfterMs ?? Number.POSITIVE_INFINITY, own ?? Number.POSITIVE_INFINITY);
	if (soonest === Number.POSITIVE_INFINITY) return BACKOFF_MS * (1 + when.chance());
	return Math.min(LONGEST_WAIT_MS, Math.max(1, Math.ceil(soonest / 1000)) * 1000);
}

function createGateways(
	policy: PolicyName,
	world: {
		readonly deployments: number;
		readonly limits: ProviderLimits;
		readonly queue: EventQueue;
		readonly options: SimulationOptions;
	},
): readonly Policy[] {
	const { deployments, limits, queue, options } = world;
	const shares = options.table === "shared" && options.gateways > 1;
	const tables = shares && !REPLICATED.has(policy) ? 1 : options.gateways;
	const bus = createBus({
		delayMs: options.tableDelayMs,
		now: () => EPOCH_MS + queue.now,
		later: (at, deliver) => queue.add(at - EPOCH_MS, deliver),
	});
	return Array.from({ length: tables }, (_, at) => {
		const random = createRandom(options.seed, `${policy} gateway ${at}`);
		return POLICIES[policy]({ deployments, limits, random, shared: shares ? bus.join(`gateway ${at}`) : null });
	});
}

function priceTable(): (model: string) => Price | null {
	const prices = new Map<string, Price | null>();
	return (model) => {
		const known = prices.get(model);
		if (known !== undefined) return known;
		const price = priceOf(canonicalModel(model), plainConditions(LATEST_PRICES));
		prices.set(model, price);
		return price;
	};
}
