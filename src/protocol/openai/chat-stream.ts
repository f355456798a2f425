// The events of a Messages API stream → chunks of Chat Completions, as they come. Leaves whole answers to chat-answer.
import type { AnswerEvent } from "../answer-event.ts";
import { jsonText } from "../json-text.ts";
import { type ChatAnswerOptions, chatId } from "./chat-answer.ts";
import { ANSWER_TOOL } from "./chat-tools.ts";
import { asObject, type Draft, type JsonObject, numberOf, textOf } from "./json.ts";
import { finishReason, openaiErrorBody } from "./reasons.ts";
import { chatUsage, mergedUsage } from "./usage.ts";

const NOTHING = Buffer.alloc(0);
const DONE = Buffer.from("data: [DONE]\n\n");

export interface ChatStreamAbout extends ChatAnswerOptions {
	/** `stream_options.include_usage`: a last chunk with the usage and no choice. */
	readonly includeUsage: boolean;
}

/** The block that is being streamed. */
interface OpenBlock {
	readonly type: string;
	/** Index in `tool_calls`; -1 for other blocks and for the answer tool. */
	readonly call: number;
	/** Input that came with the block's start. */
	readonly input: JsonObject | null;
	/** What was said of it: arguments for tools, text of thinking. */
	said: string;
	signature: string;
}

/** Encoder of one stream. `event` takes whole events in order; chunks come out in OpenAI's order. */
export class ChatStream {
	readonly #about: ChatStreamAbout;
	#head: Draft = {};
	#usage: JsonObject = {};
	#open = new Map<number, OpenBlock>();
	#calls = 0;
	#answered = false;
	#finished = false;

	constructor(about: ChatStreamAbout) {
		this.#about = about;
	}

	/** Chunks for one event of the Messages API; no bytes where it has none. */
	event({ name, data }: AnswerEvent): Buffer {
		switch (name) {
			case "message_start":
				return this.#start(data);
			case "content_block_start":
				return this.#blockStart(data);
			case "content_block_delta":
				return this.#delta(data);
			case "content_block_stop":
				return this.#blockStop(data);
			case "message_delta":
				return this.#end(data);
			case "message_stop":
				return this.#finished ? this.#last() : NOTHING;
			case "error": {
				const error = data?.["error"];
				return chatErrorEvent(textOf(error, "type") ?? "api_error", textOf(error, "message") ?? "");
			}
			default:
				return NOTHING;
		}
	}

	#start(event: JsonObject | null): Buffer {
		const message = asObject(event?.["message"]);
		const { created } = this.#about;
		this.#usage = mergedUsage(this.#usage, message?.["usage"]);
		this.#head = { id: chatId(message?.["id"]), object: "chat.completion.chunk", created, model: message?.["model"] };
		return this.#chunk({ role: "assistant", content: "" });
	}

	#blockStart(event: JsonObject | null): Buffer {
		const block = asObject(event?.["content_block"]);
		const index = numberOf(event, "index");
		const type = textOf(block, "type");
		if (block === null || index === null || type === null) return NOTHING;
		const isAnswer = type === "tool_use" && this.#about.answerTool && block["name"] === ANSWER_TOOL;
		if (isAnswer) this.#answered = true;
		const isCall = type === "tool_use" && !isAnswer;
		const call = isCall ? this.#calls++ : -1;
		const open = { type, call, input: asObject(block["input"]), said: textOf(block, "thinking") ?? "" };
		this.#open.set(index, { ...open, signature: textOf(block, "signature") ?? "" });
		if (type === "redacted_thinking") return this.#chunk({ thinking_blocks: [block] });
		if (isCall) {
			const described = { name: block["name"], arguments: "" };
			return this.#chunk({ tool_calls: [{ index: call, id: block["id"], type: "function", function: described }] });
		}
		const text = type === "text" ? (textOf(block, "text") ?? "") : "";
		return text === "" ? NOTHING : this.#chunk({ content: text });
	}

	#delta(event: JsonObject | null): Buffer {
		const open = this.#open.get(numberOf(event, "index") ?? -1);
		const delta = event?.["delta"];
		if (open === undefined) return NOTHING;
		switch (textOf(delta, "type")) {
			case "text_delta":
				return this.#chunk({ content: textOf(delta, "text") ?? "" });
			case "thinking_delta": {
				const thinking = textOf(delta, "thinking") ?? "";
				open.said += thinking;
				return thinking === "" ? NOTHING : this.#chunk({ reasoning_content: thinking });
			}
			case "signature_delta":
				open.signature += textOf(delta, "signature") ?? "";
				return NOTHING;
			case "input_json_delta": {
				const piece = textOf(delta, "partial_json") ?? "";
				if (piece === "" || open.type !== "tool_use") return NOTHING;
				open.said = "said";
				return this.#arguments(open, piece);
			}
			default:
				return NOTHING;
		}
	}

	#arguments(open: OpenBlock, piece: string): Buffer {
		if (open.call === -1) return this.#chunk({ content: piece });
		return this.#chunk({ tool_calls: [{ index: open.call, function: { arguments: piece } }] });
	}

	/** A signed block goes out whole when it ends, so that a client that appends `thinking_blocks` can send them back. */
	#blockStop(event: JsonObject | null): Buffer {
		const index = numberOf(event, "index") ?? -1;
		const open = this.#open.get(index);
		this.#open.delete(index);
		if (open === undefined) return NOTHING;
		if (open.type === "thinking" && open.signature !== "") {
			return this.#chunk({
				thinking_blocks: [{ type: "thinking", thinking: open.said, signature: open.signature }],
			});
		}
		if (open.type === "tool_use" && open.said === "") return this.#arguments(open, jsonText(open.input ?? {}));
		return NOTHING;
	}

	#end(event: JsonObject | null): Buffer {
		this.#usage = mergedUsage(this.#usage, event?.["usage"]);
		const reason = textOf(event?.["delta"], "stop_reason");
		if (reason === null || this.#finished) return NOTHING;
		this.#finished = true;
		return this.#chunk({}, this.#answered && this.#calls === 0 ? "stop" : finishReason(reason));
	}

	/** Usage, if it was asked for, and the end. */
	#last(): Buffer {
		if (!this.#about.includeUsage) return DONE;
		const usage = { ...this.#head, choices: [], usage: chatUsage(this.#usage) };
		return Buffer.concat([Buffer.from(`data: ${jsonText(usage)}\n\n`), DONE]);
	}

	#chunk(delta: Draft, finish: string | null = null): Buffer {
		const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
		const chunk = this.#about.includeUsage ? { ...this.#head, choices, usage: null } : { ...this.#head, choices };
		return Buffer.from(`data: ${jsonText(chunk)}\n\n`);
	}
}

/** What a stream that has begun ends with when it fails: the official SDKs throw on it. */
export function chatErrorEvent(type: string, message: string): Buffer {
	return Buffer.concat([Buffer.from("data: "), openaiErrorBody(type, message), Buffer.from("\n\n")]);
}
