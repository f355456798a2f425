// How many tokens a prompt has at most, roughly, where no platform of the group counts them. Off the hot path, so it parses. Leaves exact
// counts to the platforms.

/**
 * Bytes a token of plain text has at least on average: English has about 4, source code and numbers about 2.5, and the newer tokenizers
 * make a third more of the same text (prices-and-minimums §1).
 */
const BYTES_PER_TOKEN = 2;
/** Tokens of one character outside ASCII. */
const TOKENS_PER_WIDE = 1.5;
/** What surrounds a message, a block or a tool. */
const TOKENS_PER_OBJECT = 8;
/** The system prompt that comes with tools. */
const TOKENS_OF_TOOL_USE = 600;
/** An image of the largest size that is not scaled down. */
const TOKENS_PER_IMAGE = 5_000;
/** Base64 bytes a token of a PDF has at least: a page of some 3,000 tokens is rarely under 20 KB. */
const DOCUMENT_BYTES_PER_TOKEN = 6;

/** Tokens of a canonical body's prompt, never understated by much and mostly overstated. 1 for a body without one. */
export function estimateTokens(body: Buffer): number {
	const prompt: unknown = JSON.parse(body.toString("utf8"));
	if (typeof prompt !== "object" || prompt === null) return 1;
	const { system, tools, messages } = prompt as Readonly<Record<string, unknown>>;
	const ofTools = Array.isArray(tools) && tools.length > 0 ? TOKENS_OF_TOOL_USE : 0;
	return Math.max(1, Math.ceil(tokensOf(system) + tokensOf(tools) + tokensOf(messages) + ofTools));
}

function tokensOf(value: unknown): number {
	if (typeof value === "string") return tokensOfText(value);
	if (typeof value === "number" || typeof value === "boolean") return 2;
	if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + tokensOf(each), 0);
	if (typeof value !== "object" || value === null) return 0;
	const fields = value as Readonly<Record<string, unknown>>;
	const { type, data } = fields;
	if (type === "base64" && typeof data === "string") return tokensOfSource(fields["media_type"], data);
	let sum = TOKENS_PER_OBJECT;
	for (const [name, field] of Object.entries(fields)) {
		if (name !== "cache_control") sum += tokensOfText(name) + tokensOf(field);
	}
	return sum;
}

function tokensOfSource(mediaType: unknown, data: string): number {
	if (typeof mediaType === "string" && mediaType.startsWith("image/")) return TOKENS_PER_IMAGE;
	return Math.max(3_000, data.length / DOCUMENT_BYTES_PER_TOKEN);
}

function tokensOfText(text: string): number {
	const bytes = Buffer.byteLength(text);
	if (bytes === text.length) return bytes / BYTES_PER_TOKEN;
	let wide = 0;
	for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) wide += 1;
	return (text.length - wide) / BYTES_PER_TOKEN + wide * TOKENS_PER_WIDE;
}
