// Responses API answers, whole and as events, made from the Messages form. Leaves Chat Completions to chat-answer.ts.
import type { AnswerBlock } from "../answer.ts";
import type { ApiError } from "../api-error.ts";
import { type Fields, fieldsOf } from "../body.ts";
import { finalUsage, type Reply } from "../message.ts";
import type { StreamEncoder, StreamEvent } from "../stream.ts";
import { type AnswerContext, callId, numberOf, reasoningTokens } from "./chat-answer.ts";
import { openAiErrorBody } from "./errors.ts";

type Item = Record<string, unknown>;

/** A response object. */
export function wholeResponse(reply: Reply, context: AnswerContext): Record<string, unknown> {
	const output = reply.answer.content.map((block, index) => itemOf(context, index, block));
	const isCut = reply.answer.stopReason === "max_tokens";
	return { ...response(context, isCut ? "incomplete" : "completed", output), usage: responseUsage(finalUsage(reply)) };
}

/** response.* events with running sequence numbers. */
export class ResponsesStream implements StreamEncoder {
	readonly contentType = "text/event-stream; charset=utf-8";
	readonly #context: AnswerContext;
	readonly #output: Item[] = [];
	#sequence = 0;
	#opening: Fields = {};
	#usage: Fields = {};
	#isCut = false;
	#open: { type: string; id: string; name: string; text: string } = { type: "text", id: "", name: "", text: "" };

	constructor(context: AnswerContext) {
		this.#context = context;
	}

	event(event: StreamEvent): string {
		const { data } = event;
		switch (event.name) {
			case "message_start":
				this.#opening = fieldsOf(fieldsOf(data["message"])?.["usage"]) ?? {};
				return ["response.created", "response.in_progress"]
					.map((type) => this.#emit(type, { response: response(this.#context, "in_progress", []) }))
					.join("");
			case "content_block_start":
				return this.#start(fieldsOf(data["content_block"]) ?? {});
			case "content_block_delta":
				return this.#delta(fieldsOf(data["delta"]) ?? {});
			case "content_block_stop":
				return this.#stop();
			case "message_delta":
				this.#usage = { ...this.#opening, ...fieldsOf(data["usage"]) };
				this.#isCut = fieldsOf(data["delta"])?.["stop_reason"] === "max_tokens";
				return "";
			case "message_stop": {
				const status = this.#isCut ? "incomplete" : "completed";
				const whole = { ...response(this.#context, status, this.#output), usage: responseUsage(this.#usage) };
				return this.#emit(`response.${status}`, { response: whole });
			}
			default:
				return "";
		}
	}

	error(error: ApiError): string {
		const inner = fieldsOf(openAiErrorBody(error)["error"]) ?? {};
		return this.#emit("error", { code: inner["code"], message: inner["message"], param: null });
	}

	#start(block: Fields): string {
		this.#open = {
			type: String(block["type"]),
			id: String(block["id"] ?? ""),
			name: String(block["name"] ?? ""),
			text: "",
		};
		const output_index = this.#output.length;
		const item = this.#item("in_progress");
		const added = this.#emit("response.output_item.added", { output_index, item });
		if (this.#open.type !== "text") return added;
		const part = { type: "output_text", text: "", annotations: [] };
		return (
			added + this.#emit("response.content_part.added", { item_id: item["id"], output_index, content_index: 0, part })
		);
	}

	#delta(delta: Fields): string {
		const place = { item_id: this.#item("in_progress")["id"], output_index: this.#output.length };
		switch (delta["type"]) {
			case "text_delta":
				this.#open.text += String(delta["text"]);
				return this.#emit("response.output_text.delta", {
					...place,
					content_index: 0,
					delta: delta["text"],
					logprobs: [],
				});
			case "input_json_delta":
				this.#open.text += String(delta["partial_json"]);
				return this.#emit("response.function_call_arguments.delta", { ...place, delta: delta["partial_json"] });
			case "thinking_delta":
				this.#open.text += String(delta["thinking"]);
				return "";
			default:
				return "";
		}
	}

	#stop(): string {
		const item = this.#item("completed");
		const place = { item_id: item["id"], output_index: this.#output.length };
		this.#output.push(item);
		const done = this.#emit("response.output_item.done", { output_index: place.output_index, item });
		const { type, text, name } = this.#open;
		if (type === "tool_use")
			return this.#emit("response.function_call_arguments.done", { ...place, name, arguments: text }) + done;
		if (type !== "text") return done;
		const part = { type: "output_text", text, annotations: [], logprobs: [] };
		return (
			this.#emit("response.output_text.done", { ...place, content_index: 0, text, logprobs: [] }) +
			this.#emit("response.content_part.done", { ...place, content_index: 0, part }) +
			done
		);
	}

	#item(status: "in_progress" | "completed"): Item {
		const { type, text } = this.#open;
		const index = this.#output.length;
		if (type === "tool_use") return callItem(this.#context, index, this.#open);
		if (type === "thinking") return reasoningItem(this.#context, index, text);
		return messageItem(this.#context, index, status === "completed" ? text : null, status);
	}

	#emit(type: string, fields: Fields): string {
		const data = { type, sequence_number: this.#sequence, ...fields };
		this.#sequence += 1;
		return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
	}
}

function itemOf(context: AnswerContext, index: number, block: AnswerBlock): Item {
	switch (block.type) {
		case "text":
			return messageItem(context, index, block.text, "completed");
		case "thinking":
			return reasoningItem(context, index, block.thinking);
		case "tool_use":
		case "server_tool_use":
			return callItem(context, index, { id: block.id, name: block.name, text: JSON.stringify(block.input) });
		case "web_search_tool_result":
			return { type: "web_search_call", id: block.tool_use_id, status: "completed" };
	}
}

function response(context: AnswerContext, status: string, output: readonly Item[]): Record<string, unknown> {
	return {
		id: `resp_${context.requestId}`,
		object: "response",
		created_at: context.createdS,
		status,
		error: null,
		incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
		model: context.model,
		output,
		parallel_tool_calls: true,
		tools: [],
		usage: null,
	};
}

function messageItem(context: AnswerContext, index: number, text: string | null, status: string): Item {
	const content = text === null ? [] : [{ type: "output_text", text, annotations: [], logprobs: [] }];
	return { type: "message", id: `msg_${context.requestId}_${index}`, status, role: "assistant", content };
}

function callItem(context: AnswerContext, index: number, call: { id: string; name: string; text: string }): Item {
	const id = `fc_${context.requestId}_${index}`;
	return {
		type: "function_call",
		id,
		status: "completed",
		call_id: callId(call.id),
		name: call.name,
		arguments: call.text,
	};
}

function reasoningItem(context: AnswerContext, index: number, text: string): Item {
	const summary = text === "" ? [] : [{ type: "summary_text", text }];
	return { type: "reasoning", id: `rs_${context.requestId}_${index}`, summary };
}

function responseUsage(usage: Fields): Record<string, unknown> {
	const cached = numberOf(usage["cache_read_input_tokens"]);
	const input = numberOf(usage["input_tokens"]) + cached;
	const output = numberOf(usage["output_tokens"]);
	return {
		input_tokens: input,
		input_tokens_details: { cached_tokens: cached },
		output_tokens: output,
		output_tokens_details: { reasoning_tokens: reasoningTokens(usage) },
		total_tokens: input + output,
	};
}
