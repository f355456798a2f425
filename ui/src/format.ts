// Figures for people: short forms with units, and exact forms for tooltips. Times are ms since epoch.

const NONE = "–";

/** 950, 12.3k, 1.25M. */
export function tokens(value: number | null | undefined): string {
	if (value == null) return NONE;
	const size = Math.abs(value);
	if (size < 1_000) return String(Math.round(value));
	if (size < 999_500) return `${trim(value / 1_000, size < 99_950 ? 1 : 0)}k`;
	if (size < 999_500_000) return `${trim(value / 1e6, size < 9_995_000 ? 2 : 1)}M`;
	return `${trim(value / 1e9, 2)}B`;
}

/** 1,234,567 tokens. */
export function exactTokens(value: number | null | undefined): string {
	return value == null ? "not reported" : `${Math.round(value).toLocaleString("en-US")} tokens`;
}

export function count(value: number | null | undefined): string {
	return value == null ? NONE : Math.round(value).toLocaleString("en-US");
}

/** $1,234, $12.34, $0.0123: from a cent down three digits that say something. */
export function dollars(value: number | null | undefined): string {
	if (value == null) return NONE;
	const size = Math.abs(value);
	const sign = value < 0 ? "−" : "";
	if (size === 0) return "$0";
	if (size >= 1_000) return `${sign}$${Math.round(size).toLocaleString("en-US")}`;
	if (size >= 0.995) return `${sign}$${size.toFixed(2)}`;
	if (size >= 0.00995) return `${sign}$${size.toFixed(size < 0.0995 ? 4 : 3)}`;
	if (size < 0.000_001) return `${sign}<$0.000001`;
	return `${sign}$${Number(size.toPrecision(3)).toFixed(Math.min(8, 2 - Math.floor(Math.log10(size))))}`;
}

export function exactDollars(value: number | null | undefined): string {
	return value == null ? "price unknown" : `$${value.toFixed(8)}`;
}

/** A sum, and of how many requests it leaves out what they cost, because that is unknown. */
export interface KnownSum {
	readonly cost: number;
	readonly unpriced: number;
}

/** $1.20, $1.20 + ?, or nothing where nothing is known. */
export function sumOfDollars({ cost, unpriced }: KnownSum): string {
	if (unpriced === 0) return dollars(cost);
	return cost === 0 ? NONE : `${dollars(cost)} + ?`;
}

export function exactSum({ cost, unpriced }: KnownSum): string {
	const sum = exactDollars(cost);
	return unpriced === 0 ? sum : `${sum}, and ${unpricedNote(unpriced)}`;
}

/** 2 requests of unknown cost. */
export function unpricedNote(unpriced: number): string {
	return `${count(unpriced)} ${unpriced === 1 ? "request" : "requests"} of unknown cost`;
}

/** A share in 0..1 as per cent. */
export function percent(share: number | null | undefined, digits = 0): string {
	return share == null || !Number.isFinite(share) ? NONE : `${trim(share * 100, digits)}%`;
}

/** 820 ms, 1.24 s, 3.5 min, 2.1 h. */
export function duration(ms: number | null | undefined): string {
	if (ms == null) return NONE;
	if (ms < 1_000) return `${Math.round(ms)} ms`;
	if (ms < 60_000) return `${trim(ms / 1_000, ms < 10_000 ? 2 : 1)} s`;
	if (ms < 3_600_000) return `${trim(ms / 60_000, 1)} min`;
	if (ms < 48 * 3_600_000) return `${trim(ms / 3_600_000, 1)} h`;
	return `${trim(ms / 86_400_000, 1)} d`;
}

/** 14:03:09, with the day where it is not today's. */
export function clock(at: number, now = Date.now()): string {
	const date = new Date(at);
	const time = date.toLocaleTimeString("en-GB");
	return date.toDateString() === new Date(now).toDateString() ? time : `${day(at)} ${time.slice(0, 5)}`;
}

/** 14:03. */
export function hourOf(at: number): string {
	return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** 21 Nov. */
export function day(at: number): string {
	return new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** Local date and time with milliseconds, and the zone. */
export function exactTime(at: number): string {
	const date = new Date(at);
	return `${date.toLocaleDateString("en-CA")} ${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")} (${date.toISOString()})`;
}

/** just now, 4 min ago, in 12 s. */
export function relative(at: number, now = Date.now()): string {
	const away = at - now;
	if (Math.abs(away) < 2_000) return "just now";
	return away > 0 ? `in ${duration(away)}` : `${duration(-away)} ago`;
}

/** The first part of a uuid, or what fits; of one that begins with its time, as requests have it, the end. */
export function shortId(id: string): string {
	if (/^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id)) return `…${id.slice(-8)}`;
	if (/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(id)) return id.slice(0, 8);
	return id.length > 14 ? `${id.slice(0, 12)}…` : id;
}

function trim(value: number, digits: number): string {
	return value
		.toFixed(digits)
		.replace(/(\.\d*?)0+$/, "$1")
		.replace(/\.$/, "");
}
