// The gateway that the plain policies share: cool-downs and retries as LiteLLM has them. Leaves the choice among what is healthy to a strategy.

import type { Usage } from "../../protocol/usage.ts";
import type { Dispatched, Policy } from "../policy.ts";
import type { ReplayRequest } from "../workload.ts";

/** How a policy chooses and what it remembers. */
export interface Strategy {
	/** One of `healthy`, which is never empty. */
	choose(request: ReplayRequest, healthy: readonly number[], now: number): number;
	/** Sent there; called before the answer is known. */
	sent?(request: ReplayRequest, deployment: number, now: number): void;
	/** The answer ended. */
	completed?(request: ReplayRequest, deployment: number, now: number): void;
	/** The attempt is over, answered or refused. */
	released?(deployment: number): void;
}

/** LiteLLM: two retries, a 429 cools down at once, for as long as `retry-after` says [litellm §2.2]. */
const ATTEMPTS = 3;

/**
 * A gateway around `strategy`: it sends to one of the deployments that are not cooling down; a 429 cools its deployment down and the choice
 * is repeated, twice at most. With nothing healthy it answers 429 itself.
 */
export function createBalancer(deployments: number, strategy: Strategy): Policy {
	const cooldownUntil = new Array<number>(deployments).fill(0);
	const all = cooldownUntil.map((_, deployment) => deployment);

	function dispatch(request: ReplayRequest, deployment: number, now: number): Dispatched {
		strategy.sent?.(request, deployment, now);
		return {
			limited(retryAfterMs, at) {
				strategy.released?.(deployment);
				cooldownUntil[deployment] = Math.max(cooldownUntil[deployment] ?? 0, at + retryAfterMs);
			},
			started() {},
			settled(_usage: Usage, at) {
				strategy.released?.(deployment);
				strategy.completed?.(request, deployment, at);
			},
		};
	}

	return {
		route(request) {
			let attempts = 0;
			return {
				next(now) {
					const healthy = all.filter((deployment) => (cooldownUntil[deployment] ?? 0) <= now);
					if (attempts === ATTEMPTS || healthy.length === 0) return null;
					attempts += 1;
					const deployment = strategy.choose(request, healthy, now);
					return { deployment, dispatched: (at) => dispatch(request, deployment, at) };
				},
				retryAt: () => Math.min(...cooldownUntil),
			};
		},
	};
}
