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
	anthropic_version: 24,
	anthropic_beta: 25,
	id: 26,
	tool_use_id: 27,
	signature: 28,
	user: 29,
	ephemeral: 30,
	"1h": 31,
	base64: 32,
	tool_use: 33,
	tool_result: 34,
	image: 35,
	document: 36,
	redacted_thinking: 37,
} as const;

export const UNKNOWN = -1;

const NAMES = Object.keys(Word).sort((a, b) => positionOf(a) - positionOf(b));
const ENCODED = NAMES.map((name) => new TextEncoder().encode(name));
const LONGEST = Math.max(...NAMES.map((name) => name.length));
function positionOf(name: string): number {
	return Object.hasOwn(Word, name) ? Word[name as keyof typeof Word] : UNKNOWN;
}

/** The text of a word that is not UNKNOWN. */
export function nameOf(word: number): string {
	return NAMES[word] ?? "";
}

/** Where a word stands in TABLE. Its third byte is the closing quote of a word of two. */
function slotOf(length: number, third: number, last: number, factors: typeof FACTORS): number {
	return (length * factors.length + third * factors.third + last) & 255;
}

function slotOfWord(bytes: Uint8Array, factors: typeof FACTORS): number {
	return slotOf(bytes.length, bytes[2] ?? 0x22, bytes.at(-1) ?? 0, factors);
}

/** Factors under which no two words share a slot, found once. */
const FACTORS: { readonly length: number; readonly third: number } = findFactors();

function findFactors(): { readonly length: number; readonly third: number } {
	for (let length = 1; length < 256; length++) {
		for (let third = 1; third < 256; third++) {
			const slots = ENCODED.map((bytes) => slotOfWord(bytes, { length, third }));
			if (new Set(slots).size === slots.length) return { length, third };
		}
	}
	throw new Error("words.ts: two words have the same length, third and last byte");
}

const TABLE = new Int8Array(256).fill(UNKNOWN);
for (const [word, bytes] of ENCODED.entries()) TABLE[slotOfWord(bytes, FACTORS)] = word;

/** Which word the JSON string with content [from, to) is when taken as it stands, or UNKNOWN. */
export function wordAt(text: Uint8Array, from: number, to: number): number {
	const length = to - from;
	const word = TABLE[slotOf(length, text[from + 2] as number, text[to - 1] as number, FACTORS)] as number;
	if (word < 0) return UNKNOWN;
	const encoded = ENCODED[word] as Uint8Array;
	if (encoded.length !== length) return UNKNOWN;
	for (let at = 0; at < length; at++) if (encoded[at] !== text[from + at]) return UNKNOWN;
	return word;
}

/**
 * Which word it is with its escapes resolved: `"mod\u0065l"` is `model`, because that is what every parser behind us reads (RFC 8259
 * §8.3). For what `wordAt` does not know in a body that has `\u` escapes; no other escape can write a letter.
 */
export function escapedWordAt(bytes: Buffer, from: number, to: number): number {
	// An escape writes one character in at most six bytes.
	if (to - from > LONGEST * 6) return UNKNOWN;
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
