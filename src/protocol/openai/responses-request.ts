// A Responses API request → the chat request that means the same. Stateless subset: what the server would have to remember is refused.
// Leaves the way from there to chat-request.

import { GatewayError } from "../../errors.ts";
import { jsonText } from "../json-text.ts";
import { asList, asObject, type Draft, type JsonObject, parseLenient, put, textOf } from "./json.ts";
import { refuse } from "./traits.ts";

/** What needs a memory of former responses, or runs beyond one request. */
const STATEFUL = ["previous_response_id", "conversation", "prompt", "background"] as const;

/** Translates a request. Throws `unsupported_feature` for what is not in the subset, `invalid_field` for what is malformed. */
export function chatOfResponses(request: JsonObject): JsonObject {
	for (const name of STATEFUL) {
		const value = request[name];
		if (value === undefined || value === null || value === false) continue;
		notServed(`'${name}' of the Responses API`, "Send the whole conversation as input items, with store: false.");
	}
	const messages: Draft[] = [];
	const instructions = textOf(request, "instructions");
	if (instructions !== null) messages.push({ role: "system", content: instructions });
	messages.push(...inputMessages(request["input"]));
	const chat: Draft = { model: request["model"], messages };
	put(chat, "max_completion_tokens", request["max_output_tokens"]);
	for (const name of [
		"temperature",
		"top_p",
		"user",
		"safety_identifier",
		"parallel_tool_calls",
		"stream",
		"cache_control",
	]) {
		put(chat, name, request[name]);
	}
	put(chat, "reasoning_effort", textOf(request["reasoning"], "effort"));
	put(chat, "response_format", asObject(request["text"])?.["format"]);
	const tools = asList(request["tools"]).map(toolOf);
	if (tools.length > 0) chat["tools"] = tools;
	put(chat, "tool_choice", choiceOf(request["tool_choice"]));
	return chat;
}

function inputMessages(input: unknown): Draft[] {
	if (typeof input === "string") return [{ role: "user", content: input }];
	if (!Array.isArray(input)) refuse("input", "Input should be a string or a list of items");
	return asList(input).flatMap((item, at) => itemMessages(asObject(item), `input.${at}`));
}

function itemMessages(item: JsonObject | null, path: string): Draft[] {
	if (item === null) refuse(path, "Input should be an object");
	const type = item["type"] ?? "message";
	switch (type) {
		case "message":
			return [messageOf(item)];
		case "function_call": {
			const { call_id: id, name, arguments: args } = item;
			return [
				{
					role: "assistant",
					content: null,
					tool_calls: [{ id, type: "function", function: { name, arguments: args } }],
				},
			];
		}
		case "function_call_output":
			return [{ role: "tool", tool_call_id: item["call_id"], content: item["output"] }];
		case "reasoning":
			return [{ role: "assistant", content: null, thinking_blocks: openReasoning(textOf(item, "encrypted_content")) }];
		case "item_reference":
			return notServed("'item_reference' of the Responses API", "Send the item itself.");
		default:
			return notServed(
				`The input item '${String(type)}'`,
				"Served are message, function_call, function_call_output and reasoning.",
			);
	}
}

function messageOf(item: JsonObject): Draft {
	const message: Draft = { role: item["role"], content: item["content"] };
	put(message, "cache_control", item["cache_control"]);
	return message;
}

/** Function tools keep their members beside the type here; chat tools have them inside `function`. */
function toolOf(tool: unknown): Draft {
	const object = asObject(tool);
	if (object?.["type"] === "function") {
		const { name, description, parameters, strict, cache_control } = object;
		const out: Draft = { type: "function", function: { name, description, parameters, strict } };
		put(out, "cache_control", cache_control);
		return out;
	}
	if (object?.["input_schema"] !== undefined) return { ...object };
	return notServed(`The tool type '${String(object?.["type"])}' of the Responses API`, "Served are function tools.");
}

function choiceOf(choice: unknown): unknown {
	const object = asObject(choice);
	if (object === null) return choice;
	if (object["type"] === "function") return { type: "function", function: { name: object["name"] } };
	return notServed(`tool_choice of type '${String(object["type"])}'`, "Send none, auto, required or a function.");
}

function notServed(feature: string, hint: string): never {
	throw new GatewayError("unsupported_feature", { feature, hint });
}

/** Signed thinking as a client keeps it: opaque to it, and ours to read when it comes back. */
export function sealReasoning(blocks: readonly JsonObject[]): string {
	return Buffer.from(jsonText(blocks)).toString("base64");
}

/** What `sealReasoning` sealed; nothing for what others sealed. */
function openReasoning(sealed: string | null): readonly unknown[] {
	return sealed === null ? [] : asList(parseLenient(Buffer.from(sealed, "base64").toString("utf8")));
}
