// The prompt of a logged request as a map: which stretch was read from the cache, written to it, or neither. From its
// summary alone.
import type { Details } from "../../requestlog/details.ts";
import type { PromptMapPart } from "../contract/log.ts";

const LEVELS = ["tools", "system", "messages"] as const;

interface Stretch {
	readonly level: (typeof LEVELS)[number];
	readonly from: number;
	readonly to: number;
	readonly bytesFrom: number;
	readonly bytesTo: number;
	readonly breakpoint: "5m" | "1h" | null;
}

/** Null where the log has no summary. Tokens are split by bytes, so that stretches add up to what the provider counted. */
export function promptMapOf(details: Details | null): PromptMapPart[] | null {
	const turn = details?.turn ?? null;
	if (turn === null) return null;
	const total = turn.readTokens + turn.writeTokens + turn.inputTokens;
	const bytes = turn.summary.bytes[2];
	if (bytes === 0) return null;
	const tokensAt = (at: number) => (total * at) / bytes;
	const readEnd = turn.readTokens;
	const writtenEnd = readEnd + turn.writeTokens;
	const parts: PromptMapPart[] = [];
	for (const { level, from, to, bytesFrom, bytesTo, breakpoint } of stretchesOf(turn.summary)) {
		const end = tokensAt(bytesTo);
		let begin = tokensAt(bytesFrom);
		// What was read may end inside a stretch, at a breakpoint of an earlier turn.
		for (const [cache_outcome, limit] of [
			["read", readEnd],
			["written", writtenEnd],
			["uncached", end],
		] as const) {
			const tokens = Math.round(Math.min(end, limit) - begin);
			if (tokens <= 0) continue;
			begin = Math.min(end, limit);
			parts.push({ level, from, to, tokens, cache_outcome, breakpoint: begin === end ? breakpoint : null });
		}
	}
	return parts;
}

/** Cut at the ends of levels and at breakpoints. */
function stretchesOf({ tools, system, messages, bytes, marks }: NonNullable<Details["turn"]>["summary"]): Stretch[] {
	const ends = [tools, tools + system, tools + system + messages];
	const cuts = new Map<number, { bytes: number; breakpoint: "5m" | "1h" | null }>();
	for (const [level, end] of ends.entries()) cuts.set(end, { bytes: bytes[level] ?? 0, breakpoint: null });
	for (const { block, ttl, bytes: at } of marks) cuts.set(block + 1, { bytes: at, breakpoint: ttl });
	const found: Stretch[] = [];
	let from = 0;
	let bytesFrom = 0;
	for (const [to, cut] of [...cuts].sort(([left], [right]) => left - right)) {
		if (to === from) continue;
		const level = LEVELS[ends.findIndex((end) => from < end)] ?? "messages";
		found.push({ level, from, to, bytesFrom, bytesTo: cut.bytes, breakpoint: cut.breakpoint });
		from = to;
		bytesFrom = cut.bytes;
	}
	return found;
}
