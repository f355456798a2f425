// A router and fake providers on a clock of plain numbers. Leaves sockets and bodies to the end-to-end tests.
import { type Block, marked, promptOf } from "../../cache/__fixtures__/prompt.ts";
import type { Ttl } from "../../cache/semantics.ts";
import { DEFAULTS, PLAIN_DEPLOYMENT } from "../../config/__fixtures__/defaults.ts";
import type { DeploymentConfig, FailureConfig, ModelGroup, RoutingConfig } from "../../config/schema.ts";
import { NO_HISTORY, NO_SETTINGS, type Outline } from "../../prompt/outline.ts";
import { NO_MEMBERS } from "../../protocol/members.ts";
import type { SharedState } from "../../state/state.ts";
import type {
	Candidate,
	ConversationHints,
	Plan,
	ReportedUsage,
	ResponseIdentity,
	RouteRequest,
	Ticket,
} from "../decision.ts";
import { createRouter, type LiveRouter } from "../router.ts";
import { createProvider, type Provider, type ProviderOptions } from "./provider.ts";

export const UNKNOWN: ResponseIdentity = { organization: null, workspace: null };
const MODEL = "claude-sonnet-4-5";

export function deployment(id: string, changes: Partial<DeploymentConfig> = {}): DeploymentConfig {
	return {
		...PLAIN_DEPLOYMENT,
		id,
		group: "claude",
		upstreamModel: MODEL,
		credentials: { apiKey: null, apiBase: `http://${id}.test`, extra: {} },
		...changes,
	};
}

export function groupOf(deployments: readonly DeploymentConfig[], name = "claude"): ModelGroup {
	return { name, deployments };
}

/** What is not given is a plain, unmarked main-loop request without a session. */
export interface Shape {
	readonly session?: string;
	readonly agent?: string;
	readonly model?: string;
	readonly betas?: string;
	readonly wildcard?: string;
	readonly openingKey?: number;
	readonly tags?: readonly string[];
	readonly hints?: Partial<ConversationHints>;
}

const NO_HINTS: ConversationHints = { requestClass: null, isCompaction: false, contextCompacted: false };

export function outlineOf(blocks: readonly Block[], shape: Shape = {}): Outline {
	const { prefixes, breakpoints } = promptOf(blocks);
	return {
		model: shape.model ?? MODEL,
		members: NO_MEMBERS,
		stream: true,
		bodyBetas: [],
		maxTokens: null,
		userId: null,
		chain: { ...prefixes, message: new Int32Array(prefixes.count) },
		breakpoints,
		openingKey: shape.openingKey ?? 0,
		variant: "",
		history: NO_HISTORY,
		settings: NO_SETTINGS,
	};
}

/** One attempt that was dispatched: what was planned, what will be reported. */
export interface Sent {
	readonly plan: Plan;
	readonly deployment: string;
	readonly ticket: Ticket;
	readonly usage: ReportedUsage;
	start(now: number): void;
	settle(now: number): void;
}

export interface World {
	readonly router: LiveRouter;
	readonly provider: Provider;
	readonly group: ModelGroup;
	request(blocks: readonly Block[], shape?: Shape): RouteRequest;
	/** Plans and dispatches to the first candidate, or to `choose`'s. */
	send(request: RouteRequest, now: number, choose?: (plan: Plan) => Candidate | undefined): Sent;
	/** The same, answered at once: first event after `firstEventMs`, end after twice that. */
	serve(request: RouteRequest, now: number, firstEventMs?: number): Sent;
}

export interface WorldOptions extends ProviderOptions {
	readonly deployments: readonly string[] | readonly DeploymentConfig[];
	readonly routing?: Partial<RoutingConfig>;
	readonly failures?: Partial<FailureConfig>;
	/** What a deployment's answers say of who it is. */
	readonly identityOf?: (deployment: string) => ResponseIdentity;
	readonly random?: () => number;
	/** Through which the router publishes to other replicas. */
	readonly shared?: SharedState;
	/** Whom it sends to, where several routers send to the same. */
	readonly provider?: Provider;
}

export function createWorld(options: WorldOptions): World {
	const deployments = options.deployments.map((each) => (typeof each === "string" ? deployment(each) : each));
	const group = groupOf(deployments);
	const routing = { ...DEFAULTS.routing, ...options.routing };
	const failures = { ...DEFAULTS.failures, ...options.failures };
	const router = createRouter({
		deployments,
		routing,
		failures,
		random: options.random ?? (() => 0.5),
		shared: options.shared ?? null,
	});
	const provider = options.provider ?? createProvider(options);
	const identityOf = options.identityOf ?? (() => UNKNOWN);

	function send(request: RouteRequest, now: number, choose = (plan: Plan) => plan.candidates[0]): Sent {
		const plan = router.plan(request, now);
		const candidate = choose(plan);
		if (candidate === undefined) throw new Error("nothing can serve");
		const { id } = candidate.deployment;
		const ticket = router.dispatched(plan, candidate, now);
		const call = provider.begin(id, request.outline, now);
		return {
			plan,
			deployment: id,
			ticket,
			usage: call.usage,
			start(at) {
				call.firstByte(at);
				router.started(ticket, identityOf(id), at);
			},
			settle(at) {
				router.settled(ticket, call.usage, at);
			},
		};
	}

	return {
		router,
		provider,
		group,
		send,
		request(blocks, shape = {}) {
			const hints = shape.hints === undefined ? {} : { hints: { ...NO_HINTS, ...shape.hints } };
			const conversation = { session: shape.session ?? null, agent: shape.agent ?? null, ...hints };
			const wildcard = shape.wildcard ?? null;
			const tags = shape.tags === undefined ? {} : { tags: shape.tags };
			return {
				...tags,
				outline: outlineOf(blocks, shape),
				group,
				wildcard,
				conversation,
				betas: shape.betas ?? "",
			};
		},
		serve(request, now, firstEventMs = 500) {
			const sent = send(request, now);
			sent.start(now + firstEventMs);
			sent.settle(now + 2 * firstEventMs);
			return sent;
		},
	};
}

/** Tools and identity line that all sessions share, and the project's prompt: about 9,000 tokens, as Claude Code sends. */
export function head(project = "project"): Block[] {
	return [
		...Array.from({ length: 12 }, (_, at): Block => ({ text: `tool ${at}`, level: 0, tokens: 640 })),
		{ text: "identity", level: 1, tokens: 16 },
		{ text: `prompt of ${project}`, level: 1, tokens: 1450 },
	];
}

/** Turn `turn` (from 1) of a Claude Code conversation: the last block moves on each turn, and with it the breakpoint. */
export function turnOf(name: string, turn: number, options: { ttl?: Ttl; project?: string } = {}): Block[] {
	const opening = head(options.project);
	const blocks: Block[] = [
		...opening,
		...["reminder", "git", "attribution", "question"].map((text): Block => {
			return { text: `${name} ${text}`, level: 2, tokens: 150 };
		}),
		{ text: `${name} environment`, level: 2, tokens: 2300 },
	];
	for (let past = 2; past <= turn; past += 1) {
		blocks.push({ text: `${name} calls ${past}`, level: 2, kind: 1, tokens: 120 });
		blocks.push({ text: `${name} gets ${past}`, level: 2, kind: 2, tokens: 900 });
	}
	return marked(blocks, [opening.length - 2, opening.length - 1, -1], options.ttl);
}
