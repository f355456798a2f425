// Rate-limit headers of the Messages API → numbers. Leaves what follows from them to routing.

/** One limiter as the provider reports it. */
export interface LimitReport {
	/** Per minute. */
	readonly limit: number;
	/** Rounded by the provider to thousands where it counts tokens. */
	readonly remaining: number;
	/** When it is full again, ms since epoch. */
	readonly resetAt: number;
}

/** What an answer said of its organisation's limits; null where it said nothing (providers §1). */
export interface RateLimitReport {
	readonly requests: LimitReport | null;
	/** Uncached input and cache writes. */
	readonly inputTokens: LimitReport | null;
	readonly outputTokens: LimitReport | null;
	/** Input and output together, the most restrictive. */
	readonly tokens: LimitReport | null;
	/** Subscription limits: `rejected` means none of them admits more until `resetAt`. */
	readonly unified: { readonly status: string; readonly resetAt: number | null } | null;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Reads `anthropic-ratelimit-*`. null when there is none of them, so that the common case allocates nothing. */
export function readRateLimits(headers: Headers): RateLimitReport | null {
	const unifiedStatus = one(headers, "anthropic-ratelimit-unified-status");
	const requests = limiter(headers, REQUESTS);
	const inputTokens = limiter(headers, INPUT_TOKENS);
	const outputTokens = limiter(headers, OUTPUT_TOKENS);
	const tokens = limiter(headers, TOKENS);
	if (requests === null && inputTokens === null && outputTokens === null && tokens === null && unifiedStatus === null) {
		return null;
	}
	const unified =
		unifiedStatus === null
			? null
			: { status: unifiedStatus, resetAt: epochSeconds(one(headers, "anthropic-ratelimit-unified-reset")) };
	return { requests, inputTokens, outputTokens, tokens, unified };
}

/** Names of one limiter's three headers. */
interface LimiterNames {
	readonly limit: string;
	readonly remaining: string;
	readonly reset: string;
}

const [REQUESTS, INPUT_TOKENS, OUTPUT_TOKENS, TOKENS] = [
	limiterNames("requests"),
	limiterNames("input-tokens"),
	limiterNames("output-tokens"),
	limiterNames("tokens"),
];

function limiterNames(name: string): LimiterNames {
	const prefix = `anthropic-ratelimit-${name}`;
	return { limit: `${prefix}-limit`, remaining: `${prefix}-remaining`, reset: `${prefix}-reset` };
}

function limiter(headers: Headers, names: LimiterNames): LimitReport | null {
	const sent = one(headers, names.limit);
	if (sent === null) return null;
	const limit = Number(sent);
	const remaining = Number(one(headers, names.remaining) ?? Number.NaN);
	const resetAt = instant(one(headers, names.reset) ?? "");
	if (!Number.isFinite(limit) || !Number.isFinite(remaining) || !Number.isFinite(resetAt)) return null;
	return { limit, remaining, resetAt };
}

const SECONDS_IN_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** RFC 3339 → ms since epoch; NaN when it is none. The form that the API writes is read faster than by `Date.parse`. */
function instant(text: string): number {
	if (text.length !== 20 || !SECONDS_IN_UTC.test(text)) return Date.parse(text);
	const part = (at: number) => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
	const [month, day, hour, minute, second] = [part(5), part(8), part(11), part(14), part(17)];
	if (month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59)
		return Date.parse(text);
	return Date.UTC(part(0) * 100 + part(2), month - 1, day, hour, minute, second);
}

function one(headers: Headers, name: string): string | null {
	const value = headers[name];
	return typeof value === "string" ? value : null;
}

/** The unified headers give seconds since epoch, the others RFC 3339. */
function epochSeconds(value: string | null): number | null {
	if (value === null) return null;
	const seconds = Number(value);
	const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value);
	return Number.isFinite(ms) ? ms : null;
}
