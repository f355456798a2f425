// Chunks of a Chat Completions stream → the events of the Messages API, as they come. Leaves whole answers to upstream-answer.
import { AnswerEvent } from "../answer-event.ts";
import { type Cut, spliced } from "../edit.ts";
import { MAX_EVENT } from "../messages-stream.ts";
import { SseSplitter, sseData } from "../sse.ts";
import { carrierOf, ReasoningDetails, UNSIGNED } from "./carried.ts";
import { asList, asObject, type Draft, type JsonObject, numberOf, parseLenient } from "./json.ts";
import { failedFinish, messagesError, readOpenaiError, stopReason, type UpstreamError } from "./reasons.ts";
import type { ToolNames } from "./tool-names.ts";
import { callIdPrefix, messageId } from "./upstream-answer.ts";
import { StreamedCalls } from "./upstream-calls.ts";
import { callsIn, finishOf, firstChoice, type Said, saidIn } from "./upstream-parts.ts";
import { mergedUsage, NO_USAGE, reportedUsage } from "./usage.ts";
import { isUsageChunk } from "./usage-chunk.ts";

const NOTHING = Buffer.alloc(0);

/** Converts one stream. `own` is asked for where the client gets the stream as it came: its chunks are split only here. */
export class ChatReframer {
	readonly streaming = true;
	readonly isCanonical = true;
	readonly #splitter: SseSplitter = new SseSplitter((_name, event) => this.#event(event), { maxEventBytes: MAX_EVENT });
	readonly #hidesUsage: boolean;
	#own: Buffer = NOTHING;
	/** Of the bytes that are being split, what is no part of `own`. */
	#hidden: Cut[] = [];
	#out: AnswerEvent[] = [];
	/** null = not begun. */
	#id: string | null = null;
	#ended = false;
	#blocks = 0;
	/** The open text or thinking block. */
	#open: { readonly type: "text" | "thinking"; readonly index: number } | null = null;
	/** Their blocks stay open to the end, because servers may interleave their arguments. */
	readonly #calls = new StreamedCalls(
		{
			begin: (id, name) => this.#beginCall(id, name),
			more: (block, args) => this.#argue(block, args),
			brought: (id, extra) => this.#carry(carrierOf(id, extra)),
		},
		() => callIdPrefix(this.#id ?? ""),
	);
	#finish: string | null = null;
	/** Choices that have begun. */
	readonly #unfinished = new Set<number>();
	#usage: JsonObject = {};
	readonly #details = new ReasoningDetails();
	readonly #names: ToolNames | null;

	/** `names` are those of the request, for tools that the upstream knows by another one. `hidesUsage`: its chunk is not part of `own`. */
	constructor(names: ToolNames | null = null, hidesUsage = false) {
		this.#names = names;
		this.#hidesUsage = hidesUsage;
	}

	/** Whole events as they came with the last `push`, or what `end` found behind them; null = none. */
	get own(): Buffer | null {
		return this.#own.length === 0 ? null : this.#own;
	}

	/** An event was too large to be read. */
	get hasLeftOut(): boolean {
		return this.#splitter.hasLetThrough;
	}

	/** No chunk had any: the counts of zero in the events mean nothing. */
	get usageUnknown(): boolean {
		return Object.keys(this.#usage).length === 0;
	}

	/** Every choice has said why it stops: what may follow is the usage and `[DONE]`. */
	get awaitsEnd(): boolean {
		return this.#finish !== null && !this.#ended && this.#unfinished.size === 0;
	}

	push(chunk: Buffer): readonly AnswerEvent[] {
		this.#own = spliced(this.#splitter.push(chunk) ?? NOTHING, this.#hidden);
		this.#hidden = [];
		return this.#taken();
	}

	/** The upstream's answer is over. Without a finish reason it was cut off, and the client gets an error. */
	end(): readonly AnswerEvent[] {
		const rest = this.#splitter.rest();
		const data = sseData(rest);
		this.#own = this.#hides(rest, data) ? NOTHING : rest;
		this.#chunk(data);
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

	#taken(): readonly AnswerEvent[] {
		const taken = this.#out;
		this.#out = [];
		return taken;
	}

	#event(event: Buffer): void {
		const data = sseData(event);
		if (this.#hides(event, data)) {
			const { start, end } = this.#splitter.place;
			this.#hidden.push({ start, end, text: NOTHING });
		}
		this.#chunk(data);
	}

