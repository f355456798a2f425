// Messages of Chat Completions → system and messages of the Messages API. Leaves single content parts to parts and everything else of a
// request to chat-request.
//
// Prompt caches live on identical prefixes, so what a message becomes may depend on what stands before it and never on what follows: as a
// conversation grows, only blocks are added at the end.
import { jsonText } from "../json-text.ts";
import { ToolIds } from "../tool-ids.ts";
import { asList, asObject, type Draft, type JsonObject, parseLenient, put, textOf } from "./json.ts";
import { type Block, contentBlocks, textBlocks } from "./parts.ts";
import { type ModelTraits, refuse, unsupported } from "./traits.ts";

/** One turn of the Messages API; `content` is always a list of blocks, so that a turn can only grow. */
export interface MessageTurn {
	readonly role: "user" | "assistant";
	readonly content: Block[];
}

export interface MessagesConversation {
	readonly system: Block[];
	readonly messages: readonly MessageTurn[];
}

/** What messages are read with. */
interface Reading {
	readonly traits: ModelTraits;
	readonly ids: ToolIds;
}

/**
 * Translates a list of messages. System and developer messages before the first other one become `system`; later ones stay where they are,
 * as user text in `<system>` tags, because hoisting them would change the prefix of everything before them (claude-code §6). Tool
 * messages and user messages that follow each other become one user turn, as the Messages API demands of parallel results.
 * Throws invalid_field.
 */
export function conversationOf(messages: unknown, traits: ModelTraits): MessagesConversation {
	if (!Array.isArray(messages)) refuse("messages", "Input should be a valid list");
	const system: Block[] = [];
	const turns: MessageTurn[] = [];
	const reading = { traits, ids: new ToolIds() };
	for (const [at, message] of asList(messages).entries()) {
		const path = `messages.${at}`;
		const object = asObject(message);
		if (object === null) refuse(path, "Input should be an object");
		if (object["role"] !== "assistant") reading.ids.turn();
		switch (object["role"]) {
			case "system":
			case "developer": {
				const blocks = markedLast(contentBlocks(object["content"], `${path}.content`, traits), object);
				if (turns.length === 0) system.push(...blocks);
				else add(turns, "user", blocks.map(inSystemTags));
				break;
			}
			case "user":
				add(turns, "user", markedLast(contentBlocks(object["content"], `${path}.content`, traits), object));
				break;
			case "assistant":
				add(turns, "assistant", markedLast(assistantBlocks(object, path, reading), object));
				break;
			case "tool":
				addResult(turns, toolResult(object, path, reading));
				break;
			case "function":
				unsupported(traits, `${path}.role`, "function messages are not supported: send tool messages");
				break;
			default:
				refuse(`${path}.role`, "Input should be system, developer, user, assistant or tool");
		}
	}
	return { system, messages: opened(turns, asList(messages).length > 0) };
}

/** `messages: first message must use the "user" role`, and `at least one message is required`; OpenAI's API asks for neither. */
const OPENING = "Begin.";

function opened(turns: readonly MessageTurn[], isAnySent: boolean): readonly MessageTurn[] {
	const [first] = turns;
	if (first === undefined ? !isAnySent : first.role === "user") return turns;
	return [{ role: "user", content: textBlocks(OPENING) }, ...turns];
}

function add(turns: MessageTurn[], role: MessageTurn["role"], blocks: readonly Block[]): void {
	if (blocks.length === 0) return;
	const last = turns.at(-1);
	if (last?.role === role) last.content.push(...blocks);
	else turns.push({ role, content: [...blocks] });
}

/** Results must stand before other content of their turn. */
function addResult(turns: MessageTurn[], result: Block): void {
	const last = turns.at(-1);
	if (last?.role !== "user") {
		turns.push({ role: "user", content: [result] });
		return;
	}
	const at = last.content.findLastIndex((block) => block["type"] === "tool_result") + 1;
	last.content.splice(at, 0, result);
}

