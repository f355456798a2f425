// The few member names and values the outline reads, recognised as bytes. Every other word of a body is unknown and stays opaque.

/** A word is its position here. Member names come first: fewer than 31, so that a set of them fits into a number's bits. */
export const Word = {
	model: 0,
	messages: 1,
	system: 2,
	tools: 3,
	stream: 4,
	metadata: 5,
	user_id: 6,
	max_tokens: 7,
	tool_choice: 8,
	thinking: 9,
	output_config: 10,
	effort: 11,
	format: 12,
	cache_control: 13,
	inference_geo: 14,
	speed: 15,
	type: 16,
	text: 17,
	role: 18,
	content: 19,
	source: 20,
	data: 21,
	defer_loading: 22,
	ttl: 23,
	user: 24,
	ephemeral: 25,
	"1h": 26,
	base64: 27,
	tool_use: 28,
	tool_result: 29,
	image: 30,
	document: 31,
	redacted_thinking: 32,
} as const;

export const UNKNOWN = -1;

const NAMES = Object.keys(Word).sort((a, b) => positionOf(a) - positionOf(b));
const ENCODED = NAMES.map((name) => Buffer.from(name));
const LONGEST = Math.max(...NAMES.map((name) => name.length));
const BY_LENGTH: readonly (readonly number[])[] = Array.from({ length: LONGEST + 1 }, (_, length) =>
	NAMES.flatMap((name, word) => (name.length === length ? [word] : [])),
);

function positionOf(name: string): number {
	return Object.hasOwn(Word, name) ? Word[name as keyof typeof Word] : UNKNOWN;
}

/** The text of a word that is not UNKNOWN. */
export function nameOf(word: number): string {
	return NAMES[word] ?? "";
}

/**
 * Which word the JSON string with content [from, to) is, escapes resolved: `"mod\u0065l"` is `model`, because that is what every
 * parser behind us reads (RFC 8259 §8.3).
 */
export function wordAt(bytes: Buffer, from: number, to: number): number {
	const length = to - from;
	const candidates = BY_LENGTH[length];
	if (candidates !== undefined) {
		for (let i = 0; i < candidates.length; i++) {
			const candidate = candidates[i] as number;
			const encoded = ENCODED[candidate] as Buffer;
			let at = 0;
			while (at < length && encoded[at] === bytes[from + at]) at++;
			if (at === length) return candidate;
		}
	}
	// An escape writes one character in at most six bytes.
	if (length > LONGEST * 6) return UNKNOWN;
	for (let at = from; at < to; at++) {
		if (bytes[at] === 0x5c) return positionOf(decodeString(bytes, from, to));
	}
	return UNKNOWN;
}

/** The text of the JSON string with content [from, to), which a scanner has passed. */
export function decodeString(bytes: Buffer, from: number, to: number): string {
	const raw = bytes.toString("utf8", from, to);
	return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}
