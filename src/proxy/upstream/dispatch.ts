// Walks the plan: attempt, judge, next or done; then retries and fallbacks; answers honestly when nothing could serve. Leaves order to
// routing, one attempt to proxy/upstream/attempt and bytes to proxy/answer/relay.

import { fillWildcard } from "../../config/model-name.ts";
import type { Config } from "../../config/schema.ts";
import { fallbacksFor } from "../../config/sections/fallbacks.ts";
import type { Call, Verdict } from "../../providers/provider.ts";
import type { Candidate, Plan, RouteRequest } from "../../routing/decision.ts";
import type { Deployment } from "../../routing/deployment.ts";
import { failureAnswer } from "../answer/failure.ts";
import { Relay } from "../answer/relay.ts";
import type { Exchange } from "../exchange.ts";
import { forwardedHeaders } from "../headers.ts";
import { type Asked, routeRequest } from "../request.ts";
import { withLongContext } from "./long-context.ts";
import type { FailedAnswer } from "./outcome.ts";
import { type DispatchDeps, runCandidate } from "./run-candidate.ts";
import { estimateTokens } from "./token-estimate.ts";

/** Attempts after the first where nothing is configured: enough to ride out one bad moment of a single deployment. */
const RETRIES = 2;
/** First wait before everything is tried once more, ms; doubled each time. */
const FIRST_BACKOFF_MS = 500;
/** A longer wait than this is the client's to make, ms: it has its own retries (claude-code §8). */
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Tries the deployments of the model that was asked for, then of its fallbacks, until one answers; keys and accounts that refused of late
 * come after all that may well serve. When all fail it relays the most informative upstream error or throws a GatewayError. Resolves when the request is over, whoever ended it.
 */
export async function dispatch(exchange: Exchange, asked: Asked, deps: DispatchDeps): Promise<void> {
	const { config } = deps;
	const models = [asked.outline.model];
	const failures: FailedAnswer[] = [];
	const groups: GroupRun[] = [];
	for (let at = 0; at < models.length && at <= config.fallbacks.maxFallbacks; at += 1) {
		const model = models[at] as string;
		const group = new GroupRun({ exchange, asked, model }, deps);
		groups.push(group);
		const stands = at < config.fallbacks.maxFallbacks ? fallbacksFor(config, model, "general") : [];
		const isLast = at + 1 === models.length && stands.every((next) => models.includes(next));
		const failed = await group.run(isLast);
		if (failed === null || exchange.aborted) return;
		failures.push(...failed);
		for (const next of fallbacksAfter(config, model, failed.at(-1)?.verdict))
			if (!models.includes(next)) models.push(next);
	}
	for (const group of groups) {
		const failed = await group.askLastResort();
		if (failed === null || exchange.aborted) return;
		failures.push(...failed);
	}
	if (exchange.operation === "count_tokens" && nobodyCounts(exchange.plan, failures)) {
		answerEstimate(exchange);
		return;
	}
	if (exchange.plan === null) return;
	const excluded = groups.flatMap(({ plan }) => plan?.excluded ?? []);
	failureAnswer(exchange, { ...exchange.plan, excluded }, { failures, now: deps.now() });
}

/** No deployment has such a call for its model; another failure is shown as what it is. */
function nobodyCounts(plan: Plan | null, failures: readonly FailedAnswer[]): boolean {
	if (failures.length === 0) return plan !== null && inTurn(plan).length > 0;
	return failures.every(({ failure, verdict: { action, errorClass, scope } }) => {
		return action === "next" && failure.status !== 429 && (errorClass === "notFound" || scope === "model");
	});
}

/** Nobody counts: a number that is marked as an estimate serves a client better than none (litellm §4). */
function answerEstimate(exchange: Exchange): void {
	const body = Buffer.from(JSON.stringify({ input_tokens: estimateTokens(exchange.body) }));
	const headers = { "content-type": "application/json", "content-length": String(body.length) };
	const own = { "x-litellm-call-id": exchange.id, "x-warmpath-token-count": "estimate" };
	new Relay(exchange, { status: 200, headers, own }).finish(body);
}

/** Which models stand in, by what went wrong last; none after a failure that is the client's own. */
function fallbacksAfter(config: Config, model: string, verdict: Verdict | undefined): readonly string[] {
	if (verdict?.contextWindow === true) return fallbacksFor(config, model, "contextWindow");
	if (verdict?.errorClass === "contentPolicyViolation") return fallbacksFor(config, model, "contentPolicy");
	return fallbacksFor(config, model, "general");
}

/** Everybody who is asked, the last resort last. */
function inTurn({ candidates, lastResort }: Plan): readonly Candidate[] {
	return lastResort.length === 0 ? candidates : [...candidates, ...lastResort];
}

/** Attempts after the first where none are configured. */
function mostRetries(plan: Plan): number {
	return Math.max(RETRIES, inTurn(plan).length - 1);
}

interface RunAbout {
	readonly exchange: Exchange;
	readonly asked: Asked;
	readonly model: string;
}

/** One model's deployments, tried within its retries. */
class GroupRun {
	readonly #about: RunAbout;
	readonly #deps: DispatchDeps;
	readonly #failed: FailedAnswer[] = [];
	/** The last one that was acted on. */
	plan: Plan | null = null;
	#isLast = true;
	readonly #asked = new Set<Deployment>();

	constructor(about: RunAbout, deps: DispatchDeps) {
		this.#about = about;
		this.#deps = deps;
	}

