// Lengths of time as servers write them: `6m0s`, `1.5s`, `20ms`, `1 minute 30 seconds`. Leaves where they stand to the callers.

const UNITS: readonly (readonly [pattern: string, ms: number])[] = [
	["milliseconds?|millis|ms", 1],
	["days?|d", 86_400_000],
	["hours?|hrs?|h", 3_600_000],
	["minutes?|mins?|m", 60_000],
	["seconds?|secs?|s", 1000],
];

/** A number and its unit. */
const PIECE = `\\d+(?:\\.\\d+)?\\s?(?:${UNITS.map(([pattern]) => pattern).join("|")})(?![a-z])`;

/** One length of time, as the source of a pattern. */
export const DURATION = `${PIECE}(?:(?:,? and |,? ?)${PIECE})*`;

const WHOLE = new RegExp(`^${DURATION}$`, "i");
const PIECES = /(\d+(?:\.\d+)?)\s?([a-z]+)/gi;

/** In ms; plain numbers are seconds. null = it is none. */
export function durationMs(text: string): number | null {
	const trimmed = text.trim();
	if (trimmed === "" || trimmed.length > 64) return null;
	const seconds = Number(trimmed);
	if (Number.isFinite(seconds)) return seconds * 1000;
	if (!WHOLE.test(trimmed)) return null;
	let ms = 0;
	for (const [, count = "", unit = ""] of trimmed.matchAll(PIECES)) ms += Number(count) * unitMs(unit.toLowerCase());
	return ms;
}

function unitMs(unit: string): number {
	return UNITS.find(([pattern]) => new RegExp(`^(?:${pattern})$`).test(unit))?.[1] ?? 0;
}
