// Streams of servers that speak the Messages API in their own way → streams that the API's official clients put together. What is as
// the API itself writes it passes untouched. Leaves bytes to proxy/answer/reader and usage to protocol/usage.

import { randomUUID } from "node:crypto";
import { AnswerEvent } from "./answer-event.ts";
import { jsonText } from "./json-text.ts";
import { asObject, type JsonObject, numberOf, textOf } from "./openai/json.ts";
import { type EventPlace, sseFields } from "./sse.ts";

/** An event that is to be written. */
interface Written {
	readonly type: string;
	readonly data: JsonObject;
}

interface OpenBlock {
	/** Its place in the message, which is the index that clients know. */
	readonly position: number;
	readonly type: string;
	/** Content that came with the block's start, where clients do not look for it. */
	held: string;
}

const EVENTS: ReadonlySet<string> = new Set([
	"message_start",
	"content_block_start",
	"content_block_delta",
	"content_block_stop",
	"message_delta",
	"message_stop",
	"ping",
	"error",
]);

/** What each type of delta adds to: the block's type, the delta's member and the block's. */
const DELTAS: Readonly<Record<string, { readonly block: string; readonly member: string }>> = {
	text_delta: { block: "text", member: "text" },
	thinking_delta: { block: "thinking", member: "thinking" },
	signature_delta: { block: "thinking", member: "signature" },
	citations_delta: { block: "text", member: "citation" },
	input_json_delta: { block: "tool_use", member: "partial_json" },
};

/** OpenAI's reasons, which some servers give in this format too. */
const REASONS: Readonly<Record<string, string>> = {
	stop: "end_turn",
	length: "max_tokens",
	tool_calls: "tool_use",
	function_call: "tool_use",
};

