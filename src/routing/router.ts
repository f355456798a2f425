// The router: its parts, plans, and figures of its state. Leaves deciding to planner, what attempts teach to attempts, beliefs to cache/.
import { AttemptLedger } from "../cache/attempt.ts";
import { PrefixIndex } from "../cache/index.ts";
import { createTokenScale } from "../cache/tokens.ts";
import type { RoutingConfig } from "../config/schema.ts";
import type { SharedState } from "../state/state.ts";
import { Attempts } from "./attempts.ts";
import { type BeliefLedger, type Beliefs, createBeliefs } from "./beliefs.ts";
import type {
	Candidate,
	Hold,
	Plan,
	ReportedUsage,
	RequestRouter,
	ResponseIdentity,
	RouteRequest,
	Ticket,
} from "./decision.ts";
import { type AttemptFailure, type Deployment, targetOf } from "./deployment.ts";
import { Fleet, type RouterConfig } from "./fleet.ts";
import { Headroom, type Levels } from "./headroom.ts";
import { Planner } from "./planner.ts";
import { createProbes } from "./probes.ts";
import { Releases } from "./releases.ts";
import { NoteApplier } from "./replicas/apply.ts";
import { createSharedDomains } from "./replicas/domains.ts";
import { NotePublisher } from "./replicas/publish.ts";
import { type Conversations, createConversations } from "./session.ts";

export interface RouterOptions extends RouterConfig {
	/** Uniform in [0, 1). Decides where there is nothing to agree on, and when affinity is off. Default `Math.random`. */
	readonly random?: () => number;
	/** Carries notes to other replicas and theirs to it. Absent or null = it is alone. */
	readonly shared?: SharedState | null;
}

/** A router with its state, which outlives configurations. */
export interface LiveRouter extends RequestRouter {
	/**
	 * Takes a new configuration. Deployments of the same id keep health, load and cache; attempts at removed ones may still end. Call it
	 * before requests are planned with the new configuration's groups.
	 */
	update(config: RouterConfig): void;
	/** Every configured deployment, in the configuration's order. */
	deployments(): readonly Deployment[];
	/** Name of the cache domain a deployment is in, configured or learned; null while unknown. */
	cacheDomainOf(deployment: Deployment): string | null;
	/** Number of the cache domain of a deployment, equal for those that read each other's entries; null = no such deployment. */
	domainOf(deployment: Pick<Deployment, "id">): number | null;
	/** What is left of a deployment's limits now, for the model it serves where it serves one; null = no such deployment. */
	headroomOf(deployment: Pick<Deployment, "id">, now: number): Levels | null;
	/** Share of predicted reads that the deployment's cache domain has really read of late, up to 1. */
	readBackRateOf(deployment: Pick<Deployment, "id">): number;
	/**
	 * Lets a deployment run empty, or takes it back: while it drains it gets no new conversations, and those at home there move when what is
	 * cached of them has expired. Survives a reload, not a restart. False where there is no such deployment.
	 */
	setDraining(id: string, draining: boolean): boolean;
	/** How much is remembered. */
	memory(): { readonly entries: number; readonly entryBytes: number; readonly conversations: number };
	/** How true its predictions of cache reads have been. */
	beliefs(): Beliefs;
}

/** Prefix entries to each conversation remembered: even a short one has a few. */
const ENTRIES_PER_CONVERSATION = 10;

/**
 * Several replicas wait for the same capacity until the same instant, and would all send before they know of each other: each goes on up to so
 * much later. Several times what a note takes. cc-team-dev four times as dense, on 4 gateways: 67 429s, without it 231.
 */
const STAGGER_MS = 50;

/** Builds a router that knows nothing yet. Opens nothing, starts no timer. */
export function createRouter(options: RouterOptions): LiveRouter {
	return new Router(options);
}

class Router implements LiveRouter {
	readonly #fleet: Fleet;
	readonly #index: PrefixIndex;
	readonly #conversations: Conversations;
	readonly #headroom: Headroom;
	readonly #beliefs: BeliefLedger;
	readonly #releases: Releases;
	readonly #planner: Planner;
	readonly #attempts: Attempts;

