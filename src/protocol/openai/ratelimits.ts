// Rate-limit headers of OpenAI-compatible servers → numbers. Leaves what follows from them to routing.
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
	const reset = durationMs(headers[`x-ratelimit-reset-${name}`]);
	if (!Number.isFinite(limit) || !Number.isFinite(remaining) || limit <= 0 || reset === null) return null;
	return { limit, remaining: Math.max(0, remaining), resetAt: now + reset };
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `6m0s`, `1.5s`, `20ms`, or plain seconds. */
function durationMs(value: string | string[] | undefined): number | null {
	if (typeof value !== "string" || value.trim() === "") return null;
	const seconds = Number(value);
	if (Number.isFinite(seconds)) return seconds * 1000;
	let ms = 0;
	let read = "";
	for (const [piece, count = "", unit = ""] of value.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)) {
		ms += Number(count) * (UNITS[unit] ?? 0);
		read += piece;
	}
	return read === value ? ms : null;
}
