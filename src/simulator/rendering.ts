// How one block is rendered into the prompt, what it weighs, and which settings are rendered with it. Leaves the chain of blocks to prompt.ts.
import { type Block, type Fields, fieldsOf, type Message } from "./body.ts";

/** Tokens of an image, whatever its size. */
const IMAGE_TOKENS = 1_600;

/** A block as it enters the hash: `type` first, then its fields in the order sent, without cache_control at either depth. */
export function render(block: Fields): string {
	const { type, cache_control: _marker, ...rest } = block;
	const content = rest["content"];
	if (!Array.isArray(content) || !content.some(isMarked)) return JSON.stringify({ type, ...rest });
	return JSON.stringify({ type, ...rest, content: content.map((part) => (isMarked(part) ? unmarked(part) : part)) });
}

/** A tool or setting without its cache_control. */
export function unmarked(fields: Fields): Fields {
	const { cache_control: _marker, ...rest } = fields;
	return rest;
}

/** Tokens of a block: its text at `charsPerToken` UTF-8 bytes each, images at a fixed weight; never 0. */
export function tokensOf(block: Fields, rendered: string, charsPerToken: number): number {
	const { images, bytes } = weigh(block, rendered);
	return images * IMAGE_TOKENS + Math.max(images > 0 ? 0 : 1, Math.ceil(bytes / charsPerToken));
}

/** Web search and web fetch are server tools that are rendered with the system prompt (prompt-caching §4). */
export function isWebTool(tool: Fields): boolean {
	const type = tool["type"];
	return typeof type === "string" && (type.startsWith("web_search_") || type.startsWith("web_fetch_"));
}

/** Thinking and effort as the prompt shows them; what is left out equals its default. */
export function thinkingConfig(body: Fields): string {
	const thinking = fieldsOf(body["thinking"]);
	const mode = thinking === null || thinking["type"] === "disabled" ? "off" : thinking["type"];
	const effort = fieldsOf(body["output_config"])?.["effort"] ?? "high";
	return JSON.stringify([mode, mode === "off" ? null : (thinking?.["budget_tokens"] ?? null), effort]);
}

/** What is rendered before the first system or message block (prompt-caching §6). */
export function systemConfig(body: Fields, tools: readonly Fields[], messages: readonly Message[]): string {
	const citations = messages.some((message) => message.content.some(hasCitations));
	return JSON.stringify([tools.filter(isWebTool).map(unmarked), citations, body["speed"] ?? "standard"]);
}

/** What is rendered before the first message block (prompt-caching §6). */
export function messageConfig(body: Fields, messages: readonly Message[]): string {
	const choice = fieldsOf(body["tool_choice"]) ?? { type: "auto" };
	const { disable_parallel_tool_use: serial, ...toolChoice } = choice as Fields;
	const hasImage = messages.some((message) => message.content.some(holdsImage));
	const format = fieldsOf(body["output_config"])?.["format"] ?? null;
	return JSON.stringify([toolChoice, serial === true, hasImage, thinkingConfig(body), format]);
}

/** Index of the last message that holds more than tool results: thinking before it is old. -1 when there is none. */
export function lastPromptIndex(messages: readonly Message[]): number {
	return messages.findLastIndex(
		(message) => message.role === "user" && message.content.some((block) => block.type !== "tool_result"),
	);
}

function weigh(block: Fields, rendered: string): { images: number; bytes: number } {
	switch (block["type"]) {
		case "text":
			return { images: 0, bytes: byteLength(block["text"]) };
		case "thinking":
			return { images: 0, bytes: byteLength(block["thinking"]) };
		case "image":
			return { images: 1, bytes: 0 };
		case "document":
			return weighDocument(block, rendered);
		case "tool_result":
			return weighParts(block["content"]);
		default:
			return { images: 0, bytes: Buffer.byteLength(rendered) };
	}
}

function weighDocument(block: Fields, rendered: string): { images: number; bytes: number } {
	const source = fieldsOf(block["source"]);
	if (source?.["type"] === "text") return { images: 0, bytes: byteLength(source["data"]) };
	if (source?.["type"] === "content") return weighParts(source["content"]);
	return source === null ? { images: 0, bytes: Buffer.byteLength(rendered) } : { images: 1, bytes: 0 };
}

function weighParts(content: unknown): { images: number; bytes: number } {
	if (!Array.isArray(content)) return { images: 0, bytes: byteLength(content) };
	const sum = { images: 0, bytes: 0 };
	for (const item of content) {
		const part = fieldsOf(item);
		if (part === null) continue;
		const { images, bytes } = weigh(part, part["type"] === "text" ? "" : JSON.stringify(unmarked(part)));
		sum.images += images;
		sum.bytes += bytes;
	}
	return sum;
}

function byteLength(value: unknown): number {
	return typeof value === "string" ? Buffer.byteLength(value) : 0;
}

function isMarked(part: unknown): part is Fields {
	return fieldsOf(part)?.["cache_control"] !== undefined;
}

function hasCitations(block: Block): boolean {
	return fieldsOf(block["citations"])?.["enabled"] === true;
}

function holdsImage(block: Block): boolean {
	if (block.type === "image") return true;
	const parts = block["content"];
	return Array.isArray(parts) && parts.some((part) => fieldsOf(part)?.["type"] === "image");
}