	constructor(options: RouterOptions) {
		const fleet = new Fleet(options);
		const shared = options.shared ?? null;
		const domains = createSharedDomains(fleet);
		const publisher = shared === null ? null : new NotePublisher(shared, domains);
		const { root } = fleet.domains;
		const index = new PrefixIndex({ maxEntries: options.routing.maxEntries, root, observer: publisher });
		const scale = createTokenScale();
		const conversations = createConversations(mostConversations(options.routing), publisher);
		const headroom = new Headroom();
		const beliefs = createBeliefs(root);
		const releases = new Releases(fleet, index);
		const state = { fleet, conversations, headroom, beliefs, probes: createProbes() };
		this.#fleet = fleet;
		this.#index = index;
		this.#conversations = conversations;
		this.#headroom = headroom;
		this.#beliefs = beliefs;
		this.#releases = releases;
		const random = options.random ?? Math.random;
		this.#planner = new Planner({ ...state, index, scale, random, staggerMs: shared === null ? 0 : STAGGER_MS });
		this.#attempts = new Attempts({ ...state, ledger: new AttemptLedger(index, scale), releases, publisher });
		if (shared === null || publisher === null) return;
		const applier = new NoteApplier({ fleet, domains, index, conversations, headroom, releases });
		shared.subscribe((note, from, now) => publisher.withoutPublishing(() => applier.apply(note, from, now)));
	}

	plan(request: RouteRequest, now: number): Plan {
		const { plan, leads } = this.#planner.plan(request, now);
		if (plan.hold !== null && leads !== null) this.#releases.lead(plan.hold, leads);
		return plan;
	}

	onRelease(hold: Hold, listener: () => void): () => void {
		return this.#releases.wait(hold, listener);
	}

	dispatched(plan: Plan, candidate: Candidate, now: number): Ticket {
		return this.#attempts.dispatched(plan, candidate, now);
	}

	started(ticket: Ticket, identity: ResponseIdentity, now: number): void {
		this.#attempts.started(ticket, identity, now);
	}

	failed(ticket: Ticket, failure: AttemptFailure, now: number): void {
		this.#attempts.failed(ticket, failure, now);
	}

	settled(ticket: Ticket, usage: ReportedUsage | null, now: number): void {
		this.#attempts.settled(ticket, usage, now);
	}

	update(config: RouterConfig): void {
		this.#fleet.update(config);
		this.#index.resize(config.routing.maxEntries);
		this.#conversations.resize(mostConversations(config.routing));
	}

	deployments(): readonly Deployment[] {
		return this.#fleet.all();
	}

	cacheDomainOf({ id }: Deployment): string | null {
		const known = this.#fleet.get(id);
		return known === undefined ? null : this.#fleet.domains.nameOf(known.member);
	}

	domainOf({ id }: Pick<Deployment, "id">): number | null {
		const known = this.#fleet.get(id);
		return known === undefined ? null : this.#fleet.domains.domainOf(known.member);
	}

	headroomOf({ id }: Pick<Deployment, "id">, now: number): Levels | null {
		const known = this.#fleet.get(id);
		return known === undefined ? null : this.#headroom.levels(known, targetOf(known, null), now);
	}

	readBackRateOf(deployment: Pick<Deployment, "id">): number {
		const domain = this.domainOf(deployment);
		return domain === null ? 1 : this.#beliefs.rateOf(domain);
	}

	setDraining(id: string, draining: boolean): boolean {
		const deployment = this.#fleet.get(id);
		if (deployment !== undefined) deployment.draining = draining;
		return deployment !== undefined;
	}

	memory(): { readonly entries: number; readonly entryBytes: number; readonly conversations: number } {
		const { size, byteLength } = this.#index;
		return { entries: size, entryBytes: byteLength, conversations: this.#conversations.size };
	}

	beliefs(): Beliefs {
		return this.#beliefs.all;
	}
}

function mostConversations(routing: RoutingConfig): number {
	return Math.max(1, Math.ceil(routing.maxEntries / ENTRIES_PER_CONVERSATION));
}
