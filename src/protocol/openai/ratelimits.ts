// Rate-limit headers of OpenAI-compatible servers → numbers. Leaves what follows from them to routing.
import { durationMs } from "../durations.ts";
import type { LimitReport, RateLimitReport } from "../ratelimits.ts";

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Reads `x-ratelimit-*`; null when there is none of them. `now` is ms since epoch: OpenAI says how long until a limit is full again. */
export function readOpenaiRateLimits(headers: Headers, now: number): RateLimitReport | null {
	const requests = limiter(headers, "requests", now);
	const tokens = limiter(headers, "tokens", now);
	if (requests === null && tokens === null) return null;
	return { requests, inputTokens: null, outputTokens: null, tokens, unified: null };
}

function limiter(headers: Headers, name: string, now: number): LimitReport | null {
	const limit = Number(headers[`x-ratelimit-limit-${name}`] ?? Number.NaN);
	const remaining = Number(headers[`x-ratelimit-remaining-${name}`] ?? Number.NaN);
	const sent = headers[`x-ratelimit-reset-${name}`];
	const reset = typeof sent === "string" ? durationMs(sent) : null;
	if (!Number.isFinite(limit) || !Number.isFinite(remaining) || limit <= 0 || reset === null) return null;
	return { limit, remaining: Math.max(0, remaining), resetAt: now + reset };
}
