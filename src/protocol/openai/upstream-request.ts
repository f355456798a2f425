// A Messages API request → a Chat Completions request, for OpenAI-compatible upstreams. Leaves answers to upstream-answer and upstream-stream.
import { jsonText } from "../json-text.ts";
import { asList, asObject, type Draft, type JsonObject, numberOf, parseLenient, put, textOf } from "./json.ts";
import { effortOf } from "./thinking.ts";
import { refuse } from "./traits.ts";

/** What an OpenAI-compatible server understands. */
export interface UpstreamDialect {
	/** OpenAI's own newer models refuse `max_tokens`; older compatible servers know nothing else. */
	readonly maxTokensName: "max_tokens" | "max_completion_tokens";
	/** Reasoning is sent back as `reasoning_content`, which OpenAI itself refuses. */
	readonly keepsReasoning: boolean;
	/** `top_k` and `reasoning_effort` for every model, which OpenAI itself refuses. */
	readonly extensions: boolean;
	/** Most output tokens the model admits; null = not known. */
	readonly maxOutputTokens: number | null;
}

/** Signature of thinking that came from such an upstream: nobody signed it, and it is told from what Claude signed by this. */
export const UNSIGNED = "warmpath-unsigned";

/** Claude Code's attribution block, which only api.anthropic.com takes off (caching-semantics §12). */
const BILLING = "x-anthropic-billing-header:";
const REASONERS = /^(o\d|gpt-5|gpt-oss)/;

/** What a call says besides its body. */
export interface UpstreamCall {
	/** The upstream's name of the model. */
	readonly model: string;
	readonly stream: boolean;
}

/** Translates a Messages API body. Throws invalid_field for one that has not the API's form. */
export function chatRequest(body: Buffer, { model, stream }: UpstreamCall, dialect: UpstreamDialect): Draft {
	const messages = asObject(parseLenient(body.toString("utf8")));
	if (messages === null) refuse("body", "Input should be an object");
	const out: Draft = { model, messages: chatMessages(messages, dialect) };
	const tools = asList(messages["tools"]).flatMap(toolOf);
	if (tools.length > 0) {
		out["tools"] = tools;
		putChoice(out, messages["tool_choice"]);
	}
	const asked = numberOf(messages, "max_tokens");
	const most = dialect.maxOutputTokens;
	put(out, dialect.maxTokensName, asked !== null && most !== null ? Math.min(asked, most) : asked);
	put(out, "temperature", numberOf(messages, "temperature"));
	put(out, "top_p", numberOf(messages, "top_p"));
	if (dialect.extensions) put(out, "top_k", numberOf(messages, "top_k"));
	const stop = asList(messages["stop_sequences"]);
	if (stop.length > 0) out["stop"] = stop;
	if (dialect.extensions || REASONERS.test(model)) put(out, "reasoning_effort", effortOf(messages));
	put(out, "response_format", formatOf(messages));
	if (stream) {
		out["stream"] = true;
		out["stream_options"] = { include_usage: true };
	}
	return out;
}

function chatMessages(body: JsonObject, dialect: UpstreamDialect): Draft[] {
	const out: Draft[] = [];
	const system = systemText(body["system"]);
	if (system !== "") out.push({ role: "system", content: system });
	for (const message of asList(body["messages"]).map(asObject)) {
		const blocks = blocksOf(message?.["content"]);
		switch (message?.["role"]) {
			case "assistant":
				out.push(assistantMessage(blocks, dialect));
				break;
			case "system": {
				const text = systemText(message["content"]);
				if (text !== "") out.push({ role: "system", content: text });
				break;
			}
			default:
				out.push(...userMessages(blocks));
		}
	}
	return out;
}

function systemText(system: unknown): string {
	return blocksOf(system)
		.map((block) => textOf(block, "text") ?? "")
		.filter((text) => text !== "" && !text.startsWith(BILLING))
		.join("\n\n");
}

/** A string is one text block. */
function blocksOf(content: unknown): readonly JsonObject[] {
	if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
	return asList(content)
		.map(asObject)
		.filter((block) => block !== null);
}