/** How a delta begins up to its content; while that stays the same nothing but the content changes. */
const DELTA_DATA =
	/^\{\s*"type"\s*:\s*"content_block_delta"\s*,\s*"index"\s*:\s*\d+\s*,\s*"delta"\s*:\s*\{\s*"type"\s*:\s*"[a-z_]+"\s*,/;
const DELTA_HEAD = new RegExp(`^event: ?content_block_delta\\r?\\ndata: ?${DELTA_DATA.source.slice(1)}`);
const LONGEST_HEAD = 240;

/** Follows one stream. Ask `passes` first, and `event` where it says no. */
export class MessagesRepair {
	#started = false;
	#over = false;
	/** The model has said why it stops. */
	#finished = false;
	#sawDelta = false;
	#calledTools = false;
	#blocks = 0;
	/** By the index that the server gives them. */
	readonly #open = new Map<number, OpenBlock>();
	#lastIndex = 0;
	#outputTokens = 0;
	/** How the last delta began that needed no change, as bytes and as data. */
	#head: Buffer | null = null;
	#dataHead: string | null = null;
	#out: Written[] = [];
	#type = "";

	/** The answer has ended, by whatever word. */
	get isOver(): boolean {
		return this.#over;
	}

	/** All has been said but the last word. */
	get awaitsEnd(): boolean {
		return this.#finished && !this.#over;
	}

	/** What the event that `event` was given last is, whatever it was called. */
	get type(): string {
		return this.#type;
	}

	/** Whether an event needs no look: most of a stream's events are such. */
	passes(name: string, { bytes, start, isPlain }: EventPlace): boolean {
		const head = this.#head;
		if (!isPlain || this.#over || head === null || name !== "content_block_delta") return false;
		const end = start + head.length;
		return end <= bytes.length && bytes.compare(head, 0, head.length, start, end) === 0;
	}

	/** The same of an event that nobody has parsed. */
	passesUnread({ name, isParsed, text }: AnswerEvent): boolean {
		if (isParsed || this.#over || this.#dataHead === null || name !== "content_block_delta") return false;
		return text.startsWith(this.#dataHead);
	}

	/** Events in place of this one, which came as these bytes, maybe none; null = it stays as it is. */
	event(sent: AnswerEvent, bytes: Buffer, isPlain: boolean): readonly AnswerEvent[] | null {
		const events = this.read(sent);
		if (events === null || !isPlain || events[0] !== sent) return events;
		this.#learn(sent.name, bytes);
		return null;
	}

	/** The same for an event that is read already: itself where nothing changes; null = it says nothing to the API's clients. */
	read(event: AnswerEvent): readonly AnswerEvent[] | null {
		const { name } = event;
		this.#type = name;
		if (this.#over) return [];
		const value = event.data ?? (name === "message_stop" && event.text === "" ? {} : null);
		if (value === null) return event.text.trim() === "[DONE]" ? this.#marked() : null;
		const type = typeOf(value, name);
		if (type === null) return null;
		this.#type = type;
		this.#take(type, value);
		const taken = this.#out;
		this.#out = [];
		const isAsItCame = taken.length === 1 && taken[0]?.data === value && value["type"] === type;
		if (!isAsItCame) return taken.map(written);
		if (type === "content_block_delta") [this.#dataHead = null] = DELTA_DATA.exec(event.text) ?? [];
		return [event.named(type)];
	}

	/** The stream has ended; `rest` is what came after its last whole event. Bytes that are no event stay as they are. */
	end(rest: Buffer): { readonly events: readonly AnswerEvent[]; readonly left: Buffer } {
		const read = rest.length === 0 ? null : this.#last(rest);
		return { events: [...(read ?? []), ...this.finish()], left: read === null ? rest : NOTHING };
	}

	/** The stream has ended: the last word, where it is all that is missing. */
	finish(): readonly AnswerEvent[] {
		return this.awaitsEnd ? this.#marked() : [];
	}

	/** The server says, or shows, that it has ended. */
	#marked(): readonly AnswerEvent[] {
		if (this.#blocks > 0 || this.#sawDelta) this.#take("message_stop", { type: "message_stop" });
		this.#over = true;
		const taken = this.#out;
		this.#out = [];
		return taken.map(written);
	}

	#last(rest: Buffer): readonly AnswerEvent[] | null {
		const { name, data } = sseFields(rest);
		return this.read(AnswerEvent.read(name, data));
	}

	#learn(type: string, event: Buffer): void {
		if (type !== "content_block_delta") return;
		const [head] = DELTA_HEAD.exec(event.toString("latin1", 0, LONGEST_HEAD)) ?? [];
		this.#head = head === undefined ? null : Buffer.from(head, "latin1");
	}

	#take(type: string, value: JsonObject): void {
		if (type !== "content_block_delta" && type !== "ping") {
			this.#head = null;
			this.#dataHead = null;
		}
		switch (type) {
			case "message_start":
				if (!this.#started) this.#start(value);
				break;
			case "content_block_start":
				this.#blockStart(value);
				break;
			case "content_block_delta":
				this.#delta(value);
				break;
			case "content_block_stop":
				this.#blockStop(indexOf(value) ?? this.#lastIndex, value);
				break;
			case "message_delta":
				this.#messageDelta(value);
				break;
			case "message_stop":
				this.#stop(value);
				break;
			case "error":
				this.#over = true;
				this.#emit("error", canonicalError(value));
				break;
			default:
				this.#emit(type, value);
		}
	}

	#start(value: JsonObject): void {
		this.#started = true;
		const message = asObject(value["message"]) ?? {};
		const usage = asObject(message["usage"]);
		this.#outputTokens = numberOf(usage, "output_tokens") ?? 0;
		const isWhole =
			usage !== null &&
			Array.isArray(message["content"]) &&
			message["content"].length === 0 &&
			message["role"] === "assistant" &&
			[message["id"], message["type"], message["model"]].every((each) => typeof each === "string");
		if (isWhole) {
			this.#emit("message_start", value);
			return;
		}
		this.#emit("message_start", {
			...value,
			message: {
				...{ id: `msg_${randomUUID().replaceAll("-", "")}`, model: "", stop_reason: null, stop_sequence: null },
				...message,
				...{ type: "message", role: "assistant", content: [] },
				usage: { input_tokens: 0, output_tokens: 0, ...usage },
			},
		});
	}

	#blockStart(value: JsonObject): void {
		const block = asObject(value["content_block"]);
		const type = textOf(block, "type");
		// The deltas say what it is.
		if (block === null || type === null) return;
		const index = indexOf(value) ?? this.#blocks;
		const { empty, held } = emptied(block, type);
		const position = this.#begin(index, { type, held });
		const isAsSent = empty === block && position === indexOf(value);
		this.#emit("content_block_start", isAsSent ? value : { ...value, index: position, content_block: empty });
	}

	#begin(index: number, { type, held }: Pick<OpenBlock, "type" | "held">): number {
		if (!this.#started) this.#start({});
		// Servers that never close a block, and give the next one its index.
		if (this.#open.has(index)) this.#blockStop(index, null);
		const position = this.#blocks++;
		this.#open.set(index, { position, type, held });
		this.#lastIndex = index;
		if (type === "tool_use") this.#calledTools = true;
		return position;
	}

	#delta(value: JsonObject): void {
		const sent = asObject(value["delta"]);
		const type = textOf(sent, "type") ?? deltaType(sent);
		if (sent === null || type === null) return;
		const known = Object.hasOwn(DELTAS, type) ? DELTAS[type] : undefined;
		const index = indexOf(value) ?? this.#lastIndex;
		if (!this.#open.has(index)) {
			// A call cannot be called without its name.
			if (known === undefined || known.block === "tool_use") return;
			const { block } = known;
			const empty = block === "text" ? { type: block, text: "" } : { type: block, thinking: "", signature: "" };
			this.#emit("content_block_start", { index: this.#begin(index, { type: block, held: "" }), content_block: empty });
		}
		const block = this.#open.get(index) as OpenBlock;
		const piece = known === undefined ? null : sent[known.member];
		if (known !== undefined && (piece === null || piece === undefined)) return;
		const text = type === "input_json_delta" && typeof piece !== "string" ? jsonText(piece) : piece;
		this.#giveHeld(block, typeof text === "string" ? text : "");
		const isAsSent = text === piece && sent["type"] === type && block.position === indexOf(value);
		const delta = known === undefined ? sent : { ...sent, type, [known.member]: text };
		this.#emit("content_block_delta", isAsSent ? value : { ...value, index: block.position, delta });
	}

	/** What came with the start is given on before the first piece, unless that repeats it. Pieces of arguments replace it. */
	#giveHeld(block: OpenBlock, next: string): void {
		if (block.held === "" || next === "") return;
		const isRepeated = !Object.hasOwn(HELD_IN, block.type) || next.startsWith(block.held);
		if (!isRepeated) this.#emitHeld(block);
		block.held = "";
	}

	#emitHeld({ position, type, held }: OpenBlock): void {
		const name = HELD_IN[type] ?? "input_json_delta";
		this.#emit("content_block_delta", { index: position, delta: { type: name, [DELTAS[name]?.member ?? ""]: held } });
	}

	#blockStop(index: number, value: JsonObject | null): void {
		const block = this.#open.get(index);
		if (block === undefined) return;
		this.#open.delete(index);
		if (block.held !== "") this.#emitHeld(block);
		const isAsSent = value !== null && indexOf(value) === block.position;
		this.#emit("content_block_stop", isAsSent ? value : { ...value, index: block.position });
	}

	#closeBlocks(): void {
		for (const index of [...this.#open.keys()]) this.#blockStop(index, null);
	}

	#messageDelta(value: JsonObject): void {
		if (!this.#started) this.#start({});
		this.#closeBlocks();
		this.#sawDelta = true;
		const delta = asObject(value["delta"]);
		const sent = textOf(delta, "stop_reason");
		const reason = sent === null || !Object.hasOwn(REASONS, sent) ? sent : (REASONS[sent] as string);
		if (reason !== null) this.#finished = true;
		const usage = asObject(value["usage"]);
		const isCounted = numberOf(usage, "output_tokens") !== null;
		if (delta !== null && isCounted && reason === sent) {
			this.#emit("message_delta", value);
			return;
		}
		this.#emit("message_delta", {
			...value,
			delta: { stop_sequence: null, ...delta, stop_reason: reason },
			usage: { ...usage, ...(isCounted ? {} : { output_tokens: this.#outputTokens }) },
		});
	}

	#stop(value: JsonObject): void {
		this.#over = true;
		// Nothing has been answered.
		if (!this.#started) return;
		this.#closeBlocks();
		if (!this.#sawDelta) {
			const reason = this.#calledTools ? "tool_use" : "end_turn";
			const delta = { stop_reason: reason, stop_sequence: null };
			this.#emit("message_delta", { delta, usage: { output_tokens: this.#outputTokens } });
		}
		this.#emit("message_stop", value);
	}

	#emit(type: string, data: JsonObject): void {
		this.#out.push({ type, data });
	}
}

