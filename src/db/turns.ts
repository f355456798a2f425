// The last turns of each conversation, so that a request's miss can be told when it is logged. In memory and bounded; what is lost with
// it can be told later from stored summaries. Leaves comparing to cache/miss.
import { type Miss, type Turn, whyMissed } from "../cache/miss.ts";
import { TTL_MS } from "../cache/semantics.ts";
import { commonBlocks } from "../cache/summary.ts";

export interface TurnMemory {
	/** Why this turn of the conversation missed, against the earlier turn that is most like it. Remembers the turn. */
	next(conversation: string, turn: Turn): Miss | null;
	/** Turns that were logged before this process began, oldest first; conversations that have gone on since keep what they have. */
	recall(logged: Iterable<readonly [conversation: string, turn: Turn]>): void;
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

/** Remembers until `maxBlocks` blocks are summed up; the conversations that are silent longest are forgotten. */
export function createTurnMemory(maxBlocks = 4_000_000): TurnMemory {
	const conversations = new Map<string, Turn[]>();
	let blocks = 0;

	function remember(conversation: string, turn: Turn): Turn | null {
		const turns = conversations.get(conversation) ?? [];
		conversations.delete(conversation);
		const alike = findAlike(turns, turn);
		if (turn.summary.marks.length > 0) {
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
		if (turns.length > 0) conversations.set(conversation, turns);
		for (const [oldest, forgotten] of conversations) {
			if (blocks <= maxBlocks) break;
			conversations.delete(oldest);
			for (const each of forgotten) blocks -= sizeOf(each);
		}
		return alike?.earlier ?? null;
	}

	return {
		next(conversation, turn) {
			return whyMissed(turn, remember(conversation, turn));
		},
		recall(logged) {
			const begun = new Set(conversations.keys());
			for (const [conversation, turn] of logged) if (!begun.has(conversation)) remember(conversation, turn);
		},
		warmth(now) {
			const places = new Map<string, Warmth>();
			for (const turns of conversations.values()) {
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
		},
	};
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
		if (common === 0 && !isKin(earlier, turn)) continue;
		if (best === null || common >= best.common) best = { earlier, common };
	}
	return best;
}

/** Nothing in common, and still the same conversation: it has tools and a history as the earlier one had. */
function isKin({ summary: one }: Turn, { summary: other }: Turn): boolean {
	return one.tools > 0 && other.tools > 0 && other.messages >= one.messages;
}

function isContinued({ earlier, common }: Alike): boolean {
	return common >= (earlier.summary.marks.at(-1)?.block ?? 0);
}

/** When the last of a turn's entries runs out, unless it is read again (R6). */
function expiryOf({ startedAt, summary }: Turn): number {
	return startedAt + Math.max(0, ...summary.marks.map(({ ttl }) => TTL_MS[ttl]));
}

function sizeOf({ summary }: Turn): number {
	return 64 + summary.words.length;
}
