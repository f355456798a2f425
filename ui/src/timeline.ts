// A conversation's turns laid out for drawing: tracks, columns, gaps, moves. Pure; leaves drawing to components/Timeline.
import type { RequestView } from "../../src/admin/contract/log.ts";
import { type CacheOutcome, cacheOutcomeOf, promptTokens } from "./cache.ts";

/** What is to be seen of a turn beside its tokens. moved: another cache than its track's last, for whatever reason. */
export type Sign = "diverted" | "returned" | "moved" | "missed" | "failed";

export interface Bar {
	readonly turn: RequestView;
	/** 0 = main loop. */
	readonly track: number;
	readonly column: number;
	readonly cacheOutcome: CacheOutcome | null;
	readonly signs: readonly Sign[];
}

interface Gap {
	/** Before this column. */
	readonly column: number;
	readonly ms: number;
	/** As long as the shortest lifetime of an entry, or what was cached has run out in it. */
	readonly isLong: boolean;
	/** What was cached has run out in it. */
	readonly expired: boolean;
}

export interface Timeline {
	/** null = main loop; the others are agents' ids. */
	readonly tracks: readonly (string | null)[];
	readonly bars: readonly Bar[];
	readonly gaps: readonly Gap[];
	readonly columns: number;
	/** Longest prompt, tokens. */
	readonly most: number;
}

/** Shorter silences are nothing to be marked. */
const GAP_MS = 2 * 60_000;
/** The shortest lifetime of an entry. */
const EXPIRY_MS = 5 * 60_000;

/** `turns` oldest first. Requests that nobody served have a column too, and no height. */
export function layOut(turns: readonly RequestView[]): Timeline {
	const shown = turns.filter(({ operation }) => operation === "messages");
	const tracks: (string | null)[] = [null];
	const bars: Bar[] = [];
	const gaps: Gap[] = [];
	const homes = new Map<number, RequestView>();
	let most = 1;
	for (const [column, turn] of shown.entries()) {
		let track = tracks.indexOf(turn.agent_id);
		if (track === -1) track = tracks.push(turn.agent_id) - 1;
		const before = homes.get(track);
		const cacheOutcome = cacheOutcomeOf(turn);
		if (cacheOutcome !== null) most = Math.max(most, promptTokens(cacheOutcome));
		bars.push({ turn, track, column, cacheOutcome, signs: signsOf(turn, before) });
		const earlier = shown[column - 1];
		const silence = earlier === undefined ? 0 : turn.started_at - (earlier.started_at + earlier.duration_ms);
		if (silence >= GAP_MS) {
			const expired = turn.miss_cause === "expired" || (silence >= EXPIRY_MS && turn.miss_cause !== null);
			gaps.push({ column, ms: silence, expired, isLong: expired || silence >= EXPIRY_MS });
		}
		if (turn.outcome === "served") homes.set(track, turn);
	}
	return { tracks, bars, gaps, columns: shown.length, most };
}

function signsOf(turn: RequestView, before: RequestView | undefined): readonly Sign[] {
	const signs: Sign[] = [];
	if (turn.outcome === "failed" || turn.outcome === "broke" || turn.outcome === "rejected") signs.push("failed");
	const elsewhere = before !== undefined && turn.model_id !== null && placeOf(turn) !== placeOf(before);
	if (turn.diverted_from !== null) signs.push("diverted");
	else if (turn.reason === "returned") signs.push("returned");
	else if (elsewhere) signs.push("moved");
	if (turn.miss_cause !== null) signs.push("missed");
	return signs;
}

/** Deployments of one domain read each other's cache: to go from one to the other is no move. */
function placeOf({ cache_domain, model_id }: RequestView): string | null {
	return cache_domain ?? model_id;
}
