// How soon deployments answer, and which of them are slow though they succeed. Leaves what a slow one costs to routing/planner.
import type { Deployment, MutableDeployment } from "./deployment.ts";

/** Uncached tokens that about double the time to first token: prompts are compared as if all of them were cached. */
const PREFILL_TOKENS = 50_000;
/** How far one answer moves the figure, once there are some. */
const STEP = 0.2;
/** Fewer answers say nothing. */
const FEWEST_ANSWERS = 3;
/** An older figure is forgotten: a slow deployment gets little to do, and must be able to show that it has recovered. */
const LIFETIME_MS = 120_000;
/** Nobody is slow who answers within this, whatever the others do. */
const FAST_ENOUGH_MS = 1_000;

/** An answer began `firstTokenMs` after it was asked for. */
export function learnSpeed(
	deployment: MutableDeployment,
	seen: { readonly firstTokenMs: number; readonly uncachedTokens: number },
	now: number,
): void {
	const ms = seen.firstTokenMs / (1 + Math.max(0, seen.uncachedTokens) / PREFILL_TOKENS);
	const stale = deployment.firstTokenMs === null || now - deployment.firstTokenAt > LIFETIME_MS;
	const known = stale ? ms : (deployment.firstTokenMs ?? ms);
	deployment.firstTokenCount = stale ? 1 : deployment.firstTokenCount + 1;
	deployment.firstTokenMs = known + (ms - known) * Math.max(STEP, 1 / deployment.firstTokenCount);
	deployment.firstTokenAt = now;
}

/**
 * By slow deployment, ms more than the group's median that a first token takes there; empty when none is slow. `factor` is how many
 * times the median makes slow (`warmpath.routing.slow_factor`); null = never.
 */
export function slowOnes(
	deployments: readonly MutableDeployment[],
	factor: number | null,
	now: number,
): ReadonlyMap<Deployment, number> {
	if (factor === null) return NONE_SLOW;
	let slowest = 0;
	let count = 0;
	for (const each of deployments) {
		if (!isTelling(each, now)) continue;
		count += 1;
		slowest = Math.max(slowest, each.firstTokenMs ?? 0);
	}
	if (count < 2 || slowest < FAST_ENOUGH_MS) return NONE_SLOW;
	const known = new Float64Array(count);
	for (const each of deployments) {
		if (!isTelling(each, now)) continue;
		count -= 1;
		known[count] = each.firstTokenMs ?? 0;
	}
	known.sort();
	// The lower one of two: else half of the group being slow would be the norm.
	const median = known[Math.floor((known.length - 1) / 2)] ?? 0;
	const bound = Math.max(FAST_ENOUGH_MS, median * factor);
	if (slowest < bound) return NONE_SLOW;
	const slow = new Map<Deployment, number>();
	for (const each of deployments) {
		const ms = each.firstTokenMs ?? 0;
		if (isTelling(each, now) && ms >= bound) slow.set(each, ms - median);
	}
	return slow;
}

const NONE_SLOW: ReadonlyMap<Deployment, number> = new Map();

function isTelling({ firstTokenCount, firstTokenAt }: MutableDeployment, now: number): boolean {
	return firstTokenCount >= FEWEST_ANSWERS && now - firstTokenAt <= LIFETIME_MS;
}
