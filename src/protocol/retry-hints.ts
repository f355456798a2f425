// How long an error's body asks to wait, where no header says it. Leaves headers and dates to the providers' judges.
import { DURATION, durationMs } from "./durations.ts";
import { asList, asObject, type JsonObject, member, numberOf, parseLenient, textOf } from "./openai/json.ts";

/** A body longer than this has no such hint, bytes. */
const LONGEST_BODY = 64 * 1024;
/** Words beyond this are not looked through, characters. */
const LONGEST_WORDS = 4096;

/** Members that say it as a number or as text, and what a plain number of theirs counts, ms. */
const MEMBERS: readonly (readonly [name: string, ms: number])[] = [
	["retry_after_ms", 1],
	["retry_after", 1000],
	["retryAfter", 1000],
	["retry_after_seconds", 1000],
	["retryDelay", 1000],
];

/** google.rpc.RetryInfo among an error's details (Gemini, Vertex): `"retryDelay": "34s"`, or as seconds and nanos. */
const RETRY_INFO = /RetryInfo$/;

/** What members of the body say, ms; null = nothing. */
export function retryHintIn(body: Buffer): number | null {
	if (body.length > LONGEST_BODY) return null;
	const whole = parseLenient(body.toString("utf8"));
	const root = asObject(Array.isArray(whole) ? whole[0] : whole);
	const error = asObject(root?.["error"]) ?? root;
	for (const place of [...asList(error?.["details"]).filter(isRetryInfo), error, root, error?.["metadata"]]) {
		const ms = hintOf(asObject(place));
		if (ms !== null) return ms;
	}
	return null;
}

function isRetryInfo(detail: unknown): boolean {
	return RETRY_INFO.test(textOf(detail, "@type") ?? "");
}

function hintOf(place: JsonObject | null): number | null {
	for (const [name, unit] of MEMBERS) {
		const value = place?.[name];
		if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value * unit;
		if (typeof value === "string") {
			const plain = Number(value);
			return value.trim() !== "" && Number.isFinite(plain) ? plain * unit : durationMs(value);
		}
		const seconds = numberOf(value, "seconds") ?? Number(member(value, "seconds") ?? Number.NaN);
		if (Number.isFinite(seconds)) return seconds * 1000 + (numberOf(value, "nanos") ?? 0) / 1e6;
	}
	return null;
}

/**
 * `Please try again in 1.2s` (OpenAI), `in 7m12.5s` (Groq), `Please retry after 21 seconds` (Azure), `Please retry in 33.5s` (Gemini), `wait 30
 * seconds`, `resets in 3 hours`.
 */
const WORDS = new RegExp(
	`\\b(?:try(?:ing)? again|retry(?:ing)?(?: again)?|retry[- ]after|wait(?:ing)?|available(?: again)?|resets?)(?: (?:in|after|for|at least|about|another|within|your request|the request))*:? ?(${DURATION})`,
	"i",
);

/** What the words of an error say, ms; null = nothing. */
export function waitInWords(message: string): number | null {
	const [, duration] = WORDS.exec(message.slice(0, LONGEST_WORDS)) ?? [];
	return duration === undefined ? null : durationMs(duration);
}