	/** null = the request is over; else what failed. The last resort is asked only where nobody comes after this group. */
	async run(isLast: boolean): Promise<readonly FailedAnswer[] | null> {
		const { exchange, asked, model } = this.#about;
		this.#isLast = isLast;
		const request = routeRequest(asked, model, this.#deps);
		for (let round = 0; ; round += 1) {
			const { router, now } = this.#deps;
			const first = router.plan(request, now());
			const plan = first.hold === null ? first : await this.#held(request, first);
			this.plan = plan;
			exchange.plan = plan;
			if (await this.#walk(plan, isLast ? inTurn(plan) : plan.candidates)) return null;
			const waitMs = this.#backoffMs(plan, round);
			if (exchange.aborted || waitMs === null) return this.#failed;
			await exchange.wait(waitMs);
		}
	}

	/** The last resort that `run` left out. null = the request is over; else what failed. */
	async askLastResort(): Promise<readonly FailedAnswer[] | null> {
		if (this.#isLast || this.plan === null || this.plan.lastResort.length === 0) return [];
		const { exchange, asked, model } = this.#about;
		const before = this.#failed.length;
		// Other requests may have found out meanwhile.
		const plan = this.#deps.router.plan(routeRequest(asked, model, this.#deps), this.#deps.now());
		exchange.plan = plan;
		const left = inTurn(plan).filter(({ deployment }) => !this.#asked.has(deployment));
		if (await this.#walk(plan, left, Number.MAX_SAFE_INTEGER)) return null;
		return this.#failed.slice(before);
	}

	/** The plan to act on where the router asks to wait: planned again when what it waits for has come or its bound is reached. */
	async #held(request: RouteRequest, first: Plan): Promise<Plan> {
		const { exchange } = this.#about;
		const { router, now } = this.#deps;
		const heldSince = first.plannedAt;
		let plan = first;
		while (plan.hold !== null && !exchange.aborted) {
			const { hold } = plan;
			const waitMs = hold.until - now();
			if (waitMs <= 0) break;
			await exchange.wait(waitMs, (release) => router.onRelease(hold, release));
			plan = router.plan({ ...request, heldSince }, now());
		}
		exchange.waitedMs += now() - heldSince;
		return plan;
	}

	/** These of the plan's in order; true when the request is over. */
	async #walk(plan: Plan, inOrder: readonly Candidate[], most = mostRetries(plan)): Promise<boolean> {
		const { exchange } = this.#about;
		for (const candidate of inOrder) {
			if (this.#failed.length > 0 && !this.#mayRetry(candidate, most)) return false;
			this.#asked.add(candidate.deployment);
			if (await this.#serve(plan, candidate)) return true;
			if (exchange.aborted) return true;
		}
		return false;
	}

	async #serve(plan: Plan, candidate: Candidate): Promise<boolean> {
		const { exchange, asked, model } = this.#about;
		const provider = this.#deps.providers.get(candidate.deployment.id);
		if (provider === undefined) return false;
		const { outline } = plan.request;
		const upstreamModel = fillWildcard(candidate.deployment.config.upstreamModel, plan.request.wildcard);
		if (exchange.operation === "count_tokens" && provider.counts?.(upstreamModel) === false) return false;
		const headers = forwardedHeaders(exchange.request.rawHeaders, outline.stream || exchange.format.read !== null, {
			keyHeader: this.#deps.config.keyHeader,
		});
		const asking = { asked: asked.outline.model, upstreamModel };
		const betas = withLongContext({ betas: asked.betaList, headers }, asking);
		const call: Call = {
			operation: exchange.operation,
			query: exchange.query,
			body: exchange.body,
			members: outline.members,
			history: outline.history,
			stream: outline.stream,
			model: upstreamModel,
			betas: betas.betas,
			headers: betas.headers,
			session: asked.conversation.session,
			path: exchange.path,
			source: exchange.source ?? { format: "anthropic", body: exchange.body },
		};
		const hasFallback = (verdict: Verdict) =>
			(verdict.contextWindow || verdict.errorClass === "contentPolicyViolation") &&
			fallbacksAfter(this.#deps.config, model, verdict).length > 0;
		const outcome = await runCandidate({ exchange, plan, candidate, provider, call, hasFallback }, this.#deps);
		if (outcome.kind !== "failed") return true;
		this.#failed.push(outcome.answer);
		return false;
	}

	/** LiteLLM's retry knobs count attempts after the first. Where none is set, every candidate gets its chance. */
	#mayRetry(candidate: Candidate, most: number): boolean {
		const verdict = this.#failed.at(-1)?.verdict;
		if (verdict === undefined || verdict.action === "relay") return false;
		const { failures } = this.#deps.config;
		const policy = failures.groupRetryPolicy.get(candidate.deployment.config.group) ?? failures.retryPolicy;
		const configured = policy[verdict.errorClass] ?? candidate.deployment.config.numRetries ?? failures.numRetries;
		return this.#failed.length <= (configured ?? most);
	}

	/** How long to wait before everything is tried once more; null = do not. A rate limit is the client's to wait for. */
	#backoffMs(plan: Plan, round: number): number | null {
		const [candidate] = inTurn(plan);
		const verdict = this.#failed.at(-1)?.verdict;
		if (candidate === undefined || verdict === undefined || !this.#mayRetry(candidate, mostRetries(plan))) return null;
		if (verdict.errorClass !== "serviceUnavailable" && verdict.errorClass !== "internalServer") return null;
		const named = verdict.retryAfterMs ?? FIRST_BACKOFF_MS * 2 ** round;
		const waitMs = Math.max(named, this.#deps.config.failures.retryAfterMs);
		return waitMs <= LONGEST_BACKOFF_MS ? waitMs : null;
	}
}
