// Where each conversation is at home and where it was diverted to: second evidence beside prefixes. Leaves what follows from it to
// routing/planner.
import { hashParts } from "../cache/place.ts";
import type { Conversation } from "./decision.ts";

/** Where a turn was served. */
interface Served {
	/** Cache-domain number. */
	readonly domain: number;
	readonly deploymentId: string;
	/** When, ms since epoch. */
	readonly at: number;
	/** Tokens of its prompt. */
	readonly promptTokens: number;
	/** Who thought there, as far as is known: thinking is bound to it (prompt-caching §5). */
	readonly organization: string | null;
}

/** Turns that were served elsewhere while home could not. */
export interface Diversion {
	readonly domain: number;
	readonly since: number;
	readonly turns: number;
}

/** A conversation's home: where it was served last when it was free to choose. */
export interface Home extends Served {
	/** Null while it is at home. */
	readonly diversion: Diversion | null;
}

/**
 * Homes by conversation: session + agent + model, since a subagent is a conversation of its own and no cache spans models. Keeps
 * hashes, not ids. The least recently served go first.
 */
export interface Conversations {
	readonly size: number;
	/** Null without a session, or when nothing is known. Changes nothing. */
	homeOf(conversation: Conversation, model: string): Home | null;
	/** The conversation was served there, which is its home from now on. */
	settle(conversation: Conversation, model: string, served: Served): void;
	/** The conversation was served elsewhere for once: home stays. */
	divert(conversation: Conversation, model: string, served: Served): void;
	/** What was served turned out not to be cached there; forgotten only if `domain` is its home. */
	leave(conversation: Conversation, model: string, domain: number): void;
	/** What was known of it holds no more. */
	forget(conversation: Conversation, model: string): void;
	/** What another replica published of the conversation of this key: its home, or null = it has none any more. Older news is no news. */
	take(key: number, home: Home | null): void;
	resize(limit: number): void;
}

/** Called with every home that changes, by the conversation's key, which is equal on every replica; null = it has none any more. */
export interface HomeObserver {
	home(key: number, home: Home | null): void;
}

/** Remembers at most `limit` conversations. `observer` is called with all but what was taken. */
export function createConversations(limit: number, observer: HomeObserver | null = null): Conversations {
	const homes = new Map<number, Home>();
	let most = limit;

	function trim(): void {
		for (const key of homes.keys()) {
			if (homes.size <= most) return;
			homes.delete(key);
		}
	}

	function put(key: number, home: Home): void {
		homes.delete(key);
		homes.set(key, home);
		trim();
	}

	function drop(key: number): void {
		if (homes.delete(key)) observer?.home(key, null);
	}

	return {
		get size() {
			return homes.size;
		},
		homeOf(conversation, model) {
			const key = keyOf(conversation, model);
			return key === null ? null : (homes.get(key) ?? null);
		},
		settle(conversation, model, served) {
			const key = keyOf(conversation, model);
			if (key === null) return;
			const { domain, deploymentId, at, promptTokens, organization } = served;
			const home = { domain, deploymentId, at, promptTokens, organization, diversion: null };
			put(key, home);
			observer?.home(key, home);
		},
		divert(conversation, model, { domain, at }) {
			const key = keyOf(conversation, model);
			const home = key === null ? undefined : homes.get(key);
			if (key === null || home === undefined) return;
			const { diversion } = home;
			const diverted = { domain, since: diversion?.since ?? at, turns: (diversion?.turns ?? 0) + 1 };
			const away = { ...home, diversion: diverted };
			put(key, away);
			observer?.home(key, away);
		},
		leave(conversation, model, domain) {
			const key = keyOf(conversation, model);
			if (key !== null && homes.get(key)?.domain === domain) drop(key);
		},
		forget(conversation, model) {
			const key = keyOf(conversation, model);
			if (key !== null) drop(key);
		},
		take(key, home) {
			if (home === null) homes.delete(key);
			else if ((homes.get(key)?.at ?? 0) <= home.at) put(key, home);
		},
		resize(newLimit) {
			most = newLimit;
			trim();
		},
	};
}

function keyOf(conversation: Conversation, model: string): number | null {
	if (conversation.session === null) return null;
	return hashParts(conversation.session, conversation.agent ?? "", model);
}
