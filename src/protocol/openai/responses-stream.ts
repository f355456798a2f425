// The events of a Messages API stream → events of the Responses API, as they come. Leaves whole answers to responses-answer.
import type { AnswerEvent } from "../answer-event.ts";
import { jsonText } from "../json-text.ts";
import { ANSWER_TOOL } from "./chat-tools.ts";
import { asObject, type Draft, type JsonObject, numberOf, textOf } from "./json.ts";
import {
	callItem,
	messageItem,
	type ResponseAbout,
	reasoningItem,
	responseEnd,
	responseObject,
	textPart,
} from "./responses-answer.ts";
import { mergedUsage } from "./usage.ts";

/** An output item that is being streamed. */
interface OpenItem {
	readonly kind: "text" | "call" | "reasoning";
	readonly id: string;
	readonly outputIndex: number;
	/** The block it comes from. */
	readonly block: JsonObject;
	said: string;
	signature: string;
}

/** Encoder of one stream. Every event carries its number, and the last one the whole response. */
export class ResponsesStream {
	readonly #about: ResponseAbout;
	#message: JsonObject | null = null;
	#usage: JsonObject = {};
	#sequence = 0;
	readonly #open = new Map<number, OpenItem>();
	readonly #output: Draft[] = [];
	#items = 0;
	#end: readonly [string, string | null] = ["completed", null];
	#out: string[] = [];

	constructor(about: ResponseAbout) {
		this.#about = about;
	}

	/** Events for one event of the Messages API; no bytes where it has none. */
	event({ name, data }: AnswerEvent): Buffer {
		switch (name) {
			case "message_start":
				this.#start(asObject(data?.["message"]));
				break;
			case "content_block_start":
				this.#itemStart(data);
				break;
			case "content_block_delta":
				this.#delta(this.#open.get(numberOf(data, "index") ?? -1), data?.["delta"]);
				break;
			case "content_block_stop":
				this.#itemEnd(numberOf(data, "index") ?? -1);
				break;
			case "message_delta":
				this.#usage = mergedUsage(this.#usage, data?.["usage"]);
				this.#end = responseEnd(textOf(data?.["delta"], "stop_reason"));
				break;
			case "message_stop":
				this.#emit(`response.${this.#end[0]}`, { response: this.#response(this.#end[0]) });
				break;
			case "error": {
				const error = asObject(data?.["error"]);
				this.#emit("error", { code: error?.["type"] ?? null, message: error?.["message"] ?? "", param: null });
				break;
			}
		}
		const bytes = Buffer.from(this.#out.join(""));
		this.#out = [];
		return bytes;
	}

	#response(status: string): Draft {
		const isOver = status !== "in_progress";
		const state = { status, output: this.#output, usage: isOver ? this.#usage : null, reason: this.#end[1] };
		return responseObject(this.#message, this.#about, state);
	}

	#start(message: JsonObject | null): void {
		this.#message = message;
		this.#usage = mergedUsage(this.#usage, message?.["usage"]);
		this.#emit("response.created", { response: this.#response("in_progress") });
		this.#emit("response.in_progress", { response: this.#response("in_progress") });
	}

	#itemStart(data: JsonObject | null): void {
		const block = asObject(data?.["content_block"]);
		const index = numberOf(data, "index");
		const kind = this.#kindOf(block);
		if (block === null || index === null || kind === null) return;
		const prefix = { text: "msg", call: "fc", reasoning: "rs" }[kind];
		const id = `${prefix}_${textOf(this.#message, "id") ?? ""}_${index}`;
		const item: OpenItem = { kind, id, outputIndex: this.#items++, block, said: "", signature: "" };
		this.#open.set(index, item);
		const at = { output_index: item.outputIndex };
		if (kind === "text") {
			const empty = { ...messageItem(id, ""), status: "in_progress", content: [] };
			this.#emit("response.output_item.added", { ...at, item: empty });
			this.#emit("response.content_part.added", { item_id: id, ...at, content_index: 0, part: textPart("") });
			const said = textOf(block, "text") ?? "";
			if (said !== "") this.#say(item, said);
		} else if (kind === "call") {
			const call = callItem(id, { callId: block["id"], name: block["name"], args: "" });
			this.#emit("response.output_item.added", { ...at, item: { ...call, status: "in_progress" } });
		} else {
			this.#emit("response.output_item.added", { ...at, item: { id, type: "reasoning", summary: [] } });
			if (block["type"] === "thinking") {
				const part = { type: "summary_text", text: "" };
				this.#emit("response.reasoning_summary_part.added", { item_id: id, ...at, summary_index: 0, part });
			}
		}
	}

	#kindOf(block: JsonObject | null): OpenItem["kind"] | null {
		switch (block?.["type"]) {
			case "text":
				return "text";
			case "tool_use":
				return this.#about.answerTool && block["name"] === ANSWER_TOOL ? "text" : "call";
			case "thinking":
			case "redacted_thinking":
				return "reasoning";
			default:
				return null;
		}
	}

