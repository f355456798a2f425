// How long an upstream asks to wait: by header, or by a date in its words. Leaves what is done meanwhile to routing.
import type { UpstreamFailure } from "../provider.ts";

const DAY_MS = 86_400_000;
/** Longest `retry-after` that is believed, ms. */
export const LONGEST_RETRY_AFTER_MS = DAY_MS;
/** A date farther away than a billing period is a mistake. */
const FARTHEST_DATE_MS = 32 * DAY_MS;

/** `retry-after-ms`, or `retry-after` in seconds or as a date, in ms; null when absent or unreadable. */
export function readRetryAfter(headers: UpstreamFailure["headers"], now: number = Date.now()): number | null {
	const precise = Number(headers["retry-after-ms"]);
	if (headers["retry-after-ms"] !== undefined && Number.isFinite(precise) && precise >= 0) {
		return Math.min(precise, LONGEST_RETRY_AFTER_MS);
	}
	const value = headers["retry-after"];
	if (typeof value !== "string" || value.trim() === "") return null;
	const seconds = Number(value);
	const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
	return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS) : null;
}

/** `You will regain access on 2026-12-01 at 00:00 UTC.` (Messages API, a usage limit of one's own). */
const REGAINED =
	/\b(?:regain access|reset(?:s)?|renew(?:s|ed)?|available again)\s+(?:on|at)\s+(\d{4}-\d\d-\d\d)(?:(?:T| at | )(\d\d:\d\d(?::\d\d)?))?/i;

/** Until when the words say that it will last, ms from now; null where they name no date, or one that has passed. */
export function readNamedDate(message: string, now: number): number | null {
	const found = REGAINED.exec(message);
	if (found === null) return null;
	const ms = Date.parse(`${found[1]}T${found[2] ?? "00:00"}Z`) - now;
	return ms > 0 && ms <= FARTHEST_DATE_MS ? ms : null;
}
