// What the provider says of an answer's bill beside its token counts: the calls it was made of, the tools the provider ran, how it was
// served. Leaves the counts to protocol/usage and prices to pricing.

/**
 * Tokens of one call. `inputTokens` counts only what came after the last breakpoint; the whole prompt is
 * input + read + write (prompt-caching R10).
 */
export interface TokenCounts {
	inputTokens: number;
	outputTokens: number;
	cacheReadTokens: number;
	/** 5m and 1h writes together. */
	cacheWriteTokens: number;
	cacheWrite5mTokens: number;
	cacheWrite1hTokens: number;
}

/**
 * One call to a model, of those that made the answer (docs: compaction, advisor tool, server-side fallback). Each is billed by itself; the
 * answer's own counts leave some of them out.
 */
interface Iteration {
	/** message · compaction · advisor_message · fallback_message, or what comes after these. */
	readonly kind: string;
	/** null = that of the request. */
	readonly model: string | null;
	/** null = its tokens are not reported. */
	readonly usage: TokenCounts | null;
}

export interface Billing {
	/** Empty = the answer's own counts are all there is. */
	readonly iterations: readonly Iteration[];
	/** Calls of tools that the provider ran, by the names of `server_tool_use`; those that were used. */
	readonly tools: Readonly<Record<string, number>>;
	/** `speed`, `service_tier` and `inference_geo` as the answer says them; null = it does not. */
	readonly speed: string | null;
	readonly serviceTier: string | null;
	readonly inferenceGeo: string | null;
	/** Refused before anything was written: its counts are reported and not charged. */
	readonly isDeclined: boolean;
}

const NO_ITERATIONS: readonly Iteration[] = [];
const NO_TOOLS: Readonly<Record<string, number>> = {};
const NOTHING: Billing = {
	iterations: NO_ITERATIONS,
	tools: NO_TOOLS,
	speed: null,
	serviceTier: null,
	inferenceGeo: null,
	isDeclined: false,
};
/** More than any answer has; what is longer was not made by a provider. */
const MOST_ITERATIONS = 1_000;
const MOST_WORD = 64;

/** As of the newest event: what it does not say stays. `counts` reads the token counts of an object that has some. */
export function billingOf(
	before: Billing | undefined,
	reported: object,
	{ counts, isDeclined }: { counts: (reported: unknown) => TokenCounts | null; isDeclined: boolean },
): Billing | undefined {
	const usage = reported as Readonly<Record<string, unknown>>;
	const known = before ?? NOTHING;
	const iterations = iterationsOf(usage["iterations"], counts) ?? known.iterations;
	const tools = toolsOf(usage["server_tool_use"]) ?? known.tools;
	const speed = wordOf(usage["speed"]) ?? known.speed;
	const serviceTier = wordOf(usage["service_tier"]) ?? known.serviceTier;
	const inferenceGeo = wordOf(usage["inference_geo"]) ?? known.inferenceGeo;
	const isPlain = iterations === NO_ITERATIONS && tools === NO_TOOLS && !isDeclined;
	if (isPlain && speed === null && serviceTier === null && inferenceGeo === null) return undefined;
	return { iterations, tools, speed, serviceTier, inferenceGeo, isDeclined };
}

function iterationsOf(list: unknown, counts: (reported: unknown) => TokenCounts | null): readonly Iteration[] | null {
	if (!Array.isArray(list) || list.length === 0) return null;
	const found: Iteration[] = [];
	for (const each of list.slice(0, MOST_ITERATIONS) as readonly unknown[]) {
		if (typeof each !== "object" || each === null) continue;
		const iteration = each as Readonly<Record<string, unknown>>;
		found.push({
			kind: wordOf(iteration["type"]) ?? "message",
			model: typeof iteration["model"] === "string" && iteration["model"] !== "" ? iteration["model"] : null,
			usage: counts(iteration["usage"]) ?? counts(iteration),
		});
	}
	return found.length === 0 ? null : found;
}

function toolsOf(reported: unknown): Readonly<Record<string, number>> | null {
	if (typeof reported !== "object" || reported === null) return null;
	const used = Object.entries(reported).flatMap(([name, value]: [string, unknown]) =>
		typeof value === "number" && Number.isFinite(value) && value > 0
			? [[name.slice(0, MOST_WORD), value] as const]
			: [],
	);
	return used.length === 0 ? null : Object.fromEntries(used);
}

function wordOf(value: unknown): string | null {
	return typeof value === "string" && value !== "" ? value.slice(0, MOST_WORD) : null;
}