const NOTHING = Buffer.alloc(0);

/** By what delta content of a block's start is given on; of other blocks it is arguments. */
const HELD_IN: Readonly<Record<string, string>> = { text: "text_delta", thinking: "thinking_delta" };
/** Blocks whose input comes in pieces. */
const CALLS: ReadonlySet<string> = new Set(["tool_use", "server_tool_use", "mcp_tool_use"]);

function written({ type, data }: Written): AnswerEvent {
	return AnswerEvent.of(type, data);
}

/** What the data says it is wins, then the event's name; an error may say neither. */
function typeOf(value: JsonObject, name: string): string | null {
	const said = textOf(value, "type");
	if (said !== null && EVENTS.has(said)) return said;
	if (EVENTS.has(name)) return name;
	return value["error"] !== undefined && value["error"] !== null ? "error" : null;
}

function indexOf(value: JsonObject): number | null {
	const index = numberOf(value, "index");
	return index !== null && Number.isInteger(index) ? index : null;
}

function deltaType(delta: JsonObject | null): string | null {
	const found = Object.entries(DELTAS).find(([, { member }]) => typeof delta?.[member] === "string");
	return found?.[0] ?? null;
}

/** The block as the API starts it, and its content, which clients expect in deltas. The same block where it is that already. */
function emptied(block: JsonObject, type: string): { readonly empty: JsonObject; readonly held: string } {
	if (CALLS.has(type)) {
		const input = asObject(block["input"]);
		const hasId = typeof block["id"] === "string" && block["id"] !== "";
		const isEmpty = input !== null && Object.keys(input).length === 0;
		if (isEmpty && hasId) return { empty: block, held: "" };
		const id = hasId ? block["id"] : `toolu_${randomUUID().replaceAll("-", "")}`;
		const held = input === null ? (textOf(block, "input") ?? "") : isEmpty ? "" : jsonText(input);
		return { empty: { ...block, id, input: {} }, held };
	}
	if (!Object.hasOwn(HELD_IN, type) || block[type] === "") return { empty: block, held: "" };
	return { empty: { ...block, [type]: "" }, held: textOf(block, type) ?? "" };
}

function canonicalError(value: JsonObject): JsonObject {
	const error = asObject(value["error"]);
	if (value["type"] === "error" && textOf(error, "type") !== null && textOf(error, "message") !== null) return value;
	const message = textOf(error, "message") ?? textOf(value, "error") ?? textOf(value, "message") ?? "";
	return { ...value, error: { ...error, type: textOf(error, "type") ?? "api_error", message } };
}
