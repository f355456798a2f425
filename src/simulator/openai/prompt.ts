// An OpenAI body as an implicit prefix cache sees it: equal blocks of tokens over the rendered text, hashed in a chain. Leaves entries to cache.ts.
import { hash as digest } from "node:crypto";
import { type Fields, fieldsOf } from "../body.ts";
import type { Prompt } from "../prompt.ts";

/** Bytes of text per token. */
const BYTES_PER_TOKEN = 4;
/** What an image weighs, in tokens. */
const IMAGE_TOKENS = 765;
/** Tokens of the opening that decides which machine takes a request (providers §6). */
const OPENING_TOKENS = 256;

/** How a server cuts prompts. */
export interface BlockRules {
	readonly blockTokens: number;
	/** Shorter hits are not read. */
	readonly minTokens: number;
}

/** The prompt in blocks. The last token is always computed anew, so a prompt is never read to its very end. */
export function blockPrompt(json: unknown, model: string, rules: BlockRules): Prompt {
	const text = rendered(json);
	const totalTokens = Math.max(1, Math.ceil(text.length / BYTES_PER_TOKEN));
	const hashes: string[] = [];
	const tokens: number[] = [];
	const step = rules.blockTokens * BYTES_PER_TOKEN;
	let hash = digest("sha256", JSON.stringify([model, fieldsOf(json)?.["cache_salt"] ?? ""]));
	for (let end = step; end < text.length; end += step) {
		hash = digest("sha256", Buffer.concat([Buffer.from(hash), text.subarray(end - step, end)]));
		hashes.push(hash);
		tokens.push(end / BYTES_PER_TOKEN);
	}
	const kinds = hashes.map((): "other" => "other");
	return { hashes, tokens, kinds, breakpoints: [], totalTokens, minTokens: rules.minTokens, droppedThinking: 0 };
}

/** What a request is routed by among a server's machines. */
export function routingKeyOf(json: unknown): string {
	const opening = rendered(json).subarray(0, OPENING_TOKENS * BYTES_PER_TOKEN);
	const key = fieldsOf(json)?.["prompt_cache_key"];
	return `${digest("sha256", opening)} ${typeof key === "string" ? key : ""}`;
}

/** Tools, then messages, each as JSON: what a chat template makes of them in this order. */
function rendered(json: unknown): Buffer {
	const body = fieldsOf(json) ?? {};
	const items = [
		...listOf(body["tools"]),
		body["instructions"],
		...listOf(body["messages"]),
		...inputOf(body["input"]),
	];
	return Buffer.from(items.flatMap((item) => (item === undefined ? [] : JSON.stringify(item, weighImages))).join("\n"));
}

/** An image counts the same whatever its bytes, and differs with them. */
function weighImages(name: string, value: unknown): unknown {
	if (name !== "image_url") return value;
	const url = String((fieldsOf(value) as Fields | null)?.["url"] ?? value);
	return digest("sha256", url, "hex").padEnd(IMAGE_TOKENS * BYTES_PER_TOKEN, "#");
}

function inputOf(input: unknown): readonly unknown[] {
	return typeof input === "string" ? [input] : listOf(input);
}

function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}
