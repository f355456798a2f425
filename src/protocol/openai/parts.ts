// Content parts of Chat Completions → blocks of the Messages API, one part at a time. Leaves which message they belong to to chat-messages.
import { mediaTypeOf } from "../media-types.ts";
import { asList, asObject, type Draft, type JsonObject, member, put, textOf } from "./json.ts";
import { type ModelTraits, refuse, unsupported } from "./traits.ts";

/** A block of the Messages API that is being put together. */
export type Block = Draft;

const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*),/s;
/** Types of blocks that clients of LiteLLM send as they stand in the Messages API. */
const NATIVE = new Set(["image", "document", "search_result", "tool_reference", "container_upload"]);

/** `text content blocks must contain non-whitespace text` is what the Messages API answers to others (anomalyco/opencode #31259). */
function isBlank(text: string): boolean {
	return text.trim() === "";
}

/** One text block, or none for a text of white space alone. */
export function textBlocks(text: string, cacheControl: unknown = null): Block[] {
	if (isBlank(text)) return [];
	const block: Block = { type: "text", text };
	put(block, "cache_control", asObject(cacheControl));
	return [block];
}

/**
 * Blocks of a message's `content`: a string, a list of parts, or nothing. `path` names it in errors. The same parts always give the
 * same blocks, whatever stands before or after them.
 */
export function contentBlocks(content: unknown, path: string, traits: ModelTraits): Block[] {
	if (content === null || content === undefined) return [];
	if (typeof content === "string") return textBlocks(content);
	if (!Array.isArray(content)) refuse(path, "Input should be a string or a list of content parts");
	const blocks: Block[] = [];
	for (const [at, part] of asList(content).entries()) {
		const found = partBlocks(part, `${path}.${at}`, traits);
		const last = blocks.at(-1);
		// The marker of a part that cannot be sent stands for one on the part before.
		if (found.length > 0) blocks.push(...found);
		else if (last !== undefined) last["cache_control"] ??= asObject(asObject(part)?.["cache_control"]) ?? undefined;
	}
	return blocks;
}

function partBlocks(part: unknown, path: string, traits: ModelTraits): Block[] {
	if (typeof part === "string") return textBlocks(part);
	const object = asObject(part);
	if (object === null) refuse(path, "Input should be a content part");
	const marker = asObject(object["cache_control"]);
	switch (object["type"]) {
		case "text":
		case "input_text":
		case "output_text":
			return textBlocks(textOf(object, "text") ?? "", marker);
		case "refusal":
			return textBlocks(textOf(object, "refusal") ?? "", marker);
		case "image_url":
			return [marked(imageBlock(object, path), marker)];
		case "input_image":
			return [marked(imageBlock({ image_url: object["image_url"] }, path), marker)];
		case "file":
			return [marked(fileBlock(asObject(object["file"]) ?? {}, path), marker)];
		case "input_file":
			return [marked(fileBlock(object, path), marker)];
		default:
			if (typeof object["type"] === "string" && NATIVE.has(object["type"])) return [nativeBlock(object)];
			unsupported(traits, path, `content parts of type '${String(object["type"])}' cannot be sent to this model`);
			return [];
	}
}

/** A block of the Messages API, sent as such; an image is called what it is. */
function nativeBlock(block: JsonObject): Block {
	const source = asObject(block["source"]);
	const data = textOf(source, "data");
	if (block["type"] !== "image" || source?.["type"] !== "base64" || data === null) return { ...block };
	return { ...block, source: { ...source, media_type: mediaTypeOf(textOf(source, "media_type") ?? "", data) } };
}

function marked(block: Block, marker: JsonObject | null): Block {
	put(block, "cache_control", marker);
	return block;
}

/** `{image_url: {url}}`, also with the bare address; a data URL is sent as its bytes, another one for the provider to fetch. */
function imageBlock(part: JsonObject, path: string): Block {
	const url = typeof part["image_url"] === "string" ? part["image_url"] : textOf(part["image_url"], "url");
	if (url === null) refuse(`${path}.image_url.url`, "Field required");
	const source = sourceOf(url, textOf(part["image_url"], "format"), `${path}.image_url.url`);
	if (isTextual(source)) return { type: "document", source: plainText(source) };
	return { type: source["media_type"] === "application/pdf" ? "document" : "image", source };
}

function fileBlock(file: JsonObject, path: string): Block {
	const data = textOf(file, "file_data") ?? textOf(file, "file_url");
	const id = textOf(file, "file_id");
	const block: Block = { type: "document" };
	if (data !== null) {
		const format = textOf(file, "format");
		const bare = !data.startsWith("data:") && !/^https?:/.test(data);
		const url = bare ? `data:${format ?? "application/pdf"};base64,${data}` : data;
		const source = sourceOf(url, format, `${path}.file.file_data`);
		const kind = member(source, "media_type");
		const isText = isTextual(source);
		if (!isText && typeof kind === "string" && kind.startsWith("image/")) return { type: "image", source };
		block["source"] = isText ? plainText(source) : source;
	} else if (id !== null) {
		block["source"] = /^https?:/.test(id) ? { type: "url", url: id } : { type: "file", file_id: id };
	} else refuse(`${path}.file`, "file_data or file_id is required");
	put(block, "title", textOf(file, "filename"));
	return block;
}

function sourceOf(url: string, format: string | null, path: string): Draft {
	const data = DATA_URL.exec(url);
	if (data === null) {
		if (/^https?:\/\//i.test(url)) return { type: "url", url };
		refuse(path, "Input should be an https address or a data URL");
	}
	const rest = url.slice(data[0].length);
	const base64 = /;base64/i.test(data[2] ?? "");
	// Some encoders break lines, and some escape what is special in a URL.
	const bytes = base64 ? unbroken(rest) : Buffer.from(percentDecoded(rest)).toString("base64");
	return { type: "base64", media_type: mediaTypeOf(format ?? data[1] ?? "", bytes) || "text/plain", data: bytes };
}

/** Media types whose data is text: the Messages API takes it as such only, SVG among it. */
const TEXTUAL =
	/^text\/|^image\/svg\b|^application\/(?:[\w.-]+\+)?(?:json|xml|yaml|x-yaml|toml|javascript|sql|csv|x-ndjson|x-sh)\b/;

function isTextual(source: Draft): boolean {
	const kind = source["media_type"];
	return source["type"] === "base64" && typeof kind === "string" && TEXTUAL.test(kind);
}

/** The Messages API takes text documents as text. */
function plainText(source: Draft): Draft {
	const data = Buffer.from(String(source["data"]), "base64").toString("utf8");
	return { type: "text", media_type: "text/plain", data };
}

function unbroken(base64: string): string {
	const plain = base64.includes("%") ? percentDecoded(base64) : base64;
	return /\s/.test(plain) ? plain.replace(/\s+/g, "") : plain;
}

function percentDecoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
