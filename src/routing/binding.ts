// Which places hold a conversation, so that it must not be sent elsewhere for balance. Leaves what they hold to cache/index and what follows
// from it to routing/planner.
import { NONE } from "../cache/entry-table.ts";
import { MESSAGES_LEVEL } from "../cache/index.ts";
import { TTL_MS } from "../cache/semantics.ts";
import type { PrefixChain } from "../prompt/outline.ts";
import type { CandidatePlace } from "./candidate-place.ts";
import type { RouteRequest } from "./decision.ts";
import type { Home } from "./session.ts";

interface Known {
	readonly home: Home | null;
	readonly promptTokens: number;
	readonly now: number;
}

/**
 * Fills in which places bind. A live message-level prefix does (routing-model §5.2). With none anywhere, home does where it is of use though
 * it is cold: a changed beta or setting is cold everywhere, and away from home signed thinking is lost as well.
 */
export function fillBinding(request: RouteRequest, places: readonly CandidatePlace[], known: Known): void {
	const { home, promptTokens, now } = known;
	const compacts = isCompaction(request);
	const isCompacted = request.conversation.hints?.contextCompacted === true;
	let related = NONE;
	let isLive = false;
	for (const { match } of places) {
		if (match.home !== NONE) isLive = true;
		if (match.related > related) related = match.related;
	}
	// Home was served within its entry's lifetime, and this prompt is no side request of the session.
	const lifetime = TTL_MS[request.outline.breakpoints.at(-1)?.ttl ?? "5m"];
	const isRecent = home !== null && now - home.at < lifetime && promptTokens * 2 >= home.promptTokens;
	for (const place of places) {
		const { match } = place;
		if (match.home !== NONE || (place.home && compacts)) place.binds = true;
		else if (isLive) place.binds = false;
		else if (related !== NONE) place.binds = match.related === related;
		else place.binds = place.home && (isRecent || isCompacted);
	}
}

/** After a compaction home is worth what it still holds: tools and system, if all of them. Without that it is left. */
export function isHomeLeft(
	{ conversation, outline: { chain } }: RouteRequest,
	places: readonly CandidatePlace[],
): boolean {
	if (conversation.hints?.contextCompacted !== true) return false;
	const last = headBlocks(chain) - 1;
	return last < 0 || !places.some(({ home, match }) => home && match.read >= last);
}

/** A compaction reads the whole conversation where it is at home, whatever it marks (claude-code §3). */
export function isCompaction({ conversation: { hints } }: RouteRequest): boolean {
	return hints !== undefined && (hints.isCompaction || hints.requestClass === "compaction");
}

/** Blocks of tools and system. */
export function headBlocks({ count, level }: PrefixChain): number {
	let head = 0;
	while (head < count && level[head] !== MESSAGES_LEVEL) head += 1;
	return head;
}
