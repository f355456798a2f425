// Policies that go by the session id alone: by hash, and by a remembered pin. Leaves cool-downs to policies/balancer.
import type { Policy, PolicyOptions } from "../policy.ts";
import { mix32, textHash } from "../random.ts";
import { createBalancer } from "./balancer.ts";
import { anyOf } from "./plain.ts";

const AFFINITY_TTL_MS = 3_600_000;

/** The healthy deployment nearest to the session's hash (rendezvous hashing); without a session any. */
export function createSessionHash({ deployments, random }: PolicyOptions): Policy {
	return createBalancer(deployments, {
		choose({ session }, healthy) {
			if (session === null) return anyOf(healthy, random);
			const hash = textHash(session);
			const score = (deployment: number) => mix32(hash, mix32(deployment + 1, 0));
			return healthy.reduce((best, each) => (score(each) > score(best) ? each : best));
		},
	});
}

/** LiteLLM's `session_affinity`: written at every call, an hour, ignored while the pinned one is not healthy [litellm §2.1]. */
export function createSessionAffinity({ deployments, random }: PolicyOptions): Policy {
	const pins = new Map<string, { readonly deployment: number; readonly expiresAt: number }>();
	return createBalancer(deployments, {
		choose({ session }, healthy, now) {
			const pin = session === null ? undefined : pins.get(session);
			const holds = pin !== undefined && pin.expiresAt > now && healthy.includes(pin.deployment);
			return holds ? pin.deployment : anyOf(healthy, random);
		},
		sent({ session }, deployment, now) {
			if (session !== null) pins.set(session, { deployment, expiresAt: now + AFFINITY_TTL_MS });
		},
	});
}
