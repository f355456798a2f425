// Chunks of a Chat Completions stream → the events of the Messages API, as they come. Leaves whole answers to upstream-answer.
import { SseSplitter, sseData } from "../sse.ts";
import { asList, asObject, type Draft, type JsonObject, member, numberOf, parseLenient, textOf } from "./json.ts";
import { messagesError, readOpenaiError, stopReason } from "./reasons.ts";
import { messageId, reasoningOf } from "./upstream-answer.ts";
import { UNSIGNED } from "./upstream-request.ts";
import { mergedUsage, messagesUsage } from "./usage.ts";

/** Converts one stream: `push` and `end` give the bytes of whole Messages API events. */
export class ChatReframer {
	readonly streaming = true;
	readonly #splitter = new SseSplitter((_name, event) => this.#chunk(sseData(event)));
	#out: string[] = [];
	#begun = false;
	#ended = false;
	#blocks = 0;
	/** The open text or thinking block. */
	#open: { readonly type: "text" | "thinking"; readonly index: number } | null = null;
	/** Blocks of tools by their index in the stream. They stay open to the end, because servers may interleave their arguments. */
	readonly #tools = new Map<number, number>();
	#finish: string | null = null;
	#usage: JsonObject = {};

	/** No chunk had any: the counts of zero in the events mean nothing. */
	get usageUnknown(): boolean {
		return Object.keys(this.#usage).length === 0;
	}

	push(chunk: Buffer): Buffer {
		this.#splitter.push(chunk);
		return this.#taken();
	}

	/** The upstream's answer is over. Without a finish reason it was cut off, and the client is told so. */
	end(): Buffer {
		const rest = this.#splitter.rest();
		if (rest.length > 0) this.#chunk(sseData(rest));
		if (this.#ended) return this.#taken();
		if (this.#finish !== null) this.#close();
		else
			this.#error({
				type: "api_error",
				message: "The upstream's stream ended before its answer was complete.",
				code: null,
			});
		return this.#taken();
	}

	#taken(): Buffer {
		const bytes = Buffer.from(this.#out.join(""));
		this.#out = [];
		return bytes;
	}

	#chunk(data: string): void {
		if (this.#ended || data === "") return;
		if (data.trim() === "[DONE]") {
			if (this.#finish !== null) this.#close();
			return;
		}
		const chunk = asObject(parseLenient(data));
		if (chunk === null) return;
		const error = readOpenaiError(data, null);
		if (error !== null) {
			this.#error(error);
			return;
		}
		if (!this.#begun) this.#begin(chunk);
		if (asObject(chunk["usage"]) !== null) this.#usage = mergedUsage(this.#usage, messagesUsage(chunk["usage"]));
		const choice = asObject(asList(chunk["choices"])[0]);
		if (choice === null) return;
		// Plain completions have a text where chats have a delta.
		this.#delta(asObject(choice["delta"]) ?? { content: choice["text"] });
		this.#finish = textOf(choice, "finish_reason") ?? this.#finish;
	}

	#begin(chunk: JsonObject): void {
		this.#begun = true;
		const message = {
			id: messageId(chunk["id"]),
			type: "message",
			role: "assistant",
			model: chunk["model"] ?? "",
			content: [],
			stop_reason: null,
			stop_sequence: null,
			usage: { input_tokens: 0, output_tokens: 0 },
		};
		this.#emit("message_start", { message });
	}

	#delta(delta: JsonObject | null): void {
		const reasoning = reasoningOf(delta);
		if (reasoning !== "") this.#say("thinking", { type: "thinking_delta", thinking: reasoning });
		const text = textOf(delta, "content") ?? textOf(delta, "refusal") ?? "";
		if (text !== "") this.#say("text", { type: "text_delta", text });
		for (const [at, call] of asList(delta?.["tool_calls"]).entries()) this.#call(call, numberOf(call, "index") ?? at);
	}

	#say(type: "text" | "thinking", delta: Draft): void {
		if (this.#open?.type !== type) {
			this.#closeOpen();
			const index = this.#blocks++;
			this.#open = { type, index };
			const empty = type === "text" ? { type, text: "" } : { type, thinking: "", signature: "" };
			this.#emit("content_block_start", { index, content_block: empty });
		}
		this.#emit("content_block_delta", { index: this.#open.index, delta });
	}

	#call(call: unknown, at: number): void {
		const described = member(call, "function");
		let index = this.#tools.get(at);
		if (index === undefined) {
			this.#closeOpen();
			index = this.#blocks++;
			this.#tools.set(at, index);
			const id = textOf(call, "id") ?? `toolu_${at}`;
			const block = { type: "tool_use", id, name: textOf(described, "name") ?? "", input: {} };
			this.#emit("content_block_start", { index, content_block: block });
		}
		const piece = textOf(described, "arguments") ?? "";
		if (piece !== "")
			this.#emit("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: piece } });
	}

	#closeOpen(): void {
		if (this.#open === null) return;
		const { type, index } = this.#open;
		if (type === "thinking") {
			this.#emit("content_block_delta", { index, delta: { type: "signature_delta", signature: UNSIGNED } });
		}
		this.#emit("content_block_stop", { index });
		this.#open = null;
	}

	#close(): void {
		this.#ended = true;
		this.#closeOpen();
		for (const index of this.#tools.values()) this.#emit("content_block_stop", { index });
		const reason = stopReason(this.#finish, this.#tools.size > 0);
		this.#emit("message_delta", {
			delta: { stop_reason: reason, stop_sequence: null },
			usage: { input_tokens: 0, output_tokens: 0, ...this.#usage },
		});
		this.#emit("message_stop", {});
	}

	#error(error: { readonly type: string; readonly message: string; readonly code: string | null }): void {
		this.#ended = true;
		this.#out.push(`event: error\ndata: ${JSON.stringify(messagesError(error))}\n\n`);
	}

	#emit(type: string, data: Draft): void {
		this.#out.push(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
	}
}
