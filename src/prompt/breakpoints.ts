// Where a prompt may be written to the provider's cache: explicit markers and the automatic one. Leaves what is cached to cache/.
import type { BodyReader } from "./anthropic.ts";
import { Flag, Level, Mark } from "./blocks.ts";

/** Cache lifetime of a breakpoint. */
type Ttl = "5m" | "1h";

/** A block that carries `cache_control`, or the automatic one of a top-level `cache_control` (prompt-caching R2, R3). */
export interface Breakpoint {
	/** Index into the chain's blocks. */
	readonly block: number;
	readonly ttl: Ttl;
}

/**
 * The breakpoints of the body that `reader` has read, in order of block, one a block (prompt-caching R2, R3, R11).
 *
 * A marker on a block that is not in the chain stands on the block before it, if there is one and it has none of its own. The automatic
 * breakpoint stands on the last block that can carry one, and adds nothing where an explicit one stands already.
 */
export function breakpointsOf(reader: BodyReader): Breakpoint[] {
	const { blocks } = reader;
	const found: Breakpoint[] = [];
	let last = -1;
	let lastMarkable = -1;
	for (const level of [Level.tools, Level.system, Level.messages]) {
		for (let block = reader.first[level]; block < reader.end[level]; block++) {
			// Almost all: nothing to tell of them.
			if (blocks.isPlain(block)) {
				lastMarkable = ++last;
				continue;
			}
			const flags = blocks.flags(block);
			if ((flags & Flag.leftOut) === 0) last++;
			if (flags === 0) lastMarkable = last;
			const mark = blocks.mark(block);
			if (mark === Mark.none || last < 0) continue;
			if (found.at(-1)?.block !== last) found.push({ block: last, ttl: ttlOf(mark) });
		}
	}
	if (reader.automatic !== Mark.none && lastMarkable >= 0 && !found.some(({ block }) => block === lastMarkable)) {
		found.push({ block: lastMarkable, ttl: ttlOf(reader.automatic) });
		found.sort((a, b) => a.block - b.block);
	}
	return found;
}

function ttlOf(mark: number): Ttl {
	return mark === Mark.oneHour ? "1h" : "5m";
}
