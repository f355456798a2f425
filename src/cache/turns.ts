// The last turns of each conversation, so that a request's miss can be explained when it is logged. In memory and bounded; what is lost with
// it can be explained later from stored summaries. Leaves comparing to cache/miss.
import { type Miss, type Turn, whyMissed } from "./miss.ts";
import { TTL_MS } from "./semantics.ts";
import { commonBlocks } from "./summary.ts";

/** Whose turn it is, as the log's columns name it. */
export interface ConversationKey {
	readonly key_id: string | null;
	readonly session: string;
	readonly agent: string | null;
}

export interface TurnMemory {
	/** Why this turn of the conversation missed, against the earlier turn that is most like it. Remembers the turn. */
	next(conversation: ConversationKey, turn: Turn): Miss | null;
	/** Turns that were logged before this process began, oldest first; conversations that have gone on since keep what they have. */
	recall(logged: Iterable<readonly [conversation: ConversationKey, turn: Turn]>): void;
	/** What the remembered conversations should still find cached at `now`, by place. */
	warmth(now: number): ReadonlyMap<string, Warmth>;
}

/** Tokens that live conversations have cached at one place; what several share counts for each. */
export interface Warmth {
	readonly conversations: number;
	readonly tokens: number;
	/** Of them, those that run out within a minute. */
	readonly expiringTokens: number;
}

const SOON_MS = 60_000;

/** Earlier turns kept of a conversation: a session's side requests must not hide its main thread. */
const TURNS_KEPT = 3;

/** Conversations kept of a session: each subagent is one. */
const CONVERSATIONS_KEPT = 64;
/** A session takes its place among the latest again when it is older than this, ms: to move it at every turn costs more than finding it. */
const PLACE_KEPT_MS = 60_000;

/** What is remembered under a session's id: one client's, or several that sent the same. */
interface Session {
	/** In the order in which they began. */
	readonly conversations: Remembered[];
	/** When it took its place among the others, ms since epoch. */
	placedAt: number;
}

interface Remembered {
	readonly keyId: string | null;
	readonly agent: string | null;
	/** In the order of their ends. */
	readonly turns: Turn[];
}

/** Remembers until `maxBlocks` blocks are summed up; the sessions that are silent longest are forgotten, to a minute. */
export function createTurnMemory(maxBlocks = 4_000_000): TurnMemory {
	const sessions = new Map<string, Session>();
	let blocks = 0;

	function remember(conversation: ConversationKey, turn: Turn): Turn | null {
		const session = sessions.get(conversation.session);
		const known = session === undefined ? undefined : find(session, conversation);
		const alike = known === undefined ? null : findAlike(known.turns, turn);
		if (turn.summary.marks.length > 0) {
			keep((known ?? begin(session, conversation, turn.startedAt)).turns, turn, alike);
			place(conversation.session, turn.startedAt);
			if (blocks > maxBlocks) forget();
		}
		return alike?.earlier ?? null;
	}

	function keep(turns: Turn[], turn: Turn, alike: Alike | null): void {
		// The turn it continues is of no use any more.
		const replaced = alike !== null && isContinued(alike) ? turns.indexOf(alike.earlier) : -1;
		if (replaced !== -1) blocks -= sizeOf(turns[replaced] as Turn);
		if (replaced !== -1 && replaced === turns.length - 1) turns[replaced] = turn;
		else {
			if (replaced !== -1) turns.splice(replaced, 1);
			turns.push(turn);
		}
		blocks += sizeOf(turn);
		while (turns.length > TURNS_KEPT) blocks -= sizeOf(turns.shift() as Turn);
	}

	function begin(known: Session | undefined, { key_id, session, agent }: ConversationKey, now: number): Remembered {
		const conversations = known?.conversations ?? [];
		if (known === undefined) sessions.set(session, { conversations, placedAt: now });
		if (conversations.length >= CONVERSATIONS_KEPT) {
			const [silent] = conversations.splice(longestSilent(conversations), 1);
			if (silent !== undefined) blocks -= sizeOfAll([silent]);
		}
		const begun: Remembered = { keyId: key_id, agent, turns: [] };
		conversations.push(begun);
		return begun;
	}

	function place(id: string, now: number): void {
		const session = sessions.get(id);
		if (session === undefined || now - session.placedAt <= PLACE_KEPT_MS) return;
		session.placedAt = now;
		sessions.delete(id);
		sessions.set(id, session);
	}

	function forget(): void {
		for (const [oldest, { conversations }] of sessions) {
			if (blocks <= maxBlocks) break;
			sessions.delete(oldest);
			blocks -= sizeOfAll(conversations);
		}
	}

	function everyConversation(): Remembered[] {
		return [...sessions.values()].flatMap(({ conversations }) => conversations);
	}

	return {
		next(conversation, turn) {
			return whyMissed(turn, remember(conversation, turn));
		},
		recall(logged) {
			const begun = new Set(everyConversation());
			for (const [conversation, turn] of logged) {
				const session = sessions.get(conversation.session);
				const known = session === undefined ? undefined : find(session, conversation);
				if (known === undefined || !begun.has(known)) remember(conversation, turn);
			}
		},
		warmth: (now) => warmthOf(everyConversation(), now),
	};
}