	#hides(event: Buffer, data: string): boolean {
		return this.#hidesUsage && isUsageChunk(event, data);
	}

	#chunk(data: string): void {
		if (this.#ended || data === "") return;
		if (data.trim() === "[DONE]") {
			// Servers that forget to say why they stopped; one that has said nothing at all has not answered.
			if (this.#finish !== null || this.#hasSaid) this.#close();
			return;
		}
		const chunk = parseLenient(data);
		const error = readOpenaiError(data, null) ?? failedFinish(finishOf(firstChoice(asObject(chunk))));
		if (error !== null) this.#error(error);
		else if (asObject(chunk) !== null) this.#read(chunk as JsonObject);
	}

	#read(chunk: JsonObject): void {
		this.#usage = mergedUsage(this.#usage, reportedUsage(chunk));
		const choice = firstChoice(chunk);
		for (const each of asList(chunk["choices"])) {
			const index = numberOf(each, "index") ?? 0;
			if (finishOf(each) === null) this.#unfinished.add(index);
			else this.#unfinished.delete(index);
		}
		// Azure's first chunk has neither an id nor a choice.
		if (choice === null) return;
		if (this.#id === null) this.#begin(chunk);
		this.#delta(deltaOf(choice, this.#hasSaid));
		this.#finish = finishOf(choice) ?? this.#finish;
	}

	/** Something of the answer has come. */
	get #hasSaid(): boolean {
		return this.#blocks > 0;
	}

	#begin(chunk: JsonObject | null): void {
		this.#id = messageId(chunk?.["id"]);
		const message = {
			id: this.#id,
			type: "message",
			role: "assistant",
			model: chunk?.["model"] ?? "",
			content: [],
			stop_reason: null,
			stop_sequence: null,
			usage: NO_USAGE,
		};
		this.#emit("message_start", { message });
	}

	#delta(delta: JsonObject | null): void {
		for (const said of saidIn(delta)) this.#say(said);
		this.#details.add(delta);
		for (const call of callsIn(delta)) this.#calls.add(call);
	}

	#say({ type, text }: Said): void {
		if (this.#open?.type !== type) {
			this.#closeOpen();
			const index = this.#blocks++;
			this.#open = { type, index };
			const empty = type === "text" ? { type, text: "" } : { type, thinking: "", signature: "" };
			this.#emit("content_block_start", { index, content_block: empty });
		}
		const delta = type === "text" ? { type: "text_delta", text } : { type: "thinking_delta", thinking: text };
		this.#emit("content_block_delta", { index: this.#open.index, delta });
	}

	#beginCall(id: string, name: string): number {
		const own = this.#names?.toClient(name) ?? name;
		this.#closeOpen();
		const index = this.#blocks++;
		this.#emit("content_block_start", { index, content_block: { type: "tool_use", id, name: own, input: {} } });
		return index;
	}

	#argue(index: number, args: string): void {
		this.#emit("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: args } });
	}

	/** A block of thinking without text, for what the upstream wants back. */
	#carry(carrier: Draft | null): void {
		if (carrier === null) return;
		this.#closeOpen();
		const index = this.#blocks++;
		const { signature, ...empty } = carrier;
		this.#emit("content_block_start", { index, content_block: { ...empty, signature: "" } });
		this.#emit("content_block_delta", { index, delta: { type: "signature_delta", signature } });
		this.#emit("content_block_stop", { index });
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
		if (this.#id === null) this.#begin(null);
		this.#calls.close();
		// Only calls are refused without them, and a client may not want thinking at the end of an answer.
		if (this.#calls.blocks.length > 0) this.#carry(this.#details.carrier);
		this.#closeOpen();
		const { blocks } = this.#calls;
		for (const index of blocks) this.#emit("content_block_stop", { index });
		const reason = stopReason(this.#finish, blocks.length > 0);
		this.#emit("message_delta", {
			delta: { stop_reason: reason, stop_sequence: null },
			usage: { ...NO_USAGE, ...this.#usage },
		});
		this.#emit("message_stop", {});
	}

	#error(error: UpstreamError): void {
		this.#ended = true;
		this.#emit("error", messagesError(error));
	}

	#emit(type: string, data: JsonObject): void {
		this.#out.push(AnswerEvent.of(type, data));
	}
}

/** Plain completions have a text where chats have a delta; some servers give the whole message with the last chunk, or instead of deltas. */
function deltaOf(choice: JsonObject, hasSaid: boolean): JsonObject | null {
	const delta = asObject(choice["delta"]);
	if (delta !== null) return delta;
	const message = asObject(choice["message"]);
	if (message !== null) return hasSaid ? null : message;
	return { content: choice["text"] };
}
