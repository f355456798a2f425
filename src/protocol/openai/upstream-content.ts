// Blocks of the Messages API → content parts of Chat Completions, one block at a time. The same block always becomes the same part. Leaves the
// messages they belong to to upstream-messages.
import { asList, asObject, type Draft, type JsonObject, put, textOf } from "./json.ts";
import type { ToolNames } from "./tool-names.ts";
import type { UpstreamDialect } from "./upstream-dialect.ts";

/** What a part may depend on besides its block. */
export interface PartContext {
	readonly dialect: UpstreamDialect;
	readonly names: ToolNames;
}

/** A string is one text block. */
export function blocksOf(content: unknown): readonly JsonObject[] {
	if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
	return asList(content)
		.map(asObject)
		.filter((block) => block !== null);
}

/** The marker of a block, for servers that take it. */
export function markerOf(block: JsonObject, { cacheControl }: UpstreamDialect): Draft | null {
	const marker = cacheControl ? asObject(block["cache_control"]) : null;
	if (marker === null) return null;
	const kept: Draft = { type: marker["type"] ?? "ephemeral" };
	put(kept, "ttl", marker["ttl"]);
	return kept;
}

/** A block as parts; none for what has no form here. */
export function partsOf(block: JsonObject, context: PartContext): Draft[] {
	const parts = unmarkedParts(block, context);
	const marker = markerOf(block, context.dialect);
	const last = parts.at(-1);
	if (marker !== null && last !== undefined) last["cache_control"] = marker;
	return parts;
}

function unmarkedParts(block: JsonObject, context: PartContext): Draft[] {
	switch (block["type"]) {
		case "text":
			return textParts(textOf(block, "text") ?? "");
		case "image":
			return imageParts(block);
		case "document":
			return documentParts(block, context);
		case "search_result":
			return textParts(searchResultText(block));
		case "tool_reference":
			return textParts(referenceText(block, context.names));
		default:
			return [];
	}
}

/** Whether a block can be said in text, which is all that a tool message takes on most servers. */
export function isTextual(block: JsonObject): boolean {
	switch (block["type"]) {
		case "text":
		case "search_result":
		case "tool_reference":
			return true;
		case "document":
			return documentText(block) !== null;
		default:
			return false;
	}
}

function textParts(text: string): Draft[] {
	return text === "" ? [] : [{ type: "text", text }];
}

function searchResultText(block: JsonObject): string {
	const head = [textOf(block, "title"), textOf(block, "source")].filter((each) => each !== null && each !== "");
	const body = blocksOf(block["content"]).map((each) => textOf(each, "text") ?? "");
	return [head.join("\n"), ...body].filter((each) => each !== "").join("\n\n");
}

/** What a search for tools found: the model can call it from now on, by the name that it has on this server. */
function referenceText(block: JsonObject, names: ToolNames): string {
	const name = textOf(block, "tool_name") ?? textOf(block, "name");
	return name === null ? "" : `The tool ${names.toUpstream(name)} is available.`;
}

/** The text of a document that holds text only; null for files. */
function documentText(block: JsonObject): string | null {
	const source = asObject(block["source"]);
	const text =
		source?.["type"] === "text"
			? textOf(source, "data")
			: source?.["type"] === "content" && blocksOf(source["content"]).every((each) => each["type"] === "text")
				? blocksOf(source["content"])
						.map((each) => textOf(each, "text") ?? "")
						.join("\n")
				: null;
	if (text === null) return null;
	const head = [textOf(block, "title"), textOf(block, "context")].filter((each) => each !== null && each !== "");
	return [...head, text].join("\n\n");
}

function documentParts(block: JsonObject, context: PartContext): Draft[] {
	const text = documentText(block);
	if (text !== null) return textParts(text);
	const source = asObject(block["source"]);
	if (source?.["type"] === "content") return blocksOf(source["content"]).flatMap((each) => partsOf(each, context));
	if (source?.["type"] === "url") return textParts(textOf(source, "url") ?? "");
	const filename = textOf(block, "title") ?? "document.pdf";
	return urlOf(source, "document").map(
		(url): Draft => ("text" in url ? { type: "text", ...url } : fileOf(filename, url.url)),
	);
}

function fileOf(filename: string, data: string): Draft {
	return { type: "file", file: { filename, file_data: data } };
}

function imageParts(block: JsonObject): Draft[] {
	return urlOf(block["source"], "image").map(
		(url): Draft => ("text" in url ? { type: "text", ...url } : { type: "image_url", image_url: url }),
	);
}

/** Address or data URL of a source; a note where the bytes are with Anthropic. */
function urlOf(source: unknown, what: string): ({ readonly url: string } | { readonly text: string })[] {
	const url = textOf(source, "url");
	if (url !== null) return [{ url }];
	const file = textOf(source, "file_id");
	if (file !== null) return [{ text: `[The ${what} ${file} is stored at Anthropic and cannot be shown.]` }];
	const data = textOf(source, "data");
	return data === null
		? []
		: [{ url: `data:${textOf(source, "media_type") ?? "application/octet-stream"};base64,${data}` }];
}