/** LiteLLM's marker beside a message's content stands for one on its last block. A block's own wins. */
function markedLast(blocks: Block[], message: JsonObject): Block[] {
	const marker = asObject(message["cache_control"]);
	const last = blocks.findLast((block) => block["type"] !== "thinking" && block["type"] !== "redacted_thinking");
	if (marker !== null && last !== undefined) last["cache_control"] ??= marker;
	return blocks;
}

function inSystemTags(block: Block): Block {
	return block["type"] === "text" ? { ...block, text: `<system>\n${String(block["text"])}\n</system>` } : block;
}

/** Thinking first, then text, then tool calls: the order in which the Messages API answers. */
function assistantBlocks(message: JsonObject, path: string, { traits, ids }: Reading): Block[] {
	const blocks: Block[] = thinkingBlocks(message);
	blocks.push(...contentBlocks(message["content"], `${path}.content`, traits));
	if (blocks.length === 0) blocks.push(...textBlocks(textOf(message, "refusal") ?? ""));
	for (const [at, call] of asList(message["tool_calls"]).entries()) {
		const described = asObject(asObject(call)?.["function"]) ?? asObject(asObject(call)?.["custom"]);
		const name = textOf(described, "name");
		if (described === null || name === null) refuse(`${path}.tool_calls.${at}.function.name`, "Field required");
		const spare = `call_${path.replace("messages.", "")}_${at}`;
		const block: Block = {
			type: "tool_use",
			id: ids.call(textOf(call, "id") ?? "", spare),
			name,
			input: inputOf(described["arguments"] ?? described["input"]),
		};
		put(block, "cache_control", asObject(asObject(call)?.["cache_control"]));
		blocks.push(block);
	}
	if (asObject(message["function_call"]) !== null) {
		unsupported(traits, `${path}.function_call`, "function_call is not supported: send tool_calls");
	}
	return blocks;
}

/** `thinking_blocks` go back as they came: their signatures cover them. Thinking without a signature cannot be sent. */
function thinkingBlocks(message: JsonObject): Block[] {
	return asList(message["thinking_blocks"]).flatMap((value): Block[] => {
		const block = asObject(value);
		if (block === null) return [];
		if (block["type"] === "redacted_thinking") {
			const data = textOf(block, "data");
			return data === null ? [] : [{ type: "redacted_thinking", data }];
		}
		const signature = textOf(block, "signature");
		if (block["type"] !== "thinking" || signature === null || signature === "") return [];
		return [{ type: "thinking", thinking: textOf(block, "thinking") ?? "", signature }];
	});
}

/**
 * Arguments are text in one format and an object in the other; clients of Ollama send the object. What is no object is kept under a name of
 * its own.
 */
function inputOf(given: unknown): Draft | JsonObject {
	const text = typeof given === "string" ? given : null;
	if (given === undefined || given === null || text?.trim() === "") return {};
	const value = text === null ? given : parseLenient(text);
	return asObject(value) ?? { arguments: value ?? text };
}

/** A tool's result may be given as the object that it is. */
function resultBlocks(content: unknown, path: string, traits: ModelTraits): Block[] {
	const object = asObject(content);
	return object === null ? contentBlocks(content, path, traits) : textBlocks(jsonText(object));
}

function toolResult(message: JsonObject, path: string, { traits, ids }: Reading): Block {
	const given = textOf(message, "tool_call_id");
	const id = ids.result(given ?? "") ?? (given === null ? null : `call_${path.replace("messages.", "")}`);
	if (id === null) refuse(`${path}.tool_call_id`, "Field required");
	const block: Block = { type: "tool_result", tool_use_id: id };
	const content = resultBlocks(message["content"], `${path}.content`, traits);
	const inner = content.findLast((each) => each["cache_control"] !== undefined)?.["cache_control"];
	for (const each of content) delete each["cache_control"];
	if (content.length > 0) block["content"] = content;
	// A marker inside a result is lifted to it (prompt-caching R11).
	put(block, "cache_control", asObject(message["cache_control"]) ?? inner);
	return block;
}
