// Spans of time as LiteLLM writes them, and the windows a budget runs in. Pure arithmetic; leaves amounts to access/budgets.

/** So many ms, or so many calendar months (UTC). */
export type Span = { readonly ms: number } | { readonly months: number };

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SPAN = /^(\d{1,9})\s*(s|m|h|d|w|mo)$/;

/** `30s`, `30m`, `24h`, `30d`, `1w`, `1mo`; null for anything else and for no time at all. */
export function parseSpan(text: string): Span | null {
	const match = SPAN.exec(text.trim());
	const amount = Number(match?.[1] ?? 0);
	if (match === null || amount < 1) return null;
	const unit = match[2] ?? "";
	return unit === "mo" ? { months: amount } : { ms: amount * (UNITS[unit] ?? 0) };
}

/** `at` moved on by one span, ms since epoch. Months end on their last day where they are shorter. */
export function addSpan(at: number, span: Span, times = 1): number {
	if ("ms" in span) return at + span.ms * times;
	const date = new Date(at);
	const day = date.getUTCDate();
	date.setUTCDate(1);
	date.setUTCMonth(date.getUTCMonth() + span.months * times);
	const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
	date.setUTCDate(Math.min(day, lastDay));
	return date.getTime();
}

/** A window, start inclusive, end exclusive, ms since epoch. A lifetime is 0 to Infinity. */
export interface Window {
	readonly start: number;
	readonly end: number;
}

/**
 * The window that holds `now`. Windows follow each other from `anchor`, the time the budget's owner was created: a budget of 30 days
 * starts anew every 30 days from then on, and `1mo` on that day of every month.
 */
export function windowAt(span: Span | null, anchor: number, now: number): Window {
	if (span === null) return { start: 0, end: Number.POSITIVE_INFINITY };
	if ("ms" in span) {
		const start = anchor + Math.floor((now - anchor) / span.ms) * span.ms;
		return { start, end: start + span.ms };
	}
	const from = new Date(anchor);
	const to = new Date(now);
	const months = (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth();
	let times = Math.floor(months / span.months);
	if (addSpan(anchor, span, times) > now) times -= 1;
	return { start: addSpan(anchor, span, times), end: addSpan(anchor, span, times + 1) };
}