/** Results of tools become messages of their own, before what else the user said; their images follow, for tools answer in text only. */
function userMessages(blocks: readonly JsonObject[]): Draft[] {
	const out: Draft[] = [];
	const parts: Draft[] = [];
	for (const block of blocks) {
		if (block["type"] !== "tool_result") continue;
		const inner = blocksOf(block["content"]);
		const text = inner.map((each) => textOf(each, "text") ?? "").filter((each) => each !== "");
		out.push({ role: "tool", tool_call_id: block["tool_use_id"], content: text.join("\n") });
		parts.push(...inner.filter((each) => each["type"] !== "text").flatMap(partOf));
	}
	parts.push(...blocks.filter((block) => block["type"] !== "tool_result").flatMap(partOf));
	if (parts.length > 0) out.push({ role: "user", content: onlyText(parts) ?? parts });
	return out;
}

/** One text is sent as a string, as clients of these servers do; several stay apart, as the Messages API's client meant them. */
function onlyText([first, ...others]: readonly Draft[]): string | null {
	return first?.["type"] === "text" && others.length === 0 ? String(first["text"]) : null;
}

function partOf(block: JsonObject): Draft[] {
	switch (block["type"]) {
		case "text": {
			const text = textOf(block, "text") ?? "";
			return text === "" ? [] : [{ type: "text", text }];
		}
		case "image":
			return urlOf(block["source"]).map((url): Draft => ({ type: "image_url", image_url: { url } }));
		case "document":
			return documentPart(block);
		default:
			return [];
	}
}

function documentPart(block: JsonObject): Draft[] {
	const source = asObject(block["source"]);
	if (source?.["type"] === "text") return [{ type: "text", text: textOf(source, "data") ?? "" }];
	if (source?.["type"] === "content") return blocksOf(source["content"]).flatMap(partOf);
	if (source?.["type"] === "url") return [{ type: "text", text: textOf(source, "url") ?? "" }];
	const filename = textOf(block, "title") ?? "document.pdf";
	return urlOf(source).map((data): Draft => ({ type: "file", file: { filename, file_data: data } }));
}

function urlOf(source: unknown): string[] {
	const url = textOf(source, "url");
	if (url !== null) return [url];
	const data = textOf(source, "data");
	return data === null ? [] : [`data:${textOf(source, "media_type") ?? "application/octet-stream"};base64,${data}`];
}

function assistantMessage(blocks: readonly JsonObject[], dialect: UpstreamDialect): Draft {
	const text = blocks.flatMap((block) => (block["type"] === "text" ? (textOf(block, "text") ?? []) : [])).join("");
	const out: Draft = { role: "assistant", content: text };
	const reasoning = blocks
		.filter((block) => block["type"] === "thinking" && block["signature"] === UNSIGNED)
		.map((block) => textOf(block, "thinking") ?? "")
		.join("");
	if (dialect.keepsReasoning && reasoning !== "") out["reasoning_content"] = reasoning;
	const calls = blocks
		.filter((block) => block["type"] === "tool_use")
		.map((block): Draft => {
			const args = jsonText(block["input"] ?? {});
			return { id: block["id"], type: "function", function: { name: block["name"], arguments: args } };
		});
	if (calls.length > 0) {
		out["tool_calls"] = calls;
		if (text === "") out["content"] = null;
	}
	return out;
}

/** Tools that the provider itself runs have no form here. */
function toolOf(tool: unknown): Draft[] {
	const object = asObject(tool);
	const schema = asObject(object?.["input_schema"]);
	const name = textOf(object, "name");
	if (schema === null || name === null) return [];
	const described: Draft = { name };
	put(described, "description", textOf(object, "description"));
	described["parameters"] = schema;
	if (object?.["strict"] === true) described["strict"] = true;
	return [{ type: "function", function: described }];
}

function putChoice(out: Draft, choice: unknown): void {
	const object = asObject(choice);
	switch (object?.["type"]) {
		case "any":
			out["tool_choice"] = "required";
			break;
		case "none":
		case "auto":
			out["tool_choice"] = object["type"];
			break;
		case "tool":
			out["tool_choice"] = { type: "function", function: { name: object["name"] } };
			break;
	}
	if (object?.["disable_parallel_tool_use"] === true) out["parallel_tool_calls"] = false;
}

function formatOf(body: JsonObject): Draft | null {
	const format = asObject(asObject(body["output_config"])?.["format"]);
	const schema = asObject(format?.["schema"]);
	if (format?.["type"] !== "json_schema" || schema === null) return null;
	return { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
}
