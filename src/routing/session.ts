// Where each conversation was served last: second evidence beside prefixes. Leaves what follows from it to routing/placement.
import { hashText } from "../cache/place.ts";
import type { Conversation } from "./decision.ts";

/** A conversation's last home. */
export interface Home {
	/** Cache-domain number. */
	readonly domain: number;
	readonly deploymentId: string;
	/** When it was last served there, ms since epoch. */
	readonly at: number;
}

/**
 * Homes by conversation: session + agent + model, since a subagent is a conversation of its own and no cache spans models. Keeps
 * hashes, not ids. The least recently served go first.
 */
export interface Conversations {
	readonly size: number;
	/** Null without a session, or when nothing is known. Changes nothing. */
	homeOf(conversation: Conversation, model: string): Home | null;
	/** The conversation was served at `home`. */
	settle(conversation: Conversation, model: string, home: Home): void;
	/** What was served turned out not to be cached there; forgotten only if `domain` is its home. */
	leave(conversation: Conversation, model: string, domain: number): void;
	resize(limit: number): void;
}

/** Remembers at most `limit` conversations. */
export function createConversations(limit: number): Conversations {
	const homes = new Map<number, Home>();
	let most = limit;

	function trim(): void {
		for (const key of homes.keys()) {
			if (homes.size <= most) return;
			homes.delete(key);
		}
	}

	return {
		get size() {
			return homes.size;
		},
		homeOf(conversation, model) {
			const key = keyOf(conversation, model);
			return key === null ? null : (homes.get(key) ?? null);
		},
		settle(conversation, model, home) {
			const key = keyOf(conversation, model);
			if (key === null) return;
			homes.delete(key);
			homes.set(key, home);
			trim();
		},
		leave(conversation, model, domain) {
			const key = keyOf(conversation, model);
			if (key !== null && homes.get(key)?.domain === domain) homes.delete(key);
		},
		resize(newLimit) {
			most = newLimit;
			trim();
		},
	};
}

function keyOf(conversation: Conversation, model: string): number | null {
	if (conversation.session === null) return null;
	const text = `${conversation.session}\n${conversation.agent ?? ""}\n${model}`;
	return (hashText(text, 1) >>> 0) * 2 ** 21 + (hashText(text, 2) >>> 11);
}
