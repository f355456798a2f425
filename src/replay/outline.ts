// A replayed request as the outline that the router would have got from its bytes. Leaves bytes, and everything the router does not read.
import { type Breakpoint, NO_HISTORY, NO_SETTINGS, type Outline, type PrefixChain } from "../prompt/outline.ts";
import { mix32 } from "./random.ts";
import { prefixId, type ReplayRequest } from "./workload.ts";

/** Claude Code's prompts have about this many bytes a token; the router learns the figure of each model from usage. */
const BYTES_PER_TOKEN = 4;
const MESSAGES = 2;
const NO_MEMBERS = { model: null, stream: null, anthropicVersion: null, anthropicBeta: null, all: [] };

/** Outline of a request as Claude Code marks it: 5-minute breakpoints at the end of the system part and of the last message. */
export function outlineOf(request: ReplayRequest): Outline {
	const chain = chainOf(request);
	const opening = Math.max(0, chain.level.indexOf(MESSAGES));
	return {
		model: request.model,
		members: NO_MEMBERS,
		stream: true,
		bodyBetas: [],
		maxTokens: null,
		userId: null,
		chain,
		breakpoints: request.cuts.marks.map((block): Breakpoint => ({ block, ttl: "5m" })),
		openingKey: chain.high[opening] ?? 0,
		variant: "",
		history: NO_HISTORY,
		settings: NO_SETTINGS,
	};
}

function chainOf(request: ReplayRequest): PrefixChain {
	const { ids, tokens, level } = request.cuts;
	const count = ids.length;
	const high = new Float64Array(count);
	const low = new Float64Array(count);
	for (let block = 0; block < count; block += 1) {
		const id = prefixId(request, block);
		high[block] = bits52(id, 1);
		low[block] = bits52(id, 2);
	}
	const bytes = tokens.map((each) => each * BYTES_PER_TOKEN);
	return { count, high, low, level, kind: new Uint8Array(count), message: new Int32Array(count), bytes };
}

function bits52(id: number, seed: number): number {
	return mix32(id, seed) * 2 ** 20 + (mix32(id, seed + 0x5bd1e995) >>> 12);
}
