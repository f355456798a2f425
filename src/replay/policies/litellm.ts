// LiteLLM's prompt-caching check, as released and as it is to become. Leaves cool-downs to policies/balancer. It is modelled kindly: no
// bound of 200 entries, no markers inside the key, and tools and system count towards the minimum.
import type { Policy, PolicyOptions } from "../policy.ts";
import { prefixId, type ReplayRequest } from "../workload.ts";
import { createBalancer } from "./balancer.ts";
import { anyOf } from "./plain.ts";

/** Fixed, and not renewed while it runs [litellm §1.6]. */
const PIN_TTL_MS = 300_000;
const MINIMUM_TOKENS = 1_024;
/** Block positions probed back from the last breakpoint [litellm §1.4]. */
const LOOK_BACK_POSITIONS = 20;
const MESSAGES = 2;

interface Pin {
	deployment: number;
	readonly expiresAt: number;
}

/** The key is the exact prompt up to its last breakpoint, so a conversation that grows never finds its last turn [litellm §1.1 to §1.3]. */
export function createLitellmExact(options: PolicyOptions): Policy {
	return createPinning(options, 1);
}

/** The key is looked for block by block backwards from the last breakpoint [litellm §1.4]. */
export function createLitellmWalkback(options: PolicyOptions): Policy {
	return createPinning(options, LOOK_BACK_POSITIONS);
}

/** Pins are written when an answer ends, and filter the healthy deployments to the pinned one [litellm §1.2, §1.3, §1.5]. */
function createPinning({ deployments, random }: PolicyOptions, positions: number): Policy {
	const pins = new Map<number, Pin>();

	function pinOf(request: ReplayRequest, now: number): Pin | undefined {
		const { cuts } = request;
		const last = cuts.ids.length - 1;
		for (let cut = last; cut >= 0 && last - cut < positions && cuts.level[cut] === MESSAGES; cut -= 1) {
			const pin = pins.get(prefixId(request, cut));
			if (pin !== undefined && pin.expiresAt > now) return pin;
		}
		return undefined;
	}

	function write(request: ReplayRequest, deployment: number, now: number): void {
		const last = request.cuts.ids.length - 1;
		if (request.cuts.level[last] !== MESSAGES || (request.cuts.tokens[last] ?? 0) < MINIMUM_TOKENS) return;
		const id = prefixId(request, last);
		const pin = pins.get(id);
		if (pin !== undefined && pin.expiresAt > now) pin.deployment = deployment;
		else pins.set(id, { deployment, expiresAt: now + PIN_TTL_MS });
	}

	return createBalancer(deployments, {
		choose(request, healthy, now) {
			const pinned = pinOf(request, now)?.deployment;
			return pinned !== undefined && healthy.includes(pinned) ? pinned : anyOf(healthy, random);
		},
		completed: write,
	});
}