function warmthOf(conversations: readonly Remembered[], now: number): ReadonlyMap<string, Warmth> {
	const places = new Map<string, Warmth>();
	for (const { turns } of conversations) {
		for (const turn of turns) {
			const left = expiryOf(turn) - now;
			const cached = turn.readTokens + turn.writeTokens;
			if (left <= 0 || cached === 0) continue;
			const sum = places.get(turn.place) ?? { conversations: 0, tokens: 0, expiringTokens: 0 };
			places.set(turn.place, {
				conversations: sum.conversations + 1,
				tokens: sum.tokens + cached,
				expiringTokens: sum.expiringTokens + (left <= SOON_MS ? cached : 0),
			});
		}
	}
	return places;
}

/**
 * The earlier turn that shares most with this one, the latest among equals. Null where none has anything in common: then it is another
 * prompt, not a missed one, unless its model or tools are all that differ.
 */
export function mostAlike(turns: readonly Turn[], turn: Turn): Turn | null {
	return findAlike(turns, turn)?.earlier ?? null;
}

/** An earlier turn, and how many first blocks it has in common with the present one. */
interface Alike {
	readonly earlier: Turn;
	readonly common: number;
}

function findAlike(turns: readonly Turn[], turn: Turn): Alike | null {
	let best: Alike | null = null;
	for (const earlier of turns) {
		const common = commonBlocks(earlier.summary, turn.summary);
		if (common === 0 && !isSameConversation(earlier, turn)) continue;
		if (best === null || common >= best.common) best = { earlier, common };
	}
	return best;
}

/** Nothing in common, and still the same conversation: it has tools and a history as the earlier one had. */
function isSameConversation({ summary: one }: Turn, { summary: other }: Turn): boolean {
	return one.tools > 0 && other.tools > 0 && other.messages >= one.messages;
}

function isContinued({ earlier, common }: Alike): boolean {
	return common >= (earlier.summary.marks.at(-1)?.block ?? 0);
}

/** When the last of a turn's entries runs out, unless it is read again (prompt-caching R6). */
function expiryOf({ startedAt, summary }: Turn): number {
	return startedAt + Math.max(0, ...summary.marks.map(({ ttl }) => TTL_MS[ttl]));
}

function find({ conversations }: Session, { key_id, agent }: ConversationKey): Remembered | undefined {
	for (const known of conversations) if (known.agent === agent && known.keyId === key_id) return known;
	return undefined;
}

/** Where it stands; a session's main thread outlives its subagents. */
function longestSilent(conversations: readonly Remembered[]): number {
	let found = 0;
	const lastOf = (at: number) => conversations[at]?.turns.at(-1)?.startedAt ?? 0;
	for (let at = 1; at < conversations.length; at += 1) if (lastOf(at) < lastOf(found)) found = at;
	return found;
}

function sizeOfAll(conversations: readonly Remembered[]): number {
	let size = 0;
	for (const { turns } of conversations) for (const turn of turns) size += sizeOf(turn);
	return size;
}

function sizeOf({ summary }: Turn): number {
	return 64 + summary.words.length;
}
