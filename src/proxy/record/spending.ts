// What a request is billed for: the usage that its provider reported, estimated where its answer was cut off, and the bill of it. One place for
// the ledger, the budgets and the log. Leaves prices to routing/bill and counting what passed to proxy/answer/written.
import type { IncomingHttpHeaders } from "node:http";
import type { Outline } from "../../prompt/outline.ts";
import type { Billing } from "../../protocol/billing.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { BilledDetails } from "../../requestlog/billed.ts";
import { type Bill, billFor } from "../../routing/bill.ts";
import { cachingFacts } from "../../routing/caching.ts";
import type { Plan } from "../../routing/decision.ts";
import type { Written } from "../answer/written.ts";
import type { AttemptRecord } from "../exchange.ts";
import { headerValue } from "../headers.ts";

/** What it is computed from; an exchange has all of these. */
export interface SpendInputs {
	readonly usage: Usage | null;
	readonly written: Written | null;
	readonly attempts: readonly AttemptRecord[];
	readonly plan: Plan | null;
	readonly outline: Outline | null;
	readonly startedAt: number;
	readonly request: { readonly headers: IncomingHttpHeaders };
}

export interface Spending {
	/** Null where nothing is known. The caches are judged by what the provider reported, not by this. */
	readonly usage: Usage | null;
	/** Which of its counts are the gateway's own estimate. */
	readonly estimated: readonly Estimate[];
	/** Null where there is no usage, or the client's own credential pays. */
	readonly bill: Bill | null;
}

type Estimate = "input" | "output" | "server_tools";

const NOTHING: readonly Estimate[] = [];

export function spendingOf(spent: SpendInputs): Spending {
	const { plan, startedAt } = spent;
	const { usage: counted, estimated } = completed(spent);
	const deployment = spent.attempts.at(-1)?.deployment;
	const usage = deployment?.config.provider === "bedrock" ? withTier(counted, spent.request.headers) : counted;
	if (usage === null || plan === null || deployment === undefined) return { usage, estimated, bill: null };
	const { wildcard, outline } = plan.request;
	return {
		usage,
		estimated,
		bill: billFor(usage, deployment.config, { wildcard, variant: outline.variant, now: startedAt }),
	};
}

/**
 * The provider bills what it wrote and not what it reported: an answer that was cut off has its last count of output still to come, and one of
 * an OpenAI-compatible server all counts. What passed stands in for them.
 */
function completed(spent: SpendInputs): { readonly usage: Usage | null; readonly estimated: readonly Estimate[] } {
	const { usage, written, plan, outline } = spent;
	const last = spent.attempts.at(-1);
	const isCut = last !== undefined && (last.outcome === "aborted" || last.outcome === "broke");
	if (!isCut || written === null || !written.isOpen || plan === null) return { usage, estimated: NOTHING };
	const isPromptReported = usage !== null && usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens > 0;
	if (!isPromptReported && written.bytes === 0) return { usage: null, estimated: NOTHING };
	const { bytesPerToken } = cachingFacts(last.deployment.config, plan.request.wildcard);
	const reported = isPromptReported ? usage : promptOf(plan);
	const most = Math.max(reported.outputTokens, outline?.maxTokens ?? Number.POSITIVE_INFINITY);
	const outputTokens = Math.min(most, reported.outputTokens + Math.ceil(written.bytes / bytesPerToken));
	const estimated: Estimate[] = isPromptReported ? ["output"] : ["input", "output"];
	const { tools } = written;
	if (Object.keys(tools).length === 0) return { usage: { ...reported, outputTokens }, estimated };
	estimated.push("server_tools");
	return { usage: { ...reported, outputTokens, billing: withTools(reported.billing, tools) }, estimated };
}

/** As the router reckoned it before it was sent; nobody reported what of it was cached. */
function promptOf({ promptTokens }: Plan): Usage {
	return {
		inputTokens: Math.round(promptTokens),
		outputTokens: 0,
		cacheReadTokens: 0,
		cacheWriteTokens: 0,
		cacheWrite5mTokens: 0,
		cacheWrite1hTokens: 0,
	};
}

function withTools(reported: Billing | undefined, seen: Readonly<Record<string, number>>): Billing {
	const tools: Record<string, number> = { ...reported?.tools };
	for (const [name, count] of Object.entries(seen)) tools[name] = Math.max(tools[name] ?? 0, count);
	return { ...(reported ?? NOTHING_REPORTED), tools };
}

const NOTHING_REPORTED: Billing = {
	iterations: [],
	tools: {},
	speed: null,
	serviceTier: null,
	inferenceGeo: null,
	isDeclined: false,
};

/** Bedrock's tiers are asked for by a header that goes on to it, and Claude's counts do not tell them (docs: service tiers for inference). */
const TIER_HEADER = "x-amzn-bedrock-service-tier";

function withTier(usage: Usage | null, headers: IncomingHttpHeaders): Usage | null {
	const serviceTier = headerValue(headers, TIER_HEADER);
	const billing = usage?.billing ?? NOTHING_REPORTED;
	if (usage === null || serviceTier === null || billing.serviceTier !== null) return usage;
	return { ...usage, billing: { ...billing, serviceTier } };
}

/** Words of an answer that was served in the ordinary way. */
const ORDINARY: ReadonlySet<string | null> = new Set([null, "standard", "default", "global", "not_available"]);

/** What the log keeps of it beside the sums; null where there is nothing to add. */
export function billedDetails({ usage, estimated, bill }: Spending): BilledDetails | null {
	const billing = usage?.billing;
	const unknown = bill?.unknown ?? null;
	const isOrdinary =
		billing === undefined ||
		(billing.iterations.length < 2 &&
			billing.iterations.every(({ kind }) => kind === "message") &&
			Object.keys(billing.tools).length === 0 &&
			[billing.speed, billing.serviceTier, billing.inferenceGeo].every((word) => ORDINARY.has(word)));
	if (isOrdinary && estimated.length === 0 && unknown === null) return null;
	return {
		estimated,
		unknown,
		iterations: (billing?.iterations ?? []).map(({ kind, model, usage: counts }) => ({
			kind,
			model,
			input_tokens: counts?.inputTokens ?? null,
			output_tokens: counts?.outputTokens ?? null,
			read_tokens: counts?.cacheReadTokens ?? null,
			write_5m_tokens: counts === null ? null : counts.cacheWriteTokens - counts.cacheWrite1hTokens,
			write_1h_tokens: counts?.cacheWrite1hTokens ?? null,
		})),
		server_tools: billing?.tools ?? {},
		speed: billing?.speed ?? null,
		service_tier: billing?.serviceTier ?? null,
		inference_geo: billing?.inferenceGeo ?? null,
	};
}