	#delta(item: OpenItem | undefined, delta: unknown): void {
		if (item === undefined) return;
		if (textOf(delta, "type") === "signature_delta") {
			item.signature += textOf(delta, "signature") ?? "";
			return;
		}
		const piece = textOf(delta, "text") ?? textOf(delta, "thinking") ?? textOf(delta, "partial_json") ?? "";
		if (piece !== "") this.#say(item, piece);
	}

	#say(item: OpenItem, delta: string): void {
		item.said += delta;
		const at = { item_id: item.id, output_index: item.outputIndex };
		if (item.kind === "text")
			this.#emit("response.output_text.delta", { ...at, content_index: 0, delta, logprobs: [] });
		else if (item.kind === "call") this.#emit("response.function_call_arguments.delta", { ...at, delta });
		else this.#emit("response.reasoning_summary_text.delta", { ...at, summary_index: 0, delta });
	}

	#itemEnd(index: number): void {
		const item = this.#open.get(index);
		this.#open.delete(index);
		if (item === undefined) return;
		const done = this.#finished(item);
		this.#output.push(done);
		this.#emit("response.output_item.done", { output_index: item.outputIndex, item: done });
	}

	#finished(item: OpenItem): Draft {
		const { id, block } = item;
		const at = { item_id: id, output_index: item.outputIndex };
		if (item.kind === "text") {
			const text = item.said;
			this.#emit("response.output_text.done", { ...at, content_index: 0, text, logprobs: [] });
			this.#emit("response.content_part.done", { ...at, content_index: 0, part: textPart(text) });
			return messageItem(id, text);
		}
		if (item.kind === "call") {
			const args = item.said === "" ? jsonText(block["input"] ?? {}) : item.said;
			this.#emit("response.function_call_arguments.done", { ...at, name: block["name"], arguments: args });
			return callItem(id, { callId: block["id"], name: block["name"], args });
		}
		if (block["type"] !== "thinking") return reasoningItem(id, block);
		const text = item.said;
		this.#emit("response.reasoning_summary_text.done", { ...at, summary_index: 0, text });
		this.#emit("response.reasoning_summary_part.done", {
			...at,
			summary_index: 0,
			part: { type: "summary_text", text },
		});
		return reasoningItem(id, { type: "thinking", thinking: text, signature: item.signature });
	}

	#emit(type: string, data: Draft): void {
		this.#out.push(`event: ${type}\ndata: ${jsonText({ type, sequence_number: this.#sequence++, ...data })}\n\n`);
	}
}

/** What a stream that has begun ends with when it fails. */
export function responsesErrorEvent(type: string, message: string): Buffer {
	return Buffer.from(`event: error\ndata: ${jsonText({ type: "error", code: type, message, param: null })}\n\n`);
}
