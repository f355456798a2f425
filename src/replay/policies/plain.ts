// Policies that know nothing of caches: random, round-robin, least-busy, and all on one deployment. Leaves cool-downs to policies/balancer.
import type { Policy, PolicyOptions } from "../policy.ts";
import type { Random } from "../random.ts";
import { createBalancer } from "./balancer.ts";

/** Any healthy deployment, each as likely: LiteLLM's `simple-shuffle` with equal weights. */
export function createRandomPolicy({ deployments, random }: PolicyOptions): Policy {
	return createBalancer(deployments, { choose: (_request, healthy) => anyOf(healthy, random) });
}

/** One healthy deployment after the other. */
export function createRoundRobin({ deployments }: PolicyOptions): Policy {
	let turn = -1;
	return createBalancer(deployments, {
		choose(_request, healthy) {
			turn += 1;
			return healthy[turn % healthy.length] ?? 0;
		},
	});
}

/** The healthy deployment with the fewest requests under way; any of them if several have. */
export function createLeastBusy({ deployments, random }: PolicyOptions): Policy {
	const inFlight = new Array<number>(deployments).fill(0);
	const change = (deployment: number, by: number) => {
		inFlight[deployment] = (inFlight[deployment] ?? 0) + by;
	};
	return createBalancer(deployments, {
		choose(_request, healthy) {
			const fewest = Math.min(...healthy.map((deployment) => inFlight[deployment] ?? 0));
			return anyOf(
				healthy.filter((deployment) => inFlight[deployment] === fewest),
				random,
			);
		},
		sent: (_request, deployment) => change(deployment, 1),
		released: (deployment) => change(deployment, -1),
	});
}

/** Everything on the first deployment. Without a limit nothing can be read more often: the ceiling. */
export function createSingle({ deployments }: PolicyOptions): Policy {
	return createBalancer(deployments, { choose: () => 0 });
}

/** Any of `healthy`. */
export function anyOf(healthy: readonly number[], random: Random): number {
	return healthy[Math.floor(random() * healthy.length)] ?? 0;
}
