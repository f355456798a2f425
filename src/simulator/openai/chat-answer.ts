// Chat Completions answers, whole and as chunks, made from the Messages form. Leaves the Responses form to responses-answer.ts.
import type { ApiError } from "../api-error.ts";
import { type Fields, fieldsOf } from "../body.ts";
import { finalUsage, type Reply } from "../message.ts";
import type { StreamEncoder, StreamEvent } from "../stream.ts";
import { openAiErrorBody } from "./errors.ts";

/** What the answers of one request share. */
export interface AnswerContext {
	readonly requestId: string;
	/** Seconds since the epoch. */
	readonly createdS: number;
	readonly model: string;
	/** Whether the stream ends with a chunk that holds usage. */
	readonly includeUsage: boolean;
}

/** A chat.completion object. */
export function wholeCompletion(reply: Reply, context: AnswerContext): Record<string, unknown> {
	const { content, stopReason } = reply.answer;
	const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
	const reasoning = content.flatMap((block) => (block.type === "thinking" ? [block.thinking] : [])).join("");
	const calls = content.flatMap((block) =>
		block.type === "tool_use"
			? [
					{
						id: callId(block.id),
						type: "function",
						function: { name: block.name, arguments: JSON.stringify(block.input) },
					},
				]
			: [],
	);
	const message = {
		role: "assistant",
		content: text === "" && calls.length > 0 ? null : text,
		refusal: null,
		...(reasoning !== "" && { reasoning_content: reasoning }),
		...(calls.length > 0 && { tool_calls: calls }),
	};
	const choice = { index: 0, message, logprobs: null, finish_reason: finishReason(stopReason) };
	return { ...head(context, "chat.completion"), choices: [choice], usage: completionUsage(finalUsage(reply)) };
}

/** chat.completion.chunk objects, ended by `[DONE]`. */
export class ChatStream implements StreamEncoder {
	readonly contentType = "text/event-stream; charset=utf-8";
	readonly #context: AnswerContext;
	#calls = -1;
	#opening: Fields = {};

	constructor(context: AnswerContext) {
		this.#context = context;
	}

	event(event: StreamEvent): string {
		const { data } = event;
		switch (event.name) {
			case "message_start":
				this.#opening = fieldsOf(fieldsOf(data["message"])?.["usage"]) ?? {};
				return this.#chunk({ role: "assistant", content: "", refusal: null });
			case "content_block_start":
				return this.#blockStart(fieldsOf(data["content_block"]) ?? {});
			case "content_block_delta":
				return this.#delta(fieldsOf(data["delta"]) ?? {});
			case "message_delta": {
				const usage = { ...this.#opening, ...fieldsOf(data["usage"]) };
				const reason = finishReason(String(fieldsOf(data["delta"])?.["stop_reason"]));
				const last = this.#chunk({}, reason);
				if (!this.#context.includeUsage) return last;
				return `${last}${sse({ ...head(this.#context, "chat.completion.chunk"), choices: [], usage: completionUsage(usage) })}`;
			}
			case "message_stop":
				return "data: [DONE]\n\n";
			default:
				return "";
		}
	}

	error(error: ApiError): string {
		return sse(openAiErrorBody(error));
	}

	#blockStart(block: Fields): string {
		if (block["type"] !== "tool_use") return "";
		this.#calls += 1;
		const call = {
			id: callId(String(block["id"])),
			type: "function",
			function: { name: block["name"], arguments: "" },
		};
		return this.#chunk({ tool_calls: [{ index: this.#calls, ...call }] });
	}

	#delta(delta: Fields): string {
		switch (delta["type"]) {
			case "text_delta":
				return this.#chunk({ content: delta["text"] });
			case "thinking_delta":
				return this.#chunk({ reasoning_content: delta["thinking"] });
			case "input_json_delta":
				return this.#chunk({ tool_calls: [{ index: this.#calls, function: { arguments: delta["partial_json"] } }] });
			default:
				return "";
		}
	}

	#chunk(delta: Fields, finish: string | null = null): string {
		const usage = this.#context.includeUsage ? { usage: null } : {};
		const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
		return sse({ ...head(this.#context, "chat.completion.chunk"), choices, ...usage });
	}
}

/** `usage` of a completion: cached tokens are part of prompt_tokens. */
function completionUsage(usage: Fields): Record<string, unknown> {
	const cached = numberOf(usage["cache_read_input_tokens"]);
	const prompt = numberOf(usage["input_tokens"]) + cached;
	const completion = numberOf(usage["output_tokens"]);
	return {
		prompt_tokens: prompt,
		completion_tokens: completion,
		total_tokens: prompt + completion,
		prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
		completion_tokens_details: { reasoning_tokens: reasoningTokens(usage), audio_tokens: 0 },
	};
}

/** Thinking tokens of a usage in the Messages form. */
export function reasoningTokens(usage: Fields): number {
	return numberOf(fieldsOf(usage["output_tokens_details"])?.["thinking_tokens"]);
}

/** A call's id as OpenAI spells them. */
export function callId(id: string): string {
	return id.replace(/^toolu_/, "call_");
}

/** A number, or 0. */
export function numberOf(value: unknown): number {
	return typeof value === "number" ? value : 0;
}

function head(context: AnswerContext, object: string): Record<string, unknown> {
	const { requestId, createdS, model } = context;
	return {
		id: `chatcmpl-${requestId}`,
		object,
		created: createdS,
		model,
		service_tier: "default",
		system_fingerprint: "fp_sim",
	};
}

function finishReason(stopReason: string): string {
	return stopReason === "tool_use" ? "tool_calls" : stopReason === "max_tokens" ? "length" : "stop";
}

function sse(json: unknown): string {
	return `data: ${JSON.stringify(json)}\n\n`;
}
