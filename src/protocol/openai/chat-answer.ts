// A whole Messages API answer → a chat completion. Leaves streams to chat-stream.
import { jsonText } from "../json-text.ts";
import { ANSWER_TOOL } from "./chat-tools.ts";
import { asList, asObject, type Draft, type JsonObject, textOf } from "./json.ts";
import { finishReason } from "./reasons.ts";
import { chatUsage } from "./usage.ts";

export interface ChatAnswerOptions {
	/** Seconds since epoch, for `created`. */
	readonly created: number;
	/** The request asked for JSON by `ANSWER_TOOL`. */
	readonly answerTool: boolean;
}

/** What the blocks of an answer come to. */
interface AnswerContent {
	/** null = none, as where only tools are called. */
	readonly text: string | null;
	readonly reasoning: string;
	/** Signed blocks as they came, for the client to send back. */
	readonly thinkingBlocks: readonly JsonObject[];
	readonly toolCalls: readonly Draft[];
	/** The answer came as a call of `ANSWER_TOOL`. */
	readonly answered: boolean;
}

/** Collects an answer's blocks. Blocks of server tools have no form in the other formats and are passed over. */
function answerContent(content: unknown, answerTool: boolean): AnswerContent {
	let text: string | null = null;
	let reasoning = "";
	let answered = false;
	const thinkingBlocks: JsonObject[] = [];
	const toolCalls: Draft[] = [];
	for (const block of asList(content).map(asObject)) {
		switch (block?.["type"]) {
			case "text":
				text = (text ?? "") + (textOf(block, "text") ?? "");
				break;
			case "thinking":
				reasoning += textOf(block, "thinking") ?? "";
				thinkingBlocks.push(block);
				break;
			case "redacted_thinking":
				thinkingBlocks.push(block);
				break;
			case "tool_use": {
				const input = jsonText(block["input"] ?? {});
				if (answerTool && block["name"] === ANSWER_TOOL) {
					text = answered ? text : input;
					answered = true;
				} else toolCalls.push(toolCall(block["id"], block["name"], input));
				break;
			}
		}
	}
	return { text, reasoning, thinkingBlocks, toolCalls, answered };
}

/** One entry of `tool_calls`. */
function toolCall(id: unknown, name: unknown, args: string): Draft {
	return { id, type: "function", function: { name, arguments: args } };
}

/** Translates a Messages answer. What is no such answer comes back unchanged. */
export function chatCompletion(answer: Buffer, message: JsonObject | null, about: ChatAnswerOptions): Buffer {
	if (message === null || message["type"] !== "message") return answer;
	const { text, reasoning, thinkingBlocks, toolCalls, answered } = answerContent(message["content"], about.answerTool);
	const out: Draft = { role: "assistant", content: text, refusal: null };
	if (reasoning !== "") out["reasoning_content"] = reasoning;
	if (thinkingBlocks.length > 0) out["thinking_blocks"] = thinkingBlocks;
	if (toolCalls.length > 0) out["tool_calls"] = toolCalls;
	const finish = answered && toolCalls.length === 0 ? "stop" : finishReason(textOf(message, "stop_reason"));
	return Buffer.from(
		jsonText({
			id: chatId(message["id"]),
			object: "chat.completion",
			created: about.created,
			model: message["model"],
			choices: [{ index: 0, message: out, logprobs: null, finish_reason: finish }],
			usage: chatUsage(message["usage"]),
		}),
	);
}

/** OpenAI's ids begin so. */
export function chatId(id: unknown): string {
	return `chatcmpl-${typeof id === "string" ? id : ""}`;
}
