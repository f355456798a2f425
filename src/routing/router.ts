// The router's state and its life: plan, then what became of each attempt. Leaves deciding to planner, beliefs to cache/, sockets to the proxy.
import { type Attempt, createAttemptLedger } from "../cache/attempt.ts";
import { MESSAGES_LEVEL, PrefixIndex } from "../cache/index.ts";
import { createTokenScale } from "../cache/tokens.ts";
import type { RoutingConfig } from "../config/schema.ts";
import type { Candidate, Plan, ReportedUsage, ResponseIdentity, RouteRequest, Router, Ticket } from "./decision.ts";
import {
	type AttemptFailure,
	addLoad,
	type Deployment,
	type MutableDeployment,
	recordFailure,
	recordSuccess,
	targetOf,
} from "./deployment.ts";
import { createFleet, type RouterConfig } from "./fleet.ts";
import { createPlanner } from "./planner.ts";
import { createConversations } from "./session.ts";

export interface RouterOptions extends RouterConfig {
	/** Uniform in [0, 1). Decides where there is nothing to agree on, and when affinity is off. Default `Math.random`. */
	readonly random?: () => number;
}

/** A router with its state, which outlives configurations. */
export interface LiveRouter extends Router {
	/**
	 * Takes a new configuration. Deployments of the same id keep health, load and cache; attempts at removed ones may still end. Call it
	 * before requests are planned with the new configuration's groups.
	 */
	update(config: RouterConfig): void;
	/** Every configured deployment, in the configuration's order. */
	deployments(): readonly Deployment[];
	/** Name of the cache domain a deployment is in, configured or learned; null while unknown. */
	cacheDomainOf(deployment: Deployment): string | null;
	/** How much is remembered. */
	memory(): { readonly entries: number; readonly entryBytes: number; readonly conversations: number };
}

/** Prefix entries to each conversation remembered: even a short one has a few. */
const ENTRIES_PER_CONVERSATION = 10;

interface OpenAttempt {
	readonly deployment: MutableDeployment;
	readonly request: RouteRequest;
	readonly dispatchedAt: number;
	/** Uncached tokens charged to the deployment's load. */
	readonly charged: number;
	/** Null when affinity was off: nothing is learned. */
	readonly cache: Attempt | null;
}

/** Builds a router that knows nothing yet. Opens nothing, starts no timer. */
export function createRouter(options: RouterOptions): LiveRouter {
	const fleet = createFleet(options);
	const index = new PrefixIndex({ maxEntries: options.routing.maxEntries, root: fleet.domains.root });
	const scale = createTokenScale();
	const ledger = createAttemptLedger(index, scale);
	const conversations = createConversations(mostConversations(options.routing));
	const plan = createPlanner({ fleet, index, scale, conversations, random: options.random ?? Math.random });
	const attempts = new WeakMap<Ticket, OpenAttempt>();

	function begin(deployment: MutableDeployment, request: RouteRequest, now: number): Attempt {
		const { model, minimumTokens } = targetOf(deployment, request.wildcard);
		const { chain, breakpoints } = request.outline;
		const place = fleet.placesFor(request)(deployment);
		return ledger.begin({ prefixes: chain, breakpoints, place, model, minimumTokens, now });
	}

	/** Ends a ticket. What was charged at dispatch becomes `uncachedTokens`; null = stays. */
	function end(ticket: Ticket, uncachedTokens: number | null, now: number): OpenAttempt | undefined {
		const open = attempts.get(ticket);
		if (open === undefined) return undefined;
		attempts.delete(ticket);
		const { deployment, dispatchedAt, charged } = open;
		deployment.inFlight -= 1;
		const when = { now, ageMs: now - dispatchedAt, halfLifeMs: fleet.routing.loadHalfLifeMs };
		if (uncachedTokens !== null) addLoad(deployment, uncachedTokens - charged, when);
		return open;
	}

	return {
		plan,
		onRelease: () => () => {},
		dispatched(plan: Plan, candidate: Candidate, now: number): Ticket {
			const deployment = fleet.stateOf(candidate.deployment);
			const cache = plan.outcome === "off" ? null : begin(deployment, plan.request, now);
			const read = cache?.match.readTokens ?? 0;
			const charged = Math.max(0, (cache?.promptTokens ?? plan.promptTokens) - read);
			deployment.inFlight += 1;
			addLoad(deployment, charged, { now, ageMs: 0, halfLifeMs: fleet.routing.loadHalfLifeMs });
			const ticket: Ticket = { deployment, predictedReadTokens: read };
			attempts.set(ticket, { deployment, request: plan.request, dispatchedAt: now, charged, cache });
			return ticket;
		},
		started(ticket: Ticket, identity: ResponseIdentity, now: number): void {
			const open = attempts.get(ticket);
			if (open === undefined) return;
			const { deployment, request, cache } = open;
			recordSuccess(deployment);
			fleet.domains.learn(deployment.member, identity);
			if (cache === null || cache.started) return;
			const domain = fleet.domains.domainOf(deployment.member);
			const moved = fleet.domains.root(cache.place.domain) !== domain;
			ledger.start(cache, moved ? { ...cache.place, domain } : cache.place, now);
			if (!cachesMessages(cache)) return;
			conversations.settle(request.conversation, request.outline.model, {
				domain,
				deploymentId: deployment.id,
				at: now,
			});
		},
		failed(ticket: Ticket, failure: AttemptFailure, now: number): void {
			const open = end(ticket, 0, now);
			if (open === undefined) return;
			if (open.cache !== null && !open.cache.started) ledger.fail(open.cache);
			recordFailure(open.deployment, failure, { now, cooldownMs: fleet.routing.cooldownMs });
		},
		settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void {
			const open = end(ticket, usage === null ? null : usage.inputTokens + usage.cacheWriteTokens, now);
			if (open === undefined || open.cache === null) return;
			const { cache, request } = open;
			if (ledger.settle(cache, usage, now) !== "uncached") return;
			const domain = fleet.domains.root(cache.writesAt.domain);
			conversations.leave(request.conversation, request.outline.model, domain);
		},
		update(config) {
			fleet.update(config);
			index.resize(config.routing.maxEntries);
			conversations.resize(mostConversations(config.routing));
		},
		deployments: () => fleet.all(),
		cacheDomainOf(deployment) {
			const known = fleet.get(deployment.id);
			return known === undefined ? null : fleet.domains.nameOf(known.member);
		},
		memory: () => ({ entries: index.size, entryBytes: index.byteLength, conversations: conversations.size }),
	};
}

function mostConversations(routing: RoutingConfig): number {
	return Math.max(1, Math.ceil(routing.maxEntries / ENTRIES_PER_CONVERSATION));
}

/** Whether a message-level breakpoint was sent that is long enough to be cached: only that gives a conversation a home. */
function cachesMessages({ cacheable, prefixes }: Attempt): boolean {
	return cacheable.some((mark) => prefixes.level[mark.block] === MESSAGES_LEVEL);
}
