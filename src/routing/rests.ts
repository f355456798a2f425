// Parts of a deployment that rest while the rest of it goes on serving: one model of several, long-context requests, fast mode, counting.
// Leaves which failure is about which of them to routing/failures.
import type { RouteRequest } from "./decision.ts";
import type { AttemptFailure, MutableDeployment, Part, Rest, Target } from "./deployment.ts";
import { limitClass } from "./headroom.ts";

/** Parts of a deployment that are remembered; clients invent names of models. */
const MOST_RESTS = 64;
/** Beyond so many tokens a prompt is a long-context request (platform docs, "Rate limits"). */
const LONG_CONTEXT_TOKENS = 200_000;
/** Our count of tokens may be so much too low. */
const SURELY_SHORT_TOKENS = 150_000;
const LONG_CONTEXT_BETA = "context-1m";

/** One request as it concerns a deployment. */
export interface RequestAtDeployment {
	readonly request: Pick<RouteRequest, "outline" | "betas" | "counts">;
	readonly target: Target;
	readonly promptTokens: number;
}

/** The part of `deployment` that a failure with this scope is about; null = all of it. */
export function partOf(
	deployment: MutableDeployment,
	failure: AttemptFailure,
	subject: RequestAtDeployment,
): Part | null {
	const { request, target, promptTokens } = subject;
	const limited = failure.status === 429;
	const models = limitClass(target.model);
	if (request.counts === true && limited) return anySize(COUNTING);
	if (failure.requestClass === "fast" && isFast(subject)) return anySize(fastOf(models));
	if (failure.requestClass === "long_context") {
		const byBeta = promptTokens < SURELY_SHORT_TOKENS && hasLongBeta(subject);
		if (byBeta) return anySize(longBetaOf(models));
		return { name: longOf(models), tokens: Math.round(Math.min(promptTokens, LONG_CONTEXT_TOKENS)) };
	}
	if (failure.scope !== "model" || !deployment.config.upstreamModel.includes("*")) return null;
	return anySize(limited ? limitsOf(models) : modelOf(target));
}

/** The rest that keeps a deployment from serving a request, the longest of them; null = none. */
export function restOf(deployment: MutableDeployment, subject: () => RequestAtDeployment, now: number): Rest | null {
	if (deployment.rests.size === 0) return null;
	const asked = subject();
	let longest: Rest | null = null;
	for (const rest of partsOf(deployment, asked))
		if (rest.until > now && (longest === null || rest.until > longest.until)) longest = rest;
	return longest;
}

/** What rests there and this request belongs to. */
export function partsOf({ rests }: MutableDeployment, subject: RequestAtDeployment): readonly Rest[] {
	const { request, target, promptTokens } = subject;
	const models = limitClass(target.model);
	const names = request.counts === true ? [COUNTING] : [limitsOf(models), longOf(models)];
	names.push(modelOf(target));
	if (request.counts !== true && isFast(subject)) names.push(fastOf(models));
	if (request.counts !== true && hasLongBeta(subject)) names.push(longBetaOf(models));
	return names.flatMap((name) => {
		const rest = rests.get(name);
		return rest === undefined || promptTokens < rest.tokens ? [] : [rest];
	});
}

/** A part rests; never shorter than it does already. */
export function layToRest(deployment: MutableDeployment, rest: Rest, now: number): void {
	const { rests } = deployment;
	for (const [name, { until }] of rests) if (until <= now) rests.delete(name);
	const known = rests.get(rest.name);
	if (known === undefined && rests.size >= MOST_RESTS) return;
	const until = Math.max(rest.until, known?.until ?? 0);
	rests.set(rest.name, { ...rest, until, tokens: Math.min(rest.tokens, known?.tokens ?? rest.tokens) });
}

function anySize(name: string): Part {
	return { name, tokens: 0 };
}

const COUNTING = "counting tokens";
const limitsOf = (models: string) => `${models} requests`;
const fastOf = (models: string) => `${models} in fast mode`;
const longOf = (models: string) => `${models} with a long context`;
const longBetaOf = (models: string) => `${models} with the beta for a long context`;
const modelOf = ({ upstreamModel }: Target) => `model ${upstreamModel}`;

function isFast({ request }: RequestAtDeployment): boolean {
	return /(?:^|;)speed=fast(?:;|$)/.test(request.outline.variant);
}

function hasLongBeta({ request }: RequestAtDeployment): boolean {
	return request.betas.includes(LONG_CONTEXT_BETA);
}
