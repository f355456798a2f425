// Weighted rendezvous hashing: replicas that cannot see each other choose alike. Leaves when chance should decide to routing/placement.
import { hashText, mixBits } from "../cache/place.ts";
import type { Conversation } from "./decision.ts";
import type { Deployment } from "./deployment.ts";

/**
 * Distance of a deployment from a seed; the nearest is the choice. Depends on nothing but its arguments, so removing one deployment
 * moves only what was nearest to it, and a deployment of weight 2 is nearest twice as often.
 */
export function distance(seed: number, { hash, config }: Deployment): number {
	const uniform = ((mixBits(seed ^ hash) >>> 0) + 0.5) / 2 ** 32;
	return -Math.log(uniform) / Math.max(config.weight, Number.EPSILON);
}

/**
 * The seed of a conversation: its session and agent, or else how it opens (system + first user message). Null when neither is known:
 * then there is nothing to agree on, and one seed for all would send all to one deployment.
 */
export function seedOf(conversation: Conversation, openingKey: number): number | null {
	if (conversation.session !== null) return hashText(`${conversation.session}\n${conversation.agent ?? ""}`);
	return openingKey === 0 ? null : mixBits(openingKey ^ Math.floor(openingKey / 2 ** 32));
}
